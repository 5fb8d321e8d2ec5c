//! The variables of a project, and their way into the values of its files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::manifest::dotenv::Assignments;
use crate::manifest::interpolate::{self, Problem};
use crate::manifest::node::{Node, Value};
use crate::manifest::report::{Finding, Report};
use crate::manifest::source::Place;

/// Most bytes that interpolation may add to one project.
const MOST_ADDED: usize = 16 << 20;

/// Variables by name, and which of them were used: what was used is part of the project's digest.
#[derive(Clone, Default)]
pub(crate) struct Environment {
    values: Assignments,
    used: BTreeSet<String>,
    added: usize,
    /// A variable that is not set is an error, not an empty text.
    strict: bool,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Environment").field(&self.values.keys()).finish()
    }
}

impl Environment {
    /// Starts from what the settings let in.
    pub(crate) fn new(values: &BTreeMap<String, String>) -> Self {
        let values = values.iter().map(|(name, value)| (name.clone(), Arc::from(value.as_str())));
        Self { values: values.collect(), ..Self::default() }
    }

    /// The same; a variable that is not set and has no default is an error if `strict`.
    pub(crate) fn strict(self, strict: bool) -> Self {
        Self { strict, ..self }
    }

    /// Adds variables that do not override what is there.
    pub(crate) fn add_below(&mut self, values: Assignments) {
        for (name, value) in values {
            self.values.entry(name).or_insert(value);
        }
    }

    /// Sets a variable.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_owned(), Arc::from(value));
    }

    /// The value of `name`; remembers that it was asked for.
    pub(crate) fn get(&mut self, name: &str) -> Option<Arc<str>> {
        self.used.insert(name.to_owned());
        self.values.get(name).cloned()
    }

    /// A copy for an included project, whose own variables come below.
    pub(crate) fn nested(&self, below: Assignments) -> Self {
        let mut nested = Self { values: self.values.clone(), used: BTreeSet::new(), ..*self };
        nested.add_below(below);
        nested
    }

    /// Takes over what a nested environment was asked for.
    pub(crate) fn absorb(&mut self, nested: Self) {
        self.added = nested.added;
        self.used.extend(nested.used);
    }

    /// Names asked for and their values, in order.
    pub(crate) fn used(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.used.iter().map(|name| (name.as_str(), self.values.get(name).map(AsRef::as_ref)))
    }

    /// Interpolates every text of `node`, never keys.
    pub(crate) fn apply(&mut self, node: &mut Node, report: &mut Report) {
        self.apply_below(node, Trail::Root(""), report);
    }

    fn apply_below(&mut self, node: &mut Node, trail: Trail<'_>, report: &mut Report) {
        match &mut node.value {
            Value::Text(text) if text.contains('$') => {
                let written = Arc::clone(text);
                node.value = Value::Text(self.text(&written, node.place, &|| trail.text(), report));
            }
            Value::List(list) => {
                for (index, item) in list.iter_mut().enumerate() {
                    self.apply_below(item, Trail::Index(&trail, index), report);
                }
            }
            Value::Map(map) => {
                for (key, entry) in map.iter_mut() {
                    self.apply_below(&mut entry.node, Trail::Key(&trail, key), report);
                }
            }
            _ => {}
        }
    }

    /// Interpolates one text; what cannot be interpolated stays as it is, with an error.
    pub(crate) fn text(
        &mut self,
        text: &str,
        place: Place,
        field: &dyn Fn() -> String,
        report: &mut Report,
    ) -> Arc<str> {
        if self.added > MOST_ADDED {
            // Already reported; there is no point in building texts that nobody will use.
            return Arc::from("");
        }
        let done = interpolate::interpolate(text, &mut |name| self.get(name));
        let done = match done {
            Ok(done) if self.added + done.text.len() <= MOST_ADDED => done,
            Ok(_) => {
                self.added = MOST_ADDED + 1;
                report.add(problem(&Problem::TooLarge, &field()).at(place));
                return Arc::from("");
            }
            Err(found) => {
                report.add(problem(&found, &field()).at(place));
                return Arc::from(text);
            }
        };
        self.added += done.text.len();
        for name in &done.unset {
            report.add(unset(name, &field(), self.strict).at(place));
        }
        Arc::from(done.text)
    }
}

/// A variable without a value. Where git is the writer, its values are those of the host: one that was forgotten would reach
/// the containers as an empty password or name.
fn unset(name: &str, field: &str, strict: bool) -> Finding {
    if strict {
        let message = format!("the variable {name} is not set, and has no default");
        return Finding::error("unset-variable", field, message).help(format!(
            "set it on this host: in the project's .env, or in a file of `projects.<name>.env_files` of the settings; or write \
             ${{{name}:-default}}"
        ));
    }
    let message = format!("the variable {name} is not set; an empty text stands in its place");
    Finding::warning("unset-variable", field, message)
        .help(format!("set it in the project's .env, or write ${{{name}:-default}}"))
}

/// Where a walk over a tree is. Its text is made for messages only: most places have none, and a
/// long key above many values would be copied into the path of each.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trail<'a> {
    /// Where the walk began.
    Root(&'a str),
    /// A key below.
    Key(&'a Self, &'a str),
    /// An entry of a list below.
    Index(&'a Self, usize),
}

impl Trail<'_> {
    /// The dotted path.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Root(field) => field.to_owned(),
            Self::Key(above, key) => child(&above.text(), key),
            Self::Index(above, index) => format!("{}[{index}]", above.text()),
        }
    }
}

/// `field.key`, with the key in brackets where a dot would mislead.
pub(crate) fn child(field: &str, key: &str) -> String {
    match (field.is_empty(), key.contains(['.', ' ', '['])) {
        (true, _) => key.to_owned(),
        (false, false) => format!("{field}.{key}"),
        (false, true) => format!("{field}[\"{key}\"]"),
    }
}

fn problem(problem: &Problem, field: &str) -> Finding {
    match problem {
        Problem::Invalid(text) => Finding::error(
            "interpolation",
            field,
            format!("{text} is not a valid variable expression"),
        )
        .help("write ${NAME}, ${NAME:-default}, ${NAME:?message} or ${NAME:+other}; $$ for a dollar sign"),
        Problem::Required { name, message } => {
            let said = if message.is_empty() {
                String::new()
            } else {
                format!(": {message}")
            };
            Finding::error(
                "required-variable",
                field,
                format!("the variable {name} is required and has no value{said}"),
            )
            .help(format!("set {name} in the project's .env"))
        }
        Problem::TooLarge => Finding::error(
            "interpolation",
            field,
            "the text becomes too long or is nested too deeply",
        )
        .help("at most 1 MiB a value, 16 MiB a project and 32 levels"),
    }
}
