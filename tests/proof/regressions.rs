//! Scenarios that once failed, made small. Each stays for ever.

use std::fs;
use std::path::Path;

use crate::run::run;
use crate::scenario::Scenario;

#[test]
fn what_once_failed_is_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proof/regressions");
    let mut names: Vec<_> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    names.sort();
    let mut failed = Vec::new();
    for path in names {
        let text = fs::read_to_string(&path).expect("it can be read");
        let scenario: Scenario = serde_json::from_str(&text).expect("it is a scenario");
        let outcome = run(&scenario);
        if !outcome.violations.is_empty() {
            failed.push(format!("{}: {:#?}", path.display(), outcome.violations));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
