//! Commands that read what the controller published, over a state directory written through the ledger itself.

use std::path::Path;

use composelet::ledger::{HistoryRecord, Ledger};
use composelet::model::held::{Held, Subject, WaitingOn};
use composelet::model::id::{ProjectName, ReplicaId, ServiceName};
use composelet::model::path::LocalPath;
use composelet::model::status::{
    ActionRecord, Condition, ConditionKind, ContainerStatus, ControllerStatus, ProjectStatus,
    ServiceStatus, Truth,
};
use composelet::model::time::Timestamp;

use crate::cli_binary::{Run, composelet};

/// 2033: published instants lie before every run of this test only if they lie in the past, deadlines after it.
const NEXT_TRY: Timestamp = Timestamp::from_millis(2_000_000_000_000);
const THEN: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn condition(kind: ConditionKind, status: Truth, reason: &str, message: &str) -> Condition {
    Condition {
        kind,
        status,
        reason: reason.to_owned(),
        message: message.to_owned(),
        last_transition: THEN,
        observed_generation: 3,
    }
}

fn crashing() -> ContainerStatus {
    ContainerStatus {
        name: "shop-web-1".to_owned(),
        id: "0123456789abcdef".repeat(4),
        number: Some(1),
        state: "exited".to_owned(),
        health: String::new(),
        failures: 4,
        restarts: 7,
        since: Some(THEN),
        next_try: Some(NEXT_TRY),
        exit_code: Some(3),
        last_log: vec!["cannot open the database".to_owned()],
        drift: vec!["resources.memory: 64 -> 128".to_owned()],
        ports: vec!["127.0.0.1:8088->8080/tcp".to_owned()],
        notes: vec!["the engine's restart policy is off while the controller delays".to_owned()],
    }
}

fn web() -> ServiceStatus {
    ServiceStatus {
        schedules: Vec::new(),
        name: ServiceName::from("web"),
        image: "shop-web".to_owned(),
        image_is: None,
        image_moves: None,
        revision: Some("r1".to_owned()),
        replicas: 1,
        running: 0,
        available: 0,
        ready: 0,
        conditions: vec![condition(
            ConditionKind::Ready,
            Truth::False,
            "CrashLoopBackOff",
            "back-off after failure 4",
        )],
        containers: vec![crashing()],
    }
}

fn shop() -> ProjectStatus {
    let last = vec!["cannot open the database".to_owned()];
    ProjectStatus {
        name: ProjectName::from("shop"),
        source: "/srv/desired-state/shop".to_owned(),
        generation: 3,
        observed_generation: 3,
        observed_at: Some(THEN),
        published_at: THEN,
        conditions: vec![condition(
            ConditionKind::Ready,
            Truth::False,
            "CrashLoopBackOff",
            "service web is not ready",
        )],
        services: vec![web()],
        others: Vec::new(),
        held: vec![Held {
            subject: Subject::Replica(ReplicaId::new(ServiceName::from("web"), 1)),
            waiting_on: WaitingOn::CrashLoopBackOff { failures: 4, exit_code: Some(3), last },
            until: Some(NEXT_TRY),
        }],
        diagnostics: Vec::new(),
        commit: None,
        revisions: Vec::new(),
        rollback: None,
        not_kept: Vec::new(),
        drill: None,
        restore_drills: Vec::new(),
        depends_on: Vec::new(),
        recent: vec![action()],
        mutating_calls: 12,
    }
}

fn action() -> ActionRecord {
    ActionRecord {
        at: THEN,
        action: "StartContainer".to_owned(),
        object: "shop-web-1".to_owned(),
        reason: "Exited".to_owned(),
        message: "exited with 3, failure 4".to_owned(),
        outcome: "succeeded".to_owned(),
    }
}

/// A controller that published long ago and is gone: process ids end at 2^22.
fn controller() -> ControllerStatus {
    ControllerStatus {
        installation: "default".to_owned(),
        pid: 1 << 23,
        started_at: THEN,
        published_at: THEN,
        role: "acting".to_owned(),
        engine: "20.10.24 (API 1.41)".to_owned(),
        desired_state: "/srv/desired-state".to_owned(),
        watch: "inotify".to_owned(),
        mutating_calls: 12,
        calls: 90,
        passes: 30,
        operations: Vec::new(),
        held: Vec::new(),
        diagnostics: Vec::new(),
    }
}

/// A directory in which a controller had run.
fn published() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&LocalPath::new(directory.path().join("state"))).unwrap();
    ledger.publish_project(&shop()).unwrap();
    ledger.publish_controller(&controller()).unwrap();
    let record = HistoryRecord {
        at: THEN,
        generation: 3,
        plan: "[] -> #1 StartContainer shop-web-1, exited with 3, failure 4\n".to_owned(),
        actions: vec![action()],
    };
    ledger.append_history(&ProjectName::from("shop"), &record).unwrap();
    directory
}

