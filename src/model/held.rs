//! What is held, and what it waits for. Closed enums: text is made here and nowhere else.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::backup_policy::BackupWait;
use crate::model::data_restore::RestoreWait;
use crate::model::disk::DiskPressure;
use crate::model::feature::LackingAttribute;
use crate::model::hook::{HookKind, HookStep};
use crate::model::host_probe::ProbeKind;
use crate::model::id::{ContainerName, ProjectName, ReplicaId, ServiceName};
use crate::model::image_update::ImageUpdateWait;
use crate::model::job::JobWait;
use crate::model::neighbour::ProjectWait;
use crate::model::outcome::PullTrouble;
use crate::model::own::OwnWait;
use crate::model::policy_wait::PolicyWait;
use crate::model::restore_drill::RestoreDrillWait;
use crate::model::rollout::RolloutWait;
use crate::model::schedule::ScheduleWait;
use crate::model::time::Timestamp;

/// Something that a reader would expect to happen and that does not happen yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// What waits.
    pub subject: Subject,
    /// What for.
    pub waiting_on: WaitingOn,
    /// When it is looked at again by itself; `None` waits for an event.
    pub until: Option<Timestamp>,
}

/// What a hold or a condition is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Subject {
    /// The whole project.
    Project,
    /// A service.
    Service(ServiceName),
    /// One replica.
    Replica(ReplicaId),
    /// A schedule of a service.
    Schedule {
        /// The service.
        service: ServiceName,
        /// Name of Ofelia's job; empty for that of the service itself.
        name: String,
    },
    /// A network by real name.
    Network(String),
    /// A volume by real name.
    Volume(String),
    /// An image by reference.
    Image(String),
    /// A container that is nobody's replica.
    Container(ContainerName),
}

impl Subject {
    /// The service it belongs to, if any.
    pub fn service(&self) -> Option<&ServiceName> {
        match self {
            Self::Service(service) | Self::Schedule { service, .. } => Some(service),
            Self::Replica(replica) => Some(&replica.service),
            _ => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project => f.write_str("project"),
            Self::Service(service) => write!(f, "service:{service}"),
            Self::Replica(replica) => write!(f, "replica:{replica}"),
            Self::Schedule { service, name } if name.is_empty() => write!(f, "schedule:{service}"),
            Self::Schedule { service, name } => write!(f, "schedule:{service}/{name}"),
            Self::Network(name) => write!(f, "network:{name}"),
            Self::Volume(name) => write!(f, "volume:{name}"),
            Self::Image(reference) => write!(f, "image:{reference}"),
            Self::Container(name) => write!(f, "container:{name}"),
        }
    }
}

