//! `rollout restart --rebuild`: images are built again before anything stops.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

use std::time::Duration;

use composelet::ledger::Request;
use composelet::model::id::ProjectName;
use composelet::model::ledger::BuildCache;

use super::bench::Bench;
use crate::sim::ImageSpec;

const SHOP: &str = "services:\n  app: {image: shop/app, build: app, restart: always}\n  worker: {image: shop/app, restart: always}\n  web: {image: app, restart: always}\n";

async fn built(seed: u64) -> Bench {
    let mut bench = Bench::new(seed);
    let context = bench.root().join("shop/app");
    std::fs::create_dir_all(&context).unwrap();
    std::fs::write(context.join("Dockerfile"), "FROM app\nLABEL version=1\n").unwrap();
    bench.write("shop", SHOP);
    bench.start();
    bench.converged("shop").await;
    bench.pass(30).await;
    bench
}

fn ask(bench: &Bench, rebuild: Option<BuildCache>) {
    let project = ProjectName::from("shop");
    bench.ask(&Request::Restart { project, service: None, rebuild });
}

fn id_of(bench: &Bench, name: &str) -> String {
    let status = bench.status("shop").unwrap();
    let mut containers = status.services.iter().flat_map(|service| &service.containers);
    let found = containers.find(|one| one.name == name && bench.runs(name));
    found.map(|one| one.id.clone()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn images_are_built_again_and_every_container_is_replaced_though_nothing_changed() {
    for cache in [BuildCache::Used, BuildCache::Unused] {
        let bench = built(730).await;
        let names = ["shop-app-1", "shop-worker-1", "shop-web-1"];
        let before = names.map(|name| id_of(&bench, name));
        ask(&bench, Some(cache));
        bench
            .until("all are new", |bench| {
                let after = names.map(|name| id_of(bench, name));
                after.iter().zip(&before).all(|(new, old)| !new.is_empty() && new != old)
            })
            .await;
        assert_eq!(bench.engine.builds(), 2, "one image, one build\n{}", bench.story());
        bench.converged("shop").await;
        bench.silent_for(60).await;
        let record = bench.ledger().load_project(&ProjectName::from("shop")).0;
        assert!(record.images.values().all(|one| one.rebuild.is_none()), "{:?}", record.images);
        let calls = bench.engine.calls();
        let at = |wanted: &dyn Fn(&str) -> bool| calls.iter().rposition(|call| wanted(&call.path));
        let build = at(&|path| path.starts_with("/build"));
        let stop = calls.iter().position(|call| call.path.ends_with("/stop"));
        assert!(build < stop, "built before anything stopped\n{}", bench.story());
    }
}

fn publish_base(bench: &Bench, version: &str) {
    let spec = ImageSpec::new(version);
    bench.engine.publish("reg.test/base:1", &spec, Duration::from_secs(1));
    bench.engine.add_image("reg.test/base:1", &spec);
}

/// A service whose image is built upon one of a registry, which is looked at every minute.
async fn built_upon(seed: u64, more: &str) -> Bench {
    let mut bench = Bench::new(seed);
    publish_base(&bench, "old");
    let context = bench.root().join("shop/app");
    std::fs::create_dir_all(&context).unwrap();
    let text = "ARG TAG=1\nFROM reg.test/base:$TAG AS made\nFROM made\n";
    std::fs::write(context.join("Dockerfile"), text).unwrap();
    let update = format!("x-composelet: {{image_update: {{base: true, interval: 1m{more}}}}}");
    let text = format!("services:\n  app: {{build: app, restart: always, {update}}}\n");
    bench.write("shop", &text);
    bench.start();
    bench.converged("shop").await;
    bench.pass(300).await;
    assert_eq!(bench.engine.builds(), 1, "nothing moved\n{}", bench.story());
    bench
}

#[tokio::test(start_paused = true)]
async fn an_image_is_built_again_when_what_it_is_built_upon_moved() {
    let mut bench = built_upon(750, "").await;
    publish_base(&bench, "new");
    bench.until("a second build", |bench| bench.engine.builds() == 2).await;
    bench.pass(300).await;
    bench.kill().await;
    bench.start();
    bench.pass(300).await;
    assert_eq!(bench.engine.builds(), 2, "once\n{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn what_an_image_is_built_upon_is_only_told_of_or_waited_with() {
    let bench = built_upon(751, ", monitor_only: true").await;
    publish_base(&bench, "new");
    bench.until("told", |bench| bench.held("shop").contains(&"ImageUpdateAvailable")).await;
    bench.pass(300).await;
    assert_eq!(bench.engine.builds(), 1, "{}", bench.story());
}

/// Whenever the controller is killed, the build that was asked for is made, and what runs is replaced once it stands.
#[tokio::test(start_paused = true)]
async fn killed_on_the_way_it_still_builds_and_restarts() {
    for seed in 0..4 {
        let mut bench = built(740 + seed).await;
        let before = id_of(&bench, "shop-app-1");
        ask(&bench, Some(BuildCache::Unused));
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(150 + 130 * seed)).await;
            bench.kill().await;
            bench.start();
        }
        bench
            .until("it is new", |bench| {
                let after = id_of(bench, "shop-app-1");
                !after.is_empty() && after != before
            })
            .await;
        assert!(bench.engine.builds() >= 2, "seed {seed}\n{}", bench.story());
        bench.converged("shop").await;
        bench.silent_for(40).await;
    }
}
