//! Blue-green and canary through everything that becomes of them: promoted, aborted, measured, edited, killed.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

use std::collections::BTreeMap;
use std::time::Duration;

use composelet::ledger::Request;
use composelet::model::revision::{FailureCause, Verdict};

use super::bench::Bench;
use crate::sim::{AppScript, HealthScript, Phase, ScriptKey};

const CANARY: &str =
    "{type: canary, steps: [{replicas: 1}, {pause: 1m}, {replicas: 2}, {pause: true}]}";
const BLUE_GREEN: &str = "{type: blue-green, auto_promote: false, scale_down_delay: 10s}";

fn version(number: u32, strategy: &str) -> String {
    format!(
        "
services:
  web:
    image: app
    restart: always
    expose: ['8000']
    labels: {{v: '{number}'}}
    healthcheck: {{test: [CMD, check], interval: 5s, retries: 2}}
    deploy: {{replicas: 3, update_config: {{monitor: 2s}}}}
    x-composelet: {{strategy: {strategy}}}
"
    )
}

fn good() -> AppScript {
    AppScript::forever().health(HealthScript::HealthyAfter(Duration::from_secs(1)))
}

fn script(bench: &Bench, number: u32, script: AppScript) {
    bench.engine.script(ScriptKey::Label("v".to_owned(), number.to_string()), script);
}

/// A bench where the first version has held.
async fn held(seed: u64, strategy: &str) -> Bench {
    let mut bench = Bench::new(seed);
    for number in 1..=3 {
        script(&bench, number, good());
    }
    bench.write("shop", &version(1, strategy));
    bench.start();
    bench.converged("shop").await;
    until(&bench, "the first version has held", |bench| verdict(bench, 1).is_some()).await;
    bench
}

/// How many containers of each version run.
fn running(bench: &Bench) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for (name, _) in bench.phases().iter().filter(|(_, phase)| **phase == Phase::Running) {
        let Some(seen) = bench.engine.inspected(name) else { continue };
        let label = seen.pointer("/Config/Labels/v").and_then(serde_json::Value::as_str);
        *count.entry(label.unwrap_or_default().to_owned()).or_default() += 1;
    }
    count
}

fn of(bench: &Bench, number: u32) -> usize {
    running(bench).get(&number.to_string()).copied().unwrap_or_default()
}

/// Longest time that is waited for, in looks.
const PATIENCE: u32 = 3000;

