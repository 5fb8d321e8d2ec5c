//! Host probes (`x-composelet.probe`): startup, readiness and liveness as the kubelet has them.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

use std::time::Duration;

use composelet::ledger::Request;
use composelet::model::status::{ConditionKind, Truth};
use tokio::time::Instant;

use super::bench::Bench;
use crate::sim::{AppScript, ExecOutcome, Phase};

/// A service `web` with these probes, and `front`, which waits until it is healthy.
fn manifest(probes: &str) -> String {
    format!(
        "
services:
  web: {{image: app, restart: always, x-composelet: {{probe: {probes}}}}}
  front: {{image: app, restart: always, depends_on: {{web: {{condition: service_healthy}}}}}}
"
    )
}

const READINESS: &str =
    "{readiness: {http: {path: /healthz, port: 8000}, period: 5s, failure_threshold: 2}}";
const LIVENESS: &str =
    "{liveness: {http: {path: /healthz, port: 8000}, period: 2s, failure_threshold: 3}}";

fn bench(seed: u64, probes: &str, web: AppScript) -> Bench {
    let mut bench = Bench::new(seed);
    bench.engine.script_service("web", web);
    bench.write("shop", &manifest(probes));
    bench.start();
    bench
}

/// Starts of a container so far.
fn starts(bench: &Bench, container: &str) -> usize {
    let path = format!("/containers/{{{container}}}/start");
    bench.engine.calls().iter().filter(|call| call.path.ends_with(&path)).count()
}

/// Passes of the project as the controller counts them.
fn passes(bench: &Bench) -> u64 {
    bench.ledger().controller_status().map_or(0, |status| status.passes)
}

/// `web` as its status shows it: whether it is available, and all that is said of it.
fn web(bench: &Bench) -> (bool, String) {
    let Some(status) = bench.status("shop") else {
        return (false, String::new());
    };
    let service = status.services.iter().find(|one| one.name.as_str() == "web").unwrap();
    let available = service
        .conditions
        .iter()
        .any(|one| one.kind == ConditionKind::Available && one.status == Truth::True);
    let conditions =
        service.conditions.iter().map(|one| format!("{}: {}", one.reason, one.message));
    let notes = service.containers.iter().flat_map(|one| one.notes.clone());
    (available, conditions.chain(notes).collect::<Vec<_>>().join("\n"))
}

