//! What builds refer to: secrets, and services whose images they build upon.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::manifest::cycle;
use crate::manifest::environment::child;
use crate::manifest::node::{Entry, Node};
use crate::manifest::report::{Finding, Report};
use crate::manifest::source::Place;

/// Checks the builds of the whole project.
pub(crate) fn check(model: &Node, disabled: &BTreeMap<Arc<str>, Place>, report: &mut Report) {
    let services = model.get("services").and_then(Node::as_map);
    let services: Vec<(&Arc<str>, &Entry)> = services.into_iter().flatten().collect();
    for (name, service) in &services {
        let field = format!("{}.build", child("services", name));
        secrets(model, &service.node, &field, report);
        for (context, entry, target) in upon(&service.node) {
            let path = child(&format!("{field}.additional_contexts"), context);
            if let Some(place) = disabled.get(target) {
                let message = format!("{target} is switched off by its profiles");
                let finding = Finding::error("disabled-dependency", &path, message)
                    .at(entry.node.place)
                    .help("enable its profile in COMPOSE_PROFILES");
                report.add(finding.related(*place, "defined here"));
            } else if model.at(&["services", target]).is_none() {
                let message = format!("there is no service {target}");
                let finding = Finding::error("unknown-reference", &path, message)
                    .at(entry.node.place)
                    .help("define it under services:");
                report.add(finding);
            }
        }
    }
    cycles(&services, model.place, report);
}

fn secrets(model: &Node, service: &Node, field: &str, report: &mut Report) {
    let list = service.at(&["build", "secrets"]).and_then(Node::as_list).unwrap_or(&[]);
    for (index, secret) in list.iter().enumerate() {
        let source = secret.get("source").and_then(Node::as_text).unwrap_or_default();
        if model.at(&["secrets", source]).is_some() {
            continue;
        }
        let place = secret.get("source").map_or(secret.place, |node| node.place);
        let shown = report.sources.shown(source, place);
        let message = format!("there is no secret {shown}");
        let finding =
            Finding::error("unknown-reference", &format!("{field}.secrets[{index}]"), message)
                .at(place)
                .help("define it under secrets:");
        report.add(finding);
    }
}

/// Contexts that are images of other services: name, value, service.
fn upon(service: &Node) -> impl Iterator<Item = (&Arc<str>, &Entry, &str)> {
    let map = service.at(&["build", "additional_contexts"]).and_then(Node::as_map);
    map.into_iter().flatten().filter_map(|(name, entry)| {
        Some((name, entry, entry.node.as_text()?.strip_prefix("service:")?))
    })
}

fn cycles(services: &[(&Arc<str>, &Entry)], place: Place, report: &mut Report) {
    let edges: BTreeMap<&str, Vec<&str>> = services
        .iter()
        .map(|(name, entry)| (&***name, upon(&entry.node).map(|(.., target)| target).collect()))
        .collect();
    let Some(path) = cycle::find(&edges) else {
        return;
    };
    let first = path.first().copied().unwrap_or("");
    let entry = services.iter().find(|(name, _)| &***name == first);
    let place = entry.map_or(place, |(_, entry)| entry.key);
    let field = format!("{}.build.additional_contexts", child("services", first));
    let message = format!("the builds wait for each other: {}", path.join(" → "));
    let finding = Finding::error("dependency-cycle", &field, message).at(place);
    report.add(finding.help("remove one of these contexts"));
}
