//! What is published, for readers inside of this process: one snapshot, replaced as a whole. Nobody who reads it holds the
//! loop up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::watch;

use crate::controller::meters::{Figures, Meters};
use crate::model::id::ProjectName;
use crate::model::status::{ControllerStatus, ProjectStatus};
use crate::model::sync::SourceStatus;
use crate::model::time::Timestamp;

/// Everything that is published.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Of the controller; `None` until it has the lock of the state directory.
    pub controller: Option<Arc<ControllerStatus>>,
    /// Why the engine cannot be asked; `None`: it can.
    pub engine_lost: Option<String>,
    /// By name.
    pub projects: BTreeMap<ProjectName, Arc<ProjectStatus>>,
    /// Projects that are kept; `None` until the watched directory was read for the first time.
    pub kept: Option<BTreeSet<ProjectName>>,
    /// Git sources, by name.
    pub sources: Arc<[SourceStatus]>,
}

/// Where the controller publishes. Cheap to clone; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Board {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    snapshot: watch::Sender<Arc<Snapshot>>,
    /// Last turn of the loop, in milliseconds; beside the snapshot, as it changes all the time.
    beat: AtomicI64,
    meters: Meters,
}

impl Board {
    /// What is published now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.shared.snapshot.borrow())
    }

    /// What is published, from now on.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.shared.snapshot.subscribe()
    }

    /// What the loop counted so far.
    pub fn figures(&self) -> Figures {
        self.shared.meters.copy()
    }

    /// Where the loop counts.
    pub(crate) fn meters(&self) -> &Meters {
        &self.shared.meters
    }

    /// When the loop was last seen to turn.
    pub fn beat_at(&self) -> Timestamp {
        Timestamp::from_millis(self.shared.beat.load(Ordering::Relaxed))
    }

    pub(crate) fn beat(&self, now: Timestamp) {
        self.shared.beat.store(now.as_millis(), Ordering::Relaxed);
    }

    pub(crate) fn controller(&self, status: &ControllerStatus, engine_lost: Option<String>) {
        let status = Arc::new(status.clone());
        self.change(|snapshot| {
            snapshot.controller = Some(status);
            snapshot.engine_lost = engine_lost;
        });
    }

    /// The connection to the engine was made (`None`) or lost.
    pub(crate) fn engine(&self, lost: Option<String>) {
        self.change(|snapshot| snapshot.engine_lost = lost);
    }

    pub(crate) fn project(&self, status: &ProjectStatus) {
        let (name, status) = (status.name.clone(), Arc::new(status.clone()));
        self.change(|snapshot| drop(snapshot.projects.insert(name, status)));
    }

    pub(crate) fn forget(&self, name: &ProjectName) {
        self.shared.meters.forget(name);
        self.change(|snapshot| drop(snapshot.projects.remove(name)));
    }

    pub(crate) fn keep(&self, kept: BTreeSet<ProjectName>) {
        self.change(|snapshot| snapshot.kept = Some(kept));
    }

    pub(crate) fn sources(&self, statuses: &[SourceStatus]) {
        self.change(|snapshot| snapshot.sources = statuses.into());
    }

    /// A reader that holds the one before keeps it as it is.
    fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        self.shared.snapshot.send_modify(|snapshot| change(Arc::make_mut(snapshot)));
    }
}
