//! Limits: each is reached, and what is within it still goes through.

use std::time::Duration;

use composelet::http::HttpLimits;
use composelet::model::hint::DeliveryOutcome;
use composelet::webhook::{HEAD_BYTES, Rate};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::bench::{Bench, PUSH, reply, signature, signed};

const SHORT: Duration = Duration::from_millis(150);

fn short() -> HttpLimits {
    HttpLimits { head_time: SHORT, body_time: SHORT, answer_time: SHORT, ..HttpLimits::default() }
}

/// A push of that many bytes.
fn sized(length: usize) -> String {
    let begin = PUSH.trim_end_matches('}').to_owned() + "},\"more\":\"";
    format!("{begin}{}\"}}", "x".repeat(length - begin.len() - 2))
}

#[tokio::test]
async fn a_body_at_the_limit_is_a_hint_and_one_beyond_is_not_read() {
    let limit = 1 << 20;
    let mut bench = Bench::new().await;
    for length in [limit - 1, limit] {
        let body = sized(length);
        assert_eq!(body.len(), length);
        assert_eq!(bench.push(&body).await.status, 202, "{length}");
    }
    assert_eq!(bench.heard(), 2);
    drop((bench.logged().await, bench.logged().await));
    // The head alone is enough to refuse it: not a byte of the body is sent.
    let length = (limit + 1).to_string();
    let head = signed("/hooks/shop", "", &[("content-length", &length)]);
    assert_eq!(bench.raw(&head).await.status, 413);
    let told = "its body has more than 1048576 bytes";
    assert_eq!(bench.logged().await, (DeliveryOutcome::TooLarge, told.to_owned()));
    // In chunks nobody says beforehand how long it is.
    let body = sized(limit + 1);
    let no_length = [("content-length", ""), ("transfer-encoding", "chunked")];
    let mut chunked = signed("/hooks/shop", &body, &no_length);
    chunked.truncate(chunked.len() - body.len());
    chunked.extend(format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).bytes());
    assert_eq!(bench.raw(&chunked).await.status, 413);
    assert_eq!(bench.heard(), 0);
}

/// Of a body, 16 KiB are in memory until it is known to be authentic: half in the reader of HTTP, half in the check, by type
/// (`webhook::head`).
#[tokio::test]
async fn the_head_of_a_request_has_a_limit_as_well() {
    const { assert!(2 * HEAD_BYTES <= 16 * 1024) };
    let bench = Bench::new().await;
    let long = "x".repeat(4_000);
    assert_eq!(bench.raw(&signed("/hooks/shop", PUSH, &[("x-more", &long)])).await.status, 202);
    for (name, value) in
        [("x-more", "x".repeat(9_000)), ("x-many", "1\r\nx-many: ".repeat(70) + "1")]
    {
        let answer = bench.raw(&signed("/hooks/shop", PUSH, &[(name, &value)])).await;
        assert_eq!(answer.status, 431, "{answer:?}");
    }
    // In two pieces, of which neither fills the reader's buffer.
    let large = signed("/hooks/shop", PUSH, &[("x-more", &"x".repeat(9_000))]);
    let mut stream = bench.connect().await;
    let (begin, end) = large.split_at(8_000);
    stream.write_all(begin).await.unwrap();
    tokio::task::yield_now().await;
    stream.write_all(end).await.unwrap();
    assert_eq!(reply(stream).await.status, 431);
    let path = format!("/hooks/{}", "x".repeat(10_000));
    assert!([414, 431].contains(&bench.raw(&signed(&path, PUSH, &[])).await.status));
}

