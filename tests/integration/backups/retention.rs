//! What retention lets go, and what it never does.

use std::collections::BTreeSet;

use composelet::model::backup::{Format, Retention};
use composelet::model::backup_set::{BackupSet, Member, Origin, SetEnd};
use composelet::model::id::{ProjectName, ServiceName};
use composelet::model::time::Timestamp;
use composelet::recipes::surplus;
use proptest::prelude::*;

const DAY_MS: i64 = 86_400_000;

fn member(service: &str) -> Member {
    Member {
        service: ServiceName::from(service),
        volume: None,
        revision: None,
        image: "db".to_owned(),
        format: Format::Mysql,
        file: format!("{service}.sql.zst"),
        file_bytes: 1,
        plain_bytes: 1,
        sha256: String::new(),
        recipients: 0,
        notes: Vec::new(),
        proven: None,
    }
}

/// A good backup of these services on this day, at noon.
fn set(id: &str, day: i64, services: &[&str]) -> BackupSet {
    let at = Timestamp::from_millis(day * DAY_MS + DAY_MS / 2);
    BackupSet {
        id: id.to_owned(),
        project: ProjectName::from("shop"),
        service: None,
        at,
        ended: at,
        origin: Origin::Schedule,
        directory: String::new(),
        members: services.iter().map(|name| member(name)).collect(),
        end: SetEnd::Good,
        verified: Some(at),
        proven: None,
        restored: std::collections::BTreeMap::new(),
    }
}

fn nightly(days: i64) -> Vec<BackupSet> {
    // 2026-01-01 is day 20454, a Thursday.
    (0..days).map(|day| set(&format!("{day:04}"), 20_454 + day, &["db"])).collect()
}

fn kept(sets: &[BackupSet], retention: Retention) -> Vec<String> {
    let gone = surplus(sets, retention);
    sets.iter().map(|set| set.id.clone()).filter(|id| !gone.contains(id)).collect()
}

const NONE: Retention = Retention { last: 0, daily: 0, weekly: 0, monthly: 0 };

#[test]
fn numbers_keep_what_they_say() {
    let sets = nightly(60); // January 1 to March 1.
    assert_eq!(kept(&sets, Retention { last: 3, ..NONE }), ["0057", "0058", "0059"]);
    assert_eq!(kept(&sets, Retention { daily: 2, ..NONE }), ["0058", "0059"]);
    // Sundays, and the newest of the week that has begun: March 1 is a Sunday.
    assert_eq!(kept(&sets, Retention { weekly: 3, ..NONE }), ["0045", "0052", "0059"]);
    assert_eq!(kept(&sets, Retention { monthly: 3, ..NONE }), ["0030", "0058", "0059"]);
    assert_eq!(kept(&sets, NONE), ["0059"], "the newest good one always stays");
}

#[test]
fn scopes_count_by_themselves_and_what_was_kept_aside_stays() {
    let mut sets = nightly(5);
    for (id, day) in [("a", 0), ("b", 1), ("c", 2)] {
        let service = Some(ServiceName::from("db"));
        sets.push(BackupSet { service, ..set(id, 20_454 + day, &["db"]) });
    }
    sets.push(BackupSet { origin: Origin::BeforeRestore, ..set("aside", 20_000, &["db"]) });
    assert_eq!(kept(&sets, Retention { last: 1, ..NONE }), ["0004", "c", "aside"]);
}

#[test]
fn failures_are_remembered_but_count_for_nothing() {
    let failed = |set: BackupSet| BackupSet {
        end: SetEnd::Failed { why: "disk full".to_owned() },
        members: Vec::new(),
        ..set
    };
    let mut sets = nightly(2);
    sets.extend((0..15).map(|n| failed(set(&format!("f{n:02}"), 20_500 + n, &[]))));
    let kept = kept(&sets, Retention { last: 1, ..NONE });
    assert_eq!(kept[0], "0001", "fifteen failures later the last good one is still there");
    assert_eq!(kept.len(), 11);
}

#[test]
fn a_set_is_proven_when_all_of_it_is() {
    let (db, app) = (ServiceName::from("db"), ServiceName::from("app"));
    let mut set = set("a", 20_454, &["db", "app", "db"]);
    let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
    set.prove(&db, at(10));
    assert_eq!((set.proven, set.proven_of(&db), set.proven_of(&app)), (None, Some(at(10)), None));
    set.prove(&app, at(20));
    assert_eq!(set.proven, Some(at(10)), "since then all of it");
    set.prove(&db, at(30));
    assert_eq!(set.proven, Some(at(20)));
    assert_eq!(set.proven_of(&ServiceName::from("other")), None);
    let mut saved = set.saved().unwrap();
    assert_eq!(saved.proven_of(None), Some(at(20)));
    saved.prove(Some(&app), at(40));
    assert_eq!((saved.proven_of(None), saved.proven_of(Some(&db))), (Some(at(30)), Some(at(30))));
}

fn any_set() -> impl Strategy<Value = BackupSet> {
    let services = proptest::sample::subsequence(vec!["a", "b", "c"], 0..=3);
    (0..2000_i64, services, any::<bool>(), 0..3_u8, any::<bool>()).prop_map(
        |(day, services, good, proven, single)| {
            let mut base = set("", 20_000 + day, &services);
            match (proven, services.first()) {
                // By an earlier version, which knew of whole sets alone.
                (1, _) => base.proven = Some(base.at),
                (2, Some(first)) => base.prove(&ServiceName::from(*first), base.at),
                _ => {}
            }
            BackupSet {
                end: if good { SetEnd::Good } else { SetEnd::Damaged { why: "x".to_owned() } },
                service: single.then(|| ServiceName::from("a")),
                ..base
            }
        },
    )
}

fn any_retention() -> impl Strategy<Value = Retention> {
    (0..4_u32, 0..4_u32, 0..4_u32, 0..4_u32).prop_map(|(last, daily, weekly, monthly)| Retention {
        last,
        daily,
        weekly,
        monthly,
    })
}

proptest! {
    #[test]
    fn every_service_keeps_its_newest_good_and_its_newest_proven_backup(
        sets in proptest::collection::vec(any_set(), 0..40),
        retention in any_retention(),
    ) {
        let sets: Vec<BackupSet> = sets
            .into_iter()
            .enumerate()
            .map(|(number, set)| BackupSet { id: format!("{number:03}"), ..set })
            .collect();
        let gone: BTreeSet<String> = surplus(&sets, retention);
        for service in ["a", "b", "c"].map(ServiceName::from) {
            let newest = |proven: bool| {
                let fits = |set: &&BackupSet| {
                    set.is_good() && set.of(&service).next().is_some() && (!proven || set.proven_of(&service).is_some())
                };
                sets.iter().filter(fits).max_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)))
            };
            for one in [newest(false), newest(true)].into_iter().flatten() {
                prop_assert!(!gone.contains(&one.id), "{} of {service} is gone", one.id);
            }
        }
        // Letting go twice lets go of nothing more.
        let left: Vec<BackupSet> = sets.into_iter().filter(|set| !gone.contains(&set.id)).collect();
        prop_assert_eq!(surplus(&left, retention), BTreeSet::new());
    }
}
