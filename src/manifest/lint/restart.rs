//! Restart policies.

use crate::manifest::lint::run::{Findings, Project};
use crate::manifest::lint::service::Service;
use crate::manifest::node::Node;
use crate::manifest::report::Finding;

/// Most names in one message.
const NAMED: usize = 5;

pub(super) fn check(project: &Project<'_>, findings: &mut Findings<'_>) {
    for service in &project.services {
        policy(service, findings);
    }
    absent(project, findings);
}

fn policy(service: &Service<'_>, findings: &mut Findings<'_>) {
    let Some(policy) = service.node.at(&["deploy", "restart_policy"]) else {
        return;
    };
    if policy.get("condition").is_none() {
        findings.add(
            Finding::warning(
                "restart-without-condition",
                &format!("{}.deploy.restart_policy", service.field),
                "without a condition this means any here, and no policy at all to docker compose 2",
            )
            .at(policy.place)
            .help("write condition: any, on-failure or none"),
        );
    }
    if let Some(restart) = service.node.get("restart") {
        findings.add(
            Finding::warning(
                "restart-twice",
                &format!("{}.restart", service.field),
                "restart has no effect beside deploy.restart_policy",
            )
            .at(restart.place)
            .help("keep one of the two")
            .related(policy.place, "this one holds"),
        );
    }
}

/// Services for the outside that nothing restarts while the controller is away; told once for the project.
fn absent(project: &Project<'_>, findings: &mut Findings<'_>) {
    let unset = |service: &&Service<'_>| {
        let job = service.node.at(&["deploy", "mode"]).and_then(Node::as_text);
        service.node.get("restart").is_none()
            && service.node.at(&["deploy", "restart_policy"]).is_none()
            && !job.is_some_and(|mode| mode.ends_with("-job"))
            && service.ports().next().is_some()
    };
    let found: Vec<&Service<'_>> = project.services.iter().filter(unset).collect();
    let Some(first) = found.first() else {
        return;
    };
    let names: Vec<&str> = found.iter().take(NAMED).map(|service| service.name).collect();
    let more = match found.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let verb = if found.len() == 1 { "says" } else { "say" };
    let message = format!("{}{more} {verb} nothing of restart", names.join(", "));
    findings.add(Finding::note("no-restart", &first.field, message).at(first.key).help(
        "composelet keeps it running all the same; while composelet does not run, nothing does, also after a reboot: write \
         restart: unless-stopped",
    ));
}
