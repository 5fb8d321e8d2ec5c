//! Who waits for a healthy service waits about as long as the service needs, not an interval of its check.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

use std::time::Duration;

use super::bench::Bench;
use crate::sim::{AppScript, FaultAction, FaultRule, HealthScript, Run, Verdict};

const CHAIN: &str = "
x-check: &check {test: [CMD, check], interval: 30s}
services:
  db: {image: app, restart: always, expose: [5432], healthcheck: *check}
  api:
    {image: app, restart: always, healthcheck: *check, depends_on: {db: {condition: service_healthy}}}
  web: {image: app, restart: always, depends_on: {api: {condition: service_healthy}}}
";

/// A bench whose database behaves so; everything else is ready after 2 s.
fn chain(seed: u64, db: AppScript) -> Bench {
    let mut bench = Bench::new(seed);
    bench.engine.script_service("db", db);
    bench.engine.script_service("api", ready_after(2));
    bench.write("shop", CHAIN);
    bench.start();
    bench
}

fn ready_after(seconds: u64) -> AppScript {
    AppScript::forever().health(HealthScript::HealthyAfter(Duration::from_secs(seconds)))
}

/// Health commands that were run in a container from outside; those of the engine are not calls.
fn asked(bench: &Bench, container: &str) -> usize {
    let path = format!("/containers/{{{container}}}/exec");
    bench.engine.calls().iter().filter(|call| call.path.ends_with(&path)).count()
}

/// Seconds until a container runs.
async fn seconds_until(bench: &Bench, container: &str) -> f64 {
    let begin = tokio::time::Instant::now();
    bench.until(container, |bench| bench.runs(container)).await;
    begin.elapsed().as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn two_layers_that_are_ready_in_two_seconds_take_seconds() {
    let bench = chain(80, ready_after(2));
    let api = seconds_until(&bench, "shop-api-1").await;
    let web = api + seconds_until(&bench, "shop-web-1").await;
    assert!((2.0..5.0).contains(&api), "{api} s");
    assert!((4.0..9.0).contains(&web), "{web} s");
    bench.converged("shop").await;
    let before = (asked(&bench, "shop-db-1"), asked(&bench, "shop-api-1"));
    assert!(before.0 < 20 && before.1 < 20, "{before:?}");
    bench.silent_for(600).await;
    assert_eq!((asked(&bench, "shop-db-1"), asked(&bench, "shop-api-1")), before);
}

/// Like the official images of databases: the health command succeeds against a server that only initialises.
#[tokio::test(start_paused = true)]
async fn a_server_that_initialises_is_not_ready() {
    let script = AppScript::forever().listens_after(Some(Duration::from_secs(20)));
    let bench = chain(81, script);
    let api = seconds_until(&bench, "shop-api-1").await;
    assert!((20.0..25.0).contains(&api), "{api} s\n{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn where_ports_stay_closed_the_declared_check_decides() {
    let bench = chain(82, AppScript::forever().listens_after(None));
    let api = seconds_until(&bench, "shop-api-1").await;
    assert!((30.0..33.0).contains(&api), "{api} s");
}

#[tokio::test(start_paused = true)]
async fn good_answers_of_two_runs_are_not_one_readiness() {
    let exit = |ms| Run::Exit { after: Duration::from_millis(ms), code: 1 };
    let bench = chain(83, AppScript::forever().runs([exit(900), exit(900), Run::Forever]));
    let api = seconds_until(&bench, "shop-api-1").await;
    // The third run, which lasts, begins after 2.1 s.
    assert!((3.0..6.0).contains(&api), "{api} s\n{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_for_whom_nobody_waits() {
    let mut bench = Bench::new(84);
    bench.engine.script_service("db", ready_after(70));
    bench.write(
        "shop",
        "services: {db: {image: app, healthcheck: {test: [CMD, check], interval: 5s, retries: 50}}}",
    );
    bench.start();
    bench.converged("shop").await;
    assert_eq!(asked(&bench, "shop-db-1"), 0);
}

/// A database that the engine judges late, with a check that may take this long.
fn slow_to_judge(seed: u64, db: AppScript, timeout: &str) -> Bench {
    let bench = Bench::new(seed);
    bench.engine.script_service("db", db);
    let check = format!("{{test: [CMD, check], interval: 30s, timeout: {timeout}, retries: 500}}");
    bench.write(
        "shop",
        &format!(
            "
services:
  db: {{image: app, restart: always, healthcheck: {check}}}
  api: {{image: app, restart: always, depends_on: {{db: {{condition: service_healthy}}}}}}
"
        ),
    );
    bench
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_refuses_the_command_is_asked_ever_more_seldom() {
    let mut bench = slow_to_judge(85, ready_after(100_000), "1s");
    let refused = FaultAction::ErrorBefore(500, "the runtime is broken".to_owned());
    bench.engine.fault(FaultRule::every("POST", "/containers/*/exec", refused));
    bench.start();
    bench.pass(300).await;
    let early = asked(&bench, "shop-db-1");
    assert!((8..=20).contains(&early), "{early} questions in 300 s\n{}", bench.story());
    bench.pass(600).await;
    let late = asked(&bench, "shop-db-1") - early;
    assert!((8..=14).contains(&late), "{late} questions in 600 s");
    let ledger = bench.ledger().load_project(&"shop".into()).0;
    let failures = ledger.calls.iter().filter(|(key, _)| key.starts_with("probe:"));
    assert_eq!(failures.count(), 1, "{:?}", ledger.calls.keys());
    bench.engine.clear_faults();
    bench.engine.script_service("db", AppScript::forever());
    bench.until("api runs", |bench| bench.runs("shop-api-1")).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_for_longer_than_ten_minutes_in_one_go() {
    let hangs = AppScript::forever().health(HealthScript::Always(Verdict::Hang));
    for (seed, script, timeout) in [(86, ready_after(100_000), "1s"), (87, hangs, "2h")] {
        let mut bench = slow_to_judge(seed, script, timeout);
        bench.start();
        let begun = |bench: &Bench| {
            let recent = bench.status("shop").map(|status| status.recent).unwrap_or_default();
            recent.iter().filter(|one| one.action == "ProbeContainer").count()
        };
        bench.pass(595).await;
        assert_eq!(begun(&bench), 1, "{}", bench.story());
        bench.pass(12).await;
        assert_eq!(begun(&bench), 2, "it ended, and began anew\n{}", bench.story());
    }
}
