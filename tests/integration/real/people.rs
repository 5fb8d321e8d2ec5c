//! What belongs to others is let alone, and what a person asks for is done.

use composelet::model::status::{ConditionKind, Truth};
use serde_json::json;

use crate::real::text::{SLEEP, file, service, sleeper};
use crate::support_real::host::{Host, IMAGE};
use crate::support_real::look::condition;
use crate::support_real::wait::{eventually, hold};

/// A container of somebody else with our wanted name: a condition, never a removal.
#[tokio::test]
async fn a_stranger_with_a_wanted_name_is_a_condition() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let name = format!("{shop}-web-1");
    let body = json!({ "Image": IMAGE, "Cmd": ["sleep", "1000000"] });
    let path = format!("/containers/create?name={name}");
    let stranger =
        host.engine.expect("POST", &path, Some(&body))["Id"].as_str().unwrap().to_owned();
    host.engine.act(&stranger, "start");
    let before = host.engine.container(&stranger).unwrap();
    host.write(&shop, &file(&[service("web", SLEEP, &[]), service("db", SLEEP, &[])]));
    host.start();
    host.described(&format!("{shop}/web"), &["NameHeldByUnmanaged", &name]).await;
    host.running(&shop, "db").await;
    host.pass();
    let now = host.engine.container(&stranger).unwrap();
    assert_eq!((now.name(), now.started_at()), (before.name(), before.started_at()));

    host.engine.remove(&stranger);
    let web = host.running(&shop, "web").await;
    assert_eq!(web.name(), name);
    host.ready(&shop).await;
}

/// The same name and labels, but another installation's: not ours either.
#[tokio::test]
async fn a_container_of_another_installation_is_let_alone() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let labels = json!({
        "io.composelet.installation": "somebody-else",
        "com.docker.compose.project": shop,
        "com.docker.compose.service": "gone",
        "com.docker.compose.container-number": "1",
        "com.docker.compose.oneoff": "False",
    });
    let body = json!({ "Image": IMAGE, "Cmd": ["sleep", "1000000"], "Labels": labels });
    let path = format!("/containers/create?name={shop}-gone-1");
    let stranger =
        host.engine.expect("POST", &path, Some(&body))["Id"].as_str().unwrap().to_owned();
    host.engine.act(&stranger, "start");
    host.write(&shop, &sleeper(&[]));
    host.start();
    host.running(&shop, "web").await;
    host.pass();
    host.pass();
    assert!(host.engine.container(&stranger).is_some_and(|now| now.runs()));
}

#[tokio::test]
async fn a_suspended_service_is_only_looked_at() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &file(&[service("web", SLEEP, &[]), service("db", SLEEP, &[])]));
    host.start();
    host.ready(&shop).await;
    let (web, db) = (host.running(&shop, "web").await, host.running(&shop, "db").await);
    host.expect(&["suspend", &format!("{shop}/web"), "--reason", "repair"]);
    host.engine.act(web.id(), "kill");
    host.engine.act(db.id(), "kill");
    host.running_and(&shop, "db", "the other one is healed", |now| {
        now.started_at() != db.started_at()
    })
    .await;
    host.described(&format!("{shop}/web"), &["Suspended", "repair"]).await;
    host.pass();
    assert_eq!(host.only(&shop, "web").unwrap().state(), "exited");

    // It outlives the controller, and ends with `resume`.
    host.kill();
    host.start();
    host.described(&format!("{shop}/web"), &["Suspended", "repair"]).await;
    eventually("the new controller looked", || {
        let status = host.status(&shop)?;
        let pid = host.controller()?.pid;
        hold(pid == host.controllers[0].pid(), || "an older status".to_owned())?;
        let suspended = host.service_condition(&shop, "web", ConditionKind::Suspended)?;
        hold(suspended.status == Truth::True, || format!("{:?}", status.conditions))
    })
    .await;
    assert_eq!(host.only(&shop, "web").unwrap().state(), "exited");
    host.expect(&["resume", &format!("{shop}/web")]);
    host.running(&shop, "web").await;
    host.ready(&shop).await;
}

#[tokio::test]
async fn a_suspended_project_takes_no_edits_until_resumed() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &sleeper(&[]));
    host.start();
    host.ready(&shop).await;
    let web = host.running(&shop, "web").await;
    host.expect(&["suspend", &shop, "--reason", "freeze"]);
    host.edit(&shop, "sleep 1000000", "sleep 2000000");
    host.pass();
    let status = host.status(&shop).unwrap();
    assert_eq!(condition(&status, ConditionKind::Suspended).unwrap().status, Truth::True);
    assert_eq!(host.only(&shop, "web").unwrap().id(), web.id());
    host.expect(&["resume", &shop]);
    let new = |now: &crate::support_real::container::Container| now.id() != web.id();
    host.running_and(&shop, "web", "the edit", new).await;
    host.ready(&shop).await;
}
