//! Projects that depend on others, on the real engine.

use crate::real::text::{file, service};
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

/// Healthy once somebody has made the file.
const CHECK: &str =
    "healthcheck: {test: [CMD, test, -e, /tmp/ready], interval: 1s, timeout: 1s, retries: 1000}";

/// The dependant is created and waits, starts when the other is ready, is not touched when the other falls ill, and goes first.
#[tokio::test]
async fn a_project_waits_for_another_and_is_removed_before_it() {
    let mut host = Host::new();
    let (data, shop) = (host.project("data"), host.project("shop"));
    let web = file(&[service("web", "exec sleep 1000000", &["restart: always"])]);
    host.write(&shop, &format!("x-composelet: {{depends_on_projects: [{data}]}}\n{web}"));
    host.start();
    host.described(&shop, &["DependencyNotReady", &format!("project {data}, which is not there")])
        .await;
    let command = "sleep 3; touch /tmp/ready; exec sleep 1000000";
    host.write(&data, &file(&[service("db", command, &["restart: always", CHECK])]));
    let db = host.running(&data, "db").await;
    let waiting = host.containers(&shop, "web");
    assert!(waiting.len() == 1 && !waiting[0].runs(), "created early, not started");
    host.ready(&data).await;
    host.ready(&shop).await;
    let web = host.running(&shop, "web").await;
    assert!(web.started_at() > db.started_at());
    host.described(&shop, &[&format!("project {data}, ready")]).await;

    std::fs::remove_dir_all(host.desired().join(&data)).unwrap();
    host.described(&data, &["ProjectInUse", &shop]).await;
    let before = host.engine.container(web.id()).expect("the dependant");
    assert_eq!(before.started_at(), web.started_at(), "it never stopped");
    std::fs::remove_dir_all(host.desired().join(&shop)).unwrap();
    eventually("both are gone", || {
        let left = [host.containers(&data, "db"), host.containers(&shop, "web")].concat();
        hold(left.is_empty(), || crate::support_real::look::lines(&left))
    })
    .await;
}
