//! What was seen on the engine, with labels parsed and ownership decided. No type of the engine's client is in here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::config::{ContainerConfig, ContainerPort, Endpoint, Healthcheck, Protocol};
use crate::model::desired::NetworkConfig;
use crate::model::id::{
    ContainerId, ContainerName, ImageId, Installation, NetworkId, ProjectName, Revision,
    ServiceName, SpecHash,
};
use crate::model::neighbour::Neighbours;
use crate::model::secret::Secret;
use crate::model::time::Timestamp;

/// What one pass saw of one project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedState {
    /// When the engine was asked. A plan made from it is refused 30 s later.
    pub at: Timestamp,
    /// The engine.
    pub engine: EngineFacts,
    /// Every container that claims the project by its Compose label, one-offs included, in the order of their ids.
    pub containers: Vec<ObservedContainer>,
    /// Networks that carry the project's label or a wanted name.
    pub networks: Vec<ObservedNetwork>,
    /// Volumes by real name that carry the project's label or a wanted name.
    pub volumes: BTreeMap<String, ObservedVolume>,
    /// Images by the references that the project names.
    pub images: BTreeMap<String, ImageState>,
}

/// The engine and what it can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineFacts {
    /// The engine's own id.
    pub id: String,
    /// The negotiated API version.
    pub api: ApiVersion,
    /// The engine's version, for people.
    pub version: String,
    /// When this connection saw the engine start or come back; exits that lie between are interruptions, not crashes.
    pub gap_ended: Option<Timestamp>,
    /// What the daemon uses where a container does not say.
    #[serde(default)]
    pub defaults: EngineDefaults,
}

/// Defaults of the daemon that `info` tells. They differ from host to host, so that the canonical form of a
/// configuration ([`crate::model::canonical`]) depends on them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineDefaults {
    /// Log driver.
    pub log_driver: String,
    /// OCI runtime.
    pub runtime: String,
    /// Cgroup namespace of a container: `host` with cgroup v1, `private` with v2.
    pub cgroup_namespace: String,
}

/// Version of the Engine API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ApiVersion {
    /// Always 1 so far.
    pub major: u16,
    /// 41 is Docker 20.10.
    pub minor: u16,
}

impl ApiVersion {
    /// Version 1.`minor`.
    pub const fn v1(minor: u16) -> Self {
        Self { major: 1, minor }
    }

    /// The first Docker Engine that speaks it, from 23 on (Engine API version history).
    pub fn engine(self) -> Option<&'static str> {
        Some(match (self.major, self.minor) {
            (1, 42) => "23",
            (1, 43) => "24",
            (1, 44) => "25",
            (1, 45) => "26",
            (1, 46) => "27",
            (1, 47) => "27.2",
            (1, 48) => "28",
            (1, 49) => "28.1",
            _ => return None,
        })
    }

    /// For people: `1.44 (Engine 25)`.
    pub fn with_engine(self) -> String {
        self.engine().map_or_else(|| self.to_string(), |engine| format!("{self} (Engine {engine})"))
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// One container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedContainer {
    /// Its id.
    pub id: ContainerId,
    /// Its name, without the slash.
    pub name: ContainerName,
    /// What its labels say.
    pub claim: Claim,
    /// The image it was created from.
    pub image_id: ImageId,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its state.
    pub lifecycle: Lifecycle,
    /// Verdict of its health check.
    pub health: Health,
    /// Restarts by the engine's own policy since it was created.
    pub restart_count: u32,
    /// What only `inspect` tells.
    pub detail: Knowledge<Box<ContainerDetail>>,
}

/// Something that one engine call may have failed to tell. Unknown is never treated as absent (invariant 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Knowledge<T> {
    /// Seen.
    Known(T),
    /// Not seen; the text says why (deadline, unreadable answer).
    Unknown(String),
}

impl<T> Knowledge<T> {
    /// The value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
}

/// What `inspect` tells beyond the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerDetail {
    /// Reference or id of the image, as the engine was told it.
    pub image: String,
    /// Configuration in the model's own form, image defaults included, as the engine stores it.
    pub config: ContainerConfig,
    /// Attachments by real network name.
    pub endpoints: BTreeMap<String, ObservedEndpoint>,
    /// Real volume names of mounts of type volume, by target; anonymous ones included.
    pub volumes: BTreeMap<String, String>,
}

