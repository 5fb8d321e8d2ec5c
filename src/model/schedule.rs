//! Schedules: what runs at which times (`x-composelet.schedule`, and Ofelia's labels).

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::hook::HookCommand;
use crate::model::id::{ContainerId, ServiceName};
use crate::model::time::Timestamp;

/// Runs of one schedule that go on side by side, at most (invariant 16).
pub const MOST_ACTIVE: usize = 16;
/// Ended runs that are remembered of each kind, at most.
pub const MOST_HISTORY: u32 = 100;

/// What runs at which times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Name of Ofelia's job; empty for that of the service itself.
    pub name: String,
    /// When.
    pub when: When,
    /// What happens to a run that is due while another one goes on.
    pub concurrency: Concurrency,
    /// Time after its due time at which a run is no longer begun (Kubernetes, startingDeadlineSeconds).
    pub deadline: Option<Duration>,
    /// No new runs.
    pub suspend: bool,
    /// Ended runs that are remembered.
    pub history: HistoryLimit,
    /// Time after which a run is stopped (Kubernetes, activeDeadlineSeconds).
    pub timeout: Option<Duration>,
    /// Tries of one run after the first one that failed.
    pub retries: u32,
    /// What runs.
    pub work: Work,
    /// What follows a success.
    pub on_success: Vec<FollowUp>,
}

/// At which times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// Times of the calendar.
    Cron {
        /// Five fields, or six of which the first is seconds.
        pattern: String,
        /// Whether six fields are allowed (Ofelia).
        seconds: bool,
        /// IANA name of the time zone.
        zone: String,
    },
    /// Every so often.
    Every(Duration),
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cron { pattern, zone, .. } => write!(f, "{pattern} ({zone})"),
            Self::Every(time) => write!(f, "@every {}s", time.as_secs_f64()),
        }
    }
}

/// What happens to a run that is due while another one goes on (Kubernetes, concurrencyPolicy).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Concurrency {
    /// Both go on.
    Allow,
    /// It waits; if several come due meanwhile, the latest runs.
    #[default]
    Forbid,
    /// The other one is stopped.
    Replace,
}

/// Ended runs that are remembered (Kubernetes, successfulJobsHistoryLimit and failedJobsHistoryLimit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryLimit {
    /// Those that succeeded.
    pub succeeded: u32,
    /// Those that did not.
    pub failed: u32,
}

impl Default for HistoryLimit {
    fn default() -> Self {
        Self { succeeded: 3, failed: 1 }
    }
}

/// What runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// A fresh container of the service.
    Container,
    /// A command in a container that runs.
    Exec {
        /// Of this service.
        service: ServiceName,
        /// The command.
        command: Box<HookCommand>,
    },
}

/// What follows a success.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FollowUp {
    /// A signal to the containers of a service.
    Signal {
        /// The service.
        service: ServiceName,
        /// The signal.
        signal: String,
    },
    /// A restart of a service.
    Restart(ServiceName),
    /// A job that runs again.
    Job(ServiceName),
}

/// Memory of one schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScheduleRecord {
    /// What the rest is about: the times, as they print.
    pub when: String,
    /// Since when that holds: nothing from before is caught up.
    pub since: Timestamp,
    /// The last due time that was begun or passed over.
    pub last: Option<Timestamp>,
    /// Runs that go on; at most [`MOST_ACTIVE`].
    pub active: Vec<ScheduledRun>,
    /// Ended runs, oldest first.
    pub history: VecDeque<EndedRun>,
    /// What a success was to be followed by and was not yet.
    pub follow_ups: BTreeSet<FollowUp>,
}

/// A run that goes on. It is written before it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledRun {
    /// The time that it was due.
    pub due: Timestamp,
    /// When it was begun.
    pub began: Timestamp,
    /// Its container, once it was seen.
    pub container: Option<ContainerId>,
    /// Its command was begun, or is about to be.
    pub begun: bool,
    /// Tries that failed.
    pub failures: u32,
    /// Earliest instant of the next try.
    pub next_try: Option<Timestamp>,
    /// End of the try that was counted last.
    pub counted: Option<Timestamp>,
    /// Why it is being stopped.
    pub stopping: Option<RunEnd>,
}

impl ScheduledRun {
    /// A run that is about to begin.
    pub fn new(due: Timestamp, began: Timestamp) -> Self {
        Self {
            due,
            began,
            container: None,
            begun: false,
            failures: 0,
            next_try: None,
            counted: None,
            stopping: None,
        }
    }
}

/// A run that ended, or never began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedRun {
    /// The time that it was due.
    pub due: Timestamp,
    /// When it was begun, if it was.
    pub began: Option<Timestamp>,
    /// When it ended.
    pub ended: Timestamp,
    /// How.
    pub end: RunEnd,
    /// Exit code of the last try.
    pub exit_code: Option<i64>,
    /// Why, where no exit code says it.
    pub error: String,
    /// Its container.
    pub container: Option<ContainerId>,
    /// Last lines of its log, at most 20 of at most 500 characters; empty: not read.
    pub log: Vec<String>,
    /// What follows it was noted.
    #[serde(default)]
    pub followed: bool,
}

