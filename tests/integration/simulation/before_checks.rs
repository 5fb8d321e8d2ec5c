//! Checks before a rollout (`x-composelet.checks.before`): a version that does not pass them touches nothing.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

use std::time::Duration;

use composelet::model::revision::Verdict;

use super::bench::Bench;
use crate::sim::{self, AppScript, ExecOutcome, HealthScript, ImageSpec, ScriptKey};

fn version(number: u32) -> String {
    format!(
        "
services:
  web:
    image: app
    restart: always
    labels: {{v: '{number}'}}
    volumes: [data:/data]
    deploy: {{replicas: 2, update_config: {{monitor: 2s}}}}
    x-composelet:
      checks:
        before:
          - {{name: unit, command: [pytest], timeout: 20s}}
          - {{name: scan, image: tool, allow_failure: true}}
volumes: {{data: {{}}}}
"
    )
}

/// Sets how a check ends.
fn script(bench: &Bench, number: u32, script: AppScript) {
    bench.engine.script(ScriptKey::Name(format!("shop-web-check-{number}")), script);
}

fn ends(code: i64) -> AppScript {
    AppScript::exits(Duration::from_millis(700), code)
}

/// A bench whose checks are passed, but for the one that may fail.
fn bench(seed: u64) -> Bench {
    let bench = Bench::new(seed);
    bench.engine.add_image("tool", &ImageSpec::new("tool"));
    script(&bench, 1, ends(0));
    script(&bench, 2, ends(3));
    bench
}

/// A bench where the first version has held.
async fn held(seed: u64) -> Bench {
    let mut bench = bench(seed);
    bench.write("shop", &version(1));
    bench.start();
    bench.converged("shop").await;
    bench.until("the first version has held", |bench| verdicts(bench) == ["stable"]).await;
    bench
}

/// What became of the versions, oldest first.
fn verdicts(bench: &Bench) -> Vec<&'static str> {
    let (ledger, _) = bench.ledger().load_project(&"shop".into());
    let verdict = |verdict| match verdict {
        Verdict::Open => "open",
        Verdict::Stable { .. } => "stable",
        Verdict::Rejected(_) => "rejected",
    };
    ledger.history.into_iter().map(|one| verdict(one.verdict)).collect()
}

/// Containers that were created under names which begin like this.
fn creates(bench: &Bench, name: &str) -> usize {
    let calls = bench.engine.calls();
    calls.iter().filter(|call| call.path.contains(&format!("/create?name={name}"))).count()
}

/// Stops and removals of replicas.
fn ended(bench: &Bench) -> usize {
    let calls = bench.engine.calls();
    let of_replica = |path: &str| {
        path.starts_with("/containers/{shop-web-1}") || path.starts_with("/containers/{shop-web-2}")
    };
    let ends = |path: &str| path.contains("/stop") || path.contains("/kill");
    let ended = calls.iter().filter(|call| of_replica(&call.path));
    ended.filter(|call| ends(&call.path) || call.method == "DELETE").count()
}

fn is_alone(bench: &Bench) -> bool {
    bench.phases().keys().eq(["shop-web-1", "shop-web-2"])
}