#[tokio::test]
async fn a_slow_head_and_a_slow_body_are_given_up() {
    let mut bench = Bench::with(short(), 16).await;
    let bytes = signed("/hooks/shop", PUSH, &[]);
    for sent in [0, 1, 40, bytes.len() - PUSH.len() - 1] {
        let mut stream = bench.connect().await;
        stream.write_all(&bytes[..sent]).await.unwrap();
        assert_eq!(reply(stream).await.status, 408, "{sent}");
    }
    assert!(bench.deliveries.try_recv().is_err(), "whose they are nobody knows");
    for sent in [bytes.len() - PUSH.len(), bytes.len() - 1] {
        let mut stream = bench.connect().await;
        stream.write_all(&bytes[..sent]).await.unwrap();
        assert_eq!(reply(stream).await.status, 408, "{sent}");
        let told = "its body took more than 0.15 s";
        assert_eq!(bench.logged().await, (DeliveryOutcome::TimedOut, told.to_owned()));
    }
    // One that sends a byte now and then has no more time.
    let mut stream = bench.connect().await;
    let drip = async {
        for byte in &bytes {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    drop(timeout(Duration::from_secs(3), drip).await);
    assert_ne!(reply(stream).await.status, 202);
    assert_eq!(bench.heard(), 0);
    assert_eq!(bench.push(PUSH).await.status, 202);
}

#[tokio::test]
async fn slow_strangers_do_not_keep_others_out() {
    let limits = HttpLimits { connections: 4, in_flight: 1, ..short() };
    let mut bench = Bench::with(limits, 16).await;
    let bytes = signed("/hooks/shop", PUSH, &[]);
    let mut slow = Vec::new();
    for _ in 0..6 {
        let mut stream = bench.connect().await;
        stream.write_all(&bytes[..bytes.len() - 1]).await.unwrap();
        slow.push(stream);
    }
    let other = bench.push(&PUSH.replace("main", "other")).await;
    assert!([202, 503].contains(&other.status), "{other:?}");
    drop(slow);
    assert_eq!(bench.push(&PUSH.replace("main", "third")).await.status, 202);
    assert!((1..=2).contains(&bench.heard()));
}

#[tokio::test]
async fn a_hook_brings_so_many_hints_a_minute() {
    let limits = HttpLimits { hints: Rate::per_minute(3), ..HttpLimits::default() };
    let mut bench = Bench::with(limits, 16).await;
    let body = |number: u32| PUSH.replace("main", &number.to_string());
    for number in 0..3 {
        assert_eq!(bench.push(&body(number)).await.status, 202);
    }
    let answer = bench.push(&body(3)).await;
    assert_eq!(answer.status, 429, "{answer:?}");
    assert!(answer.text.contains("retry-after: "), "{answer:?}");
    // It was not used up: the sender may try again, and is not told that it was here before.
    assert_eq!(bench.push(&body(3)).await.status, 429);
    assert_eq!(bench.push(&body(0)).await.status, 200);
    assert_eq!(bench.heard(), 3);
}

#[tokio::test]
async fn whoever_is_refused_too_often_waits_and_others_do_not() {
    let limits = HttpLimits { failures: Rate::per_minute(5), ..HttpLimits::default() };
    let mut bench = Bench::with(limits, 16).await;
    let from = |address: &'static str, body: &str, signed_as: &str| {
        let headers = [("x-forwarded-for", address), ("x-hub-signature-256", signed_as)];
        signed("/hooks/shop", body, &headers)
    };
    let (right, wrong) = (signature(PUSH), signature("other"));
    for _ in 0..5 {
        assert_eq!(bench.raw(&from("192.0.2.1", PUSH, &wrong)).await.status, 401);
    }
    let answer = bench.raw(&from("192.0.2.1", PUSH, &right)).await;
    assert_eq!(answer.status, 429, "also with the right signature: nothing of it was looked at");
    assert_eq!(bench.raw(&from("192.0.2.2", PUSH, &right)).await.status, 202);
    assert_eq!(bench.heard(), 1);
}

#[tokio::test]
async fn hints_that_nobody_takes_are_refused_and_may_come_again() {
    let mut bench = Bench::with(HttpLimits::default(), 1).await;
    let other = PUSH.replace("main", "other");
    assert_eq!(bench.push(PUSH).await.status, 202);
    let answer = bench.push(&other).await;
    assert_eq!((answer.status, answer.text.contains("retry-after: 10")), (503, true), "{answer:?}");
    assert_eq!(bench.heard(), 1);
    assert_eq!(bench.push(&other).await.status, 202);
    assert_eq!(bench.heard(), 1);
}

/// The same delivery on many connections at once is one hint.
#[tokio::test]
async fn replays_at_the_same_time_are_one_hint() {
    let mut bench = Bench::new().await;
    let bytes = signed("/hooks/shop", PUSH, &[]);
    let sends = (0..24).map(|_| bench.raw(&bytes));
    let answers = futures::future::join_all(sends).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(202), count(200)), (1, 23), "{answers:?}");
    assert_eq!(bench.heard(), 1);
}

#[tokio::test]
async fn a_stop_lets_what_is_under_way_end_and_accepts_nothing_more() {
    let limits = HttpLimits { grace: Duration::from_secs(20), ..HttpLimits::default() };
    let mut bench = Bench::with(limits, 16).await;
    let bytes = signed("/hooks/shop", PUSH, &[]);
    let mut stream = bench.connect().await;
    stream.write_all(&bytes[..bytes.len() - 1]).await.unwrap();
    // A second connection that is answered shows that the first one was accepted.
    assert_eq!(bench.push(&PUSH.replace("main", "other")).await.status, 202);
    bench.cancel.cancel();
    stream.write_all(&bytes[bytes.len() - 1..]).await.unwrap();
    assert_eq!(reply(stream).await.status, 202);
    (&mut bench.serving).await.unwrap();
    assert!(tokio::net::TcpStream::connect(bench.address).await.is_err());
    assert_eq!(bench.heard(), 2);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let bench = Bench::with(HttpLimits { grace: SHORT, ..HttpLimits::default() }, 16).await;
    let stream = bench.connect().await;
    bench.cancel.cancel();
    timeout(Duration::from_secs(4), bench.serving).await.unwrap().unwrap();
    drop(stream);
}
