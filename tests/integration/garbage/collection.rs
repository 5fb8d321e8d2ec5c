//! What a controller collects of its own accord, and what it holds while a disk is too full.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use composelet::model::garbage::{GarbageSettings, ImageGarbage, PressureMarks};
use composelet::model::id::ProjectName;
use composelet::model::status::{ConditionKind, Truth};

use crate::sim::{ImageSpec, Phase};
use crate::simulation::bench::{Bench, SimDisks};

/// Looks each minute, from 85 down to 80 percent, of which each image takes five.
fn bench(seed: u64, used: u64) -> Bench {
    let mut bench = Bench::new(seed);
    let settings = GarbageSettings {
        interval: Duration::from_secs(60),
        images: ImageGarbage { high: 85, low: 80, min_age: Duration::from_secs(10) },
        build_cache: Some(1 << 30),
        pressure: PressureMarks { disk: 5, inodes: 5 },
    };
    let disks = SimDisks {
        used: AtomicU64::new(used),
        for_each: AtomicU64::new(5),
        engine: Some(bench.engine.clone()),
    };
    bench.tidy = Some((settings, Arc::new(disks)));
    bench
}

fn fill(bench: &Bench, used: u64) {
    let (_, disks) = bench.tidy.as_ref().unwrap();
    disks.used.store(used, Ordering::SeqCst);
}

fn reference(name: &str) -> String {
    format!("reg.test/{name}:1")
}

fn write(bench: &Bench, name: &str) {
    bench.engine.publish(&reference(name), &ImageSpec::new(name), Duration::from_secs(2));
    let image = reference(name);
    bench.write(name, &format!("services:\n  web:\n    image: {image}\n    restart: always\n"));
}

fn is_there(bench: &Bench, name: &str) -> bool {
    bench.engine.with(|world| world.images.find(&reference(name)).is_some())
}

#[tokio::test(start_paused = true)]
async fn images_go_from_the_high_mark_down_to_the_low_one_and_the_oldest_goes_first() {
    let mut bench = bench(81, 0);
    bench.start();
    for name in ["one", "two", "three", "stays"] {
        write(&bench, name);
        bench.converged(name).await;
    }
    for name in ["one", "two", "three"] {
        bench.remove(name);
        let gone = format!("{name} is gone");
        bench.until(&gone, |bench| bench.status(name).is_none()).await;
        // Much that goes within a minute would wait for a person.
        bench.pass(60).await;
    }
    bench.pass(300).await;
    assert!(is_there(&bench, "one"), "there is room");
    // Five images: 87 percent. Without one it is 82, without two 77.
    fill(&bench, 62);
    bench.until("the oldest is gone", |bench| !is_there(bench, "one")).await;
    bench.until("and the next", |bench| !is_there(bench, "two")).await;
    bench.pass(300).await;
    assert!(is_there(&bench, "three") && is_there(&bench, "stays"), "{}", bench.story());
    let history = bench.ledger().history(&ProjectName::from("one"), 1);
    let last = &history[0].actions[0];
    let told = (last.action.as_str(), last.object.as_str(), last.reason.as_str());
    assert_eq!(told, ("RemoveImage", "reg.test/one:1", "Garbage"));
    assert_eq!(last.outcome, "succeeded");
    // However full it is: what is used, and what was there before us, is nobody's garbage.
    fill(&bench, 75);
    bench.until("the last is gone", |bench| !is_there(bench, "three")).await;
    bench.pass(600).await;
    assert!(is_there(&bench, "stays"));
    assert!(bench.engine.with(|world| world.images.find("app").is_some()));
    let known: BTreeSet<_> =
        bench.ledger().fetched_images().into_iter().map(|one| one.id).collect();
    assert_eq!(known.len(), 1, "what is gone is forgotten: {known:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_person_removed_is_forgotten() {
    let mut bench = bench(82, 0);
    write(&bench, "one");
    bench.start();
    bench.converged("one").await;
    bench.remove("one");
    bench.until("it is gone", |bench| bench.status("one").is_none()).await;
    assert_eq!(bench.ledger().fetched_images().len(), 1);
    bench.engine.docker_rmi(&reference("one")).unwrap();
    bench.until("it is forgotten", |bench| bench.ledger().fetched_images().is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn under_pressure_nothing_new_begins_and_what_runs_is_healed() {
    let mut bench = bench(83, 0);
    let text = |value: &str| {
        format!(
            "services:\n  web:\n    image: app\n    environment: {{A: \"{value}\"}}\n  db:\n    image: app\n"
        )
    };
    bench.write("shop", &text("1"));
    bench.start();
    bench.converged("shop").await;
    let id = |bench: &Bench| {
        let status = bench.status("shop").unwrap();
        let web = status.services.iter().find(|one| one.name.as_str() == "web").unwrap();
        web.containers[0].id.clone()
    };
    let first = id(&bench);
    fill(&bench, 96);
    bench.pass(15).await;
    write(&bench, "other");
    bench.write("shop", &text("2"));
    let held = |bench: &Bench, name: &str| bench.held(name).contains(&"DiskPressure");
    bench.until("the pull waits", |bench| held(bench, "other")).await;
    bench.until("the new version waits", |bench| held(bench, "shop")).await;
    let degraded = |bench: &Bench| {
        let status = bench.status("shop").unwrap();
        let found = status.conditions.iter().find(|one| one.kind == ConditionKind::Degraded);
        found.map(|one| (one.status, one.reason.clone()))
    };
    assert_eq!(degraded(&bench), Some((Truth::True, "DiskPressure".to_owned())));
    bench.engine.docker_rm("shop-db-1", false).unwrap();
    bench.until("it is made anew", |bench| bench.runs("shop-db-1")).await;
    bench.pass(600).await;
    assert_eq!(id(&bench), first, "{}", bench.story());
    assert!(!is_there(&bench, "other"));
    fill(&bench, 50);
    let begin = tokio::time::Instant::now();
    bench.until("the pull goes on", |bench| is_there(bench, "other")).await;
    assert!(begin.elapsed() >= Duration::from_secs(280), "pressure outlasts its cause");
    bench.until("so does the new version", |bench| id(bench) != first).await;
    bench.converged("shop").await;
    assert_eq!(bench.phases().get("other-web-1"), Some(&Phase::Running));
}

#[tokio::test(start_paused = true)]
async fn the_build_cache_goes_only_where_images_are_not_enough_and_the_settings_say_so() {
    for (keep, used, left) in [(Some(1 << 30), 0, 3), (Some(1 << 30), 90, 1), (None, 90, 3)] {
        let mut bench = bench(84, used);
        bench.tidy.as_mut().unwrap().0.build_cache = keep;
        bench.engine.with(|world| world.builds.set_cache(3 << 30));
        bench.start();
        bench.pass(200).await;
        let cache = bench.engine.with(|world| world.builds.cache());
        assert_eq!(cache, left << 30, "{keep:?} {used}");
    }
}
