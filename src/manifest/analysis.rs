//! `analysis` of a strategy: what is measured of a new version.

use std::fmt::Write as _;
use std::time::Duration;

use http::Uri;

use crate::manifest::environment::child;
use crate::manifest::host_probe;
use crate::manifest::node::{Entry, Node};
use crate::manifest::report::{Finding, Report};
use crate::manifest::{suggest, words};
use crate::model::analysis::{Check, Condition, Inconclusive, Measure, Prometheus};
use crate::model::host_probe::{HttpGet, Scheme, StatusRange, TlsVerify};

const MEASURES: &[&str] = &["http", "tcp", "exec", "prometheus", "restarts"];
const NUMBERS: &[&str] =
    &["initial_delay", "interval", "timeout", "count", "failure_limit", "inconclusive"];
const PROMETHEUS: &[&str] = &["address", "query", "condition"];
const FORM: &str = "a list such as [{http: {path: /healthz, port: 8000}, interval: 10s, count: 3}]";
const QUERY_FORM: &str = "a mapping such as {address: 'http://prometheus:9090', query: 'sum(rate(errors[1m]))', condition: '< 0.01'}";
const MOST_CHECKS: usize = 50;
const MOST: i64 = 1_000_000;
const INTERVAL: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(5);
/// Names that Argo Rollouts gives to what is written otherwise here.
const ARGO: &[(&str, &str)] = &[
    ("initialDelay", "initial_delay"),
    ("failureLimit", "failure_limit"),
    ("inconclusiveLimit", "inconclusive"),
    ("successCondition", "condition"),
    ("web", "http"),
];

/// Checks a list of measurements, or one.
pub(crate) fn check(node: &Node, field: &str, report: &mut Report) {
    if node.as_map().is_some() {
        return one(node, field, report);
    }
    match node.as_list() {
        Some(list) if !list.is_empty() && list.len() <= MOST_CHECKS => {
            for (place, node) in list.iter().enumerate() {
                one(node, &format!("{field}[{place}]"), report);
            }
        }
        _ => words::wrong(node, field, FORM, report),
    }
}

fn one(node: &Node, field: &str, report: &mut Report) {
    let Some(map) = node.as_map() else {
        return words::wrong(node, field, FORM, report);
    };
    let known = [MEASURES, NUMBERS].concat();
    for (key, entry) in map {
        let (path, node) = (child(field, key), &entry.node);
        match &**key {
            key @ ("http" | "tcp" | "exec") => host_probe::check_handler(key, node, &path, report),
            "prometheus" => prometheus(node, &path, report),
            "restarts" => restarts(node, &path, report),
            "initial_delay" | "interval" | "timeout" if words::time(node).is_some() => {}
            "initial_delay" | "interval" | "timeout" => {
                words::wrong(node, &path, "a time such as 10s", report);
            }
            "count" if words::number(node, MOST).is_some_and(|count| count > 0) => {}
            "count" => words::wrong(node, &path, "a number from 1", report),
            "failure_limit" if words::number(node, MOST).is_some() => {}
            "failure_limit" => words::wrong(node, &path, "a number from 0", report),
            "inconclusive" => words::one_of(node, &path, &["failure", "ignore"], report),
            _ => unknown(key, entry, (&path, &known), report),
        }
    }
    let mut measures = map.iter().filter(|(key, _)| MEASURES.contains(&&***key));
    match (measures.next(), measures.next()) {
        (None, _) => {
            let message = "nothing says what is measured";
            let finding = Finding::error("missing-key", field, message).at(node.place);
            report.add(finding.help(format!("add one of {}", MEASURES.join(", "))));
        }
        (Some((first, _)), Some((second, other))) => {
            let message = format!("{first} and {second} exclude each other");
            let finding = Finding::error("exclusive-keys", field, message).at(other.key);
            report.add(finding.help("a check measures one thing; make two of it"));
        }
        _ => {}
    }
}

fn unknown(key: &str, entry: &Entry, (path, known): (&str, &[&str]), report: &mut Report) {
    let ours = ARGO.iter().find(|(theirs, _)| *theirs == key).map(|(_, ours)| *ours);
    let near = || suggest::nearest(key, known.iter().copied());
    match ours.filter(|ours| known.contains(ours)) {
        Some(ours) if near().is_none_or(|near| near == ours) => {
            let message = format!("the key {key} is not known here");
            let finding = Finding::error("unknown-key", path, message).at(entry.key);
            report.add(finding.help(format!("it is written {ours} here")));
        }
        _ => words::unknown(key, entry, (path, known), report),
    }
}

