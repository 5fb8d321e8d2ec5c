//! What is slow or stuck delays nobody else.

use crate::real::text::{file, service, sleeper};
use crate::support_real::container::Container;
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

#[tokio::test]
async fn a_container_that_ignores_its_stop_delays_no_other_project() {
    let mut host = Host::new();
    let (slow, quick) = (host.project("slow"), host.project("quick"));
    // Process 1 itself, so that the signal is really ignored and the engine has to wait for the whole grace.
    let stubborn = service(
        "web",
        "trap '' TERM; while :; do sleep 1; done",
        &["stop_grace_period: 5s", "environment: { N: '1' }"],
    );
    host.write(&slow, &file(&[stubborn]).replace("    init: true\n", ""));
    host.write(&quick, &sleeper(&[]));
    host.start();
    host.ready(&slow).await;
    host.ready(&quick).await;
    let (old, web) = (host.running(&slow, "web").await, host.running(&quick, "web").await);
    let mark = host.events.mark().await;
    host.edit(&slow, "N: '1'", "N: '2'");
    let signal = format!("container kill {}", old.name());
    eventually("the stop has begun", || {
        hold(host.events.saw(mark, &signal), || "no signal yet".to_owned())
    })
    .await;
    host.engine.act(web.id(), "kill");
    let again = |now: &Container| now.started_at() != web.started_at();
    host.running_and(&quick, "web", "healed meanwhile", again).await;
    let still = host.engine.container(old.id());
    assert!(still.is_some_and(|old| old.runs()), "the slow one was still stopping");

    host.running_and(&slow, "web", "the new version", |now| now.id() != old.id()).await;
    host.ready(&slow).await;
}

/// An image that is nowhere to be had holds its own service only.
#[tokio::test]
async fn a_missing_image_holds_its_own_service_only() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let good = sleeper(&[]);
    let bad = "  bad:\n    image: 127.0.0.1:1/nowhere:1\n";
    host.write(&shop, &format!("{good}{bad}"));
    host.start();
    host.running(&shop, "web").await;
    host.described(&format!("{shop}/bad"), &["ImagePullBackOff"]).await;
    host.write(&shop, &good);
    host.ready(&shop).await;
}
