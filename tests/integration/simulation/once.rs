//! `run --once`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic is a failed test"
)]

use std::time::Duration;

use composelet::controller::{Mode, OnceOptions, RunEnd};
use composelet::ledger::Ledger;

use super::bench::Bench;
use crate::sim::{AppScript, HealthScript, Verdict};

fn once(seed: u64, options: OnceOptions) -> Bench {
    let mut bench = Bench::new(seed);
    bench.mode = Mode::Once(options);
    bench
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_nothing_is_left_to_do() {
    let mut bench = once(31, OnceOptions::default());
    bench.write("shop", "services: {db: {image: app}, web: {image: app, depends_on: [db]}}");
    let begin = tokio::time::Instant::now();
    bench.start();
    assert_eq!(bench.end().await, RunEnd::Converged);
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    assert!(bench.runs("shop-web-1"));
    bench.start();
    assert_eq!(bench.end().await, RunEnd::Converged);
}

#[tokio::test(start_paused = true)]
async fn a_broken_file_and_a_crash_loop_are_failures() {
    let mut bench = once(32, OnceOptions::default());
    bench.write("shop", "services: {web: {imag: app}}");
    bench.write("blog", "services: {web: {image: app}}");
    bench.start();
    assert_eq!(bench.end().await, RunEnd::NotConverged);
    assert!(bench.runs("blog-web-1"));
    let mut bench = once(33, OnceOptions::default());
    let script = AppScript::exits(Duration::from_millis(300), 1);
    bench.engine.script_service("web", script);
    bench.write("shop", "services: {web: {image: app}, late: {image: app, depends_on: {web: {condition: service_completed_successfully}}}}");
    bench.start();
    assert_eq!(bench.end().await, RunEnd::NotConverged);
}

#[tokio::test(start_paused = true)]
async fn waiting_asks_for_the_health_of_the_last_layer() {
    let sick = AppScript {
        health: HealthScript::Always(Verdict::Fail(1, "no".to_owned())),
        ..AppScript::forever()
    };
    let file = "services: {web: {image: app, healthcheck: {test: [CMD, check], interval: 1s, retries: 1000}}}";
    for (wait, expected) in [(false, RunEnd::Converged), (true, RunEnd::TimedOut)] {
        let mut bench = once(34, OnceOptions { wait, timeout: Duration::from_secs(60) });
        bench.engine.script_service("web", sick.clone());
        bench.write("shop", file);
        bench.start();
        assert_eq!(bench.end().await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_held_lock_is_an_answer() {
    let mut bench = once(35, OnceOptions::default());
    let other = Ledger::open_with(bench.storage.clone()).unwrap();
    let lock = other.try_lock().unwrap();
    assert!(lock.is_some());
    bench.start();
    assert_eq!(bench.end().await, RunEnd::LockHeld);
}
