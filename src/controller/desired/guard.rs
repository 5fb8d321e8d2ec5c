//! The guard against mass removal (DESIGN §5, removal). Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::id::ProjectName;
use crate::model::time::Timestamp;

/// Removals within this time count together.
const WINDOW: Duration = Duration::from_secs(60);
/// This many may go together whatever their share.
const FEW: usize = 2;

/// The projects that went within the window, if they are more than two and more than half of all there were: `known`
/// are those that are there or not removed yet. `gone` says when each was first found gone, and is part of the memory of
/// the host, so that a restart in between does not make two removals of one; those that went before the window leave it.
pub fn mass(
    gone: &mut BTreeMap<ProjectName, Timestamp>,
    known: impl Iterator<Item = ProjectName>,
    now: Timestamp,
) -> Option<BTreeSet<ProjectName>> {
    gone.retain(|_, at| now.since(*at) < WINDOW);
    let all: BTreeSet<_> = known.chain(gone.keys().cloned()).collect();
    let mass = gone.len() > FEW && gone.len() * 2 > all.len();
    planted!("guard-asleep", mass, false).then(|| gone.keys().cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_mass(all: usize, gone: usize, apart_ms: i64) -> bool {
        let names: Vec<_> = (0..all).map(|index| ProjectName::new(format!("p{index}"))).collect();
        let mut went = BTreeMap::new();
        let mut now = Timestamp::from_millis(0);
        for (index, name) in names.iter().take(gone).enumerate() {
            now = Timestamp::from_millis(i64::try_from(index).unwrap() * apart_ms);
            went.insert(name.clone(), now);
        }
        mass(&mut went, names.iter().cloned(), now).is_some()
    }

    #[test]
    fn more_than_two_and_more_than_half_within_a_minute() {
        assert!(!is_mass(2, 2, 0));
        assert!(is_mass(3, 3, 0));
        assert!(!is_mass(6, 3, 0));
        assert!(is_mass(5, 3, 0));
        assert!(is_mass(50, 26, 100));
        assert!(!is_mass(50, 25, 100));
        assert!(!is_mass(3, 3, 61_000), "one a minute is no mass");
    }
}
