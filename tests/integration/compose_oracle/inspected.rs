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
        published(&mut value);
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
                    let field = one_spelling(&key, normal(field, own));
                    let field = if SETS.contains(&key.as_str()) { sorted(field) } else { field };
                    let field = if key.ends_with(".depends_on") { words(&field) } else { field };
                    (key, field)
                })
                .collect();
            chosen(&mut kept);
            // As good as not there; but a port that is exposed and not published stands for itself.
            kept.retain(|key, field| !field.is_null() || key.contains('/'));
            Value::Object(kept)
        }
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| normal(item, own)).collect())
        }
        Value::String(text) if own.contains(&text) => Value::String("own id".to_owned()),
        other => other,
    }
}

/// An address or a hardware address of the engine's own choice says only that there is one.
fn chosen(fields: &mut Map<String, Value>) {
    let asked = fields.get("IPAMConfig").cloned().unwrap_or_default();
    let fixed = ["IPv4Address", "IPv6Address"].map(|key| asked[key].clone());
    for key in ["IPAddress", "GlobalIPv6Address"] {
        replace(fields, key, |address| !fixed.contains(&Value::String(address.to_owned())));
    }
    // The test asks for subnets from 10.100.0.0 on; the engine takes its own from elsewhere.
    for key in ["Gateway", "Subnet"] {
        replace(fields, key, |address| !address.starts_with("10.1"));
    }
    if fields.get("Gateway").is_some_and(|gateway| gateway == "chosen") {
        fields.remove("IPPrefixLen");
    }
    replace(fields, "MacAddress", |address| address != "02:42:ac:11:65:43");
}

fn replace(fields: &mut Map<String, Value>, key: &str, chosen: impl Fn(&str) -> bool) {
    if let Some(Value::String(text)) = fields.get_mut(key)
        && !text.is_empty()
        && chosen(text)
    {
        "chosen".clone_into(text);
    }
}

/// A published port that the engine took out of a range, or by itself.
fn published(container: &mut Value) {
    let asked = container["HostConfig"]["PortBindings"].to_string();
    let ports = container["NetworkSettings"]["Ports"].as_object_mut();
    let bindings = ports.into_iter().flatten().filter_map(|(_, bindings)| bindings.as_array_mut());
    for binding in bindings.flatten() {
        if !asked.contains(&binding["HostPort"].to_string()) {
            binding["HostPort"] = "chosen".into();
        }
    }
}

/// Two spellings of one thing: an empty list or mapping and none, no restart policy and `no`.
fn one_spelling(key: &str, value: Value) -> Value {
    match (key, value) {
        (_, Value::Array(items)) if items.is_empty() => Value::Null,
        (_, Value::Object(fields)) if fields.is_empty() => Value::Null,
        ("RestartPolicy", mut policy) if policy["Name"] == "" => {
            policy["Name"] = "no".into();
            policy
        }
        (_, value) => value,
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
