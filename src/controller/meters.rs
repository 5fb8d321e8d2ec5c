//! What the loop counts of itself, in controller-runtime's words. The loop writes with a lock that is held for a moment; readers
//! take a copy.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::model::histogram::Histogram;
use crate::model::id::ProjectName;

/// Calls to the engine by name and by `ok` or the class of the failure.
pub type CallTimes = BTreeMap<(&'static str, &'static str), Histogram>;

/// The counts.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Ended passes by project and result: `success`, `requeue_after`, `error`, `panic`.
    pub passes: BTreeMap<(ProjectName, &'static str), u64>,
    /// How long passes took.
    pub pass_time: Histogram,
    /// How long keys waited from when they were due.
    pub queue_time: Histogram,
    /// The queue, as of now.
    pub queue: QueueFigures,
    /// Calls to the engine, as of the last publication.
    pub calls: CallTimes,
}

/// Counts of the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueFigures {
    /// Keys that are due and wait for a place.
    pub depth: u64,
    /// Passes that run.
    pub running: u64,
    /// How often a key was woken.
    pub adds: u64,
    /// How often a pass failed and is tried again.
    pub retries: u64,
}

/// Shared by the loop and its readers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meters(Arc<Mutex<Figures>>);

impl Meters {
    pub(crate) fn copy(&self) -> Figures {
        self.with(|figures| figures.clone())
    }

    /// A pass begins that was due so long ago.
    pub(crate) fn begun(&self, waited: Duration) {
        self.with(|figures| figures.queue_time.observe(waited));
    }

    pub(crate) fn ended(&self, project: &ProjectName, result: &'static str, took: Duration) {
        self.with(|figures| {
            *figures.passes.entry((project.clone(), result)).or_default() += 1;
            figures.pass_time.observe(took);
        });
    }

    pub(crate) fn queue(&self, queue: QueueFigures) {
        self.with(|figures| figures.queue = queue);
    }

    pub(crate) fn calls(&self, calls: CallTimes) {
        self.with(|figures| figures.calls = calls);
    }

    /// Series of a project that is gone.
    pub(crate) fn forget(&self, project: &ProjectName) {
        self.with(|figures| figures.passes.retain(|(name, _), _| name != project));
    }

    fn with<T>(&self, with: impl FnOnce(&mut Figures) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
