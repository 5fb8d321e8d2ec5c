//! Created, then broken in every way that a person or the machine can, then healed; and silent in between.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic is a failed test"
)]

use std::time::Duration;

use composelet::controller::RunEnd;
use serde_json::json;

use super::bench::Bench;
use crate::sim::{AppScript, Phase};

const SHOP: &str = "
services:
  db:
    image: app
    expose: ['5432']
    volumes: [data:/data]
    networks: [back]
  web:
    image: app
    depends_on: [db]
    networks: [back, front]
    mem_limit: 64m
    restart: unless-stopped
networks:
  back: {}
  front: {}
volumes:
  data: {}
";

/// A way to break something, and its name.
type Break<'a> = (&'a str, Box<dyn Fn() + 'a>);

async fn shop(seed: u64) -> Bench {
    let mut bench = Bench::new(seed);
    bench.write("shop", SHOP);
    bench.start();
    bench.converged("shop").await;
    assert!(bench.runs("shop-web-1") && bench.runs("shop-db-1"));
    bench
}

#[tokio::test(start_paused = true)]
async fn a_project_is_created_and_then_left_alone() {
    let mut bench = shop(1).await;
    // A hundred passes: one every 30 s, and more.
    bench.silent_for(3_300).await;
    let passes = bench.ledger().controller_status().unwrap().passes;
    assert!(passes > 100, "{passes} passes");
    assert_eq!(bench.stop().await, RunEnd::Stopped);
    assert!(bench.runs("shop-web-1"));
}

#[tokio::test(start_paused = true)]
async fn restarting_the_controller_touches_nothing() {
    let mut bench = shop(2).await;
    let before = bench.engine.mutating_calls();
    assert_eq!(bench.stop().await, RunEnd::Stopped);
    bench.start();
    bench.pass(120).await;
    assert_eq!(bench.engine.mutating_calls(), before, "{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn every_way_of_breaking_is_healed() {
    let bench = shop(3).await;
    let web = "shop-web-1";
    let engine = &bench.engine;
    let ways: Vec<Break<'_>> = vec![
        ("kill", Box::new(|| engine.docker_kill(web).unwrap())),
        ("stop", Box::new(|| engine.docker_stop(web).unwrap())),
        (
            "rm -f",
            Box::new(|| {
                engine.docker_rm(web, false).unwrap();
            }),
        ),
        (
            "update",
            Box::new(|| {
                engine
                    .docker_update(web, &json!({"Memory": 33_554_432, "MemorySwap": 67_108_864}))
                    .unwrap();
            }),
        ),
        ("rename", Box::new(|| engine.docker_rename(web, "mine").unwrap())),
        ("disconnect", Box::new(|| engine.docker_disconnect("shop_front", web).unwrap())),
        ("pause", Box::new(|| engine.docker_pause(web, true).unwrap())),
        ("db rm -f", Box::new(|| engine.docker_rm("shop-db-1", false).unwrap())),
    ];
    for (way, broken) in ways {
        let before = bench.engine.mutating_calls();
        broken();
        bench
            .until(&format!("something is done after {way}"), |bench| {
                bench.engine.mutating_calls() > before
            })
            .await;
        bench.converged("shop").await;
        assert!(bench.runs(web) && bench.runs("shop-db-1"), "{way}\n{}", bench.story());
        assert_eq!(bench.phases().len(), 2, "{way}\n{}", bench.story());
        bench.silent().await;
    }
}