#[tokio::test(start_paused = true)]
async fn a_version_is_checked_once_before_anything_of_it_is_made() {
    let mut bench = bench(400);
    bench.write("shop", &version(1));
    bench.start();
    bench.until("the first check", |bench| bench.runs("shop-web-check-1")).await;
    assert!(!bench.phases().contains_key("shop-web-1"), "{}", bench.story());
    bench.until("the second check", |bench| bench.runs("shop-web-check-2")).await;
    assert!(!bench.phases().contains_key("shop-web-1"), "{}", bench.story());
    bench.converged("shop").await;
    assert!(is_alone(&bench), "{}", bench.story());
    bench.kill().await;
    bench.start();
    bench.pass(60).await;
    bench.write("shop", &version(1).replace("replicas: 2", "replicas: 3"));
    bench.until("another replica", |bench| bench.runs("shop-web-3")).await;
    assert_eq!(creates(&bench, "shop-web-check-"), 2, "{}", bench.story());
    bench.write("shop", &version(2));
    bench
        .until("the next version is checked", |bench| creates(bench, "shop-web-check-") == 4)
        .await;
    bench.converged("shop").await;
    assert!(is_alone(&bench), "{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn a_check_that_fails_touches_nothing_of_what_runs() {
    let bench = held(401).await;
    script(&bench, 1, ends(1));
    let before = creates(&bench, "");
    bench.write("shop", &version(2));
    bench.until("the rejection", |bench| bench.held("shop").contains(&"RevisionRejected")).await;
    bench.until("nothing is left of it", is_alone).await;
    bench.silent_for(600).await;
    assert_eq!(verdicts(&bench), ["stable", "rejected"]);
    assert_eq!(ended(&bench), 0, "{}", bench.story());
    assert_eq!(creates(&bench, ""), before + 1, "the check and nothing else\n{}", bench.story());
    // A good one goes through.
    script(&bench, 1, ends(0));
    bench.write("shop", &version(3));
    bench.until("it holds", |bench| verdicts(bench) == ["stable", "rejected", "stable"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_check_that_takes_too_long_is_stopped_and_has_failed() {
    let bench = held(402).await;
    script(&bench, 1, AppScript::forever());
    bench.write("shop", &version(2));
    bench.until("the rejection", |bench| bench.held("shop").contains(&"RevisionRejected")).await;
    bench.until("nothing is left of it", is_alone).await;
    assert_eq!(ended(&bench), 0, "{}", bench.story());
    let (ledger, _) = bench.ledger().load_project(&"shop".into());
    let Some(Verdict::Rejected(failure)) = ledger.history.back().map(|last| &last.verdict) else {
        unreachable!("it was rejected");
    };
    assert!(failure.cause.to_string().contains("check unit failed: no end within 20s"));
}

#[tokio::test(start_paused = true)]
async fn killed_during_a_check_it_ends_in_the_same_state() {
    for seed in 0..6 {
        let mut bench = held(410 + seed).await;
        script(&bench, 1, ends(1));
        bench.write("shop", &version(2));
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(300 + 290 * seed)).await;
            bench.kill().await;
            bench.start();
        }
        bench
            .until("the rejection", |bench| bench.held("shop").contains(&"RevisionRejected"))
            .await;
        bench.until("nothing is left of it", is_alone).await;
        assert_eq!(verdicts(&bench), ["stable", "rejected"], "seed {seed}\n{}", bench.story());
        assert_eq!(ended(&bench), 0, "seed {seed}\n{}", bench.story());
        assert_eq!(creates(&bench, "shop-web-check-1"), 2, "seed {seed}\n{}", bench.story());
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_version_that_does_not_pass_is_not_made_and_tried_again() {
    let mut bench = bench(420);
    script(&bench, 1, ends(1));
    bench.write("shop", &version(1));
    bench.start();
    bench.until("it is told", |bench| bench.held("shop").contains(&"CheckFailed")).await;
    bench.until("another try", |bench| creates(bench, "shop-web-check-1") >= 3).await;
    assert_eq!(creates(&bench, "shop-web-1"), 0, "{}", bench.story());
    script(&bench, 1, ends(0));
    bench.converged("shop").await;
    assert!(is_alone(&bench), "{}", bench.story());
}

/// A version whose check needs a database: one of its own, with nothing of what the real one stores.
fn with_database(number: u32) -> String {
    format!(
        "
services:
  web:
    image: app
    restart: always
    labels: {{v: '{number}'}}
    depends_on: {{db: {{condition: service_healthy}}}}
    deploy: {{update_config: {{monitor: 2s}}}}
    x-composelet:
      checks:
        before:
          - {{name: unit, command: [pytest], timeout: 40s, with: [db]}}
  db:
    image: store
    restart: always
    labels: {{role: db}}
    ports: ['5432:5432']
    volumes: [data:/data, './init.sql:/init.sql:ro']
    healthcheck: {{test: [CMD, ready], interval: 30s}}
volumes: {{data: {{}}}}
"
    )
}

const COMPANION: &str = "shop-web-check-1-db";

fn never_ready() -> AppScript {
    AppScript::forever()
        .exec("ready", ExecOutcome::exit(1, ""))
        .health(HealthScript::Always(sim::Verdict::fail()))
}

fn store() -> AppScript {
    AppScript::forever().exec("ready", ExecOutcome::exit(0, ""))
}

/// A bench where the first version with a database has held.
async fn held_with_database(seed: u64) -> Bench {
    let mut bench = Bench::new(seed);
    bench.engine.add_image("store", &ImageSpec::new("store").volume("/var/store"));
    bench.engine.script_image("store", store());
    script(&bench, 1, ends(0));
    bench.write("shop", &with_database(1));
    std::fs::write(bench.root().join("shop/init.sql"), "create table a").unwrap();
    bench.start();
    bench.converged("shop").await;
    bench.until("the first version has held", |bench| verdicts(bench) == ["stable"]).await;
    bench
}

fn has_network(bench: &Bench, name: &str) -> bool {
    bench.engine.with(|world| world.networks.find(name).is_ok())
}

/// Nothing is left of a check and of its companions.
fn is_over(bench: &Bench) -> bool {
    bench.phases().keys().eq(["shop-db-1", "shop-web-1"]) && !has_network(bench, "shop-web-check-1")
}

/// Whether a companion is what is waited for.
fn waits_for(bench: &Bench, service: &str) -> bool {
    let status = bench.status("shop");
    let held = status.iter().flat_map(|status| &status.held);
    let text = format!("waiting on {service} to be ready; it is starting");
    held.into_iter().any(|held| format!("waiting on {}", held.waiting_on).contains(&text))
}

#[tokio::test(start_paused = true)]
async fn companions_run_beside_a_check_and_go_with_it() {
    let bench = held_with_database(430).await;
    bench.until("nothing is left of the first check", is_over).await;
    script(&bench, 1, AppScript::exits(Duration::from_secs(5), 0));
    bench.write("shop", &with_database(2));
    bench.until("the check", |bench| bench.runs("shop-web-check-1")).await;
    assert!(bench.runs(COMPANION) && bench.runs("shop-db-1"), "{}", bench.story());
    assert!(has_network(&bench, "shop-web-check-1"));
    bench.engine.with(|world| {
        let companion = world.container(COMPANION).unwrap();
        let host = &companion.host_config;
        assert!(host["PortBindings"].as_object().is_none_or(serde_json::Map::is_empty), "{host}");
        let text = host.to_string();
        assert!(!text.contains("shop_data") && text.contains("init.sql"), "{text}");
        assert!(!companion.labels().contains_key("role"), "{:?}", companion.labels());
    });
    bench.until("it holds", |bench| verdicts(bench) == ["stable", "stable"]).await;
    bench.until("nothing is left of the check", is_over).await;
    bench.silent_for(600).await;
    let volumes = bench.engine.with(|world| world.volumes.len());
    assert_eq!(volumes, 2, "data, and the one that the image of the database asks for");
}

#[tokio::test(start_paused = true)]
async fn a_check_that_fails_takes_its_companions_along() {
    let bench = held_with_database(431).await;
    script(&bench, 1, ends(1));
    bench.write("shop", &with_database(2));
    bench.until("the rejection", |bench| bench.held("shop").contains(&"RevisionRejected")).await;
    bench.until("nothing is left of it", is_over).await;
    assert_eq!(verdicts(&bench), ["stable", "rejected"]);
    bench.silent_for(600).await;
}

#[tokio::test(start_paused = true)]
async fn a_companion_that_ends_or_is_never_ready_is_a_failure_of_the_check() {
    for (seed, companion, told) in [
        (432, ends(3), "its companion db ended: exit code 3"),
        (433, never_ready(), "was not ready within 40s"),
    ] {
        let bench = held_with_database(seed).await;
        bench.engine.script(ScriptKey::Name(COMPANION.to_owned()), companion);
        bench.write("shop", &with_database(2));
        if told.contains("not ready") {
            bench.until("it is told who is waited for", |bench| waits_for(bench, "db")).await;
        }
        bench
            .until("the rejection", |bench| bench.held("shop").contains(&"RevisionRejected"))
            .await;
        bench.until("nothing is left of it", is_over).await;
        let (ledger, _) = bench.ledger().load_project(&"shop".into());
        let Some(Verdict::Rejected(failure)) = ledger.history.back().map(|last| &last.verdict)
        else {
            unreachable!("it was rejected");
        };
        assert!(failure.cause.to_string().contains(told), "{}", failure.cause);
        assert_eq!(creates(&bench, "shop-web-check-1\""), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn killed_while_companions_start_it_ends_in_the_same_state() {
    for seed in 0..6 {
        let mut bench = held_with_database(440 + seed).await;
        bench.until("nothing is left of the first check", is_over).await;
        script(&bench, 1, ends(1));
        bench.write("shop", &with_database(2));
        for _ in 0..6 {
            tokio::time::sleep(Duration::from_millis(400 + 310 * seed)).await;
            bench.kill().await;
            bench.start();
        }
        bench
            .until("the rejection", |bench| bench.held("shop").contains(&"RevisionRejected"))
            .await;
        bench.until("nothing is left of it", is_over).await;
        assert_eq!(verdicts(&bench), ["stable", "rejected"], "seed {seed}\n{}", bench.story());
    }
}
