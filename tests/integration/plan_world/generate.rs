//! Worlds out of bytes: zeros give the simplest one, so that a failing case shrinks to few differences.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;

use composelet::model::id::{ContainerId, ContainerName, Installation, ServiceName};
use composelet::model::observed::{Knowledge, Lifecycle, ObservedContainer};
use composelet::model::secret::{Secret, sha256_hex};

use super::project::project;
use super::sim::{NOON, Sim};
use super::units::{health, lifecycle};

/// A value that must never be shown.
pub(crate) const PLANTED: &str = "hunter2-planted-secret";

/// A generated world.
#[derive(Clone)]
pub(crate) struct Case {
    /// What ran before; empty for an empty engine.
    before: String,
    /// What is wanted.
    pub(crate) compose: String,
    /// What was done by hand.
    damage: Vec<(u8, u8)>,
    /// How the walk goes: one byte a pass.
    pub(crate) faults: Vec<u8>,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "before:\n{}\nwanted:\n{}", self.before, self.compose)?;
        write!(f, "damage: {:?}, faults: {:?}", self.damage, self.faults)
    }
}

/// Any world.
pub(crate) fn case() -> impl Strategy<Value = Case> {
    let bytes = |most| proptest::collection::vec(any::<u8>(), 0..most);
    let damage = proptest::collection::vec(any::<(u8, u8)>(), 0..6);
    (bytes(60), bytes(20), damage, bytes(8)).prop_map(|(shape, edits, damage, faults)| {
        let mut other = shape.clone();
        for pair in edits.chunks_exact(2) {
            let at = usize::from(pair[0]) % other.len().max(1);
            other.iter_mut().skip(at).take(1).for_each(|byte| *byte = pair[1]);
        }
        let before = if edits.first().is_some_and(|byte| byte % 4 == 3) {
            String::new()
        } else {
            compose(&other)
        };
        Case { before, compose: compose(&shape), damage, faults }
    })
}

struct Bytes<'a>(std::slice::Iter<'a, u8>);

impl Bytes<'_> {
    fn pick(&mut self, below: u8) -> u8 {
        self.0.next().copied().unwrap_or(0) % below
    }
}

/// Compose text of one to five services: what comes earlier may be depended on.
fn compose(bytes: &[u8]) -> String {
    let mut bytes = Bytes(bytes.iter());
    let mut out = String::from("name: shop\nservices:\n");
    let count = 1 + bytes.pick(5);
    let (shift, internal) = (bytes.pick(5), bytes.pick(2) == 1);
    let mut names: Vec<(String, bool)> = Vec::new();
    for index in 0..count {
        let job = bytes.pick(5) == 4;
        let name = format!("{}{index}", if job { "job" } else { "s" });
        service(&mut out, &mut bytes, (&name, index, job), &names);
        let last = out.rsplit("image:").next().unwrap_or_default().to_owned();
        let single = last.contains("scale: 1") && !last.contains("network_mode");
        if single && bytes.pick(3) == 2 {
            // Every service has its own port; another shift moves them all.
            writeln!(out, "    ports: [\"{}:80\"]", 8000 + u32::from((index + shift) % 5)).unwrap();
        }
        names.push((name, job));
    }
    writeln!(out, "networks:\n  back: {{internal: {internal}}}\nvolumes:\n  data: {{}}").unwrap();
    out
}

fn service(
    out: &mut String,
    bytes: &mut Bytes<'_>,
    (name, index, job): (&str, u8, bool),
    earlier: &[(String, bool)],
) {
    writeln!(out, "  {name}:").unwrap();
    let mut line = |text: String| writeln!(out, "    {text}").unwrap();
    line(format!("image: {}", ["alpha", "beta"][usize::from(bytes.pick(2))]));
    line(format!("environment: {{PASSWORD: {PLANTED}-{}}}", bytes.pick(3)));
    if job {
        line(format!("restart: {}", ["on-failure", "\"no\""][usize::from(bytes.pick(2))]));
    } else {
        line(format!("scale: {}", [1, 2, 3, 0][usize::from(bytes.pick(4))]));
        let policies = ["restart: unless-stopped", "restart: always", "restart: on-failure", ""];
        line(policies[usize::from(bytes.pick(4))].to_owned());
        if bytes.pick(2) == 1 {
            line("healthcheck: {test: [CMD, \"true\"]}".to_owned());
        }
    }
    // Zeros give no hooks.
    match bytes.pick(6) {
        4 => line("post_start: [{command: one}, {command: two}]".to_owned()),
        5 => line("pre_start: [{command: one}, {image: beta, command: two}]".to_owned()),
        3 => line(format!(
            "pre_stop: [{{command: drain, environment: {{TOKEN: {PLANTED}}}}}]\n    post_start: [{{command: login {PLANTED}}}]"
        )),
        _ => {}
    }
    match bytes.pick(3) {
        0 => {}
        limit => line(format!("mem_limit: {}m", 64 * u32::from(limit))),
    }
    let networks =
        ["[default]", "[default, back]", "{back: {aliases: [it]}}"][usize::from(bytes.pick(3))];
    match (bytes.pick(9), join(bytes, earlier)) {
        (8, Some(owner)) => {
            line(format!("network_mode: \"service:{owner}\""));
            line(format!("pid: \"service:{owner}\""));
        }
        (other, owner) => {
            line(format!("networks: {networks}"));
            match (other, owner) {
                (7, Some(owner)) => line(format!("ipc: \"service:{owner}\"")),
                (6, Some(owner)) => line(format!("volumes_from: [\"{owner}:ro\"]")),
                (5, Some(owner)) => line(format!("links: [\"{owner}:other\"]")),
                _ => {}
            }
        }
    }
    if bytes.pick(2) == 1 {
        line(format!("volumes: [\"data:/data\", /cache, \"./s{index}:/bound\"]"));
    }
    let edges: Vec<String> = earlier
        .iter()
        .filter_map(|(name, job)| {
            let condition = match (bytes.pick(4), job) {
                (0, _) => return None,
                (1, true) => "service_completed_successfully",
                (1, false) => "service_healthy",
                _ => "service_started",
            };
            let restart = bytes.pick(4) == 3;
            Some(format!("{name}: {{condition: {condition}, restart: {restart}}}"))
        })
        .collect();
    line(format!("depends_on: {{{}}}", edges.join(", ")));
}

