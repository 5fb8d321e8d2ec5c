//! Checks after a rollout (`x-composelet.checks.after`): what a version has to pass before it counts as one that held.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::hook::PreStart;
use crate::model::host_probe::Handler;
use crate::model::id::ContainerId;
use crate::model::time::Timestamp;

/// One check of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AfterCheck {
    /// For people; its number from 1 unless written.
    pub name: String,
    /// What is asked.
    pub asks: Asks,
    /// Tries after the first.
    pub retries: u32,
    /// From the end of a try to the next.
    pub interval: Duration,
    /// After which time no answer, or no end, is a failure.
    pub timeout: Duration,
}

/// Whom a check asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    /// The first container of the service that runs.
    Replica(Arc<Handler>),
    /// A container of its own beside the replicas, on their networks and with their mounts; it has to end with 0.
    OneOff(Box<PreStart>),
}

impl AfterCheck {
    /// A check with the defaults: 3 retries, 5 s apart, 30 s for an answer. What runs in a container of its own has ten
    /// minutes and one try: tests and scanners come to the same end again.
    pub fn of(name: String, asks: Asks) -> Self {
        let (retries, timeout) = match asks {
            Asks::Replica(_) => (3, 30),
            Asks::OneOff(_) => (0, 600),
        };
        let (interval, timeout) = (Duration::from_secs(5), Duration::from_secs(timeout));
        Self { name, asks, retries, interval, timeout }
    }
}

/// Memory of the checks of one version of a project.
///
/// A try is noted before it begins. Without its end in the table of operations nobody knows how it went: it is made again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckRecord {
    /// Number of the version.
    pub revision: u64,
    /// Checks that were passed, in the order of services and of their lists.
    pub passed: u32,
    /// The next one was begun, or is about to be.
    pub begun: bool,
    /// Failures of the next one in a row.
    pub failures: u32,
    /// When it failed last.
    pub failed_at: Option<Timestamp>,
    /// How it failed last.
    pub error: String,
    /// The container of a check whose end was counted last.
    pub counted: Option<ContainerId>,
    /// Its last lines if it failed, at most 20 of at most 500 characters; empty: not read yet.
    pub log: Vec<String>,
}
