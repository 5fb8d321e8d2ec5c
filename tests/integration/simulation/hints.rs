//! Hints of webhooks: what they make due, and what they leave alone.

use std::time::Duration;

use composelet::model::hint::SyncHint;
use tokio::sync::mpsc;

use super::bench::Bench;
use crate::sim::{AppScript, ImageSpec};

fn image(version: &str) -> ImageSpec {
    ImageSpec::new(version)
}

fn push(bench: &Bench, version: &str) {
    bench.engine.publish("reg.test/app:1", &image(version), Duration::from_secs(1));
}

fn hint(repository: &str, tag: &str) -> SyncHint {
    SyncHint::image(repository, Some(tag), None).unwrap()
}

/// A controller that hears hints, with one service whose image was pulled from a registry.
async fn held(seed: u64, service: &str) -> (Bench, mpsc::Sender<SyncHint>) {
    let mut bench = Bench::new(seed);
    bench.engine.script_service("web", AppScript::forever());
    push(&bench, "first");
    let text = format!(
        "services:\n  web:\n    image: reg.test/app:1\n    restart: always\n    \
         deploy: {{update_config: {{monitor: 2s}}}}\n    {service}\n"
    );
    bench.write("shop", &text);
    let (sender, hints) = mpsc::channel(16);
    bench.hints = Some(hints);
    bench.start();
    bench.converged("shop").await;
    bench.pass(60).await;
    (bench, sender)
}

fn runs(bench: &Bench, version: &str) -> bool {
    let status = bench.status("shop").unwrap();
    let image = status.services[0].image_is.as_ref();
    image.is_some_and(|one| one.id == image_id(version)) && bench.is_ready("shop")
}

fn image_id(version: &str) -> String {
    image(version).id()
}

/// Each of these looks again in a day or never; a hint makes it look now.
#[tokio::test(start_paused = true)]
async fn a_push_is_rolled_out_at_once() {
    for (seed, service) in [
        (500, "x-composelet: {image_update: {policy: digest, interval: 24h}}"),
        (501, "pull_policy: daily"),
        (502, "pull_policy: always"),
    ] {
        let (bench, hints) = held(seed, service).await;
        push(&bench, "second");
        bench.silent_for(40).await;
        assert!(runs(&bench, "first"));
        // About something else: nothing happens.
        for (repository, tag) in [("reg.test/app", "2"), ("reg.test/other", "1"), ("app", "1")] {
            hints.send(hint(repository, tag)).await.unwrap();
        }
        hints.send(SyncHint::git(["https://h/a.git"], None, None)).await.unwrap();
        bench.silent_for(40).await;
        assert!(runs(&bench, "first"), "{service}\n{}", bench.story());
        let begin = tokio::time::Instant::now();
        hints.send(hint("reg.test/app", "1")).await.unwrap();
        bench.until("the new image", |bench| runs(bench, "second")).await;
        assert!(begin.elapsed() < Duration::from_secs(60), "{service}: {:?}", begin.elapsed());
        bench.silent_for(40).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stays_until_its_image_is_missing_is_left_alone() {
    for (seed, service) in [(503, "pull_policy: missing"), (504, "")] {
        let (bench, hints) = held(seed, service).await;
        push(&bench, "second");
        hints.send(hint("reg.test/app", "1")).await.unwrap();
        bench.silent_for(60).await;
        assert!(runs(&bench, "first"), "{service}\n{}", bench.story());
    }
}

/// However many hints there are, looks are a second apart, and the last push is seen.
#[tokio::test(start_paused = true)]
async fn a_burst_of_hints_is_a_look_a_second() {
    let (bench, hints) =
        held(506, "x-composelet: {image_update: {policy: digest, interval: 24h}}").await;
    let before = looks(&bench);
    for number in 0..100 {
        push(&bench, if number == 99 { "last" } else { "other" });
        hints.send(hint("reg.test/app", "1")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bench.until("the last image", |bench| runs(bench, "last")).await;
    let looked = looks(&bench) - before;
    assert!((2..=10).contains(&looked), "{looked} looks for 100 hints in 5 s");
}

fn looks(bench: &Bench) -> usize {
    bench.engine.calls().iter().filter(|call| call.path.starts_with("/distribution/")).count()
}

/// Hints end with their sender; the controller goes on.
#[tokio::test(start_paused = true)]
async fn without_a_listener_all_goes_on() {
    let (mut bench, hints) = held(507, "pull_policy: every_5m").await;
    drop(hints);
    push(&bench, "second");
    bench.until("the new image", |bench| runs(bench, "second")).await;
    bench.stop().await;
}
