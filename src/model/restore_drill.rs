//! Restore drills on a schedule (`x-composelet.backup.drill`): the newest good backup is restored into throw-away containers,
//! to show that it can be.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::backup_policy::BackupCause;
use crate::model::backup_set::SavedBackup;
use crate::model::desired::DesiredProject;
use crate::model::id::ServiceName;
use crate::model::schedule::When;
use crate::model::time::Timestamp;

/// When backups of a project, or of one service, have to prove that they can be restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreDrillPolicy {
    /// At these times.
    pub when: When,
    /// Time after its due time at which one is no longer begun (Kubernetes, startingDeadlineSeconds).
    pub deadline: Option<Duration>,
    /// Time for each service: the start of the container, the restore and the check.
    pub timeout: Duration,
    /// Age of the newest proven backup from which it proves nothing any more.
    pub max_age: Option<Duration>,
}

/// A drill that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreDrillRequest {
    /// The project, as its files say.
    pub project: Arc<DesiredProject>,
    /// Only this service of the backup.
    pub service: Option<ServiceName>,
    /// Time for each service.
    pub timeout: Duration,
    /// Why, and of which backup.
    pub cause: RestoreDrillCause,
}

impl RestoreDrillRequest {
    /// What comes of it, if it passes at this instant of the wall clock.
    pub fn prove(&self, saved: &mut [SavedBackup], at: Timestamp) {
        let mut saved = saved.iter_mut();
        if let Some(saved) = saved.find(|saved| saved.id == self.cause.backup) {
            saved.prove(self.service.as_ref(), at);
        }
    }
}

impl fmt::Display for RestoreDrillRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.service {
            None => write!(f, "{}", self.project.name),
            Some(service) => write!(f, "{}/{service}", self.project.name),
        }
    }
}

/// Why a drill is made: its time has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreDrillCause {
    /// The time that it was due.
    pub due: Timestamp,
    /// Due times before it that have none; 100 stands for more.
    pub missed: u32,
    /// Id of the backup.
    pub backup: String,
}

impl RestoreDrillCause {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "DrillScheduled"
    }

    /// As the ledger remembers it.
    pub fn noted(&self) -> BackupCause {
        BackupCause::Scheduled { due: self.due, missed: self.missed }
    }
}

impl fmt::Display for RestoreDrillCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; of backup {}", self.noted(), self.backup)
    }
}

/// What a drill waits for, or what is not proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestoreDrillWait {
    /// The next due time.
    Next {
        /// When.
        due: Timestamp,
    },
    /// One that goes on.
    Running,
    /// A backup or another drill of the same project that goes on.
    Turn,
    /// A good backup: there is none that could be tried.
    NoBackup,
    /// The back-off after one that failed.
    Failed {
        /// In a row.
        failures: u32,
        /// Why.
        error: String,
    },
    /// One whose time passed long ago.
    Overdue {
        /// When it was due.
        due: Timestamp,
    },
    /// One that passes: what was proven last is too old.
    TooOld {
        /// Id of the newest proven backup.
        backup: String,
        /// When it was made.
        at: Timestamp,
    },
}

impl RestoreDrillWait {
    /// The reason code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Next { .. } => "DrillScheduled",
            Self::Running => "DrillRunning",
            Self::Turn => "DrillWaiting",
            Self::NoBackup => "DrillPending",
            Self::Failed { .. } => "DrillFailed",
            Self::Overdue { .. } | Self::TooOld { .. } => "DrillOverdue",
        }
    }

    /// Whether something is not proven that should be.
    pub fn is_trouble(&self) -> bool {
        match self {
            Self::Failed { .. } | Self::Overdue { .. } | Self::TooOld { .. } => true,
            Self::Next { .. } | Self::Running | Self::Turn | Self::NoBackup => false,
        }
    }
}

impl fmt::Display for RestoreDrillWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Next { due } => write!(f, "the next restore drill at {due}"),
            Self::Running => f.write_str("a restore drill to end"),
            Self::Turn => f.write_str("a backup or another restore drill of this project to end"),
            Self::NoBackup => f.write_str("a good backup that can be tried"),
            Self::Failed { failures, error } => {
                write!(f, "back-off after failure {failures} of the restore drill: {error}")
            }
            Self::Overdue { due } => write!(f, "a restore drill that was due at {due}"),
            Self::TooOld { backup, at } => {
                write!(f, "a newer backup to be proven; the last one, {backup}, is of {at}")
            }
        }
    }
}

/// What is published of the drills of a project, or of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreDrillStatus {
    /// The service; `None` is the whole project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// At which times, as it prints.
    pub when: String,
    /// The next one, by the wall clock.
    pub next: Option<Timestamp>,
    /// The newest backup that was proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven: Option<ProvenBackup>,
    /// Drills that failed in a row.
    pub failures: u32,
}

/// A backup of which a restore passed its checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvenBackup {
    /// Its id.
    pub id: String,
    /// When it was begun: what was written later is not in it.
    pub at: Timestamp,
    /// When the restore passed.
    pub proven: Timestamp,
}
