//! Invariant 17 over every scenario on the engine: values of containers stand in no output of a command, no log, no state
//! file, no label.

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// The value that every service of `real::text` has in its environment.
pub(crate) const WORD: &str = "canary-2c9f63d1e07b";

/// The file that it comes from, beside the manifest.
pub(crate) const FILE: &str = "canary.env";

/// Commands whose output is what an application or a manifest says.
const SPEAKS_FOR_OTHERS: [&str; 3] = ["config", "exec", "logs"];

/// Directories of the state with copies of manifests, and data of containers.
const COPIES: [&str; 3] = ["last-good", "revisions", "content"];

/// Shorter values are words that stand anywhere.
const SHORTEST: usize = 12;

/// What must not be shown.
#[derive(Debug)]
pub(crate) struct Canaries(RefCell<Vec<String>>);

/// Puts the file beside a manifest.
pub(crate) fn plant(project: &Path) {
    let file = project.join(FILE);
    if !file.exists() {
        fs::write(file, format!("CANARY={WORD}\n")).unwrap();
    }
}

impl Canaries {
    /// The value of `real::text` alone.
    pub(crate) fn new() -> Self {
        Self(RefCell::new(vec![WORD.to_owned()]))
    }

    /// More values.
    pub(crate) fn add(&self, values: impl IntoIterator<Item = String>) {
        self.0.borrow_mut().extend(values.into_iter().filter(|value| value.len() >= SHORTEST));
    }

    /// Fails if a command shows one.
    pub(crate) fn judge_output(&self, arguments: &[&str], text: &str) {
        let allowed = arguments.first().is_some_and(|first| SPEAKS_FOR_OTHERS.contains(first));
        let shown = self.shown(text);
        assert!(allowed || !shown, "{arguments:?} shows a secret:\n{text}");
    }

    /// Files below these places, and labels of these containers, that hold one.
    pub(crate) fn found(&self, places: &[&Path], containers: &[Value]) -> Vec<String> {
        let mut found = Vec::new();
        for place in places {
            self.search(place, &mut found);
        }
        let labels = containers.iter().map(|one| one["Config"]["Labels"].to_string());
        found.extend(labels.filter(|text| self.shown(text)));
        found
    }

    fn shown(&self, text: &str) -> bool {
        self.0.borrow().iter().any(|value| text.contains(value))
    }

    fn search(&self, place: &Path, found: &mut Vec<String>) {
        let name = place.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if COPIES.contains(&name) {
            return;
        }
        let entries = fs::read_dir(place).into_iter().flatten().flatten();
        entries.for_each(|entry| self.search(&entry.path(), found));
        let Ok(bytes) = fs::read(place) else { return };
        if self.shown(&String::from_utf8_lossy(&bytes)) {
            found.push(place.display().to_string());
        }
    }
}