fn run(directory: &Path, arguments: &[&str]) -> Run {
    composelet(directory, &[arguments, &["--state-dir", "state"]].concat())
}

#[test]
fn lists_come_in_five_forms() {
    let directory = published();
    let get = |arguments: &[&str]| run(directory.path(), &[&["get"], arguments].concat());
    let table = get(&["projects"]);
    assert_eq!(table.code, 0, "{}", table.err);
    assert!(table.out.starts_with("NAME   STATUS"), "{}", table.out);
    assert!(
        table.out.contains("shop   CrashLoopBackOff   0/1        0/1          1"),
        "{}",
        table.out
    );
    let wide = get(&["services", "-o", "wide"]);
    assert!(wide.out.contains("REVISION") && wide.out.contains("r1"), "{}", wide.out);
    assert_eq!(get(&["containers", "-o", "name"]).out, "container/shop-web-1\n");
    let json: serde_json::Value =
        serde_json::from_str(&get(&["services", "-o", "json"]).out).unwrap();
    assert_eq!(json[0]["project"], "shop");
    assert_eq!(json[0]["containers"][0]["exit_code"], 3);
    let one: serde_json::Value =
        serde_json::from_str(&get(&["service", "shop/web", "-o", "json"]).out).unwrap();
    assert_eq!(one["image"], "shop-web");
    assert!(get(&["containers", "-o", "yaml"]).out.contains("state: exited"));
}

#[test]
fn a_list_tells_when_nobody_writes_it_any_more() {
    let directory = published();
    let run = run(directory.path(), &["get", "projects"]);
    assert!(run.err.contains("no controller runs"), "{}", run.err);
    assert!(!run.out.contains("warning"), "{}", run.out);
}

#[test]
fn what_is_not_known_ends_in_three() {
    let directory = published();
    let unknown: [&[&str]; 8] = [
        &["get", "projects", "none"],
        &["get", "services", "-p", "none"],
        &["describe", "none"],
        &["describe", "shop/none"],
        &["describe", "container", "none"],
        &["history", "none"],
        &["suspend", "shop/none", "--reason", "x"],
        &["reconcile", "none"],
    ];
    for arguments in unknown {
        let run = run(directory.path(), arguments);
        assert_eq!(run.code, 3, "{arguments:?}: {}", run.err);
    }
    assert!(run(directory.path(), &["describe", "shop/none"]).err.contains("known are web"));
}

#[test]
fn describe_explains_a_crash_loop() {
    let directory = published();
    for arguments in [&["describe", "shop/web"][..], &["describe", "container", "shop-web-1"]] {
        let run = run(directory.path(), arguments);
        assert_eq!(run.code, 0, "{}", run.err);
        for words in [
            "CrashLoopBackOff: waiting on back-off after failure 4, exit code 3",
            "next try:",
            "2033-05-18T03:33:20.000Z",
            "last exit code 3",
            "cannot open the database",
            "resources.memory: 64 -> 128",
            "exited with 3, failure 4",
        ] {
            assert!(run.out.contains(words), "{arguments:?} lacks `{words}`:\n{}", run.out);
        }
    }
    let project = run(directory.path(), &["describe", "shop"]);
    assert!(project.out.contains("/srv/desired-state/shop"), "{}", project.out);
}

#[test]
fn history_tells_what_was_done_and_why() {
    let directory = published();
    let text = run(directory.path(), &["history", "shop"]);
    assert_eq!(text.code, 0, "{}", text.err);
    assert!(
        text.out.contains("StartContainer shop-web-1: exited with 3, failure 4; succeeded"),
        "{}",
        text.out
    );
    let json = run(directory.path(), &["history", "shop", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json[0]["generation"], 3);
}

#[test]
fn a_request_without_a_controller_is_kept() {
    let directory = published();
    let asked: [&[&str]; 4] = [
        &["suspend", "shop/web", "--reason", "migration", "--for", "2h"],
        &["resume", "shop/web"],
        &["reconcile"],
        &["confirm"],
    ];
    for arguments in asked {
        let run = run(directory.path(), arguments);
        assert_eq!(run.code, 1, "{arguments:?}: {}", run.err);
        assert!(run.err.contains("the request is stored"), "{}", run.err);
    }
    let ledger = Ledger::open(&LocalPath::new(directory.path().join("state"))).unwrap();
    assert_eq!(ledger.take_requests().len(), asked.len());
}

#[test]
fn reading_creates_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let run = run(directory.path(), &["get", "projects"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("composelet run"), "{}", run.err);
    assert!(!directory.path().join("state").exists());
}