/// How a run ended, in the words of Kubernetes where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunEnd {
    /// Exit code 0.
    Complete,
    /// Another exit code, or it could not run.
    Failed,
    /// It took too long and was stopped.
    DeadlineExceeded,
    /// The next one took its place.
    Replaced,
    /// Its time had passed before it could begin.
    Missed,
    /// Nobody knows: the controller ended while its command ran.
    Unknown,
}

impl fmt::Display for RunEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Complete => "Complete",
            Self::Failed => "Failed",
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::Replaced => "Replaced",
            Self::Missed => "Missed",
            Self::Unknown => "Unknown",
        })
    }
}

/// Why something is done for a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScheduledStep {
    /// A run begins.
    Begin {
        /// Of which schedule, by its key in the ledger.
        schedule: String,
        /// The time that it is due.
        due: Timestamp,
        /// Due times before it that have no run; 100 stands for more.
        missed: u32,
    },
    /// A run is tried again.
    Retry {
        /// The time that it was due.
        due: Timestamp,
        /// Tries that failed.
        failures: u32,
    },
    /// A run is stopped.
    Stop {
        /// Of which schedule.
        schedule: String,
        /// The time that it was due.
        due: Timestamp,
        /// Why.
        why: RunEnd,
    },
    /// A run is over and makes room for later ones.
    Over,
    /// A run succeeded, and this follows.
    FollowUp {
        /// Of which schedule.
        schedule: String,
        /// What follows.
        step: FollowUp,
    },
}

impl ScheduledStep {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            // Kubernetes' word where many runs were missed.
            Self::Begin { missed: 100.., .. } => "TooManyMissedTimes",
            Self::Begin { .. } => "Scheduled",
            Self::Retry { .. } => "ScheduledRetry",
            Self::Stop { .. } => "ScheduledStop",
            Self::Over => "ScheduledOver",
            Self::FollowUp { .. } => "ScheduledFollowUp",
        }
    }
}

impl fmt::Display for ScheduledStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin { due, missed: 0, .. } => write!(f, "due at {due}"),
            Self::Begin { due, missed: 100.., .. } => {
                write!(f, "due at {due}; more than 100 times before it were missed")
            }
            Self::Begin { due, missed, .. } => {
                write!(f, "due at {due}; missed before it: {missed}")
            }
            Self::Retry { due, failures } => {
                write!(f, "due at {due}, again after failure {failures}")
            }
            Self::Stop { due, why, .. } => write!(f, "the run due at {due}: {why}"),
            Self::Over => f.write_str("a scheduled run that is over"),
            Self::FollowUp { schedule, .. } => write!(f, "a run of {schedule} succeeded"),
        }
    }
}

/// What a schedule waits for. None of it is amiss: the project is converged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScheduleWait {
    /// The next due time.
    Next {
        /// When.
        due: Timestamp,
        /// How the last run ended.
        last: Option<RunEnd>,
    },
    /// A run to end.
    Running {
        /// The time that it was due.
        due: Timestamp,
    },
    /// The back-off after a try that failed.
    BackOff {
        /// The time that the run was due.
        due: Timestamp,
        /// Tries that failed.
        failures: u32,
    },
    /// A run that is due, and what keeps it from beginning.
    Due {
        /// When it was due.
        due: Timestamp,
        /// What keeps it.
        why: String,
    },
    /// A person, by `suspend: false`.
    Suspended,
}

impl ScheduleWait {
    /// The reason code, in the words of Kubernetes where it has one.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Next { .. } if self.is_trouble() => "ScheduledRunFailed",
            Self::Next { .. } => "Scheduled",
            Self::Running { .. } => "JobAlreadyActive",
            Self::BackOff { .. } => "BackOff",
            Self::Due { .. } => "ScheduledRunHeld",
            Self::Suspended => "ScheduleSuspended",
        }
    }

    /// Whether the last run went wrong.
    pub fn is_trouble(&self) -> bool {
        match self {
            Self::Next { last, .. } => last.is_some_and(|end| end != RunEnd::Complete),
            Self::BackOff { .. } => true,
            Self::Running { .. } | Self::Due { .. } | Self::Suspended => false,
        }
    }
}

impl fmt::Display for ScheduleWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Next { due, last: None } => write!(f, "the next run at {due}"),
            Self::Next { due, last: Some(end) } => {
                write!(f, "the next run at {due}; the last one: {end}")
            }
            Self::Running { due } => write!(f, "the end of the run that was due at {due}"),
            Self::BackOff { due, failures } => {
                write!(f, "back-off after failure {failures} of the run that was due at {due}")
            }
            Self::Due { due, why } => write!(f, "{why}; a run was due at {due}"),
            Self::Suspended => f.write_str("nothing; the schedule is suspended"),
        }
    }
}

/// Status of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleStatus {
    /// Name of Ofelia's job; empty for that of the service itself.
    pub name: String,
    /// The times, as they print.
    pub when: String,
    /// No new runs.
    pub suspended: bool,
    /// The last due time that was begun or passed over.
    pub last: Option<Timestamp>,
    /// The next due time.
    pub next: Option<Timestamp>,
    /// Due times of the runs that go on.
    pub active: Vec<Timestamp>,
    /// Ended runs, oldest first.
    pub history: Vec<EndedRun>,
}
