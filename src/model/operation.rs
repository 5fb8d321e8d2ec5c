//! Long calls: begun by a plan, run in the controller's table, seen by the planner, single-flight by subject.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::analysis::{AnalysisKey, Measurement};
use crate::model::backup_policy::BackupRequest;
use crate::model::build::Build;
use crate::model::data_restore::RestoreRequest;
use crate::model::hook::{HookCommand, HookStep};
use crate::model::host_probe::Handler;
use crate::model::id::{ContainerId, ContainerName, ProjectName, ReplicaId, ServiceName};
use crate::model::image_update::ImageQuery;
use crate::model::path::LocalPath;
use crate::model::probe::Readiness;
use crate::model::restore_drill::RestoreDrillRequest;
use crate::model::secret::Secret;
use crate::model::time::Timestamp;

/// A long call. Its end wakes the project; the next pass looks at what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Fetch an image. No total deadline; 60 s without progress fail it.
    Pull {
        /// Reference.
        image: String,
        /// `os[/arch[/variant]]`.
        platform: Option<String>,
    },
    /// Build an image from a context.
    Build {
        /// Reference that the image gets.
        image: String,
        /// Project and service, for the labels.
        project: ProjectName,
        /// Service.
        service: ServiceName,
        /// Directory of the project's files.
        directory: LocalPath,
        /// How.
        build: Box<Build>,
        /// Digest of its input, kept in `io.composelet.build`.
        digest: String,
    },
    /// Ask a registry what it offers for a service; nothing is fetched.
    CheckImage {
        /// Project.
        project: ProjectName,
        /// Service.
        service: ServiceName,
        /// What is asked.
        query: Box<ImageQuery>,
    },
    /// Ask a container to stop: signal, grace, SIGKILL.
    Stop {
        /// Which.
        container: ContainerId,
        /// Its name, for people.
        name: ContainerName,
        /// What it was for.
        replica: ReplicaId,
        /// Grace in seconds; `None` is the container's own.
        timeout_s: Option<u64>,
        /// Commands inside before the signal, one after the other; they spend the same grace.
        pre_stop: Vec<HookCommand>,
    },
    /// Make a container read its files again: a command that checks them, then a signal.
    Reload {
        /// Which.
        container: ContainerId,
        /// Its name, for people.
        name: ContainerName,
        /// The signal.
        signal: String,
        /// What is run in the container before; empty is nothing.
        verify: Vec<Secret>,
    },
    /// Tell a proxy of the containers behind it: a command inside, then a signal.
    Announce {
        /// Which.
        container: ContainerId,
        /// Its name, for people.
        name: ContainerName,
        /// The signal, if it gets one.
        signal: Option<String>,
        /// What is run in it before; without words nothing.
        command: Box<HookCommand>,
        /// What it knows afterwards, for the ledger.
        endpoints: String,
    },
    /// Run a command inside a container that was started.
    PostStart {
        /// Which.
        container: ContainerId,
        /// Its name, for people.
        name: ContainerName,
        /// Which hook, for people.
        step: HookStep,
        /// The command.
        hook: Box<HookCommand>,
    },
    /// Run a command of a schedule inside a container.
    Exec {
        /// Which.
        container: ContainerId,
        /// Its name, for people.
        name: ContainerName,
        /// Which run it is.
        run: String,
        /// The command.
        command: Box<HookCommand>,
        /// Time after which its end is not waited for any more; `None` is a day.
        timeout: Option<Duration>,
    },
    /// Ask a check after a rollout once.
    Check {
        /// Which.
        container: ContainerId,
        /// Its name, for people.
        name: ContainerName,
        /// Which check of which version it is.
        key: String,
        /// Where its ports are reached from the host.
        address: Option<IpAddr>,
        /// What is asked.
        handler: Arc<Handler>,
        /// After which time no answer is a failure.
        timeout: Duration,
    },
    /// Ask a container again and again until it is ready; see [`Readiness`].
    Probe {
        /// Which.
        container: ContainerId,
        /// Its name, for people.
        name: ContainerName,
        /// What has to hold.
        readiness: Box<Readiness>,
    },
    /// Measure once how the new version of a service does.
    Analyse {
        /// Which check of which version.
        key: AnalysisKey,
        /// What is measured.
        measurement: Box<Measurement>,
    },
    /// Make a backup of a project or of one of its services.
    Backup(Box<BackupRequest>),
    /// Restore a backup of a project, or one of its services, into throw-away containers.
    RestoreDrill(Box<RestoreDrillRequest>),
    /// Put the data of a service back, because the version failed that changed it.
    Restore(Box<RestoreRequest>),
}

