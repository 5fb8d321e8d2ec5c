//! `GET /containers/{id}/json`

use std::sync::Arc;

use serde_json::{Value, json};

use super::mounts;
use crate::sim::clock::Stamp;
use crate::sim::container::{Container, Phase};
use crate::sim::engine::SimEngine;
use crate::sim::latency::Op;
use crate::sim::request::{Outcome, Reply};

/// Shows everything about a container. Waits for a start that is under way, as the engine does.
pub(crate) async fn inspect(engine: &SimEngine, reference: &str) -> Outcome {
    let lock = engine.with(|world| world.container(reference).map(|it| Arc::clone(&it.lock)))?;
    let _held = lock.lock().await;
    engine.latency(Op::Inspect).await;
    let found = engine.with(|world| world.container(reference).map(json_of))?;
    Ok(Reply::json(200, &found))
}

/// A container as inspect shows it.
pub(crate) fn json_of(container: &Container) -> Value {
    let words = container.words();
    let (path, arguments) =
        words.split_first().map_or(("", &[] as &[String]), |(path, rest)| (path, rest));
    let id = &container.id;
    let file = |name: &str| match container.started {
        Some(_) => format!("/var/lib/docker/containers/{id}/{name}"),
        None => String::new(),
    };
    json!({
        "Id": id,
        "Created": container.created.rfc3339(),
        "Path": path,
        "Args": arguments,
        "State": state(container),
        "Image": container.image,
        "ResolvConfPath": file("resolv.conf"),
        "HostnamePath": file("hostname"),
        "HostsPath": file("hosts"),
        "LogPath": file(&format!("{id}-json.log")),
        "Name": format!("/{}", container.name),
        "RestartCount": container.restart_count,
        "Driver": "overlay2",
        "Platform": "linux",
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "ExecIDs": null,
        "HostConfig": container.host_config,
        "GraphDriver": {"Data": null, "Name": "overlay2"},
        "Mounts": container.mounts.iter().map(mounts::json_of).collect::<Vec<_>>(),
        "Config": container.config,
        "NetworkSettings": network_settings(container),
    })
}

fn state(container: &Container) -> Value {
    let phase = container.phase;
    let mut state = json!({
        "Status": phase.word(),
        "Running": phase.is_running(),
        "Paused": phase == Phase::Paused,
        "Restarting": phase == Phase::Restarting,
        "OOMKilled": container.oom_killed,
        "Dead": phase == Phase::Dead,
        "Pid": container.pid,
        "ExitCode": container.exit_code,
        "Error": container.error,
        "StartedAt": Stamp::or_never(container.started),
        "FinishedAt": Stamp::or_never(container.finished),
    });
    if let (Some(health), Some(members)) = (&container.health, state.as_object_mut()) {
        members.insert("Health".to_owned(), health.json());
    }
    state
}

/// Ports as inspect shows them: bound ones with their host side, exposed ones with null; nothing
/// while the container does not run.
fn ports(container: &Container) -> Value {
    let mut ports = serde_json::Map::new();
    let connected = container.endpoints.values().any(|it| it.address.is_some());
    if !container.phase.has_process() || !connected {
        return Value::Object(ports);
    }
    let exposed = container.config.get("ExposedPorts").and_then(Value::as_object);
    for inside in exposed.into_iter().flatten().map(|(inside, _)| inside) {
        ports.insert(inside.clone(), Value::Null);
    }
    for published in &container.published {
        let port = published.host_port.to_string();
        let addresses: &[&str] =
            if published.host_ip.is_empty() { &["0.0.0.0", "::"] } else { &[&published.host_ip] };
        let entry = ports.entry(published.inside.clone()).or_insert(Value::Null);
        let mut list = entry.as_array().cloned().unwrap_or_default();
        list.extend(addresses.iter().map(|ip| json!({"HostIp": ip, "HostPort": port})));
        *entry = Value::Array(list);
    }
    Value::Object(ports)
}

fn network_settings(container: &Container) -> Value {
    let networks: serde_json::Map<String, Value> = container
        .endpoints
        .iter()
        .map(|(name, endpoint)| (name.clone(), endpoint.json(true)))
        .collect();
    // The old fields show the default network only.
    let bridge = networks.get("bridge").cloned().unwrap_or(Value::Null);
    let old = |key: &str| bridge.get(key).cloned().unwrap_or(json!(""));
    let length = bridge.get("IPPrefixLen").cloned().unwrap_or(json!(0));
    let sandbox = if container.started.is_some() { container.id.clone() } else { String::new() };
    let key = sandbox.get(..12).map(|short| format!("/var/run/docker/netns/{short}"));
    json!({
        "Bridge": "",
        "SandboxID": sandbox,
        "HairpinMode": false,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "Ports": ports(container),
        "SandboxKey": key.unwrap_or_default(),
        "SecondaryIPAddresses": null,
        "SecondaryIPv6Addresses": null,
        "EndpointID": old("EndpointID"),
        "Gateway": old("Gateway"),
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "IPAddress": old("IPAddress"),
        "IPPrefixLen": length,
        "IPv6Gateway": "",
        "MacAddress": old("MacAddress"),
        "Networks": networks,
    })
}
