//! Crashes at every step of the storage: what is found afterwards is a state that was written, and none that was
//! acknowledged is lost.

use std::collections::BTreeMap;

use composelet::ledger::{
    HistoryRecord, LastGood, Ledger, LedgerError, Loss, MemoryStorage, Request,
};
use composelet::model::files::{FileContent, Files};
use composelet::model::id::ProjectName;
use composelet::model::ledger::{HostLedger, ProjectLedger};
use composelet::model::path::LocalPath;
use composelet::model::time::Timestamp;
use proptest::prelude::*;

use super::support;

#[derive(Clone, Debug)]
enum Act {
    Project(&'static str, u64),
    Host(u64),
    LastGood(&'static str, u64),
    History(&'static str, u64),
    Forget(&'static str),
    Submit(&'static str),
    Answer,
}

fn last_good(number: u64) -> LastGood {
    let text = format!("services: {{}} # {number}");
    LastGood {
        entry: "e".to_owned(),
        digest: number.to_string(),
        files: Files::from([(
            LocalPath::new("/r/a.yml"),
            FileContent::Bytes(text.into_bytes().into()),
        )]),
        saved_at: Timestamp::from_millis(0),
    }
}

fn perform(ledger: &Ledger, act: &Act) -> Result<(), LedgerError> {
    match act {
        Act::Project(name, generation) => {
            let memory = ProjectLedger { generation: *generation, ..ProjectLedger::default() };
            ledger.save_project(&ProjectName::from(*name), &memory)
        }
        Act::Host(number) => ledger
            .save_host(&HostLedger { root: Some((*number, *number)), ..HostLedger::default() }),
        Act::LastGood(name, number) => {
            ledger.save_last_good(&ProjectName::from(*name), &last_good(*number))
        }
        Act::History(name, generation) => {
            let record = HistoryRecord {
                at: Timestamp::from_millis(0),
                generation: *generation,
                plan: "plan\ntext".to_owned(),
                actions: Vec::new(),
            };
            ledger.append_history(&ProjectName::from(*name), &record)
        }
        Act::Forget(name) => ledger.remove_project(&ProjectName::from(*name)),
        Act::Submit(name) => {
            ledger.submit(&Request::Reconcile { project: Some(ProjectName::from(*name)) }).map(drop)
        }
        Act::Answer => match ledger.take_requests().first() {
            Some((id, _)) => ledger.answer(id, "done"),
            None => Ok(()),
        },
    }
}

/// Everything that is durable, as people would see it.
#[derive(Clone, Debug, PartialEq)]
struct View {
    projects: BTreeMap<&'static str, (ProjectLedger, Option<LastGood>, Vec<u64>)>,
    host: HostLedger,
    requests: Vec<Request>,
}

const NAMES: [&str; 2] = ["shop", "web"];

fn view(ledger: &Ledger) -> View {
    let project = |name: &'static str| {
        let id = ProjectName::from(name);
        let (memory, note) = ledger.load_project(&id);
        assert_eq!(note, None, "no file is ever corrupt");
        let history = ledger.history(&id, 1000).iter().map(|record| record.generation).collect();
        (name, (memory, ledger.load_last_good(&id), history))
    };
    let (host, note) = ledger.load_host();
    assert_eq!(note, None);
    View {
        projects: NAMES.into_iter().map(project).collect(),
        host,
        requests: ledger.take_requests().into_iter().map(|(_, request)| request).collect(),
    }
}

/// Crashes `acts` at step `step` and compares what the next process finds with the views before and after the act that
/// was cut off. Returns whether the crash came at all.
fn crash(acts: &[Act], step: u64, loss: Loss) -> bool {
    let storage = MemoryStorage::new();
    storage.crash_at(step);
    let mut views = vec![view(&Ledger::open_with(MemoryStorage::new()).unwrap())];
    let mirror = Ledger::open_with(MemoryStorage::new()).unwrap();
    let mut cut_off = false;
    if let Ok(ledger) = Ledger::open_with(storage.clone()) {
        for act in acts {
            perform(&mirror, act).unwrap();
            views.push(view(&mirror));
            if perform(&ledger, act).is_err() {
                cut_off = true;
                break;
            }
        }
    } else {
        cut_off = true;
    }
    let next = Ledger::open_with(storage.reboot(loss)).expect("it opens after every crash");
    let found = view(&next);
    let mut allowed = vec![views.last().unwrap().clone()];
    if cut_off && views.len() > 1 {
        allowed.push(views[views.len() - 2].clone());
        allowed.extend(half_forgotten(acts, views.len() - 2, &allowed));
    }
    assert!(allowed.contains(&found), "step {step}, {loss:?}: {found:#?} is none of {allowed:#?}");
    // And it goes on as if nothing had been.
    perform(&next, &Act::Project("shop", 999)).unwrap();
    perform(&next, &Act::History("shop", 999)).unwrap();
    let found = view(&next);
    assert_eq!(found.projects["shop"].0.generation, 999);
    assert_eq!(found.projects["shop"].2.last(), Some(&999));
    cut_off
}

/// Forgetting a project takes two files: between them only its memory is gone.
fn half_forgotten(acts: &[Act], at: usize, allowed: &[View]) -> Option<View> {
    let Act::Forget(name) = acts.get(at)? else {
        return None;
    };
    let mut half = allowed.get(1)?.clone();
    half.projects.get_mut(name)?.0 = ProjectLedger::default();
    Some(half)
}

fn scenario() -> Vec<Act> {
    vec![
        Act::Project("shop", 1),
        Act::LastGood("shop", 1),
        Act::Submit("shop"),
        Act::History("shop", 1),
        Act::Host(1),
        Act::Project("shop", 2),
        Act::Answer,
        Act::LastGood("shop", 2),
        Act::History("shop", 2),
        Act::Project("web", 1),
        Act::Submit("web"),
        Act::Forget("shop"),
        Act::Host(2),
        Act::Project("shop", 3),
    ]
}

#[test]
fn every_crash_point_of_a_scenario_leaves_a_state_that_was_written() {
    let losses: Vec<Loss> = [Loss::Process].into_iter().chain((0..8).map(Loss::Power)).collect();
    let mut step = 0;
    loop {
        let mut came = false;
        for loss in &losses {
            came |= crash(&scenario(), step, *loss);
        }
        if !came {
            break;
        }
        step += 1;
    }
    assert!(step > 40, "the scenario has many steps: {step}");
}

fn any_act() -> impl Strategy<Value = Act> {
    let name = || prop::sample::select(NAMES.as_slice());
    prop_oneof![
        (name(), 1..50_u64).prop_map(|(name, number)| Act::Project(name, number)),
        (1..50_u64).prop_map(Act::Host),
        (name(), 1..50_u64).prop_map(|(name, number)| Act::LastGood(name, number)),
        (name(), 1..50_u64).prop_map(|(name, number)| Act::History(name, number)),
        name().prop_map(Act::Forget),
        name().prop_map(Act::Submit),
        Just(Act::Answer),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..support::cases(32) })]
    #[test]
    fn any_crash_of_any_scenario_leaves_a_state_that_was_written(
        acts in prop::collection::vec(any_act(), 1..12),
        step in 0..80_u64,
        seed in any::<u64>(),
    ) {
        crash(&acts, step, Loss::Power(seed));
        crash(&acts, step, Loss::Process);
    }
}

/// The model itself: what is not synced can be lost, or nothing above would be proved.
#[test]
fn the_storage_in_memory_loses_what_was_not_synced() {
    use composelet::ledger::Storage;
    let storage = MemoryStorage::new();
    storage.write("a", b"old").unwrap();
    storage.sync("a").unwrap();
    storage.sync_directory("").unwrap();
    storage.write("a", b"newer").unwrap();
    storage.write("b", b"b").unwrap();
    let found: std::collections::BTreeSet<_> = (0..200)
        .map(|seed| {
            let after = storage.reboot(Loss::Power(seed));
            (after.read("a").unwrap(), after.read("b").ok())
        })
        .collect();
    for expected in [b"old".as_slice(), b"newer", b"new", b""] {
        assert!(found.iter().any(|(a, _)| a == expected), "{expected:?} in {found:?}");
    }
    assert!(found.iter().any(|(_, b)| b.is_none()) && found.iter().any(|(_, b)| b.is_some()));
    assert_eq!(storage.reboot(Loss::Process).read("a").unwrap(), b"newer");
}

/// What one process has read must not be taken back by a power failure, though the process before wrote it and ended before
/// the name of the file was durable.
#[test]
fn what_a_new_holder_has_read_survives_a_power_failure() {
    let mut read_new = 0;
    for step in 0..60 {
        let storage = MemoryStorage::new();
        perform(&Ledger::open_with(storage.clone()).unwrap(), &Act::Host(1)).unwrap();
        let first = storage.steps();
        let storage = storage.reboot(Loss::Process);
        storage.crash_at(first + step);
        if let Ok(ledger) = Ledger::open_with(storage.clone()) {
            perform(&ledger, &Act::Host(2)).ok();
        }
        for seed in 0..8 {
            let next = storage.reboot(Loss::Process);
            let ledger = Ledger::open_with(next.clone()).unwrap();
            let _lock = ledger.try_lock().unwrap();
            let seen = ledger.load_host();
            let after = Ledger::open_with(next.reboot(Loss::Power(seed))).unwrap().load_host();
            assert_eq!(after, seen, "crash at step {step}, power failure {seed}");
            read_new += usize::from(seen.0.root == Some((2, 2)));
        }
    }
    assert!(read_new > 0, "no crash came after the rename");
}
