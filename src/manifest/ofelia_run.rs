//! Ofelia's `job-run` labels: a fresh container at certain times, or another start of a container that is there. The first
//! becomes a service of its own with a schedule, the second a schedule on the service that the container is of.
//!
//! The reference of the labels: <https://github.com/mcuadros/ofelia/blob/master/docs/jobs.md>.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::manifest::extension::KEY;
use crate::manifest::node::{Entry, Map, Node, Value};
use crate::manifest::ofelia::{self, PREFIX};
use crate::manifest::report::{Finding, Report};
use crate::manifest::source::Place;
use crate::manifest::{schedule, shell};
use crate::model::id::ProjectName;

const RUN: &str = "job-run";
/// Keys that say what a run is, and keys that say what we do in any case: `delete` (ended runs are kept up to the history),
/// `pull` (a missing image is pulled).
const KEYS: &[&str] = &[
    "schedule",
    "image",
    "command",
    "user",
    "network",
    "container",
    "tty",
    "hostname",
    "volume",
    "environment",
    "env",
    "no-overlap",
    "delete",
    "pull",
];
/// Keys that make no sense for a container that is there.
const OF_IMAGE: &[&str] =
    &["command", "user", "network", "tty", "hostname", "volume", "environment", "env"];

/// One job: its name, the service that has its labels, and the labels by key.
struct Job {
    name: Arc<str>,
    service: Arc<str>,
    place: Place,
    keys: BTreeMap<String, Node>,
}

/// Puts the jobs of a merged model into it.
pub(crate) fn add(model: &mut Node, project: &ProjectName, report: &mut Report) {
    for job in jobs(model) {
        let Some(schedule) = when(&job, report) else { continue };
        others(&job, report);
        if job.keys.contains_key("image") {
            fresh(model, project, (&job, schedule), report);
        } else {
            again(model, project, (&job, schedule), report);
        }
    }
}

fn jobs(model: &Node) -> Vec<Job> {
    let mut found: BTreeMap<(Arc<str>, String), Job> = BTreeMap::new();
    let services = model.get("services").and_then(Node::as_map);
    for (service, entry) in services.into_iter().flatten() {
        for (name, key, label) in ofelia::labels(model, &entry.node, RUN) {
            let at = (Arc::clone(service), name.to_owned());
            let job = found.entry(at).or_insert_with(|| Job {
                name: Arc::from(name),
                service: Arc::clone(service),
                place: label.key,
                keys: BTreeMap::new(),
            });
            job.keys.insert(key.to_owned(), label.node.clone());
        }
    }
    found.into_values().collect()
}

impl Job {
    fn text(&self, key: &str) -> Option<&str> {
        self.keys.get(key).and_then(Node::as_text).filter(|text| !text.is_empty())
    }

    fn field(&self) -> String {
        format!("services.{}.labels.{PREFIX}{RUN}.{}", self.service, self.name)
    }

    /// A list that a label tells as JSON, or one entry.
    fn list(&self, key: &str) -> Vec<(String, Place)> {
        let Some(node) = self.keys.get(key) else { return Vec::new() };
        let text = node.as_text().unwrap_or_default();
        let list: Vec<String> =
            serde_json::from_str(text).unwrap_or_else(|_| vec![text.to_owned()]);
        list.into_iter().filter(|one| !one.is_empty()).map(|one| (one, node.place)).collect()
    }

    fn tell(&self, report: &mut Report, place: Place, message: String, help: &str) {
        report.add(Finding::warning("ofelia-label", &self.field(), message).at(place).help(help));
    }
}

