//! `x-composelet.checks`: what has to hold before a version counts as one that held.

use std::sync::Arc;

use crate::manifest::before_checks;
use crate::manifest::environment::child;
use crate::manifest::host_probe;
use crate::manifest::node::Node;
use crate::manifest::report::{Finding, Report};
use crate::manifest::words::{command, number, time, unknown, wrong};
use crate::model::after_check::{AfterCheck, Asks};
use crate::model::hook::{HookCommand, PreStart};
use crate::model::host_probe::Handler;

const KINDS: &[&str] = &["before", "after"];
const ASKED: &[&str] = &["exec", "http", "tcp", "run"];
const RUN: &[&str] = &["command", "image", "environment", "user"];
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
            "before" => before_checks::check(&entry.node, &path, known, report),
            _ => unknown(key, entry, (&path, KINDS), report),
        }
    }
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
                "run" => run(node, &path, report),
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
    let asked = ASKED.iter().filter(|key| node.get(key).is_some()).count();
    if asked == 1 {
        return;
    }
    let (code, message) = match asked {
        0 => ("missing-key", format!("nothing says what {path} asks")),
        _ => ("exclusive-keys", format!("{path} asks several things")),
    };
    let finding = Finding::error(code, path, message).at(node.place);
    report.add(finding.help("one of exec, http, tcp and run"));
}

/// A container of its own: a command, or a mapping.
fn run(node: &Node, field: &str, report: &mut Report) {
    const FORM: &str = "a command, such as [pytest, -q], or {image: scanner, command: [scan]}";
    let Some(map) = node.as_map() else {
        if command(node).is_none() {
            wrong(node, field, FORM, report);
        }
        return;
    };
    if map.get("command").is_none() && map.get("image").is_none() {
        wrong(node, field, FORM, report);
    }
    for (key, entry) in map {
        let (node, path) = (&entry.node, child(field, key));
        match &**key {
            "command" if command(node).is_none() => {
                wrong(node, &path, "a command, such as [pytest, -q]", report);
            }
            "image" | "user" if node.as_text().is_none_or(str::is_empty) => {
                wrong(node, &path, "a text", report);
            }
            "environment" => before_checks::environment(node, &path, report),
            known if RUN.contains(&known) => {}
            _ => unknown(key, entry, (&path, RUN), report),
        }
    }
}

/// The checks after a rollout that stand on a service, or on the project for a service. What runs in a container of its own
/// runs `image` unless it says another one.
pub(crate) fn read(word: &Node, service: Option<&str>, image: &str) -> Vec<AfterCheck> {
    let list = word.get("after").and_then(Node::as_list).unwrap_or_default();
    let wanted = list.iter().enumerate().filter(|(_, one)| before_checks::is_for(one, service));
    wanted.filter_map(|(index, one)| read_one(one, index, image)).collect()
}

/// What a container of its own runs.
fn one_off(node: &Node, image: &str) -> PreStart {
    let text = |key| node.get(key).and_then(Node::as_text).map(str::to_owned);
    let words = if node.as_map().is_some() { node.get("command") } else { Some(node) };
    let command = words.and_then(command);
    let environment = before_checks::variables(node).into_iter();
    PreStart {
        image: text("image").unwrap_or_else(|| image.to_owned()),
        run: HookCommand {
            command: command.unwrap_or_default(),
            user: text("user"),
            environment: environment.map(|(name, value)| (name, Some(value))).collect(),
            ..HookCommand::default()
        },
    }
}

fn read_one(node: &Node, index: usize, image: &str) -> Option<AfterCheck> {
    let asks = match (node.get("run"), node.get("exec")) {
        (Some(run), _) => Asks::OneOff(Box::new(one_off(run, image))),
        (None, Some(words)) => {
            let command = command(words)?;
            let command = HookCommand { command, ..HookCommand::default() };
            Asks::Replica(Arc::new(Handler::Exec(Box::new(command))))
        }
        (None, None) => Asks::Replica(Arc::new(host_probe::handler(node)?)),
    };
    let name = node.get("name").and_then(Node::as_text).map(str::to_owned);
    let name = name.unwrap_or_else(|| index.saturating_add(1).to_string());
    let mut check = AfterCheck::of(name, asks);
    let retries = node.get("retries").and_then(|node| number(node, MOST_RETRIES));
    check.retries = retries.unwrap_or(check.retries);
    check.interval = node.get("interval").and_then(time).unwrap_or(check.interval);
    check.timeout = node.get("timeout").and_then(time).unwrap_or(check.timeout);
    Some(check)
}

/// Services that the word at `field` names, each with its field.
pub(crate) fn named<'a>(word: &'a Node, field: &str) -> Vec<(String, &'a Node)> {
    let lists = KINDS.iter().filter_map(|kind| Some((kind, word.get(kind)?)));
    lists.flat_map(|(kind, list)| before_checks::named(list, &child(field, kind))).collect()
}