/// An earlier service that runs for ever, to share with.
fn join(bytes: &mut Bytes<'_>, earlier: &[(String, bool)]) -> Option<String> {
    let servers: Vec<&String> =
        earlier.iter().filter(|(_, job)| !job).map(|(name, _)| name).collect();
    let which = usize::from(bytes.pick(4)) % servers.len().max(1);
    servers.get(which).map(ToString::to_string)
}

impl Case {
    /// The world before the first pass, and the ids of containers that nobody here may touch.
    pub(crate) fn world(&self) -> (Sim, BTreeSet<ContainerId>) {
        let none = std::collections::BTreeMap::new();
        let desired = project(&self.compose, &none);
        let mut sim = if self.before.is_empty() {
            Sim::new(desired.clone())
        } else {
            let mut sim = Sim::new(project(&self.before, &none));
            sim.now = NOON.minus(std::time::Duration::from_secs(7200));
            assert!(sim.settle(80, true).is_some(), "{}", sim.look());
            sim
        };
        sim.now = NOON;
        sim.engine.observed.at = NOON;
        sim.desired = desired;
        sim.provide();
        let mut foreign = BTreeSet::new();
        for (index, (kind, which)) in self.damage.iter().enumerate() {
            let stranger = damage(&mut sim, index, (*kind, *which), &foreign);
            foreign.extend(stranger);
        }
        sim.engine.observed.containers.sort_by(|one, other| one.id.cmp(&other.id));
        sim.engine.refresh();
        (sim, foreign)
    }
}

/// One act of vandalism. Returns the container if it is a stranger.
fn damage(
    sim: &mut Sim,
    index: usize,
    (kind, which): (u8, u8),
    foreign: &BTreeSet<ContainerId>,
) -> Option<ContainerId> {
    let now = sim.now;
    let containers = &mut sim.engine.observed.containers;
    let ours = containers.iter().enumerate().filter(|(_, one)| !foreign.contains(&one.id));
    let ours: Vec<usize> = ours.map(|(at, _)| at).collect();
    let at = *ours.get(usize::from(which) % ours.len().max(1))?;
    let one = containers.get_mut(at).unwrap();
    let states = [
        "exited 1",
        "exited 0",
        "exited 137 oom",
        "created",
        "created 127 no such file",
        "paused",
        "dead",
        "restarting 1",
        "exited 143 ran 1h",
    ];
    match kind % 19 {
        state @ 0..=8 => one.lifecycle = lifecycle(states[usize::from(state)], now),
        9 => one.health = health("unhealthy"),
        10 => one.name = ContainerName::new(format!("by-hand-{index}")),
        11 => {
            let id = one.id.clone();
            containers.retain(|one| one.id != id);
        }
        12 => edit(one, which),
        13 => detach(one),
        18 => sim.hide(at),
        kind => return litter(sim, index, (kind, at)),
    }
    None
}

fn edit(one: &mut ObservedContainer, which: u8) {
    let Knowledge::Known(detail) = &mut one.detail else { return };
    if which.is_multiple_of(2) {
        detail.config.resources.memory_bytes = Some(1_000_000);
    } else {
        let value = Some(Secret::new("by hand"));
        detail.config.environment.insert("PASSWORD".to_owned(), value);
    }
}

fn detach(one: &mut ObservedContainer) {
    let Knowledge::Known(detail) = &mut one.detail else { return };
    let Some(name) = detail.endpoints.keys().next().cloned() else { return };
    detail.endpoints.remove(&name);
    detail.config.endpoints.remove(&name);
}

/// Another container: a twin, an orphan, a one-off, one of another installation.
fn litter(sim: &mut Sim, index: usize, (kind, which): (u8, usize)) -> Option<ContainerId> {
    let mut twin = sim.engine.observed.containers.get(which)?.clone();
    twin.detail.known()?;
    twin.id = ContainerId::new(sha256_hex([format!("litter {index}")]));
    twin.name = ContainerName::new(format!("litter-{index}"));
    let foreign = match kind {
        14 => {
            twin.lifecycle = Lifecycle::Created { failure: None };
            None
        }
        15 => {
            twin.claim.service = Some(ServiceName::from("gone"));
            None
        }
        16 => {
            twin.claim.one_off = true;
            Some(twin.id.clone())
        }
        _ => {
            twin.claim.installation = Some(Installation::from("other"));
            Some(twin.id.clone())
        }
    };
    sim.engine.observed.containers.push(twin);
    foreign
}