/// One attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedEndpoint {
    /// The network's id.
    pub network: NetworkId,
    /// Configuration, without names that the engine or Compose adds by themselves.
    pub endpoint: Endpoint,
    /// Address in the network, while running.
    pub ip: Option<String>,
    /// MAC address, while running; given or made up.
    pub mac: Option<String>,
}

/// What the labels of a container say about whose it is. Labels cannot change after create.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// `com.docker.compose.project`.
    pub project: Option<ProjectName>,
    /// `com.docker.compose.service`.
    pub service: Option<ServiceName>,
    /// `com.docker.compose.container-number`.
    pub number: Option<u32>,
    /// `com.docker.compose.oneoff` is True: made by `run`, no replica.
    pub one_off: bool,
    /// `com.docker.compose.hook`: a step of a hook in a container of its own, no replica.
    pub hook: Option<String>,
    /// `io.composelet.companion`: a throw-away copy of this service, for a check of the service that the container claims.
    pub companion: Option<ServiceName>,
    /// `io.composelet.drill`: a throw-away copy of this service, for a backup that is restored into it.
    pub drill: Option<ServiceName>,
    /// `io.composelet.due`: a run of a schedule, no replica, and the time that it was due.
    pub due: Option<Timestamp>,
    /// `com.docker.compose.project.config_files`.
    pub config_files: Option<String>,
    /// Services of `com.docker.compose.depends_on`, so that a removal knows the order when the file is gone.
    pub depends_on: BTreeSet<ServiceName>,
    /// `com.docker.compose.config-hash`.
    pub compose_hash: Option<String>,
    /// `io.composelet.installation`.
    pub installation: Option<Installation>,
    /// `io.composelet.revision`.
    pub revision: Option<Revision>,
    /// `io.composelet.spec-hash`.
    pub spec_hash: Option<SpecHash>,
    /// `io.composelet.content`: digest of configs, secrets and env that are part of the revision.
    pub content: Option<String>,
}

/// State of a container, as the engine names it, with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// Created, never run; start makes it Running. With a failure: a start was tried and failed (exit code 126 to 128).
    Created {
        /// Text and exit code of a failed start.
        failure: Option<StartFailure>,
    },
    /// Runs. Stop makes it Exited.
    Running {
        /// Begin of this run.
        started_at: Timestamp,
    },
    /// Frozen by hand. Unpause makes it Running; start is refused.
    Paused {
        /// Begin of this run.
        started_at: Timestamp,
    },
    /// Between two runs of the engine's own restart policy.
    Restarting(Exit),
    /// Ended. Start makes it Running.
    Exited(Exit),
    /// A removal is under way; the name is still taken.
    Removing,
    /// A removal failed; only another removal helps.
    Dead,
}

impl Lifecycle {
    /// The engine's word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Running { .. } => "running",
            Self::Paused { .. } => "paused",
            Self::Restarting(_) => "restarting",
            Self::Exited(_) => "exited",
            Self::Removing => "removing",
            Self::Dead => "dead",
        }
    }

    /// Whether a process of the container may be alive.
    pub fn is_alive(&self) -> bool {
        matches!(self, Self::Running { .. } | Self::Paused { .. } | Self::Restarting(_))
    }
}

/// A start that failed and left the container behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartFailure {
    /// 126, 127 or 128.
    pub exit_code: i64,
    /// The engine's text.
    pub error: String,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Exit code; 137 after SIGKILL, 143 after SIGTERM.
    pub code: i64,
    /// Begin of the run, if it ever began.
    pub started_at: Option<Timestamp>,
    /// End of the run.
    pub finished_at: Option<Timestamp>,
    /// The kernel killed it for want of memory.
    pub oom_killed: bool,
    /// The engine's text, if it could not start it again.
    pub error: String,
}

/// Verdict of the health check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// There is no check.
    None,
    /// No verdict since the last start.
    Starting,
    /// Passed.
    Healthy,
    /// Failed as often as `retries` says.
    Unhealthy {
        /// Failures in a row.
        streak: u32,
        /// Output of the last probe, bounded to 500 characters.
        output: String,
    },
}

