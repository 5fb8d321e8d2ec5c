//! Short forms and their long forms, one file per family; and the identities by which entries of lists are matched in a
//! merge.

mod identity;
mod mounts;
mod paths;
mod ports;
mod small;

pub(crate) use identity::{
    path_identity, port_identity, subnet_identity, target_identity, text_identity,
};
pub(crate) use mounts::{config_mount, secret_mount, volume};
pub(crate) use paths::{CONTEXT, PATH, build, env_file, is_remote};
pub(crate) use ports::ports;
pub(crate) use small::{
    EXTRA_HOSTS, depends_on, device, extends, external, health_test, include, networks,
    pull_policy, restart, ulimit,
};

use std::sync::Arc;

use crate::manifest::node::{Entry, Node, Value};

/// A mapping of texts, in the order given, all at the place of `node`.
fn mapping(node: &Node, entries: &[(&str, &str)]) -> Node {
    let mut out = Node::map(node.place);
    for (key, value) in entries {
        out.set(key, Node::text(*value, node.place));
    }
    out
}

/// A list of names becomes a mapping whose values `make` yields.
fn names_to_map(node: &Node, make: impl Fn(&Node) -> Node) -> Option<Node> {
    let mut out = Node::map(node.place);
    let map = out.as_map_mut()?;
    for item in node.as_list()? {
        let key_place = item.place;
        let node = make(item);
        map.insert(Arc::from(item.as_text()?), Entry { key: key_place, node });
    }
    Some(out)
}

fn truth(value: bool, like: &Node) -> Node {
    Node::new(Value::Bool(value), like.place)
}
