//! The controller as a process: it comes, goes and is doubled without a container noticing.

use crate::real::text::sleeper;
use crate::support_real::container::Container;
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

#[tokio::test]
async fn sigterm_touches_no_container() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &sleeper(&["restart: unless-stopped"]));
    host.start();
    host.ready(&shop).await;
    let mark = host.events.mark().await;
    host.terminate().await;
    assert_eq!(host.events.since(mark).await, Vec::<String>::new());
    assert!(host.only(&shop, "web").unwrap().runs());
}

#[tokio::test]
async fn a_second_controller_stands_by_and_takes_over() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &sleeper(&[]));
    host.start();
    host.ready(&shop).await;
    let web = host.running(&shop, "web").await;
    host.start();
    eventually("the second says that it stands by", || {
        let log = host.controllers[1].log();
        hold(log.contains("stand") && log.contains("by"), || log)
    })
    .await;
    let mark = host.events.mark().await;
    host.pass();
    assert_eq!(host.events.since(mark).await, Vec::<String>::new());
    assert_eq!(host.controller().unwrap().pid, host.controllers[0].pid(), "the first one acts");

    host.kill();
    host.ready(&shop).await;
    assert_eq!(host.events.since(mark).await, Vec::<String>::new(), "taking over touches nothing");
    host.engine.act(web.id(), "kill");
    let again = |now: &Container| now.started_at() != web.started_at();
    host.running_and(&shop, "web", "healed by the second one", again).await;
}

/// Everything that happened while nobody looked is found at the next start.
#[tokio::test]
async fn what_happened_while_it_was_away_is_put_right() {
    let mut host = Host::new();
    let (shop, gone) = (host.project("shop"), host.project("gone"));
    host.write(&shop, &sleeper(&["environment: { COLOUR: red }"]));
    host.write(&gone, &sleeper(&[]));
    host.start();
    host.ready(&shop).await;
    host.ready(&gone).await;
    host.kill();
    host.edit(&shop, "COLOUR: red", "COLOUR: blue");
    std::fs::remove_dir_all(host.desired().join(&gone)).unwrap();
    host.engine.act(host.only(&shop, "web").unwrap().id(), "kill");
    host.start();
    let blue = |now: &Container| now.environment().contains(&"COLOUR=blue");
    host.running_and(&shop, "web", "edited and running", blue).await;
    eventually("the removed project is gone", || {
        let left = host.engine.containers_of(&gone);
        hold(left.is_empty(), || crate::support_real::look::lines(&left))
    })
    .await;
    host.ready(&shop).await;
}

/// What went from the directory while nobody looked is not made again first: nothing is done before the first reading.
#[tokio::test]
async fn what_was_removed_while_it_was_away_is_not_made_again() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &sleeper(&["scale: 2"]));
    host.start();
    host.ready(&shop).await;
    host.settled(&shop).await;
    host.kill();
    host.engine.remove(host.containers(&shop, "web")[0].id());
    std::fs::remove_dir_all(host.desired().join(&shop)).unwrap();
    let mark = host.events.mark().await;
    host.start();
    eventually("the removed project is gone", || {
        let left = host.engine.containers_of(&shop);
        hold(left.is_empty(), || crate::support_real::look::lines(&left))
    })
    .await;
    let events = host.events.since(mark).await;
    assert!(!events.iter().any(|event| event.contains("create")), "{events:#?}");
}
