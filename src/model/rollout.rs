//! What is waited for while a version of a project takes the place of another.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::id::ServiceName;
use crate::model::strategy::StrategyKind;
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
    /// What a step of its strategy asks for, before it takes the place of the old version.
    Step(Box<StepWait>),
    /// Nothing: its strategy needs two containers at once, which cannot be for this reason.
    TwoAtOnce(String),
    /// The back-off after a proxy could not be told of the containers behind it.
    Unannounced {
        /// Tries so far.
        failures: u32,
        /// Why.
        error: String,
    },
    /// A check of the new version before its rollout.
    BeforeCheck {
        /// Which.
        name: String,
    },
    /// A check after the rollout.
    Check {
        /// Which.
        name: String,
    },
    /// The next try of a check that failed.
    CheckFailed {
        /// Which.
        name: String,
        /// Failures so far.
        failures: u32,
        /// How it failed last.
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

/// How far a new version is that proves itself beside the old one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepWait {
    /// Who gets the traffic.
    pub strategy: StrategyKind,
    /// Number of the step, from 1; one more than there are: the last things before the promotion.
    pub step: u32,
    /// All of them.
    pub steps: u32,
    /// Replicas of the new version.
    pub candidates: u32,
    /// Declared replicas.
    pub replicas: u32,
    /// Percent of the traffic that go to it, if that is not the share of replicas.
    pub weight: Option<u32>,
    /// Begin of the step.
    pub since: Timestamp,
    /// What is waited for.
    pub goal: StepGoal,
}

/// What a step of a strategy waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepGoal {
    /// The replicas of the new version to be available.
    Candidates {
        /// Those that are.
        available: u32,
    },
    /// The proxies in front to know who is to get traffic.
    Traffic,
    /// Its time to be over.
    Time,
    /// A person.
    Promotion,
    /// What is measured to be good.
    Analysis {
        /// Good measurements, or failures that are put up with.
        measured: u32,
        /// Measurements that are needed.
        needed: u32,
        /// The last failure, if there was one.
        error: String,
    },
}

impl fmt::Display for StepWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.goal {
            StepGoal::Candidates { available } => {
                let candidates = self.candidates;
                write!(f, "its new replicas to be available, {available} of {candidates} are")?;
            }
            StepGoal::Traffic => f.write_str("the proxies in front to know the new replicas")?,
            StepGoal::Time => f.write_str("the end of a pause, or `composelet promote`")?,
            StepGoal::Promotion => {
                f.write_str("`composelet promote` or `composelet abort`")?;
            }
            StepGoal::Analysis { measured, needed, error } => {
                write!(f, "the analysis: {measured} of {needed} measurements")?;
                if !error.is_empty() {
                    write!(f, ", the last failure is: {error}")?;
                }
            }
        }
        let Self { strategy, step, steps, candidates, replicas, since, .. } = self;
        write!(f, "; {strategy}, ")?;
        if step > steps {
            f.write_str("after its last step")?;
        } else {
            write!(f, "step {step} of {steps}")?;
        }
        write!(f, " since {since}, {candidates} of {replicas} replicas are new")?;
        match (strategy, self.weight) {
            (StrategyKind::BlueGreen, _) => f.write_str(" and get no traffic"),
            (StrategyKind::Canary, Some(weight)) => write!(f, " and get {weight} % of the traffic"),
            (StrategyKind::Canary, None) => Ok(()),
        }
    }
}

impl RolloutWait {
    /// The reason code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Turn { .. } | Self::Predecessors => "RolloutProgressing",
            Self::Step(step) => match step.goal {
                StepGoal::Candidates { .. } | StepGoal::Traffic => "RolloutProgressing",
                StepGoal::Time => "StepPaused",
                StepGoal::Promotion => "AwaitingPromotion",
                StepGoal::Analysis { .. } => "AnalysisRunning",
            },
            Self::TwoAtOnce(_) => "StrategyImpossible",
            Self::Successor(_) => "SuccessorNotAvailable",
            Self::BeforeCheck { .. } | Self::Check { .. } => "CheckRunning",
            Self::CheckFailed { .. } => "CheckFailed",
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
        match self {
            Self::Turn { .. }
            | Self::Predecessors
            | Self::Successor(_)
            | Self::Unannounced { .. }
            | Self::Drill { .. }
            | Self::BeforeCheck { .. }
            | Self::Check { .. }
            | Self::CheckFailed { .. } => true,
            Self::Step(step) => step.goal != StepGoal::Promotion,
            _ => false,
        }
    }

    /// Whether something else runs than the files say.
    pub fn runs_other(&self) -> bool {
        matches!(self, Self::Drill { .. })
            || !self.goes_on() && !matches!(self, Self::DrillFailed { .. })
    }

    /// Whether something is amiss. A step that waits for a person is as it was wanted.
    pub fn is_trouble(&self) -> bool {
        match self {
            Self::Step(_) => false,
            Self::Unannounced { .. } | Self::CheckFailed { .. } => true,
            _ => !self.goes_on(),
        }
    }

    /// Whether it will not get better without a change.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Paused(_) | Self::Rejected { .. } | Self::TwoAtOnce(_))
    }

    /// Whether an old version serves although a new one is ready beside it.
    pub fn is_step(&self) -> bool {
        matches!(self, Self::Step(_))
    }
}

impl fmt::Display for RolloutWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Turn { done, replicas } => {
                write!(f, "its turn: {done} of {replicas} replicas are replaced and available")
            }
            Self::Predecessors => f.write_str("the last replica of the old version to be gone"),
            Self::Step(step) => step.fmt(f),
            Self::TwoAtOnce(why) => write!(
                f,
                "another strategy: two versions cannot run side by side, because {why}; use rolling or recreate"
            ),
            Self::Successor(stage) => f.write_str(match stage {
                SuccessorStage::Starting => "its successor to be ready",
                SuccessorStage::Observed => "its successor to stay ready",
                SuccessorStage::Announced => "the proxies in front to know its successor",
                SuccessorStage::Draining => "the end of what its predecessor has begun",
            }),
            Self::BeforeCheck { name } => write!(f, "check {name} before the rollout"),
            Self::Check { name } => write!(f, "check {name} after the rollout"),
            Self::CheckFailed { name, failures, error } => {
                write!(f, "the next try of check {name}, which failed {failures} times: {error}")
            }
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
