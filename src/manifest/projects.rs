//! `x-composelet.depends_on_projects` of a project: other projects that have to be there first.

use std::collections::BTreeMap;

use crate::manifest::discovery;
use crate::manifest::environment::child;
use crate::manifest::node::{Node, Value};
use crate::manifest::report::{Finding, Report};
use crate::manifest::words;
use crate::model::id::ProjectName;
use crate::model::neighbour::{ProjectCondition, ProjectDependency};

const KEYS: &[&str] = &["condition", "required"];
const CONDITIONS: &[&str] = &["ready", "started"];
const FORM: &str = "a list such as [db], or a mapping such as {db: {condition: ready}}";
const NAME: &str = "the name of a project: lower-case letters, digits, dashes and underscores, a letter or digit first";

/// Checks the value of the word.
pub(crate) fn check(node: &Node, field: &str, report: &mut Report) {
    match &node.value {
        Value::List(list) => {
            for (index, name) in list.iter().enumerate() {
                if !name.as_text().is_some_and(is_name) {
                    words::wrong(name, &format!("{field}[{index}]"), NAME, report);
                }
            }
        }
        Value::Map(map) => {
            for (name, entry) in map {
                let path = child(field, name);
                if is_name(name) {
                    edge(&entry.node, &path, report);
                } else {
                    let message = format!("{name} is no name of a project");
                    let finding = Finding::error("wrong-kind", &path, message);
                    report.add(finding.at(entry.key).help(NAME));
                }
            }
        }
        _ => words::wrong(node, field, FORM, report),
    }
}

fn edge(node: &Node, field: &str, report: &mut Report) {
    let map = match &node.value {
        Value::Null => return,
        Value::Map(map) => map,
        _ => return words::wrong(node, field, "a mapping such as {condition: ready}", report),
    };
    for (key, entry) in map {
        let (path, value) = (child(field, key), &entry.node);
        match &**key {
            "condition" => words::one_of(value, &path, CONDITIONS, report),
            "required" if words::truth(value).is_some() => {}
            "required" => words::wrong(value, &path, "true or false", report),
            _ => words::unknown(key, entry, (&path, KEYS), report),
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && discovery::normalise_name(text) == text
}

/// The checked value of the word.
pub(crate) fn read(node: &Node) -> BTreeMap<ProjectName, ProjectDependency> {
    let plain = ProjectDependency { condition: ProjectCondition::Ready, required: true };
    match &node.value {
        Value::List(list) => {
            let names = list.iter().filter_map(Node::as_text);
            names.map(|name| (ProjectName::from(name), plain)).collect()
        }
        Value::Map(map) => {
            let edge = |node: &Node| ProjectDependency {
                condition: match node.get("condition").and_then(Node::as_text) {
                    Some("started") => ProjectCondition::Started,
                    _ => ProjectCondition::Ready,
                },
                required: node.get("required").and_then(words::truth).unwrap_or(true),
            };
            map.iter()
                .map(|(name, entry)| (ProjectName::from(&**name), edge(&entry.node)))
                .collect()
        }
        _ => BTreeMap::new(),
    }
}

/// Where the project names itself, if it does.
pub(crate) fn itself<'a>(node: &'a Node, name: &ProjectName) -> Option<&'a Node> {
    match &node.value {
        Value::List(list) => list.iter().find(|one| one.as_text() == Some(name.as_str())),
        Value::Map(_) => node.get(name.as_str()),
        _ => None,
    }
}
