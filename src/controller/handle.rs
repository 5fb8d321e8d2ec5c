//! What edges of this process may know of the controller and ask of it: nothing that the loop would not do by itself or for
//! the command line.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tokio::sync::{broadcast, watch};

use crate::controller::blocking::Blocking;
use crate::controller::board::{Board, Snapshot};
use crate::controller::clock::Clock;
use crate::controller::events::EventSink;
use crate::controller::meters::Figures;
pub use crate::ledger::{HistoryRecord, Request, RequestState};
use crate::ledger::{Ledger, LedgerError};
use crate::model::backup_set::BackupSet;
use crate::model::event::{Event, EventKind};
use crate::model::id::ProjectName;
use crate::model::status::ActionRecord;
use crate::model::time::Timestamp;

/// Reads what is published, and leaves requests. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    pub(crate) board: Board,
    pub(crate) ledger: Ledger,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) events: EventSink,
    pub(crate) blocking: Blocking,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("board", &self.board).finish_non_exhaustive()
    }
}

impl Handle {
    /// What is published now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.board.snapshot()
    }

    /// What is published, from now on.
    pub fn published(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.board.subscribe()
    }

    /// When the loop was last seen to turn.
    pub fn beat_at(&self) -> Timestamp {
        self.board.beat_at()
    }

    /// What the loop counted so far.
    pub fn figures(&self) -> Figures {
        self.board.figures()
    }

    /// When each project was last backed up, and when a backup of it was last proven by a restore; by what it was asked for.
    pub async fn backups(&self) -> BTreeMap<(ProjectName, String), (Timestamp, Option<Timestamp>)> {
        let (store, snapshot) = (self.ledger.clone(), self.snapshot());
        let look = move || {
            let mut last = BTreeMap::new();
            for name in snapshot.projects.keys() {
                for set in store.backups(name).into_iter().filter(BackupSet::is_good) {
                    let service = set.service.as_ref().map_or("", |service| service.as_str());
                    let entry = last.entry((name.clone(), service.to_owned()));
                    let (at, proven) = entry.or_insert((set.ended, set.proven));
                    (*at, *proven) = ((*at).max(set.ended), (*proven).max(set.proven));
                }
            }
            last
        };
        self.blocking.run(look).await.unwrap_or_default()
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What happens, from now on.
    pub fn events(&self) -> broadcast::Receiver<Arc<Event>> {
        self.events.subscribe()
    }

    /// Tells of something about the controller itself.
    pub fn say(&self, text: String) {
        self.events.send(self.now(), None, EventKind::Controller(text));
    }

    /// The newest `last` records of what was done to a project, oldest first. None if nobody knows it.
    pub async fn history(&self, name: &ProjectName, last: usize) -> Vec<HistoryRecord> {
        let (store, name) = (self.ledger.clone(), name.clone());
        self.blocking.run(move || store.history(&name, last)).await.unwrap_or_default()
    }

    /// Leaves a request as the command line does, and gives its id. Who asked for what is written into the history of the
    /// project first: nothing is done that nobody can read about.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn ask(&self, request: Request, deed: Deed) -> Result<String, AskError> {
        let (store, at) = (self.ledger.clone(), self.now());
        let ask = move || {
            let told = store.append_history(&deed.project, &deed.record(at));
            told.map_err(|_| AskError::Unwritable)?;
            store.submit(&request).map_err(|error| match error {
                LedgerError::TooManyRequests { .. } => AskError::Full,
                _ => AskError::Unwritable,
            })
        };
        self.blocking.run(ask).await.unwrap_or(Err(AskError::Unwritable))
    }

    /// What became of a request; `None`: nobody knows it any more.
    pub async fn request_state(&self, id: &str) -> Option<RequestState> {
        let (store, id) = (self.ledger.clone(), id.to_owned());
        self.blocking.run(move || store.request_state(&id)).await.ok().flatten()
    }
}

/// Who asks for what, for the history.
#[derive(Clone, Debug)]
pub struct Deed {
    /// Whose history.
    pub project: ProjectName,
    /// Its generation.
    pub generation: u64,
    /// Kind, e.g. `Suspend`.
    pub action: String,
    /// The project or the service.
    pub object: String,
    /// Who, and what exactly.
    pub message: String,
}

impl Deed {
    fn record(&self, at: Timestamp) -> HistoryRecord {
        let action = ActionRecord {
            at,
            action: self.action.clone(),
            object: self.object.clone(),
            reason: "ByHand".to_owned(),
            message: self.message.clone(),
            outcome: "asked".to_owned(),
        };
        let plan = format!("by hand: {} {}, {}\n", self.action, self.object, self.message);
        HistoryRecord { at, generation: self.generation, plan, actions: vec![action] }
    }
}

/// Why a request could not be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// So many wait that nobody seems to take them.
    #[error("too many requests wait for the controller")]
    Full,
    /// The state directory cannot be written.
    #[error("the request could not be written into the state directory")]
    Unwritable,
}
