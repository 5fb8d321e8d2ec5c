//! `x-composelet.strategy` of a service: how its new version takes the place of the old one.

use std::time::Duration;

use crate::manifest::analysis;
use crate::manifest::environment::child;
use crate::manifest::node::{Entry, Node, Value};
use crate::manifest::report::{Finding, Report};
use crate::manifest::{suggest, words};
use crate::model::strategy::{Step, Strategy, StrategyKind};

const TYPES: &[&str] = &["rolling", "recreate", "blue-green", "canary"];
const CANARY: &[&str] = &["steps", "analysis"];
const BLUE_GREEN: &[&str] = &["auto_promote", "pause", "analysis", "scale_down_delay"];
const STEPS: &[&str] = &["replicas", "weight", "pause", "analysis"];
const FORM: &str = "rolling, recreate, blue-green, canary, or a mapping such as {type: canary, steps: [{replicas: 1}, {pause: true}]}";
const STEP_FORM: &str =
    "one of {replicas: 1}, {weight: 20}, {pause: 5m}, {pause: true}, {analysis: [...]}";
/// Most steps of a canary.
const MOST_STEPS: usize = 100;
const MOST_REPLICAS: i64 = 10_000;
/// Names that Argo Rollouts and Nomad give to what is written otherwise here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("setCanaryScale", "replicas"),
    ("setWeight", "weight"),
    ("autoPromotionEnabled", "auto_promote"),
    ("autoPromotionSeconds", "pause"),
    ("scaleDownDelaySeconds", "scale_down_delay"),
    ("prePromotionAnalysis", "analysis"),
];

/// How a new version takes the place of the old one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Replacement {
    /// One replica after the other, as `deploy.update_config` says.
    Rolling,
    /// All are stopped before one of the new version starts (Kubernetes, Deployment strategy `Recreate`).
    Recreate,
    /// It stands beside the old one until it is promoted.
    Progressive(Strategy),
}

/// Checks the value of the word.
pub(crate) fn check(node: &Node, field: &str, report: &mut Report) {
    match &node.value {
        Value::Text(_) => one_of_types(node, field, report),
        Value::Map(_) => mapping(node, field, report),
        _ => words::wrong(node, field, FORM, report),
    }
}

fn one_of_types(node: &Node, field: &str, report: &mut Report) {
    let Some(text) = node.as_text() else {
        return words::wrong(node, field, &TYPES.join(", "), report);
    };
    if TYPES.contains(&text) {
        return;
    }
    let shown = report.sources.shown(text, node.place).to_owned();
    let help = match suggest::nearest(text, TYPES.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None => TYPES.join(", "),
    };
    let finding = Finding::error("strategy", field, format!("{shown} is no strategy"));
    report.add(finding.at(node.place).help(help));
}

fn mapping(node: &Node, field: &str, report: &mut Report) {
    let Some(kind) = node.get("type") else {
        let message = "nothing says which strategy it is";
        let finding = Finding::error("missing-key", field, message).at(node.place);
        return report.add(finding.help("add type: canary, or another one"));
    };
    one_of_types(kind, &child(field, "type"), report);
    let known: &[&str] = match kind.as_text() {
        Some("canary") => CANARY,
        Some("blue-green") => BLUE_GREEN,
        Some("rolling" | "recreate") => &[],
        _ => return,
    };
    for (key, entry) in node.as_map().into_iter().flatten().filter(|(key, _)| &***key != "type") {
        let path = child(field, key);
        let value = &entry.node;
        match &**key {
            _ if !known.contains(&&**key) => unknown(key, entry, (&path, known), report),
            "steps" => steps(value, &path, report),
            "analysis" => analysis::check(value, &path, report),
            "auto_promote" if words::truth(value).is_some() => {}
            "auto_promote" => words::wrong(value, &path, "true or false", report),
            _ if words::time(value).is_some() => {}
            _ => words::wrong(value, &path, "a time such as 30s or 5m", report),
        }
    }
    let waits = node.get("pause").filter(|_| known.contains(&"pause"));
    if let Some(pause) = waits
        && node.get("auto_promote").and_then(words::truth) == Some(false)
    {
        let message = "without auto_promote it waits for a person and not for a time";
        let finding = Finding::error("exclusive-keys", &child(field, "pause"), message);
        report.add(finding.at(pause.place).help("remove pause, or write auto_promote: true"));
    }
}

fn unknown(key: &str, entry: &Entry, (path, known): (&str, &[&str]), report: &mut Report) {
    let ours = ELSEWHERE.iter().find(|(theirs, _)| *theirs == key).map(|(_, ours)| *ours);
    let other = [(CANARY, "canary"), (BLUE_GREEN, "blue-green")];
    let other = other.iter().find(|(keys, _)| keys.contains(&key)).map(|(_, kind)| *kind);
    let help = match (ours.filter(|ours| known.contains(ours)), other) {
        (Some(ours), _) => format!("it is written {ours} here"),
        (None, Some(kind)) => format!("it belongs to type: {kind}"),
        (None, None) if known.is_empty() => {
            "deploy.update_config says how replicas are replaced".to_owned()
        }
        (None, None) => return words::unknown(key, entry, (path, known), report),
    };
    let finding = Finding::error("unknown-key", path, format!("the key {key} is not known here"));
    report.add(finding.at(entry.key).help(help));
}

