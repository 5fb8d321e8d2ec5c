//! Drills of the way back: at their times, both ways, and never while something else goes on.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic is a failed test"
)]

use std::time::Duration;

use composelet::ledger::Request;
use composelet::model::drill::{DrillEnd, EndedDrill, Way};
use composelet::model::id::ProjectName;

use super::bench::Bench;
use crate::sim::{AppScript, HealthScript, ScriptKey, Verdict};

fn shop(version: u32) -> String {
    format!(
        "
x-composelet: {{drill: {{schedule: '0 4 * * 0', time_zone: Europe/Berlin}}}}
services:
  web:
    image: app
    restart: always
    labels: {{v: '{version}'}}
    healthcheck: {{test: [CMD, check], interval: 5s, retries: 2}}
    deploy: {{replicas: 2, update_config: {{monitor: 2s}}}}
"
    )
}

fn script(bench: &Bench, version: u32, script: AppScript) {
    bench.engine.script(ScriptKey::Label("v".to_owned(), version.to_string()), script);
}

fn good() -> AppScript {
    AppScript::forever().health(HealthScript::HealthyAfter(Duration::from_secs(1)))
}

fn drills(bench: &Bench) -> Vec<EndedDrill> {
    let drill = bench.status("shop").and_then(|status| status.drill);
    drill.map(|drill| drill.history.into_iter().collect()).unwrap_or_default()
}

/// A bench where versions up to `last` have held, shortly before a drill is due.
async fn held(seed: u64, last: u32) -> Bench {
    let mut bench = Bench::new(seed);
    for version in 1..=last {
        script(&bench, version, good());
        bench.write("shop", &shop(version));
        if version == 1 {
            bench.start();
        }
        bench
            .until("it is taken up", |bench| {
                let status = bench.status("shop");
                status.is_some_and(|one| one.revisions.len() == version as usize)
            })
            .await;
        bench.converged("shop").await;
        bench.pass(20).await;
    }
    // A Saturday; the drill is due on Sunday at 03:00 UTC.
    bench.set_wall("2025-01-05T02:59:00Z");
    bench
}

#[tokio::test(start_paused = true)]
async fn a_drill_goes_back_and_returns_and_is_remembered() {
    let bench = held(750, 2).await;
    bench.until("back", |bench| bench.held("shop").contains(&"RollbackDrill")).await;
    bench.until("it ended", |bench| !drills(bench).is_empty()).await;
    let all = drills(&bench);
    let [one] = all.as_slice() else { panic!("{all:?}") };
    let DrillEnd::Made { from: 2, to: 1, back: Way::Took(back), forth: Way::Took(forth) } = one.end
    else {
        panic!("{one:?}")
    };
    assert!(back >= 2000 && forth >= 2000, "each waits until all has stayed available: {one:?}");
    assert_eq!(one.due.to_string(), "2025-01-05T03:00:00.000Z");
    bench.converged("shop").await;
    let next = bench.status("shop").unwrap().drill.unwrap().next.unwrap();
    assert_eq!(next.to_string(), "2025-01-12T03:00:00.000Z");
    bench.silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_drill_that_fails_is_a_condition_until_one_is_good() {
    let bench = held(751, 2).await;
    script(&bench, 1, AppScript::exits(Duration::from_millis(300), 7));
    bench.until("it failed", |bench| bench.held("shop").contains(&"RollbackDrillFailed")).await;
    let why = drills(&bench).pop().unwrap().failure().unwrap();
    assert!(why.contains("back to revision 1") && why.contains("exit code 7"), "{why}");
    bench.converged("shop").await;
    assert!(bench.held("shop").contains(&"RollbackDrillFailed"), "Ready, and still told");
    script(&bench, 1, good());
    bench.set_wall("2025-01-12T02:59:30Z");
    bench.until("a good one", |bench| drills(bench).len() == 2).await;
    bench
        .until("nothing is told", |bench| !bench.held("shop").contains(&"RollbackDrillFailed"))
        .await;
    bench.converged("shop").await;
}

#[tokio::test(start_paused = true)]
async fn without_an_earlier_version_or_while_something_goes_on_there_is_no_drill() {
    let bench = held(752, 1).await;
    bench.until("it is skipped", |bench| !drills(bench).is_empty()).await;
    let skipped = |bench: &Bench| match drills(bench).pop().unwrap().end {
        DrillEnd::Skipped(why) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(skipped(&bench), "there is no earlier stable revision");
    let refused = Verdict::Fail(1, "connection refused".to_owned());
    script(&bench, 2, AppScript::forever().health(HealthScript::Always(refused)));
    bench.write("shop", &shop(2));
    bench
        .until("the second is rejected", |bench| bench.held("shop").contains(&"RevisionRejected"))
        .await;
    bench.set_wall("2025-01-12T02:59:59Z");
    bench.until("it is skipped", |bench| drills(bench).len() == 2).await;
    assert_eq!(skipped(&bench), "the version of the files was rejected");
    assert!(bench.held("shop").contains(&"RevisionRejected"));
}

/// Whatever cuts it, the present version runs in the end, and the drill is told once.
#[tokio::test(start_paused = true)]
async fn killed_edited_or_ended_by_a_person_the_present_version_runs() {
    for seed in 0..2 {
        let mut bench = held(760 + seed, 2).await;
        bench.until("back", |bench| bench.held("shop").contains(&"RollbackDrill")).await;
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(400 + 300 * seed)).await;
            bench.kill().await;
            bench.start();
        }
        bench.until("it ended", |bench| !drills(bench).is_empty()).await;
        assert!(matches!(drills(&bench)[0].end, DrillEnd::Made { .. }), "{:?}", drills(&bench));
        bench.converged("shop").await;
        assert_eq!(drills(&bench).len(), 1);
    }
    let bench = held(765, 2).await;
    bench.until("back", |bench| bench.held("shop").contains(&"RollbackDrill")).await;
    bench.ask(&Request::Resume { project: ProjectName::from("shop"), service: None });
    bench.until("it ended", |bench| !drills(bench).is_empty()).await;
    assert!(matches!(&drills(&bench)[0].end, DrillEnd::Interrupted(why) if why.contains("person")));
    bench.converged("shop").await;
    script(&bench, 3, good());
    bench.set_wall("2025-01-12T02:59:55Z");
    bench.until("back again", |bench| bench.held("shop").contains(&"RollbackDrill")).await;
    bench.write("shop", &shop(3));
    bench.until("the edit ended it", |bench| drills(bench).len() == 2).await;
    assert!(
        matches!(&drills(&bench)[1].end, DrillEnd::Interrupted(why) if why.contains("changed"))
    );
    bench
        .until("the edit runs", |bench| {
            bench
                .status("shop")
                .is_some_and(|one| one.revisions.len() == 3 && one.rollback.is_none())
        })
        .await;
    bench.converged("shop").await;
}
