//! What is shared with other containers follows them: namespaces, volumes, names.

use crate::real::text::{SLEEP, file, service};
use crate::support_real::compose::compose;
use crate::support_real::container::Container;
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

/// `vpn`, and `web` in its network and IPC namespaces.
async fn with_vpn() -> (Host, String, Container, Container) {
    let mut host = Host::new();
    let shop = host.project("shop");
    let vpn = service("vpn", SLEEP, &["environment: { COLOUR: crimson }"]);
    let web = service("web", SLEEP, &["network_mode: service:vpn", "ipc: service:vpn"]);
    let vpn = vpn.replace("environment:", "ipc: shareable\n    environment:");
    host.write(&shop, &file(&[vpn, web]));
    host.start();
    host.ready(&shop).await;
    let (vpn, web) = (host.running(&shop, "vpn").await, host.running(&shop, "web").await);
    assert_shared(&host, &vpn, &web);
    (host, shop, vpn, web)
}

/// `web` is in the live network namespace of `vpn`.
fn assert_shared(host: &Host, vpn: &Container, web: &Container) {
    for mode in ["/HostConfig/NetworkMode", "/HostConfig/IpcMode"] {
        assert_eq!(web.text(mode), format!("container:{}", vpn.id()), "{}", web.line());
    }
    let address =
        |one: &Container| host.engine.exec(one.id(), &["ip", "-4", "addr", "show", "eth0"]);
    let own = address(vpn);
    assert!(own.contains("inet "), "{own}");
    assert_eq!(address(web), own, "one network");
}

/// Nothing is done any more.
async fn assert_silent(host: &Host, shop: &str) {
    host.ready(shop).await;
    host.pass();
    let mark = host.events.mark().await;
    for _ in 0..5 {
        host.pass();
    }
    assert_eq!(host.events.since(mark).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_killed_owner_takes_its_sharers_along() {
    let (host, shop, vpn, web) = with_vpn().await;
    host.engine.act(vpn.id(), "kill");
    let again = |now: &Container| now.started_at() != vpn.started_at();
    let vpn = host.running_and(&shop, "vpn", "another run", again).await;
    let after = |now: &Container| now.started_at() > vpn.started_at();
    let now = host.running_and(&shop, "web", "a run after it", after).await;
    assert_eq!(now.id(), web.id(), "a restart is enough");
    assert_shared(&host, &vpn, &now);
    assert_silent(&host, &shop).await;
}

#[tokio::test]
async fn an_owner_replaced_by_an_edit_has_its_sharers_replaced() {
    let (host, shop, vpn, web) = with_vpn().await;
    host.edit(&shop, "COLOUR: crimson", "COLOUR: azure");
    let other = |before: &Container| {
        let id = before.id().to_owned();
        move |now: &Container| now.id() != id
    };
    let new = host.running_and(&shop, "vpn", "another container", other(&vpn)).await;
    let now = host.running_and(&shop, "web", "another container", other(&web)).await;
    host.ready(&shop).await;
    assert_shared(&host, &new, &now);
    assert_silent(&host, &shop).await;
    assert_eq!(host.engine.containers_of(&shop).len(), 2, "nothing is left over");
}

#[tokio::test]
async fn an_owner_removed_by_hand_leaves_nobody_in_a_dead_namespace() {
    let (host, shop, vpn, web) = with_vpn().await;
    host.engine.remove(vpn.id());
    let (old, joined) = (vpn.id().to_owned(), web.id().to_owned());
    let vpn = host.running_and(&shop, "vpn", "another container", |now| now.id() != old).await;
    let now = host.running_and(&shop, "web", "another container", |now| now.id() != joined).await;
    host.ready(&shop).await;
    assert_shared(&host, &vpn, &now);
    assert_silent(&host, &shop).await;
}

/// The label is the one that the command line would write: its `up` changes nothing.
#[tokio::test]
async fn the_command_line_finds_nothing_to_do() {
    let (host, shop, vpn, web) = with_vpn().await;
    compose(&host.engine, &host.desired().join(&shop), &["up", "-d"]);
    for (name, before) in [("vpn", &vpn), ("web", &web)] {
        let now = host.only(&shop, name).unwrap();
        assert_eq!((now.id(), now.started_at()), (before.id(), before.started_at()), "{name}");
    }
    assert_silent(&host, &shop).await;
}

#[tokio::test]
async fn volumes_of_another_are_read_only_and_flow_on() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let data = service("data", SLEEP, &["volumes: [/data]", "environment: { COLOUR: crimson }"]);
    let web = service("web", SLEEP, &["volumes_from: [\"data:ro\"]"]);
    host.write(&shop, &file(&[data, web]));
    host.start();
    host.ready(&shop).await;
    let (data, web) = (host.running(&shop, "data").await, host.running(&shop, "web").await);
    host.engine.exec(data.id(), &["sh", "-c", "echo kept > /data/it"]);
    let tries = ["sh", "-c", "cat /data/it; touch /data/new || echo refused"];
    let seen = host.engine.exec(web.id(), &tries);
    assert!(seen.contains("kept") && seen.contains("refused"), "{seen}");
    host.edit(&shop, "COLOUR: crimson", "COLOUR: azure");
    let old = (data.id().to_owned(), web.id().to_owned());
    host.running_and(&shop, "data", "another container", |now| now.id() != old.0).await;
    let web = host.running_and(&shop, "web", "another container", |now| now.id() != old.1).await;
    host.ready(&shop).await;
    let seen = host.engine.exec(web.id(), &tries);
    assert!(seen.contains("kept") && seen.contains("refused"), "{seen}");
    assert_silent(&host, &shop).await;
}

#[tokio::test]
async fn links_resolve_by_every_name() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let db = service("db", SLEEP, &["environment: { COLOUR: crimson }"]);
    let web = service("web", SLEEP, &["links: [\"db:database\"]"]);
    host.write(&shop, &file(&[db, web]));
    host.start();
    host.ready(&shop).await;
    let names = ["database".to_owned(), "db-1".to_owned(), format!("{shop}-db-1")];
    let resolves = |web: &Container| {
        let found = |name: &String| {
            let line = format!("nslookup {name} 127.0.0.11 >/dev/null 2>&1 && echo found");
            host.engine.exec(web.id(), &["sh", "-c", &line]).contains("found")
        };
        let missing: Vec<&String> = names.iter().filter(|name| !found(name)).collect();
        hold(missing.is_empty(), || format!("{missing:?}"))
    };
    let web = host.running(&shop, "web").await;
    eventually("the names resolve", || resolves(&web)).await;
    assert_silent(&host, &shop).await;
    // The link restarts whoever has it when the other is replaced, as for the command line.
    host.edit(&shop, "COLOUR: crimson", "COLOUR: azure");
    let again = |now: &Container| now.started_at() != web.started_at();
    let now = host.running_and(&shop, "web", "another run", again).await;
    assert_eq!(now.id(), web.id());
    eventually("the names resolve again", || resolves(&now)).await;
    assert_silent(&host, &shop).await;
}
