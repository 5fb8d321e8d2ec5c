//! What the last inspections told, until something says that it may no longer hold.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::id::{ContainerId, ProjectName};
use crate::model::observed::ObservedContainer;

/// Age at which a container is inspected again although nothing was heard of it.
const DEEP_INSPECT: Duration = Duration::from_secs(300);
/// After two inspections without an answer the next one waits this long, so that one wedged container does not delay
/// every pass.
const MISSED_PAUSE: Duration = Duration::from_secs(60);
/// Inspections without an answer before the pause.
const MISSES: u32 = 2;
/// Most containers that are remembered as changed; beyond it everything counts as changed.
const CHANGED_LIMIT: usize = 4096;

/// Inspections by container. A change is remembered by its number, so that an inspection that began before it and ended
/// after it is not kept.
#[derive(Debug, Default)]
pub(super) struct InspectCache {
    seen: BTreeMap<ContainerId, Seen>,
    missed: BTreeMap<ContainerId, Missed>,
    changed: BTreeMap<ContainerId, u64>,
    /// Outlives the inspections: a project is a label, and labels never change.
    projects: BTreeMap<ContainerId, ProjectName>,
    all_changed: u64,
    clock: u64,
    events: EventSource,
}

/// Whether somebody would tell of changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum EventSource {
    /// Nobody: nothing may be taken from here.
    #[default]
    Silent,
    /// The event stream stands.
    Standing,
}

#[derive(Debug)]
struct Seen {
    fingerprint: String,
    at: Instant,
    container: ObservedContainer,
}

#[derive(Debug)]
struct Missed {
    count: u32,
    at: Instant,
    why: String,
}

/// Number of the last change when an inspection began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark(u64);

impl InspectCache {
    /// What was seen of a container, if it still holds for this entry of the list.
    pub(super) fn get(&self, id: &ContainerId, fingerprint: &str) -> Option<ObservedContainer> {
        let seen = self.seen.get(id)?;
        let holds = self.events == EventSource::Standing
            && seen.fingerprint == fingerprint
            && seen.at.elapsed() < DEEP_INSPECT;
        planted!("cache-for-ever", holds, true).then(|| seen.container.clone())
    }

    /// Why a container need not be asked again now, if it did not answer several times.
    pub(super) fn paused(&self, id: &ContainerId) -> Option<String> {
        let missed = self.missed.get(id)?;
        let pauses = missed.count >= MISSES && missed.at.elapsed() < MISSED_PAUSE;
        pauses.then(|| missed.why.clone())
    }

    /// To be taken before an inspection begins.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.clock)
    }

    /// Keeps an inspection, unless the container changed since `mark`.
    pub(super) fn insert(
        &mut self,
        mark: Mark,
        fingerprint: String,
        container: &ObservedContainer,
    ) {
        let id = &container.id;
        self.missed.remove(id);
        if let Some(project) = &container.claim.project {
            self.projects.insert(id.clone(), project.clone());
        }
        let changed = self.changed.get(id).copied().unwrap_or(0);
        if changed.max(self.all_changed) > mark.0 {
            return;
        }
        self.changed.remove(id);
        let seen = Seen { fingerprint, at: Instant::now(), container: container.clone() };
        self.seen.insert(id.clone(), seen);
    }

    /// The project of a container, as long as it is there; its labels cannot change.
    pub(super) fn project(&self, id: &ContainerId) -> Option<&ProjectName> {
        self.projects.get(id)
    }

    /// Notes that an inspection did not answer.
    pub(super) fn miss(&mut self, id: &ContainerId, why: &str) {
        let count = self.missed.get(id).map_or(0, |missed| missed.count) + 1;
        let missed = Missed { count, at: Instant::now(), why: why.to_owned() };
        self.missed.insert(id.clone(), missed);
        self.seen.remove(id);
    }

    /// Forgets a container: it changed, or may have.
    pub(super) fn invalidate(&mut self, id: &ContainerId) {
        self.clock += 1;
        self.seen.remove(id);
        self.missed.remove(id);
        self.changed.insert(id.clone(), self.clock);
        if self.changed.len() > CHANGED_LIMIT {
            self.invalidate_all();
        }
    }

    /// Forgets everything.
    pub(super) fn invalidate_all(&mut self) {
        self.clock += 1;
        self.all_changed = self.clock;
        self.seen.clear();
        self.missed.clear();
        self.changed.clear();
    }

    /// The event stream stands from now on.
    pub(super) fn events_stand(&mut self) {
        self.invalidate_all();
        self.events = EventSource::Standing;
    }

    /// The event stream is cut.
    pub(super) fn events_cut(&mut self) {
        self.invalidate_all();
        self.events = EventSource::Silent;
    }

    /// Forgets containers that are gone from an unfiltered list.
    pub(super) fn retain(&mut self, is_there: impl Fn(&ContainerId) -> bool) {
        self.seen.retain(|id, _| is_there(id));
        self.missed.retain(|id, _| is_there(id));
        self.projects.retain(|id, _| is_there(id));
    }
}
