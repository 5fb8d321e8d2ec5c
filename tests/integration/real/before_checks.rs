//! Checks before a rollout on the real engine: in containers that reach nothing, and that leave nothing.

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
