//! What is looked at: one container of a service with all that may explain its state. No value of an environment, command
//! or label is in here, and who fills it takes known secrets out of texts (invariant 17).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Lines at the end of the log of a container that nobody judges in which a complaint still counts as its present one.
const PRESENT_LINES: usize = 5;

/// Everything that is known about one container, or about a service that has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Evidence {
    /// The service.
    pub service: String,
    /// Name of the container; empty if there is none.
    pub container: String,
    /// The engine's word for its state.
    pub state: State,
    /// Exit code of the last run that ended.
    pub exit_code: Option<i64>,
    /// The kernel killed it for want of memory.
    pub oom_killed: bool,
    /// The engine's text of a start that failed.
    pub error: String,
    /// Failures since it last ran well: one that runs again for a second is not well.
    pub failures: u32,
    /// It should not run now: suspended, stopped by a person, or done.
    pub at_rest: bool,
    /// Verdict of its health check.
    pub health: Verdict,
    /// Its last health probes, oldest first.
    pub probes: Vec<Probe>,
    /// Its last log lines, oldest first.
    pub log: Vec<String>,
    /// Texts of failed calls of the engine or a registry that are about it, and of what it is held for.
    pub complaints: Vec<String>,
    /// What loading its manifest had to say about it.
    pub warnings: Vec<Warning>,
    /// Image reference.
    pub image: String,
    /// What the image brings.
    pub image_facts: ImageFacts,
    /// User inside the container; empty is the image's.
    pub user: String,
    /// The root file system is read-only.
    pub read_only: bool,
    /// Memory limit in bytes.
    pub memory_bytes: Option<i64>,
    /// Variables, and whether they have a value.
    pub environment: BTreeMap<String, Setting>,
    /// Networks by real name.
    pub networks: BTreeSet<String>,
    /// Mounts.
    pub mounts: Vec<MountFact>,
    /// Published ports.
    pub ports: Vec<PortFact>,
    /// The other services of the project.
    pub neighbours: Vec<Neighbour>,
    /// The host.
    pub host: HostFacts,
}

/// The engine's word for the state of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// There is no container.
    Absent,
    /// Made, and never run.
    Created,
    /// Runs.
    #[default]
    Running,
    /// Frozen.
    Paused,
    /// Between two tries of the engine.
    Restarting,
    /// Ended.
    Exited,
    /// A removal goes on.
    Removing,
    /// A removal failed.
    Dead,
}

/// Verdict of a health check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// There is no check.
    #[default]
    None,
    /// None yet.
    Starting,
    /// Passed.
    Healthy,
    /// Failed as often as it may.
    Unhealthy,
}

/// One health probe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Probe {
    /// Exit code; -1 after its time was over.
    pub exit_code: i64,
    /// What it said.
    pub output: String,
}

/// A finding of the loader about this service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Warning {
    /// Its code, see `docs/lints.md`.
    pub code: String,
    /// Where and what, in one line.
    pub text: String,
}

/// What an image brings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImageFacts {
    /// The architecture that it was built for, if known.
    pub architecture: String,
    /// `USER`; empty is root.
    pub user: String,
}

/// Whether a variable has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Setting {
    /// It is there and empty.
    Empty,
    /// It has a value.
    Set,
}

/// A mount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MountFact {
    /// Path in the container.
    pub target: String,
    /// What is mounted.
    pub kind: MountKind,
    /// Path of the host, or name of the volume.
    pub source: String,
    /// The container may not write to it.
    pub read_only: bool,
    /// What a bind source is now.
    pub is: SourceKind,
    /// Owner of a bind source.
    pub uid: Option<u32>,
}

/// What is mounted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MountKind {
    /// A path of the host.
    Bind,
    /// A volume.
    #[default]
    Volume,
    /// Memory.
    Tmpfs,
    /// Something else.
    Other,
}

