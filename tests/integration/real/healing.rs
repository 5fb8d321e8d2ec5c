//! What breaks or is altered by hand is put right.

use composelet::model::status::{ConditionKind, Truth};
use serde_json::json;

use crate::real::text::{SLEEP, file, service, sleeper};
use crate::support_real::container::Container;
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

/// A project with one service `web` that runs; the host, the project and the container.
async fn with_web(lines: &[&str]) -> (Host, String, Container) {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &sleeper(lines));
    host.start();
    host.ready(&shop).await;
    let web = host.running(&shop, "web").await;
    (host, shop, web)
}

/// Waits until the same container has begun another run.
async fn again(host: &Host, shop: &str, before: &Container) -> Container {
    let other_run = |now: &Container| now.started_at() != before.started_at();
    let now = host.running_and(shop, "web", "another run", other_run).await;
    assert_eq!(now.id(), before.id(), "started, not replaced");
    now
}

#[tokio::test]
async fn a_killed_container_is_started_again() {
    let (host, shop, web) = with_web(&["restart: unless-stopped"]).await;
    host.engine.act(web.id(), "kill");
    again(&host, &shop, &web).await;
    host.ready(&shop).await;
}

#[tokio::test]
async fn a_container_without_a_policy_is_started_again() {
    let (host, shop, web) = with_web(&[]).await;
    host.engine.act(web.id(), "kill");
    let now = again(&host, &shop, &web).await;
    assert_eq!(now.text("/HostConfig/RestartPolicy/Name"), "no", "the file's policy stays");
    host.described(&format!("{shop}/web"), &["exited with 137", "start"]).await;
}

#[tokio::test]
async fn a_container_stopped_by_hand_is_started_again_and_stop_is_named() {
    let (host, shop, web) = with_web(&["restart: unless-stopped"]).await;
    host.engine.act(web.id(), "stop?t=1");
    again(&host, &shop, &web).await;
    host.described(&format!("{shop}/web"), &["composelet stop"]).await;
}

