//! `GET /containers/json`

use serde_json::{Value, json};

use super::mounts;
use crate::sim::container::{Container, Phase};
use crate::sim::engine::SimEngine;
use crate::sim::filters::{Filters, has_labels, matches_name};
use crate::sim::health::Health;
use crate::sim::images::familiar;
use crate::sim::latency::Op;
use crate::sim::request::{Call, Outcome, Reply};
use crate::sim::world::World;

const KEYS: [&str; 12] = [
    "ancestor", "before", "exited", "expose", "health", "id", "label", "name", "network",
    "publish", "status", "volume",
];

/// Lists containers, newest first. Takes no container's lock: a wedged one is listed too.
pub(crate) async fn list(engine: &SimEngine, call: &Call) -> Outcome {
    let filters = Filters::parse(call.param("filters"), &KEYS)?;
    let limit: Option<usize> = call.param("limit").parse().ok().filter(|limit| *limit > 0);
    let all = call.flag("all") || limit.is_some() || !filters.values("status").is_empty();
    engine.latency(Op::List).await;
    let found: Vec<Value> = engine.with(|world| {
        let mut found: Vec<&Container> = world
            .containers
            .values()
            .filter(|it| all || it.phase.is_running())
            .filter(|it| filters.all(|key, values| passes(world, it, key, values)))
            .collect();
        found.sort_by_key(|it| std::cmp::Reverse(it.serial));
        found.truncate(limit.unwrap_or(usize::MAX));
        found.into_iter().map(|it| json_of(world, it)).collect()
    });
    Ok(Reply::json(200, &found))
}

fn passes(world: &World, container: &Container, key: &str, values: &[String]) -> bool {
    match key {
        "label" => has_labels(&container.labels(), values),
        "name" => values.iter().any(|value| matches_name(&container.name, value)),
        "id" => values.iter().any(|value| container.id.starts_with(value.as_str())),
        "status" => values.iter().any(|value| value == container.phase.word()),
        "exited" => {
            container.phase == Phase::Exited
                && values.iter().any(|value| *value == container.exit_code.to_string())
        }
        "health" => {
            let health = container.health.as_ref().map_or("none", |health| health.status());
            values.iter().any(|value| value == health)
        }
        "ancestor" => values.iter().any(|value| {
            familiar(value) == familiar(&container.image_reference)
                || world.images.find(value).is_some_and(|image| image.id == container.image)
        }),
        "network" => values.iter().any(|value| {
            container.endpoints.iter().any(|(name, it)| name == value || it.network == *value)
        }),
        "volume" => values.iter().any(|value| {
            container.uses_volume(value) || container.mounts.iter().any(|it| it.target == *value)
        }),
        _ => true,
    }
}

fn json_of(world: &World, container: &Container) -> Value {
    let networks: serde_json::Map<String, Value> = container
        .endpoints
        .iter()
        .map(|(name, endpoint)| (name.clone(), endpoint.json(false)))
        .collect();
    let mut mounted: Vec<Value> = container.mounts.iter().map(mounts::json_of).collect();
    mounted.sort_by_key(|mount| mount.get("Destination").map(Value::to_string));
    // A reference that points at another image by now is shown as an id.
    let current = world.images.find(&container.image_reference);
    let same = current.is_some_and(|image| image.id == container.image);
    let image = if same { &container.image_reference } else { &container.image };
    json!({
        "Id": container.id,
        "Names": [format!("/{}", container.name)],
        "Image": image,
        "ImageID": container.image,
        "Command": container.words().join(" "),
        "Created": container.created.seconds(),
        "Ports": ports(container),
        "Labels": container.labels(),
        "State": container.phase.word(),
        "Status": status(world, container),
        "HostConfig": {"NetworkMode": container.network_mode()},
        "NetworkSettings": {"Networks": networks},
        "Mounts": mounted,
    })
}

/// `80/tcp` as number and protocol.
fn split_port(inside: &str) -> (u16, &str) {
    let (port, protocol) = inside.split_once('/').unwrap_or((inside, "tcp"));
    (port.parse().unwrap_or(0), protocol)
}

fn ports(container: &Container) -> Vec<Value> {
    let connected = container.endpoints.values().any(|it| it.address.is_some());
    if !container.phase.has_process() || !connected {
        return Vec::new();
    }
    let mut ports = Vec::new();
    for published in &container.published {
        let (port, protocol) = split_port(&published.inside);
        let addresses: &[&str] =
            if published.host_ip.is_empty() { &["0.0.0.0", "::"] } else { &[&published.host_ip] };
        for ip in addresses {
            let public = published.host_port;
            ports.push(json!({
                "IP": ip, "PrivatePort": port, "PublicPort": public, "Type": protocol,
            }));
        }
    }
    let exposed = container.config.get("ExposedPorts").and_then(Value::as_object);
    for inside in exposed.into_iter().flatten().map(|(inside, _)| inside) {
        if !container.published.iter().any(|it| it.inside == *inside) {
            let (port, protocol) = split_port(inside);
            ports.push(json!({"PrivatePort": port, "Type": protocol}));
        }
    }
    ports
}

/// The sentence of the status column.
fn status(world: &World, container: &Container) -> String {
    let now = world.clock.now();
    let ago = |stamp: Option<_>| stamp.map_or(0, |stamp| now.since(stamp).as_secs());
    let code = container.exit_code;
    let up = ago(container.started);
    match container.phase {
        Phase::Created => "Created".to_owned(),
        Phase::Removing => "Removal In Progress".to_owned(),
        Phase::Dead => "Dead".to_owned(),
        Phase::Exited => format!("Exited ({code}) {} seconds ago", ago(container.finished)),
        Phase::Restarting => {
            format!("Restarting ({code}) {} seconds ago", ago(container.finished))
        }
        Phase::Paused => format!("Up {up} seconds (Paused)"),
        Phase::Running => match container.health.as_ref().map(Health::status) {
            Some("starting") => format!("Up {up} seconds (health: starting)"),
            Some(health) => format!("Up {up} seconds ({health})"),
            None => format!("Up {up} seconds"),
        },
    }
}
