//! Limits that the engine refuses.

use crate::manifest::lint::run::{Findings, Project};
use crate::manifest::lint::service::Service;
use crate::manifest::node::Node;
use crate::manifest::report::Finding;

/// Least memory limit that the engine takes, bytes.
const LEAST: i64 = 6 << 20;

pub(super) fn check(project: &Project<'_>, findings: &mut Findings<'_>) {
    for service in &project.services {
        memory(service, findings);
    }
}

fn memory(service: &Service<'_>, findings: &mut Findings<'_>) {
    let find = |short: &str, block: &str| {
        let long = service.node.at(&["deploy", "resources", block, "memory"]);
        long.or_else(|| service.node.get(short))
    };
    let Some(limit) = find("mem_limit", "limits") else {
        return;
    };
    let bytes = |node: &Node| node.as_int().unwrap_or(0);
    let reservation = find("mem_reservation", "reservations");
    let swap = service.node.get("memswap_limit").filter(|swap| bytes(swap) > 0);
    let mut tell = |node: &Node, message: &str, help: &str| {
        let field = format!("{}.deploy.resources", service.field);
        let finding =
            Finding::warning("limits-conflict", &field, message).at(node.place).help(help);
        findings.add(if node.place == limit.place {
            finding
        } else {
            finding.related(limit.place, "the memory limit")
        });
    };
    if (1..LEAST).contains(&bytes(limit)) {
        tell(limit, "the engine takes no memory limit below 6m", "write 6m or more");
    } else if bytes(limit) == 0 {
    } else if let Some(reservation) = reservation.filter(|node| bytes(node) > bytes(limit)) {
        tell(
            reservation,
            "the engine refuses a reservation of memory above the limit",
            "lower the reservation, or raise the limit",
        );
    } else if let Some(swap) = swap.filter(|node| bytes(node) < bytes(limit)) {
        tell(
            swap,
            "the engine refuses a memswap_limit below the memory limit",
            "memswap_limit is memory and swap together: write at least the memory limit",
        );
    }
}
