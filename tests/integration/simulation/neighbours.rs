//! Projects that depend on others: who starts after whom, who goes before whom, and who is left alone.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

use std::time::Duration;

use super::bench::Bench;
use crate::sim::{AppScript, CallKind, HealthScript, ScriptKey, Verdict};

const DB: &str = "
services:
  db:
    image: app
    restart: always
    labels: {role: db}
    healthcheck: {test: [CMD, check], interval: 5s, retries: 2}
";

fn shop(environment: &str) -> String {
    format!(
        "
x-composelet: {{depends_on_projects: [data]}}
services:
  web: {{image: app, restart: always, environment: {{A: '{environment}'}}}}
"
    )
}

fn healthy_after(bench: &Bench, seconds: u64) {
    let script =
        AppScript::forever().health(HealthScript::HealthyAfter(Duration::from_secs(seconds)));
    bench.engine.script(ScriptKey::Label("role".to_owned(), "db".to_owned()), script);
}

/// Names of containers in the order in which calls with this end were made on them.
fn order(bench: &Bench, end: &str) -> Vec<String> {
    let calls = bench.engine.calls();
    let changed = calls.iter().filter(|call| call.kind == CallKind::Mutating);
    let paths = changed.filter_map(|call| call.path.strip_suffix(end).map(str::to_owned));
    paths.collect()
}

fn made(bench: &Bench, name: &str) -> bool {
    bench.phases().contains_key(name)
}

#[tokio::test(start_paused = true)]
async fn a_project_starts_when_the_one_that_it_depends_on_is_ready() {
    let mut bench = Bench::new(700);
    healthy_after(&bench, 20);
    bench.write("shop", &shop("1"));
    bench.start();
    bench
        .until("shop waits for data", |bench| bench.held("shop").contains(&"DependencyNotReady"))
        .await;
    bench.until("its container is there", |bench| made(bench, "shop-web-1")).await;
    bench.write("data", DB);
    bench.until("data runs", |bench| bench.runs("data-db-1")).await;
    bench.pass(5).await;
    assert!(!bench.runs("shop-web-1"), "data is not healthy yet\n{}", bench.story());
    bench.converged("data").await;
    bench.converged("shop").await;
    let starts = order(&bench, "/start");
    assert!(starts.last().unwrap().contains("shop-web-1"), "{starts:?}");
    bench.silent().await;
}

#[tokio::test(start_paused = true)]
async fn who_runs_is_left_alone_when_the_other_falls_ill_and_is_updated_when_it_is_well() {
    let mut bench = Bench::new(701);
    healthy_after(&bench, 1);
    bench.write("data", DB);
    bench.write("shop", &shop("1"));
    bench.start();
    bench.converged("shop").await;
    bench.engine.set_health("data-db-1", Verdict::Fail(1, "connection refused".to_owned()));
    bench.until("data is ill", |bench| !bench.is_ready("data")).await;
    bench.pass(60).await;
    assert!(
        bench.runs("shop-web-1") && order(&bench, "/stop").iter().all(|one| !one.contains("shop"))
    );
    bench.write("shop", &shop("2"));
    bench
        .until("the update waits", |bench| bench.held("shop").contains(&"DependencyNotReady"))
        .await;
    bench.pass(60).await;
    assert!(bench.runs("shop-web-1"), "the old version serves\n{}", bench.story());
    bench.engine.clear_health("data-db-1");
    bench.converged("data").await;
    bench.converged("shop").await;
}

/// Both controllers see the same edges: the one that was killed and the one after it.
#[tokio::test(start_paused = true)]
async fn projects_that_go_together_go_in_reverse_order() {
    for seed in 0..3 {
        let mut bench = Bench::new(710 + seed);
        healthy_after(&bench, 1);
        bench.write("data", DB);
        bench.write("shop", &shop("1"));
        bench.write("other", "services: {web: {image: app}}");
        bench.write("third", "services: {web: {image: app}}");
        bench.start();
        bench.converged("shop").await;
        bench.remove("data");
        bench.remove("shop");
        if seed > 0 {
            bench.pass(2 + seed).await;
            bench.kill().await;
            bench.start();
        }
        bench
            .until("both are gone", |bench| !made(bench, "data-db-1") && !made(bench, "shop-web-1"))
            .await;
        let stops = order(&bench, "/stop");
        let at = |name: &str| stops.iter().position(|one| one.contains(name));
        assert!(at("shop-web-1") < at("data-db-1"), "seed {seed}: {stops:?}");
        bench.pass(5).await;
        bench.silent_for(40).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_project_that_others_depend_on_stays_until_they_let_go() {
    let mut bench = Bench::new(702);
    healthy_after(&bench, 1);
    bench.write("data", DB);
    bench.write("shop", &shop("1"));
    bench.start();
    bench.converged("shop").await;
    bench.remove("data");
    bench.until("data is in use", |bench| bench.held("data").contains(&"ProjectInUse")).await;
    bench.pass(120).await;
    assert!(bench.runs("data-db-1"));
    bench.engine.crash("shop-web-1", 1).unwrap();
    bench.until("shop is healed by what still serves it", |bench| bench.runs("shop-web-1")).await;
    bench.write("shop", "services: {web: {image: app, restart: always, environment: {A: '1'}}}");
    bench.until("data goes", |bench| !made(bench, "data-db-1")).await;
    bench.converged("shop").await;
    bench.silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_circle_starts_nothing_and_goes_on_when_it_is_cut() {
    let mut bench = Bench::new(703);
    healthy_after(&bench, 1);
    let circle = |other: &str| {
        format!(
            "x-composelet: {{depends_on_projects: [{other}]}}\nservices: {{web: {{image: app}}}}"
        )
    };
    bench.write("one", &circle("two"));
    bench.write("two", &circle("three"));
    bench.write("three", &circle("one"));
    bench.start();
    for project in ["one", "two", "three"] {
        bench.until("all are told", |bench| bench.held(project).contains(&"DependencyCycle")).await;
    }
    bench.pass(60).await;
    assert!(["one-web-1", "two-web-1", "three-web-1"].iter().all(|name| !bench.runs(name)));
    bench.write("three", "services: {web: {image: app}}");
    for project in ["three", "two", "one"] {
        bench.converged(project).await;
    }
    bench.silent().await;
}
