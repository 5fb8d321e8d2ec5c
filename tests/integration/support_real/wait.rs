//! Waiting for a condition with a deadline. Nothing here waits for a time to pass.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

/// How long a condition may take on a busy machine of two cores, where systems of seven services boot beside each other:
/// a bound of patience, not of speed.
pub(crate) const WITHIN: Duration = Duration::from_secs(180);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Looks until the condition gives a value. The error of a look says what stands instead; the last one is shown when
/// the time is over.
pub(crate) async fn eventually<T>(what: &str, look: impl FnMut() -> Result<T, String>) -> T {
    within(WITHIN, what, look).await
}

/// As [`eventually`], with another deadline.
pub(crate) async fn within<T>(
    limit: Duration,
    what: &str,
    mut look: impl FnMut() -> Result<T, String>,
) -> T {
    let deadline = Instant::now() + limit;
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match look() {
            Ok(value) => return value,
            Err(seen) if Instant::now() >= deadline => {
                panic!("not within {limit:?}: {what}; instead: {seen}")
            }
            Err(_) => {}
        }
    }
}

/// `Ok` if it holds, else what stands instead.
pub(crate) fn hold(holds: bool, instead: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(instead()) }
}
