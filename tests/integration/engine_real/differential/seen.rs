//! What can be seen of an engine after a call, in a form that does not depend on which engine it is.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::sequence::Names;

/// Fields of a container's state that must be equal.
const STATE: [&str; 6] = ["Status", "Running", "Paused", "Restarting", "ExitCode", "Error"];

/// A call and what came of it, once everything is at rest.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Status code of the answer.
    pub(super) status: u16,
    /// Text of a refusal.
    pub(super) message: String,
    /// Every object of the sequence.
    pub(super) world: Value,
    /// What was told of each object since the call before, in order.
    pub(super) events: BTreeMap<String, Vec<String>>,
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Where, with dots.
    pub(super) path: String,
    /// On the simulated engine.
    pub(super) simulated: String,
    /// On the real one.
    pub(super) real: String,
}

impl Seen {
    /// What differs; nothing if both look the same.
    pub(super) fn differences(&self, real: &Self) -> Vec<Difference> {
        let mut all = Vec::new();
        walk("", &self.json(), &real.json(), &mut all);
        all
    }

    fn json(&self) -> Value {
        json!({
            "status": self.status,
            "message": self.message,
            "world": self.world,
            "events": self.events,
        })
    }
}

fn walk(path: &str, simulated: &Value, real: &Value, into: &mut Vec<Difference>) {
    if let (Value::Object(left), Value::Object(right)) = (simulated, real) {
        let keys: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
        for key in keys {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let of = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
            walk(&path, &of(left), &of(right), into);
        }
        return;
    }
    if simulated != real {
        let (simulated, real) = (simulated.to_string(), real.to_string());
        into.push(Difference { path: path.to_owned(), simulated, real });
    }
}

/// `text` with `ID` in the place of ids of 64 digits and of their short forms.
pub(super) fn hide(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let hex = bare.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let is_id = hex && matches!(bare.len(), 12 | 64);
        out.push_str(if is_id { "ID" } else { bare });
        out.push_str(&word[bare.len()..]);
    }
    out
}

/// An object that may be there.
pub(super) struct Look {
    /// Its name.
    pub(super) name: String,
    /// Where an engine tells of it.
    pub(super) path: String,
    /// The comparable part of what it tells.
    pub(super) picture: fn(&Value) -> Value,
}

/// Every object that a sequence can make.
pub(super) fn looks(names: &Names) -> impl Iterator<Item = Look> + '_ {
    let containers = names.all(Names::container).map(|name| {
        let path = format!("/containers/{name}/json");
        Look { name, path, picture: container }
    });
    let networks = names.all(Names::network).map(|name| {
        let path = format!("/networks/{name}");
        Look { name, path, picture: network }
    });
    let volumes = names.all(Names::volume).map(|name| {
        let path = format!("/volumes/{name}");
        Look { name, path, picture: |_| json!({}) }
    });
    containers.chain(networks).chain(volumes)
}

/// The comparable part of what `inspect` says of a container.
fn container(inspected: &Value) -> Value {
    let state = &inspected["State"];
    let state = STATE.map(|key| (key.to_owned(), hidden(&state[key])));
    let networks =
        inspected["NetworkSettings"]["Networks"].as_object().cloned().unwrap_or_default();
    let attached =
        |one: &Value| one["IPAddress"].as_str().is_some_and(|address| !address.is_empty());
    let networks = networks.iter().map(|(name, one)| {
        let aliases = one["Aliases"].as_array().into_iter().flatten();
        let aliases: Vec<Value> = aliases.map(hidden).collect();
        (name.clone(), json!({ "aliases": aliases, "attached": attached(one) }))
    });
    let networks: Map<String, Value> = networks.collect();
    let mounts = inspected["Mounts"].as_array().into_iter().flatten();
    let mounts = mounts.map(|mount| {
        let target = mount["Destination"].as_str().unwrap_or_default().to_owned();
        (
            target,
            json!({ "type": mount["Type"], "name": hidden(&mount["Name"]), "rw": mount["RW"] }),
        )
    });
    json!({
        "state": Map::from_iter(state),
        "restarts": inspected["RestartCount"],
        "policy": inspected["HostConfig"]["RestartPolicy"],
        "memory": inspected["HostConfig"]["Memory"],
        "networks": networks,
        "mounts": mounts.collect::<Map<String, Value>>(),
    })
}

fn hidden(value: &Value) -> Value {
    value.as_str().map_or_else(|| value.clone(), |text| json!(hide(text)))
}

/// The comparable part of what `inspect` says of a network.
fn network(inspected: &Value) -> Value {
    let members = inspected["Containers"].as_object().cloned().unwrap_or_default();
    let mut members: Vec<&str> = members.values().filter_map(|one| one["Name"].as_str()).collect();
    members.sort_unstable();
    json!({ "internal": inspected["Internal"], "members": members })
}

/// What an event is about, and the event in words.
pub(super) fn event(event: &Value) -> Option<(String, String)> {
    let (kind, action) = (event["Type"].as_str()?, event["Action"].as_str()?);
    let attributes = &event["Actor"]["Attributes"];
    let name = attributes["name"].as_str().or(event["Actor"]["ID"].as_str())?;
    let detail = ["exitCode", "signal", "oldName"].map(|key| attributes[key].as_str());
    let words = std::iter::once(action).chain(detail.into_iter().flatten());
    Some((format!("{kind} {name}"), words.collect::<Vec<_>>().join(" ")))
}
