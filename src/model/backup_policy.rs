//! Backups that are made without a person: at which times, before which updates (`x-composelet.backup`), what is remembered
//! of them, and what waits for them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::backup_set::{Origin, SavedBackup};
use crate::model::data_restore::RestoreOnRollback;
use crate::model::desired::DesiredProject;
use crate::model::id::ServiceName;
use crate::model::schedule::When;
use crate::model::time::Timestamp;

/// When backups of a project, or of one service, are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupPolicy {
    /// At these times.
    pub schedule: Option<When>,
    /// Time after its due time at which one is no longer begun (Kubernetes, startingDeadlineSeconds).
    pub deadline: Option<Duration>,
    /// Before a container is replaced by one of another version.
    pub before_update: Option<BeforeUpdate>,
    /// Whose data goes back if the version fails that this backup was made before.
    pub restore_on_rollback: RestoreOnRollback,
}

/// What an update waits for: a good backup that was verified, and made after the last start of what is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BeforeUpdate {
    /// And not longer ago than this.
    pub max_age: Duration,
}

impl Default for BeforeUpdate {
    fn default() -> Self {
        Self { max_age: Duration::from_hours(1) }
    }
}

/// Memory of the backups of a project or of one service, or of their restore drills.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackupRecord {
    /// What `since` and `last` are about: the times, as they print; empty: there are none.
    pub when: String,
    /// Since when that holds: nothing from before is caught up.
    pub since: Timestamp,
    /// The last due time that has its backup, or was passed over.
    pub last: Option<Timestamp>,
    /// Why one is being made. It is written before it begins.
    pub begun: Option<BackupCause>,
    /// Tries that failed in a row.
    pub failures: u32,
    /// When the last of them ended.
    pub failed: Option<Timestamp>,
    /// Earliest instant of the next try.
    pub next_try: Option<Timestamp>,
    /// Why the last one failed; empty if it did not.
    pub error: String,
}

/// Why a backup is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackupCause {
    /// Its time has come.
    Scheduled {
        /// The time that it was due.
        due: Timestamp,
        /// Due times before it that have none; 100 stands for more.
        missed: u32,
    },
    /// An update waits for it.
    Update {
        /// The service that is to be replaced.
        service: ServiceName,
    },
}

impl BackupCause {
    /// As the catalogue has it.
    pub fn origin(&self) -> Origin {
        match self {
            Self::Scheduled { .. } => Origin::Schedule,
            Self::Update { .. } => Origin::BeforeUpdate,
        }
    }

    /// The time that it was due, if it has one.
    pub fn due(&self) -> Option<Timestamp> {
        match self {
            Self::Scheduled { due, .. } => Some(*due),
            Self::Update { .. } => None,
        }
    }

    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Scheduled { .. } => "BackupScheduled",
            Self::Update { .. } => "BackupBeforeUpdate",
        }
    }
}

impl fmt::Display for BackupCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Update { service } => write!(f, "before the update of {service}"),
            Self::Scheduled { due, missed: 0 } => write!(f, "due at {due}"),
            Self::Scheduled { due, missed } => {
                write!(f, "due at {due}; missed before it: {missed}")
            }
        }
    }
}

/// A backup that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupRequest {
    /// The project, as its files say.
    pub project: Arc<DesiredProject>,
    /// Only this service of it.
    pub service: Option<ServiceName>,
    /// Services that have run: the others have no data yet.
    pub known: BTreeSet<ServiceName>,
    /// Why.
    pub cause: BackupCause,
}

impl BackupRequest {
    /// What comes of it, if it is made well at this instant of the wall clock.
    pub fn made(&self, at: Timestamp) -> SavedBackup {
        SavedBackup {
            id: at.to_string(),
            service: self.service.clone(),
            at,
            origin: self.cause.origin(),
            services: self.service.clone().map_or_else(|| self.known.clone(), |one| [one].into()),
            verified: Some(at),
            proven: BTreeMap::new(),
            restored: BTreeMap::new(),
        }
    }
}

impl fmt::Display for BackupRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.service {
            None => write!(f, "{}", self.project.name),
            Some(service) => write!(f, "{}/{service}", self.project.name),
        }
    }
}

/// What waits for a backup, or what a backup waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackupWait {
    /// The next due time.
    Next {
        /// When.
        due: Timestamp,
    },
    /// One that is being made.
    Running,
    /// Another one of the same project that is being made.
    Turn,
    /// The back-off after one that failed.
    Failed {
        /// In a row.
        failures: u32,
        /// Why.
        error: String,
    },
    /// One before an update.
    Update {
        /// Tries that failed in a row.
        failures: u32,
        /// Why the last one did; empty if it did not.
        error: String,
    },
    /// One whose time passed long ago.
    Overdue {
        /// When it was due.
        due: Timestamp,
    },
}

impl BackupWait {
    /// The reason code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Next { .. } => "BackupScheduled",
            Self::Running => "BackupRunning",
            Self::Turn => "BackupWaiting",
            Self::Overdue { .. } => "BackupOverdue",
            Self::Update { failures: 0, .. } => "BackupBeforeUpdate",
            Self::Failed { .. } | Self::Update { .. } => "BackupFailed",
        }
    }

    /// Whether there is no backup where there should be one.
    pub fn is_trouble(&self) -> bool {
        match self {
            Self::Failed { .. } | Self::Overdue { .. } => true,
            Self::Update { failures, .. } => *failures > 0,
            Self::Next { .. } | Self::Running | Self::Turn => false,
        }
    }

    /// Whether nothing but a backup waits for it.
    pub fn is_schedule(&self) -> bool {
        match self {
            Self::Next { .. }
            | Self::Running
            | Self::Turn
            | Self::Failed { .. }
            | Self::Overdue { .. } => true,
            Self::Update { .. } => false,
        }
    }
}

impl fmt::Display for BackupWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Next { due } => write!(f, "the next backup at {due}"),
            Self::Running => f.write_str("a backup to be made"),
            Self::Turn => f.write_str("another backup of this project to be made"),
            Self::Failed { failures, error } => {
                write!(f, "back-off after failure {failures} of the backup: {error}")
            }
            Self::Update { failures: 0, .. } => f.write_str("a good backup before the update"),
            Self::Update { failures, error } => write!(
                f,
                "a good backup before the update; the old version goes on: failure {failures}: {error}"
            ),
            Self::Overdue { due } => write!(f, "a backup that was due at {due}"),
        }
    }
}