/// What is waited for. The first word of each is the reason of the condition that shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WaitingOn {
    /// A dependency to be started, healthy or completed.
    Dependency {
        /// Which.
        service: ServiceName,
        /// What it should be: `started`, `healthy`, `completed`.
        condition: String,
        /// What it is.
        actual: String,
    },
    /// Another project.
    Project(ProjectWait),
    /// A long call to end.
    Operation {
        /// `pull`, `build` or `stop`.
        kind: String,
        /// About what.
        about: String,
    },
    /// The back-off after failures of the container.
    CrashLoopBackOff {
        /// Failures counted.
        failures: u32,
        /// Exit code of the last one.
        exit_code: Option<i64>,
        /// Its last log lines or the engine's text.
        last: Vec<String>,
    },
    /// Tries are used up (`max_attempts`, or a policy that forbids restarts after a failure).
    RestartsExhausted {
        /// What the policy says.
        policy: String,
        /// Exit code of the last run.
        exit_code: Option<i64>,
    },
    /// What a job waits for.
    Job(JobWait),
    /// What a schedule waits for.
    Schedule(ScheduleWait),
    /// A backup, or what one waits for.
    Backup(BackupWait),
    /// What a restore drill waits for.
    RestoreDrill(RestoreDrillWait),
    /// Data to go back, or what that waits for.
    Restore(RestoreWait),
    /// The back-off after failed pulls or builds.
    ImagePullBackOff {
        /// Tries so far.
        failures: u32,
        /// The engine's or registry's text.
        error: String,
        /// What kind of failure it was.
        #[serde(default)]
        trouble: PullTrouble,
    },
    /// The back-off after failed looks at the registry, while an image is at hand and is used.
    ImageRefreshBackOff {
        /// Tries so far.
        failures: u32,
        /// The engine's or registry's text.
        error: String,
        /// What kind of failure it was.
        trouble: PullTrouble,
    },
    /// Nothing: `pull_policy` asks for a look at the registry again then.
    ImageCheckDue,
    /// What an image that moves waits for.
    ImageUpdate(ImageUpdateWait),
    /// The image is missing and the policy forbids a pull.
    ErrImageNeverPull,
    /// The back-off after a failed engine call.
    EngineCallBackOff {
        /// Tries so far.
        failures: u32,
        /// The engine's text.
        error: String,
    },
    /// A hook that runs, or is about to.
    Hook(HookStep),
    /// The back-off after a hook that failed.
    HookFailed {
        /// Which.
        step: HookStep,
        /// Tries so far.
        failures: u32,
        /// How it ended, with the tail of its output.
        error: String,
    },
    /// A rollout to go on, or to be mended.
    Rollout(RolloutWait),
    /// A host probe to find a running container ready.
    NotReady {
        /// Which.
        probe: ProbeKind,
        /// Its last failure; empty if there was none yet.
        error: String,
    },
    /// Nothing: a probe that dials cannot be asked, for the engine is on another host.
    ProbeImpossible {
        /// Which.
        probe: ProbeKind,
    },
    /// The host's budget of restarts or starts.
    Throttled,
    /// The engine to say what this is.
    Unknown(String),
    /// A removal that the engine is busy with, or that failed.
    Removing,
    /// A stranger holds the name.
    NameHeldByUnmanaged {
        /// The name.
        name: ContainerName,
    },
    /// Somebody holds the port.
    PortConflict {
        /// `ip:port/protocol`.
        port: String,
        /// Name of the holder.
        holder: String,
    },
    /// An external network or volume that is not there.
    ExternalMissing,
    /// A network of that name that is not the project's.
    ForeignNetwork,
    /// Containers that are not managed here on a network that has to be made anew.
    NetworkInUse {
        /// Name of the container.
        holder: String,
    },
    /// A bind source that does not exist and looks like a file.
    BindSourceMissing(String),
    /// A file of a config or secret that composelet could not write.
    ContentUnwritable(String),
    /// A reload that failed: the program goes on with what it read before.
    ReloadFailed {
        /// Tries so far.
        failures: u32,
        /// Why.
        error: String,
    },
    /// A person: another file took the place of a mounted one, and the container cannot see it while it runs.
    FileReplaced {
        /// The files.
        files: Vec<String>,
    },
    /// A bind source that was full and is empty or missing now, or a volume that would change its name.
    DataPathChanged(String),
    /// The definition of a volume changed; volumes are never replaced.
    VolumeChanged(String),
    /// A person, by `composelet resume` or `suspend: false`.
    Suspended(String),
    /// A person, by `composelet start`: it was stopped for a repair.
    Stopped(String),
    /// A second look at a removal.
    ManifestSettling,
    /// A person, because much would be removed at once.
    PruneNeedsConfirmation {
        /// Projects that would go.
        projects: Vec<ProjectName>,
    },
    /// A person, because adopting would recreate something.
    AdoptionNeedsConfirmation {
        /// What would be recreated.
        changes: Vec<String>,
    },
    /// The manifest to be mended; the last good version runs on.
    InvalidManifest,
    /// The next try against something that keeps changing the same field.
    DriftConflict {
        /// The field.
        field: String,
        /// Times it was put right.
        count: u32,
    },
    /// The input of a build to be quiet or readable.
    BuildContext(String),
    /// Nothing: the engine is too old for attributes, which are left out.
    UnsupportedOnEngine(Vec<LackingAttribute>),
    /// A newer engine: without these attributes it would not be what the manifest says.
    RefusedOnEngine(Vec<LackingAttribute>),
    /// Nothing: an attribute that is not honoured here, so that the service is not run.
    UnsupportedAttribute {
        /// Attribute.
        attribute: String,
        /// Why, and what to do.
        why: String,
    },
    /// A container outside of the project that `external_links`, `volumes_from` or a namespace names.
    LinkedContainerMissing(ContainerName),
    /// The state directory to be writable again.
    LedgerUnwritable(String),
    /// What the policy asks for.
    Policy(PolicyWait),
    /// Room on a disk: pulls, builds and new versions wait, what runs is looked after.
    DiskPressure(DiskPressure),
    /// What the container waits for that this controller runs in.
    Own(OwnWait),
}

