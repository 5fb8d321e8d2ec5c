//! What the deployments of tests/systems need beyond `baseline`, service by service. A change of theirs, or of a rule, that
//! changes this list is seen here.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Arc;

use composelet::controller::admission::{Places, admission, refusals};
use composelet::manifest::{Dialect, Entry};
use composelet::model::path::{LocalPath, PathMap};
use composelet::model::rulebook::{Level, RuleBook, Rules};

use crate::manifest_cases::load_from_disk;
use crate::system_files::{VARIANTS, copied};

/// System and variant, service, and the rules that it needs to be allowed; all others of these systems pass `baseline`.
const NEEDS: &[(&str, &str, &[&str])] = &[
    // What the world calls.
    ("certificados", "nginx", &["host-ports"]),
    ("montero scaled", "nginx", &["host-ports"]),
    ("pontificia secured", "gateway", &["host-ports"]),
    // It measures the host.
    ("paqueteria", "node_exporter", &["host-path", "socket"]),
];

#[test]
fn the_systems_pass_baseline_but_for_what_is_listed() {
    let mut found: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
    for (system, variant, _) in VARIANTS {
        let directory = tempfile::tempdir().unwrap();
        let project = copied(system, directory.path());
        let arguments = if variant.is_empty() { None } else { Some(variant) };
        assert!(Command::new(project.join("make-env")).args(arguments).status().unwrap().success());
        let loaded =
            load_from_disk(&Entry::Directory(LocalPath::new(&project)), Dialect::Controller);
        let project = loaded.project.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        let rules =
            RuleBook { default: Arc::new(Rules::of(Level::Baseline)), ..RuleBook::default() };
        let root = LocalPath::new(directory.path().join("desired-state"));
        let content = LocalPath::new(directory.path().join("state/content"));
        let paths = PathMap::default();
        let places = Places { desired_state: &root, content: &content, paths: &paths };
        let gate = refusals(
            &project,
            &admission(&Arc::new(rules), places, (None, true)),
            &BTreeMap::new(),
        );
        for (service, violations) in gate.services {
            let key = (format!("{system} {variant}").trim().to_owned(), service.to_string());
            found.entry(key).or_default().extend(violations.iter().map(|one| one.rule.id()));
        }
    }
    let needs = NEEDS.iter().map(|(system, service, rules)| {
        let key = ((*system).to_owned(), (*service).to_owned());
        (key, rules.iter().copied().collect())
    });
    assert_eq!(found, needs.collect::<BTreeMap<_, BTreeSet<&str>>>());
}
