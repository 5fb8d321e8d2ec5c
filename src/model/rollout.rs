//! What is waited for while a version of a project takes the place of another.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::id::ServiceName;
use crate::model::time::Timestamp;

/// What a rollout waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RolloutWait {
    /// Its turn: replicas are replaced a few at a time.
    Turn {
        /// Replicas that are as wanted and available.
        done: u32,
        /// All of them.
        replicas: u32,
    },
    /// Its successor to be available, and then its traffic to drain, before it is stopped.
    Successor(SuccessorStage),
    /// The predecessors of all replicas to be gone.
    Predecessors,
    /// The back-off after a proxy could not be told of the containers behind it.
    Unannounced {
        /// Tries so far.
        failures: u32,
        /// Why.
        error: String,
    },
    /// A person, or another version: the rollout failed or was paused.
    Paused(String),
    /// Another version: the one that the files say failed, and an earlier one runs.
    Rejected {
        /// Number of the version that the files say.
        from: u64,
        /// Number of the one that runs.
        to: u64,
        /// The service that failed.
        service: ServiceName,
        /// Why, as a code.
        code: String,
        /// Why, as a sentence.
        why: String,
    },
    /// A person: an earlier version runs because somebody wanted it.
    Pinned {
        /// Number of the version that the files say.
        from: u64,
        /// Number of the one that runs.
        to: u64,
    },
    /// The end of a drill: an earlier version runs to show that it can.
    Drill {
        /// Number of the version that the files say.
        from: u64,
        /// Number of the one that runs.
        to: u64,
    },
    /// A drill that is good: the last one was not.
    DrillFailed {
        /// When it was due.
        due: Timestamp,
        /// Why.
        why: String,
    },
    /// Nothing: the files of the version that was to run are not kept any more.
    Lost {
        /// Its number.
        number: u64,
    },
}

/// How far a successor is that runs beside its predecessor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SuccessorStage {
    /// It is not ready.
    Starting,
    /// It is ready, and has to stay so.
    Observed,
    /// Proxies in front of it do not know it yet.
    Announced,
    /// It serves; the predecessor ends what it has begun.
    Draining,
}

impl RolloutWait {
    /// The reason code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Turn { .. } | Self::Predecessors => "RolloutProgressing",
            Self::Successor(_) => "SuccessorNotAvailable",
            Self::Unannounced { .. } => "AnnounceFailed",
            Self::Paused(_) => "RolloutPaused",
            Self::Rejected { .. } => "RevisionRejected",
            Self::Pinned { .. } => "RevisionPinned",
            Self::Drill { .. } => "RollbackDrill",
            Self::DrillFailed { .. } => "RollbackDrillFailed",
            Self::Lost { .. } => "RevisionLost",
        }
    }

    /// Whether more happens by itself.
    pub fn goes_on(&self) -> bool {
        matches!(
            self,
            Self::Turn { .. }
                | Self::Predecessors
                | Self::Successor(_)
                | Self::Unannounced { .. }
                | Self::Drill { .. }
        )
    }

    /// Whether something else runs than the files say.
    pub fn runs_other(&self) -> bool {
        matches!(self, Self::Drill { .. })
            || !self.goes_on() && !matches!(self, Self::DrillFailed { .. })
    }

    /// Whether something is amiss.
    pub fn is_trouble(&self) -> bool {
        !self.goes_on() || matches!(self, Self::Unannounced { .. })
    }

    /// Whether it will not get better without a change.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Paused(_) | Self::Rejected { .. })
    }
}

impl fmt::Display for RolloutWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Turn { done, replicas } => {
                write!(f, "its turn: {done} of {replicas} replicas are replaced and available")
            }
            Self::Predecessors => f.write_str("the last replica of the old version to be gone"),
            Self::Successor(stage) => f.write_str(match stage {
                SuccessorStage::Starting => "its successor to be ready",
                SuccessorStage::Observed => "its successor to stay ready",
                SuccessorStage::Announced => "the proxies in front to know its successor",
                SuccessorStage::Draining => "the end of what its predecessor has begun",
            }),
            Self::Unannounced { failures, error } => write!(
                f,
                "back-off after failure {failures} to tell it of the containers behind it, it goes on with those it knows; mend its configuration or on_endpoints_change: {error}"
            ),
            Self::Paused(why) => write!(f, "another version, or `composelet resume`: {why}"),
            Self::Rejected { from, to, service, why, .. } => write!(
                f,
                "a change of files or images: revision {from} failed ({service}: {why}); revision {to} runs"
            ),
            Self::Pinned { from, to } => write!(
                f,
                "`composelet resume` or an edit: revision {to} runs by hand instead of {from}"
            ),
            Self::Drill { from, to } => {
                write!(
                    f,
                    "the end of a drill: revision {to} runs instead of {from} to show that it can"
                )
            }
            Self::DrillFailed { due, why } => {
                write!(f, "a drill that is good: that of {due} failed, {why}")
            }
            Self::Lost { number } => {
                write!(
                    f,
                    "an edit or `composelet resume`: the files of revision {number} are not kept, so what the files say goes on"
                )
            }
        }
    }
}