/// What an operation is about; there is one at a time for each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OperationSubject {
    /// An image by reference.
    Image(String),
    /// What a registry offers for a service.
    ImageCheck {
        /// Project.
        project: ProjectName,
        /// Service.
        service: ServiceName,
    },
    /// A container.
    Container(ContainerId),
    /// A hook of a container: it is stopped whether or not one runs.
    Hook(ContainerId),
    /// A command of a schedule, by its run.
    Exec(String),
    /// A check of a version, by its project and numbers.
    Check(String),
    /// The readiness of a container: it is stopped whether or not somebody asks.
    Probe(ContainerId),
    /// A check of the new version of a service.
    Analysis(AnalysisKey),
    /// A backup of a project, or of a service of it: one at a time.
    Backup(ProjectName),
    /// A restore drill of a project, or of a service of it: one at a time.
    RestoreDrill(ProjectName),
    /// A restore in a project: one at a time.
    Restore(ProjectName),
}

impl Operation {
    /// What it is about.
    pub fn subject(&self) -> OperationSubject {
        match self {
            Self::Pull { image, .. } | Self::Build { image, .. } => {
                OperationSubject::Image(image.clone())
            }
            Self::CheckImage { project, service, .. } => {
                OperationSubject::ImageCheck { project: project.clone(), service: service.clone() }
            }
            Self::Stop { container, .. }
            | Self::Reload { container, .. }
            | Self::Announce { container, .. } => OperationSubject::Container(container.clone()),
            Self::PostStart { container, .. } => OperationSubject::Hook(container.clone()),
            Self::Exec { run, .. } => OperationSubject::Exec(run.clone()),
            Self::Check { key, .. } => OperationSubject::Check(key.clone()),
            Self::Probe { container, .. } => OperationSubject::Probe(container.clone()),
            Self::Analyse { key, .. } => OperationSubject::Analysis(key.clone()),
            Self::Backup(request) => OperationSubject::Backup(request.project.name.clone()),
            Self::RestoreDrill(request) => {
                OperationSubject::RestoreDrill(request.project.name.clone())
            }
            Self::Restore(request) => OperationSubject::Restore(request.project.name.clone()),
        }
    }

    /// Digest of its input, if it is a build.
    pub fn digest(&self) -> Option<&str> {
        match self {
            Self::Build { digest, .. } => Some(digest),
            Self::Pull { .. }
            | Self::CheckImage { .. }
            | Self::Stop { .. }
            | Self::Reload { .. }
            | Self::Announce { .. }
            | Self::PostStart { .. }
            | Self::Exec { .. }
            | Self::Check { .. }
            | Self::Probe { .. }
            | Self::Analyse { .. }
            | Self::Backup(_)
            | Self::RestoreDrill(_)
            | Self::Restore(_) => None,
        }
    }

    /// A word for metrics and status.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Pull { .. } => "pull",
            Self::CheckImage { .. } => "image_check",
            Self::Build { .. } => "build",
            Self::Stop { .. } => "stop",
            Self::Reload { .. } => "reload",
            Self::Announce { .. } => "announce",
            Self::PostStart { .. } => "post_start",
            Self::Exec { .. } => "exec",
            Self::Check { .. } => "check",
            Self::Probe { .. } => "probe",
            Self::Analyse { .. } => "analysis",
            Self::Backup(_) => "backup",
            Self::RestoreDrill(_) => "restore_drill",
            Self::Restore(_) => "restore",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pull { image, .. } => write!(f, "pull {image}"),
            Self::Build { image, .. } => write!(f, "build {image}"),
            Self::CheckImage { query, .. } => {
                write!(f, "check {} for {}", query.image, query.policy)
            }
            Self::Stop { name, .. } => write!(f, "stop {name}"),
            Self::Reload { name, .. } => write!(f, "reload {name}"),
            Self::Announce { name, .. } => write!(f, "announce {name}"),
            Self::PostStart { name, .. } => write!(f, "post_start {name}"),
            Self::Exec { name, .. } => write!(f, "exec {name}"),
            Self::Check { name, .. } => write!(f, "check {name}"),
            Self::Probe { name, .. } => write!(f, "probe {name}"),
            Self::Analyse { key, measurement } => {
                write!(f, "analysis {} ({}, {})", key.service, key.check, measurement.measure)
            }
            Self::Backup(request) => write!(f, "backup {request}"),
            Self::RestoreDrill(request) => write!(f, "restore drill {request}"),
            Self::Restore(request) => write!(f, "restore {request}"),
        }
    }
}

/// The operations that run now, those of other projects included (two projects may want one image).
pub type RunningOperations = BTreeMap<OperationSubject, RunningOperation>;

/// One running operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningOperation {
    /// `pull`, `build` or `stop`.
    pub kind: String,
    /// Begin.
    pub since: Timestamp,
    /// Last line of progress, for people.
    pub progress: String,
    /// Digest of the input, if it is a build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}
