//! Versions of a whole project: what was tried, what held, what was given up, and what runs instead (DESIGN §5, revisions).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::commit::Commit;
use crate::model::id::{ContainerId, ImageId, Revision, ServiceName};
use crate::model::time::Timestamp;

/// One version: files and images together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRevision {
    /// Counted from 1; never given twice.
    pub number: u64,
    /// Digest of everything that loading read: names the kept files.
    pub digest: String,
    /// The commit that its files come from, if one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
    /// What each service ran.
    pub services: BTreeMap<ServiceName, ServiceRevision>,
    /// When it was first wanted with all its images.
    pub since: Timestamp,
    /// What became of it.
    pub verdict: Verdict,
}

/// One service of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRevision {
    /// Of the service alone: equal ones need no new container.
    pub revision: Revision,
    /// Image reference as written.
    pub image: String,
    /// What it meant.
    pub image_id: ImageId,
}

/// What became of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It is being rolled out, or was replaced by another before it held.
    Open,
    /// All of it was available for long enough: what a rollback goes back to.
    Stable {
        /// Since when.
        since: Timestamp,
    },
    /// It failed and is not tried again until files or images change (invariant 11).
    Rejected(Box<RolloutFailure>),
}

/// Why a version was rejected, with the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutFailure {
    /// When.
    pub at: Timestamp,
    /// The service that failed.
    pub service: ServiceName,
    /// Its container, as long as it is there.
    pub container: Option<ContainerId>,
    /// What failed.
    pub cause: FailureCause,
    /// The last lines of its log, at most 20 of at most 500 characters; empty: not read yet.
    pub log: Vec<String>,
    /// What the engine said of it; `None`: not asked yet.
    #[serde(default)]
    pub evidence: Option<Box<Evidence>>,
}

/// What the engine said of a container whose version was rejected. Neither its environment nor its command nor its labels
/// are kept (invariant 17).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The engine's word for its state, or `gone`.
    pub state: String,
    /// Exit code of the last run, if it ended.
    pub exit_code: Option<i64>,
    /// Killed for want of memory.
    pub oom_killed: bool,
    /// The engine's text, at most 500 characters.
    pub error: String,
    /// Begin of the last run.
    pub started_at: Option<Timestamp>,
    /// End of the last run.
    pub finished_at: Option<Timestamp>,
    /// Restarts by the engine.
    pub restart_count: u32,
    /// The image that it ran.
    pub image_id: Option<ImageId>,
    /// The last checks of its health, oldest first; at most 5.
    pub health: Vec<CheckResult>,
}

/// One check of the health of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Begin.
    pub start: Option<Timestamp>,
    /// End.
    pub end: Option<Timestamp>,
    /// Exit code; -1 if it was given up after its time.
    pub exit_code: Option<i64>,
    /// What it said, at most 500 characters.
    pub output: String,
}

/// What failed in a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureCause {
    /// It ends, or does not start, again and again.
    CrashLoop {
        /// Times.
        failures: u32,
        /// Exit code of the last run.
        exit_code: Option<i64>,
        /// The engine's text, if it does not even start.
        error: String,
    },
    /// Its restart policy allows no further try.
    Exhausted {
        /// Exit code of the last run.
        exit_code: Option<i64>,
    },
    /// Its health check failed.
    Unhealthy {
        /// Output of the last check.
        output: String,
    },
    /// It did not become ready in time.
    NotReady {
        /// Seconds that it had.
        seconds: u64,
    },
    /// Nothing went on for too long.
    NoProgress {
        /// Seconds.
        seconds: u64,
    },
    /// A hook failed again and again.
    Hook {
        /// How it ended.
        error: String,
    },
    /// A check after the rollout failed.
    Check {
        /// Which.
        name: String,
        /// How.
        error: String,
    },
    /// It would not read its changed files.
    Reload {
        /// Why.
        error: String,
    },
    /// What was measured of it was not good enough.
    Analysis {
        /// What, and how.
        error: String,
    },
    /// A person did not want it.
    Aborted,
}

impl FailureCause {
    /// Exit code of the last run, if it ended.
    pub fn exit_code(&self) -> Option<i64> {
        match self {
            Self::CrashLoop { exit_code, .. } | Self::Exhausted { exit_code } => *exit_code,
            _ => None,
        }
    }

    /// Stable code, in the words of the conditions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::CrashLoop { .. } => "CrashLoopBackOff",
            Self::Exhausted { .. } => "BackoffLimitExceeded",
            Self::Unhealthy { .. } => "HealthCheckFailed",
            Self::NotReady { .. } | Self::NoProgress { .. } => "ProgressDeadlineExceeded",
            Self::Hook { .. } => "HookFailed",
            Self::Check { .. } => "CheckFailed",
            Self::Reload { .. } => "ReloadFailed",
            Self::Analysis { .. } => "AnalysisFailed",
            Self::Aborted => "RolloutAborted",
        }
    }
}

impl fmt::Display for FailureCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CrashLoop { failures, error, .. } if !error.is_empty() => {
                write!(f, "it did not start, {failures} times: {error}")
            }
            Self::CrashLoop { failures, exit_code, .. } => {
                write!(f, "it ended {failures} times")?;
                exit_code.map_or(Ok(()), |code| write!(f, ", last with exit code {code}"))
            }
            Self::Exhausted { exit_code } => {
                f.write_str("it failed, and its restart policy allows no further try")?;
                exit_code.map_or(Ok(()), |code| write!(f, "; exit code {code}"))
            }
            Self::Unhealthy { output } if output.is_empty() => {
                f.write_str("its health check failed")
            }
            Self::Unhealthy { output } => write!(f, "its health check failed: {output}"),
            Self::NotReady { seconds } => write!(f, "it was not ready within {seconds} s"),
            Self::NoProgress { seconds } => write!(f, "nothing went on for {seconds} s"),
            Self::Hook { error } => write!(f, "a hook failed: {error}"),
            Self::Check { name, error } => write!(f, "check {name} failed: {error}"),
            Self::Reload { error } => write!(f, "it did not take its changed files: {error}"),
            Self::Analysis { error } => write!(f, "its analysis failed: {error}"),
            Self::Aborted => f.write_str("aborted by a person"),
        }
    }
}

/// Another version runs than the files say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// Number of the version that the files say.
    pub from: u64,
    /// Number of the version that runs.
    pub to: u64,
    /// Since when.
    pub since: Timestamp,
    /// Who wanted it.
    pub cause: RollbackCause,
}

/// Who wanted a rollback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RollbackCause {
    /// The version failed.
    Failure,
    /// A person asked for it.
    Person,
    /// The way back is tried.
    Drill,
}

impl Rollback {
    /// Whether the way back is only tried.
    pub fn is_drill(&self) -> bool {
        self.cause == RollbackCause::Drill
    }
}
