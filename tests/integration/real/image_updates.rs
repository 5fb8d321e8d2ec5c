//! Images that move, with a real registry behind a login: a newer version comes, a bad one goes back, staging's image
//! becomes production's.

use composelet::model::revision::Verdict;
use serde_json::json;

use crate::real::registry::host;
use crate::support_real::container::Container;
use crate::support_real::engine::Engine;
use crate::support_real::host::Host;
use crate::support_real::registry::{Access, PASSWORD, Registry};
use crate::support_real::wait::{eventually, hold};

/// Where the image sets `BAD` its container ends at once.
fn manifest(image: &str, update: &str) -> String {
    format!(
        "
services:
  web:
    image: {image}
    init: true
    command: [\"sh\", \"-c\", \"test -z $$BAD && exec sleep 1000000\"]
    deploy: {{update_config: {{monitor: 2s}}}}
    x-composelet: {{{update}}}
"
    )
}

/// Waits until a revision has held.
async fn stable(host: &Host, project: &str, number: u64) {
    eventually(&format!("revision {number} of {project} holds"), || {
        let status = host.status(project)?;
        let one = status.revisions.iter().find(|one| one.number == number);
        let stable = one.is_some_and(|one| matches!(one.verdict, Verdict::Stable { .. }));
        hold(stable, || format!("{one:?}"))
    })
    .await;
}

async fn runs(host: &Host, project: &str, id: &str) -> Container {
    host.running_and(project, "web", "the wanted image", |now| now.text("/Image") == id).await
}

/// A project that runs version 1.4.2 and follows its minor version, and the id of that image.
async fn first_version(registry: &Registry) -> (Host, String, String) {
    let first = registry.push("app:1.4.2", "one");
    let mut host = host(&registry.configuration("pull", &registry.auths(PASSWORD)), None);
    let shop = host.project("shop");
    let update = "image_update: {semver: ~1.4, minimum_age: 1ms}";
    host.write(&shop, &manifest(&registry.image("app:1.4.2"), update));
    host.start();
    host.ready(&shop).await;
    (host, shop, first)
}

#[tokio::test]
async fn a_newer_version_is_rolled_out_and_a_bad_one_goes_back() {
    let registry = Registry::start(&Engine::connect(), Access::Login).await;
    let (host, shop, first) = first_version(&registry).await;
    runs(&host, &shop, &first).await;
    stable(&host, &shop, 1).await;

    registry.push("app:2.0.0", "other");
    let second = registry.push("app:1.4.3", "two");
    host.expect(&["reconcile", &shop]);
    let web = runs(&host, &shop, &second).await;
    assert!(web.text("/Config/Image").starts_with(&registry.image("app:1.4.3@sha256:")));
    stable(&host, &shop, 2).await;
    host.described(&format!("{shop}/web"), &["app:1.4.3@sha256:", "instead of", "semver ~1.4"])
        .await;

    registry.push_with("app:1.4.4", "bad", "ENV BAD=1");
    host.expect(&["reconcile", &shop]);
    host.described(&shop, &["RevisionRejected", "ImageRejected"]).await;
    runs(&host, &shop, &second).await;

    let third = registry.push("app:1.4.5", "three");
    host.expect(&["reconcile", &shop]);
    runs(&host, &shop, &third).await;
    host.ready(&shop).await;
    host.is_silent().await;
}

#[tokio::test]
async fn the_image_of_staging_becomes_that_of_production() {
    let engine = Engine::connect();
    let registry = Registry::start(&engine, Access::Open).await;
    let old = registry.push("app:1", "old");
    let candidate = registry.push("app:2", "candidate");
    let mut host = host(&registry.configuration("pull", &json!({})), None);
    let (staging, production) = (host.project("staging"), host.project("production"));
    host.write(&staging, &manifest(&registry.image("app:2"), ""));
    host.write(&production, &manifest(&registry.image("app:1"), ""));
    host.start();
    runs(&host, &staging, &candidate).await;
    runs(&host, &production, &old).await;
    stable(&host, &staging, 1).await;
    stable(&host, &production, 1).await;
    host.expect(&["promote", &staging, "--to", &production, "web"]);
    runs(&host, &production, &candidate).await;
    stable(&host, &production, 2).await;
    let told = format!("promoted from revision 1 of {staging}");
    host.described(&format!("{production}/web"), &["ImagePromoted", &told]).await;
    host.is_silent().await;
    host.expect(&["resume", &production]);
    runs(&host, &production, &old).await;
}

#[tokio::test]
async fn what_moves_below_a_built_image_is_built_upon() {
    let engine = Engine::connect();
    let registry = Registry::start(&engine, Access::Login).await;
    registry.push("base:1", "old");
    let mut host = host(&registry.configuration("pull", &registry.auths(PASSWORD)), None);
    let shop = host.project("shop");
    let context = host.desired().join(&shop).join("app");
    std::fs::create_dir_all(&context).unwrap();
    let text = format!("FROM {}\nLABEL of=shop\n", registry.image("base:1"));
    std::fs::write(context.join("Dockerfile"), text).unwrap();
    let image = registry.image("made:1");
    let update = "image_update: {base: true, minimum_age: 1ms}";
    let text = manifest(&image, update);
    host.write(&shop, &text.replace("    init: true\n", "    init: true\n    build: app\n"));
    host.start();
    host.ready(&shop).await;
    let version = |now: &Container| now.text("/Config/Labels/version").to_owned();
    assert_eq!(version(&host.running(&shop, "web").await), "old");
    stable(&host, &shop, 1).await;

    registry.push("base:1", "new");
    host.expect(&["reconcile", &shop]);
    host.running_and(&shop, "web", "the new base", |now| version(now) == "new").await;
    stable(&host, &shop, 2).await;
    host.is_silent().await;
}

#[tokio::test]
async fn a_registry_that_refuses_the_login_is_told_and_what_runs_goes_on() {
    let registry = Registry::start(&Engine::connect(), Access::Login).await;
    let (host, shop, first) = first_version(&registry).await;
    let before = runs(&host, &shop, &first).await;

    registry.configuration("pull", &registry.auths("wrong"));
    let second = registry.push("app:1.4.3", "two");
    host.expect(&["reconcile", &shop]);
    host.described(&shop, &["ImageCheckFailed", "docker login"]).await;
    assert_eq!(host.running(&shop, "web").await.id(), before.id());

    registry.configuration("pull", &registry.auths(PASSWORD));
    host.expect(&["reconcile", &shop]);
    runs(&host, &shop, &second).await;
    host.ready(&shop).await;
}
