//! Devices that drivers hand out, limits per block device, times of the real-time scheduler, models.

use super::names_to_map;
use crate::manifest::check::Check;
use crate::manifest::node::{Node, Value};
use crate::manifest::report::Finding;
use crate::manifest::units;

/// `all`, or a list of requests.
pub(crate) fn gpus(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    match &node.value {
        Value::Text(text) if &**text == "all" => {
            let all = Node::map(node.place);
            Some(Node::new(Value::List(vec![all]), node.place))
        }
        Value::List(_) => Some(node),
        _ => {
            check.wrong(&node, field, "all, or a list of requests");
            None
        }
    }
}

/// A request for devices: `count: all` is -1, and so is neither count nor ids.
pub(crate) fn device_request(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    let mut node = node;
    if node.as_map().is_none() {
        check.wrong(&node, field, "a mapping with capabilities, and count or device_ids");
        return None;
    }
    let place = node.place;
    let count = node.get("count").map(|node| (node.place, node.as_text() == Some("all")));
    match (count, node.get("device_ids").is_some()) {
        (Some((place, _)), true) => {
            check.report.add(
                Finding::error("exclusive-keys", field, "count and device_ids exclude each other")
                    .at(place)
                    .help("remove one of the two"),
            );
            return None;
        }
        (Some((place, true)), false) => node.set("count", Node::new(Value::Int(-1), place)),
        (None, false) => node.set("count", Node::new(Value::Int(-1), place)),
        _ => {}
    }
    Some(node)
}

/// The weight of a device; none is 0, as the command line prints it.
#[expect(clippy::unnecessary_wraps, reason = "the signature of Form::expand")]
pub(crate) fn block_weight(_check: &mut Check<'_>, node: Node, _field: &str) -> Option<Node> {
    Some(with_zero(node, "weight"))
}

/// The rate of a device; none is 0, as the command line prints it.
#[expect(clippy::unnecessary_wraps, reason = "the signature of Form::expand")]
pub(crate) fn block_rate(_check: &mut Check<'_>, node: Node, _field: &str) -> Option<Node> {
    Some(with_zero(node, "rate"))
}

fn with_zero(mut node: Node, key: &str) -> Node {
    if node.as_map().is_some() && node.get(key).is_none() {
        let place = node.place;
        node.set(key, Node::new(Value::Int(0), place));
    }
    node
}

/// Microseconds, or a time (Compose Specification, `cpu_rt_period`); canonical is the number.
pub(crate) fn microseconds(check: &mut Check<'_>, mut node: Node, field: &str) -> Option<Node> {
    let number = match &node.value {
        Value::Int(number) => Some(*number),
        Value::Text(text) => text.parse().ok().or_else(|| {
            let time = units::duration(text)?;
            i64::try_from(time.as_micros()).ok()
        }),
        _ => None,
    };
    let Some(number) = number.filter(|number| *number >= 0) else {
        check.wrong(&node, field, "microseconds, or a time such as 400ms");
        return None;
    };
    node.value = Value::Int(number);
    Some(node)
}

/// A list of names becomes a mapping.
pub(crate) fn models(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    if node.as_map().is_some() {
        return Some(node);
    }
    let made = names_to_map(&node, |item| Node::new(Value::Null, item.place));
    if made.is_none() {
        check.wrong(&node, field, "a list of models, or a mapping with names of variables");
    }
    made
}
