//! Others on the same host: names, ports and memory that are taken, and a second controller by another road.

use std::os::unix::fs::symlink;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::fault_proxy::{Fault, Moment, Proxy, Rule};
use crate::real::faults::calls::proxied;
use crate::real::text::{SLEEP, file, service, sleeper};
use crate::support_real::container::Container;
use crate::support_real::host::{Host, IMAGE};
use crate::support_real::look::lines;
use crate::support_real::wait::{eventually, hold};

/// A container of somebody else.
fn stranger(host: &Host, name: &str, more: &serde_json::Value) -> String {
    let mut body = json!({ "Image": IMAGE, "Cmd": ["sleep", "1000000"] });
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    let path = format!("/containers/create?name={name}");
    host.engine.expect("POST", &path, Some(&body))["Id"].as_str().unwrap().to_owned()
}

/// Whatever state it is in, a stranger keeps its name until it goes by itself.
#[tokio::test]
async fn a_stranger_of_any_state_keeps_its_name() {
    let mut host = Host::new();
    let states: [(&str, &[&str]); 4] = [
        ("created", &[]),
        ("running", &["start"]),
        ("paused", &["start", "pause"]),
        ("exited", &["start", "kill"]),
    ];
    let mut strangers = Vec::new();
    for (state, actions) in states {
        let shop = host.project(state);
        let id = stranger(&host, &format!("{shop}-web-1"), &json!({}));
        for action in actions {
            host.engine.act(&id, action);
        }
        host.write(&shop, &sleeper(&[]));
        strangers.push((shop, id, state));
    }
    host.start();
    for (shop, _, _) in &strangers {
        host.described(&format!("{shop}/web"), &["NameHeldByUnmanaged", &format!("{shop}-web-1")])
            .await;
    }
    let mark = host.events.mark().await;
    host.pass();
    host.pass();
    assert_eq!(host.events.since(mark).await, Vec::<String>::new());
    for (shop, id, state) in &strangers {
        let now = host.engine.container(id).expect("it is there");
        assert_eq!((now.name(), now.state()), (format!("{shop}-web-1").as_str(), *state));
        host.engine.remove(id);
    }
    for (shop, _, _) in &strangers {
        host.ready(shop).await;
        host.running(shop, "web").await;
    }
}

