//! A plan: what can be done now, in order, and what is held. It is data that prints.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::config::{ContainerConfig, Endpoint, Resources, RestartPolicy};
use crate::model::desired::{DesiredVolume, NetworkConfig};
use crate::model::held::Held;
use crate::model::id::{
    ContainerId, ContainerName, ImageId, NetworkId, ProjectName, ReplicaId, Revision,
};
use crate::model::operation::Operation;
use crate::model::reason::Reason;

/// What one pass may do. Acyclic; every node's dependencies stand before it. No nodes and no holds but schedules: converged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The project.
    pub project: ProjectName,
    /// In topological order.
    pub nodes: Vec<PlanNode>,
    /// Sorted by subject.
    pub held: Vec<Held>,
}

impl Plan {
    /// Holds of something that is amiss or not done yet: all but schedules.
    pub fn waits(&self) -> impl Iterator<Item = &Held> {
        self.held.iter().filter(|held| !held.waiting_on.is_schedule())
    }

    /// The plan without what only asks: for those who want to know what would change.
    #[must_use]
    pub fn changes(mut self) -> Self {
        let asks = |node: &PlanNode| match &node.action {
            Action::Begin(operation) => {
                matches!(
                    **operation,
                    Operation::Probe { .. }
                        | Operation::Analyse { .. }
                        | Operation::CheckImage { .. }
                )
            }
            _ => false,
        };
        self.nodes.retain(|node| !asks(node));
        self
    }
}

/// Position of a node in its plan, from 1, as it prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u32);

/// One engine call, or the beginning of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanNode {
    /// Its position.
    pub id: NodeId,
    /// The call.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// Nodes that must succeed first.
    pub depends_on: Vec<NodeId>,
    /// Replica whose steps a person sees as one (a recreate is four calls).
    pub group: Option<ReplicaId>,
}

/// One variant per engine call, with every argument that the call needs: the executor has nothing left to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Create a network.
    CreateNetwork(Box<CreateNetwork>),
    /// Remove a network that nothing is attached to any more.
    RemoveNetwork {
        /// Which.
        network: NetworkId,
        /// Its name, for people.
        name: String,
    },
    /// Create a volume. Idempotent on the engine's side. There is no action that removes one (invariant 5).
    CreateVolume(Box<CreateVolume>),
    /// Create a container.
    CreateContainer(Box<CreateContainer>),
    /// Attach a container to a network.
    ConnectNetwork {
        /// Which container.
        container: ContainerRef,
        /// Its name, for people.
        container_name: ContainerName,
        /// Which network.
        network: NetworkRef,
        /// Real name of the network, for people.
        name: String,
        /// With what.
        endpoint: Box<Endpoint>,
        /// Names it gets beside the endpoint's aliases: service and container name.
        dns_names: Vec<String>,
    },
    /// Detach a container from a network.
    DisconnectNetwork {
        /// Which container.
        container: ContainerId,
        /// Its name, for people.
        container_name: ContainerName,
        /// Which network.
        network: NetworkId,
        /// Its name, for people.
        name: String,
    },
    /// Start a container. On a running one the engine answers that nothing was to be done.
    StartContainer {
        /// Which.
        container: ContainerRef,
        /// Its name, for people.
        name: ContainerName,
        /// Healing draws on the host's budget of restarts, a first start does not.
        budget: StartBudget,
    },
    /// Give a container another name.
    RenameContainer {
        /// Which.
        container: ContainerRef,
        /// The name it has, for people.
        from: ContainerName,
        /// The name it gets.
        to: ContainerName,
    },
    /// Change limits or restart policy of a container while it runs.
    UpdateContainer {
        /// Which.
        container: ContainerId,
        /// Its name, for people.
        name: ContainerName,
        /// New limits, complete; `None` leaves them.
        resources: Option<Box<Resources>>,
        /// New policy; `None` leaves it.
        restart: Option<RestartPolicy>,
    },
    /// Let a frozen container go on.
    UnpauseContainer {
        /// Which.
        container: ContainerId,
        /// Its name, for people.
        name: ContainerName,
    },
    /// Remove a container that does not run. Never forced, never with volumes (invariant 5).
    RemoveContainer {
        /// Which.
        container: ContainerId,
        /// Its name, for people.
        name: ContainerName,
    },
    /// Leave the work to another controller, which stands by in this container, and stand by instead of it. No engine call.
    HandOver {
        /// Which.
        to: ContainerId,
        /// Its name, for people.
        name: ContainerName,
    },
    /// Begin a long call; the plan does not wait for its end.
    Begin(Box<Operation>),
}

/// Whether a start counts against the host's budget of restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartBudget {
    /// A first start, or a start after an interruption of the engine.
    Free,
    /// A restart after a failure.
    Restart,
}

/// Arguments of a network create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateNetwork {
    /// Real name.
    pub name: String,
    /// Definition; its labels are the user's.
    pub config: NetworkConfig,
    /// Labels of identity: Compose's and ours.
    pub labels: BTreeMap<String, String>,
}

/// Arguments of a volume create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateVolume {
    /// Definition; its labels are the user's.
    pub volume: DesiredVolume,
    /// Labels of identity.
    pub labels: BTreeMap<String, String>,
}

/// Arguments of a container create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateContainer {
    /// What it is for.
    pub replica: ReplicaId,
    /// Name it is created with; a temporary one while its predecessor exists.
    pub name: ContainerName,
    /// Image reference, kept in the container's configuration.
    pub image: String,
    /// The image that reference had when this was planned; the create is refused if it moved.
    pub image_id: ImageId,
    /// Everything else. Volumes of a predecessor's anonymous mounts are filled in.
    pub config: ContainerConfig,
    /// Labels of identity: Compose's and ours. They override the user's.
    pub labels: BTreeMap<String, String>,
    /// The endpoint that goes into the create call; the others are connected by nodes of their own before API 1.44.
    pub primary_network: Option<String>,
    /// Names that every endpoint gets beside its aliases: service and container name.
    pub dns_names: Vec<String>,
    /// Version of the service.
    pub revision: Revision,
}

