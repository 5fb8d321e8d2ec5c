//! What is read is what is published.

use std::time::Duration;

use serde_json::json;

use super::bench::{Api, SHOP};
use crate::simulation::bench::Bench;

fn ready(conditions: &serde_json::Value) -> &str {
    let mut all = conditions.as_array().unwrap().iter();
    all.find(|one| one["type"] == "Ready").unwrap()["status"].as_str().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_project_says_how_it_is_and_what_it_waits_for() {
    let api = Api::shop(9701).await;
    let list = api.get("/api/v1/projects").await;
    assert_eq!(list.status, 200, "{list:?}");
    let list = list.json();
    let shop = &list["projects"][0];
    assert_eq!((&shop["name"], &shop["ready"]), (&json!("shop"), &json!("True")), "{shop}");
    assert_eq!((&shop["services"], &shop["ready_services"]), (&json!(2), &json!(2)));

    let shop = api.get("/api/v1/projects/shop").await.json();
    let published = api.host.status("shop").unwrap();
    assert_eq!(shop["generation"], json!(published.generation));
    assert_eq!(shop["observed_generation"], json!(published.generation));
    assert_eq!(ready(&shop["conditions"]), "True");
    for field in ["status", "reason", "message", "since", "observed_generation"] {
        assert!(!shop["conditions"][0][field].is_null(), "{field}: {shop}");
    }
    assert_eq!(shop["revision"]["digest"], json!(published.revisions.last().unwrap().digest));

    let web = api.get("/api/v1/projects/shop/services/web").await.json();
    let replicas = json!({"desired": 1, "running": 1, "available": 1, "ready": 1});
    assert_eq!(web["replicas"], replicas);
    assert_eq!(web["containers"][0]["name"], json!("shop-web-1"));
    assert_eq!(web["revision"], json!(published.services[1].revision));
    assert!(web["image_id"].as_str().unwrap().starts_with("sha256:"), "{web}");

    let history = api.get("/api/v1/projects/shop/history?last=5").await.json();
    let actions = history["records"].to_string();
    assert!(actions.contains("CreateContainer") && actions.contains("shop-web-1"), "{history}");
}

#[tokio::test(start_paused = true)]
async fn a_hold_has_its_reason_and_its_instant() {
    let mut host = Bench::new(9702);
    host.write("none", "services: {web: {image: 'missing:1', pull_policy: never}}");
    host.start();
    host.until("it is held", |host| !host.held("none").is_empty()).await;
    let api = Api::of(host, super::bench::settings());
    let none = api.get("/api/v1/projects/none").await.json();
    let shown = &none["holds"][0];
    let held = api.host.status("none").unwrap().held.remove(0);
    assert_eq!(shown["reason"], json!(held.waiting_on.code()), "{none}");
    assert_eq!(shown["subject"], json!(held.subject.to_string()));
    assert_eq!(shown["until"], json!(held.until.map(|until| until.to_string())));
    assert_eq!(ready(&none["conditions"]), "False");
    let web = api.get("/api/v1/projects/none/services/web").await.json();
    assert_eq!(web["replicas"]["running"], json!(0));
    assert_eq!(web["holds"], none["holds"], "the hold of a service is among those of its project");
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_not_shown_and_what_is_unknown_is_unknown() {
    let api = Api::shop(9703).await;
    for path in [
        "/api/v1/projects/none",
        "/api/v1/projects/none/history",
        "/api/v1/projects/shop/services/none",
        "/api/v1/projects/shop/none",
        "/api/v1/requests/00000009-000000000000",
        "/",
    ] {
        let reply = api.get(path).await;
        assert_eq!(reply.status, 404, "{path} {reply:?}");
        assert!(reply.head.contains("application/problem+json"), "{reply:?}");
    }
    api.host.engine.restart_daemon(Duration::from_secs(60));
    api.host.pass(30).await;
    let shop = api.get("/api/v1/projects/shop").await.json();
    assert_eq!(ready(&shop["conditions"]), "Unknown", "{shop}");
    let readyz = api.get("/readyz").await;
    assert_eq!(readyz.status, 503);
    assert!(readyz.body.contains("[-]engine failed: "), "{readyz:?}");
    assert_eq!(api.get("/livez").await.status, 200, "the process does its work");
    api.host.pass(60).await;
    api.host.converged("shop").await;
    assert_eq!(api.get("/readyz").await.body, "ok");
    api.host.remove("shop");
    api.host.until("it is gone", |host| host.status("shop").is_none()).await;
    assert_eq!(api.get("/api/v1/projects").await.json()["projects"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn ready_comes_with_the_first_passes_and_live_goes_with_the_loop() {
    let mut host = Bench::new(9704);
    host.write("shop", SHOP);
    host.start();
    let mut api = Api::of(host, super::bench::settings());
    let first = api.get("/readyz?verbose").await;
    assert_eq!(first.status, 503, "{first:?}");
    assert!(first.body.contains("[-]desired-state failed"), "{first:?}");
    api.host.converged("shop").await;
    let verbose = api.get("/readyz?verbose").await;
    assert_eq!(verbose.status, 200);
    for check in ["loop", "lock", "engine", "desired-state", "first-passes"] {
        assert!(verbose.body.contains(&format!("[+]{check} ok")), "{verbose:?}");
    }
    // The process goes on while its loop is gone.
    api.host.kill().await;
    api.host.pass(50).await;
    assert_eq!(api.get("/livez").await.status, 200);
    api.host.pass(20).await;
    let stuck = api.get("/livez").await;
    assert_eq!(stuck.status, 503, "{stuck:?}");
    assert!(stuck.body.contains("the loop has not turned for 7"), "{stuck:?}");
}
