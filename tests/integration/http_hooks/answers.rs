//! What is answered to whom.

use composelet::model::hint::DeliveryOutcome;
use tokio::io::AsyncWriteExt;

use super::bench::{Bench, PUSH, SECRET, reply, request, signature, signed};

#[tokio::test]
async fn a_push_is_one_hint_and_its_replay_none() {
    let mut bench = Bench::new().await;
    let first = bench.push(PUSH).await;
    assert_eq!(first.status, 202, "{first:?}");
    assert!(first.text.contains("accepted: refs/heads/main of https://h/a.git"), "{first:?}");
    assert!(first.text.to_lowercase().contains("connection: close"), "{first:?}");
    let hint = bench.hints.recv().await.unwrap();
    assert_eq!(hint.to_string(), "refs/heads/main of https://h/a.git");
    // Whoever saw it on its way sends it again, also under another id.
    for id in ["72d3162e", "other", "third"] {
        let again = bench.raw(&signed("/hooks/shop", PUSH, &[("x-github-delivery", id)])).await;
        assert_eq!((again.status, again.text.contains("duplicate")), (200, true), "{again:?}");
    }
    assert_eq!(bench.heard(), 0);
    let logged = bench.deliveries.recv().await.unwrap();
    assert_eq!((logged.hook.as_str(), logged.id.as_deref()), ("shop", Some("72d3162e")));
    assert_eq!((logged.forge.as_str(), logged.from.as_str()), ("github", "127.0.0.1"));
    assert_eq!(bench.logged().await.0, DeliveryOutcome::Duplicate);
}

#[tokio::test]
async fn strangers_are_refused_and_nothing_happens() {
    let mut bench = Bench::new().await;
    let other = signature("something else");
    let cut = &other[..20];
    for (headers, reason) in [
        (&[("x-hub-signature-256", "")][..], "no x-hub-signature-256"),
        (&[("x-hub-signature-256", cut)], "x-hub-signature-256 is not in its form"),
        (
            &[("x-hub-signature-256", &other)],
            "the signature does not fit the body with any of the secrets",
        ),
        (
            &[("x-hub-signature-256", ""), ("x-gitea-signature", &signature(PUSH)[7..])],
            "no x-hub-signature-256",
        ),
        (&[("x-hub-signature-256", ""), ("x-gitlab-token", SECRET)], "no x-hub-signature-256"),
    ] {
        let answer = bench.raw(&signed("/hooks/shop", PUSH, headers)).await;
        assert_eq!(
            (answer.status, answer.text.ends_with("\r\n\r\nrefused\n")),
            (401, true),
            "{answer:?}"
        );
        assert_eq!(bench.logged().await, (DeliveryOutcome::Refused, reason.to_owned()));
    }
    // Not JSON, and not authentic: what it is nobody looks at.
    let other = signed("/hooks/shop", "not json", &[("x-hub-signature-256", &signature(PUSH))]);
    assert_eq!(bench.raw(&other).await.status, 401);
    assert_eq!(bench.heard(), 0);
}

