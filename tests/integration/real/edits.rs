//! An edit of a file changes what it must and nothing else.

use crate::real::text::{SLEEP, file, service, sleeper};
use crate::support_real::container::Container;
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

/// Two services, of which only the edited one may change.
async fn with_two() -> (Host, String, Container, Container) {
    let mut host = Host::new();
    let shop = host.project("shop");
    let lines = ["environment: { COLOUR: crimson }", "mem_limit: 64m", "scale: 1"];
    host.write(&shop, &file(&[service("web", SLEEP, &lines), service("db", SLEEP, &[])]));
    host.start();
    host.ready(&shop).await;
    let (web, db) = (host.running(&shop, "web").await, host.running(&shop, "db").await);
    (host, shop, web, db)
}

fn assert_untouched(host: &Host, project: &str, service: &str, before: &Container) {
    let now = host.only(project, service).unwrap();
    assert_eq!((now.id(), now.started_at()), (before.id(), before.started_at()), "{}", now.line());
}

#[tokio::test]
async fn a_changed_variable_recreates_its_service_only() {
    let (host, shop, web, db) = with_two().await;
    host.edit(&shop, "COLOUR: crimson", "COLOUR: azure");
    let blue = |now: &Container| now.environment().contains(&"COLOUR=azure");
    let now = host.running_and(&shop, "web", "the new variable", blue).await;
    assert_ne!(now.id(), web.id());
    eventually("it has its own name", || {
        let now = host.only(&shop, "web")?;
        hold(now.name() == web.name(), || now.line())
    })
    .await;
    host.ready(&shop).await;
    assert_untouched(&host, &shop, "db", &db);
    assert_eq!(host.engine.containers_of(&shop).len(), 2, "nothing is left of the old one");
    // A changed value of a variable may be a secret: the reason names the key, never the values.
    let text = host.described(&format!("{shop}/web"), &["COLOUR"]).await;
    assert!(!text.contains("azure") && !text.contains("crimson"), "{text}");
}

#[tokio::test]
async fn a_changed_limit_is_applied_live() {
    let (host, shop, web, db) = with_two().await;
    host.edit(&shop, "mem_limit: 64m", "mem_limit: 96m");
    let larger = |now: &Container| now.number("/HostConfig/Memory") == 96 << 20;
    host.running_and(&shop, "web", "the new limit", larger).await;
    host.ready(&shop).await;
    assert_untouched(&host, &shop, "web", &web);
    assert_untouched(&host, &shop, "db", &db);
}

#[tokio::test]
async fn a_service_is_scaled_up_and_down() {
    let (host, shop, web, db) = with_two().await;
    host.edit(&shop, "scale: 1", "scale: 3");
    let three = host.replicas(&shop, "web", 3).await;
    assert!(three.iter().any(|one| one.id() == web.id()), "the first one stays");
    host.ready(&shop).await;
    host.edit(&shop, "scale: 3", "scale: 1");
    let one = host.replicas(&shop, "web", 1).await;
    assert_eq!(one[0].id(), web.id(), "the highest numbers go first");
    host.ready(&shop).await;
    assert_untouched(&host, &shop, "db", &db);
}

#[tokio::test]
async fn a_service_taken_out_of_the_file_is_removed_after_a_second_look() {
    let (host, shop, web, _) = with_two().await;
    host.write(&shop, &file(&[service("web", SLEEP, &[])]));
    eventually("db is gone", || {
        let left = host.containers(&shop, "db");
        hold(left.is_empty(), || crate::support_real::look::lines(&left))
    })
    .await;
    host.ready(&shop).await;
    assert_ne!(host.running(&shop, "web").await.id(), web.id(), "its variable is gone too");
}

/// Comments, order and notation are no change.
#[tokio::test]
async fn a_cosmetic_edit_does_nothing() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &sleeper(&["environment: { A: b, C: d }"]));
    host.start();
    host.ready(&shop).await;
    let mark = host.events.mark().await;
    host.edit(&shop, "environment: { A: b, C: d }", "# changed\n    environment: [C=d, A=b]");
    // The reading that finds this one has seen the edit.
    let later = host.project("later");
    host.write(&later, &sleeper(&[]));
    host.ready(&later).await;
    host.pass();
    let events = host.events.since(mark).await;
    let of_shop: Vec<_> = events.iter().filter(|event| event.contains(&shop)).collect();
    assert_eq!(of_shop, Vec::<&String>::new());
    host.ready(&shop).await;
}

/// There and back again before anybody read it.
#[tokio::test]
async fn an_edit_that_is_undone_at_once_does_nothing() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &sleeper(&["environment: { A: b }"]));
    host.start();
    host.ready(&shop).await;
    let web = host.running(&shop, "web").await;
    let mark = host.events.mark().await;
    for _ in 0..3 {
        host.edit(&shop, "{ A: b }", "{ A: c }");
        host.edit(&shop, "{ A: c }", "{ A: b }");
    }
    let later = host.project("later");
    host.write(&later, &sleeper(&[]));
    host.ready(&later).await;
    host.pass();
    host.ready(&shop).await;
    let events = host.events.since(mark).await;
    let of_shop: Vec<_> = events.iter().filter(|event| event.contains(&shop)).collect();
    assert_eq!(of_shop, Vec::<&String>::new());
    let now = host.only(&shop, "web").unwrap();
    assert_eq!((now.id(), now.started_at()), (web.id(), web.started_at()));
}
