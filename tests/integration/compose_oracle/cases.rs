//! The written cases.

use std::collections::BTreeSet;
use std::path::Path;

use crate::compose_oracle::case::{self, Case};
use crate::compose_oracle::cli::Cli;
use crate::compose_oracle::compare::{differences, each};
use crate::compose_oracle::known;

/// As many are promised; fewer means that a file is not read any more.
const FEWEST: usize = 400;

/// Every written case; ORACLE_CASE chooses by a part of the name.
fn written() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/cases");
    let entries = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.collect();
    paths.sort();
    let cases: Vec<Case> = paths.iter().flat_map(|path| case::read(path)).collect();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "two cases have the same name");
    assert!(cases.len() >= FEWEST, "only {} cases", cases.len());
    cases
}

#[test]
fn every_case_means_the_same_to_the_command_line() {
    let cli = Cli::find();
    let known = known::of("");
    let chosen = std::env::var("ORACLE_CASE").unwrap_or_default();
    let mut cases = written();
    cases.retain(|case| case.name.contains(&chosen));
    let found = each(&cases, |case| differences(&cli, case));
    let mut wrong = Vec::new();
    for (case, found) in cases.iter().zip(&found) {
        wrong.extend(known::unexplained(&known, &case.name, found));
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases differ:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    if chosen.is_empty() {
        known::assert_none_stale(&known);
    }
}
