//! Limits: each is reached, and what is within it still goes through.

use std::time::Duration;

use composelet::http::ApiLimits;
use composelet::webhook::Rate;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::bench::{Api, LOCAL, READ, Reply, SOCKET, WRITE, request, settings};

const STOP: &str = "/api/v1/projects/shop/stop";

#[tokio::test(start_paused = true)]
async fn a_body_beyond_the_limit_is_refused_with_and_without_its_length() {
    let api = Api::shop(9741).await;
    let sized = |length: usize| {
        let begin = r#"{"reason": "x", "service": ""#;
        format!("{begin}{}\"}}", "y".repeat(length - begin.len() - 2))
    };
    let at = api.post(STOP, &sized(64 << 10)).await;
    assert_eq!(at.status, 404, "it is read, and there is no such service: {at:?}");
    let beyond = api.post(STOP, &sized((64 << 10) + 1)).await;
    assert_eq!(beyond.status, 413, "{beyond:?}");
    let headers = [
        ("content-type", "application/json"),
        ("content-length", ""),
        ("transfer-encoding", "chunked"),
    ];
    let chunk = format!("1000\r\n{}\r\n", "z".repeat(0x1000)).repeat(20) + "0\r\n\r\n";
    let head = String::from_utf8(request("POST", STOP, &headers, "")).unwrap();
    let chunked = api.raw(SOCKET, (head + &chunk).as_bytes()).await;
    assert_eq!(chunked.status, 413, "{chunked:?}");
    let long = format!("/api/v1/projects?{}", "a".repeat(9000));
    assert!([431, 414, 400].contains(&api.get(&long).await.status));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_slow_is_not_waited_for() {
    let api = Api::shop(9742).await;
    let begun = tokio::time::Instant::now();
    let mut head = api.connect(SOCKET);
    head.write_all(b"GET /livez HT").await.unwrap();
    let mut answer = Vec::new();
    head.read_to_end(&mut answer).await.unwrap();
    assert_eq!(Reply::of(&answer).status, 408);
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    let begun = tokio::time::Instant::now();
    let headers = [("content-type", "application/json"), ("content-length", "100")];
    let body = api.raw(SOCKET, &request("POST", STOP, &headers, "{")).await;
    assert_eq!(body.status, 408, "{body:?}");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn rates_are_by_address_and_writes_by_all() {
    let mut limited = settings();
    limited.limits = ApiLimits {
        reads: Rate::per_minute(20),
        writes: Rate::per_minute(3),
        failures: Rate::per_minute(5),
        ..ApiLimits::default()
    };
    let api = Api::of(Api::shop(9743).await.host, limited);
    let read = |token: &str| {
        let token = format!("Bearer {token}");
        request("GET", "/api/v1/version", &[("authorization", &token)], "")
    };
    let mut refused = Vec::new();
    for _ in 0..6 {
        refused.push(api.raw(LOCAL, &read("wrong-wrong-wrong")).await.status);
    }
    assert_eq!(refused, [401, 401, 401, 401, 401, 429]);
    let right = api.raw(LOCAL, &read(READ)).await;
    assert_eq!(right.status, 429, "a guess that comes true is not told either: {right:?}");
    let livez = api.raw(LOCAL, &request("GET", "/livez", &[], "")).await;
    assert_eq!(livez.status, 200);
    let other = composelet::http::Peer::Tcp([127, 0, 0, 2].into());
    assert_eq!(api.raw(other, &read(READ)).await.status, 200);
    let mut reads = Vec::new();
    for _ in 0..20 {
        reads.push(api.raw(other, &read(READ)).await.status);
    }
    assert_eq!((reads[0], reads[18], reads[19]), (200, 200, 429));
    api.host.pass(60).await;
    assert_eq!(api.raw(LOCAL, &read(READ)).await.status, 200);

    let token = format!("Bearer {WRITE}");
    let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
    let write = request("POST", "/api/v1/projects/shop/reconcile", &headers, "{}");
    let mut writes = Vec::new();
    for _ in 0..4 {
        writes.push(api.raw(LOCAL, &write).await.status);
    }
    assert_eq!(writes, [202, 202, 202, 429]);
    let socket = api.post("/api/v1/projects/shop/reconcile", "{}").await;
    assert_eq!(socket.status, 429, "{socket:?}");
}

#[tokio::test(start_paused = true)]
async fn only_known_methods_and_parameters_are_taken() {
    let api = Api::shop(9744).await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "HEAD", "BREW"] {
        let reply = api.raw(SOCKET, &request(method, "/api/v1/projects", &[], "")).await;
        assert_eq!(reply.status, 405, "{method} {reply:?}");
        assert!(reply.head.contains("allow: get"), "{reply:?}");
    }
    let reply = api.get(STOP).await;
    assert_eq!((reply.status, reply.head.contains("allow: post")), (405, true), "{reply:?}");
    for path in [
        "/api/v1/projects?x=1",
        "/api/v1/projects/shop/history?last=0",
        "/api/v1/projects/shop/history?last=501",
        "/api/v1/projects/shop/history?last=1&last=2",
        "/api/v1/events?project=a%20b",
        "/readyz?verbose=maybe",
    ] {
        assert_eq!(api.get(path).await.status, 400, "{path}");
    }
}
