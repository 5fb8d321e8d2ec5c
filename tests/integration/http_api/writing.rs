//! Requests come to the controller as those of the command line do, and the history says who.

use serde_json::json;

use super::bench::{Api, LOCAL, WRITE, request};

#[tokio::test(start_paused = true)]
async fn a_stop_stops_a_start_starts_and_both_stand_in_the_history() {
    let api = Api::shop(9721).await;
    let body = r#"{"reason": "new disk"}"#;
    let reply = api.post("/api/v1/projects/shop/stop", body).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let asked = reply.json();
    assert_eq!((&asked["project"], &asked["action"]), (&json!("shop"), &json!("stop")));
    let place = format!("/api/v1/requests/{}", asked["id"].as_str().unwrap());
    assert!(reply.head.contains(&format!("location: {place}")), "{reply:?}");
    let waiting = api.get(&place).await.json();
    assert_eq!(waiting["state"], json!("waiting"), "{waiting}");
    api.host.until("all is down", |host| !host.runs("shop-web-1") && !host.runs("shop-db-1")).await;
    for _ in 0..2 {
        let done = api.get(&place).await.json();
        let shown = (&done["state"], &done["answer"]);
        assert_eq!(shown, (&json!("done"), &json!("stopping")), "it can be asked again");
    }
    let shop = api.get("/api/v1/projects/shop").await.json();
    assert!(shop["holds"].to_string().contains("new disk"), "{shop}");
    let started = api.post("/api/v1/projects/shop/start", "{}").await;
    assert_eq!(started.status, 202, "{started:?}");
    api.host.converged("shop").await;

    let history = api.get("/api/v1/projects/shop/history?last=50").await.json().to_string();
    assert!(history.contains("uid 1000 through the API: stop, reason: new disk"), "{history}");
    assert!(history.contains("uid 1000 through the API: start"), "{history}");
    let headers =
        [("authorization", &*format!("Bearer {WRITE}")), ("content-type", "application/json")];
    let one = request("POST", "/api/v1/projects/shop/reconcile", &headers, "{}");
    assert_eq!(api.raw(LOCAL, &one).await.status, 202);
    let history = api.get("/api/v1/projects/shop/history").await.json().to_string();
    assert!(history.contains("the write token through the API, from 127.0.0.1"), "{history}");
    assert!(!history.contains(WRITE), "{history}");
}

#[tokio::test(start_paused = true)]
async fn a_suspension_ends_by_itself_or_by_resume() {
    let api = Api::shop(9722).await;
    let until = api.host.wall().plus(std::time::Duration::from_secs(600));
    let body = format!(r#"{{"service": "web", "reason": "look", "until": "{until}"}}"#);
    let reply = api.post("/api/v1/projects/shop/suspend", &body).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    api.host.until("it is suspended", |host| host.held("shop").contains(&"Suspended")).await;
    let web = api.get("/api/v1/projects/shop/services/web").await.json();
    let hold = web["holds"].as_array().unwrap().iter().find(|hold| hold["reason"] == "Suspended");
    assert_eq!(hold.unwrap()["until"], json!(until.to_string()), "{web}");
    let reply = api.post("/api/v1/projects/shop/resume", r#"{"service": "web"}"#).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    api.host.until("it goes on", |host| !host.held("shop").contains(&"Suspended")).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_controller_refuses_is_told_by_the_request() {
    let api = Api::shop(9723).await;
    let asked = api.post("/api/v1/projects/shop/promote", "{}").await;
    assert_eq!(asked.status, 202, "{asked:?}");
    let place = format!("/api/v1/requests/{}", asked.json()["id"].as_str().unwrap());
    api.host.pass(5).await;
    let refused = api.get(&place).await.json();
    assert_eq!(refused["state"], json!("refused"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn bodies_that_mean_nothing_are_refused_with_the_reason() {
    let api = Api::shop(9724).await;
    let calls = api.host.engine.mutating_calls();
    for (verb, body, status, said) in [
        ("stop", "{}", 400, "reason: expected"),
        ("stop", r#"{"reason": " "}"#, 400, "reason: expected"),
        ("stop", r#"{"reason": "a\nb"}"#, 400, "reason: expected"),
        ("stop", r#"{"reason": 3}"#, 400, "the body: invalid type"),
        ("stop", r#"{"reason": "x", "until": "soon"}"#, 400, "until: expected"),
        ("stop", r#"{"reason": "x", "until": "2001-01-01T00:00:00Z"}"#, 400, "until: it has"),
        ("stop", r#"{"reason": "x", "service": "none"}"#, 404, "no such service"),
        ("stop", r#"{"reason": "x", "srvice": "web"}"#, 400, "unknown field `srvice`"),
        ("reconcile", r#"{"service": "web"}"#, 400, "`service` means nothing to reconcile"),
        ("rollback", r#"{"to": 99}"#, 404, "no revision 99"),
        ("rollback", r#"{"to": -1}"#, 400, "the body: "),
        ("start", "", 400, "the body: "),
        ("start", r#"{"service": null}"#, 400, "the body: "),
        ("start", "[]", 400, "the body: "),
        ("start", "{", 400, "the body: "),
    ] {
        let reply = api.post(&format!("/api/v1/projects/shop/{verb}"), body).await;
        assert_eq!(reply.status, status, "{verb} {body} {reply:?}");
        assert!(reply.json()["detail"].as_str().unwrap().contains(said), "{body} {reply:?}");
    }
    let none = api.post("/api/v1/projects/none/start", "{}").await;
    assert_eq!(none.status, 404, "{none:?}");
    api.host.pass(5).await;
    assert_eq!(api.host.engine.mutating_calls(), calls);
    assert!(api.host.ledger().take_requests().is_empty());
}