async fn seconds_until(bench: &Bench, what: &str, condition: impl Fn(&Bench) -> bool) -> f64 {
    let begin = Instant::now();
    bench.until(what, condition).await;
    begin.elapsed().as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn readiness_opens_the_way_as_soon_as_it_is_good() {
    let script = AppScript::forever().answers_from(0, 503).answers_from(7, 200);
    let bench = bench(90, READINESS, script);
    bench
        .until("web says why it is not ready", |bench| web(bench).1.contains("/healthz: 503"))
        .await;
    let (available, said) = web(&bench);
    assert!(!available && said.contains("ContainersNotReady"), "{said}");
    assert!(said.contains("readiness probe failed: GET http://"), "{said}");
    let front = seconds_until(&bench, "front runs", |bench| bench.runs("shop-front-1")).await;
    assert!((5.0..10.0).contains(&front), "{front} s\n{}", bench.story());
    bench.converged("shop").await;
    let (available, said) = web(&bench);
    assert!(available && !said.contains("probe failed"), "{said}");
    bench.silent_for(300).await;
}

#[tokio::test(start_paused = true)]
async fn readiness_that_flaps_takes_traffic_away_and_restarts_nothing() {
    let script = AppScript::forever().answers_from(60, 500).answers_from(120, 200);
    let bench = bench(91, READINESS, script);
    bench.converged("shop").await;
    let lost = seconds_until(&bench, "web is not available", |bench| !web(bench).0).await;
    assert!((50.0..70.0).contains(&lost), "{lost} s");
    assert!(!bench.is_ready("shop"), "{}", bench.story());
    assert!(bench.held("shop").contains(&"ContainersNotReady"), "{:?}", bench.held("shop"));
    bench.until("web is available again", |bench| web(bench).0).await;
    bench.converged("shop").await;
    assert_eq!((starts(&bench, "shop-web-1"), starts(&bench, "shop-front-1")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn never_ready_is_never_restarted() {
    let bench = bench(92, READINESS, AppScript::forever().listens_after(None));
    bench.until("web is refused", |bench| web(bench).1.contains("Connection refused")).await;
    bench.pass(400).await;
    assert_eq!(starts(&bench, "shop-web-1"), 1, "{}", bench.story());
    assert_eq!(bench.phases().get("shop-front-1"), Some(&Phase::Created));
}

#[tokio::test(start_paused = true)]
async fn a_slow_start_is_waited_for_before_anything_else_is_asked() {
    let probes = "{startup: {tcp: {port: 5432}, period: 1s, failure_threshold: 60}, \
                  readiness: {http: {port: 8000}, period: 5s}, \
                  liveness: {http: {port: 8000}, period: 1s, failure_threshold: 2}}";
    let script = AppScript::forever().listens_after(Some(Duration::from_secs(40)));
    let bench = bench(93, probes, script);
    let front = seconds_until(&bench, "front runs", |bench| bench.runs("shop-front-1")).await;
    assert!((40.0..48.0).contains(&front), "{front} s\n{}", bench.story());
    bench.converged("shop").await;
    bench.silent_for(300).await;
    assert_eq!(starts(&bench, "shop-web-1"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_never_good_is_begun_again() {
    let probes = "{startup: {tcp: {port: 5432}, period: 1s, failure_threshold: 10}}";
    let bench = bench(94, probes, AppScript::forever().listens_after(None));
    let again = seconds_until(&bench, "a restart", |bench| starts(bench, "shop-web-1") > 1).await;
    assert!((9.0..14.0).contains(&again), "{again} s\n{}", bench.story());
    assert!(bench.story().contains("startup probe failed: connect"), "{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn liveness_that_fails_restarts_once_and_with_growing_delays() {
    let script = AppScript::forever().answers_from(10, 500);
    let bench = bench(95, LIVENESS, script);
    bench.converged("shop").await;
    let mut delays = Vec::new();
    for count in 2..7 {
        let what = format!("start {count}");
        // After some restarts it is replaced.
        let all = |bench: &Bench| {
            let calls = bench.engine.calls();
            calls
                .iter()
                .filter(|call| call.path.contains("web") && call.path.ends_with("/start"))
                .count()
        };
        delays.push(seconds_until(&bench, &what, |bench| all(bench) >= count).await);
    }
    let story = bench.story();
    assert!(story.contains("liveness probe failed: GET http://"), "{story}");
    // The first is free of delay: ten seconds of good running, three failures 2 s apart.
    assert!((8.0..20.0).contains(&delays[0]), "{delays:?}\n{story}");
    assert!(delays[4] > delays[1] + 2.0, "{delays:?}\n{story}");
}

#[tokio::test(start_paused = true)]
async fn a_new_run_begins_without_a_verdict() {
    // Ill after ten seconds of every run: were the verdict of the run before to count, it would be stopped at once.
    let script = AppScript::forever().answers_from(10, 500);
    let bench = bench(96, LIVENESS, script);
    bench.until("a restart", |bench| starts(bench, "shop-web-1") > 1).await;
    bench.pass(5).await;
    assert!(bench.runs("shop-web-1"), "{}", bench.story());
    assert_eq!(starts(&bench, "shop-web-1"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_begins_anew_takes_nobody_for_failed() {
    let probes = "{startup: {tcp: {port: 1}, period: 1s}, readiness: {http: {port: 8000}, period: 10s}, \
                  liveness: {http: {port: 8000}, period: 10s, failure_threshold: 3}}";
    let mut bench = bench(97, probes, AppScript::forever());
    bench.converged("shop").await;
    bench.kill().await;
    bench.pass(60).await;
    bench.start();
    for _ in 0..60 {
        bench.pass(1).await;
        assert!(web(&bench).0, "it was ready and is\n{}", bench.story());
    }
    bench.silent_for(300).await;
    assert_eq!(starts(&bench, "shop-web-1"), 1);
}

#[tokio::test(start_paused = true)]
async fn liveness_needs_fresh_failures_after_a_restart_of_the_controller() {
    let probes = "{liveness: {http: {port: 8000}, period: 10s, failure_threshold: 3}}";
    let script = AppScript::forever().answers_from(100, 500);
    let mut bench = bench(98, probes, script);
    bench.converged("shop").await;
    bench.pass(115).await;
    assert_eq!(starts(&bench, "shop-web-1"), 1, "two failures so far");
    bench.kill().await;
    bench.start();
    let again = seconds_until(&bench, "a restart", |bench| starts(bench, "shop-web-1") > 1).await;
    assert!(again >= 19.0, "{again} s");
}

#[tokio::test(start_paused = true)]
async fn who_is_suspended_is_not_asked_and_keeps_its_verdict() {
    let bench = bench(99, READINESS, AppScript::forever());
    bench.converged("shop").await;
    bench.ask(&Request::Suspend {
        project: "shop".into(),
        service: None,
        reason: "by hand".to_owned(),
        until: None,
    });
    bench.pass(5).await;
    let before = bench.engine.dialled();
    bench.pass(120).await;
    assert_eq!(bench.engine.dialled(), before, "nobody is asked");
    assert!(web(&bench).0, "{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn asking_runs_no_pass_while_nothing_changes() {
    let probes = "{readiness: {tcp: {port: 80}, period: 1s}}";
    let bench = bench(100, probes, AppScript::forever());
    bench.converged("shop").await;
    bench.pass(60).await;
    let (passes_before, asked_before) = (passes(&bench), bench.engine.dialled());
    bench.pass(300).await;
    let (more, asked) = (passes(&bench) - passes_before, bench.engine.dialled() - asked_before);
    assert!((280..=310).contains(&asked), "{asked} questions");
    assert!(more <= 13, "{more} passes: only those of the relist");
}

#[tokio::test(start_paused = true)]
async fn a_command_inside_is_asked_and_its_secrets_are_not_told() {
    let probes = "{readiness: {exec: {command: [check, hunter2]}, period: 5s, timeout: 2s}}";
    let failing = ExecOutcome::exit(3, "no entry for hunter2\n");
    let bench = bench(101, probes, AppScript::forever().exec("check*", failing));
    bench
        .until("web says why", |bench| web(bench).1.contains("exit code 3; no entry for ***"))
        .await;
    bench.pass(60).await;
    assert!(!bench.story().contains("hunter2"));
    assert!(!bench.runs("shop-front-1"));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_hangs_is_a_failure_and_is_begun_once() {
    let probes =
        "{liveness: {exec: {command: check}, period: 5s, timeout: 1s, failure_threshold: 100}}";
    let bench = bench(102, probes, AppScript::forever().exec("check", ExecOutcome::hang()));
    bench.until("web says so", |bench| web(bench).1.contains("has not ended")).await;
    bench.pass(120).await;
    let execs = bench.engine.calls().iter().filter(|call| call.path.ends_with("/exec")).count();
    assert_eq!(execs, 1);
}