impl WaitingOn {
    /// The reason code, in the field's own words.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Dependency { .. } => "DependencyNotReady",
            Self::Project(wait) => wait.code(),
            Self::Own(wait) => wait.code(),
            Self::Operation { .. } => "Progressing",
            Self::CrashLoopBackOff { .. } => "CrashLoopBackOff",
            Self::RestartsExhausted { .. } => "BackoffLimitExceeded",
            Self::Job(wait) => wait.code(),
            Self::Schedule(wait) => wait.code(),
            Self::Backup(wait) => wait.code(),
            Self::RestoreDrill(wait) => wait.code(),
            Self::Restore(wait) => wait.code(),
            Self::ImagePullBackOff { trouble, .. } => match trouble {
                PullTrouble::Unauthorized => "ImagePullUnauthorized",
                PullTrouble::RateLimited => "ImagePullRateLimited",
                _ => "ImagePullBackOff",
            },
            Self::ImageRefreshBackOff { .. } => "ImageRefreshFailed",
            Self::ImageCheckDue => "ImageCheckScheduled",
            Self::ImageUpdate(wait) => wait.code(),
            Self::ErrImageNeverPull => "ErrImageNeverPull",
            Self::EngineCallBackOff { .. } => "ProgressingWithRetry",
            Self::Rollout(wait) => wait.code(),
            // Kubernetes' reason of a Pod that is not Ready.
            Self::NotReady { .. } => "ContainersNotReady",
            Self::ProbeImpossible { .. } => "ProbeError",
            Self::Throttled => "Throttled",
            Self::Unknown(_) => "ContainerUnresponsive",
            Self::Removing => "RemovalInProgress",
            Self::NameHeldByUnmanaged { .. } | Self::ForeignNetwork => "NameHeldByUnmanaged",
            Self::PortConflict { .. } => "PortConflict",
            Self::ExternalMissing | Self::LinkedContainerMissing(_) => "ExternalMissing",
            Self::NetworkInUse { .. } => "NetworkInUse",
            Self::BindSourceMissing(_) => "BindSourceMissing",
            Self::ContentUnwritable(_) => "ContentUnwritable",
            Self::Hook(_) => "HookRunning",
            // kubelet's words for its events about hooks.
            Self::HookFailed { step, .. } => match step.kind {
                HookKind::PreStart => "FailedPreStartHook",
                HookKind::PostStart => "FailedPostStartHook",
            },
            Self::ReloadFailed { .. } => "ReloadFailed",
            Self::FileReplaced { .. } => "FileReplaced",
            Self::DataPathChanged(_) => "DataPathChanged",
            Self::VolumeChanged(_) => "VolumeChanged",
            Self::Suspended(_) => "Suspended",
            Self::Stopped(_) => "Stopped",
            Self::ManifestSettling => "ManifestSettling",
            Self::PruneNeedsConfirmation { .. } => "PruneNeedsConfirmation",
            Self::AdoptionNeedsConfirmation { .. } => "AdoptionNeedsConfirmation",
            Self::InvalidManifest => "InvalidManifest",
            Self::DriftConflict { .. } => "DriftConflict",
            Self::BuildContext(_) => "BuildContextNotReady",
            Self::UnsupportedOnEngine(_) | Self::RefusedOnEngine(_) => "UnsupportedOnEngine",
            Self::UnsupportedAttribute { .. } => "UnsupportedAttribute",
            Self::LedgerUnwritable(_) => "LedgerUnwritable",
            Self::Policy(wait) => wait.code(),
            // The kubelet's condition of a node.
            Self::DiskPressure(_) => "DiskPressure",
        }
    }

    /// Whether `run --once` has done what it can although this hold stands (DESIGN §5): persons and suspensions do not
    /// block, nor what only tells.
    pub fn blocks_once(&self) -> bool {
        match self {
            Self::Job(wait) => return wait.blocks_once(),
            Self::Project(wait) => return wait.passes(),
            Self::Policy(wait) => return wait.blocks_once(),
            Self::Backup(wait) => return !wait.is_schedule(),
            Self::Restore(wait) => return wait.is_pending(),
            _ => {}
        }
        !matches!(
            self,
            Self::Suspended(_)
                | Self::Stopped(_)
                | Self::PruneNeedsConfirmation { .. }
                | Self::AdoptionNeedsConfirmation { .. }
                | Self::UnsupportedOnEngine(_)
                | Self::RefusedOnEngine(_)
                | Self::UnsupportedAttribute { .. }
                | Self::VolumeChanged(_)
                | Self::InvalidManifest
                | Self::RestartsExhausted { .. }
                | Self::ImageRefreshBackOff { .. }
                | Self::ImageCheckDue
                | Self::ImageUpdate(_)
                | Self::Schedule(_)
                | Self::RestoreDrill(_)
                | Self::FileReplaced { .. }
                | Self::NotReady { .. }
                | Self::ProbeImpossible { .. }
                | Self::DiskPressure(_)
                | Self::Own(_)
        ) && !matches!(self, Self::Rollout(wait) if !wait.goes_on())
    }

    /// Whether it only says when something is due again: all is as it should be, and nobody need hear of it.
    pub fn is_schedule(&self) -> bool {
        matches!(self, Self::ImageUpdate(wait) if wait.is_schedule())
            || matches!(self, Self::Backup(wait) if wait.is_schedule())
            || matches!(self, Self::ImageCheckDue | Self::Schedule(_) | Self::RestoreDrill(_))
    }
}
