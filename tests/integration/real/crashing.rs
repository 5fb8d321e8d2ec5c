//! What fails again and again is tried less and less, and says so.

use std::net::TcpListener;

use crate::real::text::{SLEEP, file, service, sleeper};
use crate::support_real::container::Container;
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

/// A start that fails because a process of the host holds the port; it heals by itself when the port is free.
#[tokio::test]
async fn a_taken_port_is_told_and_tried_again() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = stranger.local_addr().unwrap().port();
    host.write(&shop, &sleeper(&[&format!(r#"ports: ["127.0.0.1:{port}:80"]"#)]));
    host.start();
    let text = host.described(&format!("{shop}/web"), &[&port.to_string(), "in use"]).await;
    assert!(!text.contains("Ready          True"), "{text}");
    assert!(stranger.local_addr().is_ok(), "the stranger was let alone");

    drop(stranger);
    let web = host.running(&shop, "web").await;
    assert_eq!(web.name(), format!("{shop}-web-1"));
    host.ready(&shop).await;
    assert_eq!(host.engine.containers_of(&shop).len(), 1, "nothing is left of the failed starts");
}

#[tokio::test]
async fn a_crash_loop_backs_off_shows_why_and_ends_with_the_mend() {
    let mut host = Host::new();
    let shop = host.project("shop");
    // What a program says of its secrets is shown nowhere.
    host.canaries.add(["hunter2-hunter2".to_owned()]);
    let fails = "echo no database here with $$DB_PASSWORD; exit 3";
    let lines = ["restart: on-failure", "environment: { DB_PASSWORD: hunter2-hunter2 }"];
    host.write(&shop, &file(&[service("web", fails, &lines)]));
    host.start();
    let words = ["CrashLoopBackOff", "next try", "no database here with ***", "exit code 3"];
    host.described(&format!("{shop}/web"), &words).await;
    let before = host.only(&shop, "web").unwrap();

    host.write(&shop, &sleeper(&["restart: on-failure"]));
    let other = |now: &Container| now.id() != before.id();
    host.running_and(&shop, "web", "the mended version", other).await;
    host.ready(&shop).await;
}

/// Without a policy nobody but us starts it again: the tries are spaced by our back-off.
#[tokio::test]
async fn a_crash_loop_without_a_policy_is_spaced_by_our_back_off() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &file(&[service("web", "echo no; exit 4", &[])]));
    host.start();
    let words = ["CrashLoopBackOff", "next try", "exit code 4"];
    host.described(&format!("{shop}/web"), &words).await;
    let failures = || {
        let status = host.status(&shop).unwrap();
        status.services[0].containers.first().map_or(0, |one| one.failures)
    };
    // 1 + 2 + 4 s lie between the second and the fifth start; 20 tries within that time would be a hot loop.
    eventually("four failures", || hold(failures() >= 4, || format!("{} failures", failures())))
        .await;
    let starts = host.events.since(0).await;
    let starts = starts.iter().filter(|event| event.starts_with("container start")).count();
    assert!((4..=6).contains(&starts), "{starts} starts for {} failures", failures());
}

/// The engine's own loop is braked by taking its policy away, and it is given back when the controller ends.
#[tokio::test]
async fn the_engines_restart_loop_is_braked() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let fails = "echo again; exit 1";
    host.write(&shop, &file(&[service("web", fails, &["restart: always"])]));
    host.start();
    let policy = |name: &'static str| {
        let (host, shop) = (&host, &shop);
        move || {
            let web = host.only(shop, "web")?;
            let now = web.text("/HostConfig/RestartPolicy/Name").to_owned();
            hold(now == name, || format!("policy {now}, {}", web.line()))?;
            Ok(web)
        }
    };
    let before = eventually("the policy is taken away", policy("no")).await;
    let words = ["CrashLoopBackOff", "next try", "again", "brake"];
    host.described(&format!("{shop}/web"), &words).await;
    let after = eventually("it is still the same container", policy("no")).await;
    assert_eq!(before.id(), after.id());

    host.terminate().await;
    let web = host.only(&shop, "web").unwrap();
    assert_eq!(web.text("/HostConfig/RestartPolicy/Name"), "always", "given back at shutdown");
}

/// A service that ends well and serves nobody is a job: done until its revision changes, over a restart of ours too.
#[tokio::test]
async fn a_job_that_ended_well_is_not_run_again() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &file(&[service("job", "echo done", &[]), service("web", SLEEP, &[])]));
    host.start();
    host.ready(&shop).await;
    let words = ["Completed"];
    host.described(&format!("{shop}/job"), &words).await;
    let job = host.only(&shop, "job").unwrap();
    host.kill();
    host.start();
    host.ready(&shop).await;
    host.pass();
    host.pass();
    let now = host.only(&shop, "job").unwrap();
    assert_eq!((now.id(), now.started_at()), (job.id(), job.started_at()), "it ran once");

    host.edit(&shop, "echo done", "echo done twice");
    let other = |now: &Container| now.id() != job.id() && now.state() == "exited";
    eventually("the changed job ran", || {
        let now = host.only(&shop, "job")?;
        hold(other(&now), || now.line())
    })
    .await;
}