impl CreateContainer {
    /// Whether a person watches it: a container of a one-off command.
    pub fn is_one_off(&self) -> bool {
        self.labels.get("com.docker.compose.oneoff").is_some_and(|value| value == "True")
    }
}

/// A container that exists, or that a node of this plan creates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContainerRef {
    /// It exists.
    Existing(ContainerId),
    /// A node creates it.
    CreatedBy(NodeId),
}

/// A network that exists, or that a node of this plan creates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NetworkRef {
    /// It exists.
    Existing(NetworkId),
    /// A node creates it.
    CreatedBy(NodeId),
}

impl Action {
    /// Stable name of the kind of call, for metrics and JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CreateNetwork(_) => "CreateNetwork",
            Self::RemoveNetwork { .. } => "RemoveNetwork",
            Self::CreateVolume(_) => "CreateVolume",
            Self::CreateContainer(_) => "CreateContainer",
            Self::ConnectNetwork { .. } => "ConnectNetwork",
            Self::DisconnectNetwork { .. } => "DisconnectNetwork",
            Self::StartContainer { .. } => "StartContainer",
            Self::RenameContainer { .. } => "RenameContainer",
            Self::UpdateContainer { .. } => "UpdateContainer",
            Self::UnpauseContainer { .. } => "UnpauseContainer",
            Self::RemoveContainer { .. } => "RemoveContainer",
            Self::HandOver { .. } => "HandOver",
            Self::Begin(operation) => match **operation {
                Operation::Pull { .. } => "PullImage",
                Operation::Build { .. } => "BuildImage",
                Operation::CheckImage { .. } => "CheckImage",
                Operation::Stop { .. } => "StopContainer",
                Operation::Reload { .. } => "ReloadContainer",
                Operation::Announce { .. } => "AnnounceEndpoints",
                Operation::PostStart { .. } => "RunHook",
                Operation::Exec { .. } => "ExecInContainer",
                Operation::Check { .. } => "CheckRollout",
                Operation::Probe { .. } => "ProbeContainer",
                Operation::Analyse { .. } => "AnalyseService",
                Operation::Backup(_) => "MakeBackup",
                Operation::RestoreDrill(_) => "DrillBackup",
                Operation::Restore(_) => "RestoreData",
            },
        }
    }

    /// What else happens with it, for people; mostly nothing.
    pub fn also(&self) -> String {
        match self {
            Self::Begin(operation) => match &**operation {
                Operation::Stop { pre_stop, .. } if !pre_stop.is_empty() => {
                    "; its pre_stop hooks run first".to_owned()
                }
                _ => String::new(),
            },
            _ => String::new(),
        }
    }

    /// What it acts on, by name, for people.
    pub fn object(&self) -> String {
        match self {
            Self::CreateNetwork(create) => create.name.clone(),
            Self::RemoveNetwork { name, .. } => name.clone(),
            Self::CreateVolume(create) => create.volume.name.clone(),
            Self::CreateContainer(create) => create.name.to_string(),
            Self::ConnectNetwork { container_name, name, .. } => {
                format!("{container_name} to {name}")
            }
            Self::DisconnectNetwork { container_name, name, .. } => {
                format!("{container_name} from {name}")
            }
            Self::StartContainer { name, .. }
            | Self::UpdateContainer { name, .. }
            | Self::UnpauseContainer { name, .. }
            | Self::RemoveContainer { name, .. }
            | Self::HandOver { name, .. } => name.to_string(),
            Self::RenameContainer { from, to, .. } => format!("{from} to {to}"),
            Self::Begin(operation) => match &**operation {
                Operation::Pull { image, .. } | Operation::Build { image, .. } => image.clone(),
                Operation::CheckImage { query, .. } => query.image.clone(),
                Operation::Stop { name, .. }
                | Operation::Reload { name, .. }
                | Operation::Announce { name, .. }
                | Operation::PostStart { name, .. }
                | Operation::Exec { name, .. }
                | Operation::Check { name, .. }
                | Operation::Probe { name, .. } => name.to_string(),
                Operation::Analyse { key, .. } => key.service.to_string(),
                Operation::Backup(request) => request.to_string(),
                Operation::RestoreDrill(request) => request.to_string(),
                Operation::Restore(request) => request.name.to_string(),
            },
        }
    }
}

impl fmt::Display for ContainerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Existing(id) => f.write_str(id.short()),
            Self::CreatedBy(node) => write!(f, "#{}", node.0),
        }
    }
}

/// The stable text form: one line per node, `[1,2] -> #3 CreateContainer shop-web-1, declared, not there`, then one line
/// per hold. Tests, `plan`, history and the log all show it.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for node in &self.nodes {
            let after: Vec<String> = node.depends_on.iter().map(|id| id.0.to_string()).collect();
            let (kind, object) = (node.action.kind(), node.action.object());
            writeln!(
                f,
                "[{}] -> #{} {kind} {object}, {}{}",
                after.join(","),
                node.id.0,
                node.reason,
                node.action.also()
            )?;
        }
        for held in &self.held {
            write!(
                f,
                "held {}: {}: waiting on {}",
                held.subject,
                held.waiting_on.code(),
                held.waiting_on
            )?;
            match held.until {
                Some(until) => writeln!(f, ", until {until}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}