/// What a bind source is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// Nobody knows.
    #[default]
    Unknown,
    /// A file, socket or device.
    File,
    /// A directory with entries.
    Directory,
    /// A directory without entries.
    Empty,
    /// Not there.
    Missing,
}

/// A published port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PortFact {
    /// Address of the host; empty is every one.
    pub ip: String,
    /// Port of the host, if a fixed one.
    pub host: Option<u16>,
    /// Port in the container.
    pub container: u16,
    /// Who else holds the port of the host, if anybody does.
    pub holder: Option<String>,
}

/// Another service of the project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Neighbour {
    /// The service.
    pub service: String,
    /// Names under which others find it: service, container, aliases.
    pub names: BTreeSet<String>,
    /// Its state.
    pub state: State,
    /// Verdict of its health check.
    pub health: Verdict,
    /// Networks by real name.
    pub networks: BTreeSet<String>,
    /// Its image.
    pub image: String,
    /// Its last log lines.
    pub log: Vec<String>,
    /// Whether a password of its environment is also one of the service that is looked at, alone or inside of a URL;
    /// `None`: it has no password.
    pub shares_password: Option<bool>,
}

/// The host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostFacts {
    /// The engine's architecture, in the words of images (`amd64`).
    pub architecture: String,
    /// Free bytes where the engine keeps its data.
    pub disk_free_bytes: Option<u64>,
    /// Seconds by which the engine's clock is ahead of ours.
    pub clock_ahead_s: Option<i64>,
}

/// How a container gets on, as far as its log lines are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// As it should be: what its log complains of is over.
    Well,
    /// It runs, and nobody judges it: its last words count.
    Unjudged,
    /// It does not run, or its check fails.
    Ill,
}

impl Evidence {
    /// How it gets on.
    pub(super) fn mood(&self) -> Mood {
        match self.state {
            _ if self.at_rest => Mood::Well,
            State::Running if self.health == Verdict::Unhealthy => Mood::Ill,
            State::Running if self.health == Verdict::Healthy => Mood::Well,
            State::Running | State::Paused if self.failures > 0 => Mood::Ill,
            State::Running | State::Paused => Mood::Unjudged,
            State::Created | State::Absent
                if self.error.is_empty() && self.complaints.is_empty() =>
            {
                Mood::Unjudged
            }
            State::Exited if self.exit_code == Some(0) && self.failures == 0 => Mood::Well,
            _ => Mood::Ill,
        }
    }

    /// Whether nothing is wrong with it, as far as its state tells.
    pub(super) fn mood_is_well(&self) -> bool {
        self.mood() == Mood::Well
    }

    /// Log lines that may say what is wrong now.
    pub(super) fn telling_lines(&self) -> &[String] {
        match self.mood() {
            Mood::Well => &[],
            Mood::Ill => &self.log,
            Mood::Unjudged => {
                let skipped = self.log.len().saturating_sub(PRESENT_LINES);
                self.log.get(skipped..).unwrap_or_default()
            }
        }
    }

    /// What failed probes of a check that does not pass said.
    pub(super) fn failed_probes(&self) -> impl Iterator<Item = &Probe> {
        let counts = !self.at_rest && self.health != Verdict::Healthy;
        // The last one is how things are; what failed before it and passed since is over.
        let over = self.probes.last().is_none_or(|last| last.exit_code == 0);
        self.probes.iter().filter(move |probe| counts && !over && probe.exit_code != 0)
    }

    /// What the engine and registries said.
    pub(super) fn engine_texts(&self) -> impl Iterator<Item = &str> {
        let rest = self.at_rest;
        let texts = std::iter::once(&self.error).chain(&self.complaints);
        texts.map(String::as_str).filter(move |text| !rest && !text.is_empty())
    }

    /// The last lines of its log, for what nothing explains.
    pub(super) fn last_words(&self) -> Vec<String> {
        let skipped = self.log.len().saturating_sub(3);
        self.log.iter().skip(skipped).cloned().collect()
    }
}
