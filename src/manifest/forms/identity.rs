//! By what two entries of a list are the same (compose-spec reference §2.7).

use crate::manifest::node::Node;

fn part(node: &Node, key: &str) -> String {
    node.get(key).and_then(Node::scalar_text).map_or_else(String::new, |text| text.to_string())
}

/// The entry's own text.
pub(crate) fn text_identity(node: &Node) -> String {
    node.scalar_text().map_or_else(String::new, |text| text.to_string())
}

/// The entry's own text before `=`.
pub(crate) fn key_identity(node: &Node) -> String {
    let text = text_identity(node);
    text.split_once('=').map(|(key, _)| key.to_owned()).unwrap_or(text)
}

/// Mounts, devices, configs and secrets: the target; without one, the source.
pub(crate) fn target_identity(node: &Node) -> String {
    let target = part(node, "target");
    if target.is_empty() { format!("source:{}", part(node, "source")) } else { target }
}

/// Ports: address, host port, container port and protocol.
pub(crate) fn port_identity(node: &Node) -> String {
    let ip = part(node, "host_ip");
    let ip = if ip.is_empty() { "0.0.0.0" } else { &ip };
    format!("{ip}:{}:{}/{}", part(node, "published"), part(node, "target"), part(node, "protocol"))
}

/// Env files: the path.
pub(crate) fn path_identity(node: &Node) -> String {
    part(node, "path")
}

/// Requests of devices: `all` is one however often it is written, every other request stands for itself.
pub(crate) fn request_identity(node: &Node) -> String {
    let alone = node.as_map().is_some_and(|map| map.len() == 1);
    match node.get("count").and_then(Node::as_int) {
        Some(-1) if alone => "all".to_owned(),
        _ => format!("{}:{}", node.place.source, node.place.start),
    }
}
