//! Which backups are let go.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::backup::Retention;
use crate::model::backup_set::{BackupSet, Origin, SetEnd};
use crate::model::id::ServiceName;

/// Records of failures that are kept.
const FAILURES: usize = 10;
const DAY_MS: i64 = 86_400_000;

/// Ids of the sets of one project that no rule keeps. The numbers count for backups of the project, and for those of each
/// single service, by themselves. Whatever they say, the newest good backup of each service stays, and the newest
/// proven one; so do those from before a restore.
pub fn surplus(sets: &[BackupSet], retention: Retention) -> BTreeSet<String> {
    let mut newest_first: Vec<&BackupSet> = sets.iter().collect();
    newest_first.sort_by(|left, right| (right.at, &right.id).cmp(&(left.at, &left.id)));
    let mut kept: BTreeSet<&str> = BTreeSet::new();
    kept.extend(safest(&newest_first, |_, _| true));
    kept.extend(safest(&newest_first, |set, service| set.proven_of(service).is_some()));
    let mut scopes: BTreeMap<Option<&ServiceName>, Vec<&BackupSet>> = BTreeMap::new();
    for set in &newest_first {
        match (&set.end, set.origin) {
            (_, Origin::BeforeRestore) => drop(kept.insert(&set.id)),
            (SetEnd::Good, _) => scopes.entry(set.service.as_ref()).or_default().push(set),
            _ => {}
        }
    }
    for scope in scopes.values() {
        kept.extend(by_numbers(scope, retention));
    }
    let failures = newest_first.iter().filter(|set| set.end != SetEnd::Good).take(FAILURES);
    kept.extend(failures.map(|set| set.id.as_str()));
    let surplus = newest_first.iter().filter(|set| !kept.contains(set.id.as_str()));
    surplus.map(|set| set.id.clone()).collect()
}

/// The newest good one of `sets` for each service that one of them holds, as far as it fits.
fn safest<'a>(
    sets: &[&'a BackupSet],
    fits: impl Fn(&BackupSet, &ServiceName) -> bool,
) -> BTreeSet<&'a str> {
    let mut newest: BTreeMap<(&ServiceName, Option<&str>), &str> = BTreeMap::new();
    for set in sets.iter().filter(|set| set.is_good()) {
        for member in set.members.iter().filter(|member| fits(set, &member.service)) {
            newest.entry((&member.service, member.volume.as_deref())).or_insert(&set.id);
        }
    }
    newest.into_values().collect()
}

/// What the numbers keep of one scope, newest first.
fn by_numbers<'a>(sets: &[&'a BackupSet], retention: Retention) -> BTreeSet<&'a str> {
    let last = sets.iter().take(count(retention.last)).map(|set| set.id.as_str());
    let mut kept: BTreeSet<&str> = last.collect();
    let day = |set: &BackupSet| set.at.as_millis().div_euclid(DAY_MS);
    // 1970-01-01 was a Thursday.
    let week = |set: &BackupSet| (day(set) + 3).div_euclid(7);
    kept.extend(newest_of_each(sets, retention.daily, |set| day(set).to_string()));
    kept.extend(newest_of_each(sets, retention.weekly, |set| week(set).to_string()));
    let month = |set: &BackupSet| set.at.to_string().chars().take(7).collect::<String>();
    kept.extend(newest_of_each(sets, retention.monthly, month));
    kept
}

fn newest_of_each<'a>(
    sets: &[&'a BackupSet],
    most: u32,
    period: impl Fn(&BackupSet) -> String,
) -> Vec<&'a str> {
    let mut seen: Vec<String> = Vec::new();
    let mut kept = Vec::new();
    for set in sets {
        let period = period(set);
        if seen.last() != Some(&period) {
            if seen.len() >= count(most) {
                break;
            }
            seen.push(period);
            kept.push(set.id.as_str());
        }
    }
    kept
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
