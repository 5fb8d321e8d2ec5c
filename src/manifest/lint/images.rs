//! Images and what is run in them.

use std::collections::BTreeSet;

use crate::manifest::lint::run::{Findings, Project};
use crate::manifest::lint::service::Service;
use crate::manifest::node::Node;
use crate::manifest::report::Finding;

pub(super) fn check(project: &Project<'_>, findings: &mut Findings<'_>) {
    let builds = project.services.iter().filter(|service| service.node.get("build").is_some());
    let built: BTreeSet<&str> = builds.filter_map(|service| service.text("image")).collect();
    for service in &project.services {
        floating(service, &built, findings);
        interactive(service, findings);
    }
}

/// No tag, or `latest`. A policy that refreshes the image shows that the newest is meant.
fn floating(service: &Service<'_>, built: &BTreeSet<&str>, findings: &mut Findings<'_>) {
    let Some(node) = service.node.get("image").filter(|_| service.node.get("build").is_none())
    else {
        return;
    };
    let image = node.as_text().unwrap_or("");
    let pulled = matches!(service.text("pull_policy"), None | Some("missing" | ""));
    if image.is_empty() || !pulled || built.contains(image) || !floats(image) {
        return;
    }
    let shown = findings.sources().shown(image, node.place);
    let message =
        format!("{shown} is whatever was newest on the day of its pull, and is never refreshed");
    findings.add(
        Finding::warning("floating-tag", &format!("{}.image", service.field), message)
            .at(node.place)
            .help("name a version, as in postgres:17; or write pull_policy: daily if the newest is meant"),
    );
}

/// Whether an image reference names no version.
fn floats(image: &str) -> bool {
    if image.contains('@') {
        return false;
    }
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

/// A command that asks a person, where there is none.
fn interactive(service: &Service<'_>, findings: &mut Findings<'_>) {
    let terminal = |key| service.node.get(key).and_then(Node::as_bool) == Some(true);
    if terminal("tty") && terminal("stdin_open") {
        return;
    }
    for key in ["command", "entrypoint"] {
        let words = service.words(key);
        let has =
            |what: &str| words.iter().filter_map(Node::as_text).any(|word| word.contains(what));
        let asks = words
            .iter()
            .find(|node| node.as_text().is_some_and(|word| word.contains("createsuperuser")));
        if let Some(node) = asks.filter(|_| !has("--noinput") && !has("--no-input")) {
            findings.add(
                Finding::warning(
                    "interactive-command",
                    &format!("{}.{key}", service.field),
                    "createsuperuser asks questions, and nobody is there to answer",
                )
                .at(node.place)
                .help(
                    "write createsuperuser --noinput with DJANGO_SUPERUSER_* in the environment, and let it fail when the \
                     user exists already",
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::floats;

    #[test]
    fn a_version_is_a_tag_or_a_digest() {
        for image in ["nginx", "nginx:latest", "host:5000/nginx", "a/b/c:latest"] {
            assert!(floats(image), "{image}");
        }
        for image in ["nginx:1.27", "nginx:alpine", "host:5000/nginx:1", "nginx@sha256:00"] {
            assert!(!floats(image), "{image}");
        }
    }
}