/// Looks until it holds; what runs is a picture of every container, so this looks less often than the bench does.
async fn until(bench: &Bench, what: &str, condition: impl Fn(&Bench) -> bool) {
    for _ in 0..PATIENCE {
        if condition(bench) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("never came: {what}\n{}", bench.story());
}

/// Waits, and finds at every look all of the first version and never more than twice the declared number.
async fn beside(bench: &Bench, what: &str, condition: impl Fn(&Bench) -> bool) {
    until(bench, what, |bench| {
        let all = running(bench);
        assert_eq!(all.get("1"), Some(&3), "{all:?}\n{}", bench.story());
        assert!(all.values().sum::<usize>() <= 6, "{all:?}");
        condition(bench)
    })
    .await;
}

/// The verdict on a version, once there is one.
fn verdict(bench: &Bench, number: u64) -> Option<Verdict> {
    let status = bench.status("shop")?;
    let one = status.revisions.into_iter().find(|one| one.number == number)?;
    Some(one.verdict).filter(|verdict| *verdict != Verdict::Open)
}

fn waits_for_a_person(bench: &Bench) -> bool {
    bench.held("shop").contains(&"AwaitingPromotion")
}

fn promote(bench: &Bench, full: bool) {
    let (project, service) = ("shop".into(), Some("web".into()));
    bench.ask(&Request::Promote { project, service, full });
}

fn abort(bench: &Bench) {
    bench.ask(&Request::Abort { project: "shop".into(), service: None });
}

/// The version runs alone, and nothing changes any more.
async fn alone(bench: &Bench, number: u32) {
    let all = BTreeMap::from([(number.to_string(), 3)]);
    until(bench, &format!("{number} alone"), |bench| running(bench) == all).await;
    until(bench, "nothing else is left", |bench| bench.phases().len() == 3).await;
    bench.pass(5).await;
    assert!(bench.runs("shop-web-1") && bench.runs("shop-web-3"), "{}", bench.story());
    bench.silent().await;
}

/// It was given up for this cause, and the first version was never touched.
async fn gone_back(bench: &Bench, number: u64, code: &str) {
    beside(bench, "the rejection", |bench| verdict(bench, number).is_some()).await;
    let Some(Verdict::Rejected(failure)) = verdict(bench, number) else {
        panic!("{}", bench.story());
    };
    assert_eq!(failure.cause.code(), code, "{failure:?}");
    beside(bench, "the old version alone", |bench| running(bench).len() == 1).await;
    alone(bench, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_canary_goes_by_its_steps_and_is_promoted_by_a_person() {
    let bench = held(200, CANARY).await;
    bench.write("shop", &version(2, CANARY));
    beside(&bench, "one candidate", |bench| of(bench, 2) == 1).await;
    beside(&bench, "its pause", |bench| bench.held("shop").contains(&"StepPaused")).await;
    beside(&bench, "two candidates", |bench| of(bench, 2) == 2).await;
    beside(&bench, "a person", waits_for_a_person).await;
    // Twice the progress deadline: a pause is no failure.
    bench.silent_for(1200).await;
    assert!(!bench.is_ready("shop"), "it is not as declared yet");
    promote(&bench, false);
    alone(&bench, 2).await;
    assert!(matches!(verdict(&bench, 2), Some(Verdict::Stable { .. })), "{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn blue_green_waits_and_switches_when_it_is_promoted() {
    let bench = held(201, BLUE_GREEN).await;
    bench.write("shop", &version(2, BLUE_GREEN));
    beside(&bench, "all green beside all blue", |bench| of(bench, 2) == 3).await;
    beside(&bench, "a person", waits_for_a_person).await;
    bench.silent_for(1200).await;
    promote(&bench, false);
    until(&bench, "promoted", |bench| !waits_for_a_person(bench)).await;
    // The old version stays for the delay.
    bench.pass(8).await;
    assert_eq!((of(&bench, 1), of(&bench, 2)), (3, 3), "{}", bench.story());
    alone(&bench, 2).await;
}

#[tokio::test(start_paused = true)]
async fn blue_green_promotes_itself_after_what_was_measured() {
    let strategy = "{type: blue-green, pause: 30s, analysis: [{http: {port: 8000}, count: 3, interval: 5s}, {restarts: {max: 0}}]}";
    let bench = held(202, strategy).await;
    bench.write("shop", &version(2, strategy));
    beside(&bench, "it is measured", |bench| bench.held("shop").contains(&"AnalysisRunning")).await;
    beside(&bench, "its pause", |bench| bench.held("shop").contains(&"StepPaused")).await;
    alone(&bench, 2).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_aborted_goes_away_and_is_not_tried_again() {
    for (seed, strategy) in [(203, BLUE_GREEN), (204, CANARY)] {
        let bench = held(seed, strategy).await;
        bench.write("shop", &version(2, strategy));
        beside(&bench, "a person", waits_for_a_person).await;
        abort(&bench);
        gone_back(&bench, 2, "RolloutAborted").await;
        bench.write("shop", &version(3, strategy));
        beside(&bench, "a person", waits_for_a_person).await;
        promote(&bench, true);
        alone(&bench, 3).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_measured_badly_goes_back_by_itself() {
    let checks = [
        "{http: {port: 8000}, count: 5, interval: 5s, failure_limit: 1}",
        "{exec: {command: [smoke]}, interval: 5s}",
        "{prometheus: {address: 'http://metrics:9090', query: errors, condition: '< 0.01'}}",
        "{prometheus: {address: 'http://silent:9090', query: errors, condition: '< 0.01'}}",
    ];
    for (seed, check) in (210..).zip(checks) {
        let strategy = format!("{{type: canary, steps: [{{replicas: 1}}, {{analysis: {check}}}]}}");
        let bench = held(seed, &strategy).await;
        let answer = |value: &str| {
            format!(
                r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"value":[1,"{value}"]}}]}}}}"#
            )
        };
        bench.engine.serve("metrics", &answer("0.5"));
        bench.engine.serve("silent", &answer("NaN"));
        let fails = crate::sim::ExecOutcome::exit(3, "no");
        script(&bench, 2, good().answers_from(0, 500).exec("smoke", fails));
        bench.write("shop", &version(2, &strategy));
        gone_back(&bench, 2, "AnalysisFailed").await;
        // The same check lets a good version through.
        bench.engine.serve("metrics", &answer("0.001"));
        bench.engine.serve("silent", &answer("0"));
        bench.write("shop", &version(3, &strategy));
        alone(&bench, 3).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_crashes_goes_back_while_it_waits_for_a_person() {
    let bench = held(220, CANARY).await;
    let late = AppScript::exits(Duration::from_secs(100), 3)
        .health(HealthScript::HealthyAfter(Duration::from_secs(1)));
    script(&bench, 2, late);
    bench.write("shop", &version(2, CANARY));
    until(&bench, "the rejection", |bench| verdict(bench, 2).is_some()).await;
    let Some(Verdict::Rejected(failure)) = verdict(&bench, 2) else { panic!() };
    assert!(matches!(failure.cause, FailureCause::CrashLoop { .. }), "{failure:?}");
    alone(&bench, 1).await;
}

#[tokio::test(start_paused = true)]
async fn an_edit_in_the_middle_takes_fresh_candidates() {
    let bench = held(221, CANARY).await;
    bench.write("shop", &version(2, CANARY));
    beside(&bench, "a person", waits_for_a_person).await;
    bench.write("shop", &version(3, CANARY));
    beside(&bench, "one of the newest", |bench| (of(bench, 2), of(bench, 3)) == (0, 1)).await;
    beside(&bench, "a person again", waits_for_a_person).await;
    // And back to what serves, by an edit: no steps are needed for that.
    bench.write("shop", &version(1, CANARY));
    alone(&bench, 1).await;
}

/// Fault scenarios 3 and 7: killed between any two steps, the next controller goes on where it was.
#[tokio::test(start_paused = true)]
async fn killed_at_any_step_it_goes_on_there() {
    let strategy = "{type: canary, steps: [{replicas: 1}, {pause: 4s}, {analysis: {http: {port: 8000}, count: 3, interval: 2s}}, {replicas: 3}, {pause: true}]}";
    for seed in 0..5 {
        let mut bench = held(230 + seed, strategy).await;
        bench.write("shop", &version(2, strategy));
        for _ in 0..8 {
            bench.pass(1).await;
            tokio::time::sleep(Duration::from_millis(170 * seed)).await;
            bench.kill().await;
            bench.start();
        }
        beside(&bench, "a person", waits_for_a_person).await;
        bench.kill().await;
        bench.start();
        bench.pass(2).await;
        if seed % 2 == 0 {
            promote(&bench, false);
            bench.kill().await;
            bench.start();
            alone(&bench, 2).await;
        } else {
            abort(&bench);
            gone_back(&bench, 2, "RolloutAborted").await;
        }
    }
}
