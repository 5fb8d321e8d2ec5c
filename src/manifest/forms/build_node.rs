//! Nodes that short forms turn into.

use std::sync::Arc;

use crate::manifest::node::{Entry, Node, Value};

/// A mapping of texts, in the order given, all at the place of `node`.
pub(super) fn mapping(node: &Node, entries: &[(&str, &str)]) -> Node {
    let mut out = Node::map(node.place);
    for (key, value) in entries {
        out.set(key, Node::text(*value, node.place));
    }
    out
}

/// A list of names becomes a mapping whose values `make` yields.
pub(super) fn names_to_map(node: &Node, make: impl Fn(&Node) -> Node) -> Option<Node> {
    let mut out = Node::map(node.place);
    let map = out.as_map_mut()?;
    for item in node.as_list()? {
        let key_place = item.place;
        let node = make(item);
        map.insert(Arc::from(item.as_text()?), Entry { key: key_place, node });
    }
    Some(out)
}

/// A truth value at the place of `like`.
pub(super) fn truth(value: bool, like: &Node) -> Node {
    Node::new(Value::Bool(value), like.place)
}
