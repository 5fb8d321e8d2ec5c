//! `x-composelet.checks.before` of a service: containers that have to end well before a new version is rolled out.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::manifest::environment::child;
use crate::manifest::node::{Entry, Node};
use crate::manifest::report::{Finding, Report};
use crate::manifest::words::{command, time, truth, unknown, wrong};
use crate::model::before_check::{BeforeCheck, OnFailure, Reach};
use crate::model::secret::Secret;

const CHECK: &[&str] =
    &["name", "command", "image", "environment", "timeout", "allow_failure", "network"];
const FORM: &str = "a mapping, such as {command: [pytest, -q]}";
/// Time that a check has unless it says so.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Checks the list.
pub(crate) fn check(node: &Node, field: &str, report: &mut Report) {
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
        for (key, entry) in map {
            value((key, entry), &child(&path, key), report);
        }
    }
}

fn value((key, entry): (&str, &Entry), path: &str, report: &mut Report) {
    let node = &entry.node;
    match key {
        "name" | "image" if node.as_text().is_none_or(str::is_empty) => {
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
            let message = format!("{path} is not built yet");
            let finding = Finding::error("not-built-yet", path, message).at(entry.key);
            report.add(finding.help("remove it; it comes with a later version"));
        }
        known if CHECK.contains(&known) => {}
        _ => unknown(key, entry, (path, CHECK), report),
    }
}

/// Values of variables are never shown.
fn environment(node: &Node, path: &str, report: &mut Report) {
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

/// The checked list of a service.
pub(crate) fn read(word: &Node) -> Vec<BeforeCheck> {
    let list = word.get("before").and_then(Node::as_list).unwrap_or_default();
    list.iter().enumerate().map(|(index, one)| read_one(one, index)).collect()
}

fn read_one(node: &Node, index: usize) -> BeforeCheck {
    let text = |key| node.get(key).and_then(Node::as_text).map(str::to_owned);
    let says = |key| node.get(key).and_then(truth) == Some(true);
    let variables = node.get("environment").and_then(Node::as_map).into_iter().flatten();
    let variable = |(name, entry): (&std::sync::Arc<str>, &Entry)| {
        Some((name.to_string(), Secret::new(entry.node.scalar_text()?.to_string())))
    };
    let environment: BTreeMap<String, Secret> = variables.filter_map(variable).collect();
    BeforeCheck {
        name: text("name").unwrap_or_else(|| index.saturating_add(1).to_string()),
        image: text("image"),
        command: node.get("command").and_then(command).unwrap_or_default(),
        hidden: Vec::new(),
        environment,
        timeout: node.get("timeout").and_then(time).unwrap_or(TIMEOUT),
        on_failure: if says("allow_failure") { OnFailure::Allow } else { OnFailure::Reject },
        reach: if says("network") { Reach::Bridge } else { Reach::Nothing },
    }
}
