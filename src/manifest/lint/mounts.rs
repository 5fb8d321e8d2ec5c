//! Bind mounts whose source is not there yet.

use crate::manifest::lint::listing::{Presence, below};
use crate::manifest::lint::run::{Findings, Project};
use crate::manifest::lint::service::Service;
use crate::manifest::node::Node;
use crate::manifest::report::Finding;
use crate::model::path::LocalPath;

pub(super) fn check(project: &Project<'_>, findings: &mut Findings<'_>) {
    for service in &project.services {
        for (index, mount) in service.words("volumes").iter().enumerate() {
            if mount.get("type").and_then(Node::as_text) != Some("bind") {
                continue;
            }
            let field = format!("{}.volumes[{index}]", service.field);
            if let Some(source) = mount.get("source").and_then(Node::as_text) {
                let source = LocalPath::new(source);
                if project.listing.presence(&source) == Presence::Missing {
                    missing(service, mount, &source, &field, project, findings);
                }
            }
        }
    }
}

fn missing(
    service: &Service<'_>,
    mount: &Node,
    source: &LocalPath,
    field: &str,
    project: &Project<'_>,
    findings: &mut Findings<'_>,
) {
    let shown = below(source, project.listing.directory()).unwrap_or_default();
    if source.as_path().extension().is_some() {
        let message = format!("./{shown} is not there, and looks like a file");
        findings.add(Finding::warning("missing-bind-file", field, message).at(mount.place).help(
            "create it; composelet holds the service until then, where docker compose makes a directory of that name, owned \
             by root",
        ));
        return;
    }
    let user = service.text("user").unwrap_or("");
    let root = matches!(user.split(':').next(), None | Some("" | "root" | "0"));
    let created = mount.at(&["bind", "create_host_path"]).and_then(Node::as_bool) != Some(false);
    let writable = mount.get("read_only").and_then(Node::as_bool) != Some(true);
    if !root && created && writable {
        let message = format!(
            "the engine will create ./{shown} for root, but the service runs as another user"
        );
        findings.add(Finding::warning("bind-owned-by-root", field, message).at(mount.place).help(
            format!(
                "create it first and give it to that user: mkdir {shown}; chown {user} {shown}"
            ),
        ));
    }
}
