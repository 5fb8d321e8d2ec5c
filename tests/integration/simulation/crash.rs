//! The controller killed at random points and started again: the same end state, nothing doubled, nothing leaked.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic is a failed test"
)]

use std::time::Duration;

use super::bench::Bench;

const STACK: &str = "
services:
  db: {image: app, volumes: [data:/data]}
  cache: {image: app}
  web:
    image: app
    depends_on: [db, cache]
    deploy: {replicas: 2}
    networks: [default, edge]
  proxy: {image: app, depends_on: [web], networks: [edge]}
networks: {edge: {}}
volumes: {data: {}}
";

/// The seeds of a run: the one of `SIM_SEED`, to replay a failure, else as many as `SIM_SEEDS` says, else `quick`.
fn seeds(quick: u64) -> Vec<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    match number("SIM_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("SIM_SEEDS").unwrap_or(quick)).collect(),
    }
}

/// What is there in the end, ids aside.
fn end_state(bench: &Bench) -> (Vec<String>, Vec<String>) {
    let containers =
        bench.phases().iter().map(|(name, phase)| format!("{name} {}", phase.word())).collect();
    (containers, bench.engine.volume_names())
}

#[tokio::test(start_paused = true)]
async fn killed_at_random_points_it_ends_in_the_same_state() {
    let expected = {
        let mut bench = Bench::new(21);
        bench.write("stack", STACK);
        bench.start();
        bench.converged("stack").await;
        end_state(&bench)
    };
    for seed in seeds(2) {
        let mut bench = Bench::new(21);
        bench.write("stack", STACK);
        // A small generator of our own: kills lie 5 to 300 ms apart.
        let mut dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
        for _ in 0..6 {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            bench.start();
            tokio::time::sleep(Duration::from_millis(5 + dice % 295)).await;
            bench.kill().await;
        }
        bench.start();
        bench.converged("stack").await;
        assert_eq!(end_state(&bench), expected, "seed {seed}\n{}", bench.story());
        bench.silent_for(60).await;
    }
}

#[tokio::test(start_paused = true)]
async fn killed_during_an_update_it_ends_in_the_same_state() {
    let update = STACK.replace("{image: app,", "{image: app, environment: {A: b},");
    let expected = {
        let mut bench = Bench::new(22);
        bench.write("stack", STACK);
        bench.start();
        bench.converged("stack").await;
        bench.write("stack", &update);
        bench.pass(60).await;
        bench.converged("stack").await;
        end_state(&bench)
    };
    for seed in seeds(1) {
        let mut bench = Bench::new(22);
        bench.write("stack", STACK);
        bench.start();
        bench.converged("stack").await;
        bench.kill().await;
        bench.write("stack", &update);
        let mut dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(7);
        for _ in 0..5 {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            bench.start();
            tokio::time::sleep(Duration::from_millis(5 + dice % 400)).await;
            bench.kill().await;
        }
        bench.start();
        bench.pass(30).await;
        bench.converged("stack").await;
        assert_eq!(end_state(&bench), expected, "seed {seed}\n{}", bench.story());
        bench.silent_for(60).await;
    }
}

#[tokio::test(start_paused = true)]
async fn equal_seeds_give_equal_traces() {
    let mut traces = Vec::new();
    for _ in 0..2 {
        let mut bench = Bench::new(23);
        bench.write("stack", STACK);
        bench.start();
        bench.converged("stack").await;
        bench.engine.docker_rm("stack-web-2", false).unwrap();
        bench.pass(30).await;
        traces.push(bench.engine.trace());
    }
    assert_eq!(traces[0], traces[1]);
}

#[tokio::test(start_paused = true)]
async fn an_unwritable_state_directory_stops_no_healing() {
    let mut bench = Bench::new(24);
    bench.write("stack", STACK);
    bench.start();
    bench.converged("stack").await;
    bench.storage.fail_writes(Some(std::io::ErrorKind::StorageFull));
    bench.engine.docker_rm("stack-web-1", false).unwrap();
    bench.until("it is healed", |bench| bench.runs("stack-web-1")).await;
    bench.remove("stack");
    bench.pass(300).await;
    assert_eq!(bench.phases().len(), 5, "nothing is removed without memory\n{}", bench.story());
    bench.storage.fail_writes(None);
    bench.until("then it goes", |bench| bench.phases().is_empty()).await;
}
