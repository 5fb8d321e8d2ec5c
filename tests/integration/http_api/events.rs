//! The stream of events: what is told, signs of life, slow readers, its end.

use std::time::Duration;

use composelet::http::ApiLimits;
use composelet::model::event::EventKind;
use composelet::model::time::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::bench::{Api, SOCKET, request, settings};

#[tokio::test(start_paused = true)]
async fn what_happens_is_told_with_reason_and_object() {
    let api = Api::shop(9731).await;
    let mut stream = api.connect(SOCKET);
    stream.write_all(&request("GET", "/api/v1/events?project=shop", &[], "")).await.unwrap();
    let head = Api::until(&mut stream, ": connected").await;
    assert!(head.to_lowercase().contains("content-type: text/event-stream"), "{head}");
    api.host.engine.docker_kill("shop-web-1").unwrap();
    let told = Api::until(&mut stream, "event: Converged").await;
    assert!(told.contains("event: Action") && told.contains("shop-web-1"), "{told}");
    assert!(told.contains(r#""severity":"Normal""#), "{told}");
    // Nothing happens: signs of life.
    Api::until(&mut stream, ": alive").await;
    api.cancel.cancel();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    let rest = String::from_utf8(rest).unwrap();
    assert!(rest.contains("event: stopping") && rest.ends_with("0\r\n\r\n"), "{rest}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_told_and_dropped_and_holds_nobody_up() {
    let mut limited = settings();
    limited.limits = ApiLimits { stream_buffer: 8, streams: 1, ..ApiLimits::default() };
    let api = Api::of(Api::shop(9732).await.host, limited);
    let mut stream = api.connect(SOCKET);
    stream.write_all(&request("GET", "/api/v1/events", &[], "")).await.unwrap();
    Api::until(&mut stream, ": connected").await;
    let full = api.get("/api/v1/events").await;
    assert_eq!(full.status, 503, "{full:?}");
    assert!(full.head.contains("retry-after: "), "{full:?}");
    // More than pipe and buffer hold, while the reader does not read.
    for number in 0..1000 {
        let text = format!("{number} {}", "x".repeat(200));
        api.host.events.send(Timestamp::from_millis(0), None, EventKind::Controller(text));
        tokio::task::yield_now().await;
    }
    let mut read = Vec::new();
    stream.read_to_end(&mut read).await.unwrap();
    let read = String::from_utf8(read).unwrap();
    assert!(read.contains("event: dropped"), "{read}");
    assert!(read.matches("event: Controller").count() < 1000);
    // Its place is free again, and the controller has gone on.
    api.host.converged("shop").await;
    let mut again = api.connect(SOCKET);
    again.write_all(&request("GET", "/api/v1/events", &[], "")).await.unwrap();
    Api::until(&mut again, ": connected").await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_never_reads_is_cut_off() {
    let mut limited = settings();
    limited.limits = ApiLimits { stream_buffer: 8, ..ApiLimits::default() };
    let api = Api::of(Api::shop(9733).await.host, limited);
    let (mut client, server) = tokio::io::duplex(256);
    let (desk, cancel) = (std::sync::Arc::clone(&api.desk), api.cancel.clone());
    let attended = tokio::spawn(async move {
        Box::pin(composelet::http::attend(server, SOCKET, desk, cancel)).await;
    });
    client.write_all(&request("GET", "/api/v1/events", &[], "")).await.unwrap();
    for _ in 0..100 {
        let text = "x".repeat(200);
        api.host.events.send(Timestamp::from_millis(0), None, EventKind::Controller(text));
        tokio::task::yield_now().await;
    }
    let most = Duration::from_secs(60);
    tokio::time::timeout(most, attended).await.expect("nobody waits for it").unwrap();
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_goes_gives_its_place_back() {
    let mut limited = settings();
    limited.limits = ApiLimits { streams: 1, ..ApiLimits::default() };
    let api = Api::of(Api::shop(9734).await.host, limited);
    for _ in 0..5 {
        let mut stream = api.connect(SOCKET);
        stream.write_all(&request("GET", "/api/v1/events", &[], "")).await.unwrap();
        Api::until(&mut stream, ": connected").await;
        drop(stream);
        // At the latest the next sign of life finds out.
        api.host.pass(31).await;
    }
}
