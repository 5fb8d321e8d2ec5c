//! `volumes`, `configs` and `secrets` of a service.

use super::{mapping, truth};
use crate::manifest::check::Check;
use crate::manifest::node::{Node, Value};
use crate::manifest::report::Finding;

const PROPAGATIONS: &[&str] = &["rprivate", "private", "rshared", "shared", "rslave", "slave"];

/// `[source:]target[:options]`, or the long form; sources of binds become absolute, targets lose a slash at the end.
pub(crate) fn volume(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    let mut long = match &node.value {
        Value::Map(_) => node,
        Value::Text(text) => short_volume(check, text, &node, field)?,
        _ => {
            check.wrong(&node, field, "source:target[:options], or a mapping");
            return None;
        }
    };
    if let Some(target) = long.get("target").and_then(Node::as_text) {
        let cleaned = clean_target(target);
        if let Some(node) = long.get_mut("target") {
            node.value = Value::Text(cleaned.into());
        }
    }
    if long.get("type").and_then(Node::as_text) == Some("bind") {
        bind_source(check, &mut long, field)?;
    }
    Some(long)
}

/// `/a//b/./c/` → `/a/b/c`.
fn clean_target(target: &str) -> String {
    if !target.starts_with('/') {
        return target.to_owned();
    }
    crate::model::path::clean(std::path::Path::new(target)).display().to_string()
}

fn bind_source(check: &mut Check<'_>, long: &mut Node, field: &str) -> Option<()> {
    let Some(source) =
        long.get("source").filter(|node| node.as_text().is_some_and(|text| !text.is_empty()))
    else {
        let message = format!("{field} is a bind without a source");
        check.report.add(
            Finding::error("missing-key", field, message)
                .at(long.place)
                .help("name a path of the host under source"),
        );
        return None;
    };
    let source = source.clone();
    let absolute = check.absolute(source.as_text()?, &source, field)?;
    if let Some(node) = long.get_mut("source") {
        node.value = Value::Text(absolute.into());
    }
    Some(())
}

fn short_volume(check: &mut Check<'_>, text: &str, node: &Node, field: &str) -> Option<Node> {
    let mut parts = text.split(':');
    let (first, second, options) = (parts.next().unwrap_or(""), parts.next(), parts.next());
    if parts.next().is_some() || options == Some("") {
        check.wrong(node, field, "source:target:options, with nothing empty between the colons");
        return None;
    }
    let Some(target) = second else {
        if !first.starts_with('/') {
            check.wrong(node, field, "an absolute path inside the container, or source:target");
            return None;
        }
        let mut long = mapping(node, &[("type", "volume"), ("target", first)]);
        // The command line leaves the empty details out of the shortest texts, and they count for its hash.
        if first.len() > 2 {
            long.set("volume", Node::map(node.place));
        }
        return Some(long);
    };
    if first.is_empty() || !target.starts_with('/') {
        check.wrong(node, field, "source:target with an absolute target");
        return None;
    }
    if first.len() == 1 && first.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        check.report.add(
            Finding::warning(
                "one-letter-volume",
                field,
                "docker compose takes a name of one letter for a drive of Windows",
            )
            .at(node.place)
            .help("give the volume a longer name, or use the long form"),
        );
    }
    let is_bind = first.starts_with(['.', '/', '~']);
    let kind = if is_bind { "bind" } else { "volume" };
    let mut long = mapping(node, &[("type", kind), ("source", first), ("target", target)]);
    long.set(kind, Node::map(node.place));
    if is_bind {
        detail(&mut long, "bind", "create_host_path", truth(true, node));
    }
    for option in options.unwrap_or("").split(',').filter(|option| !option.is_empty()) {
        short_option(check, option, &mut long, (node, field));
    }
    Some(long)
}

/// Sets a detail of a mount, also one of another kind of mount: the command line takes the words as they come.
fn detail(long: &mut Node, block: &str, key: &str, value: Node) {
    if long.get(block).is_none() {
        long.set(block, Node::map(value.place));
    }
    if let Some(block) = long.get_mut(block) {
        block.set(key, value);
    }
}

fn short_option(
    check: &mut Check<'_>,
    option: &str,
    long: &mut Node,
    (node, field): (&Node, &str),
) {
    match option {
        "ro" => long.set("read_only", truth(true, node)),
        "rw" => long.set("read_only", truth(false, node)),
        "nocopy" => detail(long, "volume", "nocopy", truth(true, node)),
        "z" | "Z" => detail(long, "bind", "selinux", Node::text(option, node.place)),
        word if PROPAGATIONS.contains(&word) => {
            detail(long, "bind", "propagation", Node::text(word, node.place));
        }
        _ => {
            let shown = check.report.sources.shown(option, node.place).to_owned();
            check.report.add(
                Finding::warning(
                    "unknown-option",
                    field,
                    format!("the option {shown} has no effect here"),
                )
                .at(node.place)
                .help("known are ro, rw, z, Z, nocopy and the words of propagation"),
            );
        }
    }
}

/// A name, or the long form.
pub(crate) fn config_mount(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    file_mount(check, node, field)
}

/// A name, or the long form; the target is a path below `/run/secrets` unless it is absolute.
pub(crate) fn secret_mount(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    let mut long = file_mount(check, node, field)?;
    let target = long.get("target").and_then(Node::as_text).map(str::to_owned);
    if target.is_none()
        && let Some(source) = long.get("source").and_then(Node::as_text).map(str::to_owned)
    {
        let place = long.place;
        long.set("target", Node::text(format!("/run/secrets/{source}"), place));
    }
    Some(long)
}

fn file_mount(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    match &node.value {
        Value::Text(name) => Some(mapping(&node, &[("source", name)])),
        Value::Map(_) => Some(node),
        _ => {
            check.wrong(&node, field, "a name, or a mapping with source");
            None
        }
    }
}
