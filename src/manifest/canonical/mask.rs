//! A tree without the values that came out of encrypted files.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::manifest::node::{Node, Value};
use crate::model::secret::Secret;

/// What stands in the place of such a value.
const MASK: &str = "(decrypted)";
/// Shortest value, in bytes, that is looked for within longer texts: a shorter one stands in many by chance.
const SHORTEST: usize = 4;

/// Masks every text that is one of `values` or holds one; keys are never values.
pub(super) fn mask(node: &mut Node, values: &BTreeSet<Secret>) {
    let text = match &mut node.value {
        Value::List(items) => return items.iter_mut().for_each(|item| mask(item, values)),
        Value::Map(map) => {
            return map.iter_mut().for_each(|(_, entry)| mask(&mut entry.node, values));
        }
        Value::Text(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Null | Value::Bool(_) => return,
    };
    let holds = |value: &Secret| {
        let value = value.expose();
        !value.is_empty() && (text == value || value.len() >= SHORTEST && text.contains(value))
    };
    if values.iter().any(holds) {
        node.value = Value::Text(Arc::from(MASK));
    }
}