fn prometheus(node: &Node, field: &str, report: &mut Report) {
    let Some(map) = node.as_map() else {
        return words::wrong(node, field, QUERY_FORM, report);
    };
    for (key, entry) in map {
        let (path, node) = (child(field, key), &entry.node);
        match &**key {
            "address" if node.as_text().and_then(server).is_some() => {}
            "address" => {
                words::wrong(node, &path, "an address such as http://prometheus:9090", report);
            }
            "query" if node.as_text().is_some_and(|text| !text.trim().is_empty()) => {}
            "query" => words::wrong(node, &path, "a query in PromQL", report),
            "condition" if node.as_text().and_then(Condition::parse).is_some() => {}
            "condition" => {
                let help =
                    "a comparison with a number, such as '< 0.01'; known are <, <=, >, >=, ==, !=";
                words::wrong(node, &path, help, report);
            }
            _ => unknown(key, entry, (&path, PROMETHEUS), report),
        }
    }
    for key in PROMETHEUS.iter().filter(|key| node.get(key).is_none()) {
        let finding = Finding::error("missing-key", field, format!("{key} is missing"));
        report.add(finding.at(node.place).help(QUERY_FORM));
    }
}

fn restarts(node: &Node, field: &str, report: &mut Report) {
    let form = "a mapping such as {max: 0}";
    let Some(map) = node.as_map().filter(|map| !map.is_empty()) else {
        return words::wrong(node, field, form, report);
    };
    for (key, entry) in map {
        let path = child(field, key);
        match &**key {
            "max" if words::number(&entry.node, MOST).is_some() => {}
            "max" => words::wrong(&entry.node, &path, "a number from 0", report),
            _ => words::unknown(key, entry, (&path, &["max"]), report),
        }
    }
}

/// The checked list. `count` is how often is measured where nothing is said; `None` is as often as there is time for.
pub(crate) fn read(node: &Node, count: Option<u32>) -> Vec<Check> {
    let list = node.as_list().unwrap_or(std::slice::from_ref(node));
    list.iter().filter_map(|node| read_one(node, count)).collect()
}

fn read_one(node: &Node, count: Option<u32>) -> Option<Check> {
    let time = |key, standard| node.get(key).and_then(words::time).unwrap_or(standard);
    let number = |key: &str| node.get(key).and_then(|node| words::number(node, MOST));
    let measure = match (node.get("prometheus"), node.get("restarts")) {
        (Some(query), _) => Measure::Prometheus(Box::new(read_query(query)?)),
        (None, Some(restarts)) => {
            Measure::Restarts { max: words::number(restarts.get("max")?, MOST)? }
        }
        (None, None) => Measure::Ask(host_probe::handler(node)?),
    };
    let ignores = node.get("inconclusive").and_then(Node::as_text) == Some("ignore");
    Some(Check {
        measure,
        initial_delay: time("initial_delay", Duration::ZERO),
        interval: time("interval", INTERVAL),
        timeout: time("timeout", TIMEOUT),
        count: number("count").or(count),
        failure_limit: number("failure_limit").unwrap_or(0),
        inconclusive: if ignores { Inconclusive::Ignored } else { Inconclusive::Failure },
    })
}

fn read_query(node: &Node) -> Option<Prometheus> {
    let (scheme, host, port, prefix) = server(node.get("address")?.as_text()?)?;
    let query = escaped(node.get("query")?.as_text()?);
    let get = HttpGet {
        scheme,
        host: host.parse::<std::net::IpAddr>().is_err().then(|| host.clone()),
        port,
        path: format!("{prefix}/api/v1/query?query={query}"),
        headers: Vec::new(),
        expect: vec![StatusRange::SUCCESS],
        tls_verify: TlsVerify::Full,
    };
    let condition = Condition::parse(node.get("condition")?.as_text()?)?;
    Some(Prometheus { host, get, condition })
}

/// Scheme, host, port and path of a server, without a slash at the end.
fn server(text: &str) -> Option<(Scheme, String, u16, String)> {
    let uri: Uri = text.parse().ok()?;
    let (scheme, port) = match uri.scheme_str()? {
        "http" => (Scheme::Http, 80),
        "https" => (Scheme::Https, 443),
        _ => return None,
    };
    let authority = uri.authority()?;
    if uri.query().is_some() || authority.as_str().contains('@') {
        return None;
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = authority.port_u16().or_else(|| authority.port().is_none().then_some(port))?;
    Some((scheme, host, port, uri.path().trim_end_matches('/').to_owned()))
}

/// A query as a part of an address (RFC 3986, section 2.1).
fn escaped(query: &str) -> String {
    let mut text = String::new();
    for byte in query.trim().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else if write!(text, "%{byte:02X}").is_err() {
            break;
        }
    }
    text
}
