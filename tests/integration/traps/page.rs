//! The page of the traps against the tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every test `trap_NN_…`, by number.
fn tests() -> BTreeMap<u32, BTreeSet<String>> {
    let mut found: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    let mut open = vec![root().join("tests/integration")];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for line in text.lines() {
                let name = line.trim_start().trim_start_matches("async ").strip_prefix("fn trap_");
                let Some(name) = name.and_then(|tail| tail.split('(').next()) else {
                    continue;
                };
                let number = name.split('_').next().and_then(|number| number.parse().ok());
                let number = number.unwrap_or_else(|| panic!("trap_{name} has no number"));
                found.entry(number).or_default().insert(format!("trap_{name}"));
            }
        }
    }
    found
}

/// The tests that a row names, by number.
fn rows() -> BTreeMap<u32, BTreeSet<String>> {
    let page = fs::read_to_string(root().join("docs/compose-traps.md")).unwrap();
    let mut rows = BTreeMap::new();
    for line in page.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let Some(number) = cells.get(1).and_then(|cell| cell.parse().ok()) else {
            continue;
        };
        assert_eq!(cells.len(), 6, "four columns: {line}");
        assert!(!cells[2].is_empty() && !cells[3].is_empty() && !cells[4].is_empty(), "{line}");
        let named = cells[4].split('`').filter(|word| word.starts_with("trap_"));
        let named: BTreeSet<String> = named.map(str::to_owned).collect();
        assert!(rows.insert(number, named).is_none(), "{number} stands twice");
    }
    rows
}

#[test]
fn every_trap_has_a_row_that_names_its_tests() {
    let (rows, tests) = (rows(), tests());
    assert_eq!(rows.keys().copied().collect::<Vec<u32>>(), (1..=50).collect::<Vec<u32>>());
    for (number, named) in &rows {
        assert_eq!(*named, tests.get(number).cloned().unwrap_or_default(), "row {number}");
    }
    assert!(tests.keys().all(|number| rows.contains_key(number)));
}
