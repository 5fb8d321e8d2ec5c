//! How files come and change: broken ones hold, editors may save as they like.

use std::fs;

use composelet::model::status::{ConditionKind, Truth};

use crate::real::text::{SLEEP, file, service, sleeper};
use crate::support_real::container::Container;
use crate::support_real::host::Host;
use crate::support_real::look::condition;

/// A file that cannot be read holds its project at the last good version, over a restart of the controller too.
#[tokio::test]
async fn a_corrupt_file_holds_the_last_good_version() {
    let mut host = Host::new();
    let (shop, other) = (host.project("shop"), host.project("other"));
    host.write(&shop, &sleeper(&[]));
    host.start();
    host.ready(&shop).await;
    let web = host.running(&shop, "web").await;
    host.write(&shop, "services:\n  web:\n    image: [composelet-test/busybox:1\n    init: true\n");
    let words = ["InvalidManifest", "compose.yaml:"];
    let text = host.described(&shop, &words).await;
    let place = text.split("compose.yaml:").nth(1).unwrap();
    let mut numbers = place.split([':', ' ', '\n']).map(|part| part.parse::<u32>().unwrap_or(0));
    let (line, column) = (numbers.next().unwrap(), numbers.next().unwrap());
    assert!((3..=5).contains(&line) && column > 0, "{text}");

    // Others are not held, and what is held is still healed.
    host.write(&other, &sleeper(&[]));
    host.ready(&other).await;
    host.engine.act(web.id(), "kill");
    let again = |now: &Container| now.started_at() != web.started_at();
    let healed = host.running_and(&shop, "web", "healed from the last good version", again).await;
    assert_eq!(healed.id(), web.id());
    host.kill();
    host.start();
    host.ready(&other).await;
    host.pass();
    assert_eq!(host.only(&shop, "web").unwrap().started_at(), healed.started_at());

    host.write(&shop, &sleeper(&["environment: { MENDED: '1' }"]));
    let mended = |now: &Container| now.environment().contains(&"MENDED=1");
    host.running_and(&shop, "web", "the mended version", mended).await;
    host.ready(&shop).await;
}

/// An unknown key is an error with its place and the nearest known name; nothing is started from such a file.
#[tokio::test]
async fn an_unknown_key_starts_nothing_and_names_the_nearest() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &sleeper(&["enviroment: { A: b }"]));
    host.start();
    host.described(&shop, &["compose.yaml:6:5", "enviroment", "environment"]).await;
    assert_eq!(host.engine.containers_of(&shop).len(), 0);
    let status = host.status(&shop).unwrap();
    assert_ne!(condition(&status, ConditionKind::Ready).unwrap().status, Truth::True);
}

/// Editors write beside and rename over; their left-overs are no projects.
#[tokio::test]
async fn a_save_by_renaming_over_is_one_change() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &sleeper(&[]));
    host.start();
    host.ready(&shop).await;
    let web = host.running(&shop, "web").await;
    let directory = host.desired().join(&shop);
    for name in [".compose.yaml.swp", "compose.yaml~", "4913", "#compose.yaml#"] {
        fs::write(directory.join(name), "services: { left: { over: [").unwrap();
    }
    let temporary = directory.join(".compose.yaml.tmp");
    fs::write(&temporary, sleeper(&["environment: { SAVED: '1' }"])).unwrap();
    fs::rename(&temporary, host.manifest(&shop)).unwrap();
    let saved = |now: &Container| now.environment().contains(&"SAVED=1");
    host.running_and(&shop, "web", "the saved version", saved).await;
    host.ready(&shop).await;
    let events = host.events.since(0).await;
    let creates = events.iter().filter(|event| event.starts_with("container create")).count();
    assert_eq!(creates, 2, "{} once, and once more: {events:#?}", web.name());
}

/// One file directly in the directory is a project as well; its `name` counts.
#[tokio::test]
async fn a_single_file_is_a_project() {
    let mut host = Host::new();
    let named = host.project("named");
    let text = format!("name: {named}\n{}", sleeper(&[]));
    fs::write(host.desired().join("anything.yaml"), text).unwrap();
    host.start();
    host.ready(&named).await;
    host.running(&named, "web").await;
}

/// A file that arrives in two halves is not acted upon as half an application.
#[tokio::test]
async fn a_torn_write_removes_nothing() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let whole = file(&[service("app", SLEEP, &[]), service("db", SLEEP, &[])]);
    host.write(&shop, &whole);
    host.start();
    host.ready(&shop).await;
    let db = host.running(&shop, "db").await;
    let half = file(&[service("app", SLEEP, &[])]);
    assert!(whole.starts_with(&half), "the first half is a valid file");
    host.write(&shop, &half);
    host.settling(&shop).await;
    host.write(&shop, &whole);
    host.settled(&shop).await;
    host.ready(&shop).await;
    let now = host.only(&shop, "db").unwrap();
    assert_eq!((now.id(), now.started_at()), (db.id(), db.started_at()));
}