/// An engine's word about a network names the container, not the project; it must not wait for the next relist.
#[tokio::test(start_paused = true)]
async fn a_cut_network_wakes_its_project_at_once() {
    let bench = shop(6).await;
    for _ in 0..3 {
        bench.converged("shop").await;
        let (begun, before) = (tokio::time::Instant::now(), bench.engine.mutating_calls());
        bench.engine.docker_disconnect("shop_front", "shop-web-1").unwrap();
        bench.until("it is attached again", |bench| bench.engine.mutating_calls() > before).await;
        let taken = begun.elapsed();
        assert!(taken < Duration::from_secs(5), "{taken:?}\n{}", bench.story());
        bench.converged("shop").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_live_update_is_told_where_docker_compose_would_recreate() {
    let bench = shop(6).await;
    let notes = |bench: &Bench| -> Vec<String> {
        let services = bench.status("shop").map(|status| status.services).unwrap_or_default();
        services.into_iter().flat_map(|one| one.containers).flat_map(|one| one.notes).collect()
    };
    assert_eq!(notes(&bench), Vec::<String>::new());
    bench.write("shop", &SHOP.replace("64m", "96m"));
    bench.until("a note on the label", |bench| !notes(bench).is_empty()).await;
    let told = notes(&bench);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("`docker compose up` would recreate it once"), "{told:?}");
    bench.silent().await;
}

#[tokio::test(start_paused = true)]
async fn the_engine_may_restart_crash_and_reboot() {
    let bench = shop(4).await;
    for round in 0..3 {
        let down = Duration::from_secs(11);
        match round {
            0 => bench.engine.restart_daemon(down),
            1 => bench.engine.crash_daemon(down),
            _ => bench.engine.reboot_host(down),
        }
        bench.until("it is not known", |bench| !bench.is_ready("shop")).await;
        bench.converged("shop").await;
        assert!(bench.runs("shop-web-1") && bench.runs("shop-db-1"), "{}", bench.story());
        bench.silent().await;
    }
}

/// However long it was away: what the engine leaves down runs again within seconds of its return.
#[tokio::test(start_paused = true)]
async fn an_engine_that_was_long_away_is_found_within_seconds() {
    let bench = shop(26).await;
    for seconds in [45, 100, 300, 1000] {
        bench.engine.crash_daemon(Duration::from_secs(seconds));
        bench.pass(seconds).await;
        let answers = tokio::time::Instant::now();
        bench
            .until("all run again", |bench| bench.runs("shop-web-1") && bench.runs("shop-db-1"))
            .await;
        let took = answers.elapsed();
        assert!(took <= Duration::from_secs(10), "{took:?} after {seconds} s\n{}", bench.story());
        bench.converged("shop").await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_away_at_the_start_is_waited_for() {
    let mut bench = Bench::new(5);
    bench.write("shop", SHOP);
    bench.engine.crash_daemon(Duration::from_secs(90));
    bench.start();
    bench.pass(30).await;
    let status = bench.ledger().controller_status().unwrap();
    assert!(status.engine.starts_with("unreachable"), "{}", status.engine);
    bench.converged("shop").await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_loop_is_backed_off_and_says_why() {
    let mut bench = Bench::new(6);
    let script = AppScript::exits(Duration::from_millis(500), 3);
    bench.engine.script_service("bad", script);
    bench.write("loop", "services: {bad: {image: app}, good: {image: app}}");
    bench.start();
    bench
        .until("the back-off shows", |bench| bench.held("loop").contains(&"CrashLoopBackOff"))
        .await;
    bench.pass(3_600).await;
    let starts =
        bench.engine.calls().iter().filter(|call| call.path.contains("{loop-bad-1}/start")).count();
    assert!((50..75).contains(&starts), "{starts} starts in an hour");
    assert!(bench.runs("loop-good-1"), "nobody else suffers");
    let status = bench.status("loop").unwrap();
    let bad = &status.services[0].containers[0];
    assert!(bad.next_try.is_some() && bad.exit_code == Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_stopped_container_of_another_project_is_left_alone() {
    let bench = shop(7).await;
    let body = json!({"Image": "app", "Labels": {"com.docker.compose.project": "other"}});
    bench.engine.put_container("other-web-1", &body).unwrap();
    bench.pass(120).await;
    assert_eq!(bench.phases()["other-web-1"], Phase::Created);
    bench.silent().await;
}
