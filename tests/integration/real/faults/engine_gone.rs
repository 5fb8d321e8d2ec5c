//! The engine killed, frozen, stopped in the middle of work, or not there: an engine of each test's own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::fault_proxy::Proxy;
use crate::real::text::{SLEEP, file, service, sleeper};
use crate::support_real::container::Container;
use crate::support_real::controller::command;
use crate::support_real::host::Host;
use crate::support_real::look::lines;
use crate::support_real::private_engine::PrivateEngine;
use crate::support_real::results::record;
use crate::support_real::wait::{eventually, hold, within};

/// How long everything that should run may take to run again, once the engine answers, in seconds. On a machine of two cores
/// that does nothing else, `BACK_WITHIN_SECONDS=10` holds; beside other tests the engine alone needs longer for twenty starts.
fn back_within() -> Duration {
    let asked = std::env::var("BACK_WITHIN_SECONDS").map_or(60, |text| text.parse().unwrap());
    Duration::from_secs(asked)
}

/// How long the engine is frozen, in seconds: `FREEZE_SECONDS`, or short.
fn freeze() -> u32 {
    std::env::var("FREEZE_SECONDS").map_or(20, |text| text.parse().unwrap())
}

/// Twenty containers of every restart policy, in two layers, and one that is never started again.
fn every_policy() -> String {
    let with = |policy: &'static str, more: &[&'static str]| {
        let mut list = vec!["scale: 4"];
        if !policy.is_empty() {
            list.push(policy);
        }
        list.extend(more);
        list
    };
    file(&[
        service("always", SLEEP, &with("restart: always", &[])),
        service("app", SLEEP, &with("restart: unless-stopped", &["depends_on: [db]"])),
        service("db", SLEEP, &with("restart: unless-stopped", &[])),
        service("failing", SLEEP, &with("restart: on-failure", &[])),
        service("nothing", SLEEP, &with("", &[])),
        service("once", SLEEP, &["restart: \"no\""]),
    ])
}

fn all_run(host: &Host, project: &str, but: &str) -> Result<Vec<Container>, String> {
    let mut found = host.engine.containers_of(project);
    found.retain(|one| !one.name().contains(but));
    hold(found.iter().all(Container::runs), || lines(&found))?;
    Ok(found)
}

#[tokio::test]
async fn after_kill_9_of_the_engine_all_that_should_run_runs_again() {
    let mut private = PrivateEngine::start().await;
    let mut host = Host::on(private.engine());
    let shop = host.project("shop");
    host.write(&shop, &every_policy());
    host.start();
    host.ready(&shop).await;
    let before = host.engine.containers_of(&shop);
    assert_eq!(before.len(), 21);

    private.kill();
    private.resume().await;
    let answers = tokio::time::Instant::now();
    let after =
        within(back_within(), "all that should run runs again", || all_run(&host, &shop, "-once-"))
            .await;
    let after_ms = answers.elapsed().as_millis();
    eprintln!("all run again {after_ms} ms after the engine's first answer");
    record("engine-killed", &json!({ "all_run_after_ms": after_ms }));
    assert_eq!(after.len(), 20, "{}", lines(&after));
    for container in &after {
        let same = before.iter().any(|one| one.id() == container.id());
        assert!(same, "started, not replaced: {}", container.line());
    }
    // What we start, we start in order: the engine leaves `unless-stopped` where it is after SIGKILL.
    let started = |service: &str| {
        let mut times: Vec<String> = after
            .iter()
            .filter(|one| one.name().contains(service))
            .map(|one| one.started_at().to_owned())
            .collect();
        times.sort();
        times
    };
    let (db, app) = (started("-db-"), started("-app-"));
    assert!(db.last() < app.first(), "db {db:?}, app {app:?}");
    let once = host.only(&shop, "once").unwrap();
    assert!(!once.runs(), "`no` means no: {}", once.line());
    let told = host.controllers[0].log().matches("engine: lost").count();
    assert_eq!(told, 1, "one loss is told once");

    // Nothing more happens: each container has begun one run since.
    let times = |host: &Host| {
        let all = host.engine.containers_of(&shop);
        all.iter().map(|one| one.started_at().to_owned()).collect::<Vec<_>>()
    };
    let first = times(&host);
    host.pass();
    host.pass();
    assert_eq!(times(&host), first);
}

