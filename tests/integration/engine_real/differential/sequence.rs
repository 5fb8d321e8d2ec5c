//! Sequences of calls as values, made from a seed.

use std::fmt;

use serde_json::{Value, json};

use crate::sim::SplitMix64;
use crate::support_real::host::IMAGE;

/// Names of a kind of object that a sequence uses.
const NAMES: u64 = 3;
/// The label that tells the simulated engine what the process does.
pub(super) const SHAPE_LABEL: &str = "shape";

/// What the process of a container does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Runs until it is told to stop, then ends with 0.
    Obeys,
    /// Runs on until it is killed.
    Deaf,
    /// Ends at once, with this code.
    Ends(u8),
    /// There is no such program.
    Missing,
}

impl Shape {
    /// Every shape.
    pub(super) const ALL: [Self; 5] =
        [Self::Obeys, Self::Deaf, Self::Ends(0), Self::Ends(3), Self::Missing];

    /// The value of its label.
    pub(super) fn word(self) -> String {
        format!("{self:?}")
    }

    fn command(self) -> Vec<String> {
        let script = |text: &str| vec!["sh".to_owned(), "-c".to_owned(), text.to_owned()];
        match self {
            Self::Obeys => script("trap 'exit 0' TERM; while :; do sleep 0.05; done"),
            Self::Deaf => script("trap '' TERM; while :; do sleep 0.05; done"),
            Self::Ends(code) => script(&format!("exit {code}")),
            Self::Missing => vec!["/nope".to_owned()],
        }
    }
}

/// A container, network or volume, by its number.
pub(super) type Name = u64;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Create(Create),
    Start(Name),
    Stop(Name),
    Restart(Name),
    Kill(Name, &'static str),
    Pause(Name),
    Unpause(Name),
    Rename(Name, Name),
    Update(Name, Value),
    Remove { name: Name, force: bool, volumes: bool },
    CreateNetwork { name: Name, internal: bool, check: bool },
    RemoveNetwork(Name),
    Connect { network: Name, container: Name, alias: Option<&'static str> },
    Disconnect { network: Name, container: Name, force: bool },
    CreateVolume(Name),
    RemoveVolume(Name),
}

/// A create of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Create {
    name: Name,
    shape: Shape,
    policy: (&'static str, u32),
    network: Option<Name>,
    volume: Option<Name>,
    anonymous: bool,
}

/// A request to an engine. `path` has no version.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) body: Option<Value>,
}

/// The sequence of a seed: up to 20 calls.
pub(super) fn sequence(seed: u64) -> Vec<Op> {
    let mut dice = SplitMix64::new(seed);
    let length = dice.between(1, 20);
    (0..length).map(|_| op(&mut dice)).collect()
}

fn name(dice: &mut SplitMix64) -> Name {
    dice.between(1, NAMES)
}

fn pick<T: Clone>(dice: &mut SplitMix64, of: &[T]) -> T {
    let last = of.len() as u64 - 1;
    of[usize::try_from(dice.between(0, last)).unwrap()].clone()
}

fn chance(dice: &mut SplitMix64, percent: u64) -> bool {
    dice.between(1, 100) <= percent
}

fn op(dice: &mut SplitMix64) -> Op {
    let one = name(dice);
    match dice.between(0, 99) {
        0..25 => Op::Create(create(dice, one)),
        25..42 => Op::Start(one),
        42..49 => Op::Stop(one),
        49..53 => Op::Restart(one),
        53..59 => Op::Kill(one, pick(dice, &["KILL", "TERM", "USR1"])),
        59..62 => Op::Pause(one),
        62..65 => Op::Unpause(one),
        65..69 => Op::Rename(one, name(dice)),
        69..73 => Op::Update(one, pick(dice, &updates())),
        73..81 => Op::Remove { name: one, force: chance(dice, 50), volumes: chance(dice, 50) },
        81..86 => {
            Op::CreateNetwork { name: one, internal: chance(dice, 20), check: chance(dice, 90) }
        }
        86..88 => Op::RemoveNetwork(one),
        88..92 => {
            let alias = chance(dice, 50).then_some("other");
            Op::Connect { network: name(dice), container: one, alias }
        }
        92..95 => Op::Disconnect { network: name(dice), container: one, force: chance(dice, 30) },
        95..98 => Op::CreateVolume(one),
        _ => Op::RemoveVolume(one),
    }
}

fn updates() -> [Value; 4] {
    [
        json!({ "RestartPolicy": { "Name": "on-failure", "MaximumRetryCount": 2 } }),
        json!({ "RestartPolicy": { "Name": "no" } }),
        json!({ "Memory": 64 << 20, "MemorySwap": 64 << 20 }),
        json!({ "Memory": 1 }),
    ]
}

