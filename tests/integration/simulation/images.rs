//! Images over time: schedules, registries that fail or ask for patience, builds that services share.

use std::time::Duration;

use composelet::ledger::HistoryRecord;
use composelet::model::id::ProjectName;
use composelet::model::status::{ConditionKind, Truth};

use super::bench::Bench;
use crate::sim::{ImageSpec, Offer};

fn service(policy: &str) -> String {
    format!(
        "services:\n  web:\n    image: reg.test/app:1\n    pull_policy: {policy}\n    restart: always\n"
    )
}

fn publish(bench: &Bench, content: &str) {
    bench.engine.publish("reg.test/app:1", &ImageSpec::new(content), Duration::from_secs(2));
}

fn holds(bench: &Bench, kind: ConditionKind) -> Option<Truth> {
    let status = bench.status("shop")?;
    status.conditions.iter().find(|one| one.kind == kind).map(|one| one.status)
}

/// Id of a container, as published.
fn id_of(bench: &Bench, name: &str) -> Option<String> {
    let status = bench.status("shop")?;
    let mut containers = status.services.iter().flat_map(|service| &service.containers);
    containers.find(|one| one.name == name).map(|one| one.id.clone())
}

fn is_new(bench: &Bench, name: &str, old: Option<&String>) -> bool {
    let now = id_of(bench, name);
    bench.runs(name) && now.is_some() && now.as_ref() != old
}

fn image_of(bench: &Bench, service: &str) -> String {
    let status = bench.status("shop").unwrap();
    let found = status.services.iter().find(|one| one.name.as_str() == service);
    found.unwrap().image_is.as_ref().unwrap().id.clone()
}

async fn shop(seed: u64, policy: &str) -> Bench {
    let mut bench = Bench::new(seed);
    publish(&bench, "first");
    bench.write("shop", &service(policy));
    bench.start();
    bench.converged("shop").await;
    bench
}

#[tokio::test(start_paused = true)]
async fn a_moved_tag_is_found_by_its_schedule_and_an_equal_one_is_silent() {
    let bench = shop(21, "every_5m").await;
    let (id, pulls) = (id_of(&bench, "shop-web-1"), bench.engine.pulls("reg.test/app:1"));
    assert_eq!(pulls, 1, "what was just pulled is not looked at again");
    // The period is kept although everything runs; the same image changes nothing.
    bench.pass(610).await;
    assert_eq!(bench.engine.pulls("reg.test/app:1"), pulls + 2);
    assert_eq!(id_of(&bench, "shop-web-1"), id);
    let name = ProjectName::new("shop");
    let scheduled =
        |record: &HistoryRecord| record.actions.iter().all(|action| action.reason == "PullPolicy");
    let journal = bench.ledger().history(&name, usize::MAX);
    assert!(!journal.iter().any(scheduled), "looks that are due fill the journal: {journal:?}");
    publish(&bench, "second");
    bench.until("the new image runs", |bench| is_new(bench, "shop-web-1", id.as_ref())).await;
    bench.converged("shop").await;
    assert_eq!(image_of(&bench, "web"), ImageSpec::new("second").id());
    assert_eq!(bench.held("shop"), ["ImageCheckScheduled"]);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_goes_on_where_it_was_after_a_restart() {
    let mut bench = shop(22, "every_1h").await;
    bench.pass(1_000).await;
    bench.stop().await;
    bench.start();
    bench.pass(1_000).await;
    assert_eq!(bench.engine.pulls("reg.test/app:1"), 1, "{}", bench.story());
    bench.pass(1_700).await;
    assert_eq!(bench.engine.pulls("reg.test/app:1"), 2, "{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_is_down_degrades_what_runs_and_stops_nothing() {
    let bench = shop(23, "every_1m").await;
    let id = id_of(&bench, "shop-web-1");
    bench.engine.set_registry_unreachable(true);
    bench
        .until("Degraded", |bench| holds(bench, ConditionKind::Degraded) == Some(Truth::True))
        .await;
    assert_eq!(holds(&bench, ConditionKind::Available), Some(Truth::True));
    assert_eq!(bench.held("shop"), ["ImageRefreshFailed"]);
    // 10 s × 2 up to 300 s, ± 10 %.
    let before = bench.engine.pulls("reg.test/app:1");
    bench.pass(3_600).await;
    let tries = bench.engine.pulls("reg.test/app:1") - before;
    assert!((11..=18).contains(&tries), "{tries} tries");
    assert_eq!(id_of(&bench, "shop-web-1"), id);
    bench.engine.set_registry_unreachable(false);
    bench
        .until("mended", |bench| holds(bench, ConditionKind::Degraded) == Some(Truth::False))
        .await;
    assert_eq!(id_of(&bench, "shop-web-1"), id);
}

#[tokio::test(start_paused = true)]
async fn what_a_registry_asks_for_is_waited_for() {
    for (text, seconds) in [
        ("toomanyrequests: retry-after: 1200, allowed: 100", 1_200),
        ("toomanyrequests: slow down", 300),
    ] {
        let mut bench = Bench::new(24);
        let offer = Offer::Error(429, text.to_owned());
        bench.engine.offer("reg.test/app:1", offer, Duration::ZERO);
        bench.write("shop", &service("missing"));
        bench.start();
        bench.until("limited", |bench| bench.held("shop").contains(&"ImagePullRateLimited")).await;
        bench.pass(seconds - 30).await;
        assert_eq!(bench.engine.pulls("reg.test/app:1"), 1, "asked again too early after {text}");
        publish(&bench, "first");
        bench.pass(60).await;
        assert_eq!(bench.engine.pulls("reg.test/app:1"), 2, "{}", bench.story());
        bench.converged("shop").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_has_a_reason_of_its_own() {
    let mut bench = Bench::new(25);
    let offer = Offer::Error(
        500,
        "Head \"https://reg.test/v2/app/manifests/1\": unauthorized: authentication required"
            .to_owned(),
    );
    bench.engine.offer("reg.test/app:1", offer, Duration::ZERO);
    bench.write("shop", &service("missing"));
    bench.start();
    bench.until("refused", |bench| bench.held("shop").contains(&"ImagePullUnauthorized")).await;
    let held = bench.status("shop").unwrap().held;
    assert!(
        held.iter().any(|held| held.waiting_on.to_string().contains("docker login")),
        "{held:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_build_that_services_share_is_made_once_and_reaches_all() {
    let mut bench = Bench::new(26);
    let context = bench.root().join("shop/app");
    std::fs::create_dir_all(&context).unwrap();
    std::fs::write(context.join("Dockerfile"), "FROM app\nLABEL version=1\n").unwrap();
    bench.write(
        "shop",
        "services:\n  app: {image: shop/app, build: app, restart: always}\n  worker: {image: shop/app, restart: always}\n  beat: {image: shop/app, build: app, restart: always}\n",
    );
    bench.start();
    bench.converged("shop").await;
    assert_eq!(bench.engine.builds(), 1, "{}", bench.story());
    assert_eq!(bench.engine.pulls("shop/app"), 0, "what another service builds is not pulled");
    let names = ["shop-app-1", "shop-worker-1", "shop-beat-1"];
    let before = names.map(|name| id_of(&bench, name));
    std::fs::write(context.join("Dockerfile"), "FROM app\nLABEL version=2\n").unwrap();
    bench
        .until("all are new", |bench| {
            names.iter().zip(&before).all(|(name, old)| is_new(bench, name, old.as_ref()))
        })
        .await;
    bench.converged("shop").await;
    assert_eq!(bench.engine.builds(), 2, "{}", bench.story());
    bench.silent().await;
}
