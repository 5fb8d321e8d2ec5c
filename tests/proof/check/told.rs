//! What controllers publish: S12 and S16.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use composelet::model::status::{ConditionKind, ProjectStatus, Truth};
use composelet::model::time::Timestamp;

/// The simulated engine's first instant in milliseconds since 1970.
const EPOCH_MS: i64 = 1_735_689_600_000;

/// An instant of the wall clock as time since the beginning.
pub(super) fn since_begin(at: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(at.as_millis() - EPOCH_MS).unwrap_or(0))
}

/// The last status of every project, and in whose state directory it is.
#[derive(Debug, Default)]
pub(crate) struct Told {
    last: BTreeMap<String, (usize, ProjectStatus)>,
    /// How many statuses of a project came since one said what it waits for.
    unheld: BTreeMap<String, usize>,
    /// Projects that a status was ever shown of.
    pub(crate) ever: BTreeSet<String>,
    /// Conditions and reasons that were ever shown.
    pub(crate) reasons: BTreeMap<String, u64>,
}

/// What a status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// All is as declared, seen at this time since the beginning.
    Ready(Duration),
    /// Something else.
    Else,
}

impl Told {
    /// Takes a published status. Texts for what is wrong with it by itself.
    pub(super) fn take(
        &mut self,
        status: ProjectStatus,
        place: usize,
        forgotten: bool,
    ) -> (Says, Vec<(&'static str, String)>) {
        let mut wrong = Vec::new();
        let name = status.name.to_string();
        if let Some((_, before)) = self.last.get(&name).filter(|(from, _)| *from == place)
            && status.generation < before.generation
            && !forgotten
        {
            let (old, new) = (before.generation, status.generation);
            wrong.push(("S12", format!("{name}: generation fell from {old} to {new}")));
        }
        for condition in &status.conditions {
            let key = format!("{:?}={:?} {}", condition.kind, condition.status, condition.reason);
            *self.reasons.entry(key).or_default() += 1;
        }
        for held in &status.held {
            *self.reasons.entry(format!("held {}", held.waiting_on.code())).or_default() += 1;
        }
        let unheld = self.unheld.entry(name.clone()).or_insert(usize::MAX);
        *unheld = if status.held.is_empty() { unheld.saturating_add(1) } else { 0 };
        let ready = status.conditions.iter().find(|one| one.kind == ConditionKind::Ready);
        let is_ready = ready.is_some_and(|one| one.status == Truth::True);
        if is_ready && status.observed_generation != status.generation {
            wrong.push(("S16", format!("{name}: Ready, but not of its generation")));
        }
        if !is_ready && ready.is_none_or(|one| one.reason.is_empty() || one.message.is_empty()) {
            wrong.push(("S16", format!("{name}: not Ready, and no reason is shown")));
        }
        let says = match status.observed_at {
            Some(at) if is_ready => Says::Ready(since_begin(at)),
            _ => Says::Else,
        };
        self.ever.insert(name.clone());
        self.last.insert(name, (place, status));
        (says, wrong)
    }

    /// What was told may be unread again: power took it.
    pub(super) fn forget(&mut self) {
        self.last.clear();
    }

    /// It was taken back: the project went away.
    pub(super) fn taken_back(&mut self, name: &str) {
        self.last.remove(name);
    }

    /// Whether a project says what it waits for, or did so until a try that is under way: what crashes runs for a moment.
    pub(crate) fn is_held(&self, name: &str) -> bool {
        self.unheld.get(name).is_some_and(|statuses| *statuses <= 3)
    }

    /// Whether a project says that what its files want failed, and that an earlier version of it runs.
    pub(crate) fn has_gone_back(&self, name: &str) -> bool {
        let held = self.last(name).map(|status| status.held.as_slice()).unwrap_or_default();
        held.iter().any(|held| held.waiting_on.code() == "RevisionRejected")
    }

    /// Whether a project says that what its files want failed, and that it stands where it is.
    pub(crate) fn is_paused(&self, name: &str) -> bool {
        let held = self.last(name).map(|status| status.held.as_slice()).unwrap_or_default();
        held.iter().any(|held| held.waiting_on.code() == "RolloutPaused")
    }

    /// What decides which version of a project is expected: whether it is known, went back, or stands still.
    pub(super) fn stands(&self, name: &str) -> (bool, bool, bool) {
        (self.ever.contains(name), self.has_gone_back(name), self.is_paused(name))
    }

    /// Whether any project says that it waits for something.
    pub(crate) fn is_anything_held(&self) -> bool {
        self.last.values().any(|(_, status)| !status.held.is_empty())
    }

    /// The last word about a project.
    pub(crate) fn last(&self, name: &str) -> Option<&ProjectStatus> {
        self.last.get(name).map(|(_, status)| status)
    }
}