fn create(dice: &mut SplitMix64, name_of: Name) -> Create {
    let shape = pick(
        dice,
        &[Shape::Obeys, Shape::Obeys, Shape::Deaf, Shape::Ends(0), Shape::Ends(3), Shape::Missing],
    );
    // What ends by itself and is always started again is never at rest.
    let policy = match shape {
        Shape::Obeys | Shape::Deaf => {
            pick(dice, &[("no", 0), ("always", 0), ("unless-stopped", 0), ("on-failure", 0)])
        }
        Shape::Ends(_) | Shape::Missing => pick(dice, &[("no", 0), ("on-failure", 1)]),
    };
    Create {
        name: name_of,
        shape,
        policy,
        network: chance(dice, 40).then(|| name(dice)),
        volume: chance(dice, 30).then(|| name(dice)),
        anonymous: chance(dice, 20),
    }
}

/// Names of objects on an engine: those of one sequence begin with its prefix.
#[derive(Clone, Debug)]
pub(super) struct Names(pub(super) String);

impl Names {
    /// The container with this number.
    pub(super) fn container(&self, number: Name) -> String {
        format!("{}-c{number}", self.0)
    }

    /// The network with this number.
    pub(super) fn network(&self, number: Name) -> String {
        format!("{}-n{number}", self.0)
    }

    /// The volume with this number.
    pub(super) fn volume(&self, number: Name) -> String {
        format!("{}-v{number}", self.0)
    }

    /// Every name of a kind.
    pub(super) fn all<'a>(
        &'a self,
        of: fn(&'a Self, Name) -> String,
    ) -> impl Iterator<Item = String> + 'a {
        (1..=NAMES).map(move |number| of(self, number))
    }
}

impl Op {
    /// As an engine is asked for it.
    pub(super) fn request(&self, names: &Names) -> Request {
        let of = |name: &Name, rest: &str| format!("/containers/{}{rest}", names.container(*name));
        let (method, path, body) = match self {
            Self::Create(create) => {
                let name = names.container(create.name);
                ("POST", format!("/containers/create?name={name}"), Some(create.body(names)))
            }
            Self::Start(name) => ("POST", of(name, "/start"), None),
            Self::Stop(name) => ("POST", of(name, "/stop?t=1"), None),
            Self::Restart(name) => ("POST", of(name, "/restart?t=1"), None),
            Self::Kill(name, signal) => ("POST", of(name, &format!("/kill?signal={signal}")), None),
            Self::Pause(name) => ("POST", of(name, "/pause"), None),
            Self::Unpause(name) => ("POST", of(name, "/unpause"), None),
            Self::Rename(name, to) => {
                let to = names.container(*to);
                ("POST", of(name, &format!("/rename?name={to}")), None)
            }
            Self::Update(name, body) => ("POST", of(name, "/update"), Some(body.clone())),
            Self::Remove { name, force, volumes } => {
                ("DELETE", of(name, &format!("?force={force}&v={volumes}")), None)
            }
            other => return other.request_of_grounds(names),
        };
        Request { method, path, body }
    }

    fn request_of_grounds(&self, names: &Names) -> Request {
        let of = |name: &Name, rest: &str| format!("/networks/{}{rest}", names.network(*name));
        let (method, path, body) = match self {
            Self::CreateNetwork { name, internal, check } => {
                let name = names.network(*name);
                let body = json!({ "Name": name, "Internal": internal, "CheckDuplicate": check });
                ("POST", "/networks/create".to_owned(), Some(body))
            }
            Self::RemoveNetwork(name) => ("DELETE", of(name, ""), None),
            Self::Connect { network, container, alias } => {
                let aliases: Vec<&str> = alias.iter().copied().collect();
                let container = names.container(*container);
                let body =
                    json!({ "Container": container, "EndpointConfig": { "Aliases": aliases } });
                ("POST", of(network, "/connect"), Some(body))
            }
            Self::Disconnect { network, container, force } => {
                let body = json!({ "Container": names.container(*container), "Force": force });
                ("POST", of(network, "/disconnect"), Some(body))
            }
            Self::CreateVolume(name) => {
                let body = json!({ "Name": names.volume(*name) });
                ("POST", "/volumes/create".to_owned(), Some(body))
            }
            Self::RemoveVolume(name) => {
                ("DELETE", format!("/volumes/{}", names.volume(*name)), None)
            }
            _ => unreachable!("of a container"),
        };
        Request { method, path, body }
    }
}

impl Create {
    fn body(&self, names: &Names) -> Value {
        let mut host = json!({
            "RestartPolicy": { "Name": self.policy.0, "MaximumRetryCount": self.policy.1 },
        });
        if let Some(network) = self.network {
            host["NetworkMode"] = json!(names.network(network));
        }
        if let Some(volume) = self.volume {
            host["Binds"] = json!([format!("{}:/data", names.volume(volume))]);
        }
        let anonymous = if self.anonymous { json!({ "/anonymous": {} }) } else { json!({}) };
        json!({
            "Image": IMAGE,
            "Cmd": self.shape.command(),
            "Labels": { SHAPE_LABEL: self.shape.word() },
            "Volumes": anonymous,
            "HostConfig": host,
        })
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
