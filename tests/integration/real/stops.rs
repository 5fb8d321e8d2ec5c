//! Stopped for a repair, and started again.

use composelet::model::status::{ConditionKind, Truth};

use crate::real::text::{SLEEP, file, service};
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

#[tokio::test]
async fn a_stopped_service_stays_down_without_its_policy_and_comes_back_with_it() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let restart = &["restart: always"];
    host.write(&shop, &file(&[service("web", SLEEP, restart), service("db", SLEEP, &[])]));
    host.start();
    host.ready(&shop).await;
    let (web, db) = (host.running(&shop, "web").await, host.running(&shop, "db").await);
    let target = format!("{shop}/web");
    host.expect(&["stop", &target, "--reason", "new disk", "--until", "1d"]);
    let down = |host: &Host| {
        let now = host.only(&shop, "web")?;
        hold(now.state() == "exited" && now.id() == web.id(), || now.line())
    };
    eventually("it is down", || down(&host)).await;
    host.described(&target, &["Stopped", "new disk", "looked at again"]).await;
    let policy = |host: &Host| {
        let now = host.only(&shop, "web").unwrap();
        now.text("/HostConfig/RestartPolicy/Name").to_owned()
    };
    assert_eq!(policy(&host), "no");
    assert!(host.expect(&["get", "services", &target]).contains("Stopped"));

    // A person's start is undone, and the next controller knows.
    host.engine.act(web.id(), "start");
    eventually("it is down again", || down(&host)).await;
    host.kill();
    host.start();
    eventually("the new controller looked", || {
        let status = host.status(&shop)?;
        let pid = host.controller()?.pid;
        hold(pid == host.controllers[0].pid(), || "an older status".to_owned())?;
        let rests = host.service_condition(&shop, "web", ConditionKind::Suspended)?;
        hold(rests.status == Truth::True && rests.reason == "Stopped", || {
            format!("{:?}", status.conditions)
        })
    })
    .await;
    down(&host).unwrap();
    assert_eq!(host.only(&shop, "db").unwrap().started_at(), db.started_at());

    let run = host.run(&["start", &format!("{shop}/db")]);
    assert_eq!(run.code, 2, "{}{}", run.out, run.err);
    assert!(run.err.contains("db is not stopped"), "{}", run.err);
    host.expect(&["start", &target]);
    let again = host.running(&shop, "web").await;
    assert_eq!((again.id(), policy(&host).as_str()), (web.id(), "always"));
    host.ready(&shop).await;
    let history = host.expect(&["history", &shop]);
    assert!(history.contains("stopped for a repair: new disk"), "{history}");
    assert!(history.contains("the stop for a repair is over"), "{history}");
}
