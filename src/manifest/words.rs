//! Checks that the words of our own have in common.

use crate::manifest::node::{Entry, Node, Value};
use crate::manifest::report::{Finding, Report};
use crate::manifest::{shell, suggest, units};
use crate::model::secret::Secret;

/// Reports a value that is of the wrong kind or not one that is taken; `help` says what is.
pub(crate) fn wrong(node: &Node, field: &str, help: &str, report: &mut Report) {
    let found = match &node.value {
        Value::Text(text) => report.sources.shown(text, node.place).to_owned(),
        _ => node.kind().to_owned(),
    };
    let message = format!("{field} is {found}");
    report.add(Finding::error("wrong-kind", field, message).at(node.place).help(help));
}

/// Reports a text that is none of these.
pub(crate) fn one_of(node: &Node, field: &str, allowed: &[&str], report: &mut Report) {
    if !node.as_text().is_some_and(|text| allowed.contains(&text)) {
        wrong(node, field, &allowed.join(", "), report);
    }
}

/// Reports a key that is none of `known`, with the nearest one.
pub(crate) fn unknown(
    key: &str,
    entry: &Entry,
    (path, known): (&str, &[&str]),
    report: &mut Report,
) {
    let message = format!("the key {key} is not known here");
    let finding = Finding::error("unknown-key", path, message).at(entry.key);
    report.add(match suggest::nearest(key, known.iter().copied()) {
        Some(near) => finding.help(format!("did you mean {near}?")),
        None => finding.help(format!("known are {}", known.join(", "))),
    });
}

/// A truth value, also as the text that interpolation leaves.
pub(crate) fn truth(node: &Node) -> Option<bool> {
    match &node.value {
        Value::Bool(value) => Some(*value),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

/// A number from 0 to `most`, also as the text that interpolation leaves.
pub(crate) fn number(node: &Node, most: i64) -> Option<u32> {
    let number = match &node.value {
        Value::Int(number) => *number,
        Value::Text(text) => text.parse().ok()?,
        _ => return None,
    };
    u32::try_from(number).ok().filter(|_| number <= most)
}

/// A time that is longer than nothing.
pub(crate) fn time(node: &Node) -> Option<std::time::Duration> {
    node.as_text().and_then(units::duration).filter(|time| !time.is_zero())
}

/// A command: a list of texts, or one text that is split as a shell does; never empty.
pub(crate) fn command(node: &Node) -> Option<Vec<Secret>> {
    let words: Option<Vec<String>> = match &node.value {
        Value::Text(line) => shell::words(line),
        Value::List(list) => {
            list.iter().map(|word| Some(word.scalar_text()?.to_string())).collect()
        }
        _ => None,
    };
    words
        .filter(|words| !words.is_empty())
        .map(|words| words.into_iter().map(Secret::new).collect())
}
