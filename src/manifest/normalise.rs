//! What the files leave unsaid is filled in: default network, names, build defaults, env files, values from the
//! environment (compose-spec reference §2.6, §2.9). The result is what `docker compose config` shows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::manifest::budget::SERVICE_VALUES;
use crate::manifest::discovery::describe;
use crate::manifest::encrypted::{self, Variables};
use crate::manifest::environment::{Environment, child};
use crate::manifest::files::Files;
use crate::manifest::lint::Facts;
use crate::manifest::node::{Entry, Map, Node, Value};
use crate::manifest::report::{Finding, Report};
use crate::manifest::source::{Content, Place};
use crate::manifest::{consistency, dotenv, joins, like, parse};
use crate::model::files::FileContent;
use crate::model::id::ProjectName;
use crate::model::path::LocalPath;

/// What normalisation needs to know.
#[derive(Debug)]
pub(crate) struct Context<'a, 'f> {
    /// Name of the project.
    pub(crate) name: &'a ProjectName,
    /// Directory of the project.
    pub(crate) directory: &'a LocalPath,
    /// The Compose files in merge order.
    pub(crate) config_files: &'a [LocalPath],
    /// Enabled profiles; `*` enables all.
    pub(crate) profiles: &'a BTreeSet<String>,
    /// Variables.
    pub(crate) environment: &'a mut Environment,
    /// Files.
    pub(crate) files: &'a mut Files<'f>,
    /// Where findings go.
    pub(crate) report: &'a mut Report,
}

/// A project in normal form.
#[derive(Debug)]
pub(crate) struct Normal {
    /// The tree, with enabled services and the resources they use.
    pub(crate) tree: Node,
    /// What is only known of the whole model, before profiles and unused resources are left out.
    pub(crate) facts: Facts,
}

/// A place of one byte in a text that is not YAML.
pub(crate) fn mistake_place(source: u32, at: usize) -> Place {
    let start = u32::try_from(at).unwrap_or(u32::MAX);
    Place { source, start, end: start.saturating_add(1) }
}

/// Brings the merged model into normal form and checks it; `None` after an error or if a file is lacking.
pub(crate) fn normalise(mut model: Node, context: &mut Context<'_, '_>) -> Option<Normal> {
    let place = model.place;
    let facts = Facts::of(&model);
    model.set("name", Node::text(context.name.as_str(), place));
    let Some(Value::Map(mut services)) = model.take("services").map(|node| node.value) else {
        context.report.add(
            Finding::error("no-services", "services", "the project has no services")
                .at(place)
                .help("add at least one service under services:"),
        );
        return None;
    };
    like::inherit(&mut services, context.name, context.report);
    let (mut enabled, disabled) = by_profile(services, context.profiles);
    let mut known = Known::new();
    for (name, entry) in &mut enabled {
        if !context.report.spend_values(SERVICE_VALUES, Some(entry.key)) {
            return None;
        }
        service_defaults(name, &mut entry.node, &mut known, context);
    }
    joins::add_dependencies(&mut enabled);
    resource_names(&mut model, context);
    model.set("services", Node::new(Value::Map(enabled), place));
    if uses_default_network(&model) {
        add_default_network(&mut model, context.name);
    }
    consistency::check(&model, &disabled, context.report);
    if context.report.errors() > 0 || context.files.lacking() {
        return None;
    }
    for (section, users) in [
        ("networks", "networks"),
        ("volumes", "volumes"),
        ("configs", "configs"),
        ("secrets", "secrets"),
    ] {
        keep_used(&mut model, section, users);
    }
    Some(Normal { tree: model, facts })
}

/// Enabled services, and the names of the others with the place of their key.
fn by_profile(services: Map, profiles: &BTreeSet<String>) -> (Map, BTreeMap<Arc<str>, Place>) {
    let mut enabled = Map::new();
    let mut disabled = BTreeMap::new();
    for (name, entry) in services {
        let wanted = entry.node.get("profiles").and_then(Node::as_list).unwrap_or(&[]);
        let active = wanted.is_empty()
            || profiles.contains("*")
            || wanted.iter().filter_map(Node::as_text).any(|profile| profiles.contains(profile));
        if active {
            enabled.insert(name, entry);
        } else {
            disabled.insert(name, entry.key);
        }
    }
    (enabled, disabled)
}

fn service_defaults(
    name: &str,
    service: &mut Node,
    known: &mut Known,
    context: &mut Context<'_, '_>,
) {
    let place = service.place;
    let no_networks =
        service.get("networks").and_then(Node::as_map).is_none_or(|map| map.is_empty());
    if no_networks {
        service.take("networks");
        if service.get("network_mode").is_none() && service.get("provider").is_none() {
            let mut networks = Node::map(place);
            networks.set("default", Node::new(Value::Null, place));
            service.set("networks", networks);
        }
    }
    if let Some(build) = service.get_mut("build") {
        build_defaults(build, context);
    }
    small_defaults(service);
    let field = child("services", name);
    variable_files(service, ("env_file", "environment"), &field, known, context);
    variable_files(service, ("label_file", "labels"), &field, known, context);
    if let Some(environment) = service.get_mut("environment") {
        resolve_unset(environment, context.environment, false);
    }
    hook_defaults(service, context.environment);
}

