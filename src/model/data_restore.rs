//! Data that goes back with a version that failed (`x-composelet.backup.restore_on_rollback`): which backup an update has,
//! what is remembered of a restore, and what waits for it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::desired::DesiredProject;
use crate::model::id::{ContainerId, ContainerName, ProjectName, ServiceName};
use crate::model::time::Timestamp;

/// Whose data goes back when the version fails for whose update a backup was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RestoreOnRollback {
    /// Nobody's.
    #[default]
    Nothing,
    /// That of the service on which it stands.
    Own,
    /// That of these services.
    Services(BTreeSet<ServiceName>),
}

impl RestoreOnRollback {
    /// The services; `own` is the one on which it stands.
    pub fn services(&self, own: Option<&ServiceName>) -> BTreeSet<ServiceName> {
        match self {
            Self::Nothing => BTreeSet::new(),
            Self::Own => own.cloned().into_iter().collect(),
            Self::Services(services) => services.clone(),
        }
    }
}

/// The backup that was made for the update under way. From the first container of the new version on it stays the same: a
/// later one holds what that version wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateBackup {
    /// Its name.
    pub id: String,
    /// When it began, by the wall clock.
    pub at: Timestamp,
    /// Services of which it holds something.
    pub services: BTreeSet<ServiceName>,
    /// A container of the new version was made.
    pub used: bool,
}

/// Memory of a restore that a rejected version brought about. It is decided once, with the verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataRestore {
    /// Number of the version that failed.
    pub from: u64,
    /// Number of the version that runs again.
    pub to: u64,
    /// When it was decided, by the wall clock.
    pub decided: Timestamp,
    /// What goes back, one after the other.
    pub parts: Vec<RestorePart>,
    /// Services of the failed version that are stopped meanwhile.
    pub writers: BTreeSet<ServiceName>,
    /// Containers of the failed version: they are not started again on what was restored.
    pub barred: BTreeSet<ContainerId>,
    /// Whether it is over.
    pub stage: RestoreStage,
    /// A try was begun, or is about to be.
    pub begun: bool,
    /// Tries that failed in a row.
    pub failures: u32,
    /// Earliest instant of the next try.
    pub next_try: Option<Timestamp>,
    /// Why the last one failed; empty if it did not.
    pub error: String,
}

/// Data of one service that goes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestorePart {
    /// Whose.
    pub service: ServiceName,
    /// The backup.
    pub backup: String,
    /// When that began, by the wall clock.
    pub at: Timestamp,
    /// When it was in its place.
    pub done: Option<Timestamp>,
}

/// Whether a restore is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestoreStage {
    /// Nobody writes until it is.
    Pending,
    /// Everything is in its place.
    Done,
    /// A person goes on with what is there.
    Released,
}

impl DataRestore {
    /// What goes back next, if something is left.
    pub fn next(&self) -> Option<&RestorePart> {
        let open = self.stage == RestoreStage::Pending;
        self.parts.iter().find(|part| open && part.done.is_none())
    }
}

/// A restore that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreRequest {
    /// The project that runs.
    pub project: Arc<DesiredProject>,
    /// The service.
    pub service: ServiceName,
    /// The backup.
    pub backup: String,
    /// Where it is restored.
    pub container: ContainerId,
    /// Its name, for people.
    pub name: ContainerName,
    /// When it was decided, by the wall clock: what was kept aside or restored since then is not so again.
    pub decided: Timestamp,
    /// Number of the version that failed.
    pub from: u64,
}

impl fmt::Display for RestoreRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} from backup {}", self.project.name, self.service, self.backup)
    }
}

/// What waits for data to go back, or what that waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestoreWait {
    /// Whoever writes waits for the data.
    Data {
        /// Whose.
        service: ServiceName,
        /// From which backup.
        backup: String,
    },
    /// Those that write have to be stopped first.
    Writers {
        /// Those that are not yet.
        services: Vec<ServiceName>,
    },
    /// A container has to run that it is restored into.
    Container {
        /// Whose.
        service: ServiceName,
    },
    /// A backup that is being made.
    Backup,
    /// It is being restored.
    Running {
        /// Whose.
        service: ServiceName,
        /// From which backup.
        backup: String,
    },
    /// The back-off after one that failed, or a person.
    Failed {
        /// Project.
        project: ProjectName,
        /// Service.
        service: ServiceName,
        /// The backup.
        backup: String,
        /// In a row.
        failures: u32,
        /// Why.
        error: String,
    },
    /// Nothing: it is done.
    Done {
        /// What was restored, as a sentence.
        what: String,
    },
}

impl RestoreWait {
    /// The reason code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Data { .. } | Self::Writers { .. } | Self::Container { .. } | Self::Backup => {
                "RestorePending"
            }
            Self::Running { .. } => "RestoreRunning",
            Self::Failed { .. } => "RestoreFailed",
            Self::Done { .. } => "DataRestored",
        }
    }

    /// Whether data is not yet what it should be.
    pub fn is_pending(&self) -> bool {
        !matches!(self, Self::Done { .. })
    }

    /// Whether a person is asked for.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

impl fmt::Display for RestoreWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data { service, backup } => {
                write!(f, "the data of {service} to go back to backup {backup}")
            }
            Self::Writers { services } => {
                let names: Vec<&str> = services.iter().map(ServiceName::as_str).collect();
                write!(f, "what writes to be stopped: {}", names.join(", "))
            }
            Self::Container { service } => {
                write!(f, "a container of {service} to run, into which its data is restored")
            }
            Self::Backup => f.write_str("a backup to be made, before data is restored"),
            Self::Running { service, backup } => {
                write!(f, "the restore of {service} from backup {backup}")
            }
            Self::Failed { project, service, backup, failures, error } => write!(
                f,
                "back-off after failure {failures} of the restore of {service} from backup {backup}; what writes stays stopped; \
                 `composelet restore {project}/{service} --backup {backup}` does it by hand, `composelet resume {project}` goes on with what is there: {error}"
            ),
            Self::Done { what } => write!(f, "nothing: {what}"),
        }
    }
}
