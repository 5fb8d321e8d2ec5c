//! What is wrong although every value by itself is right (compose-spec reference §2.11), and what will surprise.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::manifest::checks;
use crate::manifest::environment::child;
use crate::manifest::node::{Node, Value};
use crate::manifest::report::{Finding, Report};
use crate::manifest::source::Place;
use crate::manifest::{
    builds, extension, image_update, joins, limits, ofelia, refusal, schedule, suggest,
};
use crate::model::backup::Recipe;

/// Checks the whole project.
pub(crate) fn check(model: &Node, disabled: &BTreeMap<Arc<str>, Place>, report: &mut Report) {
    let mut checker = Checker { model, disabled, report };
    checker.services();
    checker.project_words();
    checker.resources();
    checker.cycles();
    checker.container_names();
    builds::check(model, disabled, report);
}

struct Checker<'a> {
    model: &'a Node,
    disabled: &'a BTreeMap<Arc<str>, Place>,
    report: &'a mut Report,
}

impl<'a> Checker<'a> {
    fn each_service(&self) -> impl Iterator<Item = (&'a Arc<str>, Place, &'a Node)> + use<'a> {
        let map = self.model.get("services").and_then(Node::as_map);
        map.into_iter().flatten().map(|(name, entry)| (name, entry.key, &entry.node))
    }

    fn error(
        &mut self,
        code: &'static str,
        place: Place,
        field: &str,
        message: String,
        help: &str,
    ) {
        self.report.add(Finding::error(code, field, message).at(place).help(help));
    }

    fn services(&mut self) {
        for (name, key, service) in self.each_service() {
            let field = child("services", name);
            if !name
                .chars()
                .all(|symbol| symbol.is_ascii_alphanumeric() || matches!(symbol, '.' | '_' | '-'))
            {
                let message = format!("{name} is not a name for a service");
                self.error("service-name", key, &field, message, "letters, digits and . _ -");
            }
            let has_image =
                service.get("image").and_then(Node::as_text).is_some_and(|image| !image.is_empty());
            let provided = service.get("provider").is_some();
            if !has_image && !provided && service.get("build").is_none() {
                let message = format!("the service {name} has neither image nor build");
                self.error("no-image", key, &field, message, "add image: or build:");
            }
            self.network(service, &field);
            joins::check((self.model, self.disabled), service, &field, self.report);
            self.dependencies(service, &field);
            self.mounts(service, &field);
            self.hooks(service, &field);
            self.own_words(service, &field);
            self.checks(service, &field);
            limits::check(service, &field, self.report);
            schedule::references(self.model, service, &field, self.report);
            ofelia::check(self.model, service, &field, self.report);
            image_update::check_service(service, &field, self.report);
        }
    }

    fn network(&mut self, service: &Node, field: &str) {
        if let (Some(mode), Some(_)) = (service.get("network_mode"), service.get("networks")) {
            let message = "network_mode and networks exclude each other".to_owned();
            self.error("exclusive-keys", mode.place, field, message, "remove one of the two");
        }
        if let (Some("host"), Some(ports)) =
            (service.get("network_mode").and_then(Node::as_text), service.get("ports"))
        {
            let finding = Finding::warning(
                "host-ports",
                &format!("{field}.ports"),
                "with network_mode: host no port is published",
            )
            .at(ports.place)
            .help("the service listens on the host's own ports; remove ports");
            self.report.add(finding);
        }
    }

    /// A hook inside a container needs a program; steps before the start run once for all replicas.
    fn hooks(&mut self, service: &Node, field: &str) {
        for key in ["pre_start", "post_start", "pre_stop"] {
            let hooks = service.get(key).and_then(Node::as_list);
            for (index, hook) in hooks.into_iter().flatten().enumerate() {
                let path = format!("{field}.{key}[{index}]");
                let words = hook.get("command").and_then(Node::as_list).unwrap_or_default();
                if words.is_empty() && key != "pre_start" {
                    let message = format!("{path} has no command");
                    self.error("hook-without-command", hook.place, &path, message, "add command:");
                }
                if let Some(node) =
                    hook.get("per_replica").filter(|node| node.as_bool() == Some(true))
                {
                    let message = format!("{path}.per_replica is true, which no version can do");
                    let help = "remove it: a step runs once, before the first replica starts";
                    self.error("per-replica", node.place, &path, message, help);
                }
            }
        }
    }

    /// Services that words of the project name.
    fn project_words(&mut self) {
        self.named_by_checks(self.model, "x-composelet.checks");
        self.named_by_backup();
    }

    /// Services whose data goes back with a version that failed: of what is not saved nothing can. One that its profiles
    /// switch off writes nothing.
    fn named_by_backup(&mut self) {
        for (path, node) in extension::named_by_backup(self.model) {
            let name = node.as_text().unwrap_or_default();
            let service = self.model.at(&["services", name]);
            if service.is_none() && !self.disabled.contains_key(name) {
                self.unknown("service", "services", name, node.place, &path);
            }
            let word = service.and_then(extension::backup);
            if word.is_some_and(|word| word.recipe == Some(Recipe::Nothing)) {
                let message = format!("recipe: none of {name} saves nothing that could go back");
                let help = "remove the name, or the recipe";
                self.error("backup", node.place, &path, message, help);
            }
        }
    }

    /// Services that checks are for, and their companions. A check for a service that its profiles switch off is off too.
    fn named_by_checks(&mut self, node: &Node, field: &str) {
        let named = extension::checks(node).map(|word| checks::named(word, field));
        for (path, node) in named.into_iter().flatten() {
            let name = node.as_text().unwrap_or_default();
            if name.is_empty() || self.model.at(&["services", name]).is_some() {
                continue;
            }
            match self.disabled.get(name) {
                None => self.unknown("service", "services", name, node.place, &path),
                Some(place) if path.contains(".with[") => {
                    let message = format!("{name} is switched off by its profiles");
                    let finding = Finding::error("disabled-dependency", &path, message)
                        .at(node.place)
                        .help("enable its profile in COMPOSE_PROFILES, or leave it out");
                    self.report.add(finding.related(*place, "defined here"));
                }
                Some(_) => {}
            }
        }
    }

    /// A job is over before it could be asked.
    fn checks(&mut self, service: &Node, field: &str) {
        let mode = service.at(&["deploy", "mode"]).and_then(Node::as_text);
        let job = extension::job(service).is_some() || mode == Some("replicated-job");
        if let Some(checks) = extension::checks(service).filter(|_| job) {
            let (field, message) = (format!("{field}.x-composelet.checks"), "a job has no checks");
            let help = "let the job itself fail, or write the check on a service that runs";
            self.error("exclusive-keys", checks.place, &field, message.to_owned(), help);
        }
    }

    /// Services that our own words name.
    fn own_words(&mut self, service: &Node, field: &str) {
        let known = |name: &str| self.model.at(&["services", name]).is_some();
        for (path, node) in extension::unknown_services(service, known) {
            let name = node.as_text().unwrap_or_default();
            self.unknown("service", "services", name, node.place, &child(field, path));
        }
        self.named_by_checks(service, &child(field, "x-composelet.checks"));
    }

    fn dependencies(&mut self, service: &Node, field: &str) {
        let edges = service.get("depends_on").and_then(Node::as_map);
        for (name, entry) in edges.into_iter().flatten() {
            let shown = self.report.sources.shown(name, entry.key);
            let path = child(&format!("{field}.depends_on"), shown);
            let optional = entry.node.get("required").and_then(Node::as_bool) == Some(false);
            if optional && self.model.at(&["services", name]).is_none() {
                continue;
            }
            if let Some(place) = self.disabled.get(name) {
                let finding = Finding::error(
                    "disabled-dependency",
                    &path,
                    format!("{name} is switched off by its profiles"),
                )
                .at(entry.key)
                .help("enable its profile in COMPOSE_PROFILES, or write required: false")
                .related(*place, "defined here");
                self.report.add(finding);
                continue;
            }
            let Some(target) = self.model.at(&["services", name]) else {
                self.unknown("service", "services", name, entry.key, &path);
                continue;
            };
            let healthy =
                entry.node.get("condition").and_then(Node::as_text) == Some("service_healthy");
            if healthy && !has_check(target) {
                self.no_health(
                    name,
                    target,
                    entry.node.get("condition").map_or(entry.key, |node| node.place),
                    &path,
                );
            }
        }
    }

    fn no_health(&mut self, name: &str, target: &Node, place: Place, path: &str) {
        let disabled = target.get("healthcheck").is_some();
        let message = if disabled {
            format!("waits for {name} to be healthy, but its health check is switched off")
        } else {
            format!("waits for {name} to be healthy, but {name} declares no health check")
        };
        let mut finding = Finding::warning("no-health-check", path, message).at(place).help(format!(
            "add healthcheck: to {name}, or write condition: service_started; unless its image brings a check, \
             started counts as healthy here, while docker compose up would fail"
        ));
        finding = finding.related(target.place, format!("{name} is defined here"));
        self.report.add(finding);
    }

    fn unknown(&mut self, what: &str, section: &str, name: &str, place: Place, path: &str) {
        let known = self.model.get(section).and_then(Node::as_map);
        // A suggestion costs a look at every name; the first mistakes deserve it.
        let near = suggest::nearest(
            name,
            known
                .filter(|_| self.report.errors() < 50)
                .into_iter()
                .flat_map(|map| map.keys().map(|key| &**key)),
        );
        let help = match near {
            Some(near) => format!("did you mean {near}?"),
            None => format!("define it under {section}:"),
        };
        let shown = self.report.sources.shown(name, place);
        let message = format!("there is no {what} {shown}");
        self.error("unknown-reference", place, path, message, &help);
    }

    fn mounts(&mut self, service: &Node, field: &str) {
        let mut targets: BTreeMap<String, Place> = BTreeMap::new();
        let lists = [("volumes", "volume"), ("configs", "config"), ("secrets", "secret")];
        for (section, what) in lists {
            let list = service.get(section).and_then(Node::as_list).unwrap_or(&[]);
            for (index, mount) in list.iter().enumerate() {
                let path = format!("{field}.{section}[{index}]");
                self.mount_source(section, what, mount, &path);
                let Some(target) = mount_target(section, mount) else {
                    continue;
                };
                if let Some(first) = targets.insert(target.clone(), mount.place) {
                    let shown = self.report.sources.shown(&target, mount.place).to_owned();
                    let finding = Finding::error(
                        "duplicate-target",
                        &path,
                        format!("{shown} is mounted twice"),
                    )
                    .at(mount.place)
                    .help("keep one of the two")
                    .related(first, "it stands here, too");
                    self.report.add(finding);
                }
            }
        }
        let networks = service.get("networks").and_then(Node::as_map);
        for (name, entry) in networks.into_iter().flatten() {
            if self.model.at(&["networks", name]).is_none() {
                let shown = self.report.sources.shown(name, entry.key);
                let path = child(&format!("{field}.networks"), shown);
                self.unknown("network", "networks", name, entry.key, &path);
            }
        }
    }

    fn mount_source(&mut self, section: &str, what: &str, mount: &Node, path: &str) {
        let kind = mount.get("type").and_then(Node::as_text);
        let elsewhere = match kind {
            Some("cluster") => Some(refusal::CLUSTER),
            Some("npipe") => Some(refusal::NPIPE),
            _ => None,
        };
        if let (Some(why), "volumes") = (elsewhere, section) {
            let message = format!("this service is not run because of {path}");
            self.report.add(Finding::warning("not-run", path, message).at(mount.place).help(why));
        }
        if section == "volumes" && kind != Some("volume") {
            return;
        }
        if let Some(source) = mount.get("source")
            && let Some(name) = source.as_text().filter(|name| !name.is_empty())
            && self.model.at(&[section, name]).is_none()
        {
            self.unknown(what, section, name, source.place, path);
        }
    }

    fn resources(&mut self) {
        for section in ["configs", "secrets"] {
            let map = self.model.get(section).and_then(Node::as_map);
            for (name, entry) in map.into_iter().flatten() {
                let known: &[&str] = match section {
                    "configs" => &["file", "environment", "content"],
                    _ => &["file", "environment"],
                };
                let given = known.iter().filter(|key| entry.node.get(key).is_some()).count();
                let path = child(section, name);
                let one_of = format!("write one of {}", known.join(", "));
                if given == 0 {
                    let message = format!("{path} has no source");
                    self.error("missing-key", entry.key, &path, message, &one_of);
                } else if given > 1 {
                    let message = format!("{path} has several sources, which exclude each other");
                    self.error("exclusive-keys", entry.key, &path, message, &one_of);
                }
            }
        }
        let volumes = self.model.get("volumes").and_then(Node::as_map);
        for (name, entry) in volumes.into_iter().flatten() {
            let external = entry.node.get("external").and_then(Node::as_bool) == Some(true);
            let extra =
                ["driver", "driver_opts", "labels"].into_iter().find_map(|key| entry.node.get(key));
            if let (true, Some(extra)) = (external, extra) {
                let path = child("volumes", name);
                let message = format!("{path} is external and cannot be defined here");
                self.error(
                    "external-definition",
                    extra.place,
                    &path,
                    message,
                    "keep external and name only",
                );
            }
        }
    }

    fn cycles(&mut self) {
        let edges: BTreeMap<&str, Vec<&str>> = self
            .each_service()
            .map(|(name, _, service)| {
                let map = service.get("depends_on").and_then(Node::as_map);
                let targets = map.into_iter().flat_map(|map| map.keys().map(|key| &**key));
                (&**name, targets.collect())
            })
            .collect();
        let Some(path) = crate::manifest::cycle::find(&edges) else {
            return;
        };
        let first = path.first().copied().unwrap_or("");
        let second = path.get(1).copied().unwrap_or(first);
        let place = self
            .model
            .at(&["services", first, "depends_on"])
            .and_then(Node::as_map)
            .and_then(|map| map.get(second))
            .map_or(self.model.place, |entry| entry.key);
        let field = format!("{}.depends_on", child("services", first));
        let message = format!("the services wait for each other: {}", path.join(" → "));
        self.error("dependency-cycle", place, &field, message, "remove one of these dependencies");
    }

    fn container_names(&mut self) {
        let mut seen: BTreeMap<&str, Place> = BTreeMap::new();
        for (name, _, service) in self.each_service() {
            let Some(node) = service.get("container_name") else {
                continue;
            };
            let Some(text) = node.as_text() else { continue };
            let field = format!("{}.container_name", child("services", name));
            let valid = text.chars().count() > 1
                && text.starts_with(|first: char| first.is_ascii_alphanumeric())
                && text.chars().all(|symbol| {
                    symbol.is_ascii_alphanumeric() || matches!(symbol, '_' | '.' | '-')
                });
            if !valid {
                let message = "this is not a name for a container".to_owned();
                self.error(
                    "container-name",
                    node.place,
                    &field,
                    message,
                    "letters, digits and _ . -, beginning with a letter or digit",
                );
            }
            if let Some(first) = seen.insert(text, node.place) {
                let finding =
                    Finding::error("container-name", &field, "two services claim this name")
                        .at(node.place)
                        .help("give one of them another name")
                        .related(first, "claimed here");
                self.report.add(finding);
            }
        }
    }
}

