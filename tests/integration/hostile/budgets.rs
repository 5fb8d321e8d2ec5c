//! Bombs against the budgets of the loader. What counts is values and bytes, not seconds: those are for `scripts/hostile`.

use std::fs;
use std::path::PathBuf;

use composelet::manifest::{Dialect, Loaded};
use composelet::model::diagnostic::Severity;

use super::bombs::{Bomb, Verdict, bombs};
use super::targets::{Case, load_case};

fn load(bomb: &Bomb) -> Loaded {
    let mut case = Case::default();
    for (name, bytes) in &bomb.files {
        case.add(name, bytes);
    }
    load_case(&case, Dialect::Controller)
}

#[test]
fn every_bomb_has_its_verdict() {
    let mut wrong = Vec::new();
    for bomb in bombs() {
        let loaded = load(&bomb);
        let codes: Vec<&str> = loaded
            .diagnostics
            .iter()
            .filter(|found| found.severity == Severity::Error)
            .map(|found| found.code.as_str())
            .collect();
        let right = match bomb.verdict {
            Verdict::Accepted => codes.is_empty() && loaded.project.is_some(),
            Verdict::Refused(code) => codes.contains(&code) && loaded.project.is_none(),
        };
        if !right {
            let first = loaded.diagnostics.first().map(|found| found.message.as_str());
            wrong.push(format!("{}: {:?}, not {codes:?} ({first:?})", bomb.name, bomb.verdict));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Writes the bombs to a directory, one project each: HOSTILE_DIR for `scripts/hostile`, else one that goes away.
#[test]
fn bombs_are_written() {
    let own = tempfile::tempdir().unwrap();
    let root = std::env::var_os("HOSTILE_DIR").map_or(own.path().to_owned(), PathBuf::from);
    for bomb in bombs() {
        let directory = root.join(bomb.name);
        fs::create_dir_all(&directory).unwrap();
        for (name, bytes) in &bomb.files {
            fs::write(directory.join(name), bytes).unwrap();
        }
    }
    assert!(fs::read_dir(&root).unwrap().count() >= bombs().len());
}
