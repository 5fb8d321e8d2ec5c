//! Faults, and what a test may ask about a run.

use std::collections::BTreeMap;
use std::time::Duration;

use super::container::Phase;
use super::engine::SimEngine;
use super::faults::FaultRule;
use super::trace::TracedCall;

/// Faults, trace and questions.
impl SimEngine {
    /// Adds a fault.
    pub(crate) fn fault(&self, rule: FaultRule) {
        self.with(|world| world.faults.add(rule));
    }

    /// Takes all faults away.
    pub(crate) fn clear_faults(&self) {
        self.with(|world| world.faults.clear());
    }

    /// How often a fault was injected.
    pub(crate) fn faults_struck(&self) -> u64 {
        self.with(|world| world.faults.struck())
    }

    /// Ends all event streams; the ring stays.
    pub(crate) fn close_event_streams(&self) {
        self.with(|world| world.events.close_streams());
    }

    /// The events after the first `mark`, as they are told, as far as the ring holds them; and how many there were so far.
    pub(crate) fn events_after(&self, mark: u64) -> (Vec<serde_json::Value>, u64) {
        self.with(|world| {
            let count = world.events.published();
            let new = usize::try_from(count.saturating_sub(mark)).unwrap_or(usize::MAX);
            let skipped = world.events.ring().count().saturating_sub(new);
            (world.events.ring().skip(skipped).map(super::events::Event::json).collect(), count)
        })
    }

    /// One line per call so far.
    pub(crate) fn trace(&self) -> Vec<String> {
        self.with(|world| world.trace.lines())
    }

    /// All calls so far.
    pub(crate) fn calls(&self) -> Vec<TracedCall> {
        self.with(|world| world.trace.calls().to_vec())
    }

    /// What changed or ran something so far, as it was sent.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.with(|world| world.trace.bodies().clone())
    }

    /// Forgets what was sent so far.
    pub(crate) fn clear_bodies(&self) {
        self.with(|world| world.trace.bodies().clear());
    }

    /// A hash of the trace: equal for equal runs.
    pub(crate) fn trace_hash(&self) -> String {
        self.with(|world| world.trace.hash())
    }

    /// Forgets the calls so far, not their numbers.
    pub(crate) fn clear_trace(&self) {
        self.with(|world| world.trace.clear());
    }

    /// Calls that changed an object, since the last [`SimEngine::clear_trace`]. Execs and `wait`
    /// are not among them.
    pub(crate) fn mutating_calls(&self) -> usize {
        self.with(|world| world.trace.mutating())
    }

    /// The number that the last mutating or exec call got; fault rules count these from 1.
    pub(crate) fn numbered_calls(&self) -> u64 {
        self.with(|world| world.trace.numbered())
    }

    /// Names and phases of all containers, ordered by name.
    pub(crate) fn phases(&self) -> BTreeMap<String, Phase> {
        self.with(|world| {
            let all = world.containers.values();
            all.map(|container| (container.name.clone(), container.phase)).collect()
        })
    }

    /// What `inspect` would tell of a container, at once.
    pub(crate) fn inspected(&self, name: &str) -> Option<serde_json::Value> {
        self.with(|world| world.container(name).ok().map(super::containers::inspected))
    }

    /// Remembered events as `type action name`, oldest first.
    pub(crate) fn event_log(&self) -> Vec<String> {
        self.with(|world| {
            let line = |event: &super::events::Event| {
                let name = event.attributes.get("name").unwrap_or(&event.id);
                format!("{} {} {name}", event.kind, event.action)
            };
            world.events.ring().map(line).collect()
        })
    }

    /// Events that slow subscribers missed.
    pub(crate) fn events_dropped(&self) -> u64 {
        self.with(|world| world.events.dropped())
    }

    /// Archives put into a container: path and tar bytes.
    pub(crate) fn archives(&self, name: &str) -> Vec<(String, Vec<u8>)> {
        self.with(|world| world.container(name).map(|it| it.archives.clone()).unwrap_or_default())
    }

    /// Names of all volumes.
    pub(crate) fn volume_names(&self) -> Vec<String> {
        self.with(|world| world.volumes.keys().cloned().collect())
    }

    /// Virtual time since the engine was made.
    pub(crate) fn elapsed(&self) -> Duration {
        self.with(|world| world.clock.elapsed())
    }
}
