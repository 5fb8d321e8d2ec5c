//! Webhooks by the command line: the log of deliveries, and settings that `run` refuses.

use std::fs;
use std::path::Path;

use composelet::ledger::Ledger;
use composelet::model::hint::{Delivery, DeliveryOutcome};
use composelet::model::path::LocalPath;
use composelet::model::time::Timestamp;

use crate::cli_binary::composelet;

fn delivery(hook: &str, outcome: DeliveryOutcome, count: u32, reason: &str) -> Delivery {
    let at = Timestamp::from_millis(1_700_000_000_000);
    Delivery {
        at,
        last: at,
        count,
        hook: hook.to_owned(),
        forge: "github".to_owned(),
        id: None,
        from: "192.0.2.1".to_owned(),
        outcome,
        reason: reason.to_owned(),
    }
}

fn state(directory: &Path) -> Ledger {
    Ledger::open(&LocalPath::new(directory.join("state"))).unwrap()
}

#[test]
fn deliveries_are_listed() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = state(directory.path());
    let of = |arguments: &[&str]| {
        let all = [&["webhooks", "--state-dir", "state"], arguments].concat();
        let run = composelet(directory.path(), &all);
        assert_eq!(run.code, 0, "{}", run.err);
        run
    };
    assert!(of(&[]).err.contains("nothing came in yet"));
    let pushed = "refs/heads/main of https://h/a";
    let deliveries = [
        delivery("shop", DeliveryOutcome::Accepted, 1, pushed),
        delivery("shop", DeliveryOutcome::Refused, 17, "no x-hub-signature-256"),
        delivery("hub", DeliveryOutcome::Duplicate, 2, "it was here before"),
    ];
    ledger.publish_deliveries(&deliveries).unwrap();
    let all = of(&[]).out;
    let lines: Vec<Vec<&str>> =
        all.lines().map(|line| line.split_whitespace().skip(1).collect()).collect();
    assert_eq!(lines[0], ["HOOK", "FORGE", "OUTCOME", "TIMES", "FROM", "ABOUT"]);
    assert_eq!(lines[1][..5], ["shop", "github", "accepted", "1", "192.0.2.1"]);
    assert!(all.contains(pushed), "{all}");
    assert_eq!(lines[2][2..4], ["refused", "17"]);
    let only = of(&["hub", "-o", "json"]).out;
    let only: Vec<Delivery> = serde_json::from_str(&only).unwrap();
    assert_eq!(only, deliveries[2..]);
    assert_eq!(of(&["-n", "1"]).out.lines().count(), 2);
}

#[test]
fn a_hook_that_cannot_work_is_refused_before_anything_begins() {
    let directory = tempfile::tempdir().unwrap();
    let run = |settings: &str| {
        fs::write(directory.path().join("composelet.yaml"), settings).unwrap();
        let arguments = ["run", "--config", "composelet.yaml", "--state-dir", "state"];
        let run = composelet(directory.path(), &arguments);
        assert_eq!(run.code, 2, "{}", run.err);
        assert!(!directory.path().join("state").exists());
        run.err
    };
    fs::write(directory.path().join("secret"), "hunter2\n").unwrap();
    let hook = "webhooks: {hooks: [{name: shop, forge: github, secrets: [{file: secret}]}]}\n";
    let told = run(hook);
    assert!(told.contains("hook shop: secret 1 has 7 bytes; at least 16 are needed"), "{told}");
    assert!(told.contains("docs/webhooks.md") && !told.contains("hunter2"), "{told}");
    let told = run(&hook.replace("secrets", "secret"));
    assert!(told.contains("`webhooks.hooks[0].secret`; did you mean `secrets`?"), "{told}");
    let told = run("webhook: {}\n");
    assert!(told.contains("did you mean `webhooks`?"), "{told}");
}
