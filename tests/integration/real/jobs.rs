//! Jobs and schedules on the real engine.

use composelet::model::schedule::RunEnd;

use crate::real::text::{file, service};
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

/// Sleeps, and leaves at once when it is asked to.
const WAITS: &str = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
/// Notes the version that it migrates to, once it is let.
const MIGRATE: &str =
    "until test -e /data/go-$$VERSION; do sleep 0.1; done; echo $$VERSION >> /data/done";

fn versioned(version: &str) -> String {
    let environment = format!("environment: {{VERSION: '{version}'}}");
    let volume = "volumes: [\"data:/data\"]";
    let migrate = service("migrate", MIGRATE, &[&environment, volume, "x-composelet: {job: {}}"]);
    let depends = "depends_on: {migrate: {condition: service_completed_successfully}}";
    let web = service("web", WAITS, &["restart: always", &environment, volume, depends]);
    let hands = service("hands", WAITS, &["restart: always", volume]);
    format!("{}volumes: {{ data: {{}} }}\n", file(&[migrate, web, hands]))
}

#[tokio::test]
async fn a_migration_ends_before_the_service_that_waits_for_it_is_replaced() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &versioned("1"));
    host.start();
    let hands = host.running(&shop, "hands").await;
    host.engine.exec(hands.id(), &["touch", "/data/go-1"]);
    host.ready(&shop).await;
    let web = host.running(&shop, "web").await;

    host.write(&shop, &versioned("2"));
    host.described(&shop, &["DependencyNotReady", "migrate to be completed; it is running"]).await;
    let old = host.engine.container(web.id()).expect("the old version");
    assert!(old.runs(), "it serves while the migration runs: {}", old.line());
    host.engine.exec(hands.id(), &["touch", "/data/go-2"]);
    let new =
        host.running_and(&shop, "web", "is the new version", |one| one.id() != web.id()).await;
    assert!(new.environment().contains(&"VERSION=2"), "{}", new.line());
    host.ready(&shop).await;
    assert_eq!(host.engine.exec(hands.id(), &["cat", "/data/done"]), "1\n2\n");

    // Neither a removal by hand nor another controller repeats it.
    host.engine.remove(host.only(&shop, "migrate").unwrap().id());
    host.kill();
    host.start();
    host.ready(&shop).await;
    host.pass();
    assert_eq!(host.engine.exec(hands.id(), &["cat", "/data/done"]), "1\n2\n");
}

#[tokio::test]
async fn a_schedule_runs_twice_and_is_told() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let schedule = "x-composelet: {schedule: {cron: '@every 2s', history: {succeeded: 2}}}";
    let tick = service("tick", "echo tick", &[schedule]);
    let web = service("web", WAITS, &["restart: always"]);
    host.write(&shop, &file(&[tick, web]));
    host.start();
    host.ready(&shop).await;
    eventually("two runs", || {
        let status = host.status(&shop)?;
        let schedules = status.services.iter().flat_map(|one| &one.schedules);
        let ended: Vec<_> = schedules.flat_map(|one| one.history.clone()).collect();
        let good = ended.iter().filter(|run| run.end == RunEnd::Complete && run.log == ["tick"]);
        hold(good.count() == 2, || format!("{ended:?}"))
    })
    .await;
    let text = host.described(&shop, &["Schedules", "@every 2s", "Complete"]).await;
    assert!(text.contains("next run:"), "{text}");
    host.ready(&shop).await;
    eventually("what is over goes", || {
        let runs = host.containers(&shop, "tick");
        hold(runs.len() <= 3, || crate::support_real::look::lines(&runs))
    })
    .await;
}
