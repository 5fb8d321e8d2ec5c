//! `x-composelet.drain` of a service: the time between leaving the traffic and the stop signal.

use std::time::Duration;

use crate::manifest::node::Node;
use crate::manifest::report::{Finding, Report};
use crate::manifest::units;

/// Checks `drain`.
pub(crate) fn check(node: &Node, field: &str, report: &mut Report) {
    if read(node).is_none() {
        let message = format!("{field} is no time");
        let finding = Finding::error("wrong-kind", field, message);
        report.add(finding.at(node.place).help("a time such as 5s or 1m30s"));
    }
}

/// The checked time.
pub(crate) fn read(node: &Node) -> Option<Duration> {
    node.as_text().and_then(units::duration)
}
