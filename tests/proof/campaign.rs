//! Many scenarios on several threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::run::{Outcome, run};
use crate::scenario::Scenario;

/// One run of many.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) label: String,
    pub(crate) scenario: Scenario,
    pub(crate) outcome: Outcome,
    /// Real time that it took.
    pub(crate) took: Duration,
}

/// A number of the environment.
pub(crate) fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Real time, for figures only.
#[expect(clippy::disallowed_methods, reason = "how long runs really take is measured in real time")]
pub(crate) fn stopwatch() -> impl Fn() -> Duration {
    let begin = std::time::Instant::now();
    move || begin.elapsed()
}

/// Runs `make(0)` to `make(count - 1)` on PROOF_THREADS threads and gives each end to `take`, in any order.
pub(crate) fn all(
    count: usize,
    make: impl Fn(usize) -> (String, Scenario) + Sync,
    take: impl FnMut(Done) + Send,
) {
    let next = AtomicUsize::new(0);
    let take = Mutex::new(take);
    let threads = number("PROOF_THREADS", 2);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let work = || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return;
                    }
                    let (label, scenario) = make(index);
                    let watch = stopwatch();
                    let outcome = run(&scenario);
                    let done = Done { label, scenario, outcome, took: watch() };
                    let mut take = take.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    take(done);
                }
            };
            let builder = std::thread::Builder::new().name(format!("seeds-{thread}"));
            builder.spawn_scoped(scope, work).expect("a thread can be made");
        }
    });
}
