//! Rows about the daemon process: versions, death, freezing, a wedged container.

use bollard::Docker;
use bollard::models::{ContainerStateStatusEnum as Status, ContainerSummaryStateEnum};
use bollard::query_parameters::ListContainersOptionsBuilder;
use futures::StreamExt;
use http::Uri;
use serde_json::json;

use super::support::*;
use crate::sim::{AppScript, StopReaction};

fn prefixed(docker: Docker, prefix: &'static str) -> Docker {
    docker.with_request_modifier(move |mut request| {
        let path = request.uri().path_and_query().unwrap().to_string();
        *request.uri_mut() = format!("http://docker{prefix}{path}").parse::<Uri>().unwrap();
        request
    })
}

#[tokio::test(start_paused = true)]
async fn version_prefix_newer_than_the_engine_and_none() {
    let (_engine, docker) = engine();
    assert_eq!(docker.ping().await.unwrap(), "OK");
    assert_eq!(prefixed(docker.clone(), "/v1.41").ping().await.unwrap(), "OK");
    let (status, text) = refusal(prefixed(docker.clone(), "/v1.53").ping().await);
    assert_eq!(status, 400);
    assert!(text.contains("client version 1.53 is too new"), "{text}");
    let version = docker.version().await.unwrap();
    assert_eq!(version.api_version.as_deref(), Some("1.41"));
    let negotiated = docker.negotiate_version().await.unwrap();
    assert_eq!(negotiated.client_version().minor_version, 41);
    assert_eq!(negotiated.info().await.unwrap().ncpu, Some(2));
}

async fn one_of_each(docker: &Docker) {
    for policy in ["no", "always", "on-failure", "unless-stopped"] {
        let policy = json!({"HostConfig": {"RestartPolicy": {"Name": policy}}});
        let name = policy["HostConfig"]["RestartPolicy"]["Name"].as_str().unwrap().to_owned();
        run(docker, &format!("c-{name}"), policy).await;
    }
    let always = json!({"HostConfig": {"RestartPolicy": {"Name": "always"}}});
    run(docker, "stopped", always).await;
    stop(docker, "stopped", 1).await.unwrap();
    create(docker, "fresh", json!({"HostConfig": {"RestartPolicy": {"Name": "always"}}}))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn sigkill_of_the_daemon_cuts_streams_and_restarts_by_policy() {
    let (engine, docker) = engine();
    let reaction = StopReaction::Exit { after: millis(10), code: 143 };
    engine.script_image("app:1", AppScript::forever().on_stop(reaction));
    one_of_each(&docker).await;
    let mut events = docker.events(None);
    let opened = tokio::time::timeout(millis(10), events.next()).await;
    assert!(opened.is_err());
    engine.crash_daemon(secs(11));
    assert!(events.next().await.unwrap().is_err(), "one error");
    assert!(events.next().await.is_none(), "then the end");
    assert_eq!(refusal(docker.ping().await).0, 0, "connection refused");
    pass(secs(10)).await;
    assert!(docker.ping().await.is_err());
    pass(secs(2)).await;
    assert_eq!(docker.ping().await.unwrap(), "OK");
    assert_eq!(state(&docker, "c-no").await.0, Status::EXITED);
    assert_eq!(state(&docker, "c-always").await.0, Status::RUNNING);
    assert_eq!(state(&docker, "c-on-failure").await.0, Status::RUNNING);
    assert_eq!(state(&docker, "c-unless-stopped").await.0, Status::EXITED);
    assert_eq!(state(&docker, "stopped").await.0, Status::RUNNING, "always, stopped by hand");
    assert_eq!(state(&docker, "fresh").await.0, Status::CREATED, "never started");
    assert!(!engine.event_log().iter().any(|it| it.contains("create")), "the ring is lost");
}

#[tokio::test(start_paused = true)]
async fn an_orderly_restart_of_the_daemon_keeps_unless_stopped() {
    let (engine, docker) = engine();
    one_of_each(&docker).await;
    engine.restart_daemon(secs(3));
    pass(secs(4)).await;
    assert_eq!(state(&docker, "c-unless-stopped").await.0, Status::RUNNING);
    assert_eq!(state(&docker, "c-on-failure").await.0, Status::EXITED, "a clean exit 0");
    assert_eq!(state(&docker, "c-no").await.0, Status::EXITED);
}

#[tokio::test(start_paused = true)]
async fn power_loss_is_exit_255_so_on_failure_runs_again() {
    let (engine, docker) = engine();
    one_of_each(&docker).await;
    engine.reboot_host(secs(30));
    pass(secs(31)).await;
    assert_eq!(state(&docker, "c-on-failure").await.0, Status::RUNNING);
    assert_eq!(state(&docker, "c-no").await, (Status::EXITED, 255, String::new()));
}

#[tokio::test(start_paused = true)]
async fn a_frozen_daemon_accepts_and_never_answers() {
    let (engine, docker) = engine();
    run(&docker, "web", json!({})).await;
    engine.freeze_daemon();
    let client = engine.docker_with_timeout(120).unwrap();
    let before = engine.elapsed();
    assert!(client.ping().await.is_err());
    assert_eq!((engine.elapsed() - before).as_secs(), 120, "only a client time-out ends it");
    engine.thaw_daemon();
    assert_eq!(docker.ping().await.unwrap(), "OK");
}

#[tokio::test(start_paused = true)]
async fn one_wedged_container_hangs_alone_and_is_listed() {
    let (engine, docker) = engine();
    run(&docker, "web", json!({})).await;
    run(&docker, "db", json!({})).await;
    engine.wedge("web").unwrap();
    let hung = tokio::time::timeout(secs(60), docker.inspect_container("web", None)).await;
    assert!(hung.is_err());
    let hung = tokio::time::timeout(secs(60), remove(&docker, "web", true)).await;
    assert!(hung.is_err());
    let all = ListContainersOptionsBuilder::new().all(true).build();
    let listed = docker.list_containers(Some(all)).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|it| it.state == Some(ContainerSummaryStateEnum::RUNNING)));
    assert_eq!(state(&docker, "db").await.0, Status::RUNNING);
    engine.unwedge("web").unwrap();
    assert_eq!(state(&docker, "web").await.0, Status::RUNNING);
}

#[tokio::test(start_paused = true)]
async fn sigkill_in_the_middle_of_calls_leaves_no_broken_containers() {
    let (engine, docker) =
        with_options(crate::sim::SimOptions { latency: true, ..crate::sim::SimOptions::default() });
    create(&docker, "web", json!({})).await.unwrap();
    let client = docker.clone();
    let start = tokio::spawn(async move { client.start_container("web", None).await });
    pass(millis(50)).await;
    engine.crash_daemon(secs(1));
    assert!(start.await.unwrap().is_err());
    pass(secs(2)).await;
    assert_eq!(state(&docker, "web").await.0, Status::CREATED);
}
