//! Hooks around starts and stops: once for each run, over crashes of the controller, restarts of the daemon, and hooks
//! that fail or hang.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic is a failed test"
)]

use std::time::Duration;

use super::bench::Bench;
use crate::sim::{AppScript, ExecOutcome, ImageSpec, Phase, ScriptKey};

const SHOP: &str = "
services:
  db: {image: app, restart: always, stop_grace_period: 10s, post_start: [{command: first}, {command: second}], pre_stop: [{command: drain}]}
  web: {image: app, restart: always, depends_on: [db]}
";

const STEPS: &str = "
services:
  web:
    image: app
    restart: always
    volumes: [data:/data]
    pre_start: [{command: migrate}, {image: tool, command: seed}]
volumes: {data: {}}
";

/// Execs that were made in a container, whether or not they ended.
fn execs(bench: &Bench, container: &str) -> usize {
    let path = format!("/containers/{{{container}}}/exec");
    let calls = bench.engine.calls();
    calls.iter().filter(|call| call.path.ends_with(&path) && call.status == Some(201)).count()
}

/// Containers that were created with this name.
fn creates(bench: &Bench, name: &str) -> usize {
    let calls = bench.engine.calls();
    calls.iter().filter(|call| call.path.ends_with(&format!("/create?name={name}"))).count()
}

fn says(bench: &Bench, words: &str) -> bool {
    let held = bench.status("shop").map(|one| one.held).unwrap_or_default();
    held.iter().any(|held| held.waiting_on.to_string().contains(words))
}

fn noted(bench: &Bench, reason: &str) -> bool {
    let recent = bench.status("shop").map(|one| one.recent).unwrap_or_default();
    recent.iter().any(|one| one.reason == reason)
}

async fn shop(seed: u64, db: AppScript) -> Bench {
    let mut bench = Bench::new(seed);
    bench.engine.script_service("db", db);
    bench.write("shop", SHOP);
    bench.start();
    bench
}

