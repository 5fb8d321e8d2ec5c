//! Labels of autoheal: what composelet does in any case, and what it does otherwise.

use crate::manifest::lint::run::{Findings, Project};
use crate::manifest::lint::service::Service;
use crate::manifest::node::Node;
use crate::manifest::report::Finding;
use crate::manifest::units;

/// What the engine waits between the stop signal and the kill, unless told otherwise.
const GRACE_S: u64 = 10;

pub(super) fn check(project: &Project<'_>, findings: &mut Findings<'_>) {
    for service in &project.services {
        let label = |name: &str| service.node.get("labels").and_then(|labels| labels.get(name));
        if let Some(node) = label("autoheal") {
            wanted(service, node, findings);
        }
        if let Some(node) = label("autoheal.stop.timeout") {
            timeout(service, node, findings);
        }
    }
}

fn wanted(service: &Service<'_>, node: &Node, findings: &mut Findings<'_>) {
    let field = format!("{}.labels.autoheal", service.field);
    let (message, help) = match node.as_text() {
        Some("true") => (
            "composelet restarts what is unhealthy by itself, with back-off",
            "the label is of no use here; beside composelet, autoheal would restart it a second time",
        ),
        _ => (
            "composelet restarts what is unhealthy whatever this label says",
            "to have it left alone, take its healthcheck out, or write x-composelet: {suspend: true}",
        ),
    };
    findings.add(Finding::note("autoheal-label", &field, message).at(node.place).help(help));
}

/// The time that a stop has is that of the service; a label that says the same is honoured by that.
fn timeout(service: &Service<'_>, node: &Node, findings: &mut Findings<'_>) {
    let Some(wanted) = node.scalar_text().and_then(|text| text.parse::<u64>().ok()) else {
        return;
    };
    let grace = service.text("stop_grace_period").and_then(units::duration);
    let grace = grace.map_or(GRACE_S, |grace| grace.as_secs());
    if grace == wanted {
        return;
    }
    let field = format!("{}.labels.autoheal.stop.timeout", service.field);
    let message = format!("a stop has {grace} s here, not {wanted} s");
    findings.add(
        Finding::warning("autoheal-timeout", &field, message)
            .at(node.place)
            .help(format!("write stop_grace_period: {wanted}s, which counts for every stop")),
    );
}
