//! The engine lies or falls silent on the wire: answers lost, late, wrong; events dropped, doubled, turned round.

use std::time::Duration;

use crate::fault_proxy::{EventFault, Fault, Proxy, Reply, Rule};
use crate::real::faults::calls::proxied;
use crate::real::text::{SLEEP, file, service, sleeper};
use crate::support_real::container::Container;
use crate::support_real::host::Host;
use crate::support_real::look::lines;
use crate::support_real::wait::{eventually, hold, within};

/// Two layers, one network.
fn two() -> String {
    file(&[service("app", SLEEP, &["depends_on: [db]"]), service("db", SLEEP, &[])])
}

/// Whether exactly the two containers are there and run; nothing is left over.
async fn two_run(host: &Host, shop: &str, what: &str) {
    eventually(&format!("{what}: two containers run"), || {
        let found = host.engine.containers_of(shop);
        let names: Vec<&str> = found.iter().map(Container::name).collect();
        let right = names == [format!("{shop}-app-1"), format!("{shop}-db-1")];
        hold(right && found.iter().all(Container::runs), || lines(&found))
    })
    .await;
    host.ready(shop).await;
    let networks = host.engine.get("/networks");
    let networks = networks.as_array().unwrap().iter();
    let count = networks.filter(|one| one["Name"].as_str().unwrap().starts_with(shop)).count();
    assert_eq!(count, 1, "{what}: one network of that name");
}

/// Every kind of failure of every kind of call of a first deployment, one at a time: none is done twice, none is forgotten.
#[tokio::test]
async fn a_call_that_fails_in_any_way_is_done_once() {
    let faults = [
        Fault::Answer(Reply::new(500, "boom")),
        Fault::Answer(Reply::new(503, "busy").retry_after(1)),
        Fault::Answer(Reply::new(429, "slow down")),
        Fault::ForwardThenAnswer(Reply::new(500, "boom")),
        Fault::ForwardThenClose,
        Fault::Reset,
        Fault::Cut(3),
        Fault::Corrupt,
        Fault::Delay(Duration::from_secs(1)),
        Fault::Drip(Duration::from_millis(5)),
    ];
    let paths = ["/networks/create", "/containers/create", "/containers/*/start"];
    let (mut host, proxy) = proxied();
    host.start();
    for path in paths {
        for (n, fault) in faults.iter().enumerate() {
            let what = format!("{path} {fault:?}");
            let shop = host.project(&format!("s{n}"));
            proxy.rule(Rule::on("POST", path, fault.clone()).nth(1));
            host.write(&shop, &two());
            two_run(&host, &shop, &what).await;
            proxy.heal();
        }
        for n in 0..faults.len() {
            let shop = host.project(&format!("s{n}"));
            std::fs::remove_dir_all(host.desired().join(&shop)).unwrap();
        }
        host.kill();
        for n in 0..faults.len() {
            clear(&host, &host.project(&format!("s{n}")));
        }
        std::fs::remove_dir_all(host.state()).unwrap();
        host.start();
    }
}

/// Takes a project away by hand.
fn clear(host: &Host, project: &str) {
    for container in host.engine.containers_of(project) {
        host.engine.remove(container.id());
    }
    let name = format!("/networks/{project}_default");
    if host.engine.find(&name).is_some() {
        host.engine.expect("DELETE", &name, None);
    }
}

/// Calls that only ask fail, too: nobody takes no answer for nothing there.
#[tokio::test]
async fn a_question_that_fails_changes_nothing() {
    let (mut host, proxy) = proxied();
    let shop = host.project("shop");
    host.write(&shop, &two());
    host.start();
    host.ready(&shop).await;
    let mark = host.events.mark().await;
    for path in ["/containers/json", "/containers/*/json", "/networks", "/volumes"] {
        for fault in [
            Fault::Answer(Reply::new(500, "boom")),
            Fault::Answer(Reply::new(404, "no such thing")),
            Fault::Corrupt,
            Fault::Cut(20),
            Fault::Reset,
        ] {
            proxy.rule(Rule::on("GET", path, fault.clone()).first(6));
            host.run(&["reconcile", &shop]);
            proxy.heal();
        }
    }
    host.pass();
    host.ready(&shop).await;
    let happened = host.events.since(mark).await;
    assert_eq!(happened, Vec::<String>::new(), "{:#?}", proxy.lines());
}

