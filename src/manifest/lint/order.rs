//! `depends_on`.

use crate::manifest::consistency::has_check;
use crate::manifest::environment::child;
use crate::manifest::lint::run::{Findings, Project};
use crate::manifest::node::Node;
use crate::manifest::report::Finding;

/// The short form waits for the start only, although the service could tell when it is ready.
pub(super) fn check(project: &Project<'_>, findings: &mut Findings<'_>) {
    for service in &project.services {
        let edges = service.node.get("depends_on").and_then(Node::as_map);
        for (name, entry) in edges.into_iter().flatten() {
            let condition = entry.node.get("condition");
            let Some(condition) =
                condition.filter(|node| node.as_text() == Some("service_started"))
            else {
                continue;
            };
            // Whoever writes the condition means it.
            let written = findings.raw(condition.place).contains("service_started");
            let target = project.tree.at(&["services", name]);
            if written || !target.is_some_and(has_check) {
                continue;
            }
            let field = child(&format!("{}.depends_on", service.field), name);
            let message = format!("waits for {name} to be started only, not to be healthy");
            findings.add(Finding::note("started-only", &field, message).at(entry.key).help(
                format!(
                    "{name} has a health check: write {name}: {{condition: service_healthy}}, or \
                     {{condition: service_started}} if that is meant"
                ),
            ));
        }
    }
}
