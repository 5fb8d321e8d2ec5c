//! `x-composelet.on_endpoints_change` of a service: what a proxy does when the containers behind it change.

use std::collections::BTreeSet;

use crate::manifest::environment::child;
use crate::manifest::node::{Node, Value};
use crate::manifest::on_change::signal;
use crate::manifest::report::{Finding, Report};
use crate::manifest::words;
use crate::model::endpoints::EndpointsChange;
use crate::model::id::ServiceName;

const KEYS: &[&str] = &["services", "signal", "command"];
const FORM: &str =
    "a signal such as SIGHUP, or a mapping such as {services: [app], signal: SIGHUP}";

/// Checks the value of the word.
pub(crate) fn check(node: &Node, field: &str, report: &mut Report) {
    match &node.value {
        Value::Text(text) if signal(text).is_some() => {}
        Value::Map(_) => mapping(node, field, report),
        _ => words::wrong(node, field, FORM, report),
    }
}

fn mapping(node: &Node, field: &str, report: &mut Report) {
    for (key, entry) in node.as_map().into_iter().flatten() {
        let path = child(field, key);
        let value = &entry.node;
        match &**key {
            "services" if services(value).is_some_and(|names| !names.is_empty()) => {}
            "services" => words::wrong(value, &path, "a list of services, such as [app]", report),
            "signal" if value.as_text().and_then(signal).is_some() => {}
            "signal" => words::wrong(value, &path, "a signal such as SIGHUP or SIGUSR1", report),
            "command" if words::command(value).is_some() => {}
            "command" => {
                words::wrong(value, &path, "a command, such as [reload-upstreams]", report);
            }
            _ => words::unknown(key, entry, (&path, KEYS), report),
        }
    }
    if node.get("signal").is_none() && node.get("command").is_none() {
        let message = "nothing says what the change does";
        report.add(Finding::error("missing-key", field, message).at(node.place).help(FORM));
    }
}

fn services(node: &Node) -> Option<BTreeSet<ServiceName>> {
    let list = node.as_list()?;
    list.iter().map(|name| Some(ServiceName::new(name.as_text()?))).collect()
}

/// The checked value of the word; `None` if it is not there or not right.
pub(crate) fn read(node: &Node) -> Option<EndpointsChange> {
    if let Some(text) = node.as_text() {
        let (services, command) = (BTreeSet::new(), Vec::new());
        return Some(EndpointsChange { services, command, signal: Some(signal(text)?) });
    }
    node.as_map()?;
    let command = node.get("command").and_then(words::command).unwrap_or_default();
    Some(EndpointsChange {
        services: node.get("services").and_then(services).unwrap_or_default(),
        command,
        signal: node.get("signal").and_then(Node::as_text).and_then(signal),
    })
}

/// Names of services that are not there, with their nodes.
pub(crate) fn unknown(node: &Node, known: impl Fn(&str) -> bool) -> Vec<&Node> {
    let list = node.get("services").and_then(Node::as_list).unwrap_or_default();
    list.iter().filter(|name| name.as_text().is_some_and(|text| !known(text))).collect()
}
