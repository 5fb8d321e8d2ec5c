//! Maintenance windows, the limit of disturbances, and protected projects, against the simulated engine.

use std::sync::Arc;
use std::time::Duration;

use composelet::ledger::Request;
use composelet::model::glob::Glob;
use composelet::model::image_update::UpdateWindow;
use composelet::model::rulebook::{MaintenanceWindow, MaxDisruption, RuleBook};
use composelet::model::schedule::When;

use crate::simulation::bench::Bench;

const SHOP: &str = "services: {web: {image: app, restart: always}}";

fn edited(text: &str) -> String {
    text.replace("image: app", "image: app, environment: {EDITED: '1'}")
}

fn bench(seed: u64, rules: RuleBook) -> Bench {
    let mut bench = Bench::new(seed);
    bench.rules = Arc::new(rules);
    bench
}

fn created(bench: &Bench) -> usize {
    bench.engine.bodies().iter().filter(|body| body.contains("/containers/create")).count()
}

#[tokio::test(start_paused = true)]
async fn what_runs_is_replaced_in_the_window_and_what_crashed_is_healed_at_any_time() {
    let opens =
        When::Cron { pattern: "0 2 * * *".to_owned(), seconds: false, zone: "UTC".to_owned() };
    let window = MaintenanceWindow {
        projects: vec![Glob::new("shop*")],
        window: UpdateWindow { opens, duration: Duration::from_hours(2) },
        text: "daily 02:00-04:00 UTC".to_owned(),
    };
    let mut bench = bench(730, RuleBook { windows: vec![window], ..RuleBook::default() });
    bench.set_wall("2025-01-01T12:00:00Z");
    bench.write("shop", SHOP);
    bench.start();
    bench.converged("shop").await;
    bench.write("shop", &edited(SHOP));
    bench.until("it is held", |bench| bench.held("shop").contains(&"MaintenanceWindow")).await;
    bench.engine.crash("shop-web-1", 3).unwrap();
    bench.until("it is healed", |bench| bench.runs("shop-web-1")).await;
    bench.pass(3600).await;
    assert_eq!(created(&bench), 1, "{}", bench.story());
    bench.set_wall("2025-01-02T01:59:30Z");
    bench.pass(90).await;
    bench.converged("shop").await;
    assert_eq!(created(&bench), 2, "{}", bench.story());
    bench.silent().await;
}

#[tokio::test(start_paused = true)]
async fn only_so_many_containers_are_disturbed_at_a_time() {
    let limit = MaxDisruption { projects: 2, containers: 2, per: Duration::from_mins(10) };
    let rules = RuleBook { max_disruption: Some(limit), ..RuleBook::default() };
    let mut bench = bench(731, rules);
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        bench.write(name, SHOP);
    }
    bench.start();
    for name in names {
        bench.converged(name).await;
    }
    for name in names {
        bench.write(name, &edited(SHOP));
    }
    bench.pass(120).await;
    let held = |bench: &Bench| {
        names.iter().filter(|name| bench.held(name).contains(&"BlastRadius")).count()
    };
    assert_eq!(held(&bench), 3, "{}", bench.story());
    assert!(names.iter().all(|name| bench.runs(&format!("{name}-web-1"))));
    bench.pass(600).await;
    assert_eq!(held(&bench), 1, "{}", bench.story());
    bench.pass(600).await;
    assert_eq!(held(&bench), 0, "{}", bench.story());
    for name in names {
        bench.converged(name).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_protected_project_goes_only_when_a_person_says_so() {
    let rules = RuleBook { protected: vec![Glob::new("shop")], ..RuleBook::default() };
    let mut bench = bench(732, rules);
    let two = "services: {web: {image: app, restart: always}, db: {image: app, restart: always}}";
    bench.write("shop", two);
    bench.start();
    bench.converged("shop").await;
    bench.write("shop", SHOP);
    bench.until("it is held", |bench| bench.held("shop").contains(&"ProtectedProject")).await;
    bench.pass(600).await;
    assert!(bench.runs("shop-db-1"), "{}", bench.story());
    bench.ask(&Request::Confirm { project: Some("shop".into()) });
    bench.until("the service goes", |bench| !bench.phases().contains_key("shop-db-1")).await;
    bench.remove("shop");
    bench.pass(600).await;
    assert!(bench.runs("shop-web-1"), "what was confirmed was another: {}", bench.story());
    bench.ask(&Request::Confirm { project: None });
    bench.until("all of it goes", |bench| bench.phases().is_empty()).await;
}