/// Steps before the start run the image of the service, and variables without a value take the one outside.
fn hook_defaults(service: &mut Node, environment: &mut Environment) {
    let image = service.get("image").cloned();
    for key in ["pre_start", "post_start", "pre_stop"] {
        let Some(Value::List(hooks)) = service.get_mut(key).map(|node| &mut node.value) else {
            continue;
        };
        for hook in hooks {
            if let Some(variables) = hook.get_mut("environment") {
                resolve_unset(variables, environment, false);
            }
            if let (true, None, Some(image)) = (key == "pre_start", hook.get("image"), &image) {
                hook.set("image", image.clone());
            }
        }
    }
}

/// Dependencies are required, `scale` is told to `deploy`, and an empty `dns` is none.
fn small_defaults(service: &mut Node) {
    let edges = service.get_mut("depends_on").and_then(Node::as_map_mut);
    for entry in edges.into_iter().flat_map(|map| map.values_mut()) {
        let place = entry.node.place;
        if entry.node.as_map().is_some() && entry.node.get("required").is_none() {
            entry.node.set("required", Node::new(Value::Bool(true), place));
        }
    }
    let scale = service.get("scale").cloned();
    if let (Some(scale), Some(deploy)) = (scale, service.get_mut("deploy"))
        && deploy.get("replicas").is_none()
    {
        deploy.set("replicas", scale);
    }
    let logging = service.get_mut("logging").and_then(|logging| logging.get_mut("options"));
    for entry in logging.and_then(Node::as_map_mut).into_iter().flat_map(|map| map.values_mut()) {
        if entry.node.is_null() {
            entry.node.value = Value::Text("".into());
        }
    }
    if let Some(Value::List(servers)) = service.get_mut("dns").map(|node| &mut node.value) {
        servers.retain(|server| server.as_text() != Some(""));
    }
}

fn build_defaults(build: &mut Node, context: &mut Context<'_, '_>) {
    let place = build.place;
    if build.get("context").is_none() {
        let directory = context.directory.display().to_string();
        build.set("context", Node::text(directory, place));
    }
    if build.get("dockerfile").is_none() && build.get("dockerfile_inline").is_none() {
        build.set("dockerfile", Node::text("Dockerfile", place));
    }
    if let Some(args) = build.get_mut("args") {
        resolve_unset(args, context.environment, true);
    }
}

/// Keys without a value take the one of the project's environment; what is still unset is dropped or stays null.
fn resolve_unset(pairs: &mut Node, environment: &mut Environment, drop: bool) {
    let Some(map) = pairs.as_map_mut() else {
        return;
    };
    for (key, entry) in map.iter_mut() {
        if entry.node.is_null()
            && let Some(value) = environment.get(key)
        {
            entry.node.value = Value::Text(value);
        }
    }
    if drop {
        map.retain(|_, entry| !entry.node.is_null());
    }
}

/// Files of variables that were read before, by path and whether their format is raw: services often share one.
type Known = BTreeMap<(LocalPath, bool), Assigned>;

/// What one file of variables says.
struct Assigned {
    values: Arc<dotenv::Assignments>,
    /// Whether it names variables from outside: then the files before it in a list have a say.
    asks: bool,
}

/// Reads `env_file` and lays `environment` upon it; the same for `label_file` and `labels`.
fn variable_files(
    service: &mut Node,
    (files, pairs): (&str, &str),
    field: &str,
    known: &mut Known,
    context: &mut Context<'_, '_>,
) {
    let Some(list) = service.take(files) else {
        return;
    };
    let mut values = dotenv::Assignments::new();
    for (index, entry) in list.as_list().unwrap_or(&[]).iter().enumerate() {
        let field = format!("{field}.{files}[{index}]");
        if let Some(read) = env_file(entry, &field, &values, known, context) {
            if !context.report.spend_values(read.len(), Some(entry.place)) {
                return;
            }
            values.extend(read.iter().map(|(key, value)| (key.clone(), Arc::clone(value))));
        }
    }
    let place = list.place;
    if service.get(pairs).is_none() && !values.is_empty() {
        service.set(pairs, Node::map(place));
    }
    if let Some(map) = service.get_mut(pairs).and_then(Node::as_map_mut) {
        for (key, value) in values {
            map.entry(Arc::from(key))
                .or_insert_with(|| Entry { key: place, node: Node::text(value, place) });
        }
    }
}

