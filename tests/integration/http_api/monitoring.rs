//! The alert rules and the dashboard name metrics that there are, and the documentation names every alert.

use std::collections::BTreeSet;

use composelet::http::{CATALOGUE, Family, Kind};
use serde_json::Value;

const ALERTS: &str = include_str!("../../../docs/monitoring/alerts.yaml");
const DASHBOARD: &str = include_str!("../../../docs/monitoring/dashboard.json");
const DOCUMENTATION: &str = include_str!("../../../docs/monitoring.md");

/// Series that Prometheus finds in a scrape.
fn series(family: &Family) -> Vec<String> {
    match family.kind {
        Kind::Counter | Kind::Gauge => vec![family.name.to_owned()],
        Kind::Histogram => {
            ["bucket", "sum", "count"].map(|suffix| format!("{}_{suffix}", family.name)).to_vec()
        }
    }
}

/// Names in a text that look like ours.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let ours = |word: &&str| word.starts_with("composelet_") || word.starts_with("process_");
    words.filter(ours).map(str::to_owned).collect()
}

#[test]
fn rules_and_dashboard_name_metrics_that_there_are() {
    let known: BTreeSet<String> = CATALOGUE.iter().flat_map(series).collect();
    let rules: serde_yaml::Value = serde_yaml::from_str(ALERTS).unwrap();
    let groups = rules["groups"].as_sequence().unwrap().iter();
    let rules: Vec<&serde_yaml::Value> =
        groups.flat_map(|group| group["rules"].as_sequence().unwrap()).collect();
    assert!(rules.len() >= 15, "{}", rules.len());
    for rule in &rules {
        let used = named(rule["expr"].as_str().unwrap());
        assert!(used.is_subset(&known), "{rule:?}: {:?}", used.difference(&known));
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning", "info"].contains(&severity), "{rule:?}");
        for annotation in ["summary", "description"] {
            assert!(rule["annotations"][annotation].is_string(), "{rule:?}");
        }
    }
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let used = named(target["expr"].as_str().unwrap());
            assert!(!used.is_empty() && used.is_subset(&known), "{panel}");
        }
    }
    let documented: BTreeSet<&str> = DOCUMENTATION
        .lines()
        .filter_map(|line| line.strip_prefix("| `Composelet")?.split('`').next())
        .collect();
    let alerts = rules.iter().map(|rule| rule["alert"].as_str().unwrap());
    let alerts: BTreeSet<&str> =
        alerts.map(|name| name.strip_prefix("Composelet").unwrap()).collect();
    assert_eq!(documented, alerts);
}