/// One network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedNetwork {
    /// Its id.
    pub id: NetworkId,
    /// Its name; not unique before API 1.44.
    pub name: String,
    /// `com.docker.compose.project`.
    pub project: Option<ProjectName>,
    /// `com.docker.compose.network`: the key.
    pub key: Option<String>,
    /// `io.composelet.installation`.
    pub installation: Option<Installation>,
    /// `io.composelet.spec-hash` of a network of ours.
    pub spec_hash: Option<SpecHash>,
    /// Definition, for comparison when no hash is there.
    pub config: NetworkConfig,
    /// Containers attached to it.
    pub containers: BTreeSet<ContainerId>,
}

/// One volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedVolume {
    /// Its real name.
    pub name: String,
    /// `com.docker.compose.project`.
    pub project: Option<ProjectName>,
    /// `com.docker.compose.volume`: the key.
    pub key: Option<String>,
    /// Driver.
    pub driver: String,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
}

/// Whether an image is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageState {
    /// It is there.
    Present(Box<ObservedImage>),
    /// It is not.
    Absent,
    /// The engine did not say.
    Unknown(String),
}

impl ImageState {
    /// The image, if it is there.
    pub fn present(&self) -> Option<&ObservedImage> {
        match self {
            Self::Present(image) => Some(image),
            Self::Absent | Self::Unknown(_) => None,
        }
    }
}

/// One image, with what it gives to a container that does not say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedImage {
    /// Its id; empty in defaults only.
    pub id: Option<ImageId>,
    /// Digests under which registries know it, as `repository@sha256:…`.
    pub digests: BTreeSet<String>,
    /// The architecture that it was built for, in the words of images (`amd64`); empty if unknown.
    pub architecture: String,
    /// `io.composelet.build`: digest of the build that made it.
    pub build: Option<String>,
    /// `ENTRYPOINT`.
    pub entrypoint: Vec<Secret>,
    /// `CMD`.
    pub command: Vec<Secret>,
    /// `ENV`.
    pub environment: BTreeMap<String, Secret>,
    /// `LABEL`.
    pub labels: BTreeMap<String, Secret>,
    /// `EXPOSE`.
    pub expose: BTreeSet<ContainerPort>,
    /// `HEALTHCHECK`.
    pub healthcheck: Option<Healthcheck>,
    /// `USER`.
    pub user: String,
    /// `WORKDIR`.
    pub working_dir: String,
    /// `STOPSIGNAL`.
    pub stop_signal: Option<String>,
    /// `VOLUME`.
    pub volumes: BTreeSet<String>,
}

impl ObservedImage {
    /// Digest (`sha256:…`) of the manifest that `reference` meant when it was pulled. An image that was only built or
    /// loaded has none.
    pub fn repo_digest(&self, reference: &str) -> Option<&str> {
        let wanted = repository(reference);
        let mut known = self.digests.iter().filter_map(|known| known.split_once('@'));
        known.find(|(name, _)| repository(name) == wanted).map(|(_, digest)| digest)
    }
}

/// The repository of a reference, without tag, digest, and the host and folder that Docker implies.
fn repository(reference: &str) -> &str {
    let name = reference.split_once('@').map_or(reference, |(name, _)| name);
    let name = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

/// What every pass may know of the rest of the host: one unfiltered list of containers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostView {
    /// Holder of each container name.
    pub names: BTreeMap<ContainerName, NameHolder>,
    /// Ports published by running containers.
    pub ports: Vec<PortHolder>,
    /// Containers of others that the project shares with, as far as they could be looked at.
    pub outside: BTreeMap<ContainerId, ObservedContainer>,
    /// The container that this controller runs in; `None` outside of one.
    pub own: Option<ContainerId>,
    /// Projects of which a container runs, those of another installation aside.
    pub running: BTreeSet<ProjectName>,
    /// What is known of every project of the watched directory; the controller adds it to what the engine shows.
    pub projects: Arc<Neighbours>,
}

impl HostView {
    /// Whether this controller runs in that container.
    pub fn is_own(&self, container: &ContainerId) -> bool {
        self.own.as_ref() == Some(container)
    }
}

/// Who holds a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameHolder {
    /// The container.
    pub container: ContainerId,
    /// Its project, if it claims one.
    pub project: Option<ProjectName>,
    /// Its installation, if it carries our label.
    pub installation: Option<Installation>,
}

/// Who holds a host port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortHolder {
    /// Address; empty for all.
    pub ip: String,
    /// Port of the host.
    pub port: u16,
    /// Protocol.
    pub protocol: Protocol,
    /// The container.
    pub container: ContainerId,
    /// Its name, for the message.
    pub name: ContainerName,
}
