//! Checks after a rollout (`x-composelet.checks.after`): a version that does not pass them goes back by itself.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

use std::time::Duration;

use super::bench::Bench;
use crate::sim::{AppScript, ExecOutcome, ImageSpec, ScriptKey};

fn version(number: u32) -> String {
    format!(
        "
services:
  web:
    image: app
    restart: always
    labels: {{v: '{number}'}}
    deploy: {{update_config: {{monitor: 2s}}}}
    x-composelet:
      checks:
        after:
          - {{name: data, exec: [look], retries: 2, interval: 3s}}
          - {{name: front, http: {{path: /healthz, port: 8000}}, retries: 1, interval: 3s}}
"
    )
}

/// Sets what the containers of a version do.
fn script(bench: &Bench, number: u32, script: AppScript) {
    bench.engine.script(ScriptKey::Label("v".to_owned(), number.to_string()), script);
}

fn good() -> AppScript {
    AppScript::forever().exec("look", ExecOutcome::exit(0, "")).answers_from(0, 200)
}

fn bad() -> AppScript {
    // The first outcome that is said for a command counts.
    AppScript::forever().exec("look", ExecOutcome::exit(4, "rows are missing")).answers_from(0, 200)
}

/// A bench where the first version has passed its checks.
async fn held(seed: u64) -> Bench {
    let mut bench = Bench::new(seed);
    script(&bench, 1, good());
    bench.write("shop", &version(1));
    bench.start();
    bench.converged("shop").await;
    bench.until("the first version has held", |bench| verdicts(bench) == ["stable"]).await;
    bench
}

/// What became of the versions, oldest first.
fn verdicts(bench: &Bench) -> Vec<&'static str> {
    use composelet::model::revision::Verdict;
    let (ledger, _) = bench.ledger().load_project(&"shop".into());
    let verdict = |verdict| match verdict {
        Verdict::Open => "open",
        Verdict::Stable { .. } => "stable",
        Verdict::Rejected(_) => "rejected",
    };
    ledger.history.into_iter().map(|one| verdict(one.verdict)).collect()
}

/// Commands begun in containers so far.
fn asked(bench: &Bench) -> usize {
    bench.engine.calls().iter().filter(|call| call.path.ends_with("/exec")).count()
}

