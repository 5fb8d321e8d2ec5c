//! The catalogue of known failures, case by case as data, and its page.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use composelet::diagnose::{
    CONSEQUENCES, Certainty, Evidence, Neighbour, State, Verdict, causes, diagnose, diagnose_all,
};
use serde_yaml::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A block of text becomes a list of lines.
fn split_log(value: &mut Value) {
    if let Some(text) = value.get("log").and_then(Value::as_str) {
        let lines: Vec<Value> = text.lines().map(|line| Value::from(line.to_owned())).collect();
        value["log"] = Value::from(lines);
    }
}

/// Every case by family and name: what is expected, in order, and the evidence.
fn cases() -> BTreeMap<(String, String), (Vec<String>, Evidence)> {
    let mut cases = BTreeMap::new();
    for entry in fs::read_dir(root().join("tests/fixtures/diagnose")).unwrap() {
        let path = entry.unwrap().path();
        let family = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let all: BTreeMap<String, Value> = serde_yaml::from_str(&text).unwrap();
        for (name, mut case) in all {
            let expected = case.as_mapping_mut().unwrap().remove("expect").unwrap();
            split_log(&mut case);
            if let Some(neighbours) = case.get_mut("neighbours").and_then(Value::as_sequence_mut) {
                neighbours.iter_mut().for_each(split_log);
            }
            let evidence: Evidence =
                serde_yaml::from_value(case).unwrap_or_else(|error| panic!("{name}: {error}"));
            let expected: Vec<String> = serde_yaml::from_value(expected).unwrap();
            cases.insert((family.clone(), name), (expected, evidence));
        }
    }
    cases
}

#[test]
fn every_case_is_diagnosed_right_and_nothing_beside_it() {
    let mut wrong = Vec::new();
    for ((family, name), (expected, evidence)) in cases() {
        let found = diagnose(&evidence);
        let ids: Vec<&str> = found.iter().map(|finding| finding.cause).collect();
        if ids != expected {
            wrong.push(format!("{family}/{name}: {ids:?} instead of {expected:?}"));
        }
        for finding in found {
            assert!(!finding.evidence.is_empty() && !finding.mend.is_empty(), "{finding:?}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_cause_has_a_case_that_it_comes_first_in() {
    let first: BTreeSet<String> =
        cases().into_values().filter_map(|(expected, _)| expected.first().cloned()).collect();
    let without: Vec<&str> =
        causes().map(|cause| cause.id).filter(|id| !first.contains(*id)).collect();
    assert_eq!(without, Vec::<&str>::new(), "causes without a case");
    assert!(first.len() >= 40, "{} causes", first.len());
}

#[test]
fn names_of_causes_are_unique_and_in_kebab_case() {
    let mut seen = BTreeSet::new();
    for cause in causes() {
        assert!(seen.insert(cause.id), "{} stands twice", cause.id);
        let is_fit =
            |character: char| character.is_ascii_lowercase() || "-0123456789".contains(character);
        assert!(cause.id.chars().all(is_fit), "{}", cause.id);
        assert!(!cause.title.ends_with('.') && !cause.mend.ends_with('.'), "{}", cause.id);
        assert!(!cause.signs.is_empty(), "{}", cause.id);
    }
    for id in CONSEQUENCES {
        assert!(seen.contains(id), "{id} is no cause");
    }
}

#[test]
fn a_container_that_becomes_well_has_no_findings_any_more() {
    for ((family, name), (_, evidence)) in cases() {
        let well = Evidence {
            state: State::Running,
            health: Verdict::Healthy,
            error: String::new(),
            complaints: Vec::new(),
            warnings: Vec::new(),
            failures: 0,
            ..evidence
        };
        assert_eq!(diagnose(&well), Vec::new(), "{family}/{name}");
    }
}

#[test]
fn what_follows_from_another_trouble_comes_after_it() {
    let database = Evidence {
        service: "db".to_owned(),
        state: State::Exited,
        exit_code: Some(1),
        log: vec![
            "Error: Database is uninitialized and superuser password is not specified.".to_owned(),
        ],
        ..Evidence::default()
    };
    let networks: BTreeSet<String> = ["n".to_owned()].into();
    let web = Evidence {
        service: "app".to_owned(),
        state: State::Exited,
        exit_code: Some(1),
        networks: networks.clone(),
        neighbours: vec![Neighbour {
            service: "db".to_owned(),
            state: State::Exited,
            networks,
            ..Neighbour::default()
        }],
        log: vec!["could not translate host name \"db\" to address".to_owned()],
        ..Evidence::default()
    };
    let found = diagnose_all(&[web.clone(), database, web]);
    let ids: Vec<(&str, &str)> =
        found.iter().map(|finding| (finding.service.as_str(), finding.cause)).collect();
    assert_eq!(ids, [("db", "database-password-missing"), ("app", "neighbour-not-running")]);
}

/// The page, as the source gives it.
fn page() -> String {
    let mut text = fs::read_to_string(root().join("docs/diagnose.md")).unwrap();
    let start = text.find("## Catalogue\n").expect("there is a section with the catalogue");
    text.truncate(start);
    text.push_str("## Catalogue\n\nWritten from the source; a test holds it.\n");
    for cause in causes() {
        let certainty = cause.certainty;
        write!(text, "\n### {}\n\n{}.\n\n", cause.id, capital(cause.title)).unwrap();
        write!(text, "- How sure: {certainty}\n- Recognised by:\n").unwrap();
        for sign in cause.signs {
            writeln!(text, "  - {sign}").unwrap();
        }
        writeln!(text, "- Mend: {}", cause.mend).unwrap();
    }
    text
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + characters.as_str()
}

#[test]
fn the_page_is_the_catalogue() {
    let path = root().join("docs/diagnose.md");
    let wanted = page();
    if std::env::var_os("COMPOSELET_WRITE_DOCS").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap();
    assert!(
        there == wanted,
        "docs/diagnose.md is not what the source says: run this test with COMPOSELET_WRITE_DOCS=1"
    );
    assert!(causes().any(|cause| cause.certainty == Certainty::Possible));
}
