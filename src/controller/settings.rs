//! Everything that the command line resolved for the controller, as plain data.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::controller::blocking::Blocking;
use crate::controller::governor::Limits;
use crate::model::id::ProjectName;
use crate::model::path::{LocalPath, PathMap};
use crate::model::policy::Policy;

/// Settings of one controller.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The watched directory.
    pub desired_state: LocalPath,
    /// Whether it runs on or ends when it has done what it can.
    pub mode: Mode,
    /// Projects to keep; empty is all.
    pub projects: BTreeSet<ProjectName>,
    /// How changes of files are noticed.
    pub watch: Watch,
    /// Where the engine finds what this process sees.
    pub paths: PathMap,
    /// Directory for files that are written for containers; below the state directory.
    pub content: LocalPath,
    /// Numbers of the planner and our identity on the engine.
    pub policy: Policy,
    /// Limits of the host.
    pub limits: Limits,
    /// Where blocking work runs.
    pub blocking: Blocking,
}

/// How long the controller runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Until it is told to stop.
    Run,
    /// Until nothing is left to do (`run --once`).
    Once(OnceOptions),
}

/// Options of `run --once`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnceOptions {
    /// Also waits until the last layer is healthy (`--wait`).
    pub wait: bool,
    /// Gives up after this time (`--timeout`).
    pub timeout: Duration,
}

impl Default for OnceOptions {
    fn default() -> Self {
        Self { wait: false, timeout: Duration::from_secs(600) }
    }
}

/// How changes of files are noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Watch {
    /// By the kernel's notices where it gives them; a full reading every 10 s all the same.
    #[default]
    Auto,
    /// By reading every 2 s.
    Poll,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// It was told to stop.
    Stopped,
    /// Another controller stands by in a container of the next version and was left the work.
    HandedOver,
    /// `--once`: every selected project loaded, and none is stalled or crash-looping.
    Converged,
    /// `--once`: nothing is left to do, but a project did not load, is stalled or crash-looping.
    NotConverged,
    /// `--once`: another controller holds the lock.
    LockHeld,
    /// `--once`: time was up.
    TimedOut,
}

impl RunEnd {
    /// The exit code of the process.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Stopped | Self::HandedOver | Self::Converged => 0,
            Self::NotConverged => 1,
            Self::LockHeld => 2,
            Self::TimedOut => 4,
        }
    }
}
