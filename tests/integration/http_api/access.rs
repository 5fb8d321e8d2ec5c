//! Who may read and who may write: n tries without a token, and pages of browsers.

use std::time::Duration;

use composelet::http::{Peer, ROUTES, Tokens};

use super::bench::{Api, LOCAL, READ, SOCKET, WRITE, request, settings};

/// Paths of every route that writes.
fn writes() -> Vec<String> {
    let posts = ROUTES.iter().filter(|(method, _)| *method == "POST");
    posts.map(|(_, path)| path.replace("{project}", "shop")).collect()
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// Nothing was asked of the controller, and nothing changed.
async fn nothing_came_of_it(api: &Api, calls: usize) {
    api.host.pass(5).await;
    assert_eq!(api.host.engine.mutating_calls(), calls, "{}", api.host.story());
    let history = api.host.ledger().history(&"shop".into(), 500);
    assert!(history.iter().all(|record| !record.plan.starts_with("by hand")), "{history:?}");
}

#[tokio::test(start_paused = true)]
async fn no_write_goes_through_without_a_token() {
    let api = Api::shop(9711).await;
    let calls = api.host.engine.mutating_calls();
    let near = bearer(&WRITE[..WRITE.len() - 1]);
    let (long, read) = (bearer(&format!("{WRITE}0")), bearer(READ));
    let (upper, basic) = (bearer(&WRITE.to_uppercase()), format!("Basic {WRITE}"));
    let sent = ["", "Bearer ", "Bearer", WRITE, &near, &long, &read, &upper, &basic];
    let bodies = ["{}", r#"{"reason":"x"}"#, "", "not json", r#"{"service":"web"}"#];
    let mut tries = 0;
    for path in writes() {
        for authorization in sent {
            for body in bodies {
                for kind in ["application/json", "text/plain", ""] {
                    let headers = [("authorization", authorization), ("content-type", kind)];
                    // Each from an address of its own, so that none is turned away for the failures of another.
                    let peer = Peer::Tcp(std::net::Ipv4Addr::from_bits(0x0a00_0000 + tries).into());
                    let reply = api.raw(peer, &request("POST", &path, &headers, body)).await;
                    assert!([401, 403].contains(&reply.status), "{path} {headers:?} {reply:?}");
                    tries += 1;
                }
            }
        }
    }
    assert!(tries > 900, "{tries} tries");
    nothing_came_of_it(&api, calls).await;
    let right = [("authorization", &*bearer(WRITE)), ("content-type", "application/json")];
    let reply = request("POST", "/api/v1/projects/shop/reconcile", &right, "{}");
    assert_eq!(api.raw(LOCAL, &reply).await.status, 202);
}

#[tokio::test(start_paused = true)]
async fn without_a_write_token_nobody_writes_over_tcp() {
    let mut settings = settings();
    settings.tokens = Tokens::default();
    let api = Api::of(Api::shop(9712).await.host, settings);
    let calls = api.host.engine.mutating_calls();
    for path in writes() {
        for token in ["", "Bearer x"] {
            let headers = [("authorization", token), ("content-type", "application/json")];
            let reply = api.raw(LOCAL, &request("POST", &path, &headers, "{}")).await;
            assert!([401, 403].contains(&reply.status), "{path} {reply:?}");
        }
    }
    nothing_came_of_it(&api, calls).await;
    let read = request("GET", "/api/v1/projects", &[], "");
    assert_eq!(api.raw(LOCAL, &read).await.status, 200, "this host may read");
}

#[tokio::test(start_paused = true)]
async fn a_hostile_page_neither_reads_nor_writes() {
    let api = Api::shop(9713).await;
    let calls = api.host.engine.mutating_calls();
    let token = bearer(WRITE);
    let pages: [&[(&str, &str)]; 7] = [
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1:9456")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("host", "evil.example:9456")],
        &[("host", "evil.example"), ("origin", "http://evil.example")],
    ];
    for page in pages {
        // Even with a token that a person left somewhere: no page is ours.
        for authorization in ["", &token] {
            let headers = [page, &[("authorization", authorization)]].concat();
            for (method, path) in ROUTES {
                let path = path.replace("{project}", "shop").replace("{service}", "web");
                let path = path.replace("{id}", "00000001-000000000000");
                // What a form can send without being asked, and what a script would.
                for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json"]
                {
                    let headers = [&headers[..], &[("content-type", kind)]].concat();
                    let body = if *method == "POST" { "{}" } else { "" };
                    let reply = api.raw(LOCAL, &request(method, &path, &headers, body)).await;
                    assert!([403, 421].contains(&reply.status), "{headers:?} {path} {reply:?}");
                    assert!(!reply.head.contains("access-control-allow"), "{reply:?}");
                }
                let preflight =
                    [&headers[..], &[("access-control-request-method", "POST")]].concat();
                let reply = api.raw(LOCAL, &request("OPTIONS", &path, &preflight, "")).await;
                assert!([403, 421].contains(&reply.status), "{reply:?}");
            }
        }
    }
    nothing_came_of_it(&api, calls).await;
    // A page cannot reach the socket, and what looks like one is refused there too.
    let reply = request("GET", "/livez", &[("origin", "https://evil.example")], "");
    assert_eq!(api.raw(SOCKET, &reply).await.status, 403);
    let named = [("host", "ops.example.com"), ("authorization", token.as_str())];
    assert_eq!(api.raw(LOCAL, &request("GET", "/api/v1/version", &named, "")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn invariant_17_no_answer_shows_a_value_of_a_container() {
    const VALUE: &str = "canary-7d1c0f52a9";
    let mut host = crate::simulation::bench::Bench::new(9715);
    let text = |value: &str| {
        format!(
            "services: {{web: {{image: app, environment: {{TOKEN: {value}}}, command: [serve, --key={value}]}}}}"
        )
    };
    host.write("shop", &text(VALUE));
    host.start();
    host.converged("shop").await;
    // A replacement because of it stands in history, events and metrics.
    host.write("shop", &text(&format!("{VALUE}-new")));
    host.pass(30).await;
    host.converged("shop").await;
    let api = Api::of(host, settings());
    for (_, path) in
        ROUTES.iter().filter(|(method, path)| *method == "GET" && !path.ends_with("/events"))
    {
        let path = path.replace("{project}", "shop").replace("{service}", "web");
        let path = path.replace("{id}", "00000001-000000000000");
        let reply = api.get(&path).await;
        assert!(!reply.body.contains(VALUE), "{path}: {reply:?}");
    }
    let history = api.get("/api/v1/projects/shop/history?last=500").await.body;
    assert!(history.contains("environment.TOKEN") && !history.contains(VALUE), "{history}");
}

#[tokio::test(start_paused = true)]
async fn reading_takes_a_token_where_one_is_set_and_health_none() {
    let api = Api::shop(9714).await;
    for (method, path) in ROUTES.iter().filter(|(method, _)| *method == "GET") {
        let path = path.replace("{project}", "shop").replace("{service}", "web");
        let path = path.replace("{id}", "00000001-000000000000");
        let bare = api.raw(LOCAL, &request(method, &path, &[], "")).await;
        let open = ["/livez", "/readyz"].contains(&path.as_str());
        assert_eq!(bare.status, if open { 200 } else { 401 }, "{path} {bare:?}");
        assert_eq!(bare.head.contains("www-authenticate: bearer"), !open, "{bare:?}");
        assert!(open || !bare.body.contains("shop"), "{bare:?}");
    }
    let token = bearer(READ);
    let read = request("GET", "/api/v1/projects", &[("authorization", &token)], "");
    assert_eq!(api.raw(LOCAL, &read).await.status, 200);
    api.host.engine.restart_daemon(Duration::from_secs(60));
    api.host.pass(30).await;
    let strangers = api.raw(LOCAL, &request("GET", "/readyz", &[], "")).await;
    assert!(strangers.body.contains("[-]engine failed: reason withheld"), "{strangers:?}");
}
