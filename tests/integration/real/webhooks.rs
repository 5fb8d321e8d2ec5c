//! Webhooks on the real thing: a registry's notification makes a service roll at once, a forged one does nothing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use serde_json::json;

use crate::real::registry::host;
use crate::support_real::engine::Engine;
use crate::support_real::host::Host;
use crate::support_real::registry::{Access, PASSWORD, Registry};
use crate::support_real::wait::{eventually, hold};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// An address that nobody listens on now.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A host whose controller listens for notifications of a registry.
fn listening(registry: &Registry, address: SocketAddr) -> Host {
    let mut host = host(&registry.configuration("pull", &registry.auths(PASSWORD)), None);
    let settings = host.aside().join("composelet.yaml");
    let text = format!(
        "webhooks:\n  listen: {address}\n  hooks:\n    - {{name: reg, forge: registry, secrets: [{{env: HOOK_SECRET}}]}}\n"
    );
    std::fs::write(&settings, text).unwrap();
    host.environment.push(("HOOK_SECRET".to_owned(), SECRET.to_owned()));
    host.arguments = vec!["--config".to_owned(), settings.to_str().unwrap().to_owned()];
    host
}

/// Sends what Distribution sends after a push, and reads the status of the answer.
fn notify(address: SocketAddr, registry: &Registry, secret: &str) -> String {
    let target = json!({"repository": "app", "tag": "1"});
    let event =
        json!({"action": "push", "target": target, "request": {"host": registry.address()}});
    let body = json!({ "events": [event] }).to_string();
    let kind = "application/vnd.docker.distribution.events.v1+json";
    let length = body.len();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /hooks/reg HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {secret}\r\n\
         content-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn a_notification_of_a_registry_is_rolled_out_at_once() {
    let registry = Registry::start(&Engine::connect(), Access::Login).await;
    let first = registry.push("app:1", "one");
    let address = free_address();
    let mut host = listening(&registry, address);
    let shop = host.project("shop");
    let image = registry.image("app:1");
    host.write(
        &shop,
        &format!(
            "services:\n  web:\n    image: {image}\n    init: true\n    command: [sh, -c, exec sleep 1000000]\n    \
             deploy: {{update_config: {{monitor: 1s}}}}\n    \
             x-composelet: {{image_update: {{policy: digest, interval: 24h, minimum_age: 1ms}}}}\n"
        ),
    );
    host.start();
    host.ready(&shop).await;
    host.running_and(&shop, "web", "the first image", |now| now.text("/Image") == first).await;
    eventually("the listener is there", || {
        hold(TcpStream::connect(address).is_ok(), || "nobody listens".to_owned())
    })
    .await;

    let second = registry.push("app:1", "two");
    assert_eq!(notify(address, &registry, &SECRET.replace('0', "1")), "401");
    eventually("the refusal is told", || {
        let told = host.expect(&["webhooks"]);
        hold(told.contains("refused") && !told.contains(SECRET), || told.clone())
    })
    .await;
    assert_eq!(host.running(&shop, "web").await.text("/Image"), first);

    let begin = tokio::time::Instant::now();
    assert_eq!(notify(address, &registry, SECRET), "202");
    host.running_and(&shop, "web", "the second image", |now| now.text("/Image") == second).await;
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
    eventually("the log has both", || {
        let told = host.expect(&["webhooks"]);
        let both = told.contains("accepted") && told.contains("refused") && !told.contains(SECRET);
        hold(both, || told.clone())
    })
    .await;
}
