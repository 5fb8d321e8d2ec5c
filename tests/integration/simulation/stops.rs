//! Stops for a repair: what stays down, and what comes back.

#![allow(clippy::indexing_slicing, reason = "helpers of tests: a panic is a failed test")]

use std::time::Duration;

use composelet::ledger::Request;
use composelet::model::time::Timestamp;

use super::bench::Bench;

const SHOP: &str = "
services:
  db: {image: app, restart: always}
  web: {image: app, restart: unless-stopped, depends_on: [db]}
";

fn stop(service: Option<&str>, until: Option<Timestamp>) -> Request {
    Request::Stop {
        project: "shop".into(),
        service: service.map(Into::into),
        reason: "new disk".to_owned(),
        until,
    }
}

fn start(service: Option<&str>) -> Request {
    Request::Start { project: "shop".into(), service: service.map(Into::into) }
}

async fn shop(seed: u64) -> Bench {
    let mut bench = Bench::new(seed);
    bench.write("shop", SHOP);
    bench.start();
    bench.converged("shop").await;
    bench
}

/// Ends of stops that the engine was asked for, in order.
fn stops(bench: &Bench) -> Vec<String> {
    let calls = bench.engine.calls();
    let stops = calls.iter().filter(|call| call.path.ends_with("/stop"));
    stops.map(|call| call.path.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_stopped_project_stays_down_over_engine_and_controller_and_comes_back() {
    let mut bench = shop(930).await;
    let id = bench.ask(&stop(None, None));
    bench.until("all is down", |bench| !bench.runs("shop-web-1") && !bench.runs("shop-db-1")).await;
    assert_eq!(bench.ledger().take_answer(&id).as_deref(), Some("stopping"));
    let order = stops(&bench);
    assert_eq!(order.len(), 2, "{}", bench.story());
    assert!(order[0].contains("shop-web-1") && order[1].contains("shop-db-1"), "{order:?}");
    bench.pass(5).await;
    assert!(bench.held("shop").contains(&"Stopped"), "{}", bench.story());
    bench.silent_for(3600).await;

    // Neither a person, nor the engine, nor a new controller starts it for good.
    bench.engine.docker_start("shop-db-1").unwrap();
    bench.until("it was stopped again", |bench| !bench.runs("shop-db-1")).await;
    bench.engine.restart_daemon(Duration::from_secs(5));
    bench.pass(60).await;
    assert!(!bench.runs("shop-db-1") && !bench.runs("shop-web-1"), "{}", bench.story());
    bench.kill().await;
    bench.start();
    bench.pass(120).await;
    assert!(!bench.runs("shop-db-1") && !bench.runs("shop-web-1"), "{}", bench.story());
    let history: Vec<String> =
        bench.ledger().history(&"shop".into(), 100).into_iter().map(|record| record.plan).collect();
    assert!(history.concat().contains("stopped for a repair: new disk"), "{history:?}");

    let id = bench.ask(&start(Some("web")));
    bench.pass(5).await;
    let answer = bench.ledger().take_answer(&id);
    assert!(answer.is_some_and(|answer| answer.contains("start the project")));
    bench.ask(&start(None));
    bench.converged("shop").await;
    assert!(bench.runs("shop-db-1") && bench.runs("shop-web-1"));
    bench.silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_by_itself_also_while_no_controller_runs() {
    let mut bench = shop(931).await;
    let until = bench.wall().plus(Duration::from_secs(600));
    bench.ask(&stop(Some("db"), Some(until)));
    bench.until("it is down", |bench| !bench.runs("shop-db-1")).await;
    bench.pass(300).await;
    assert!(!bench.runs("shop-db-1"), "{}", bench.story());
    assert!(bench.runs("shop-web-1"), "who depends on it goes on\n{}", bench.story());
    bench.pass(305).await;
    bench.converged("shop").await;
    assert!(bench.runs("shop-db-1"), "{}", bench.story());

    let until = bench.wall().plus(Duration::from_secs(600));
    bench.ask(&stop(Some("db"), Some(until)));
    bench.until("it is down", |bench| !bench.runs("shop-db-1")).await;
    bench.kill().await;
    bench.pass(900).await;
    assert!(!bench.runs("shop-db-1"));
    bench.start();
    bench.converged("shop").await;
    assert!(bench.runs("shop-db-1"), "{}", bench.story());
    assert_eq!(bench.engine.with(|world| world.containers.len()), 2, "the same containers");
}
