//! `rollout restart --rebuild` on the real engine.

use crate::support_real::host::{Host, IMAGE};

/// With the cache the image is the same, and its container is replaced as asked. Without it the base image, which no registry
/// has, would have to be pulled: that fails, and what runs is left alone.
#[tokio::test]
async fn images_are_built_again_before_anything_stops() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let context = host.desired().join(&shop).join("app");
    std::fs::create_dir_all(&context).unwrap();
    let recipe = format!("FROM {IMAGE}\nRUN echo built > /built\nCMD [\"sleep\", \"1000000\"]\n");
    std::fs::write(context.join("Dockerfile"), recipe).unwrap();
    host.write(&shop, "services:\n  app: {build: app, init: true, restart: always}\n");
    host.start();
    host.ready(&shop).await;
    let first = host.running(&shop, "app").await;

    host.expect(&["rollout", "restart", &shop, "--rebuild"]);
    let second = host.running_and(&shop, "app", "was replaced", |one| one.id() != first.id()).await;
    assert_eq!(second.text("/Image"), first.text("/Image"), "nothing of it changed");
    host.described(&shop, &["rollout restart --rebuild"]).await;
    host.ready(&shop).await;

    host.expect(&["rollout", "restart", &shop, "--rebuild", "--no-cache"]);
    host.described(&shop, &["back-off after failed try"]).await;
    let still = host.running(&shop, "app").await;
    assert_eq!((still.id(), still.started_at()), (second.id(), second.started_at()));
    host.expect(&["rollout", "restart", &shop]);
    host.running_and(&shop, "app", "was replaced", |one| one.id() != second.id()).await;
    host.ready(&shop).await;
    let help = host.run(&["rollout", "restart", &shop, "--no-cache"]);
    assert_eq!(help.code, 2, "{}", help.err);
}