#[tokio::test]
async fn what_is_authentic_and_no_message_is_malformed() {
    let mut bench = Bench::new().await;
    for (body, headers, reason) in [
        ("not json", &[][..], "the body is no JSON object"),
        ("", &[], "the body is no JSON object"),
        ("{}", &[], "`ref` is missing"),
        (r#"{"ref":"refs/heads/x"}"#, &[("x-github-event", "")], "`X-GitHub-Event` is missing"),
    ] {
        let answer = bench.raw(&signed("/hooks/shop", body, headers)).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        let (outcome, told) = bench.logged().await;
        assert_eq!((outcome, told.contains(reason)), (DeliveryOutcome::Malformed, true), "{told}");
    }
    let ping =
        bench.raw(&signed("/hooks/shop", r#"{"zen":"x"}"#, &[("x-github-event", "ping")])).await;
    assert_eq!((ping.status, ping.text.contains("ignored: `ping` is no push")), (200, true));
    assert_eq!(bench.heard(), 0);
}

#[tokio::test]
async fn other_paths_methods_and_types_are_told_what_would_be_right() {
    let mut bench = Bench::new().await;
    for path in [
        "/",
        "/hooks",
        "/hooks/",
        "/hooks/shop/",
        "/hooks/shopping",
        "/hooks/none",
        "/hooks/%73hop",
    ] {
        assert_eq!(bench.raw(&signed(path, PUSH, &[])).await.status, 404, "{path}");
    }
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "BREW"] {
        let answer = bench.raw(&request(method, "/hooks/shop", &[], "")).await;
        assert_eq!(answer.status, 405, "{method}");
        assert!(answer.text.contains("allow: POST"), "{answer:?}");
    }
    assert!(bench.deliveries.try_recv().is_err(), "strangers who look around are not deliveries");
    for kind in
        ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
    {
        let answer = bench.raw(&signed("/hooks/shop", PUSH, &[("content-type", kind)])).await;
        assert_eq!(
            (answer.status, answer.text.contains("application/json")),
            (415, true),
            "{kind}"
        );
        assert_eq!(bench.logged().await.0, DeliveryOutcome::Unsupported);
    }
    assert_eq!(bench.heard(), 0);
    for kind in ["application/json; charset=utf-8", "Application/JSON", "application/vnd.x.v1+json"]
    {
        let body = PUSH.replace("main", &kind[12..13]);
        let answer = bench.raw(&signed("/hooks/shop", &body, &[("content-type", kind)])).await;
        assert_eq!(answer.status, 202, "{kind}");
    }
    let with_query = bench.raw(&signed("/hooks/shop?from=x", PUSH, &[])).await;
    assert_eq!((with_query.status, bench.heard()), (202, 4));
}

#[tokio::test]
async fn a_secret_in_the_path_is_compared_and_never_told() {
    let mut bench = Bench::new().await;
    let body = r#"{"push_data":{"tag":"1"},"repository":{"repo_name":"acme/shop"}}"#;
    let length = body.len().to_string();
    let headers = [("content-type", "application/json"), ("content-length", length.as_str())];
    let right = format!("/hooks/hub/{SECRET}");
    let answer = bench.raw(&request("POST", &right, &headers, body)).await;
    assert_eq!((answer.status, bench.heard()), (202, 1), "{answer:?}");
    let near = format!("/hooks/hub/{}0", &SECRET[..31]);
    for path in ["/hooks/hub", "/hooks/hub/", &near, &format!("{right}/x"), &format!("{right}%00")]
    {
        let answer = bench.raw(&request("POST", path, &headers, body)).await;
        assert_eq!((answer.status, bench.heard()), (401, 0), "{path}");
    }
    while let Ok(delivery) = bench.deliveries.try_recv() {
        assert!(!format!("{delivery:?}").contains(&SECRET[..16]), "{delivery:?}");
    }
    let bearer = [headers[0], headers[1], ("authorization", &format!("Bearer {SECRET}"))];
    let image = r#"{"image":"nginx:1"}"#;
    let text = String::from_utf8(request("POST", "/hooks/hub.more", &bearer, image)).unwrap();
    let text = text
        .replace(&format!("content-length: {length}"), &format!("content-length: {}", image.len()));
    assert_eq!(bench.raw(text.as_bytes()).await.status, 202);
    assert_eq!(bench.hints.recv().await.unwrap().to_string(), "docker.io/library/nginx:1");
}

#[tokio::test]
async fn a_body_in_chunks_is_the_same_body() {
    let mut bench = Bench::new().await;
    let chunked = |body: &str, parts: usize| {
        let mut text = String::new();
        for part in body.as_bytes().chunks(parts) {
            let part = std::str::from_utf8(part).unwrap();
            text = format!("{text}{:x}\r\n{part}\r\n", part.len());
        }
        format!("{text}0\r\n\r\n")
    };
    let head = |headers: &[(&str, &str)]| {
        let all = [&[("content-length", ""), ("transfer-encoding", "chunked")], headers].concat();
        let text = String::from_utf8(signed("/hooks/shop", PUSH, &all)).unwrap();
        text.split("\r\n\r\n").next().unwrap().to_owned() + "\r\n\r\n"
    };
    let answer = bench.raw((head(&[]) + &chunked(PUSH, 9)).as_bytes()).await;
    assert_eq!((answer.status, bench.heard()), (202, 1), "{answer:?}");
    let forged = PUSH.replace("main", "evil");
    let answer = bench.raw((head(&[]) + &chunked(&forged, 9)).as_bytes()).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    // What is no chunk, and what ends in the middle.
    for bad in ["zz\r\nxx\r\n0\r\n\r\n", "ffffffffffffffffff\r\n", "-1\r\nx\r\n"] {
        let answer = bench.raw((head(&[]) + bad).as_bytes()).await;
        assert!([400, 401].contains(&answer.status), "{bad} {answer:?}");
    }
    let mut stream = bench.connect().await;
    stream.write_all((head(&[]) + "20\r\n{\"ref\":").as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    drop(reply(stream).await);
    assert_eq!(bench.heard(), 0);
}

#[tokio::test]
async fn what_is_smuggled_behind_a_request_is_not_looked_at() {
    let mut bench = Bench::new().await;
    let (first, second) = (PUSH, PUSH.replace("main", "other"));
    let both = [signed("/hooks/shop", first, &[]), signed("/hooks/shop", &second, &[])].concat();
    let answer = bench.raw(&both).await;
    assert_eq!(answer.text.matches("HTTP/1.1").count(), 1, "{answer:?}");
    assert_eq!((answer.status, bench.heard()), (202, 1));
    // Two lengths, and a length beside chunks: one body, or none.
    let other = signed("/hooks/shop", &second, &[("x-more", "1\r\ncontent-length: 3")]);
    assert_eq!(bench.raw(&other).await.status, 400);
    let other = signed("/hooks/shop", &second, &[("x-more", "1\r\ntransfer-encoding: chunked")]);
    assert!([400, 401].contains(&bench.raw(&other).await.status));
    assert_eq!(bench.heard(), 0);
}

#[tokio::test]
async fn bytes_that_are_no_http_hurt_nobody() {
    let mut bench = Bench::new().await;
    let tls = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[7; 200]].concat();
    let odd: [&[u8]; 6] = [
        b"\r\n\r\n",
        b"POST\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /hooks/shop HTTP/9.9\r\n\r\n",
        b"POST /hooks/shop HTTP/1.1\r\nx\x00y: 1\r\n\r\n",
        &tls,
    ];
    for bytes in odd {
        let mut stream = bench.connect().await;
        drop(stream.write_all(bytes).await);
        drop(stream.shutdown().await);
        assert!([0, 400, 505].contains(&reply(stream).await.status), "{bytes:?}");
    }
    assert_eq!(bench.push(PUSH).await.status, 202);
    assert_eq!(bench.heard(), 1);
}
