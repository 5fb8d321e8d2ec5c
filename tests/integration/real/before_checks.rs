//! Checks before and after a rollout on the real engine: in containers of their own, which leave nothing.

use composelet::model::revision::Verdict;

use crate::real::text::{file, service};
use crate::support_real::host::Host;
use crate::support_real::look::lines;
use crate::support_real::wait::{eventually, hold};

/// Sleeps, and leaves at once when it is asked to.
const WAITS: &str = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

fn shop(check: &str, version: u32) -> String {
    let test = format!(
        "test $$MODE = on && test -n $$IMAGE_ID && test ! -e /sys/class/net/eth0 && {check}"
    );
    let checks = format!(
        "x-composelet: {{checks: {{before: [{{name: unit, command: [sh, -c, \"{test}\"]}}]}}}}"
    );
    let label = format!("labels: {{v: '{version}'}}");
    let update = "deploy: {update_config: {monitor: 1s}}";
    file(&[service(
        "web",
        WAITS,
        &["restart: always", "environment: {MODE: on}", &label, update, &checks],
    )])
}

#[tokio::test]
async fn a_version_that_does_not_pass_touches_nothing_and_leaves_nothing() {
    let mut host = Host::new();
    let project = host.project("shop");
    host.write(&project, &shop("true", 1));
    host.start();
    host.ready(&project).await;
    eventually("the first version holds", || {
        let status = host.status(&project)?;
        let stable = |one: &Verdict| matches!(one, Verdict::Stable { .. });
        hold(status.revisions.iter().any(|one| stable(&one.verdict)), || "open".to_owned())
    })
    .await;
    let web = host.running(&project, "web").await;
    let only = |text: &str| {
        let left = host.engine.containers_of(&project);
        hold(left.len() == 1 && left.iter().all(|one| one.id() == web.id()), || {
            format!("{text}: {}", lines(&left))
        })
    };
    eventually("nothing is left of the check", || only("passed")).await;
    host.write(&project, &shop("{ echo two tests failed; exit 4; }", 2));
    host.described(
        &project,
        &["RevisionRejected", "check unit failed: exit code 4; two tests failed"],
    )
    .await;
    eventually("nothing is left of the version", || only("rejected")).await;
}

/// A page of its own, behind a health check that the engine asks too seldom.
const STORE: &str = "echo fresh > /srv/state; exec httpd -f -p 8080 -h /srv";

/// `before` finds a throw-away copy of `store` by its name; `after` finds `web` itself.
fn with_companion(before: &str, after: &str, version: u32) -> String {
    let checks = format!(
        "x-composelet: {{checks: {{before: [{{name: unit, command: [sh, -c, \"{before}\"], with: [store]}}], after: [{{name: smoke, run: [sh, -c, \"{after}\"]}}]}}}}"
    );
    let label = format!("labels: {{v: '{version}'}}");
    let update = "deploy: {update_config: {monitor: 1s}}";
    let health =
        "healthcheck: {test: [CMD, wget, -q, -O-, 'http://localhost:8080/state'], interval: 30s}";
    let web = service("web", STORE, &["restart: always", "tmpfs: /srv", &label, update, &checks]);
    let store = service("store", STORE, &["restart: always", "volumes: ['data:/srv']", health]);
    format!("{}volumes: {{data: {{}}}}\n", file(&[web, store]))
}

#[tokio::test]
async fn companions_are_found_by_name_and_what_runs_is_asked_from_beside_it() {
    let mut host = Host::new();
    let project = host.project("shop");
    let asks = "wget -q -O- http://store:8080/state && test ! -e /sys/class/net/eth1";
    host.write(&project, &with_companion(asks, "wget -q -O- http://web:8080/state", 1));
    host.start();
    host.ready(&project).await;
    let verdict = |number: u64| {
        let status = host.status(&project)?;
        let one = status.revisions.iter().find(|one| one.number == number);
        one.map(|one| one.verdict.clone()).ok_or_else(|| format!("no revision {number}"))
    };
    eventually("the first version holds", || {
        let verdict = verdict(1)?;
        hold(matches!(verdict, Verdict::Stable { .. }), || format!("{verdict:?}"))
    })
    .await;
    let only = |text: &str| {
        let left = host.engine.containers_of(&project);
        let networks = host.engine.get("/networks").to_string();
        let network = networks.contains(&format!("{project}-web-check"));
        hold(left.len() == 2 && !network, || format!("{text}: {}", lines(&left)))
    };
    eventually("nothing is left of the checks", || only("passed")).await;
    host.write(&project, &with_companion(asks, "echo nobody can log in; exit 3", 2));
    host.described(
        &project,
        &["RevisionRejected", "check smoke failed: exit code 3; nobody can log in"],
    )
    .await;
    eventually("nothing is left of the version", || only("rejected")).await;
}
