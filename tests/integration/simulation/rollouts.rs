//! Rollouts and rollbacks of the whole controller: a bad version goes back by itself, whatever happens meanwhile.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

use std::time::Duration;

use super::bench::Bench;
use crate::sim::{AppScript, HealthScript, ScriptKey, Verdict};

const SHOP: &str = "
services:
  web:
    image: app
    restart: always
    labels: {v: '1'}
    healthcheck: {test: [CMD, check], interval: 5s, retries: 2}
    deploy: {replicas: 2, update_config: {monitor: 2s}}
";

fn version(number: u32) -> String {
    SHOP.replace("'1'", &format!("'{number}'"))
}

/// Sets what the containers of a version do.
fn script(bench: &Bench, number: u32, script: AppScript) {
    bench.engine.script(ScriptKey::Label("v".to_owned(), number.to_string()), script);
}

fn good() -> AppScript {
    AppScript::forever().health(HealthScript::HealthyAfter(Duration::from_secs(1)))
}

fn refused() -> Verdict {
    Verdict::Fail(1, "connection refused".to_owned())
}

/// A bench where the first version has held.
async fn held(seed: u64) -> Bench {
    let mut bench = Bench::new(seed);
    script(&bench, 1, good());
    bench.write("shop", &version(1));
    bench.start();
    bench.converged("shop").await;
    bench.pass(30).await;
    bench
}

/// Stops and removals of containers that have the names of replicas: successors have other ones until they serve.
fn stops(bench: &Bench) -> usize {
    let calls = bench.engine.calls();
    let ends = |path: &str| path.contains("/stop") || path.contains("/kill");
    let replicas = calls.iter().filter(|call| call.path.starts_with("/containers/{shop-web-"));
    replicas.filter(|call| ends(&call.path) || call.method == "DELETE").count()
}

fn starts(bench: &Bench) -> usize {
    bench.engine.calls().iter().filter(|call| call.path.ends_with("/start")).count()
}

fn is_rejected(bench: &Bench) -> bool {
    bench.held("shop").contains(&"RevisionRejected")
}

async fn back(bench: &Bench) {
    bench.until("the rejection", is_rejected).await;
    bench.until("the old version alone", |bench| bench.phases().len() == 2).await;
    assert!(bench.runs("shop-web-1") && bench.runs("shop-web-2"), "{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn a_version_that_exits_goes_back_and_is_not_tried_again() {
    let bench = held(90).await;
    script(&bench, 2, AppScript::exits(Duration::from_millis(300), 3));
    bench.write("shop", &version(2));
    back(&bench).await;
    assert_eq!(stops(&bench), 0, "the one that holds was never touched\n{}", bench.story());
    let before = starts(&bench);
    bench.pass(2 * 3600).await;
    assert_eq!(starts(&bench), before, "it is not tried again");
    script(&bench, 3, good());
    bench.write("shop", &version(3));
    bench.converged("shop").await;
    assert!(!is_rejected(&bench));
}

#[tokio::test(start_paused = true)]
async fn two_bad_versions_in_a_row_go_back_to_the_one_that_held() {
    let bench = held(91).await;
    let ill = AppScript::forever().health(HealthScript::Always(refused()));
    script(&bench, 2, ill.clone());
    script(&bench, 3, ill);
    bench.write("shop", &version(2));
    back(&bench).await;
    bench.write("shop", &version(3));
    bench.until("another look", |bench| !is_rejected(bench)).await;
    back(&bench).await;
    let status = bench.status("shop").unwrap();
    assert_eq!(status.rollback.unwrap().to, 1, "{:?}", status.revisions);
    assert_eq!(stops(&bench), 0, "only the bad ones were stopped\n{}", bench.story());
}

/// Fault scenarios 3 and 7: between any two of its steps the controller dies, and the next one ends in the same state.
#[tokio::test(start_paused = true)]
async fn killed_during_a_rollback_it_ends_with_the_version_that_held() {
    for seed in 0..12 {
        let mut bench = held(100 + seed).await;
        script(&bench, 2, AppScript::exits(Duration::from_millis(300), 3));
        bench.write("shop", &version(2));
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(300 + 170 * seed)).await;
            bench.kill().await;
            bench.start();
        }
        back(&bench).await;
        assert_eq!(stops(&bench), 0, "seed {seed}\n{}", bench.story());
    }
}

/// Health flips while a successor runs beside its predecessor: it is waited for until it has stayed ready.
#[tokio::test(start_paused = true)]
async fn a_successor_whose_health_flips_waits_beside_the_old_one() {
    let bench = held(92).await;
    let flips = [Verdict::Pass, refused(), Verdict::Pass];
    bench
        .engine
        .script_service("web", AppScript::forever().health(HealthScript::Sequence(flips.into())));
    bench.write("shop", &version(2));
    bench.converged("shop").await;
    let served = bench.story();
    assert!(bench.runs("shop-web-1") && bench.runs("shop-web-2"), "{served}");
}

#[tokio::test(start_paused = true)]
async fn the_way_back_is_silent_and_outlives_the_controller() {
    let mut bench = held(93).await;
    script(&bench, 2, AppScript::exits(Duration::from_millis(300), 3));
    bench.write("shop", &version(2));
    back(&bench).await;
    bench.silent_for(3600).await;
    bench.kill().await;
    bench.start();
    bench.until("the rejection", is_rejected).await;
    bench.silent_for(3600).await;
}
