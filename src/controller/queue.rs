//! Which project gets a pass, and when. One pass per key at a time; however often a key is woken meanwhile, one follows.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff as _;
use tokio::time::Instant;

use crate::controller::jitter::jittered;
use crate::controller::meters::QueueFigures;
use crate::model::id::ProjectName;

/// First delay after a failed pass.
const INITIAL: Duration = Duration::from_millis(100);
/// Longest delay after failed passes.
const CAP: Duration = Duration::from_secs(60);
/// Jitter of the delay, in percent to either side.
const JITTER_PERCENT: u32 = 20;

/// Why a key is woken. It decides when the next pass runs, never what that pass does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Something may have changed: an event, a timer, the relist. It never moves a failing key's next try forward, since
    /// failing passes make events about their own key.
    Change,
    /// Its manifest changed, an operator asked, or the engine came back: the back-off is forgotten.
    Reset,
}

/// How a pass ended, as far as the queue is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requeue {
    /// Only a change wakes it.
    AwaitChange,
    /// Also this much time does.
    After(Duration),
    /// The pass could not do its work: it is tried again after a back-off of 100 ms × 2 to 60 s, for ever.
    Failed,
}

impl Requeue {
    /// In controller-runtime's words.
    pub(crate) fn result(self) -> &'static str {
        match self {
            Self::AwaitChange => "success",
            Self::After(_) => "requeue_after",
            Self::Failed => "error",
        }
    }
}

/// The queue. It holds no clock: callers say what time it is.
#[derive(Debug, Default)]
pub struct Queue {
    slots: BTreeMap<ProjectName, Slot>,
    /// Get no pass for now: their files are being put in place.
    held: BTreeSet<ProjectName>,
    adds: u64,
    retries: u64,
}

#[derive(Debug, Default)]
struct Slot {
    due: Option<Instant>,
    phase: Phase,
    failing: Option<Failing>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Idle,
    Running,
}

#[derive(Debug)]
struct Failing {
    backoff: ExponentialBackoff,
    tries: u32,
    until: Instant,
}

impl Queue {
    /// Asks for a pass of `key` at `at`, or earlier if one is due earlier.
    pub fn wake(&mut self, key: &ProjectName, wake: Wake, at: Instant) {
        self.adds = self.adds.saturating_add(1);
        let slot = self.slots.entry(key.clone()).or_default();
        if wake == Wake::Reset {
            slot.failing = None;
        }
        let at = slot.failing.as_ref().map_or(at, |failing| at.max(failing.until));
        slot.due = Some(slot.due.map_or(at, |due| due.min(at)));
    }

    /// The instant at which [`Queue::take`] will have a key.
    pub fn next_due(&self) -> Option<Instant> {
        self.idle().filter_map(|(_, slot)| slot.due).min()
    }

    /// The key that is due longest, marked as running.
    pub fn take(&mut self, now: Instant) -> Option<ProjectName> {
        let (_, key) = self
            .idle()
            .filter_map(|(key, slot)| Some((slot.due.filter(|due| *due <= now)?, key)))
            .min()?;
        let key = key.clone();
        let slot = self.slots.get_mut(&key)?;
        slot.due = None;
        slot.phase = Phase::Running;
        Some(key)
    }

    /// The pass of `key` ended. What woke it meanwhile brings one follow-up.
    pub fn done(&mut self, key: &ProjectName, requeue: Requeue, now: Instant) {
        let Some(slot) = self.slots.get_mut(key) else {
            return;
        };
        slot.phase = Phase::Idle;
        match requeue {
            Requeue::AwaitChange => slot.failing = None,
            Requeue::After(delay) => {
                slot.failing = None;
                let at = now + delay;
                slot.due = Some(slot.due.map_or(at, |due| due.min(at)));
            }
            Requeue::Failed => {
                let failing = slot.failing.get_or_insert_with(|| Failing::new(now));
                failing.fail(key, now);
                slot.due = Some(failing.until);
                self.retries = self.retries.saturating_add(1);
            }
        }
    }

    /// Since when a key is due.
    pub fn due_since(&self, now: Instant) -> Option<Duration> {
        self.next_due().map(|due| now.saturating_duration_since(due))
    }

    /// What is counted of it.
    pub fn figures(&self, now: Instant) -> QueueFigures {
        let due = self.idle().filter(|(_, slot)| slot.due.is_some_and(|due| due <= now)).count();
        let running = self.slots.values().filter(|slot| slot.phase == Phase::Running).count();
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let (depth, running) = (count(due), count(running));
        QueueFigures { depth, running, adds: self.adds, retries: self.retries }
    }

    /// Tries in a row that failed.
    pub fn failures(&self, key: &ProjectName) -> u32 {
        self.slots
            .get(key)
            .and_then(|slot| slot.failing.as_ref())
            .map_or(0, |failing| failing.tries)
    }

    /// Whether a pass of `key` runs or is due.
    pub fn is_busy(&self, key: &ProjectName, now: Instant) -> bool {
        let due = |slot: &Slot| slot.due.is_some_and(|due| due <= now);
        self.slots.get(key).is_some_and(|slot| slot.phase == Phase::Running || due(slot))
    }

    /// Whether a pass of `key` runs.
    pub fn is_running(&self, key: &ProjectName) -> bool {
        self.slots.get(key).is_some_and(|slot| slot.phase == Phase::Running)
    }