fn env_file(
    entry: &Node,
    field: &str,
    earlier: &dotenv::Assignments,
    known: &mut Known,
    context: &mut Context<'_, '_>,
) -> Option<Arc<dotenv::Assignments>> {
    let path = LocalPath::new(entry.get("path").unwrap_or(entry).as_text()?);
    let required = entry.get("required").and_then(Node::as_bool).unwrap_or(true);
    let (bytes, kind) = match context.files.get(&path)? {
        FileContent::Bytes(bytes) => (&**bytes, Content::Variables),
        // Labels are there for everybody to see: their files stay plain.
        FileContent::Encrypted(file) if !field.contains(".label_file[") => {
            match encrypted::variables(&path, file, field, context.report)? {
                Variables::Text(bytes) => (bytes, Content::Decrypted),
                Variables::Pairs(read) => return Some(Arc::new(read)),
            }
        }
        FileContent::Missing if !required => return None,
        other => {
            let finding = Finding::error("env-file", field, describe(&path, other)).at(entry.place);
            context.report.add(finding.help("create it, or write {path: …, required: false}"));
            return None;
        }
    };
    if !context.report.spend_bytes(bytes.len(), Some(entry.place)) {
        return None;
    }
    let raw = entry.get("format").and_then(Node::as_text) == Some("raw");
    let key = (path, raw);
    if let Some(read) = known.get(&key).filter(|read| earlier.is_empty() || !read.asks) {
        return Some(Arc::clone(&read.values));
    }
    let path = &key.0;
    let text = parse::decode(bytes, path, kind, context.report).ok()?;
    let source = context.report.sources.add(path.clone(), Arc::clone(&text), kind);
    let mut asks = false;
    let mut lookup = |name: &str| {
        asks = true;
        earlier.get(name).cloned().or_else(|| context.environment.get(name))
    };
    let read =
        if raw { dotenv::parse_raw(&text, &mut lookup) } else { dotenv::parse(&text, &mut lookup) };
    match read {
        Ok(values) => {
            encrypted::remember(kind, &values, context.report);
            let values = Arc::new(values);
            if earlier.is_empty() || !asks {
                known.insert(key, Assigned { values: Arc::clone(&values), asks });
            }
            Some(values)
        }
        Err(mistake) => {
            let place = mistake_place(source, mistake.at);
            let finding =
                Finding::error("env-file", field, encrypted::mistake(kind, mistake)).at(place);
            context.report.add(finding.related(entry.place, "named here"));
            None
        }
    }
}

/// `<project>_<key>`, or the key of what is external.
fn resource_names(model: &mut Node, context: &mut Context<'_, '_>) {
    for section in ["networks", "volumes", "configs", "secrets"] {
        let Some(map) = model.get_mut(section).and_then(Node::as_map_mut) else {
            continue;
        };
        for (key, entry) in map.iter_mut() {
            if entry.node.is_null() {
                entry.node.value = Value::Map(Map::new());
            }
            if entry.node.get("name").is_some() {
                continue;
            }
            let external = entry.node.get("external").and_then(Node::as_bool) == Some(true);
            let name = if external { key.to_string() } else { format!("{}_{key}", context.name) };
            let place = entry.key;
            entry.node.set("name", Node::text(name, place));
        }
    }
}

fn services(model: &Node) -> impl Iterator<Item = &Node> {
    let map = model.get("services").and_then(Node::as_map);
    map.into_iter().flat_map(|map| map.values().map(|entry| &entry.node))
}

fn uses_default_network(model: &Node) -> bool {
    services(model).any(|service| service.at(&["networks", "default"]).is_some())
}

fn add_default_network(model: &mut Node, project: &ProjectName) {
    let place = model.place;
    if model.get("networks").is_none() {
        model.set("networks", Node::map(place));
    }
    if let Some(networks) = model.get_mut("networks")
        && networks.get("default").is_none()
    {
        let mut network = Node::map(place);
        network.set("name", Node::text(format!("{project}_default"), place));
        networks.set("default", network);
    }
}

/// Resources that no enabled service uses are not created, so they are not kept.
fn keep_used(model: &mut Node, section: &str, users: &str) {
    let mut used: BTreeSet<String> = BTreeSet::new();
    for service in services(model) {
        match service.get(users).map(|node| &node.value) {
            Some(Value::Map(map)) => used.extend(map.keys().map(ToString::to_string)),
            Some(Value::List(list)) => used.extend(
                list.iter()
                    .filter(|mount| {
                        section != "volumes"
                            || mount.get("type").and_then(Node::as_text) == Some("volume")
                    })
                    .filter_map(|mount| Some(mount.get("source")?.as_text()?.to_owned())),
            ),
            _ => {}
        }
        let built = service.at(&["build", users]).filter(|_| section == "secrets");
        let built = built.and_then(Node::as_list).unwrap_or(&[]).iter();
        used.extend(built.filter_map(|secret| Some(secret.get("source")?.as_text()?.to_owned())));
    }
    if let Some(map) = model.get_mut(section).and_then(Node::as_map_mut) {
        map.retain(|key, _| used.contains(&**key));
    }
}
