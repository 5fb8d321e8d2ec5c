//! `x-composelet.job` of a service: it runs to its end, and when it runs again.

use crate::manifest::environment::child;
use crate::manifest::node::Node;
use crate::manifest::report::Report;
use crate::manifest::words;
use crate::model::job::{JobOnce, OnRollback};

const KEYS: &[&str] = &["once", "on_rollback", "allow_failure", "retries", "like"];
const ONCE: &[&str] = &["revision", "image", "project"];
const ON_ROLLBACK: &[&str] = &["rerun", "skip"];
const FORM: &str = "a mapping such as {once: image, retries: 2}; {} for the defaults";
/// Most retries.
const MOST: i64 = 100;

/// The word as it was written and checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    /// What makes it run again.
    pub(crate) once: JobOnce,
    /// What a rollback does.
    pub(crate) on_rollback: OnRollback,
    /// Dependants go on although it failed.
    pub(crate) allow_failure: bool,
    /// Tries after the first failure, if it says so.
    pub(crate) retries: Option<u32>,
}

/// Checks the value of the word.
pub(crate) fn check(node: &Node, field: &str, report: &mut Report) {
    let Some(map) = node.as_map() else {
        return words::wrong(node, field, FORM, report);
    };
    for (key, entry) in map {
        let (path, value) = (child(field, key), &entry.node);
        match &**key {
            "once" => words::one_of(value, &path, ONCE, report),
            "on_rollback" => words::one_of(value, &path, ON_ROLLBACK, report),
            "allow_failure" if words::truth(value).is_some() => {}
            "allow_failure" => words::wrong(value, &path, "true or false", report),
            "retries" if words::number(value, MOST).is_some() => {}
            "retries" => words::wrong(value, &path, "a number from 0 to 100", report),
            "like" if value.as_text().is_some_and(|text| !text.is_empty()) => {}
            "like" => words::wrong(value, &path, "the name of a service", report),
            _ => words::unknown(key, entry, (&path, KEYS), report),
        }
    }
}

/// The checked value of the word; `None` if it is not there.
pub(crate) fn read(node: &Node) -> Option<Words> {
    node.as_map()?;
    Some(Words {
        once: match node.get("once").and_then(Node::as_text) {
            Some("image") => JobOnce::Image,
            Some("project") => JobOnce::Project,
            _ => JobOnce::Revision,
        },
        on_rollback: match node.get("on_rollback").and_then(Node::as_text) {
            Some("rerun") => OnRollback::Rerun,
            _ => OnRollback::Skip,
        },
        allow_failure: node.get("allow_failure").and_then(words::truth).unwrap_or(false),
        retries: node.get("retries").and_then(|node| words::number(node, MOST)),
    })
}