    /// These get no pass until [`Queue::release`].
    pub fn hold(&mut self, keys: BTreeSet<ProjectName>) {
        self.held.extend(keys);
    }

    /// What was held may have its passes.
    pub fn release(&mut self) {
        self.held.clear();
    }

    /// Whether anything is held.
    pub fn holds_any(&self) -> bool {
        !self.held.is_empty()
    }

    /// Forgets a key that is gone for good.
    pub fn forget(&mut self, key: &ProjectName) {
        self.slots.remove(key);
    }

    fn idle(&self) -> impl Iterator<Item = (&ProjectName, &Slot)> {
        let held = |key: &ProjectName| self.held.contains(key);
        self.slots.iter().filter(move |(key, slot)| slot.phase == Phase::Idle && !held(key))
    }
}

impl Failing {
    fn new(now: Instant) -> Self {
        let backoff = ExponentialBackoff {
            initial_interval: INITIAL,
            current_interval: INITIAL,
            multiplier: 2.0,
            max_interval: CAP,
            // The crate's own jitter is random; ours has to be the same in every run.
            randomization_factor: 0.0,
            // Its default gives up after 15 minutes.
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        Self { backoff, tries: 0, until: now }
    }

    fn fail(&mut self, key: &ProjectName, now: Instant) {
        let delay = self.backoff.next_backoff().unwrap_or(CAP);
        let delay = jittered(delay, JITTER_PERCENT, key.as_str(), self.tries).min(CAP);
        self.tries = self.tries.saturating_add(1);
        self.until = now + delay;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ProjectName {
        ProjectName::from(name)
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_wakes_during_a_pass_bring_exactly_one_follow_up() {
        let (mut queue, now, shop) = (Queue::default(), Instant::now(), key("shop"));
        queue.wake(&shop, Wake::Change, now);
        assert_eq!(queue.take(now), Some(shop.clone()));
        for _ in 0..100 {
            queue.wake(&shop, Wake::Change, now);
            assert_eq!(queue.take(now), None, "one pass per key");
        }
        queue.done(&shop, Requeue::AwaitChange, now);
        assert_eq!(queue.take(now), Some(shop.clone()));
        queue.done(&shop, Requeue::AwaitChange, now);
        assert_eq!(queue.take(now), None);
        assert_eq!(queue.next_due(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_held_gets_its_pass_when_it_is_released() {
        let (mut queue, now, shop, other) =
            (Queue::default(), Instant::now(), key("shop"), key("other"));
        queue.wake(&shop, Wake::Change, now);
        queue.wake(&other, Wake::Change, now);
        queue.hold(BTreeSet::from([shop.clone()]));
        assert_eq!(queue.take(now), Some(other));
        assert_eq!(queue.take(now), None);
        assert_eq!(queue.next_due(), None, "nothing to wake up for");
        queue.release();
        assert_eq!(queue.take(now), Some(shop));
    }

    #[tokio::test(start_paused = true)]
    async fn events_never_wake_a_failing_key_past_its_back_off() {
        let (mut queue, shop) = (Queue::default(), key("shop"));
        let mut now = Instant::now();
        queue.wake(&shop, Wake::Change, now);
        let mut delays = Vec::new();
        for _ in 0..12 {
            assert_eq!(queue.take(now), Some(shop.clone()));
            queue.wake(&shop, Wake::Change, now);
            queue.done(&shop, Requeue::Failed, now);
            queue.wake(&shop, Wake::Change, now);
            let due = queue.next_due().unwrap();
            delays.push(due - now);
            now = due;
        }
        assert!(delays.windows(2).take(8).all(|pair| pair[0] < pair[1]));
        assert!(delays[0] >= Duration::from_millis(80));
        assert!(delays[11] >= Duration::from_secs(48) && delays[11] <= CAP);
        queue.wake(&shop, Wake::Reset, now);
        assert_eq!(queue.take(now), Some(shop.clone()));
        queue.done(&shop, Requeue::Failed, now);
        assert!(queue.next_due().unwrap() - now <= Duration::from_millis(120));
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_pass_replaces_the_timer_of_an_earlier_one() {
        let (mut queue, now, shop) = (Queue::default(), Instant::now(), key("shop"));
        queue.wake(&shop, Wake::Change, now);
        queue.take(now);
        queue.done(&shop, Requeue::After(Duration::from_secs(5)), now);
        assert_eq!(queue.next_due(), Some(now + Duration::from_secs(5)));
        queue.wake(&shop, Wake::Change, now);
        queue.take(now);
        queue.done(&shop, Requeue::AwaitChange, now);
        assert_eq!(queue.next_due(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_waiting_key_comes_first_and_keys_run_side_by_side() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let second = Duration::from_secs(1);
        queue.wake(&key("a"), Wake::Change, now + second);
        queue.wake(&key("b"), Wake::Change, now);
        assert_eq!(queue.take(now), Some(key("b")));
        assert_eq!(queue.take(now), None);
        assert_eq!(queue.next_due(), Some(now + second));
        assert_eq!(queue.take(now + second), Some(key("a")));
        assert!(queue.is_busy(&key("a"), now) && queue.is_busy(&key("b"), now));
    }
}
