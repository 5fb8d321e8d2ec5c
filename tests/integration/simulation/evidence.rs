//! What is kept of a version that failed: what the engine said of its container, its last checks, its last words.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

use std::time::Duration;

use composelet::model::revision::{Evidence, Verdict};

use super::bench::Bench;
use crate::sim::{AppScript, HealthScript, ScriptKey, Verdict as Probe};

fn version(number: u32) -> String {
    format!(
        "
services:
  web:
    image: app
    restart: always
    labels: {{v: '{number}'}}
    environment: {{PASSWORD: 'hunter2-{number}'}}
    healthcheck: {{test: [CMD, check], interval: 5s, retries: 2}}
    deploy: {{update_config: {{monitor: 2s}}}}
"
    )
}

fn script(bench: &Bench, number: u32, script: AppScript) {
    bench.engine.script(ScriptKey::Label("v".to_owned(), number.to_string()), script);
}

fn evidence(bench: &Bench, number: u64) -> Option<Evidence> {
    let status = bench.status("shop")?;
    let one = status.revisions.iter().find(|one| one.number == number)?;
    match &one.verdict {
        Verdict::Rejected(failure) => failure.evidence.as_deref().cloned(),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejected_version_keeps_what_the_engine_said_of_it_and_no_secret() {
    let mut bench = Bench::new(720);
    let good = AppScript::forever().health(HealthScript::HealthyAfter(Duration::from_secs(1)));
    script(&bench, 1, good);
    script(&bench, 2, AppScript::exits(Duration::from_millis(300), 3));
    let refused = Probe::Fail(1, "connection refused".to_owned());
    script(&bench, 3, AppScript::forever().health(HealthScript::Always(refused)));
    bench.write("shop", &version(1));
    bench.start();
    bench.converged("shop").await;
    bench.pass(30).await;

    bench.write("shop", &version(2));
    bench.until("the second is rejected", |bench| evidence(bench, 2).is_some()).await;
    let ended = evidence(&bench, 2).unwrap();
    assert_eq!(ended.exit_code, Some(3), "{ended:?}");
    assert!(ended.started_at.is_some() && ended.finished_at.is_some(), "{ended:?}");
    assert!(ended.image_id.is_some(), "{ended:?}");

    bench.write("shop", &version(3));
    bench.until("the third is rejected", |bench| evidence(bench, 3).is_some()).await;
    let ill = evidence(&bench, 3).unwrap();
    assert!((1..=5).contains(&ill.health.len()), "{ill:?}");
    for check in &ill.health {
        assert!(check.output.contains("connection refused"), "{check:?}");
        assert!(check.exit_code == Some(1) && check.start.is_some() && check.end.is_some());
    }

    // It is written once, outlives the container and the controller, and holds nothing that the container was made with.
    bench.until("the old version alone", |bench| bench.phases().len() == 1).await;
    bench.kill().await;
    bench.start();
    bench.pass(60).await;
    assert_eq!(evidence(&bench, 3), Some(ill));
    let kept = serde_json::to_string(&bench.status("shop").unwrap().revisions).unwrap();
    assert!(!kept.contains("hunter2"), "{kept}");
}
