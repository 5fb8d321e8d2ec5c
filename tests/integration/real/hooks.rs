//! Hooks on the real engine: after the start, before the stop, and in containers of their own.

use std::fs;

use crate::real::text::{file, service};
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

/// Sleeps, and leaves at once when it is asked to.
const WAITS: &str = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

#[tokio::test]
async fn hooks_after_the_start_run_once_for_each_start_with_what_is_written() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let hook = "post_start: [{command: [sh, -c, 'echo $$WHO in $$PWD >> /tmp/said'], environment: {WHO: me}, working_dir: /tmp, user: \"0\"}]";
    host.write(&shop, &file(&[service("web", WAITS, &["restart: always", "user: '1000'", hook])]));
    host.start();
    host.ready(&shop).await;
    let web = host.running(&shop, "web").await;
    assert_eq!(host.engine.exec(web.id(), &["cat", "/tmp/said"]).trim(), "me in /tmp");
    host.kill();
    host.start();
    host.ready(&shop).await;
    host.pass();
    assert_eq!(host.engine.exec(web.id(), &["cat", "/tmp/said"]).trim(), "me in /tmp");
    host.engine.act(web.id(), "restart");
    eventually("the hook of the second run", || {
        let said = host.engine.exec(web.id(), &["cat", "/tmp/said"]);
        hold(said.lines().count() == 2, || said)
    })
    .await;
}

#[tokio::test]
async fn a_failing_hook_is_told_without_its_secrets_and_tried_again() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let hook = "post_start: [{command: [sh, -c, 'test -e /tmp/go || { echo want $$TOKEN; exit 7; }'], environment: {TOKEN: hunter2hunter2}}]";
    let web = service("web", WAITS, &["restart: always", hook]);
    let after = service("after", WAITS, &["restart: always", "depends_on: [web]"]);
    host.write(&shop, &file(&[web, after]));
    host.start();
    let text = host.described(&shop, &["exit code 7; want ***", "FailedPostStartHook"]).await;
    assert!(!text.contains("hunter2hunter2"), "{text}");
    let waits = host.only(&shop, "after").unwrap();
    assert!(!waits.runs(), "{}", waits.line());
    let web = host.running(&shop, "web").await;
    host.engine.exec(web.id(), &["touch", "/tmp/go"]);
    host.ready(&shop).await;
    host.running(&shop, "after").await;
}

#[tokio::test]
async fn a_removed_project_is_drained_first() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let lines = [
        "restart: always",
        "volumes: [\"data:/data\"]",
        "pre_stop: [{command: [touch, /data/drained]}]",
    ];
    let text = format!("{}volumes: {{ data: {{}} }}\n", file(&[service("web", WAITS, &lines)]));
    host.write(&shop, &text);
    host.start();
    host.ready(&shop).await;
    fs::remove_file(host.manifest(&shop)).unwrap();
    eventually("it is gone", || {
        let left = host.engine.containers_of(&shop);
        hold(left.is_empty(), || crate::support_real::look::lines(&left))
    })
    .await;
    // The volume stays: who comes back finds what the hook left.
    host.write(&shop, &text);
    let web = host.running(&shop, "web").await;
    assert_eq!(host.engine.exec(web.id(), &["ls", "/data"]).trim(), "drained");
}

#[tokio::test]
async fn steps_before_the_start_share_its_volumes_and_networks_and_are_gone() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let steps = "pre_start: [{command: [sh, -c, 'hostname -i > /data/one']}, {command: [sh, -c, 'cat /data/one > /data/two']}]";
    let lines = ["restart: always", "volumes: [\"data:/data\"]", steps];
    host.write(
        &shop,
        &format!("{}volumes: {{ data: {{}} }}\n", file(&[service("web", WAITS, &lines)])),
    );
    host.start();
    host.ready(&shop).await;
    let web = host.running(&shop, "web").await;
    let seen = host.engine.exec(web.id(), &["cat", "/data/two"]);
    assert!(seen.contains('.'), "an address: {seen}");
    let all = host.engine.containers_of(&shop);
    assert_eq!(all.len(), 1, "{}", crate::support_real::look::lines(&all));
    host.settled(&shop).await;
}
