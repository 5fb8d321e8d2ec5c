//! `x-composelet.checks.before` of a service: containers that have to end well before a new version is rolled out.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::manifest::environment::child;
use crate::manifest::node::{Entry, Node};
use crate::manifest::report::{Finding, Report};
use crate::manifest::words::{command, time, truth, unknown, wrong};
use crate::model::before_check::{BeforeCheck, OnFailure, Reach};
use crate::model::id::ServiceName;
use crate::model::secret::Secret;

const CHECK: &[&str] =
    &["name", "command", "image", "environment", "timeout", "allow_failure", "network", "with"];
const FORM: &str = "a mapping, such as {command: [pytest, -q]}";
/// Time that a check has unless it says so.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Checks the list. `further` are the keys of a check that one of the project has beside.
pub(crate) fn check(node: &Node, field: &str, further: &[&str], report: &mut Report) {
    let Some(list) = node.as_list() else {
        return wrong(node, field, "a list, such as [{command: [pytest, -q]}]", report);
    };
    for (index, one) in list.iter().enumerate() {
        let path = format!("{field}[{index}]");
        let Some(map) = one.as_map() else {
            wrong(one, &path, FORM, report);
            continue;
        };
        if one.get("command").is_none() && one.get("image").is_none() {
            let message = format!("nothing says what {path} runs");
            let finding = Finding::error("missing-key", &path, message).at(one.place);
            report.add(finding.help("add command:, or the image: of a tool"));
        }
        if further.contains(&"service") && one.get("service").is_none() {
            let message = format!("{path} names no service");
            let finding = Finding::error("missing-key", &path, message).at(one.place);
            report.add(finding.help("add service:, or write the check on the service"));
        }
        for (key, entry) in map {
            value((key, entry), &child(&path, key), further, report);
        }
    }
}

fn value((key, entry): (&str, &Entry), path: &str, further: &[&str], report: &mut Report) {
    let node = &entry.node;
    match key {
        "name" | "image" | "service" if node.as_text().is_none_or(str::is_empty) => {
            wrong(node, path, "a text", report);
        }
        "command" if command(node).is_none() => {
            wrong(node, path, "a command, such as [pytest, -q]", report);
        }
        "environment" => environment(node, path, report),
        "timeout" if time(node).is_none() => {
            wrong(node, path, "a time longer than none, such as 10m", report);
        }
        "allow_failure" | "network" if truth(node).is_none() => {
            wrong(node, path, "true or false", report);
        }
        "with" => {
            let names = node.as_list().filter(|names| !names.is_empty());
            let text = |name: &Node| name.as_text().is_some_and(|name| !name.is_empty());
            if names.is_none_or(|names| !names.iter().all(text)) {
                wrong(node, path, "a list of services, such as [db]", report);
            }
        }
        known if CHECK.contains(&known) || further.contains(&known) => {}
        _ => unknown(key, entry, (path, &[CHECK, further].concat()), report),
    }
}

/// Values of variables are never shown.
pub(crate) fn environment(node: &Node, path: &str, report: &mut Report) {
    let Some(map) = node.as_map() else {
        return wrong(node, path, "a mapping, such as {DJANGO_SETTINGS_MODULE: shop.test}", report);
    };
    for (name, entry) in map {
        if entry.node.scalar_text().is_none() {
            let path = child(path, name);
            let message = format!("{path} has no value");
            let finding = Finding::error("wrong-kind", &path, message).at(entry.key);
            report.add(finding.help("write a text, a number, or true or false"));
        }
    }
}

/// The checks before a rollout that stand on a service, or on the project for a service.
pub(crate) fn read(word: &Node, service: Option<&str>) -> Vec<BeforeCheck> {
    let list = word.get("before").and_then(Node::as_list).unwrap_or_default();
    let numbered = list.iter().enumerate().filter(|(_, one)| is_for(one, service));
    numbered.map(|(index, one)| read_one(one, index)).collect()
}

/// Whether a check stands on the service itself (`None`), or names it.
pub(crate) fn is_for(one: &Node, service: Option<&str>) -> bool {
    service.is_none_or(|name| one.get("service").and_then(Node::as_text) == Some(name))
}

/// Services that a list names: whom each check is for, and its companions. Each with its field.
pub(crate) fn named<'a>(list: &'a Node, field: &str) -> Vec<(String, &'a Node)> {
    let list = list.as_list().unwrap_or_default().iter().enumerate();
    let named = list.flat_map(|(index, one)| {
        let path = format!("{field}[{index}]");
        let service = one.get("service").map(|node| (format!("{path}.service"), node));
        let with = one.get("with").and_then(Node::as_list).unwrap_or_default();
        let with = with.iter().enumerate();
        let with = with.map(|(at, node)| (format!("{path}.with[{at}]"), node)).collect::<Vec<_>>();
        service.into_iter().chain(with)
    });
    named.collect()
}

fn read_one(node: &Node, index: usize) -> BeforeCheck {
    let text = |key| node.get(key).and_then(Node::as_text).map(str::to_owned);
    let says = |key| node.get(key).and_then(truth) == Some(true);
    let environment = variables(node);
    let with = node.get("with").and_then(Node::as_list).unwrap_or_default();
    BeforeCheck {
        name: text("name").unwrap_or_else(|| index.saturating_add(1).to_string()),
        image: text("image"),
        command: node.get("command").and_then(command).unwrap_or_default(),
        hidden: Vec::new(),
        environment,
        timeout: node.get("timeout").and_then(time).unwrap_or(TIMEOUT),
        on_failure: if says("allow_failure") { OnFailure::Allow } else { OnFailure::Reject },
        reach: if says("network") { Reach::Bridge } else { Reach::Nothing },
        with: with.iter().filter_map(Node::as_text).map(ServiceName::new).collect(),
    }
}

/// The variables of a check.
pub(crate) fn variables(node: &Node) -> BTreeMap<String, Secret> {
    let variables = node.get("environment").and_then(Node::as_map).into_iter().flatten();
    let variable = |(name, entry): (&std::sync::Arc<str>, &Entry)| {
        Some((name.to_string(), Secret::new(entry.node.scalar_text()?.to_string())))
    };
    variables.filter_map(variable).collect()
}
