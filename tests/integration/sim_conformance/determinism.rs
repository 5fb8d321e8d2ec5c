//! The same sequence gives the same run.

use futures::future::join_all;
use serde_json::json;

use super::support::*;
use crate::sim::{AppScript, FaultAction, FaultRule, SimOptions};

/// A run with parallel calls, latencies, crashes, health checks, faults and a death of the daemon.
async fn scenario(seed: u64) -> (String, Vec<String>) {
    let (engine, docker) = with_options(SimOptions { latency: true, ..SimOptions::seeded(seed) });
    engine.script_image("app:1", AppScript::exits(secs(4), 1));
    engine.put_network("net", &[]).unwrap();
    engine.fault(FaultRule::at_call(9, FaultAction::EffectThenHangUp));
    let check = json!({"Test": ["CMD", "/check"], "Interval": 1_000_000_000});
    let body = json!({"Healthcheck": check, "HostConfig": {
        "NetworkMode": "net", "RestartPolicy": {"Name": "always"}}});
    let one = async |number: u32| {
        let name = format!("c-{number}");
        if create(&docker, &name, body.clone()).await.is_ok() {
            drop(docker.start_container(&name, None).await);
        }
    };
    join_all((0..8).map(one)).await;
    pass(secs(20)).await;
    engine.crash_daemon(secs(11));
    pass(secs(15)).await;
    join_all((0..8).map(async |number: u32| {
        let name = format!("c-{number}");
        drop(docker.inspect_container(&name, None).await);
        drop(remove(&docker, &name, true).await);
    }))
    .await;
    (engine.trace_hash(), engine.event_log())
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
    let first = scenario(7).await;
    let second = scenario(7).await;
    assert_eq!(first, second);
    assert_ne!(first.0, scenario(8).await.0);
}
