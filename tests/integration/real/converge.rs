//! From nothing to what the file says, in order.

use crate::real::text::{SLEEP, file, service};
use crate::support_real::host::Host;

const CHECK: &str =
    r#"healthcheck: { test: ["CMD", "test", "-e", "/tmp/ready"], interval: 1s, retries: 30 }"#;

/// The dependent starts after its dependency is really ready, not when it runs.
#[tokio::test]
async fn a_dependent_starts_when_its_dependency_is_healthy() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let wait = "depends_on: { db: { condition: service_healthy } }";
    let slow = "sleep 2; touch /tmp/ready; exec sleep 1000000";
    host.write(&shop, &file(&[service("app", SLEEP, &[wait]), service("db", slow, &[CHECK])]));
    host.start();
    let text = host.described(&format!("{shop}/app"), &["DependencyNotReady", "db"]).await;
    assert!(text.contains("healthy"), "what it waits for:\n{text}");
    host.ready(&shop).await;

    let (app, db) = (host.running(&shop, "app").await, host.running(&shop, "db").await);
    assert_eq!(app.name(), format!("{shop}-app-1"));
    assert_eq!(app.networks(), [format!("{shop}_default")]);
    let after = seconds(app.started_at()) - seconds(db.started_at());
    assert!(after >= 2.0, "app started {after} s after db, which needs 2 s");
}

/// A one-shot dependency ends well before its dependent starts.
#[tokio::test]
async fn a_dependent_waits_for_a_job_to_complete() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let wait = "depends_on: { migrate: { condition: service_completed_successfully } }";
    let job = service("migrate", "sleep 1; echo migrated", &[]);
    host.write(&shop, &file(&[service("app", SLEEP, &[wait]), job]));
    host.start();
    host.ready(&shop).await;
    let app = host.running(&shop, "app").await;
    let job = host.only(&shop, "migrate").unwrap();
    assert_eq!((job.state(), job.number("/State/ExitCode")), ("exited", 0));
    assert!(app.started_at() > job.text("/State/FinishedAt"), "{} {}", app.line(), job.line());
}

/// Seconds of the day of an RFC 3339 text in UTC; enough for spans within a test, midnight aside.
fn seconds(text: &str) -> f64 {
    let time = text.split_once('T').unwrap().1.trim_end_matches('Z');
    time.split(':').fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().unwrap())
}
