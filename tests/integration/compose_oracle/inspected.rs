//! What the engine says of a project, without what differs from run to run.

use serde_json::{Map, Value};

use crate::support_real::engine::encode;
use crate::support_real::host::Host;

/// Ids, times and places of the engine's own, at any depth.
const OF_THE_RUN: [&str; 24] = [
    "Id",
    "ID",
    "Created",
    "CreatedAt",
    "Pid",
    "StartedAt",
    "FinishedAt",
    "ResolvConfPath",
    "HostnamePath",
    "HostsPath",
    "LogPath",
    "GraphDriver",
    "SandboxID",
    "SandboxKey",
    "NetworkID",
    "EndpointID",
    "IPv6Gateway",
    "ExecIDs",
    "Health",
    "Mountpoint",
    "Containers",
    "Scope",
    "Driver0",
    "HairpinMode",
];
/// Lists whose order says nothing.
const SETS: [&str; 12] = [
    "Env",
    "Binds",
    "Mounts",
    "Aliases",
    "DNSNames",
    "CapAdd",
    "CapDrop",
    "ExtraHosts",
    "Ulimits",
    "Links",
    "Devices",
    "GroupAdd",
];

/// Containers, networks and volumes of a project by name.
pub(crate) fn seen(host: &Host, project: &str) -> Value {
    let filters = serde_json::json!({ "label": [format!("com.docker.compose.project={project}")] });
    let filters = encode(&filters);
    let mut containers = Map::new();
    for found in host.engine.containers_of(project) {
        let mut value = found.at("").clone();
        with_volumes(host, &mut value);
        let known = [found.id(), &found.id()[..12]].map(str::to_owned);
        containers.insert(found.name().replace(project, "P"), normal(value, &known));
    }
    let mut all = Map::new();
    let ids = |value: &mut Value| replace_ids(value, &numbers(host, project));
    let mut containers = Value::Object(containers);
    ids(&mut containers);
    all.insert("containers".to_owned(), containers);
    for (kind, list, key) in
        [("networks", "/networks", "/networks"), ("volumes", "/volumes", "/volumes")]
    {
        let answer = host.engine.get(&format!("{list}?filters={filters}"));
        let items =
            answer.get("Volumes").unwrap_or(&answer).as_array().cloned().unwrap_or_default();
        let named = items.iter().filter_map(|item| item["Name"].as_str());
        let of = named.map(|name| {
            let value = host.engine.get(&format!("{key}/{name}"));
            (name.replace(project, "P"), normal(value, &[]))
        });
        all.insert(kind.to_owned(), Value::Object(of.collect()));
    }
    Value::Object(all)
}

/// Each container's id, and the name that stands for it.
fn numbers(host: &Host, project: &str) -> Vec<(String, String)> {
    let all = host.engine.containers_of(project);
    all.iter().map(|one| (one.id().to_owned(), format!("id of {}", one.name()))).collect()
}

/// Ids of other containers, as `container:<id>` has them, become names.
fn replace_ids(value: &mut Value, ids: &[(String, String)]) {
    match value {
        Value::String(text) => {
            for (id, name) in ids {
                *text = text.replace(id, name);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace_ids(item, ids)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replace_ids(field, ids)),
        _ => {}
    }
}

/// Mounts by where they are, each with the labels and options of its volume.
fn with_volumes(host: &Host, container: &mut Value) {
    let mounts = container["Mounts"].as_array().cloned().unwrap_or_default();
    let by_place = mounts.into_iter().map(|mut mount| {
        let name = mount["Name"].as_str().unwrap_or_default().to_owned();
        if mount["Type"] == "volume" {
            let volume = host.engine.get(&format!("/volumes/{name}"));
            mount["Volume"] = normal(volume, &[]);
            mount["Source"] = Value::Null;
        }
        if anonymous(&name) {
            mount["Name"] = "anonymous".into();
            mount["Volume"]["Name"] = Value::Null;
        }
        (mount["Destination"].as_str().unwrap_or_default().to_owned(), mount)
    });
    container["Mounts"] = Value::Object(by_place.collect());
}

fn anonymous(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Without ids, times and addresses that the engine chose; `own` are texts that name the container itself.
fn normal(value: Value, own: &[String]) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(key, _)| !OF_THE_RUN.contains(&key.as_str()));
            let mut kept: Map<String, Value> = kept
                .map(|(key, field)| {
                    let field = normal(field, own);
                    let field = if SETS.contains(&key.as_str()) { sorted(field) } else { field };
                    let field = if key.ends_with(".depends_on") { words(&field) } else { field };
                    (key, field)
                })
                .collect();
            chosen(&mut kept);
            Value::Object(kept)
        }
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| normal(item, own)).collect())
        }
        Value::String(text) if own.contains(&text) => Value::String("own id".to_owned()),
        other => other,
    }
}

/// An address, a hardware address or a port of the engine's own choice says only that there is one.
fn chosen(fields: &mut Map<String, Value>) {
    let asked = fields.get("IPAMConfig").cloned().unwrap_or_default();
    for (key, wish) in
        [("IPAddress", &asked["IPv4Address"]), ("GlobalIPv6Address", &asked["IPv6Address"])]
    {
        if let Some(Value::String(address)) = fields.get_mut(key)
            && !address.is_empty()
            && wish != &Value::String(address.clone())
        {
            "chosen".clone_into(address);
        }
    }
    for key in ["Gateway", "Subnet"] {
        if let Some(Value::String(address)) = fields.get_mut(key)
            && address.starts_with("172.")
        {
            "chosen".clone_into(address);
        }
    }
    if let Some(Value::String(address)) = fields.get_mut("MacAddress")
        && address.starts_with("02:42")
        && address != "02:42:ac:11:65:43"
    {
        "chosen".clone_into(address);
    }
    if let Some(Value::String(port)) = fields.get_mut("HostPort")
        && port.parse::<u16>().is_ok_and(|port| port >= 32_768)
    {
        "chosen".clone_into(port);
    }
}

fn sorted(value: Value) -> Value {
    let Value::Array(mut items) = value else { return value };
    items.sort_by_key(Value::to_string);
    Value::Array(items)
}

/// The label of dependencies is written in any order.
fn words(value: &Value) -> Value {
    let mut words: Vec<&str> = value.as_str().unwrap_or_default().split(',').collect();
    words.sort_unstable();
    Value::String(words.join(","))
}

/// Values that are neither list nor mapping.
pub(crate) fn leaves(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(leaves).sum(),
        Value::Object(fields) => fields.values().map(leaves).sum(),
        _ => 1,
    }
}
