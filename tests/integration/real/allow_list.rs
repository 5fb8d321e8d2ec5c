//! A controller behind a socket proxy that lets through what docs/engine-api.md lists, and nothing else.

use std::fs;
use std::path::Path;

use crate::engine_calls::allowed;
use crate::fault_proxy::{Fault, Proxy, Reply, Rule};
use crate::real::text::SLEEP;
use crate::support_real::engine::Engine;
use crate::support_real::host::{Host, IMAGE};
use crate::support_real::wait::{eventually, hold};

const REFUSED: u16 = 403;

/// A proxy before the engine that admits the list.
fn fence(host: &Host) -> Proxy {
    let proxy = Proxy::start(&host.aside().join("fence.sock"), host.engine.socket());
    for call in allowed() {
        // Here a star stands for anything, slashes included; `/containers/*` must not let `/containers/x/export` through.
        let path = call.path.replace("**", "*");
        if call.path.ends_with("/*") {
            proxy.rule(Rule::on(&call.method, &format!("{path}/*"), refuse()));
        }
        proxy.rule(Rule::on(&call.method, &path, Fault::Pass));
    }
    proxy.rule(Rule::on("*", "*", refuse()));
    proxy
}

fn refuse() -> Fault {
    Fault::Answer(Reply::new(REFUSED, "this call is not allowed"))
}

fn refused(proxy: &Proxy) -> Vec<String> {
    let calls = proxy.calls().into_iter().filter(|call| call.status == Some(REFUSED));
    calls.map(|call| format!("{} {}", call.method, call.path)).collect()
}

const SHOP: &str = "
services:
  web:
    image: ct-image
    command: [sh, -c, 'SLEEP']
    stop_grace_period: 1s
    environment: {VERSION: \"1\"}
    labels: {touched: \"no\"}
    restart: unless-stopped
    healthcheck: {test: [CMD, \"true\"], interval: 60s}
    volumes: ['./www:/www:ro', 'data:/data']
    networks: [inner, outer]
    post_start: [{command: [\"true\"]}]
  worker:
    image: ct-built
    build: {context: ./worker}
    stop_grace_period: 1s
    command: [sh, -c, 'SLEEP']
    restart: unless-stopped
    depends_on: {web: {condition: service_healthy}}
networks: {inner: {}, outer: {}}
volumes: {data: {}}
";

fn shop(host: &Host, shop: &str) -> String {
    let text = SHOP.replace("ct-image", IMAGE).replace("ct-built", &format!("{shop}-built:1"));
    let directory = host.desired().join(shop);
    fs::create_dir_all(directory.join("www")).unwrap();
    fs::create_dir_all(directory.join("worker")).unwrap();
    fs::write(directory.join("worker/Dockerfile"), format!("FROM {IMAGE}\nLABEL a=b\n")).unwrap();
    text.replace("SLEEP", SLEEP)
}

#[tokio::test]
async fn a_controller_behind_exactly_the_list_lacks_nothing() {
    let mut host = Host::new();
    let proxy = fence(&host);
    host.address = Some(proxy.address());
    let project = host.project("shop");
    host.write(&project, &shop(&host, &project));
    host.start();
    host.ready(&project).await;
    let web = host.running(&project, "web").await;

    // Healed: killed, frozen, detached, limited by hand.
    host.engine.act(web.id(), "kill");
    let again =
        |now: &crate::support_real::container::Container| now.started_at() != web.started_at();
    host.running_and(&project, "web", "another run", again).await;
    host.engine.act(web.id(), "pause");
    host.running(&project, "web").await;
    let policy = serde_json::json!({ "RestartPolicy": { "Name": "no" } });
    host.engine.expect("POST", &format!("/containers/{}/update", web.id()), Some(&policy));
    let mended = |now: &crate::support_real::container::Container| {
        now.text("/HostConfig/RestartPolicy/Name") == "unless-stopped"
    };
    host.running_and(&project, "web", "its policy again", mended).await;
    let who = serde_json::json!({ "Container": web.id(), "Force": true });
    let network = format!("/networks/{project}_outer/disconnect");
    host.engine.expect("POST", &network, Some(&who));
    host.running_and(&project, "web", "attached again", |now| now.networks().len() == 2).await;
    host.ready(&project).await;

    // Updated, and removed.
    host.edit(&project, "VERSION: \"1\"", "VERSION: \"2\"");
    let newer =
        |now: &crate::support_real::container::Container| now.environment().contains(&"VERSION=2");
    host.running_and(&project, "web", "the new version", newer).await;
    host.ready(&project).await;
    fs::remove_dir_all(host.desired().join(&project)).unwrap();
    eventually("the project is gone", || {
        let left = host.engine.containers_of(&project);
        hold(left.is_empty() && !host.has("networks", &format!("{project}_inner")), || {
            format!("{} containers", left.len())
        })
    })
    .await;
    assert_eq!(refused(&proxy), Vec::<String>::new());
    assert!(proxy.changes().len() > 15, "{:#?}", proxy.lines());

    // And the fence is one.
    let beyond = Engine::at(Path::new(proxy.address().trim_start_matches("unix://")));
    for (method, path) in [
        ("GET", "/containers/x/export"),
        ("POST", "/containers/x/attach"),
        ("DELETE", "/volumes/x"),
        ("POST", "/volumes/prune"),
        ("GET", "/secrets"),
        ("POST", "/commit"),
        ("POST", "/swarm/init"),
        ("POST", "/auth"),
    ] {
        let answer = beyond.call(method, path, None).unwrap();
        assert_eq!(answer.status, REFUSED, "{method} {path}: {}", answer.body);
    }
}
