//! What a service shares with others: `network_mode`, `ipc` and `pid` of another's container, `volumes_from`, `links`.
//! They are read here, depend on their owners without being told (compose-spec reference §2.6), and are checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::manifest::environment::child;
use crate::manifest::node::{Map, Node, Value};
use crate::manifest::report::{Finding, Report};
use crate::manifest::source::Place;
use crate::manifest::suggest;
use crate::model::id::ServiceName;
use crate::model::join::{Link, Namespace, Owner, VolumesFrom};

/// Modes in which the command line looks for `service:`. The engine knows no such mode for the last one.
const MODES: [&str; 4] = ["network_mode", "ipc", "pid", "uts"];

/// What the engine refuses in a container that has the network of another.
const NETWORK_OF_OWNER: [&str; 7] =
    ["ports", "expose", "hostname", "dns", "extra_hosts", "mac_address", "external_links"];

/// An entry of `volumes_from`; `None` for a mode that there is not.
pub(crate) fn volumes_from(text: &str) -> Option<VolumesFrom> {
    let (owner, rest) = match text.strip_prefix("container:") {
        Some(rest) => (Owner::Container as fn(String) -> Owner, rest),
        None => ((|name| Owner::Service(ServiceName::new(name))) as fn(String) -> Owner, text),
    };
    let (name, mode) = rest.split_once(':').unwrap_or((rest, "rw"));
    let read_only = match mode {
        "ro" => true,
        "rw" => false,
        _ => return None,
    };
    Some(VolumesFrom { from: owner(name.to_owned()), read_only })
}

/// An entry of `links`.
pub(crate) fn link(text: &str) -> Link {
    let (service, alias) = text.split_once(':').unwrap_or((text, text));
    Link { service: ServiceName::new(service), alias: alias.to_owned() }
}

/// A place where a service names another.
struct Reference<'a> {
    /// The attribute, with its index if it is a list.
    path: String,
    /// Whom it names.
    service: String,
    /// The node.
    node: &'a Node,
    /// The dependant is restarted when the other was replaced.
    restart: bool,
}

fn references(service: &Node) -> Vec<Reference<'_>> {
    let mut all = Vec::new();
    for key in MODES {
        let Some(node) = service.get(key) else { continue };
        if let Some(Owner::Service(owner)) = node.as_text().and_then(Owner::of_mode) {
            let (path, service) = (key.to_owned(), owner.to_string());
            all.push(Reference { path, service, node, restart: true });
        }
    }
    for (path, node, text) in texts(service, "links") {
        all.push(Reference { path, service: link_target(text), node, restart: true });
    }
    for (path, node, text) in texts(service, "volumes_from") {
        if !text.starts_with("container:") {
            let service = text.split(':').next().unwrap_or_default().to_owned();
            all.push(Reference { path, service, node, restart: false });
        }
    }
    all
}

/// As the command line reads it: with two colons it is no link but a name.
fn link_target(text: &str) -> String {
    match text.split_once(':') {
        Some((service, alias)) if !alias.contains(':') => service.to_owned(),
        _ => text.to_owned(),
    }
}

fn texts<'a>(
    service: &'a Node,
    key: &'static str,
) -> impl Iterator<Item = (String, &'a Node, &'a str)> {
    let list = service.get(key).and_then(Node::as_list).unwrap_or(&[]).iter().enumerate();
    list.filter_map(move |(at, node)| Some((format!("{key}[{at}]"), node, node.as_text()?)))
}

/// Adds what the services depend on because they share it. What is written is never touched.
pub(crate) fn add_dependencies(services: &mut Map) {
    let names: Vec<Arc<str>> = services.keys().cloned().collect();
    for entry in services.values_mut() {
        let known = |one: &Reference<'_>| names.iter().any(|name| **name == *one.service);
        let implied: Vec<(String, Place, bool)> = references(&entry.node)
            .into_iter()
            .filter(known)
            .map(|one| (one.service, one.node.place, one.restart))
            .collect();
        for (name, place, restart) in implied {
            if entry.node.get("depends_on").is_none() {
                entry.node.set("depends_on", Node::map(place));
            }
            let Some(edges) = entry.node.get_mut("depends_on") else { continue };
            if edges.get(&name).is_none() {
                edges.set(&name, edge(place, restart));
            }
        }
    }
}

