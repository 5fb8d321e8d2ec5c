//! A second controller stands by, says so, and takes over.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic is a failed test"
)]

use composelet::model::event::EventKind;
use tokio_util::sync::CancellationToken;

use super::bench::Bench;

#[tokio::test(start_paused = true)]
async fn the_second_stands_by_and_takes_over() {
    let mut bench = Bench::new(41);
    bench.write("shop", "services: {web: {image: app}}");
    bench.start();
    bench.converged("shop").await;
    let mut events = bench.events.subscribe();
    let cancel = CancellationToken::new();
    // Same engine and host, its own state directory.
    let second = bench.controller_on(bench.storage.beside());
    let second = tokio::spawn(second.run(cancel.clone()));
    bench.pass(30).await;
    let mut said = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let EventKind::Controller(text) = &event.kind {
            said.push(text.clone());
        }
    }
    assert!(said.iter().any(|text| text.starts_with("standing by")), "{said:?}");
    bench.silent().await;
    bench.kill().await;
    bench.engine.docker_rm("shop-web-1", false).unwrap();
    bench.until("the second heals", |bench| bench.runs("shop-web-1")).await;
    cancel.cancel();
    assert!(second.await.unwrap().is_ok());
}