/// The schedule that the labels say, as the word of our own; an error if they say none.
fn when(job: &Job, report: &mut Report) -> Option<Node> {
    let field = format!("{}.schedule", job.field());
    let Some(node) = job.keys.get("schedule") else {
        let message = format!("the job {} has no schedule", job.name);
        let finding = Finding::error("missing-key", &field, message).at(job.place);
        report.add(finding.help(format!("add the label {PREFIX}{RUN}.{}.schedule", job.name)));
        return None;
    };
    let pattern = node.as_text().unwrap_or_default();
    if let Err((message, help)) = schedule::when(pattern, "UTC", true) {
        report.add(Finding::error("cron", &field, message).at(node.place).help(help));
        return None;
    }
    let alone = job.text("no-overlap") == Some("true");
    let mut word = Node::map(job.place);
    word.set("cron", node.clone());
    word.set(schedule::SECONDS, Node::new(Value::Bool(true), job.place));
    word.set("concurrency", Node::text(if alone { "forbid" } else { "allow" }, job.place));
    Some(word)
}

/// Labels without a counterpart.
fn others(job: &Job, report: &mut Report) {
    for (key, node) in &job.keys {
        if !KEYS.contains(&key.as_str()) {
            let message = format!("the label {key} of the job {} has no effect here", job.name);
            let help = "remove it; what a service with x-composelet.schedule can say is in the manifest reference";
            job.tell(report, node.place, message, help);
        }
    }
}

/// Another start of a container: a fresh one of its service.
fn again(model: &mut Node, project: &ProjectName, (job, word): (&Job, Node), report: &mut Report) {
    for key in OF_IMAGE {
        if let Some(node) = job.keys.get(*key) {
            let message = format!("{key} of the job {} has no effect without an image", job.name);
            job.tell(
                report,
                node.place,
                message,
                "say it on the service that runs, or add an image",
            );
        }
    }
    let wanted = job.text("container").map(str::to_owned);
    let services = model.get_mut("services").and_then(Node::as_map_mut);
    let target = services.and_then(|services| {
        let mut each = services.iter_mut();
        let found = each.find(|(name, entry)| match wanted.as_deref() {
            None => **name == job.service,
            Some(wanted) => {
                let fixed = entry.node.get("container_name").and_then(Node::as_text);
                let own = format!("{project}-{name}-1");
                wanted == &***name || fixed == Some(wanted) || wanted == own
            }
        })?;
        Some(found.1)
    });
    let Some(entry) = target else {
        let place = job.keys.get("container").map_or(job.place, |node| node.place);
        let message =
            format!("the container of the job {} is no service of this project", job.name);
        let help =
            "name a service or its container_name; a job of another project is declared there";
        return job.tell(report, place, message, help);
    };
    if entry.node.at(&[KEY, "schedule"]).is_some() {
        let message = format!("the service of the job {} has a schedule already", job.name);
        return job.tell(report, job.place, message, "keep one of the two");
    }
    put(&mut entry.node, word);
}

fn put(service: &mut Node, word: Node) {
    let place = word.place;
    if service.get(KEY).is_none() {
        service.set(KEY, Node::map(place));
    }
    if let Some(own) = service.get_mut(KEY) {
        own.set("schedule", word);
    }
}

/// A service for the containers of a job with an image.
fn fresh(model: &mut Node, project: &ProjectName, (job, word): (&Job, Node), report: &mut Report) {
    let mut service = Node::map(job.place);
    for key in ["image", "hostname"] {
        if let Some(node) = job.keys.get(key) {
            service.set(key, node.clone());
        }
    }
    // Ofelia runs it as root unless told otherwise, whatever the image says.
    service.set("user", Node::text(job.text("user").unwrap_or("root"), job.place));
    if let Some(words) = job.text("command").and_then(shell::words) {
        let words = words.into_iter().map(|word| Node::text(word, job.place)).collect();
        service.set("command", Node::new(Value::List(words), job.place));
    }
    if job.text("tty") == Some("true") {
        service.set("tty", Node::new(Value::Bool(true), job.place));
    }
    let mut variables = Node::map(job.place);
    for (text, place) in ["environment", "env"].iter().flat_map(|key| job.list(key)) {
        let (name, value) = text.split_once('=').unwrap_or((&text, ""));
        variables.set(name, Node::text(value, place));
    }
    service.set("environment", variables);
    network(model, project, (job, &mut service));
    let mut mounts = Vec::new();
    for (text, place) in job.list("volume") {
        mounts.extend(mount(model, project, (job, &text, place), report));
    }
    service.set("volumes", Node::new(Value::List(mounts), job.place));
    put(&mut service, word);
    let Some(services) = model.get_mut("services").and_then(Node::as_map_mut) else { return };
    if services.contains_key(&job.name) {
        let message = format!("the job {} has the name of a service", job.name);
        return job.tell(report, job.place, message, "give the job another name");
    }
    services.insert(Arc::clone(&job.name), Entry { key: job.place, node: service });
}

