//! The oracle: what `docker compose config` of the command line 2.26 says about a fixture, we must say, too.
//!
//! No engine is needed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests: what is not as expected panics"
)]

use std::path::Path;
use std::process::Command;

use composelet::manifest::{Dialect, Entry};
use composelet::model::path::LocalPath;

use crate::compose_oracle::cli::program;
use crate::manifest_cases::{cases, load_from_disk};

/// Runs the command line in the folder of a case, with an environment that holds nothing of ours.
fn run(program: &str, case: &Path, arguments: &[&str]) -> String {
    let files = case.join("oracle");
    let chosen = std::fs::read_to_string(files).unwrap();
    let output = Command::new(program)
        .args(chosen.split_whitespace())
        .arg("config")
        .args(arguments)
        .current_dir(case)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {complaint}", case.display());
    text
}

/// The first line that differs, if one does.
fn difference(ours: &str, theirs: &str, what: &str) -> Option<String> {
    let (ours, theirs) = (ours.trim_end().lines(), theirs.trim_end().lines());
    let longest = ours.clone().count().max(theirs.clone().count());
    let ours = ours.map(Some).chain(std::iter::repeat(None));
    let theirs = theirs.map(Some).chain(std::iter::repeat(None));
    let mut pairs = ours.zip(theirs).take(longest).enumerate();
    let (number, (ours, theirs)) = pairs.find(|(_, (ours, theirs))| ours != theirs)?;
    Some(format!("{what}, line {}: ours {ours:?}, theirs {theirs:?}", number + 1))
}

/// Every difference of one case.
fn differences(program: &str, case: &Path) -> Vec<String> {
    let entry = Entry::Directory(LocalPath::new(case));
    let loaded = load_from_disk(&entry, Dialect::Cli);
    let Some(canonical) = loaded.canonical else {
        return vec![format!("ours does not load: {:#?}", loaded.diagnostics)];
    };
    let json = run(program, case, &["--format", "json"]);
    let yaml = run(program, case, &[]);
    let mut found = vec![
        difference(&canonical.json(), &json, "JSON"),
        difference(&canonical.yaml(), &yaml, "YAML"),
    ];
    // With env_file the command's own --hash differs from the label it writes (reference §3.2): ours is the label's.
    if !case.join("label-hash-only").exists() {
        let hashes = run(program, case, &["--hash", "*"]);
        let ours: Vec<String> = canonical
            .service_hashes()
            .into_iter()
            .map(|(name, hash)| format!("{name} {hash}"))
            .collect();
        found.push(difference(&ours.join("\n"), &hashes, "hashes"));
    }
    found.into_iter().flatten().collect()
}

#[test]
fn the_canonical_form_and_the_hashes_are_those_of_the_command_line() {
    let program = program();
    let marked: Vec<_> = cases().into_iter().filter(|case| case.join("oracle").exists()).collect();
    assert!(!marked.is_empty(), "no case is marked with a file named oracle");
    let wrong: Vec<String> = marked
        .iter()
        .flat_map(|case| {
            let differences = differences(&program, case).into_iter();
            differences.map(|text| format!("{}: {text}", case.display()))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
