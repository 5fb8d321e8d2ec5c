//! Rows about broken conversations, and the faults that produce them.

use bollard::models::ContainerStateStatusEnum as Status;
use futures::StreamExt;
use http::Method;
use http_body_util::StreamBody;
use serde_json::json;

use super::support::*;
use crate::sim::{FaultAction, FaultRule, SimOptions, Which};

#[tokio::test(start_paused = true)]
async fn the_effect_happens_when_the_client_leaves_before_the_answer() {
    let (engine, docker) = with_options(SimOptions { latency: true, ..SimOptions::default() });
    create(&docker, "web", json!({})).await.unwrap();
    let left = tokio::time::timeout(millis(20), docker.start_container("web", None)).await;
    assert!(left.is_err());
    pass(secs(1)).await;
    assert_eq!(state(&docker, "web").await.0, Status::RUNNING);
    let left = tokio::time::timeout(millis(1), create(&docker, "two", json!({}))).await;
    assert!(left.is_err());
    pass(secs(1)).await;
    assert_eq!(engine.phases().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_body_cut_short_has_no_effect() {
    let (engine, _docker) = engine();
    let pieces =
        [Ok(http_body_util_frame(br#"{"Image":"#)), Err(std::io::Error::other("the client died"))];
    let body: std::pin::Pin<Box<dyn futures::Stream<Item = _> + Send>> =
        Box::pin(futures::stream::iter(pieces));
    let request = http::Request::builder()
        .method(Method::POST)
        .uri("http://docker/containers/create?name=web")
        .header("content-type", "application/json")
        .body(http_body_util::Either::Right(StreamBody::new(body)))
        .unwrap();
    let outcome = engine.transport()(request).await;
    assert!(outcome.is_err());
    assert!(engine.phases().is_empty());
    assert!(engine.calls().is_empty());
}

fn http_body_util_frame(bytes: &'static [u8]) -> hyper::body::Frame<bytes::Bytes> {
    hyper::body::Frame::data(bytes::Bytes::from_static(bytes))
}

#[tokio::test(start_paused = true)]
async fn errors_and_broken_connections_before_and_after_the_effect() {
    let (engine, docker) = engine();
    let path = "/containers/create";
    let cases = [
        (FaultAction::ErrorBefore(500, "no".into()), 500, false),
        (FaultAction::EffectThenError(500, "no".into()), 500, true),
        (FaultAction::HangUpBefore, 0, false),
        (FaultAction::EffectThenHangUp, 0, true),
        (FaultAction::Garbage, 0, true),
        (FaultAction::Truncated, 0, true),
    ];
    for (action, status, effect) in cases {
        engine.fault(FaultRule::pattern("POST", path, Which::Every, action.clone()));
        let outcome = create(&docker, "web", json!({})).await;
        assert_eq!(refusal(outcome).0, status, "{action:?}");
        assert_eq!(engine.phases().len(), usize::from(effect), "{action:?}");
        engine.clear_faults();
        if effect {
            engine.docker_rm("web", true).unwrap();
        }
    }
    assert_eq!(engine.faults_struck(), 6);
}

#[tokio::test(start_paused = true)]
async fn hangs_and_delays_by_call_number() {
    let (engine, docker) = engine();
    engine.fault(FaultRule::at_call(1, FaultAction::HangBefore));
    engine.fault(FaultRule::at_call(2, FaultAction::HangAfter));
    engine.fault(FaultRule::at_call(3, FaultAction::DelayBefore(secs(100))));
    let hung = refusal(create(&docker, "one", json!({})).await);
    assert_eq!((hung.0, hung.1.as_str()), (0, "Timeout error"), "the client's own");
    assert!(engine.phases().is_empty());
    assert_eq!(refusal(create(&docker, "two", json!({})).await).0, 0);
    assert_eq!(engine.phases().len(), 1);
    let before = engine.elapsed();
    create(&docker, "three", json!({})).await.unwrap();
    assert!(engine.elapsed() - before >= secs(100));
}

#[tokio::test(start_paused = true)]
async fn the_nth_call_of_a_pattern_and_a_dying_daemon() {
    let (engine, docker) = engine();
    create(&docker, "web", json!({})).await.unwrap();
    let dies = FaultAction::DaemonDiesAfter(secs(11));
    engine.fault(FaultRule::nth("POST", "/containers/*/start", 2, dies));
    docker.start_container("web", None).await.unwrap();
    stop(&docker, "web", 1).await.unwrap();
    assert_eq!(refusal(docker.start_container("web", None).await).0, 0);
    assert!(docker.ping().await.is_err());
    pass(secs(12)).await;
    assert_eq!(state(&docker, "web").await.0, Status::EXITED);
}

#[tokio::test(start_paused = true)]
async fn an_event_stream_may_end_quietly() {
    let (engine, docker) = engine();
    engine.fault(FaultRule::nth("POST", "/containers/create", 1, FaultAction::CloseEventStream));
    let mut events = docker.events(None);
    assert!(tokio::time::timeout(millis(5), events.next()).await.is_err());
    create(&docker, "web", json!({})).await.unwrap();
    assert!(events.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_trace_names_and_numbers_what_changes_something() {
    let (engine, docker) = engine();
    let id = create(&docker, "web", json!({})).await.unwrap();
    docker.start_container(&id, None).await.unwrap();
    inspect(&docker, &id).await;
    assert_eq!(engine.mutating_calls(), 2);
    assert_eq!(engine.numbered_calls(), 2);
    let lines: Vec<String> = engine.trace();
    assert!(lines[0].ends_with("#1 POST   /containers/create?name=web -> 201"), "{lines:?}");
    assert!(lines[1].ends_with("#2 POST   /containers/{web}/start -> 204"), "{lines:?}");
    assert!(lines[2].ends_with("- GET    /containers/{web}/json -> 200"), "{lines:?}");
}
