//! What happened, in order: effects of calls with the object they met, and the engine's own events. The checkers of the
//! proof read it; a proxy before a real engine can tell the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use super::request::Call;
use super::trace::CallKind;
use super::world::World;

/// An object as it was when a call met it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// `container`, `network`, `volume`, `image`.
    pub(crate) kind: &'static str,
    /// Its id; the name of a volume.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Its labels.
    pub(crate) labels: BTreeMap<String, String>,
}

/// A call that may change something, at the moment when it is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effect {
    /// When it began.
    pub(crate) at: Duration,
    /// Which controller asked.
    pub(crate) client: u32,
    /// HTTP method.
    pub(crate) method: String,
    /// Path with names for ids, and the query.
    pub(crate) path: String,
    /// How the client named the object.
    pub(crate) reference: String,
    /// What that was.
    pub(crate) target: Option<Target>,
    /// The true outcome, whatever the client heard; `None` while it is under way.
    pub(crate) status: Option<u16>,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Happening {
    /// See [`Effect`].
    Effect(Effect),
    /// An event of the engine, told or not.
    Event {
        /// When.
        at: Duration,
        /// `container`, `network`, `volume`, `image`.
        kind: &'static str,
        /// Such as `die`.
        action: String,
        /// Of what.
        id: String,
        /// Name, labels, exit code.
        attributes: BTreeMap<String, String>,
    },
    /// The daemon went away: nothing is told of what happens until it is back.
    DaemonDown,
    /// It is back: id, labels, phase and exit code of every container.
    DaemonUp(Vec<(String, BTreeMap<String, String>, &'static str, i64)>),
    /// A controller published the status of a project, or of itself: path and bytes.
    Status {
        /// When.
        at: Duration,
        /// Whose state directory.
        place: usize,
        /// Path in the state directory.
        path: String,
        /// JSON.
        bytes: Vec<u8>,
    },
    /// Something that the driver of a run knows, by its number there.
    Note(usize),
}

/// A container as `docker inspect` shows it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Look {
    /// Id.
    pub(crate) id: String,
    /// Name.
    pub(crate) name: String,
    /// Labels.
    pub(crate) labels: BTreeMap<String, String>,
    /// `State.Status`.
    pub(crate) phase: &'static str,
    /// `State.ExitCode`.
    pub(crate) exit_code: i64,
    /// `State.Health.Status`, if it has a check.
    pub(crate) health: Option<&'static str>,
    /// Id of its image.
    pub(crate) image: String,
    /// `Config`, `HostConfig`.
    pub(crate) inspect: Value,
    /// Names of its networks.
    pub(crate) networks: BTreeSet<String>,
    /// Named volumes by target.
    pub(crate) volumes: BTreeMap<String, String>,
}

/// All containers, by name.
pub(crate) fn looks(world: &World) -> Vec<Look> {
    let mut looks: Vec<Look> = world
        .containers
        .values()
        .map(|container| Look {
            id: container.id.clone(),
            name: container.name.clone(),
            labels: container.labels(),
            phase: container.phase.word(),
            exit_code: container.exit_code,
            health: container.health.as_ref().map(super::health::Health::status),
            image: container.image.clone(),
            inspect: json!({"Config": container.config, "HostConfig": container.host_config}),
            networks: container.endpoints.keys().cloned().collect(),
            volumes: container
                .mounts
                .iter()
                .filter_map(|mount| Some((mount.target.clone(), mount.name.clone()?)))
                .collect(),
        })
        .collect();
    looks.sort_by(|a, b| a.name.cmp(&b.name));
    looks
}

/// Networks of the installation `default`: name and project.
pub(crate) fn our_networks(world: &World) -> Vec<(String, String)> {
    let ours = world.networks.all().into_iter().filter(|network| {
        network.labels.get("io.composelet.installation").is_some_and(|it| it == "default")
    });
    ours.map(|network| {
        let project = network.labels.get("com.docker.compose.project").cloned();
        (network.name.clone(), project.unwrap_or_default())
    })
    .collect()
}

/// The record.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// All entries.
    pub(crate) entries: Vec<Happening>,
    /// Controllers that a fault has killed and nobody has buried.
    pub(crate) dying: BTreeSet<u32>,
    /// How often each answer was given: verb and status.
    pub(crate) answers: BTreeMap<(String, u16), u64>,
    /// How often each fault struck: verb and kind of fault.
    pub(crate) strikes: BTreeMap<(String, &'static str), u64>,
}

/// Which controller asks: the header that [`super::SimEngine::docker_of`] adds.
pub(crate) const CLIENT: &str = "x-simulated-client";

/// The number of the controller that made a call; 0 for everybody else.
pub(crate) fn client(call: &Call) -> u32 {
    let text = call.headers.get(CLIENT).and_then(|value| value.to_str().ok());
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Method and path without names: `POST /containers/*/start`.
pub(crate) fn verb(call: &Call) -> String {
    let parts: Vec<&str> = call.path.trim_matches('/').split('/').collect();
    let path = match parts.as_slice() {
        [kind @ ("containers" | "networks" | "volumes" | "exec"), last] => match *last {
            "create" | "json" | "prune" => format!("{kind}/{last}"),
            _ => format!("{kind}/*"),
        },
        [kind @ ("containers" | "networks" | "volumes" | "exec"), _, verb] => {
            format!("{kind}/*/{verb}")
        }
        ["images", "create" | "json"] => parts.join("/"),
        ["images", .., last] if *last == "json" || *last == "tag" => format!("images/*/{last}"),
        ["images", ..] => "images/*".to_owned(),
        other => other.join("/"),
    };
    format!("{} /{path}", call.method)
}

/// Writes down that a call is carried out. Returns its place, if it may change something.
pub(crate) fn begin(world: &mut World, call: &Call, path: &str) -> Option<usize> {
    if CallKind::of(call) != CallKind::Mutating {
        return None;
    }
    let (reference, target) = target(world, call);
    let effect = Effect {
        at: world.clock.elapsed(),
        client: client(call),
        method: call.method.to_string(),
        path: path.to_owned(),
        reference,
        target,
        status: None,
    };
    world.journal.entries.push(Happening::Effect(effect));
    Some(world.journal.entries.len() - 1)
}

/// Writes down how it ended.
pub(crate) fn end(world: &mut World, call: &Call, place: Option<usize>, status: u16) {
    *world.journal.answers.entry((verb(call), status)).or_default() += 1;
    let entry = place.and_then(|place| world.journal.entries.get_mut(place));
    if let Some(Happening::Effect(effect)) = entry {
        effect.status = Some(status);
    }
}

fn target(world: &World, call: &Call) -> (String, Option<Target>) {
    let parts: Vec<&str> = call.path.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        ["containers", "create"] => (call.param("name").to_owned(), None),
        ["networks", _, "connect" | "disconnect"] => {
            let body = call.json().unwrap_or_default();
            let reference = body.get("Container").and_then(Value::as_str);
            let reference = reference.unwrap_or_default();
            (reference.to_owned(), container(world, reference))
        }
        ["containers", reference, ..] => ((*reference).to_owned(), container(world, reference)),
        ["networks", reference] if *reference != "create" => {
            let found = world.networks.by_id(reference).map(|network| Target {
                kind: "network",
                id: network.id.clone(),
                name: network.name.clone(),
                labels: network.labels.clone(),
            });
            ((*reference).to_owned(), found)
        }
        ["volumes", name] if *name != "create" => {
            let found = world.volumes.get(*name).map(|volume| Target {
                kind: "volume",
                id: volume.name.clone(),
                name: volume.name.clone(),
                labels: volume.labels.clone().unwrap_or_default(),
            });
            ((*name).to_owned(), found)
        }
        _ => (String::new(), None),
    }
}

fn container(world: &World, reference: &str) -> Option<Target> {
    let container = world.container(reference).ok()?;
    Some(Target {
        kind: "container",
        id: container.id.clone(),
        name: container.name.clone(),
        labels: container.labels(),
    })
}