/// The network of the label, which names it as the engine does; without one the engine's own.
fn network(model: &mut Node, project: &ProjectName, (job, service): (&Job, &mut Node)) {
    let place = job.place;
    let Some(wanted) = job.text("network").map(str::to_owned) else {
        service.set("network_mode", Node::text("bridge", place));
        return;
    };
    let key = key_of(model, project, "networks", &wanted);
    let key = key.unwrap_or_else(|| {
        declare(model, "networks", &wanted, place);
        wanted
    });
    let mut networks = Node::map(place);
    networks.set(&key, Node::new(Value::Null, place));
    service.set("networks", networks);
}

/// The key of a network or volume that the engine knows under this name.
fn key_of(model: &Node, project: &ProjectName, section: &str, wanted: &str) -> Option<String> {
    let own = wanted.strip_prefix(project.as_str()).and_then(|rest| rest.strip_prefix('_'));
    let declared: Option<&Map> = model.get(section).and_then(Node::as_map);
    let mut each = declared.into_iter().flatten();
    let found = each.find(|(key, entry)| {
        let named = entry.node.get("name").and_then(Node::as_text);
        named.map_or_else(|| own == Some(&***key), |named| named == wanted)
    });
    match found {
        Some((key, _)) => Some(key.to_string()),
        None => (section == "networks" && own == Some("default")).then(|| "default".to_owned()),
    }
}

/// Declares something that others made.
fn declare(model: &mut Node, section: &str, name: &str, place: Place) {
    let mut outside = Node::map(place);
    outside.set("external", Node::new(Value::Bool(true), place));
    outside.set("name", Node::text(name, place));
    if model.get(section).is_none() {
        model.set(section, Node::map(place));
    }
    if let Some(map) = model.get_mut(section) {
        map.set(name, outside);
    }
}

/// `source:target[:ro]` as the engine takes it: a path of the host, or the name of a volume.
fn mount(
    model: &mut Node,
    project: &ProjectName,
    (job, text, place): (&Job, &str, Place),
    report: &mut Report,
) -> Option<Node> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, mode) = match parts.as_slice() {
        [source, target] => (*source, *target, "rw"),
        [source, target, mode] => (*source, *target, *mode),
        _ => ("", "", ""),
    };
    if source.is_empty() || !target.starts_with('/') || !matches!(mode, "rw" | "ro") {
        let message = format!("a mount of the job {} cannot be read", job.name);
        job.tell(report, place, message, "write /path/of/the/host:/path:ro, or volume:/path");
        return None;
    }
    let mut mount = Node::map(place);
    let kind = if source.starts_with('/') { "bind" } else { "volume" };
    let source = if kind == "bind" {
        source.to_owned()
    } else {
        key_of(model, project, "volumes", source).unwrap_or_else(|| {
            declare(model, "volumes", source, place);
            source.to_owned()
        })
    };
    mount.set("type", Node::text(kind, place));
    mount.set("source", Node::text(source, place));
    mount.set("target", Node::text(target, place));
    if kind == "bind" {
        let mut bind = Node::map(place);
        bind.set("create_host_path", Node::new(Value::Bool(true), place));
        mount.set("bind", bind);
    }
    if mode == "ro" {
        mount.set("read_only", Node::new(Value::Bool(true), place));
    }
    Some(mount)
}
