//! What people ask for through the command line: one file each, taken up by the controller.

use serde::{Deserialize, Serialize};

use crate::ledger::error::LedgerError;
use crate::ledger::open::Ledger;
use crate::ledger::store::{Durability, TEMPORARY, encode, replace, set_aside};
use crate::model::git_source::SourceName;
use crate::model::id::{ProjectName, ServiceName};
use crate::model::ledger::BuildCache;
use crate::model::time::Timestamp;

/// Most requests that may wait.
const MAX_PENDING: usize = 1000;

/// What a person asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Confirm the mass removal or adoption that is held now.
    Confirm {
        /// Of this project; `None` is every one that is held.
        project: Option<ProjectName>,
    },
    /// Look and report, but do nothing.
    Suspend {
        /// Which project.
        project: ProjectName,
        /// Only this service of it.
        service: Option<ServiceName>,
        /// Why, for others to read.
        reason: String,
        /// When it ends by itself.
        until: Option<Timestamp>,
    },
    /// Stop containers for a repair, and keep them stopped.
    Stop {
        /// Which project.
        project: ProjectName,
        /// Only this service of it.
        service: Option<ServiceName>,
        /// Why, for others to read.
        reason: String,
        /// When they are started again by themselves.
        until: Option<Timestamp>,
    },
    /// End a stop.
    Start {
        /// Which project.
        project: ProjectName,
        /// Only this service of it.
        service: Option<ServiceName>,
    },
    /// End a suspension.
    Resume {
        /// Which project.
        project: ProjectName,
        /// Only this service of it.
        service: Option<ServiceName>,
    },
    /// Run an earlier revision instead of what the files say.
    Rollback {
        /// Which project.
        project: ProjectName,
        /// Its number; `None` is the last one that was stable.
        to: Option<u64>,
    },
    /// A new version goes on, with the next step of its strategy.
    Promote {
        /// Which project.
        project: ProjectName,
        /// Only this service of it.
        service: Option<ServiceName>,
        /// Past all steps.
        full: bool,
    },
    /// Give up the version that is being rolled out.
    Abort {
        /// Which project.
        project: ProjectName,
        /// The service because of which.
        service: Option<ServiceName>,
    },
    /// Replace nothing more, or go on.
    PauseRollout {
        /// Which project.
        project: ProjectName,
        /// Only this service of it.
        service: Option<ServiceName>,
        /// Whether it is paused from now on.
        paused: bool,
    },
    /// Replace every container by one like it.
    Restart {
        /// Which project.
        project: ProjectName,
        /// Only this service of it.
        service: Option<ServiceName>,
        /// Build the images again first.
        #[serde(default)]
        rebuild: Option<BuildCache>,
    },
    /// Give the images that one project runs to another on this host.
    PromoteImages {
        /// Whose: its stable revision.
        from: ProjectName,
        /// Who gets them.
        to: ProjectName,
        /// Only these services; none is all that both have.
        services: Vec<ServiceName>,
    },
    /// Look at git sources now.
    Sync {
        /// At this one; `None` is all.
        source: Option<SourceName>,
        /// Take this commit although it is no descendant of the one in place.
        accept: Option<String>,
    },
    /// Look again now and forget back-offs.
    Reconcile {
        /// Of this project; `None` is all.
        project: Option<ProjectName>,
    },
}

impl Ledger {
    /// Leaves a request for the controller and gives its id. It survives until it is answered.
    ///
    /// # Errors
    /// If it cannot be written, or if so many wait that nobody seems to take them.
    pub fn submit(&self, request: &Request) -> Result<String, LedgerError> {
        let pending = self.pending();
        if pending.len() >= MAX_PENDING {
            return Err(LedgerError::TooManyRequests { pending: pending.len() });
        }
        // Answers count as well, so that theirs and new ids stay in order of time.
        let names = self.storage.list("requests").unwrap_or_default();
        let next = 1 + names.iter().filter_map(|name| number(name)).max().unwrap_or(0);
        let random = self.storage.entropy().map_err(|error| LedgerError::io("requests", error))?;
        let random: String = random.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let id = format!("{next:08}-{random}");
        let path = request_path(&id);
        let text = encode(&path, request)? + "\n";
        replace(self.storage.as_ref(), &path, text.as_bytes(), Durability::Synced)?;
        Ok(id)
    }

    /// The requests that wait, oldest first, with their ids. They stay until [`Ledger::answer`], so that a crash in between
    /// loses none: applying one twice must do no harm. Malformed ones are set aside.
    pub fn take_requests(&self) -> Vec<(String, Request)> {
        let mut requests = Vec::new();
        for id in self.pending() {
            let path = request_path(&id);
            let Ok(bytes) = self.storage.read(&path) else {
                continue;
            };
            match serde_json::from_slice(&bytes) {
                Ok(request) => requests.push((id, request)),
                Err(error) => drop(set_aside(self.storage.as_ref(), &path, &error.to_string())),
            }
        }
        requests
    }

    /// Ids of the requests that wait, oldest first.
    pub(super) fn pending(&self) -> Vec<String> {
        let names = self.storage.list("requests").unwrap_or_default();
        names
            .iter()
            .filter(|name| !name.starts_with(TEMPORARY))
            .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
            .collect()
    }
}

/// The running number with which an id, and the name of its file, begins.
fn number(id: &str) -> Option<u64> {
    id.split('-').next()?.parse().ok()
}

pub(super) fn request_path(id: &str) -> String {
    format!("requests/{id}.json")
}
