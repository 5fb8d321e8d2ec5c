//! The choke point: every call to the engine has a number, a deadline, a class of outcome and a line in the log.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::engine::failure::{CallError, Effect, classify};
use crate::model::histogram::Histogram;
use crate::model::outcome::Failure;

/// Counters of the facade since it was made; `mutating` counts create, start, stop and the like, but no reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// Every call.
    pub all: u64,
    /// Calls that change something.
    pub mutating: u64,
}

/// Kind of call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    /// Stable name, for the log.
    pub(super) name: &'static str,
    /// Whether it changes something.
    pub(super) effect: Effect,
    /// After which time its answer is given up.
    pub(super) deadline: Duration,
}

impl Call {
    /// A call that only asks; deadline in seconds.
    pub(super) const fn read(name: &'static str, seconds: u64) -> Self {
        Self { name, effect: Effect::Read, deadline: Duration::from_secs(seconds) }
    }

    /// A call that changes something; deadline in seconds.
    pub(super) const fn mutating(name: &'static str, seconds: u64) -> Self {
        Self { name, effect: Effect::Mutating, deadline: Duration::from_secs(seconds) }
    }
}

/// Gives numbers to calls and counts them.
#[derive(Debug, Default)]
pub(super) struct Switchboard {
    all: AtomicU64,
    mutating: AtomicU64,
    times: Mutex<CallTimes>,
}

/// How long calls took, by name and by `ok` or the class of the failure.
pub(super) type CallTimes = BTreeMap<(&'static str, &'static str), Histogram>;

impl Switchboard {
    /// How many calls there were.
    pub(super) fn counts(&self) -> CallCounts {
        CallCounts {
            all: self.all.load(Ordering::Relaxed),
            mutating: self.mutating.load(Ordering::Relaxed),
        }
    }

    /// How long they took.
    pub(super) fn times(&self) -> CallTimes {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, name: &'static str, class: &'static str, took: Duration) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.entry((name, class)).or_default().observe(took);
    }

    /// Runs one call under its deadline.
    ///
    /// # Errors
    /// Whatever the call ends in, classified; a passed deadline counts as a lost answer.
    pub(super) async fn run<T>(
        &self,
        call: Call,
        work: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, Failure> {
        let deadline = planted!("no-deadlines", call.deadline, Duration::from_secs(864_000));
        self.watched(call, async {
            match timeout(deadline, work).await {
                Ok(result) => result,
                Err(_) => Err(CallError::Cut(format!(
                    "no answer to {} within {} s",
                    call.name,
                    deadline.as_secs()
                ))),
            }
        })
        .await
    }

    /// Runs one call that watches over its own progress instead of a deadline.
    ///
    /// # Errors
    /// Whatever the call ends in, classified.
    pub(super) async fn watched<T>(
        &self,
        call: Call,
        work: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, Failure> {
        let number = self.all.fetch_add(1, Ordering::Relaxed) + 1;
        if call.effect == Effect::Mutating {
            self.mutating.fetch_add(1, Ordering::Relaxed);
        }
        let begun = Instant::now();
        tracing::trace!(number, call = call.name, "engine call begins");
        let result = work.await.map_err(|error| classify(error, call.effect));
        let class = result.as_ref().map_or_else(|failure| failure.class.word(), |_| "ok");
        self.note(call.name, class, begun.elapsed());
        let elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &result {
            Ok(_) => tracing::debug!(number, call = call.name, elapsed_ms, "engine call succeeded"),
            Err(failure) => tracing::debug!(
                number,
                call = call.name,
                elapsed_ms,
                class = ?failure.class,
                "engine call failed"
            ),
        }
        result
    }
}
