//! Differences that are meant to be: `tests/oracle/differences.toml`, each with its reason.
//!
//! An entry holds for a difference if everything that it says does: `case` (pattern of the name), `ours` and `theirs` (what
//! the side that refuses says contains this), `path` (pattern of the place in the model, or `hash.<service>`). In patterns
//! `*` stands for anything. With `scope = "inspect"` it is about containers and not about models.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

use crate::compose_oracle::compare::Difference;

/// One entry.
#[derive(Debug)]
pub(crate) struct Known {
    fields: BTreeMap<String, String>,
    /// How often it explained something.
    pub(crate) used: Cell<usize>,
}

/// Every entry for a scope: `inspect`, or the empty one of models. The file uses a part of TOML that needs no reader of its own: tables and texts on one line.
pub(crate) fn of(scope: &str) -> Vec<Known> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/differences.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let mut all: Vec<Known> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line == "[[difference]]" {
            all.push(Known { fields: BTreeMap::new(), used: Cell::new(0) });
        } else if let Some((key, value)) = line.split_once(" = ") {
            let value = value.get(1..value.len() - 1).expect("a text in quotes").to_owned();
            let known = ["id", "scope", "case", "ours", "theirs", "path", "reason"];
            assert!(known.contains(&key), "differences.toml: what is {key}?");
            all.last_mut().expect("a table comes first").fields.insert(key.to_owned(), value);
        } else {
            assert!(line.is_empty() || line.starts_with('#'), "differences.toml: {line}");
        }
    }
    for known in &all {
        for key in ["id", "reason"] {
            assert!(known.fields.contains_key(key), "{:?} has no {key}", known.fields);
        }
        assert!(known.fields.len() > 2, "{} explains everything", known.id());
    }
    all.retain(|known| known.fields.get("scope").map_or("", String::as_str) == scope);
    all
}

/// An entry that explains nothing any more has to go.
pub(crate) fn assert_none_stale(known: &[Known]) {
    let stale: Vec<&str> = known.iter().filter(|one| one.used.get() == 0).map(Known::id).collect();
    assert!(stale.is_empty(), "stale in tests/oracle/differences.toml: {}", stale.join(", "));
}

impl Known {
    /// Its name.
    pub(crate) fn id(&self) -> &str {
        &self.fields["id"]
    }

    /// Whether it explains a difference of the case `name`.
    pub(crate) fn explains(&self, name: &str, difference: &Difference) -> bool {
        let says = |key: &str| self.fields.get(key).map(String::as_str);
        if says("case").is_some_and(|pattern| !matches(pattern, name)) {
            return false;
        }
        let about = |key: &str| says(key).is_some();
        match difference {
            Difference::OursRefuses(why) => {
                !about("theirs") && !about("path") && says("ours").is_none_or(|w| why.contains(w))
            }
            Difference::TheirsRefuses(why) => {
                !about("ours") && !about("path") && says("theirs").is_none_or(|w| why.contains(w))
            }
            Difference::Model { path, .. } => says("path").is_some_and(|one| matches(one, path)),
            Difference::Hash { service } => {
                says("path").is_some_and(|one| matches(one, &format!("hash.{service}")))
            }
        }
    }
}

/// What no entry explains, as lines; entries that explain something are marked.
pub(crate) fn unexplained(known: &[Known], name: &str, found: &[Difference]) -> Vec<String> {
    let mut left = Vec::new();
    for difference in found {
        let mut explaining = known.iter().filter(|one| one.explains(name, difference)).peekable();
        if explaining.peek().is_none() {
            left.push(format!("{name}: {difference}"));
        }
        for one in explaining {
            one.used.set(one.used.get() + 1);
        }
    }
    left
}

/// `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(head) else {
        return false;
    };
    (0..=rest.len())
        .filter(|at| rest.is_char_boundary(*at))
        .any(|at| matches(tail, rest.get(at..).unwrap_or("")))
}
