//! What the controller keeps of a project between two passes. It goes into a pass and comes back out of it.

use std::collections::VecDeque;

use crate::model::desired::DesiredProject;
use crate::model::hook::StopHooks;
use crate::model::id::ServiceName;
use crate::model::ledger::{BuildCache, ProjectLedger, Suspension};
use crate::model::revision::ProjectRevision;
use crate::model::status::{ActionRecord, ProjectStatus};
use crate::model::time::Timestamp;
use crate::planner;
use crate::source::FactReader;

/// Actions that a status shows.
const RECENT: usize = 50;

/// Memory of one project.
#[derive(Debug, Default)]
pub struct Memory {
    /// The ledger, once it was read.
    pub ledger: Option<ProjectLedger>,
    /// What the state directory has of it.
    pub saved: Option<ProjectLedger>,
    /// The versions whose files were seen to be kept.
    pub kept_revisions: Option<VecDeque<ProjectRevision>>,
    /// Cache of digests and states of files.
    pub facts: FactReader,
    /// What services run before a stop; that of services that are gone too, until their containers are.
    pub pre_stop: StopHooks,
    /// The status that was published last.
    pub status: Option<ProjectStatus>,
    /// The last actions, newest last.
    pub recent: VecDeque<ActionRecord>,
    /// Mutating calls since the controller began.
    pub mutating_calls: u64,
}

impl Memory {
    /// Learns what the services of a version run before a stop, and forgets those that neither stand in it nor have a
    /// container, by `lives`.
    pub fn learn_hooks(&mut self, version: &DesiredProject, lives: impl Fn(&ServiceName) -> bool) {
        self.pre_stop.retain(|name, _| version.services.contains_key(name) || lives(name));
        for (name, service) in &version.services {
            self.pre_stop.insert(name.clone(), service.hooks.pre_stop.clone());
        }
    }

    /// Notes actions for the status.
    pub fn note(&mut self, actions: &[ActionRecord]) {
        self.recent.extend(actions.iter().cloned());
        let surplus = self.recent.len().saturating_sub(RECENT);
        self.recent.drain(..surplus);
    }
}

/// A change of the ledger that a person asked for; the next pass makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerChange {
    /// Look, report, do nothing.
    Suspend {
        /// Which service; `None` is the whole project.
        service: Option<ServiceName>,
        /// Why, and until when.
        suspension: Suspension,
    },
    /// Act again.
    Resume {
        /// Which service; `None` is the project with all its services.
        service: Option<ServiceName>,
    },
    /// Try everything again now.
    ForgetBackoffs,
    /// An adoption, or data that moved, is as it should be.
    Confirm,
    /// An earlier revision runs.
    Rollback {
        /// Its number; `None` is the last one that was stable.
        to: Option<u64>,
        /// When it was asked for.
        at: Timestamp,
    },
    /// Nothing more is replaced, or all goes on.
    PauseRollout {
        /// Of which service; `None` is all of them.
        service: Option<ServiceName>,
        /// Whether it is paused from now on.
        paused: bool,
    },
    /// Every container is replaced by one like it.
    Restart {
        /// Of which service; `None` is all of them.
        service: Option<ServiceName>,
        /// Those that are older than this.
        at: Timestamp,
        /// Their images are built again first, with what the builder may use.
        rebuild: Option<BuildCache>,
    },
}

impl LedgerChange {
    /// The ledger after the change.
    ///
    /// # Errors
    /// Why it cannot be made, for the person who asked.
    pub fn apply(&self, ledger: &ProjectLedger) -> Result<ProjectLedger, String> {
        let mut after = ledger.clone();
        match self {
            Self::Suspend { service, suspension } => {
                let key = service.as_ref().map_or("", ServiceName::as_str);
                after.suspended.insert(key.to_owned(), suspension.clone());
            }
            Self::Resume { service: None } => {
                after.suspended.clear();
                planner::resume(&mut after);
            }
            Self::Resume { service: Some(service) } => {
                after.suspended.remove(service.as_str());
            }
            Self::ForgetBackoffs => after = planner::forget_backoffs(ledger),
            Self::Confirm => after = planner::confirm(ledger),
            Self::Rollback { to, at } => after = planner::roll_back(ledger, *to, *at)?,
            Self::PauseRollout { service, paused } => {
                planner::pause(&mut after, service.as_ref(), *paused)?;
            }
            Self::Restart { service, at, rebuild } => {
                planner::restart(&mut after, service.as_ref(), (*at, *rebuild))?;
            }
        }
        Ok(after)
    }

    /// What the person is told.
    pub fn answer(&self) -> &'static str {
        match self {
            Self::Suspend { .. } => "suspended",
            Self::Resume { .. } | Self::PauseRollout { paused: false, .. } => "resumed",
            Self::ForgetBackoffs => "looking again",
            Self::Confirm => "confirmed",
            Self::Rollback { .. } => "rolling back",
            Self::PauseRollout { paused: true, .. } => "paused",
            Self::Restart { rebuild: None, .. } => "restarting",
            Self::Restart { .. } => "building again, then restarting",
        }
    }
}

/// Until when a suspension lasts, as data of a request.
pub(crate) fn suspension(reason: String, at: Timestamp, until: Option<Timestamp>) -> Suspension {
    Suspension { reason, at, until }
}