#[tokio::test(start_paused = true)]
async fn hooks_run_once_for_each_start_whoever_starts() {
    let mut bench = shop(60, AppScript::forever()).await;
    bench.converged("shop").await;
    assert_eq!(execs(&bench, "shop-db-1"), 2, "{}", bench.story());
    bench.silent_for(600).await;
    assert_eq!(bench.stop().await, composelet::controller::RunEnd::Stopped);
    bench.start();
    bench.silent_for(120).await;
    assert_eq!(execs(&bench, "shop-db-1"), 2, "a new controller repeats nothing");
    // The engine's own policy starts it again.
    bench.engine.docker_kill("shop-db-1").unwrap();
    bench.until("the hooks of the next run", |bench| execs(bench, "shop-db-1") == 4).await;
    bench.converged("shop").await;
    bench.engine.restart_daemon(Duration::from_secs(2));
    bench.until("the hooks after the daemon", |bench| execs(bench, "shop-db-1") == 6).await;
    bench.converged("shop").await;
    bench.pass(300).await;
    assert_eq!(execs(&bench, "shop-db-1"), 6, "{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_fails_holds_the_dependants_and_is_tried_again() {
    let failing = AppScript::forever().exec("second", ExecOutcome::exit(3, "no such table\n"));
    let bench = shop(61, failing).await;
    bench.until("it is told", |bench| says(bench, "exit code 3; no such table")).await;
    bench.until("three tries", |bench| execs(bench, "shop-db-1") >= 4).await;
    assert!(!bench.runs("shop-web-1"), "{}", bench.story());
    let code = "FailedPostStartHook";
    bench.until("it backs off", |bench| bench.held("shop").contains(&code)).await;
    bench.engine.script_service("db", AppScript::forever());
    bench.converged("shop").await;
    assert!(bench.runs("shop-web-1"));
    let tries = execs(&bench, "shop-db-1");
    bench.silent_for(600).await;
    assert_eq!(execs(&bench, "shop-db-1"), tries);
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_hangs_holds_its_dependants_but_no_stop() {
    let hangs = AppScript::forever().exec("first", ExecOutcome::hang());
    let bench = shop(62, hangs).await;
    bench.until("the hook runs", |bench| bench.held("shop").contains(&"HookRunning")).await;
    bench.pass(120).await;
    assert!(!bench.runs("shop-web-1") && execs(&bench, "shop-db-1") == 1, "{}", bench.story());
    bench.remove("shop");
    bench.until("it goes all the same", |bench| bench.phases().is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn a_hook_before_the_stop_spends_the_grace_and_is_cut_with_it() {
    for outcome in [ExecOutcome::exit(5, "busy\n"), ExecOutcome::hang()] {
        let bench = shop(63, AppScript::forever().exec("drain", outcome)).await;
        bench.converged("shop").await;
        let before = bench.engine.elapsed();
        bench.write("shop", &SHOP.replace("db: {image: app,", "db: {image: app, user: root,"));
        bench.until("it is told", |bench| noted(bench, "FailedPreStopHook")).await;
        let took = bench.engine.elapsed() - before;
        assert!(took < Duration::from_secs(20), "{took:?}\n{}", bench.story());
        bench.converged("shop").await;
        assert!(bench.runs("shop-db-1"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_removed_is_drained_as_its_last_version_said() {
    let mut bench = shop(64, AppScript::forever()).await;
    bench.converged("shop").await;
    // A new controller knows it from the last good version.
    bench.kill().await;
    bench.remove("shop");
    bench.start();
    bench.until("it is gone", |bench| bench.phases().is_empty()).await;
    assert_eq!(execs(&bench, "shop-db-1"), 3, "{}", bench.story());
    // And of a service that leaves a project that goes on.
    let bench = shop(65, AppScript::forever()).await;
    bench.converged("shop").await;
    bench.write("shop", "services: {web: {image: app, restart: always}}");
    bench.until("it is gone", |bench| !bench.phases().contains_key("shop-db-1")).await;
    assert_eq!(execs(&bench, "shop-db-1"), 3, "{}", bench.story());
}

fn stepper(seed: u64) -> Bench {
    let bench = Bench::new(seed);
    bench.engine.add_image("tool", &ImageSpec::new("tool"));
    for step in ["shop-web-pre_start-1", "shop-web-pre_start-2"] {
        let ends = AppScript::exits(Duration::from_millis(300), 0);
        bench.engine.script(ScriptKey::Name(step.to_owned()), ends);
    }
    bench.write("shop", STEPS);
    bench
}

#[tokio::test(start_paused = true)]
async fn steps_run_in_order_before_the_first_start_and_never_again() {
    let mut bench = stepper(66);
    bench.start();
    bench.converged("shop").await;
    let made = |bench: &Bench| {
        (creates(bench, "shop-web-pre_start-1"), creates(bench, "shop-web-pre_start-2"))
    };
    assert_eq!(made(&bench), (1, 1), "{}", bench.story());
    assert_eq!(bench.phases().len(), 1, "their containers are gone\n{}", bench.story());
    bench.engine.docker_kill("shop-web-1").unwrap();
    bench.pass(60).await;
    bench.engine.docker_rm("shop-web-1", false).unwrap();
    bench.pass(60).await;
    bench.converged("shop").await;
    assert_eq!(made(&bench), (1, 1), "not again for the same version\n{}", bench.story());
    bench.write("shop", &STEPS.replace("restart: always", "restart: always\n    user: root"));
    bench.until("again for another", |bench| made(bench) == (2, 2)).await;
    bench.converged("shop").await;
    bench.silent().await;
    assert_eq!(bench.phases().len(), 1, "{}", bench.story());
    assert_eq!(bench.stop().await, composelet::controller::RunEnd::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_fails_twice_and_then_succeeds_gates_the_start_and_is_kept_meanwhile() {
    let mut bench = stepper(67);
    let second = || ScriptKey::Name("shop-web-pre_start-2".to_owned());
    bench.engine.script(second(), AppScript::exits(Duration::from_millis(300), 4));
    bench.start();
    bench.until("two failures", |bench| creates(bench, "shop-web-pre_start-2") == 2).await;
    bench.until("it is told", |bench| says(bench, "failure 2 of pre_start hook 2 of 2")).await;
    assert!(!bench.runs("shop-web-1"));
    let kept = bench.phases().get("shop-web-pre_start-2").copied();
    assert_eq!(kept, Some(Phase::Exited), "{}", bench.story());
    bench.engine.script(second(), AppScript::exits(Duration::from_millis(300), 0));
    bench.converged("shop").await;
    assert_eq!(creates(&bench, "shop-web-pre_start-1"), 1, "the first is not repeated");
    assert_eq!(bench.phases().len(), 1, "{}", bench.story());
    bench.remove("shop");
    bench.until("it goes", |bench| bench.phases().is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn killed_around_hooks_nothing_is_doubled_but_what_was_under_way() {
    let text = format!("{}{}", STEPS.trim_end().trim_end_matches("volumes: {data: {}}"), "");
    let text = format!(
        "{text}  db: {{image: app, restart: always, post_start: [{{command: first}}, {{command: second}}]}}\nvolumes: {{data: {{}}}}\n"
    );
    for seed in 0..3_u64 {
        let mut bench = stepper(68);
        bench.write("shop", &text);
        let mut dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(3);
        let kills: usize = 6;
        for _ in 0..kills {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            bench.start();
            tokio::time::sleep(Duration::from_millis(5 + dice % 395)).await;
            bench.kill().await;
        }
        bench.start();
        bench.converged("shop").await;
        let story = bench.story();
        for step in ["shop-web-pre_start-1", "shop-web-pre_start-2"] {
            assert_eq!(bench.phases().get(step), None, "seed {seed}\n{story}");
        }
        let tries = execs(&bench, "shop-db-1");
        assert!((2..=2 + kills).contains(&tries), "seed {seed}: {tries} tries\n{story}");
        bench.silent_for(120).await;
        assert_eq!(execs(&bench, "shop-db-1"), tries, "seed {seed}");
    }
}
