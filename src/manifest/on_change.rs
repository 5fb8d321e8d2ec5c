//! `x-composelet.on_change` of a service: what a changed file does, and which bound files count.

use crate::manifest::environment::child;
use crate::manifest::node::{Node, Value};
use crate::manifest::report::{Finding, Report};
use crate::manifest::shell;
use crate::manifest::source::Place;
use crate::manifest::suggest;
use crate::model::content::{OnChange, Reload};
use crate::model::secret::Secret;

const ACTIONS: &[&str] = &["recreate", "restart", "ignore"];
const KEYS: &[&str] = &["action", "signal", "verify", "paths"];
const FORM: &str = "recreate, restart, ignore, or a mapping such as {signal: SIGHUP, verify: [nginx, -t], paths: [./conf.d]}";
/// Signals that a program can take for a request to read its files again.
const SIGNALS: &[&str] =
    &["HUP", "USR1", "USR2", "WINCH", "CONT", "INT", "QUIT", "TERM", "ALRM", "URG", "POLL", "PWR"];

/// The word as it was written and checked.
#[derive(Debug)]
pub(crate) struct Change {
    /// What a change does.
    pub(crate) on_change: OnChange,
    /// Bound files and directories that count; `None`: every file that is bound read-only by itself.
    pub(crate) paths: Option<Vec<(String, Place)>>,
}

/// Checks the value of the word.
pub(crate) fn check(node: &Node, field: &str, report: &mut Report) {
    match &node.value {
        Value::Text(text) if ACTIONS.contains(&&**text) => {}
        Value::Text(text) => {
            let shown = report.sources.shown(text, node.place).to_owned();
            let help = match signal(text) {
                Some(name) => format!("write {{signal: {name}}}"),
                None => FORM.to_owned(),
            };
            let message = format!("{shown} is nothing that a change can do");
            report.add(Finding::error("on-change", field, message).at(node.place).help(help));
        }
        Value::Map(_) => mapping(node, field, report),
        _ => wrong(node, field, FORM, report),
    }
}

fn wrong(node: &Node, field: &str, help: &str, report: &mut Report) {
    let message = format!("{field} is {}", node.kind());
    report.add(Finding::error("wrong-kind", field, message).at(node.place).help(help));
}

fn mapping(node: &Node, field: &str, report: &mut Report) {
    for (key, entry) in node.as_map().into_iter().flatten() {
        let path = child(field, key);
        let value = &entry.node;
        match &**key {
            "action" if value.as_text().is_some_and(|text| ACTIONS.contains(&text)) => {}
            "action" => wrong(value, &path, &ACTIONS.join(", "), report),
            "signal" if value.as_text().and_then(signal).is_some() => {}
            "signal" => wrong(value, &path, "a signal such as SIGHUP or SIGUSR1", report),
            "verify" if words(value).is_some_and(|words| !words.is_empty()) => {}
            "verify" => wrong(value, &path, "a command, such as [nginx, -t]", report),
            "paths" if texts(value).is_some() => {}
            "paths" => wrong(value, &path, "a list of paths that the service binds", report),
            _ => {
                let message = format!("the key {key} is not known here");
                let finding = Finding::error("unknown-key", &path, message).at(entry.key);
                report.add(match suggest::nearest(key, KEYS.iter().copied()) {
                    Some(near) => finding.help(format!("did you mean {near}?")),
                    None => finding.help(format!("known are {}", KEYS.join(", "))),
                });
            }
        }
    }
    let mut error = |code, message: &str, help: &str| {
        report.add(Finding::error(code, field, message).at(node.place).help(help));
    };
    match (node.get("action"), node.get("signal")) {
        (Some(_), Some(_)) => {
            error(
                "exclusive-keys",
                "action and signal exclude each other",
                "remove one of the two",
            );
        }
        (None, None) => error("missing-key", "nothing says what a change does", FORM),
        (Some(_), None) if node.get("verify").is_some() => error(
            "on-change",
            "verify stands before a signal only",
            "remove it, or name a signal instead of an action",
        ),
        _ => {}
    }
}

/// `SIGHUP` of `hup`, `HUP` and `SIGHUP`; `None` for what is no signal that a program reloads at.
pub(crate) fn signal(text: &str) -> Option<String> {
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    SIGNALS.contains(&name).then(|| format!("SIG{name}"))
}

/// A command: a list of texts, or one text that is split as a shell does.
fn words(node: &Node) -> Option<Vec<String>> {
    match &node.value {
        Value::Text(line) => shell::words(line),
        Value::List(list) => {
            list.iter().map(|word| Some(word.scalar_text()?.to_string())).collect()
        }
        _ => None,
    }
}

/// Texts with their places.
fn texts(node: &Node) -> Option<Vec<(String, Place)>> {
    let list = node.as_list()?;
    list.iter().map(|text| Some((text.as_text()?.to_owned(), text.place))).collect()
}

/// The checked value of the word; `None` if it is not there or not right.
pub(crate) fn read(node: &Node) -> Option<Change> {
    let action = |text: &str| match text {
        "recreate" => Some(OnChange::Recreate),
        "restart" => Some(OnChange::Restart),
        "ignore" => Some(OnChange::Ignore),
        _ => None,
    };
    if let Some(text) = node.as_text() {
        return Some(Change { on_change: action(text)?, paths: None });
    }
    let on_change = match node.get("signal").and_then(Node::as_text) {
        Some(name) => {
            let verify = node.get("verify").and_then(words).unwrap_or_default();
            let verify = verify.into_iter().map(Secret::new).collect();
            OnChange::Signal(Reload { signal: signal(name)?, verify })
        }
        None => action(node.get("action")?.as_text()?)?,
    };
    Some(Change { on_change, paths: node.get("paths").and_then(texts) })
}