fn steps(node: &Node, field: &str, report: &mut Report) {
    let list = match node.as_list() {
        Some(list) if !list.is_empty() && list.len() <= MOST_STEPS => list,
        Some(list) => {
            let message = format!("{} steps are not possible", list.len());
            let help = format!("a list of 1 to {MOST_STEPS} steps, each {STEP_FORM}");
            return report
                .add(Finding::error("strategy", field, message).at(node.place).help(help));
        }
        None => {
            let help = format!("a list of steps, each {STEP_FORM}");
            return words::wrong(node, field, &help, report);
        }
    };
    let mut before: Option<(&str, u32)> = None;
    for (place, one) in list.iter().enumerate() {
        let path = format!("{field}[{place}]");
        let Some(map) = one.as_map().filter(|map| map.len() == 1) else {
            words::wrong(one, &path, STEP_FORM, report);
            continue;
        };
        for (key, entry) in map {
            step(key, entry, &child(&path, key), report);
            let sets = matches!(&**key, "replicas" | "weight");
            if place == 0 && !sets {
                let message = "the first step says how many replicas are new";
                let finding = Finding::error("strategy", &path, message).at(entry.key);
                report.add(finding.help("begin with {replicas: 1} or {weight: 10}"));
            }
            let Some(number) = words::number(&entry.node, MOST_REPLICAS).filter(|_| sets) else {
                continue;
            };
            if before.is_some_and(|(kind, least)| kind == &**key && number < least) {
                let message = format!("{key} falls from one step to the next");
                let finding = Finding::error("strategy", &child(&path, key), message);
                let help = "steps go up; `composelet abort` takes a new version away";
                report.add(finding.at(entry.node.place).help(help));
            }
            before = Some((key, number));
        }
    }
}

fn step(key: &str, entry: &Entry, path: &str, report: &mut Report) {
    let node = &entry.node;
    let at_least_one = |most| words::number(node, most).is_some_and(|number| number > 0);
    match key {
        "replicas" if at_least_one(MOST_REPLICAS) => {}
        "replicas" => words::wrong(node, path, "a number of replicas, from 1", report),
        "weight" if at_least_one(100) => {}
        "weight" => words::wrong(node, path, "percent of the traffic, from 1 to 100", report),
        "pause" if pause(node).is_some() => {}
        "pause" => {
            words::wrong(
                node,
                path,
                "a time such as 5m, or true: until `composelet promote`",
                report,
            );
        }
        "analysis" => analysis::check(node, path, report),
        _ => unknown(key, entry, (path, STEPS), report),
    }
}

fn pause(node: &Node) -> Option<Step> {
    match words::truth(node) {
        Some(true) => Some(Step::Confirm),
        Some(false) => None,
        None => words::time(node).map(Step::Pause),
    }
}

/// The checked value of the word.
pub(crate) fn read(node: &Node) -> Option<Replacement> {
    let kind = node.as_text().or_else(|| node.get("type").and_then(Node::as_text))?;
    match kind {
        "rolling" => Some(Replacement::Rolling),
        "recreate" => Some(Replacement::Recreate),
        "canary" => Some(Replacement::Progressive(canary(node))),
        "blue-green" => Some(Replacement::Progressive(blue_green(node))),
        _ => None,
    }
}

/// Without steps: one replica, and then a person.
fn canary(node: &Node) -> Strategy {
    let list = node.get("steps").and_then(Node::as_list);
    let steps = list.map(|list| list.iter().filter_map(read_step).collect());
    Strategy {
        kind: StrategyKind::Canary,
        steps: steps.unwrap_or_else(|| vec![Step::Replicas(1), Step::Confirm]),
        background: node.get("analysis").map(|node| analysis::read(node, None)).unwrap_or_default(),
        scale_down_delay: Duration::ZERO,
    }
}

fn read_step(node: &Node) -> Option<Step> {
    let (key, entry) = node.as_map()?.iter().next()?;
    let number = |most| words::number(&entry.node, most);
    match &**key {
        "replicas" => number(MOST_REPLICAS).map(Step::Replicas),
        "weight" => number(100).map(Step::Weight),
        "pause" => pause(&entry.node),
        "analysis" => Some(Step::Analysis(analysis::read(&entry.node, Some(1)))),
        _ => None,
    }
}

/// All replicas, the analysis, and then a time or a person.
fn blue_green(node: &Node) -> Strategy {
    let mut steps = vec![Step::Weight(100)];
    if let Some(checks) = node.get("analysis") {
        steps.push(Step::Analysis(analysis::read(checks, Some(1))));
    }
    if node.get("auto_promote").and_then(words::truth) == Some(false) {
        steps.push(Step::Confirm);
    } else if let Some(time) = node.get("pause").and_then(words::time) {
        steps.push(Step::Pause(time));
    }
    Strategy {
        kind: StrategyKind::BlueGreen,
        steps,
        background: Vec::new(),
        scale_down_delay: node.get("scale_down_delay").and_then(words::time).unwrap_or_default(),
    }
}
