//! Journals, published status and requests of the state directory.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use composelet::ledger::{Ledger, LedgerError, MemoryStorage, Request, Storage};
use composelet::model::id::ProjectName;
use composelet::model::path::LocalPath;
use composelet::model::status::ControllerStatus;
use composelet::model::time::Timestamp;

use crate::ledger_files::{memory, name, open, record, status};

#[test]
fn history_is_in_order_bounded_and_survives_a_torn_line() {
    let base = tempfile::tempdir().unwrap();
    let ledger = open(base.path());
    for generation in 1..=5 {
        ledger.append_history(&name(), &record(generation, "p")).unwrap();
    }
    let path = base.path().join("history/shop.jsonl");
    let mut torn = fs::read(&path).unwrap();
    torn.truncate(torn.len() - 10);
    fs::write(&path, torn).unwrap();
    let ledger = open(base.path());
    ledger.append_history(&name(), &record(6, "p")).unwrap();
    let generations = |ledger: &Ledger, last| -> Vec<u64> {
        ledger.history(&name(), last).iter().map(|record| record.generation).collect()
    };
    assert_eq!(generations(&ledger, 100), [1, 2, 3, 4, 6]);
    assert_eq!(generations(&ledger, 2), [4, 6]);

    for generation in 7..=80 {
        ledger.append_history(&name(), &record(generation, &"é".repeat(60_000))).unwrap();
    }
    let kept = ledger.history(&name(), 1000);
    assert!(kept.iter().all(|record| record.plan.len() <= 65_600));
    assert_eq!(kept.last().unwrap().generation, 80);
    assert!(kept.len() > 15, "the generation before is kept: {}", kept.len());
    for file in ["history/shop.jsonl", "history/shop.1.jsonl"] {
        let size = fs::metadata(base.path().join(file)).map_or(0, |metadata| metadata.len());
        assert!(size <= (1 << 20) + (70 << 10), "{file}: {size}");
    }
}

#[test]
fn the_history_of_a_removed_project_stays_until_there_are_many() {
    let storage = MemoryStorage::new();
    let ledger = Ledger::open_with(storage.clone()).unwrap();
    for number in 0..150 {
        let name = ProjectName::new(format!("p{number:03}"));
        ledger.save_project(&name, &memory(1)).unwrap();
        ledger.append_history(&name, &record(1, "p")).unwrap();
        if number >= 10 {
            ledger.remove_project(&name).unwrap();
            assert_eq!(ledger.history(&name, 1).len(), 1, "its end can be explained");
        }
    }
    assert_eq!(storage.list("history").unwrap().len(), 110, "ten live, a hundred gone");
    assert_eq!(ledger.history(&ProjectName::from("p000"), 1).len(), 1);
}

#[test]
fn status_is_published_only_when_it_changed() {
    let base = tempfile::tempdir().unwrap();
    let ledger = open(base.path());
    assert_eq!(ledger.statuses(), []);
    assert_eq!(ledger.controller_status(), None);
    ledger.publish_project(&status("web", 1)).unwrap();
    ledger.publish_project(&status("shop", 1)).unwrap();
    let path = base.path().join("status/projects/shop.json");
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    let before = inode(&path);
    ledger.publish_project(&status("shop", 1)).unwrap();
    assert_eq!(inode(&path), before, "not written");
    ledger.publish_project(&status("shop", 2)).unwrap();
    assert_ne!(inode(&path), before, "replaced, not written into");
    assert_eq!(ledger.statuses(), [status("shop", 2), status("web", 1)]);
    fs::write(base.path().join("status/projects/web.json"), "{").unwrap();
    assert_eq!(ledger.statuses(), [status("shop", 2)]);
    ledger.unpublish_project(&name()).unwrap();
    ledger.unpublish_project(&name()).unwrap();
    assert_eq!(ledger.statuses(), []);

    let controller = ControllerStatus {
        installation: "default".to_owned(),
        pid: 1,
        started_at: Timestamp::from_millis(1),
        published_at: Timestamp::from_millis(2),
        role: "acting".to_owned(),
        engine: "20.10".to_owned(),
        desired_state: "/r".to_owned(),
        watch: "inotify".to_owned(),
        mutating_calls: 0,
        calls: 0,
        passes: 0,
        operations: Vec::new(),
        held: Vec::new(),
        diagnostics: Vec::new(),
    };
    ledger.publish_controller(&controller).unwrap();
    assert_eq!(ledger.controller_status(), Some(controller));
}

#[test]
fn requests_wait_in_order_until_they_are_answered() {
    let base = tempfile::tempdir().unwrap();
    let controller = open(base.path());
    let command = Ledger::open_existing(&LocalPath::new(base.path())).unwrap();
    let requests: Vec<Request> = [
        Request::Suspend {
            project: name(),
            service: None,
            reason: "repair".to_owned(),
            until: Some(Timestamp::from_millis(5)),
        },
        Request::Resume { project: name(), service: None },
        Request::Reconcile { project: None },
    ]
    .into();
    let ids: Vec<String> =
        requests.iter().map(|request| command.submit(request).unwrap()).collect();
    fs::write(base.path().join("requests/00000000-bad.json"), "{").unwrap();
    let expected: Vec<(String, Request)> = ids.iter().cloned().zip(requests).collect();
    assert_eq!(controller.take_requests(), expected);
    assert!(base.path().join("requests/00000000-bad.json.corrupt-1").exists());
    assert_eq!(controller.take_requests(), expected, "a crash before the answer loses none");

    assert_eq!(command.take_answer(&ids[0]), None);
    controller.answer(&ids[0], "suspended\n").unwrap();
    assert_eq!(controller.take_requests(), expected[1..]);
    assert_eq!(command.take_answer(&ids[0]).as_deref(), Some("suspended\n"));
    assert_eq!(command.take_answer(&ids[0]), None);
}

#[test]
fn requests_and_answers_do_not_pile_up() {
    let storage = MemoryStorage::new();
    let ledger = Ledger::open_with(storage.clone()).unwrap();
    let request = Request::Reconcile { project: None };
    let mut last = String::new();
    for _ in 0..150 {
        last = ledger.submit(&request).unwrap();
        ledger.answer(&last, "done").unwrap();
    }
    assert_eq!(storage.list("requests").unwrap().len(), 100);
    assert_eq!(ledger.take_answer(&last).as_deref(), Some("done"));
    for _ in 0..1000 {
        ledger.submit(&request).unwrap();
    }
    let error = ledger.submit(&request).unwrap_err();
    assert!(matches!(error, LedgerError::TooManyRequests { pending: 1000 }), "{error}");
}
