//! The small families: dependencies, networks of a service, devices, limits, hosts, health tests, policies.

use std::time::Duration;

use super::{mapping, names_to_map, truth};
use crate::manifest::check::Check;
use crate::manifest::node::{Node, Value};
use crate::manifest::schema::{Form, Kind};
use crate::manifest::units;

/// Lines of `/etc/hosts`: a list of `name=address` or `name:address`, or a mapping; canonical is `name=address`.
pub(crate) static EXTRA_HOSTS: Form = Form { expand: extra_hosts, long: Kind::List(&Kind::Text) };

/// A list of services, or a mapping with conditions; defaults are filled in.
pub(crate) fn depends_on(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    let mut map = match &node.value {
        Value::List(_) => {
            let made =
                names_to_map(&node, |item| mapping(item, &[("condition", "service_started")]));
            let Some(made) = made else {
                check.wrong(&node, field, "a list of services");
                return None;
            };
            made
        }
        _ => node,
    };
    for entry in map.as_map_mut().into_iter().flat_map(|map| map.values_mut()) {
        let place = entry.node.clone();
        if entry.node.as_map().is_some() && entry.node.get("required").is_none() {
            entry.node.set("required", truth(true, &place));
        }
    }
    Some(map)
}

/// A list of networks, or a mapping with details.
pub(crate) fn networks(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    if node.as_map().is_some() {
        return Some(node);
    }
    let made = names_to_map(&node, |item| Node::new(Value::Null, item.place));
    if made.is_none() {
        check.wrong(&node, field, "a list of networks, or a mapping with details");
    }
    made
}

/// `source[:target[:permissions]]`, or the long form.
pub(crate) fn device(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    match &node.value {
        Value::Map(_) => {
            let mut long = node;
            let place = long.place;
            let source = long.get("source").cloned();
            if let (None, Some(source)) = (long.get("target"), source) {
                long.set("target", source);
            }
            if long.get("permissions").is_none() {
                long.set("permissions", Node::text("rwm", place));
            }
            Some(long)
        }
        Value::Text(text) => {
            let parts: Vec<&str> = text.split(':').collect();
            let (source, target, permissions) = match parts.as_slice() {
                [source] => (*source, *source, "rwm"),
                [source, target] => (*source, *target, "rwm"),
                [source, target, permissions] => (*source, *target, *permissions),
                _ => {
                    check.wrong(&node, field, "source:target:permissions");
                    return None;
                }
            };
            Some(mapping(
                &node,
                &[("source", source), ("target", target), ("permissions", permissions)],
            ))
        }
        _ => {
            check.wrong(&node, field, "source:target:permissions, or a mapping");
            None
        }
    }
}

/// One number for both limits, or soft and hard.
pub(crate) fn ulimit(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    match &node.value {
        Value::Int(_) | Value::Text(_) => {
            let mut long = Node::map(node.place);
            long.set("single", node);
            Some(long)
        }
        Value::Map(map)
            if map.contains_key("soft")
                && map.contains_key("hard")
                && !map.contains_key("single") =>
        {
            Some(node)
        }
        _ => {
            check.wrong(&node, field, "a number, or a mapping with soft and hard");
            None
        }
    }
}

/// `true`, or the deprecated `{name: …}`.
pub(crate) fn external(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    if node.as_map().is_none() {
        return Some(node);
    }
    check.wrong(&node, field, "true; the name stands beside it, under name");
    None
}

/// Files by themselves become mappings with `path`.
pub(crate) fn include(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    let place = node.place;
    let Value::List(list) = node.value else {
        check.wrong(&node, field, "a list of files");
        return None;
    };
    let long = list.into_iter().map(|item| match &item.value {
        Value::Text(path) => mapping(&item, &[("path", path)]),
        _ => item,
    });
    Some(Node::new(Value::List(long.collect()), place))
}

/// `extends: web` → `extends: {service: web}`.
#[expect(clippy::unnecessary_wraps, reason = "the signature of Form::expand")]
pub(crate) fn extends(_check: &mut Check<'_>, node: Node, _field: &str) -> Option<Node> {
    match &node.value {
        Value::Text(service) => Some(mapping(&node, &[("service", service)])),
        _ => Some(node),
    }
}

/// A text is a line for the shell; a list begins with CMD, CMD-SHELL or NONE.
pub(crate) fn health_test(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    match &node.value {
        Value::Text(line) => {
            let words = [Node::text("CMD-SHELL", node.place), Node::text(&**line, node.place)];
            Some(Node::new(Value::List(words.into()), node.place))
        }
        Value::List(list) => {
            let first = list.first().map(|first| first.as_text().unwrap_or(""));
            if matches!(first, None | Some("CMD" | "CMD-SHELL" | "NONE")) {
                return Some(node);
            }
            check.wrong(&node, field, "a list that begins with CMD, CMD-SHELL or NONE, or a text");
            None
        }
        _ => {
            check.wrong(&node, field, "a text or a list");
            None
        }
    }
}

/// The words of the specification; `if_not_present` becomes `missing`.
pub(crate) fn pull_policy(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    let text = node.as_text().unwrap_or("");
    let known = matches!(
        text,
        "always"
            | "never"
            | "missing"
            | "if_not_present"
            | "build"
            | "daily"
            | "weekly"
            | "refresh"
    );
    let period = text.strip_prefix("every_").and_then(units::duration);
    let timed = period.is_some_and(|period| period >= Duration::from_secs(1));
    if text == "if_not_present" {
        return Some(Node::text("missing", node.place));
    }
    if known || timed {
        return Some(node);
    }
    let words = "always, missing, never, build, daily, weekly, refresh or every_<time> with a time of at least 1s";
    check.wrong(&node, field, words);
    None
}

/// `no`, `always`, `unless-stopped`, `on-failure[:n]`.
pub(crate) fn restart(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    let text = node.as_text().unwrap_or("");
    let tries = text.strip_prefix("on-failure:").map(str::parse::<u32>);
    if matches!(text, "no" | "always" | "unless-stopped" | "on-failure")
        || matches!(tries, Some(Ok(_)))
    {
        return Some(node);
    }
    check.wrong(&node, field, "\"no\" (in quotes), always, unless-stopped or on-failure[:n]");
    None
}

#[expect(clippy::needless_pass_by_value, reason = "the signature of Form::expand")]
fn extra_hosts(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    let mut lines = Vec::new();
    match &node.value {
        Value::List(list) => {
            for (index, item) in list.iter().enumerate() {
                let text = item.as_text().unwrap_or("");
                let pair = text.split_once('=').or_else(|| text.split_once(':'));
                match pair.map(|(name, address)| (name, strip_brackets(address))) {
                    Some((name, address)) if !name.is_empty() && !address.is_empty() => {
                        lines.push(Node::text(format!("{name}={address}"), item.place));
                    }
                    _ => check.wrong(item, &format!("{field}[{index}]"), "name=address"),
                }
            }
        }
        Value::Map(map) => {
            for (name, entry) in map {
                let addresses = entry.node.as_list().unwrap_or(std::slice::from_ref(&entry.node));
                for address in addresses {
                    match address.as_text() {
                        Some(text) => {
                            let line = format!("{name}={}", strip_brackets(text));
                            lines.push(Node::text(line, address.place));
                        }
                        None => check.wrong(address, &format!("{field}.{name}"), "an address"),
                    }
                }
            }
        }
        _ => {
            check.wrong(&node, field, "a list of name=address, or a mapping");
            return None;
        }
    }
    Some(Node::new(Value::List(lines), node.place))
}

fn strip_brackets(address: &str) -> &str {
    address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(address)
}