/// A frozen engine takes connections and answers nothing: only deadlines help.
#[tokio::test]
async fn a_frozen_engine_delays_and_breaks_nothing() {
    let private = PrivateEngine::start().await;
    let mut host = Host::on(private.engine());
    let (shop, new) = (host.project("shop"), host.project("new"));
    host.write(&shop, &file(&[service("app", SLEEP, &[]), service("db", SLEEP, &[])]));
    host.start();
    host.ready(&shop).await;
    let db = host.running(&shop, "db").await;
    private.signal(Signal::STOP);
    host.edit(&shop, "app:\n", "app:\n    environment: { N: b }\n");
    host.write(&new, &sleeper(&[]));
    let (state, limit) = (host.state(), Duration::from_secs(u64::from(freeze())));
    eventually("it is said that the engine does not answer", || {
        let run = host.run(&["get", "projects"]);
        let controller = fs::read_to_string(state.join("status/controller.json")).unwrap();
        hold(controller.contains("lost") || controller.contains("unreachable"), || {
            format!("{}{}{controller}", run.out, run.err)
        })
    })
    .await;
    let thawed = tokio::time::Instant::now() + limit;
    tokio::time::sleep_until(thawed).await;
    let lines = host.controllers[0].log().lines().count();
    assert!(lines < 200, "{lines} lines of log while nothing could be done");
    private.signal(Signal::CONT);
    let changed = |now: &Container| now.environment().contains(&"N=b");
    host.running_and(&shop, "app", "the edit", changed).await;
    host.ready(&shop).await;
    host.ready(&new).await;
    let now = host.only(&shop, "db").unwrap();
    assert_eq!((now.id(), now.started_at()), (db.id(), db.started_at()), "untouched");
    assert_eq!(host.engine.containers_of(&shop).len(), 2);
}

#[tokio::test]
async fn an_engine_that_ends_while_it_is_converged_upon_is_waited_for() {
    let mut private = PrivateEngine::start().await;
    let mut host = Host::on(private.engine());
    let shop = host.project("shop");
    let all: Vec<String> =
        (0..8).map(|n| service(&format!("s{n}"), SLEEP, &["restart: always"])).collect();
    host.write(&shop, &file(&all));
    for round in 0..2 {
        if round == 0 {
            host.start();
            eventually("it has begun", || {
                let seen = host.events.count();
                hold(seen > 6, || format!("{seen} events"))
            })
            .await;
            private.terminate();
        } else {
            host.write(
                &shop,
                &file(&all).replace(
                    "restart: always",
                    "restart: unless-stopped\n    environment: { N: b }",
                ),
            );
            eventually("it has begun", || {
                let found = host.engine.containers_of(&shop);
                hold(found.iter().any(|one| one.environment().contains(&"N=b")), || lines(&found))
            })
            .await;
            private.kill();
        }
        private.resume().await;
        eventually("all run, once each", || {
            let found = host.engine.containers_of(&shop);
            let all = found.len() == 8 && found.iter().all(Container::runs);
            let new = round == 0 || found.iter().all(|one| one.environment().contains(&"N=b"));
            hold(all && new, || lines(&found))
        })
        .await;
        host.ready(&shop).await;
    }
    let names: Vec<_> =
        host.engine.containers_of(&shop).iter().map(|one| one.name().to_owned()).collect();
    let wanted: Vec<_> = (0..8).map(|n| format!("{shop}-s{n}-1")).collect();
    assert_eq!(names, wanted);
}

/// What lies where the socket should be, and what the controller says about it.
async fn waits_for(prepare: impl FnOnce(&Path), words: &[&str]) {
    let mut host = Host::new();
    let shop = host.project("shop");
    let socket = host.aside().join("late.sock");
    host.address = Some(format!("unix://{}", socket.display()));
    host.write(&shop, &sleeper(&[]));
    prepare(&socket);
    host.start();
    eventually(&format!("the log says {words:?}"), || {
        let log = host.controllers[0].log();
        hold(words.iter().all(|word| log.contains(word)), || log)
    })
    .await;
    assert!(host.controller().unwrap().engine.starts_with("unreachable"));
    drop(fs::remove_dir(&socket));
    let _proxy = Proxy::start(&socket, host.engine.socket());
    host.ready(&shop).await;
    let log = host.controllers[0].log();
    assert_eq!(log.matches("unreachable").count(), 1, "told once, not at every try:\n{log}");
}

#[tokio::test]
async fn an_engine_that_is_not_there_at_the_start_is_waited_for() {
    waits_for(|_| (), &["is not there", "late.sock"]).await;
}

#[tokio::test]
async fn a_directory_in_the_place_of_the_socket_is_waited_out() {
    waits_for(|socket| fs::create_dir(socket).unwrap(), &["is a directory", "late.sock"]).await;
}

/// Without the right to the socket the message says so; nobody ends.
#[tokio::test]
async fn a_socket_without_permission_is_told() {
    let mut host = Host::new();
    let socket = host.aside().join("closed.sock");
    let _proxy = Proxy::start(&socket, host.engine.socket());
    let closed = fs::Permissions::from_mode(0o600);
    fs::set_permissions(&socket, closed).unwrap();
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(host.aside(), open).unwrap();
    fs::create_dir(host.state()).unwrap();
    std::os::unix::fs::chown(host.state(), Some(65534), Some(65534)).unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let mut nobody = command();
    nobody
        .uid(65534)
        .gid(65534)
        .args([
            "run",
            "--desired-state",
            &text(&host.desired()),
            "--state-dir",
            &text(&host.state()),
        ])
        .args([
            "--installation",
            &host.project("x"),
            "--host",
            &format!("unix://{}", text(&socket)),
        ]);
    host.start_command(nobody);
    eventually("the log says that permission is missing", || {
        let log = host.controllers[0].log();
        hold(log.contains("no permission to open unix://"), || log)
    })
    .await;
    assert!(host.controllers[0].ended().is_none(), "it waits");
}
