//! `/metrics`: its form, its documentation, and that it says what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use composelet::http::{CATALOGUE, Family, Kind};

use super::bench::Api;

const DOCUMENTATION: &str = include_str!("../../../docs/metrics.md");

/// One line with a value: name, labels, value.
#[derive(Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// Reads the text as strictly as the format is (OpenMetrics 1.0, without exemplars).
fn parse(text: &str) -> (BTreeMap<String, String>, Vec<Sample>) {
    assert!(text.ends_with("# EOF\n"), "{text}");
    let (mut types, mut samples) = (BTreeMap::new(), Vec::new());
    for line in text.lines().filter(|line| *line != "# EOF") {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {name}");
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let labels = labels.strip_suffix('}').unwrap();
            let labels = labels.split("\",").filter(|label| !label.is_empty()).map(|label| {
                let (name, value) = label.split_once("=\"").unwrap();
                (name.to_owned(), value.trim_end_matches('"').to_owned())
            });
            let value = value.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
            samples.push(Sample { name: name.to_owned(), labels: labels.collect(), value });
        }
    }
    (types, samples)
}

async fn scrape(api: &Api) -> Vec<Sample> {
    let reply = api.get("/metrics").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(reply.head.contains("application/openmetrics-text; version=1.0.0"), "{reply:?}");
    parse(&reply.body).1
}

fn value(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let labels: BTreeMap<String, String> =
        labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut found = samples.iter().filter(|one| one.name == name && one.labels == labels);
    let first = found.next();
    assert!(found.next().is_none(), "{name} {labels:?} is there twice");
    first.map(|one| one.value)
}

fn family<'c>(name: &str) -> Option<&'c Family> {
    CATALOGUE.iter().find(|family| {
        name == family.name
            || family.kind == Kind::Histogram
                && name
                    .strip_prefix(family.name)
                    .is_some_and(|suffix| ["_bucket", "_sum", "_count"].contains(&suffix))
    })
}

#[test]
fn each_metric_is_documented_and_no_other() {
    let rows = DOCUMENTATION
        .lines()
        .filter(|line| line.starts_with("| `composelet_") || line.starts_with("| `process_"));
    let rows: BTreeSet<String> = rows.map(str::to_owned).collect();
    let expected = CATALOGUE.iter().map(|family| {
        let kind = format!("{:?}", family.kind).to_lowercase();
        let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        format!("| `{}` | {kind} | {} | {} |", family.name, labels.join(", "), family.help)
    });
    assert_eq!(rows, expected.collect::<BTreeSet<_>>());
    assert!(CATALOGUE.is_sorted_by_key(|family| family.name), "by name");
}

#[tokio::test(start_paused = true)]
async fn the_text_is_open_metrics_with_the_labels_of_the_catalogue() {
    let api = Api::shop(9761).await;
    api.get("/api/v1/projects").await;
    api.host.pass(30).await;
    let reply = api.get("/metrics").await;
    let (types, samples) = parse(&reply.body);
    for family in CATALOGUE {
        let name = family.name.strip_suffix("_total").unwrap_or(family.name);
        let kind = format!("{:?}", family.kind).to_lowercase();
        assert_eq!(types.get(name), Some(&kind), "{name}");
        assert_eq!(family.kind == Kind::Counter, family.name.ends_with("_total"), "{name}");
    }
    assert_eq!(types.len(), CATALOGUE.len());
    for sample in &samples {
        let family = family(&sample.name).unwrap_or_else(|| panic!("{sample:?}"));
        let labels: BTreeSet<&str> = sample.labels.keys().map(String::as_str).collect();
        let mut expected: BTreeSet<&str> = family.labels.iter().copied().collect();
        if sample.name.ends_with("_bucket") {
            expected.insert("le");
        }
        assert_eq!(labels, expected, "{sample:?}");
        assert!(sample.value >= 0.0, "{sample:?}");
    }
    for family in CATALOGUE.iter().filter(|family| family.kind == Kind::Histogram) {
        let buckets = |one: &&Sample| one.name == format!("{}_bucket", family.name);
        let mut before = BTreeMap::new();
        for bucket in samples.iter().filter(buckets) {
            let mut series = bucket.labels.clone();
            let le = series.remove("le").unwrap();
            let last = before.insert(series, (le, bucket.value));
            assert!(last.is_none_or(|(le, value)| le == "+Inf" || value <= bucket.value));
        }
        assert!(before.values().all(|(le, _)| le == "+Inf"), "{before:?}");
    }
    let shop = ("project", "shop");
    let ready = |status| {
        let labels = [shop, ("type", "Ready"), ("status", status)];
        value(&samples, "composelet_project_condition", &labels)
    };
    assert_eq!((ready("True"), ready("False"), ready("Unknown")), (Some(1.), Some(0.), Some(0.)));
    let replicas = [shop, ("service", "web"), ("state", "ready")];
    assert_eq!(value(&samples, "composelet_service_replicas", &replicas), Some(1.0));
    assert_eq!(value(&samples, "composelet_ready", &[]), Some(1.0));
    assert_eq!(value(&samples, "composelet_engine_up", &[]), Some(1.0));
    let calls = [("call", "create_container"), ("class", "ok")];
    let count = value(&samples, "composelet_engine_request_duration_seconds_count", &calls);
    assert_eq!(count, Some(2.0), "{samples:#?}");
    let answers = [("path", "/api/v1/projects"), ("code", "200")];
    assert_eq!(value(&samples, "composelet_http_requests_total", &answers), Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn what_happens_is_counted_and_goes_with_its_project() {
    let api = Api::shop(9762).await;
    let before = scrape(&api).await;
    let passes = |samples: &[Sample]| {
        let each = samples.iter().filter(|one| one.name == "composelet_reconcile_total");
        each.map(|one| one.value).sum::<f64>()
    };
    for _ in 0..2 {
        api.host.engine.docker_kill("shop-web-1").unwrap();
        api.host.pass(5).await;
        api.host.converged("shop").await;
    }
    let after = scrape(&api).await;
    let restarts = |one: &&Sample| one.name == "composelet_restarts_total";
    let restarts: Vec<&Sample> = after.iter().filter(restarts).collect();
    let count: f64 = restarts.iter().map(|one| one.value).sum();
    assert!((count - 2.0).abs() < 0.5, "{restarts:?}");
    assert!(restarts.iter().all(|one| one.labels["service"] == "web"), "{restarts:?}");
    assert!(passes(&after) > passes(&before));
    let count = "composelet_reconcile_time_seconds_count";
    assert_eq!(value(&after, count, &[]), Some(passes(&after)));

    // An engine that hangs holds no scrape up.
    api.host.engine.freeze_daemon();
    api.host.pass(1).await;
    let begun = tokio::time::Instant::now();
    scrape(&api).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    api.host.engine.thaw_daemon();
    api.host.converged("shop").await;

    api.host.remove("shop");
    api.host.until("it is gone", |host| host.status("shop").is_none()).await;
    let gone = scrape(&api).await;
    let left = gone.iter().filter(|one| one.labels.get("project").is_some_and(|it| it == "shop"));
    assert_eq!(left.count(), 0);
}
