//! Keys without a value. A later file may leave a value to the earlier ones; what nobody gave is an error.

use super::allowed;
use crate::manifest::environment::Trail;
use crate::manifest::node::{Entry, MergeTag, Node, Value};
use crate::manifest::report::{Finding, Report};
use crate::manifest::schema::{Field, Kind, Object};

/// Whether a key that wants a value has none.
pub(super) fn is_lacking(known: &Field, node: &Node) -> bool {
    node.is_null()
        && node.merge == MergeTag::Rule
        && !matches!(known.kind, Kind::Words | Kind::Any | Kind::Label)
}

/// Reports every key of the model that has no value after a file was merged into it, and removes it.
pub(crate) fn settle(object: &'static Object, node: &mut Node, path: &str, report: &mut Report) {
    settle_below(object, node, Trail::Root(path), report);
}

fn settle_below(object: &'static Object, node: &mut Node, trail: Trail<'_>, report: &mut Report) {
    let Some(map) = node.as_map_mut() else {
        return;
    };
    map.retain(|key, entry| match object.field(key) {
        Some(field) if is_lacking(field, &entry.node) => {
            // The command line takes these two without a value, and nothing else.
            if !matches!(&**key, "deploy" | "develop") {
                tell(field, entry, &Trail::Key(&trail, key).text(), report);
            }
            false
        }
        Some(field) => {
            inner(&field.kind, &mut entry.node, Trail::Key(&trail, key), report);
            true
        }
        None => true,
    });
}

fn inner(kind: &'static Kind, node: &mut Node, trail: Trail<'_>, report: &mut Report) {
    match kind {
        Kind::Object(object) => settle_below(object, node, trail, report),
        Kind::Form(form) => inner(&form.long, node, trail, report),
        Kind::List(item) | Kind::OneOrMany(item) => {
            if let Value::List(list) = &mut node.value {
                for (index, node) in list.iter_mut().enumerate() {
                    inner(item, node, Trail::Index(&trail, index), report);
                }
            }
        }
        Kind::Map(item) | Kind::MapOfOptional(item) => {
            for (key, entry) in node.as_map_mut().into_iter().flatten() {
                inner(item, &mut entry.node, Trail::Key(&trail, key), report);
            }
        }
        _ => {}
    }
}

/// Reports a key without a value.
pub(super) fn tell(known: &'static Field, entry: &Entry, path: &str, report: &mut Report) {
    report.add(
        Finding::error("empty-value", path, format!("{path} has no value"))
            .at(entry.key)
            .help(format!("{path} takes {}; or remove the line", allowed(&known.kind))),
    );
}
