//! `x-composelet.drill` of a project: at which times the way back to the last stable version is tried.

use crate::manifest::environment::child;
use crate::manifest::node::Node;
use crate::manifest::report::{Finding, Report};
use crate::manifest::{schedule, words};
use crate::model::drill::Drill;

const KEYS: &[&str] = &["schedule", "time_zone"];
const FORM: &str = "a mapping such as {schedule: \"0 4 * * 0\", time_zone: Europe/Berlin}";

/// Checks the value of the word.
pub(crate) fn check(node: &Node, field: &str, report: &mut Report) {
    let Some(map) = node.as_map() else {
        return words::wrong(node, field, FORM, report);
    };
    for (key, entry) in map {
        let (path, value) = (child(field, key), &entry.node);
        match &**key {
            "schedule" => schedule::pattern(value, &path, report),
            "time_zone" => schedule::zone(value, &path, report),
            _ => words::unknown(key, entry, (&path, KEYS), report),
        }
    }
    if node.get("schedule").is_none() {
        let finding = Finding::error("missing-key", field, "nothing says when it is tried");
        report.add(finding.at(node.place).help(FORM));
    }
}

/// The checked value of the word.
pub(crate) fn read(node: &Node) -> Option<Drill> {
    let zone = node.get("time_zone").and_then(Node::as_text).unwrap_or("UTC");
    let when = schedule::when(node.get("schedule")?.as_text()?, zone, false).ok()?;
    Some(Drill { when })
}
