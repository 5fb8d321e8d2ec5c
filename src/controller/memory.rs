//! What the controller keeps of a project between two passes. It goes into a pass and comes back out of it.

use std::collections::{BTreeMap, VecDeque};

use crate::model::desired::DesiredProject;
use crate::model::hint::SyncHint;
use crate::model::hook::StopHooks;
use crate::model::id::{ImageId, ProjectName, ServiceName};
use crate::model::ledger::{BuildCache, ProjectLedger, Suspension};
use crate::model::revision::ProjectRevision;
use crate::model::status::{ActionRecord, ProjectStatus};
use crate::model::time::Timestamp;
use crate::planner::{self, Concerned};
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

/// A change of the ledger that a person or a hint asked for; the next pass makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerChange {
    /// Look, report, do nothing.
    Suspend {
        /// Which service; `None` is the whole project.
        service: Option<ServiceName>,
        /// Why, and until when.
        suspension: Suspension,
    },
    /// Stop containers, and keep them stopped.
    Stop {
        /// Which service; `None` is the whole project.
        service: Option<ServiceName>,
        /// Why, and until when.
        stop: Suspension,
    },
    /// Start what was stopped.
    Start {
        /// Which service; `None` is the project with all its services.
        service: Option<ServiceName>,
    },
    /// Act again.
    Resume {
        /// Which service; `None` is the project with all its services.
        service: Option<ServiceName>,
    },
    /// Try everything again now.
    ForgetBackoffs,
    /// An image was pushed: looks at its registry are due now.
    LookAgain {
        /// Which image.
        hint: SyncHint,
        /// What of the project it is about.
        concerned: Concerned,
    },
    /// An adoption, or data that moved, is as it should be.
    Confirm,
    /// What is about to be removed of a protected project may go.
    ConfirmRemoval {
        /// What, as the hold says it.
        what: String,
    },
    /// An earlier revision runs.
    Rollback {
        /// Its number; `None` is the last one that was stable.
        to: Option<u64>,
        /// When it was asked for.
        at: Timestamp,
    },
    /// A new version goes on with the next step of its strategy, or past all of them.
    Promote {
        /// Of which service; `None` is all of them.
        service: Option<ServiceName>,
        /// Past all of them.
        full: bool,
        /// Which request it is.
        request: String,
        /// When it was asked for.
        at: Timestamp,
    },
    /// The version that is being rolled out is given up.
    Abort {
        /// Because of which service, if one was named.
        service: Option<ServiceName>,
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
    /// Services run the images of another project.
    PromoteImages {
        /// Whose.
        from: ProjectName,
        /// Which revision of it.
        revision: u64,
        /// Reference as the files write it, and the image, by service.
        images: BTreeMap<ServiceName, (String, ImageId)>,
        /// When it was asked for.
        at: Timestamp,
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
            Self::Stop { service, stop } => {
                let key = service.as_ref().map_or("", ServiceName::as_str);
                after.stopped.insert(key.to_owned(), stop.clone());
            }
            Self::Start { service } => planner::start(&mut after, service.as_ref())?,
            Self::Resume { service } => resume(&mut after, service.as_ref()),
            Self::PromoteImages { from, revision, images, at } => {
                planner::promote_images(&mut after, images, (from, *revision), *at)?;
            }
            Self::ForgetBackoffs => after = planner::forget_backoffs(ledger),
            Self::LookAgain { hint, concerned } => {
                planner::look_again(&mut after, hint, concerned);
            }
            Self::Confirm => after = planner::confirm(ledger),
            Self::ConfirmRemoval { what } => after = planner::confirm_removal(ledger, what),
            Self::Rollback { to, at } => after = planner::roll_back(ledger, *to, *at)?,
            Self::Promote { service, full, request, at } => {
                planner::promote(&mut after, service.as_ref(), (*full, request), *at)?;
            }
            Self::Abort { service, at } => planner::abort(&mut after, service.as_ref(), *at)?,
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
            Self::Stop { .. } => "stopping",
            Self::Start { .. } => "starting",
            Self::Resume { .. } | Self::PauseRollout { paused: false, .. } => "resumed",
            Self::ForgetBackoffs | Self::LookAgain { .. } => "looking again",
            Self::Confirm | Self::ConfirmRemoval { .. } => "confirmed",
            Self::Rollback { .. } => "rolling back",
            Self::Promote { full: false, .. } => "going on with the next step",
            Self::Promote { full: true, .. } => "promoting",
            Self::Abort { .. } => "giving up the new version",
            Self::PauseRollout { paused: true, .. } => "paused",
            Self::Restart { rebuild: None, .. } => "restarting",
            Self::Restart { .. } => "building again, then restarting",
            Self::PromoteImages { .. } => "promoted",
        }
    }
}

/// Ends a suspension; else a version or an image that runs instead of what the files say.
fn resume(ledger: &mut ProjectLedger, service: Option<&ServiceName>) {
    let suspended = match service {
        Some(service) => ledger.suspended.remove(service.as_str()).is_some(),
        None => !std::mem::take(&mut ledger.suspended).is_empty(),
    };
    // The end of one thing: whoever suspended a project to restore by hand does not want the failed version again.
    let data = service.is_none() && planner::is_about_data(ledger);
    if data && (suspended || planner::release_data(ledger)) {
        return;
    }
    let rolled_back = ledger.rollback.is_some();
    if service.is_none() {
        planner::resume(ledger);
    }
    if !suspended && !rolled_back {
        planner::release(ledger, service);
    }
}

/// Until when a suspension lasts, as data of a request.
pub(crate) fn suspension(reason: String, at: Timestamp, until: Option<Timestamp>) -> Suspension {
    Suspension { reason, at, until }
}