/// Events twice, turned round, replayed, and streams that end every few events: no start too many.
#[tokio::test]
async fn events_that_lie_cause_no_restart() {
    for fault in [
        EventFault::Duplicate,
        EventFault::Reorder,
        EventFault::Replay(3),
        EventFault::CloseEvery(4),
    ] {
        let (mut host, proxy) = proxied();
        proxy.rule(Rule::on("GET", "/events", Fault::Events(fault)));
        let shop = host.project("shop");
        host.write(&shop, &two());
        host.start();
        two_run(&host, &shop, &format!("{fault:?}")).await;
        let db = host.running(&shop, "db").await;
        let mark = host.events.mark().await;
        host.engine.act(db.id(), "kill");
        let again = |now: &Container| now.started_at() != db.started_at();
        host.running_and(&shop, "db", "healed", again).await;
        host.ready(&shop).await;
        host.pass();
        let starts = host.events.since(mark).await;
        let starts: Vec<_> = starts.iter().filter(|it| it.starts_with("container start")).collect();
        assert_eq!(starts, [&format!("container start {shop}-db-1")], "{fault:?}");
    }
}

/// No event comes and no file is announced: the next list and the next reading find everything.
#[tokio::test]
async fn without_events_and_notices_it_converges_in_one_resync() {
    let (mut host, proxy) = proxied();
    proxy.rule(Rule::on("GET", "/events", Fault::Events(EventFault::DropAll)));
    host.arguments.push("--poll".to_owned());
    let shop = host.project("shop");
    host.write(&shop, &two());
    host.start();
    host.ready(&shop).await;
    let db = host.running(&shop, "db").await;
    host.engine.act(db.id(), "kill");
    within(Duration::from_secs(40), "healed by the next list", || {
        let now = host.only(&shop, "db")?;
        hold(now.runs() && now.started_at() != db.started_at(), || now.line())
    })
    .await;
    host.edit(&shop, "db:\n", "db:\n    environment: { N: b }\n");
    within(Duration::from_secs(15), "the edit is found by reading", || {
        let now = host.only(&shop, "db")?;
        hold(now.runs() && now.environment().contains(&"N=b"), || now.line())
    })
    .await;
    host.ready(&shop).await;
}

/// More happens in a gap than the engine remembers: the list after it finds what matters.
#[tokio::test]
async fn a_gap_with_a_burst_of_300_cycles_hides_nothing() {
    let (mut host, proxy) = proxied();
    let shop = host.project("shop");
    host.write(&shop, &two());
    host.start();
    host.ready(&shop).await;
    let (app, db) = (host.running(&shop, "app").await, host.running(&shop, "db").await);
    proxy.refuse();
    host.engine.act(db.id(), "kill");
    host.engine.remove(app.id());
    let name = host.project("burst");
    let body = serde_json::json!({ "Image": crate::support_real::host::IMAGE, "Cmd": ["true"] });
    for _ in 0..300 {
        let path = format!("/containers/create?name={name}");
        host.engine.expect("POST", &path, Some(&body));
        host.engine.remove(&name);
    }
    proxy.listen();
    two_run(&host, &shop, "after the gap").await;
    assert_eq!(host.only(&shop, "db").unwrap().id(), db.id(), "started, not replaced");
    assert_ne!(host.only(&shop, "app").unwrap().id(), app.id());
    let told = host.controllers[0].log().matches("engine: lost").count();
    assert_eq!(told, 1, "{}", host.controllers[0].tail());
}

/// An engine that comes back with another API: it is said, and waited for.
#[tokio::test]
async fn an_engine_that_comes_back_with_an_api_of_its_own_is_told() {
    let (mut host, proxy) = proxied();
    let shop = host.project("shop");
    host.write(&shop, &sleeper(&[]));
    host.start();
    host.ready(&shop).await;
    let web = host.running(&shop, "web").await;
    proxy.refuse();
    proxy.rule(Rule::on("GET", "/version", Fault::ApiVersion("1.99".to_owned())));
    proxy.listen();
    eventually("the status names the API", || {
        let engine = host.controller()?.engine;
        hold(engine.contains("1.99"), || engine)
    })
    .await;
    proxy.heal();
    host.ready(&shop).await;
    let now = host.only(&shop, "web").unwrap();
    assert_eq!((now.id(), now.started_at()), (web.id(), web.started_at()));
}

/// A container that hangs in the engine delays nobody else, and is not forgotten.
#[tokio::test]
async fn a_call_that_never_ends_delays_its_own_container_only() {
    let (mut host, proxy): (Host, Proxy) = proxied();
    let (slow, quick) = (host.project("slow"), host.project("quick"));
    let label = format!("\"com.docker.compose.project\":\"{slow}\"");
    proxy.rule(Rule::on("POST", "/containers/create", Fault::HangBefore).with_body(&label).nth(1));
    host.write(&slow, &sleeper(&[]));
    host.write(&quick, &sleeper(&[]));
    host.start();
    host.running(&quick, "web").await;
    let stuck = host.engine.containers_of(&slow);
    assert_eq!(stuck.len(), 0, "{}", lines(&stuck));
    host.kill();
    host.start();
    host.ready(&slow).await;
    host.ready(&quick).await;
}