/// Where a mount ends up in the container.
fn mount_target(section: &str, mount: &Node) -> Option<String> {
    let target = mount.get("target").and_then(Node::as_text);
    let source = mount.get("source").and_then(Node::as_text);
    Some(match (section, target, source) {
        ("secrets", Some(target), _) if !target.starts_with('/') => {
            format!("/run/secrets/{target}")
        }
        ("configs", Some(target), _) if !target.starts_with('/') => format!("/{target}"),
        (_, Some(target), _) => target.to_owned(),
        ("configs", None, Some(source)) => format!("/{source}"),
        _ => return None,
    })
}

/// Whether a service declares a health check that runs.
pub(crate) fn has_check(service: &Node) -> bool {
    // A probe of our own says when it is ready, too (docs/manifest-reference.md, probes).
    let probe = extension::probe(service);
    if probe.is_some_and(|probe| probe.get("startup").or(probe.get("readiness")).is_some()) {
        return true;
    }
    let Some(check) = service.get("healthcheck") else {
        return false;
    };
    let off = check.get("disable").and_then(Node::as_bool) == Some(true);
    let none = match check.get("test").map(|node| &node.value) {
        Some(Value::List(words)) => words.first().and_then(Node::as_text) == Some("NONE"),
        _ => false,
    };
    !off && !none
}