/// A port that another container publishes, and one that two of our own want.
#[tokio::test]
async fn a_taken_port_is_told_and_taken_when_it_is_free() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let bindings = json!({ "HostConfig": { "PortBindings": { "80/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "" }] } }, "ExposedPorts": { "80/tcp": {} } });
    let id = stranger(&host, &host.project("other"), &bindings);
    host.engine.act(&id, "start");
    let other = host.engine.container(&id).unwrap();
    let port = other.text("/NetworkSettings/Ports/80~1tcp/0/HostPort").to_owned();
    let publish = format!("ports: [\"127.0.0.1:{port}:80\"]");
    host.write(&shop, &file(&[service("app", SLEEP, &[]), service("web", SLEEP, &[&publish])]));
    host.start();
    host.described(&format!("{shop}/web"), &["PortConflict", &port]).await;
    host.running(&shop, "app").await;
    let now = host.engine.container(&id).unwrap();
    assert!(now.runs() && now.started_at() == other.started_at(), "{}", now.line());
    host.engine.remove(&id);
    host.ready(&shop).await;

    // The second of ours waits for the first; nothing flaps.
    let second = host.project("zweite");
    host.write(&second, &sleeper(&[&publish]));
    host.described(&format!("{second}/web"), &["PortConflict", &port]).await;
    let mark = host.events.mark().await;
    let web = host.running(&shop, "web").await;
    for _ in 0..10 {
        host.pass();
    }
    let happened = host.events.since(mark).await;
    let starts: Vec<_> = happened.iter().filter(|it| it.contains(&shop)).collect();
    assert!(starts.is_empty(), "{happened:#?}");
    host.edit(&shop, &publish, "labels: { free: 'yes' }");
    host.running_and(&shop, "web", "without the port", |now| now.id() != web.id()).await;
    host.ready(&second).await;
    let found = host.engine.containers_of(&second);
    assert_eq!(found.len(), 1, "{}", lines(&found));
}

/// Killed for its memory: told in these words, backed off, and mended by a limit it can live with.
#[tokio::test]
async fn a_container_that_is_killed_for_its_memory_says_so() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let eats = "x=xxxxxxxxxxxxxxxx; while :; do x=$$x$$x; done";
    host.write(&shop, &file(&[service("web", eats, &["mem_limit: 16m"])]));
    host.start();
    let text = host.described(&format!("{shop}/web"), &["CrashLoopBackOff", "next try"]).await;
    assert!(text.to_lowercase().contains("memory"), "the reason is shown:\n{text}");
    host.write(&shop, &sleeper(&["mem_limit: 16m"]));
    host.ready(&shop).await;
}

/// Another state directory, another road to the same engine: the second one still stands by, and takes over.
#[tokio::test]
async fn a_second_controller_by_another_road_stands_by() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &sleeper(&[]));
    host.start();
    host.ready(&shop).await;
    let web = host.running(&shop, "web").await;
    let mark = host.events.mark().await;
    let proxy = Proxy::start(&host.aside().join("other.sock"), host.engine.socket());
    let clone = host.aside().join("clone");
    let copied = std::process::Command::new("cp").arg("-a").arg(host.state()).arg(&clone).status();
    assert!(copied.unwrap().success());
    let desired = host.aside().join("same-desired-state");
    symlink(host.desired(), &desired).unwrap();
    let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let mut second = crate::support_real::controller::command();
    second.args(["run", "--desired-state", &text(&desired), "--state-dir", &text(&clone)]).args([
        "--installation",
        host.project("").trim_end_matches('-'),
        "--host",
        &proxy.address(),
    ]);
    host.start_command(second);
    eventually("the second says that it stands by", || {
        let log = host.controllers[1].log();
        hold(log.contains("standing by"), || log)
    })
    .await;
    host.pass();
    assert_eq!(host.events.since(mark).await, Vec::<String>::new());
    assert_eq!(proxy.changes().len(), 0, "{:#?}", proxy.lines());
    host.kill();
    eventually("the second takes over", || {
        let log = host.controllers[0].log();
        hold(log.contains("taking over"), || log)
    })
    .await;
    host.engine.act(web.id(), "kill");
    let again = |now: &Container| now.started_at() != web.started_at();
    host.running_and(&shop, "web", "healed by the second one", again).await;
}

/// The controller stands still between its look and what it does about it; meanwhile a stranger takes the place.
#[tokio::test]
async fn what_changed_while_it_was_frozen_is_not_taken_for_what_it_saw() {
    let (mut host, proxy) = proxied();
    let shop = host.project("shop");
    host.write(&shop, &sleeper(&[]));
    host.start();
    host.ready(&shop).await;
    let old = host.running(&shop, "web").await;
    let pid = i32::try_from(host.controllers[0].pid()).unwrap();
    let pid = Pid::from_raw(pid).unwrap();

    proxy.rule(Rule::on_change(Fault::Signal(Moment::Before, Signal::STOP)).nth(1));
    host.edit(&shop, "sleep 1000000", "sleep 2000000");
    eventually("it is frozen in its first changing call", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", host.controllers[0].pid()));
        let stat = stat.map_err(|error| error.to_string())?;
        hold(stat.contains(") T "), || stat)
    })
    .await;
    host.engine.remove(old.id());
    let id = stranger(&host, old.name(), &json!({}));
    host.engine.act(&id, "start");
    let before = host.engine.container(&id).unwrap();
    proxy.heal();
    kill_process(pid, Signal::CONT).unwrap();

    host.described(&format!("{shop}/web"), &["NameHeldByUnmanaged", old.name()]).await;
    host.pass();
    let now = host.engine.container(&id).unwrap();
    assert_eq!((now.name(), now.started_at()), (before.name(), before.started_at()));
    assert_eq!(now.state(), "running");
    host.engine.remove(&id);
    host.running_and(&shop, "web", "its name is back", |now| now.name() == old.name()).await;
    host.ready(&shop).await;
}
