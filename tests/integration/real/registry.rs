//! Pulls from a real registry: logins, tags that move, registries that go away.

use std::path::Path;

use composelet::model::status::{ConditionKind, Truth};
use serde_json::{Value, json};

use crate::support_real::container::Container;
use crate::support_real::host::Host;
use crate::support_real::registry::{Access, PASSWORD, Registry};
use crate::support_real::wait::{eventually, hold};

fn manifest(image: &str, policy: &str) -> String {
    format!(
        "services:\n  web:\n    image: {image}\n    pull_policy: {policy}\n    init: true\n    command: [\"sh\", \"-c\", \"exec sleep 1000000\"]\n"
    )
}

/// A host whose controller reads this Docker configuration.
pub(super) fn host(configuration: &Path, path: Option<&Path>) -> Host {
    let mut host = Host::new();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    host.environment.push(("DOCKER_CONFIG".to_owned(), text(configuration)));
    if let Some(path) = path {
        let before = std::env::var("PATH").unwrap_or_default();
        host.environment.push(("PATH".to_owned(), format!("{}:{before}", text(path))));
    }
    host
}

/// Brings one service up with a configuration and looks at what it was made from.
async fn is_pulled(registry: &Registry, config: &Value, helpers: Option<&Path>) {
    let id = registry.push("app:1", "one");
    let mut host = host(&registry.configuration("pull", config), helpers);
    let shop = host.project("shop");
    host.write(&shop, &manifest(&registry.image("app:1"), "always"));
    host.start();
    host.ready(&shop).await;
    let web = host.running(&shop, "web").await;
    assert_eq!(web.text("/Image"), id);
    host.described(&format!("{shop}/web"), &[&id, "Digest:       sha256:"]).await;
    let told = host.expect(&["history", &shop]);
    assert!(told.contains(&format!("is {id}, in the registry sha256:")), "{told}");
}

#[tokio::test]
async fn an_image_is_pulled_with_the_login_of_the_docker_configuration() {
    let engine = crate::support_real::engine::Engine::connect();
    let registry = Registry::start(&engine, Access::Login).await;
    is_pulled(&registry, &registry.auths(PASSWORD), None).await;
}

#[tokio::test]
async fn an_image_is_pulled_with_the_login_of_a_helper() {
    let engine = crate::support_real::engine::Engine::connect();
    let registry = Registry::start(&engine, Access::Login).await;
    let helpers = registry.helper("test");
    let of_registry = json!({ "credHelpers": { registry.address(): "test" } });
    is_pulled(&registry, &of_registry, Some(&helpers)).await;
    is_pulled(&registry, &json!({ "credsStore": "test" }), Some(&helpers)).await;
}

#[tokio::test]
async fn a_refused_login_is_told_with_its_mend() {
    let engine = crate::support_real::engine::Engine::connect();
    let registry = Registry::start(&engine, Access::Login).await;
    registry.push("app:1", "one");
    let mut host = host(&registry.configuration("pull", &registry.auths("wrong")), None);
    let shop = host.project("shop");
    host.write(&shop, &manifest(&registry.image("app:1"), "missing"));
    host.start();
    host.described(&format!("{shop}/web"), &["ImagePullUnauthorized", "docker login"]).await;
    // A helper that is not there is told as well: without it the registry is asked as nobody.
    registry.configuration("pull", &json!({ "credsStore": "not-there" }));
    host.expect(&["reconcile", &shop]);
    host.described(&format!("{shop}/web"), &["ImagePullUnauthorized", "on the PATH"]).await;
    registry.configuration("pull", &registry.auths(PASSWORD));
    host.expect(&["reconcile", &shop]);
    host.ready(&shop).await;
}

#[tokio::test]
async fn a_moved_tag_is_picked_up_and_a_registry_that_is_down_degrades() {
    let engine = crate::support_real::engine::Engine::connect();
    let mut registry = Registry::start(&engine, Access::Open).await;
    let first = registry.push("app:1", "one");
    let mut host = host(&registry.configuration("pull", &json!({})), None);
    let shop = host.project("shop");
    host.write(&shop, &manifest(&registry.image("app:1"), "every_2s"));
    host.start();
    host.ready(&shop).await;
    assert_eq!(host.running(&shop, "web").await.text("/Image"), first);

    let second = registry.push("app:1", "two");
    let moved = |now: &Container| now.text("/Image") == second;
    let web = host.running_and(&shop, "web", "the new image", moved).await;
    host.ready(&shop).await;

    registry.stop();
    eventually("Degraded, and still available", || {
        let degraded = host.service_condition(&shop, "web", ConditionKind::Degraded)?;
        let available = host.service_condition(&shop, "web", ConditionKind::Available)?;
        let both = degraded.status == Truth::True && available.status == Truth::True;
        hold(both && degraded.reason == "ImageRefreshFailed", || {
            format!("{degraded:?} {available:?}")
        })
    })
    .await;
    let now = host.only(&shop, "web").unwrap();
    assert_eq!((now.id(), now.started_at()), (web.id(), web.started_at()));

    registry.resume().await;
    host.expect(&["reconcile", &shop]);
    eventually("not degraded any more", || {
        let degraded = host.service_condition(&shop, "web", ConditionKind::Degraded)?;
        hold(degraded.status == Truth::False, || format!("{degraded:?}"))
    })
    .await;
    let now = host.only(&shop, "web").unwrap();
    assert_eq!((now.id(), now.started_at()), (web.id(), web.started_at()));
}
