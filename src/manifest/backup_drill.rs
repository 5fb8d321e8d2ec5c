//! `drill` of `x-composelet.backup`, on the project or a service: how a restored backup is checked, and when that is tried.

use std::time::Duration;

use crate::manifest::backup::Of;
use crate::manifest::environment::child;
use crate::manifest::node::Node;
use crate::manifest::report::{Finding, Report};
use crate::manifest::{schedule, words};
use crate::model::backup::BackupDrill;
use crate::model::restore_drill::RestoreDrillPolicy;

const KEYS: &[&str] = &["check", "schedule", "time_zone", "deadline", "timeout", "max_age"];
/// What is checked is a matter of each service.
const PROJECT_KEYS: &[&str] = &["schedule", "time_zone", "deadline", "timeout", "max_age"];
const FORM: &str =
    "a mapping such as {check: [psql, -Upostgres, -c, SELECT 1]} or {schedule: \"0 5 * * 0\"}";
const PROJECT_FORM: &str = "a mapping such as {schedule: \"0 5 * * 0\"}";
const TIME: &str = "a time such as 30m or 2h";
/// For each service, as of `backup drill`.
const TIMEOUT: Duration = Duration::from_mins(10);

/// Checks the value of the word.
pub(crate) fn check(node: &Node, field: &str, of: Of, report: &mut Report) {
    let (keys, form) = match of {
        Of::Project => (PROJECT_KEYS, PROJECT_FORM),
        Of::Service | Of::Volume => (KEYS, FORM),
    };
    let Some(map) = node.as_map() else {
        return words::wrong(node, field, form, report);
    };
    for (key, entry) in map {
        let (path, value) = (child(field, key), &entry.node);
        match &**key {
            key if !keys.contains(&key) => words::unknown(key, entry, (&path, keys), report),
            "check" if is_vector(value) => {}
            "check" => words::wrong(value, &path, "a list of texts: program and arguments", report),
            "schedule" => schedule::pattern(value, &path, report),
            "time_zone" => schedule::zone(value, &path, report),
            _ if words::time(value).is_some() => {}
            _ => words::wrong(value, &path, TIME, report),
        }
    }
    let given = |key: &str| node.get(key).is_some();
    let mut error = |code, message: &str, help: &str| {
        report.add(Finding::error(code, field, message).at(node.place).help(help));
    };
    if PROJECT_KEYS.iter().any(|key| given(key)) && !given("schedule") {
        let message = "time_zone, deadline, timeout and max_age belong to schedule";
        error("backup", message, "write {schedule: \"0 5 * * 0\"}");
    } else if !given("check") && !given("schedule") {
        error("missing-key", "nothing says what is checked, or when it is tried", form);
    }
}

/// A command as a list: a line would need a shell to split it.
fn is_vector(node: &Node) -> bool {
    node.as_list().is_some() && words::command(node).is_some()
}

/// The checked value of the word.
pub(crate) fn read(node: &Node) -> Option<BackupDrill> {
    node.as_map()?;
    let check = node.get("check").and_then(words::command).unwrap_or_default();
    Some(BackupDrill { check, policy: policy(node) })
}

fn policy(node: &Node) -> Option<RestoreDrillPolicy> {
    let zone = node.get("time_zone").and_then(Node::as_text).unwrap_or("UTC");
    let when = schedule::when(node.get("schedule")?.as_text()?, zone, false).ok()?;
    let time = |key: &str| node.get(key).and_then(words::time);
    let (deadline, max_age) = (time("deadline"), time("max_age"));
    let timeout = time("timeout").unwrap_or(TIMEOUT);
    Some(RestoreDrillPolicy { when, deadline, timeout, max_age })
}
