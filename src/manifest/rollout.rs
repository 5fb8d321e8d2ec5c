//! `x-composelet.strategy` and `drain` of a service: how its new version takes the place of the old one.

use std::time::Duration;

use crate::manifest::node::Node;
use crate::manifest::report::{Finding, Report};
use crate::manifest::suggest;
use crate::manifest::units;

const STRATEGIES: &[&str] = &["rolling", "recreate"];
/// Words that stand in the design and are not built.
const LATER: &[&str] = &["blue-green", "canary"];

/// How replicas are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// One after the other, as `deploy.update_config` says.
    Rolling,
    /// All are stopped before one of the new version starts (Kubernetes, Deployment strategy `Recreate`).
    Recreate,
}

/// Checks `strategy`.
pub(crate) fn check_strategy(node: &Node, field: &str, report: &mut Report) {
    if strategy(node).is_some() {
        return;
    }
    let Some(text) = node.as_text() else {
        let message = format!("{field} is {}", node.kind());
        let finding = Finding::error("wrong-kind", field, message);
        report.add(finding.at(node.place).help(STRATEGIES.join(" or ")));
        return;
    };
    let shown = report.sources.shown(text, node.place).to_owned();
    let finding = if LATER.contains(&text) {
        Finding::error("not-built-yet", field, format!("the strategy {shown} is not built yet"))
            .help(STRATEGIES.join(" or "))
    } else {
        let help = match suggest::nearest(text, STRATEGIES.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None => STRATEGIES.join(" or "),
        };
        Finding::error("strategy", field, format!("{shown} is no strategy")).help(help)
    };
    report.add(finding.at(node.place));
}

/// The checked strategy.
pub(crate) fn strategy(node: &Node) -> Option<Strategy> {
    match node.as_text()? {
        "rolling" => Some(Strategy::Rolling),
        "recreate" => Some(Strategy::Recreate),
        _ => None,
    }
}

/// Checks `drain`.
pub(crate) fn check_drain(node: &Node, field: &str, report: &mut Report) {
    if drain(node).is_none() {
        let message = format!("{field} is no time");
        let finding = Finding::error("wrong-kind", field, message);
        report.add(finding.at(node.place).help("a time such as 5s or 1m30s"));
    }
}

/// The checked time.
pub(crate) fn drain(node: &Node) -> Option<Duration> {
    node.as_text().and_then(units::duration)
}
