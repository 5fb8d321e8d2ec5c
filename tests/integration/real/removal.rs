//! What goes from the directory goes from the host: looked at twice, never much at once without a person, never data.

use std::fs;
use std::time::Duration;

use crate::real::text::sleeper;
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold, within};

/// How long a removal that is held is watched not to happen: longer than a removal that is believed takes.
const HELD_FOR: Duration = Duration::from_secs(12);

fn with_volume() -> String {
    format!("{}volumes: {{ data: {{}} }}\n", sleeper(&["volumes: [\"data:/data\"]"]))
}

async fn gone(host: &Host, project: &str) {
    eventually(&format!("{project} is gone"), || {
        let left = host.engine.containers_of(project);
        hold(left.is_empty(), || crate::support_real::look::lines(&left))?;
        let network = format!("{project}_default");
        hold(!host.has("networks", &network), || format!("network {network} is there"))
    })
    .await;
}

#[tokio::test]
async fn a_deleted_file_removes_containers_and_network_and_keeps_the_volume() {
    let mut host = Host::new();
    let (shop, stays) = (host.project("shop"), host.project("stays"));
    host.write(&shop, &with_volume());
    host.write(&stays, &sleeper(&[]));
    host.start();
    host.ready(&shop).await;
    host.ready(&stays).await;
    let before = host.running(&stays, "web").await;
    fs::remove_file(host.manifest(&shop)).unwrap();
    gone(&host, &shop).await;
    assert!(host.has("volumes", &format!("{shop}_data")), "a named volume is never removed");
    eventually("its status is taken back", || {
        hold(host.status(&shop).is_err(), || "it is still published".to_owned())
    })
    .await;
    assert_eq!(host.run(&["describe", &shop]).code, 3);
    let now = host.only(&stays, "web").unwrap();
    assert_eq!((now.id(), now.started_at()), (before.id(), before.started_at()));

    // And back again, with the same data.
    host.write(&shop, &with_volume());
    host.running(&shop, "web").await;
    host.ready(&shop).await;
}

#[tokio::test]
async fn a_deleted_directory_removes_its_project() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &sleeper(&[]));
    host.start();
    host.ready(&shop).await;
    fs::remove_dir_all(host.desired().join(&shop)).unwrap();
    gone(&host, &shop).await;
}

/// A directory that is away for a moment, as during a checkout, is no removal.
#[tokio::test]
async fn a_directory_that_comes_back_at_once_removes_nothing() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &sleeper(&[]));
    host.start();
    host.ready(&shop).await;
    let mark = host.events.mark().await;
    let (here, aside) = (host.desired().join(&shop), host.aside().join("aside"));
    fs::rename(&here, &aside).unwrap();
    host.settling(&shop).await;
    fs::rename(&aside, &here).unwrap();
    host.settled(&shop).await;
    host.ready(&shop).await;
    assert_eq!(host.events.since(mark).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_mass_removal_waits_for_confirmation() {
    let mut host = Host::new();
    let projects: Vec<String> = (1..=4).map(|n| host.project(&format!("p{n}"))).collect();
    for project in &projects {
        host.write(project, &sleeper(&["stop_grace_period: 1s"]));
    }
    host.start();
    for project in &projects {
        host.ready(project).await;
    }
    let mark = host.events.mark().await;
    for project in &projects[..3] {
        fs::remove_dir_all(host.desired().join(project)).unwrap();
    }
    stays_held(&host).await;
    assert_eq!(host.events.since(mark).await, Vec::<String>::new(), "nothing was removed");

    host.expect(&["confirm"]);
    for project in &projects[..3] {
        gone(&host, project).await;
    }
    assert_eq!(host.engine.containers_of(&projects[3]).len(), 1);
    host.ready(&projects[3]).await;
}

/// The hold is published, and still stands when a removal that is believed would have been done.
async fn stays_held(host: &Host) {
    let held = || {
        let status = host.controller()?;
        let codes: Vec<_> = status.held.iter().map(|held| held.waiting_on.code()).collect();
        hold(codes.contains(&"PruneNeedsConfirmation"), || format!("held: {codes:?}"))?;
        Ok(status.published_at)
    };
    let since = eventually("the removal waits for a person", held).await;
    within(HELD_FOR * 3, "it still waits later", || {
        let now = held()?;
        hold(now.since(since) >= HELD_FOR, || "too early to tell".to_owned())
    })
    .await;
}

/// Another directory in the place of the watched one (an empty mount, a new checkout) is not an empty wish.
#[tokio::test]
async fn a_replaced_root_removes_nothing() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &sleeper(&[]));
    host.start();
    host.ready(&shop).await;
    let mark = host.events.mark().await;
    let aside = host.aside().join("mounted-elsewhere");
    fs::rename(host.desired(), &aside).unwrap();
    fs::create_dir(host.desired()).unwrap();
    stays_held(&host).await;
    assert_eq!(host.events.since(mark).await, Vec::<String>::new());

    fs::remove_dir(host.desired()).unwrap();
    fs::rename(&aside, host.desired()).unwrap();
    host.pass();
    host.ready(&shop).await;
    host.edit(&shop, "sleep 1000000", "sleep 2000000");
    host.running_and(&shop, "web", "edits count again", |now| {
        now.at("/Config/Cmd").to_string().contains("2000000")
    })
    .await;
}
