//! The guard against mass removal (DESIGN §5, removal). Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::id::ProjectName;
use crate::model::time::Timestamp;

/// Removals within this time count together.
const WINDOW: Duration = Duration::from_secs(60);
/// This many may go together whatever their share.
const FEW: usize = 2;

/// Who went lately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    gone: BTreeMap<ProjectName, Timestamp>,
}

impl Guard {
    /// A project was first found gone at `at`.
    pub fn went(&mut self, name: &ProjectName, at: Timestamp) {
        self.gone.entry(name.clone()).or_insert(at);
    }

    /// It is back.
    pub fn came_back(&mut self, name: &ProjectName) {
        self.gone.remove(name);
    }

    /// The projects that went within the window, if they are more than two and more than half of all there were: `known`
    /// are those that are there or not removed yet.
    pub fn mass(
        &mut self,
        known: impl Iterator<Item = ProjectName>,
        now: Timestamp,
    ) -> Option<BTreeSet<ProjectName>> {
        self.gone.retain(|_, at| now.since(*at) < WINDOW);
        let gone: BTreeSet<_> = self.gone.keys().cloned().collect();
        let all: BTreeSet<_> = known.chain(gone.iter().cloned()).collect();
        let mass = gone.len() > FEW && gone.len() * 2 > all.len();
        planted!("guard-asleep", mass, false).then_some(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mass(all: usize, gone: usize, apart_ms: i64) -> bool {
        let names: Vec<_> = (0..all).map(|index| ProjectName::new(format!("p{index}"))).collect();
        let mut guard = Guard::default();
        let mut now = Timestamp::from_millis(0);
        for (index, name) in names.iter().take(gone).enumerate() {
            now = Timestamp::from_millis(i64::try_from(index).unwrap() * apart_ms);
            guard.went(name, now);
        }
        guard.mass(names.iter().cloned(), now).is_some()
    }

    #[test]
    fn more_than_two_and_more_than_half_within_a_minute() {
        assert!(!mass(2, 2, 0));
        assert!(mass(3, 3, 0));
        assert!(!mass(6, 3, 0));
        assert!(mass(5, 3, 0));
        assert!(mass(50, 26, 100));
        assert!(!mass(50, 25, 100));
        assert!(!mass(3, 3, 61_000), "one a minute is no mass");
    }
}