#[tokio::test(start_paused = true)]
async fn a_version_that_passes_is_asked_once_and_then_never_again() {
    let mut bench = held(300).await;
    let before = asked(&bench);
    assert_eq!(before, 1, "{}", bench.story());
    bench.silent_for(3600).await;
    bench.kill().await;
    bench.start();
    bench.pass(60).await;
    assert_eq!(asked(&bench), before);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_fails_brings_the_old_version_back() {
    let bench = held(301).await;
    script(&bench, 2, bad());
    bench.write("shop", &version(2));
    bench.until("the rejection", |bench| bench.held("shop").contains(&"RevisionRejected")).await;
    bench
        .until("one container runs", |bench| bench.phases().len() == 1 && bench.runs("shop-web-1"))
        .await;
    assert_eq!(verdicts(&bench), ["stable", "rejected"]);
    assert_eq!(asked(&bench), 1 + 3, "one try and two retries\n{}", bench.story());
    bench.silent_for(3600).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_expected_brings_the_old_version_back_and_a_good_one_goes_through() {
    let bench = held(302).await;
    script(&bench, 2, good().answers_from(0, 500));
    bench.write("shop", &version(2));
    bench.until("the rejection", |bench| bench.held("shop").contains(&"RevisionRejected")).await;
    script(&bench, 3, good());
    bench.write("shop", &version(3));
    bench
        .until("the third version has held", |bench| {
            verdicts(bench) == ["stable", "rejected", "stable"]
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_check_that_gets_well_within_its_retries_is_passed() {
    let bench = held(303).await;
    script(&bench, 2, good().answers_from(0, 500).answers_from(4, 200));
    bench.write("shop", &version(2));
    bench
        .until("the second version has held", |bench| verdicts(bench) == ["stable", "stable"])
        .await;
}

#[tokio::test(start_paused = true)]
async fn killed_during_the_checks_it_ends_in_the_same_state() {
    for seed in 0..6 {
        let mut bench = held(310 + seed).await;
        script(&bench, 2, bad());
        bench.write("shop", &version(2));
        for _ in 0..6 {
            tokio::time::sleep(Duration::from_millis(900 + 370 * seed)).await;
            bench.kill().await;
            bench.start();
        }
        bench
            .until("the rejection", |bench| bench.held("shop").contains(&"RevisionRejected"))
            .await;
        bench.until("one container", |bench| bench.phases().len() == 1).await;
        assert_eq!(verdicts(&bench), ["stable", "rejected"], "seed {seed}\n{}", bench.story());
    }
}

#[tokio::test(start_paused = true)]
async fn an_edit_during_the_checks_is_taken_up() {
    let bench = held(320).await;
    script(&bench, 2, bad());
    script(&bench, 3, good());
    bench.write("shop", &version(2));
    bench.until("a failed check", |bench| bench.held("shop").contains(&"CheckFailed")).await;
    bench.write("shop", &version(3));
    bench
        .until("the third version has held", |bench| {
            verdicts(bench) == ["stable", "open", "stable"]
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn the_first_version_of_all_stays_and_says_what_it_does_not_pass() {
    let mut bench = Bench::new(330);
    script(&bench, 1, bad());
    bench.write("shop", &version(1));
    bench.start();
    bench.until("a failed check", |bench| bench.held("shop").contains(&"CheckFailed")).await;
    bench.pass(120).await;
    assert!(bench.runs("shop-web-1") && !bench.is_ready("shop"), "{}", bench.story());
    assert_eq!(verdicts(&bench), ["open"]);
}

/// A version that is checked by a container of its own.
fn version_with_run(number: u32) -> String {
    let check = "{name: smoke, run: {image: tool, command: [look]}, timeout: 20s}";
    let text = version(number);
    let list = text.split("after:").next().unwrap();
    format!("{list}after: [{check}]\n")
}

const SMOKE: &str = "shop-web-after-check-1";

fn smoke(bench: &Bench, script: AppScript) {
    bench.engine.script(ScriptKey::Name(SMOKE.to_owned()), script);
}

/// A bench where the first version has passed its check in a container.
async fn held_with_run(seed: u64) -> Bench {
    let mut bench = Bench::new(seed);
    bench.engine.add_image("tool", &ImageSpec::new("tool"));
    smoke(&bench, AppScript::exits(Duration::from_secs(1), 0));
    bench.write("shop", &version_with_run(1));
    bench.start();
    bench.converged("shop").await;
    bench.until("the first version has held", |bench| verdicts(bench) == ["stable"]).await;
    bench
}

/// Containers of checks that were made so far.
fn runs(bench: &Bench) -> usize {
    let calls = bench.engine.calls();
    calls.iter().filter(|call| call.path.contains(&format!("/create?name={SMOKE}"))).count()
}

#[tokio::test(start_paused = true)]
async fn a_check_in_a_container_runs_once_for_a_version_and_leaves_nothing() {
    let mut bench = held_with_run(340).await;
    bench.until("nothing is left", |bench| bench.phases().keys().eq(["shop-web-1"])).await;
    bench.silent_for(3600).await;
    bench.kill().await;
    bench.start();
    bench.pass(60).await;
    assert_eq!(runs(&bench), 1, "{}", bench.story());
    bench.write("shop", &version_with_run(2));
    bench.until("the second has held", |bench| verdicts(bench) == ["stable", "stable"]).await;
    assert_eq!(runs(&bench), 2, "{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn a_check_in_a_container_that_fails_or_has_no_end_brings_the_old_version_back() {
    for (seed, script, told) in [
        (341, AppScript::exits(Duration::from_secs(1), 4), "check smoke failed: exit code 4"),
        (342, AppScript::forever(), "check smoke failed: no end within 20s"),
    ] {
        let mut bench = held_with_run(seed).await;
        smoke(&bench, script);
        bench.write("shop", &version_with_run(2));
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(1300)).await;
            bench.kill().await;
            bench.start();
        }
        bench
            .until("the rejection", |bench| bench.held("shop").contains(&"RevisionRejected"))
            .await;
        bench.until("nothing is left", |bench| bench.phases().keys().eq(["shop-web-1"])).await;
        let (ledger, _) = bench.ledger().load_project(&"shop".into());
        let last = format!("{:?}", ledger.history.back().map(|last| &last.verdict));
        assert_eq!(verdicts(&bench), ["stable", "rejected"], "{}", bench.story());
        assert!(
            bench.status("shop").is_some_and(|status| format!("{status:?}").contains(told)),
            "{last}"
        );
        assert_eq!(runs(&bench), 2, "one for each version\n{}", bench.story());
    }
}
