//! Differences field by field, in a form that may be shown.

use std::collections::BTreeSet;

use crate::model::config::ContainerConfig;
use crate::model::field::{FieldChange, FieldClass, Shown};
use crate::model::observed::ApiVersion;
use crate::model::secret::salted_digest;
use crate::planner::fields::{FIELDS, Field, Value, Values};

/// What differs between `old` (observed) and `new` (expected), in table order. Fields that the engine does not know are
/// left out: it dropped them at create, and would be found to differ for ever.
pub fn diff(
    old: &ContainerConfig,
    new: &ContainerConfig,
    api: ApiVersion,
    salt: &str,
) -> Vec<FieldChange> {
    let known = FIELDS.iter().filter(|field| field.since <= api);
    known.flat_map(|field| changes(field, &(field.get)(old), &(field.get)(new), salt)).collect()
}

fn changes(field: &Field, old: &Values, new: &Values, salt: &str) -> Vec<FieldChange> {
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differing = keys.into_iter().filter(|key| text(old.get(*key)) != text(new.get(*key)));
    let change = |key: &String| FieldChange {
        field: if key.is_empty() { field.name.to_owned() } else { format!("{}.{key}", field.name) },
        class: class(field, new.get(key)),
        old: shown(old.get(key), salt),
        new: shown(new.get(key), salt),
    };
    differing.map(change).collect()
}

/// The engine reads zero as *leave unchanged*, so that a limit can be set live but not removed (invariant 13).
fn class(field: &Field, new: Option<&Value>) -> FieldClass {
    match (field.class, new) {
        (FieldClass::Live, None) => FieldClass::Recreate,
        (class, _) => class,
    }
}

fn text(value: Option<&Value>) -> Option<&str> {
    value.map(Value::text)
}

fn shown(value: Option<&Value>, salt: &str) -> Shown {
    match value {
        None => Shown::Absent,
        Some(Value::Plain(text)) => Shown::Text(text.clone()),
        Some(Value::Hidden(text)) => planted!(
            "secrets-are-shown",
            Shown::Digest(salted_digest(salt, text)),
            Shown::Text(text.clone()),
        ),
    }
}
