//! Paths and what is made of them: `build`, `env_file`, files of configs and secrets.

use super::{mapping, truth};
use crate::manifest::check::Check;
use crate::manifest::node::{Node, Value};
use crate::manifest::report::Finding;
use crate::manifest::schema::{Form, Kind, Unset};

/// A path of the host, made absolute against the directory of the project.
pub(crate) static PATH: Form = Form { expand: path, long: Kind::Text };

/// A build context: a directory, or something remote that stays as it is.
pub(crate) static CONTEXT: Form = Form { expand: context, long: Kind::Text };

impl Check<'_> {
    /// `text` as an absolute path; `None` after an error.
    pub(crate) fn absolute(&mut self, text: &str, node: &Node, field: &str) -> Option<String> {
        if text.starts_with('/') {
            // As it is: the command line does not clean what is absolute already.
            return Some(text.to_owned());
        }
        let text = if let Some(below) = text.strip_prefix('~') {
            let Some(home) = self.home else {
                self.report.add(
                    Finding::error("no-home", field, "~ means nothing here: no HOME is let in")
                        .at(node.place)
                        .help("write the whole path, or let HOME in with --env HOME"),
                );
                return None;
            };
            format!("{home}/{below}")
        } else {
            text.to_owned()
        };
        let path = self.directory.join(&text);
        if !self.report.shows(&path) {
            let message = format!("{} is nowhere on the engine's host", path.display());
            self.report.add(
                Finding::error("not-mounted", field, message).at(node.place).help(format!(
                    "composelet runs in a container and sees only what is mounted into it: mount the directory that holds {text} as well, at the same path as on the host, or write the path of the host"
                )),
            );
            return None;
        }
        Some(path.display().to_string())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the signature of Form::expand")]
fn path(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    let Some(text) = node.as_text() else {
        check.wrong(&node, field, "a path");
        return None;
    };
    let absolute = check.absolute(text, &node, field)?;
    Some(Node::text(absolute, node.place))
}

fn context(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    match node.as_text() {
        Some(text) if is_remote(text) => Some(node),
        _ => path(check, node, field),
    }
}

/// Further contexts of a build: paths are made absolute, references stay.
pub(crate) static CONTEXTS: Form = Form { expand: contexts, long: Kind::Map(&Kind::Text) };

fn contexts(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    let mut node = check.pairs(Unset::Empty, node, field)?;
    for entry in node.as_map_mut()?.values_mut() {
        let Some(text) = entry.node.as_text().map(str::to_owned) else {
            continue;
        };
        if !text.starts_with("service:") && !is_remote(&text) {
            let absolute = check.absolute(&text, &entry.node, field)?;
            entry.node = Node::text(absolute, entry.node.place).tagged(entry.node.merge);
        }
    }
    Some(node)
}

/// Agents and keys of a build: `id`, or `id=path`.
pub(crate) static BUILD_SSH: Form = Form { expand: build_ssh, long: Kind::List(&Kind::Text) };

fn build_ssh(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    let place = node.place;
    let pairs = check.pairs(Unset::Empty, node, field)?;
    let mut out = Vec::new();
    for (id, entry) in pairs.as_map()? {
        let text = match entry.node.as_text() {
            Some(path) if !path.is_empty() => {
                format!("{id}={}", check.absolute(path, &entry.node, field)?)
            }
            _ if &**id == "default" => id.to_string(),
            _ => {
                check.wrong(&entry.node, field, "default, or id=path of an agent's socket");
                return None;
            }
        };
        out.push(Node::text(text, entry.node.place));
    }
    Some(Node::new(Value::List(out), place))
}

/// Whether a build context is fetched by the builder instead of read from a directory.
pub(crate) fn is_remote(text: &str) -> bool {
    text.contains("://") || text.starts_with("git@") || text.starts_with("github.com/")
}

/// `build: ./dir` → `build: {context: ./dir}`.
pub(crate) fn build(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    match &node.value {
        Value::Text(text) => Some(mapping(&node, &[("context", text)])),
        Value::Map(_) => Some(node),
        _ => {
            check.wrong(&node, field, "a directory, or a mapping");
            None
        }
    }
}

/// One path, or a list of paths and mappings.
pub(crate) fn env_file(check: &mut Check<'_>, node: Node, field: &str) -> Option<Node> {
    let place = node.place;
    let items = match node.value {
        Value::Text(_) => vec![node],
        Value::List(list) => list,
        _ => {
            check.wrong(&node, field, "a path, or a list of paths");
            return None;
        }
    };
    let mut done = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        match &item.value {
            Value::Text(path) => {
                let mut long = mapping(&item, &[("path", path)]);
                long.set("required", truth(true, &item));
                done.push(long);
            }
            Value::Map(_) => done.push(item),
            _ => check.wrong(&item, &format!("{field}[{index}]"), "a path, or a mapping with path"),
        }
    }
    Some(Node::new(Value::List(done), place))
}