fn edge(place: Place, restart: bool) -> Node {
    let mut edge = Node::map(place);
    edge.set("condition", Node::text("service_started", place));
    if restart {
        edge.set("restart", Node::new(Value::Bool(true), place));
    }
    edge.set("required", Node::new(Value::Bool(true), place));
    edge
}

/// Checks what one service shares.
pub(crate) fn check(
    (model, disabled): (&Node, &BTreeMap<Arc<str>, Place>),
    service: &Node,
    field: &str,
    report: &mut Report,
) {
    for one in references(service) {
        let path = format!("{field}.{}", one.path);
        if let Some(place) = disabled.get(&*one.service) {
            let message = format!("{} is switched off by its profiles", one.service);
            let finding = Finding::error("disabled-dependency", &path, message).at(one.node.place);
            let help = "enable its profile in COMPOSE_PROFILES, or name another service";
            report.add(finding.help(help).related(*place, "defined here"));
        } else if model.at(&["services", &one.service]).is_none() {
            unknown(model, &one, &path, report);
        }
    }
    modes(service, field, report);
    for (at, node, text) in texts(service, "volumes_from") {
        if volumes_from(text).is_none() {
            let path = format!("{field}.{at}");
            let message = "volumes of another container are taken with ro or rw".to_owned();
            let finding = Finding::error("wrong-kind", &path, message).at(node.place);
            report.add(finding.help("write <service>:ro, or container:<name>:ro"));
        }
    }
    if service.get("network_mode").and_then(Node::as_text).and_then(Owner::of_mode).is_some() {
        network_of_owner(service, field, report);
    }
}

fn unknown(model: &Node, one: &Reference<'_>, path: &str, report: &mut Report) {
    let known = model.get("services").and_then(Node::as_map);
    let names = known.filter(|_| report.errors() < 50).into_iter();
    let near = suggest::nearest(&one.service, names.flat_map(|map| map.keys().map(|key| &**key)));
    let help = match near {
        Some(near) => format!("did you mean {near}?"),
        None => "define it under services:".to_owned(),
    };
    let shown = report.sources.shown(&one.service, one.node.place);
    let message = format!("there is no service {shown}");
    let finding = Finding::error("unknown-reference", path, message).at(one.node.place);
    report.add(finding.help(help));
}

/// A mode without a name, and namespaces that the engine does not share.
fn modes(service: &Node, field: &str, report: &mut Report) {
    for key in MODES {
        let Some(node) = service.get(key) else { continue };
        let Some(owner) = node.as_text().and_then(Owner::of_mode) else { continue };
        let path = format!("{field}.{key}");
        if owner == Owner::Container(String::new()) {
            let message = format!("{path} names no container");
            let finding = Finding::error("unknown-reference", &path, message).at(node.place);
            report.add(finding.help("write container:<name>, or service:<service>"));
        }
        if !Namespace::ALL.iter().any(|namespace| namespace.attribute() == key) {
            let message = format!("{path} cannot be that of another container");
            let finding = Finding::error("not-shareable", &path, message).at(node.place);
            let help = "the engine takes host only; the host name comes with network_mode: service:<service>";
            report.add(finding.help(help));
        }
    }
}

/// Whoever has the network of another cannot say what belongs to that network.
fn network_of_owner(service: &Node, field: &str, report: &mut Report) {
    let links = service.get("links").map(|node| ("links", node));
    let keys = NETWORK_OF_OWNER.into_iter().filter_map(|key| Some((key, service.get(key)?)));
    for (key, node) in keys.chain(links) {
        let empty = match &node.value {
            Value::List(list) => list.is_empty(),
            Value::Map(map) => map.is_empty(),
            Value::Text(text) => text.is_empty(),
            _ => false,
        };
        if empty {
            continue;
        }
        let path = child(field, key);
        let message = format!("{path} belongs to the network, which is that of another container");
        let finding = Finding::error("exclusive-keys", &path, message).at(node.place);
        report.add(
            finding
                .help("move it to the service whose network this is; the engine refuses it here"),
        );
    }
}
