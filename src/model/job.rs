//! Jobs: services that run to their end and are done (`deploy.mode: replicated-job`, `x-composelet.job`, and whatever
//! others wait for with `service_completed_successfully`).

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::desired::{RestartIntent, RestartWhen};
use crate::model::id::{ImageId, ReplicaId, Revision};
use crate::model::time::Timestamp;

/// Tries after the first one that failed, unless the manifest says otherwise (Kubernetes batch/v1, backoffLimit).
pub const RETRIES: u32 = 6;

/// How a service is a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// What makes it run again.
    pub once: JobOnce,
    /// What a rollback of the project does with it.
    pub on_rollback: OnRollback,
    /// Dependants go on although it failed for good.
    pub allow_failure: bool,
    /// Tries after the first one that failed.
    pub retries: u32,
    /// Time until the second try, doubled for each further one; `None` is the default of the policy.
    pub delay: Option<Duration>,
    /// Replicas that run side by side; 0 is all.
    pub parallelism: u32,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            once: JobOnce::Revision,
            on_rollback: OnRollback::Skip,
            allow_failure: false,
            retries: RETRIES,
            delay: None,
            parallelism: 1,
        }
    }
}

impl Job {
    /// The job that a service is because others wait for its completion. A policy that restarts it makes it none: the
    /// engine counts and delays then.
    pub fn implied(restart: &RestartIntent) -> Option<Self> {
        let retries = match restart.when {
            RestartWhen::Default => restart.max_attempts.unwrap_or(RETRIES),
            RestartWhen::Never => 0,
            RestartWhen::OnFailure | RestartWhen::Always => return None,
        };
        Some(Self { retries, delay: restart.delay, parallelism: 0, ..Self::default() })
    }
}

/// What makes a job run again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobOnce {
    /// Another version of itself: what it runs, its environment, its files.
    #[default]
    Revision,
    /// Another image id; a changed environment alone does not.
    Image,
    /// Nothing, for the life of the project.
    Project,
}

/// What a rollback does with a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnRollback {
    /// It runs again in the version that the rollback brings back.
    Rerun,
    /// It counts as done: it succeeded in that version before, and may have been succeeded by a later one. The default.
    #[default]
    Skip,
}

/// A success that is remembered beyond the container and the version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobDone {
    /// The version that succeeded, if it is known.
    pub revision: Option<Revision>,
    /// Its image.
    pub image: ImageId,
    /// End of the run.
    pub at: Timestamp,
    /// It counts for the life of the project, also while the service is not declared.
    #[serde(default)]
    pub lasting: bool,
}

/// What a job waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobWait {
    /// The back-off after a failure.
    BackOff {
        /// Failures so far.
        failures: u32,
        /// Retries that the manifest allows.
        retries: u32,
        /// Exit code of the last run.
        exit_code: Option<i64>,
        /// Its last log lines or the engine's text.
        last: Vec<String>,
    },
    /// A new version: the tries are used up.
    Failed {
        /// Failures.
        failures: u32,
        /// Exit code of the last run.
        exit_code: Option<i64>,
        /// Its last log lines or the engine's text.
        last: Vec<String>,
        /// Nobody is held up by it (`allow_failure`).
        allowed: bool,
    },
    /// Those before it, because only so many run side by side.
    Turn {
        /// The first of those.
        after: ReplicaId,
    },
}

impl JobWait {
    /// The reason code, in the words of Kubernetes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BackOff { .. } => "BackOff",
            Self::Failed { .. } => "BackoffLimitExceeded",
            Self::Turn { .. } => "JobQueued",
        }
    }

    /// Whether it will not get better without a change.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Failed { allowed: false, .. })
    }

    /// Whether something went wrong.
    pub fn is_trouble(&self) -> bool {
        !matches!(self, Self::Turn { .. })
    }

    /// Whether `run --once` goes on while it stands.
    pub fn blocks_once(&self) -> bool {
        !matches!(self, Self::Failed { .. })
    }
}

impl fmt::Display for JobWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BackOff { failures, retries, exit_code, .. } => {
                write!(f, "back-off after failure {failures} of the job, {retries} retries")?;
                ending(f, *exit_code)
            }
            Self::Failed { failures, exit_code, allowed, .. } => {
                write!(f, "a new version: failure {failures} of the job left it no retry")?;
                ending(f, *exit_code)?;
                f.write_str(if *allowed { "; allow_failure lets its dependants go on" } else { "" })
            }
            Self::Turn { after } => write!(f, "its turn: {after} is not done yet"),
        }
    }
}

fn ending(f: &mut fmt::Formatter<'_>, exit_code: Option<i64>) -> fmt::Result {
    exit_code.map_or(Ok(()), |code| write!(f, ", exit code {code}"))
}
