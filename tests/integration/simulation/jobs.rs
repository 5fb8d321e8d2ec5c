//! Jobs: back-off and limit, interruptions, and what is never repeated.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic is a failed test"
)]

use std::time::Duration;

use super::bench::Bench;
use crate::sim::{AppScript, ImageSpec, Phase};

const SHOP: &str = "
services:
  migrate: {image: app, command: migrate, x-composelet: {job: {}}}
  web: {image: app, restart: always, depends_on: {migrate: {condition: service_completed_successfully}}}
";

/// Starts of the container of this name that the engine did.
fn starts(bench: &Bench, name: &str) -> usize {
    let path = format!("/containers/{{{name}}}/start");
    let calls = bench.engine.calls();
    calls.iter().filter(|call| call.path.ends_with(&path) && call.status == Some(204)).count()
}

fn ends(code: i64) -> AppScript {
    AppScript::exits(Duration::from_secs(5), code)
}

fn shop(seed: u64, migrate: AppScript) -> Bench {
    let mut bench = Bench::new(seed);
    bench.engine.script_service("migrate", migrate);
    bench.write("shop", SHOP);
    bench.start();
    bench
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails_backs_off_and_ends_in_its_limit() {
    let bench = shop(80, ends(3));
    bench.until("the first failure", |bench| bench.held("shop").contains(&"BackOff")).await;
    bench.pass(5).await;
    assert_eq!(starts(&bench, "shop-migrate-1"), 1, "not at once\n{}", bench.story());
    bench.pass(20).await;
    assert_eq!(starts(&bench, "shop-migrate-1"), 2, "{}", bench.story());
    // 10, 20, 40, 80, 160, 320 s, with a tenth to either side.
    bench.pass(900).await;
    assert_eq!(starts(&bench, "shop-migrate-1"), 7, "{}", bench.story());
    assert!(bench.held("shop").contains(&"BackoffLimitExceeded"), "{}", bench.story());
    assert!(!bench.runs("shop-web-1"));
    bench.silent_for(3600).await;
    // Another version starts afresh.
    bench.engine.script_service("migrate", ends(0));
    bench.write("shop", &SHOP.replace("command: migrate", "command: mended"));
    bench.converged("shop").await;
    assert!(bench.runs("shop-web-1"));
    assert_eq!(bench.phases().get("shop-migrate-1"), Some(&Phase::Exited), "it is kept");
}

#[tokio::test(start_paused = true)]
async fn what_a_job_did_is_not_repeated() {
    let mut bench = shop(81, ends(0));
    bench.converged("shop").await;
    assert_eq!(starts(&bench, "shop-migrate-1"), 1);
    bench.kill().await;
    bench.start();
    bench.silent().await;
    bench.engine.docker_rm("shop-migrate-1", false).unwrap();
    bench.silent().await;
    bench.write("shop", &SHOP.replace("restart: always", "restart: always, user: root"));
    bench.until("web is replaced", |bench| starts(bench, "shop-web-1") >= 1).await;
    bench.converged("shop").await;
    bench.engine.restart_daemon(Duration::from_secs(2));
    bench.pass(120).await;
    bench.converged("shop").await;
    assert_eq!(starts(&bench, "shop-migrate-1"), 1, "{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_ends_under_a_job_is_an_interruption() {
    let bench = shop(82, AppScript::exits(Duration::from_secs(60), 0).ignores_stop());
    bench.until("it runs", |bench| bench.runs("shop-migrate-1")).await;
    bench.pass(20).await;
    bench.engine.restart_daemon(Duration::from_secs(2));
    bench.until("it runs again", |bench| starts(bench, "shop-migrate-1") == 2).await;
    assert!(!bench.held("shop").contains(&"BackOff"), "not counted\n{}", bench.story());
    bench.converged("shop").await;
    assert!(bench.runs("shop-web-1"));
    assert_eq!(starts(&bench, "shop-migrate-1"), 2, "{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn a_migration_of_another_image_runs_before_its_dependant_is_replaced() {
    let bench = shop(83, ends(0));
    bench.converged("shop").await;
    bench.engine.add_image("app:2", &ImageSpec::new("app:2"));
    bench.engine.script_service("migrate", ends(4));
    bench.write(
        "shop",
        &SHOP.replace("image: app", "image: \"app:2\"").replace("job: {}", "job: {retries: 1}"),
    );
    let failed = |bench: &Bench| bench.held("shop").contains(&"BackoffLimitExceeded");
    bench.until("the migration fails for good", failed).await;
    assert!(bench.runs("shop-web-1"), "the old version serves\n{}", bench.story());
    bench.engine.docker_kill("shop-web-1").unwrap();
    bench.until("and is healed", |bench| bench.runs("shop-web-1")).await;
    assert!(bench.held("shop").contains(&"DependencyNotReady"), "{}", bench.story());
    bench.engine.script_service("migrate", ends(0));
    bench.write(
        "shop",
        &SHOP
            .replace("image: app", "image: \"app:2\"")
            .replace("command: migrate", "command: mended"),
    );
    bench.until("web goes last", |bench| bench.is_ready("shop")).await;
    bench.converged("shop").await;
}

#[tokio::test(start_paused = true)]
async fn replicas_of_a_job_never_run_side_by_side() {
    let mut bench = Bench::new(84);
    bench.engine.script_service("job", ends(0));
    bench.write(
        "shop",
        "services: {job: {image: app, deploy: {mode: replicated-job, replicas: 3}}}",
    );
    bench.start();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let phases = bench.phases();
        let running: Vec<_> =
            phases.iter().filter(|(_, phase)| **phase == Phase::Running).collect();
        assert!(running.len() <= 1, "{running:?}");
        seen.extend(running.into_iter().map(|(name, _)| name.clone()));
    }
    assert_eq!(seen.len(), 3, "{}", bench.story());
    bench.converged("shop").await;
    bench.silent().await;
}

#[tokio::test(start_paused = true)]
async fn killed_around_a_job_it_runs_once() {
    for seed in 0..3_u64 {
        let mut bench = Bench::new(85);
        bench.engine.script_service("migrate", AppScript::exits(Duration::from_secs(1), 0));
        bench.write("shop", SHOP);
        let mut dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(5);
        for _ in 0..6 {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            bench.start();
            tokio::time::sleep(Duration::from_millis(5 + dice % 400)).await;
            bench.kill().await;
        }
        bench.start();
        bench.converged("shop").await;
        bench.silent_for(60).await;
        assert_eq!(starts(&bench, "shop-migrate-1"), 1, "seed {seed}\n{}", bench.story());
    }
}
