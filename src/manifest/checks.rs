//! `x-composelet.checks`: what has to hold before a version counts as one that held.

use crate::manifest::before_checks;
use crate::manifest::environment::child;
use crate::manifest::host_probe;
use crate::manifest::node::Node;
use crate::manifest::report::{Finding, Report};
use crate::manifest::words::{command, number, time, unknown, wrong};
use crate::model::after_check::AfterCheck;
use crate::model::hook::HookCommand;
use crate::model::host_probe::Handler;

const KINDS: &[&str] = &["before", "after"];
const HANDLERS: &[&str] = &["exec", "http", "tcp"];
const CHECK: &[&str] = &["name", "exec", "http", "tcp", "run", "retries", "interval", "timeout"];
const MOST_RETRIES: i64 = 1000;

/// Checks the value of the word. `known` are the keys of a check beside those that all have.
pub(crate) fn check(node: &Node, field: &str, known: &[&str], report: &mut Report) {
    let Some(map) = node.as_map() else {
        let help = "a mapping, such as {after: [{exec: [python, manage.py, check]}]}";
        return wrong(node, field, help, report);
    };
    for (key, entry) in map {
        let path = child(field, key);
        match &**key {
            "after" => after(&entry.node, &path, known, report),
            "before" if known.is_empty() => before_checks::check(&entry.node, &path, report),
            "before" => later(&entry.node, &path, report),
            _ => unknown(key, entry, (&path, KINDS), report),
        }
    }
}

fn later(node: &Node, path: &str, report: &mut Report) {
    let message = format!("{path} is not built yet");
    let finding = Finding::error("not-built-yet", path, message).at(node.place);
    report.add(finding.help("remove it; it comes with a later version"));
}

fn after(node: &Node, field: &str, further: &[&str], report: &mut Report) {
    let Some(list) = node.as_list() else {
        return wrong(node, field, "a list, such as [{exec: [python, manage.py, check]}]", report);
    };
    for (index, one) in list.iter().enumerate() {
        let path = format!("{field}[{index}]");
        let Some(map) = one.as_map() else {
            wrong(one, &path, "a mapping, such as {exec: [python, manage.py, check]}", report);
            continue;
        };
        asks_one_thing(one, &path, report);
        if further.contains(&"service") && one.get("service").is_none() {
            let message = format!("{path} names no service");
            let finding = Finding::error("missing-key", &path, message).at(one.place);
            report.add(finding.help("add service:, or write the check on the service"));
        }
        for (key, entry) in map {
            let (node, path) = (&entry.node, child(&path, key));
            match &**key {
                "run" => later(node, &path, report),
                "exec" if command(node).is_none() => {
                    wrong(node, &path, "a command, such as [python, manage.py, check]", report);
                }
                "http" | "tcp" => host_probe::check_handler(key, node, &path, report),
                "retries" if number(node, MOST_RETRIES).is_none() => {
                    wrong(node, &path, "a whole number from 0 to 1000", report);
                }
                "interval" | "timeout" if time(node).is_none() => {
                    wrong(node, &path, "a time longer than none, such as 5s", report);
                }
                "name" | "service" if node.as_text().is_none_or(str::is_empty) => {
                    wrong(node, &path, "a text", report);
                }
                known if CHECK.contains(&known) || further.contains(&known) => {}
                _ => unknown(key, entry, (&path, &[CHECK, further].concat()), report),
            }
        }
    }
}

fn asks_one_thing(node: &Node, path: &str, report: &mut Report) {
    let asked = HANDLERS.iter().filter(|key| node.get(key).is_some()).count();
    if asked == 1 || node.get("run").is_some() {
        return;
    }
    let (code, message) = match asked {
        0 => ("missing-key", format!("nothing says what {path} asks")),
        _ => ("exclusive-keys", format!("{path} asks several things")),
    };
    let finding = Finding::error(code, path, message).at(node.place);
    report.add(finding.help("one of exec, http and tcp"));
}

/// The checks after a rollout that stand on a service, or on the project for a service.
pub(crate) fn read(word: &Node, service: Option<&str>) -> Vec<AfterCheck> {
    let list = word.get("after").and_then(Node::as_list).unwrap_or_default();
    let wanted = |one: &Node| {
        service.is_none_or(|name| one.get("service").and_then(Node::as_text) == Some(name))
    };
    let numbered = list.iter().enumerate().filter(|(_, one)| wanted(one));
    numbered.filter_map(|(index, one)| read_one(one, index)).collect()
}

fn read_one(node: &Node, index: usize) -> Option<AfterCheck> {
    let handler = match node.get("exec") {
        Some(words) => {
            let command = command(words)?;
            Handler::Exec(Box::new(HookCommand { command, ..HookCommand::default() }))
        }
        None => host_probe::handler(node)?,
    };
    let name = node.get("name").and_then(Node::as_text).map(str::to_owned);
    let name = name.unwrap_or_else(|| index.saturating_add(1).to_string());
    let mut check = AfterCheck::of(name, handler);
    let retries = node.get("retries").and_then(|node| number(node, MOST_RETRIES));
    check.retries = retries.unwrap_or(check.retries);
    check.interval = node.get("interval").and_then(time).unwrap_or(check.interval);
    check.timeout = node.get("timeout").and_then(time).unwrap_or(check.timeout);
    Some(check)
}

/// Services that checks of the project name, each with its field.
pub(crate) fn named(word: &Node) -> Vec<(String, &Node)> {
    let list = word.get("after").and_then(Node::as_list).unwrap_or_default();
    let numbered = list.iter().enumerate();
    let named = numbered.filter_map(|(index, one)| {
        Some((format!("x-composelet.checks.after[{index}].service"), one.get("service")?))
    });
    named.collect()
}
