//! The page of the fault scenarios against the tests.

use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of all sources below a directory.
fn sources(directory: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    text
}

#[test]
fn every_scenario_names_tests_that_exist() {
    let page = fs::read_to_string(root().join("docs/fault-scenarios.md")).unwrap();
    let tests = ["integration", "proof"].map(|name| sources(&root().join("tests").join(name)));
    let tests = tests.concat();
    let mut numbers = Vec::new();
    for row in page.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let named: Vec<&str> =
            row.split('`').skip(1).step_by(2).filter(|name| !name.contains(['/', '.'])).collect();
        for name in &named {
            assert!(tests.contains(&format!("fn {name}(")), "{name} is no test: {row}");
        }
        if let Ok(number) = cells[1].parse::<u32>() {
            let held = cells[4];
            assert!(!named.is_empty() || held.starts_with("needs "), "nothing holds it: {row}");
            numbers.push(number);
        }
    }
    assert_eq!(numbers, (1..=40).collect::<Vec<u32>>());
}