#[tokio::test]
async fn policy_no_leaves_a_container_as_it_ended() {
    let (host, shop, web) = with_web(&[r#"restart: "no""#]).await;
    host.engine.act(web.id(), "kill");
    eventually("the failure is told", || {
        let ready = host.service_condition(&shop, "web", ConditionKind::Ready)?;
        hold(ready.status == Truth::False, || format!("{ready:?}"))
    })
    .await;
    host.pass();
    let now = host.only(&shop, "web").unwrap();
    assert_eq!((now.id(), now.state()), (web.id(), "exited"));
}

#[tokio::test]
async fn a_removed_container_is_made_again() {
    let (host, shop, web) = with_web(&[]).await;
    host.engine.remove(web.id());
    let other = |now: &Container| now.id() != web.id();
    let now = host.running_and(&shop, "web", "another container", other).await;
    assert_eq!(now.name(), web.name());
    host.ready(&shop).await;
}

#[tokio::test]
async fn a_renamed_container_gets_its_name_back() {
    let (host, shop, web) = with_web(&[]).await;
    host.engine.act(web.id(), &format!("rename?name={}", host.project("elsewhere")));
    let named = |now: &Container| now.name() == web.name();
    let now = host.running_and(&shop, "web", "its own name", named).await;
    assert_eq!((now.id(), now.started_at()), (web.id(), web.started_at()), "renamed, nothing else");
}

#[tokio::test]
async fn what_docker_update_changed_is_changed_back_live() {
    let (host, shop, web) = with_web(&["mem_limit: 64m", "restart: unless-stopped"]).await;
    let path = format!("/containers/{}/update", web.id());
    let policy = json!({ "Name": "no", "MaximumRetryCount": 0 });
    let change = json!({ "Memory": 96 << 20, "MemorySwap": 192 << 20, "RestartPolicy": policy });
    host.engine.expect("POST", &path, Some(&change));
    let right = |now: &Container| {
        now.number("/HostConfig/Memory") == 64 << 20
            && now.number("/HostConfig/MemorySwap") == web.number("/HostConfig/MemorySwap")
            && now.text("/HostConfig/RestartPolicy/Name") == "unless-stopped"
    };
    let now = host.running_and(&shop, "web", "limit and policy as declared", right).await;
    assert_eq!((now.id(), now.started_at()), (web.id(), web.started_at()), "live, not replaced");
    host.described(&format!("{shop}/web"), &["resources.memory", "restart: no -> unless-stopped"])
        .await;
}

#[tokio::test]
async fn a_disconnected_container_is_connected_again_with_its_aliases() {
    let lines = ["networks: { front: { aliases: [shopfront] }, back: {} }"];
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &format!("{}networks: {{ front: {{}}, back: {{}} }}\n", sleeper(&lines)));
    host.start();
    host.ready(&shop).await;
    let web = host.running(&shop, "web").await;
    let front = format!("{shop}_front");
    let body = json!({ "Container": web.id() });
    host.engine.expect("POST", &format!("/networks/{front}/disconnect"), Some(&body));
    let attached = |now: &Container| now.networks().len() == 2;
    let now = host.running_and(&shop, "web", "two networks", attached).await;
    let aliases = now.at("/NetworkSettings/Networks").get(&front).unwrap()["Aliases"].to_string();
    assert!(aliases.contains("shopfront") && aliases.contains("\"web\""), "{aliases}");
    host.ready(&shop).await;
}

#[tokio::test]
async fn a_paused_container_runs_on() {
    let (host, shop, web) = with_web(&[]).await;
    host.engine.act(web.id(), "pause");
    let now = host.running(&shop, "web").await;
    assert_eq!(
        (now.id(), now.started_at()),
        (web.id(), web.started_at()),
        "unpaused, not restarted"
    );
}

/// The check comes from the image, the manifest says nothing of it.
#[tokio::test]
async fn an_unhealthy_container_is_restarted_as_the_same_container() {
    let mut host = Host::new();
    let (shop, image) = (host.project("shop"), host.project("checked:1"));
    image_with_check(&host, &image);
    let command = "touch /tmp/ready; exec sleep 1000000";
    let text = file(&[service("web", command, &[])]);
    host.write(&shop, &text.replace(crate::support_real::host::IMAGE, &image));
    host.start();
    let healthy = |now: &Container| now.health() == "healthy";
    let web = host.running_and(&shop, "web", "healthy", healthy).await;
    host.ready(&shop).await;
    host.engine.exec(web.id(), &["rm", "/tmp/ready"]);
    let now = again(&host, &shop, &web).await;
    host.running_and(&shop, "web", "healthy again", healthy).await;
    assert_eq!(now.id(), web.id());
    host.described(&format!("{shop}/web"), &["unhealthy"]).await;
}

/// An image that brings a health check, made from the light one.
fn image_with_check(host: &Host, image: &str) {
    let name = host.project("for-image");
    let body = json!({
        "Image": crate::support_real::host::IMAGE,
        "Healthcheck": {
            "Test": ["CMD", "test", "-e", "/tmp/ready"],
            "Interval": 1_000_000_000_i64, "Timeout": 2_000_000_000_i64, "Retries": 2,
        },
    });
    host.engine.expect("POST", &format!("/containers/create?name={name}"), Some(&body));
    let (repo, tag) = image.split_once(':').unwrap();
    host.engine.expect("POST", &format!("/commit?container={name}&repo={repo}&tag={tag}"), None);
    host.engine.remove(&name);
}

/// Everything at once is one pass of work, not a fight.
#[tokio::test]
async fn all_containers_of_a_project_removed_at_once_come_back() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let wait = "depends_on: [db]";
    host.write(&shop, &file(&[service("app", SLEEP, &[wait]), service("db", SLEEP, &[])]));
    host.start();
    host.ready(&shop).await;
    let before = host.engine.containers_of(&shop);
    for container in &before {
        host.engine.remove(container.id());
    }
    eventually("both are new and run", || {
        let now = host.engine.containers_of(&shop);
        let new = now.iter().all(|one| before.iter().all(|old| old.id() != one.id()) && one.runs());
        hold(now.len() == 2 && new, || crate::support_real::look::lines(&now))
    })
    .await;
    host.ready(&shop).await;
}
