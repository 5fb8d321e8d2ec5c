//! Rows about the restart policy, crashes and OOM.

use bollard::models::ContainerStateStatusEnum as Status;
use serde_json::json;

use super::support::*;
use crate::sim::{AppScript, Run};

fn policy(name: &str) -> serde_json::Value {
    json!({"HostConfig": {"RestartPolicy": {"Name": name}}})
}

#[tokio::test(start_paused = true)]
async fn a_failing_command_with_a_policy_is_mostly_restarting() {
    let (engine, docker) = engine();
    engine.script_image("app:1", AppScript::exits(millis(20), 1));
    run(&docker, "web", policy("always")).await;
    let (mut restarting, mut samples) = (0, 0);
    for _ in 0..240 {
        pass(millis(25)).await;
        let state = inspect(&docker, "web").await.state.unwrap();
        assert_eq!(state.running, Some(true), "restarting counts as running");
        restarting += u32::from(state.status == Some(Status::RESTARTING));
        samples += 1;
    }
    assert!(restarting * 10 > samples * 9, "{restarting} of {samples}");
    // 100 ms, doubled each time: 0.1 0.2 0.4 0.8 1.6 3.2 gives six restarts in six to seven seconds.
    let count = inspect(&docker, "web").await.restart_count;
    assert!(matches!(count, Some(6)), "{count:?}");
}

#[tokio::test(start_paused = true)]
async fn the_back_off_goes_to_a_minute_and_is_reset_by_a_run_of_ten_seconds() {
    let (engine, docker) = engine();
    let quick = Run::Exit { after: millis(10), code: 1 };
    let good = Run::Exit { after: millis(10_500), code: 1 };
    let mut runs = vec![quick.clone(); 12];
    runs.extend([good, quick]);
    engine.script_image("app:1", AppScript::forever().runs(runs));
    run(&docker, "web", policy("always")).await;
    // 0.1 × (2^10 − 1) = 102.3 s, then one minute each.
    pass(secs(228)).await;
    let seen = inspect(&docker, "web").await;
    assert_eq!(seen.state.unwrap().status, Some(Status::RUNNING), "the good run");
    assert_eq!(seen.restart_count, Some(12));
    pass(secs(8)).await;
    let seen = inspect(&docker, "web").await;
    assert!(seen.restart_count >= Some(14), "back at 100 ms: {:?}", seen.restart_count);
}

#[tokio::test(start_paused = true)]
async fn on_failure_ends_at_its_limit_and_at_exit_0() {
    let (engine, docker) = engine();
    engine.script_image("app:1", AppScript::exits(millis(10), 7));
    let limited =
        json!({"HostConfig": {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}});
    run(&docker, "web", limited).await;
    pass(secs(60)).await;
    assert_eq!(state(&docker, "web").await.0, Status::EXITED);
    assert_eq!(inspect(&docker, "web").await.restart_count, Some(3));
    engine.script_image("app:1", AppScript::exits(millis(10), 0));
    run(&docker, "job", policy("on-failure")).await;
    pass(secs(1)).await;
    let seen = inspect(&docker, "job").await;
    assert_eq!((seen.state.unwrap().exit_code, seen.restart_count), (Some(0), Some(0)));
}

#[tokio::test(start_paused = true)]
async fn killed_from_outside_is_137_without_oom_and_the_policy_acts() {
    let (engine, docker) = engine();
    run(&docker, "plain", json!({})).await;
    engine.kill_process("plain").unwrap();
    let state = inspect(&docker, "plain").await.state.unwrap();
    assert_eq!(state.status, Some(Status::EXITED));
    assert_eq!((state.exit_code, state.oom_killed), (Some(137), Some(false)));
    run(&docker, "kept", policy("unless-stopped")).await;
    engine.kill_process("kept").unwrap();
    pass(secs(1)).await;
    let seen = inspect(&docker, "kept").await;
    assert_eq!((seen.state.unwrap().running, seen.restart_count), (Some(true), Some(1)));
}

#[tokio::test(start_paused = true)]
async fn out_of_memory_sets_the_mark_and_tells_oom_before_die() {
    let (engine, docker) = engine();
    run(&docker, "web", json!({})).await;
    engine.oom("web").unwrap();
    let state = inspect(&docker, "web").await.state.unwrap();
    assert_eq!((state.exit_code, state.oom_killed), (Some(137), Some(true)));
    let log = engine.event_log();
    let at = |wanted: &str| log.iter().position(|line| line == wanted).unwrap();
    assert!(at("container oom web") < at("container die web"));
}

#[tokio::test(start_paused = true)]
async fn a_kill_by_a_client_is_not_undone_by_the_policy_and_a_start_resets_the_count() {
    let (engine, docker) = engine();
    run(&docker, "web", policy("always")).await;
    engine.kill_process("web").unwrap();
    pass(secs(1)).await;
    docker.kill_container("web", None).await.unwrap();
    pass(secs(60)).await;
    assert_eq!(state(&docker, "web").await.0, Status::EXITED);
    docker.start_container("web", None).await.unwrap();
    assert_eq!(inspect(&docker, "web").await.restart_count, Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_a_restart_loop() {
    let (engine, docker) = engine();
    engine.script_image("app:1", AppScript::exits(millis(10), 1));
    run(&docker, "web", policy("always")).await;
    pass(secs(5)).await;
    stop(&docker, "web", 1).await.unwrap();
    pass(secs(300)).await;
    assert_eq!(state(&docker, "web").await.0, Status::EXITED);
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_fails_to_start_is_given_up_in_silence() {
    let (engine, docker) = engine();
    run(&docker, "web", policy("always")).await;
    engine.set_disk_full(true);
    engine.kill_process("web").unwrap();
    pass(secs(300)).await;
    engine.set_disk_full(false);
    pass(secs(300)).await;
    assert_eq!(state(&docker, "web").await.0, Status::EXITED);
}
