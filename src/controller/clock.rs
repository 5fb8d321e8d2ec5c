//! What time it is. The only reader of the wall clock.

use std::fmt::Debug;

use tokio::time::Instant;

use crate::model::time::Timestamp;

/// A clock. Simulations bring their own.
pub trait Clock: Send + Sync + Debug {
    /// The instant now.
    fn now(&self) -> Timestamp;
}

/// Wall clock at the start plus monotonic time since: a clock that is set back or forward while the controller runs
/// moves no deadline (DESIGN §5, time). Under tokio's paused time it stands still and jumps with it.
#[derive(Debug)]
pub struct SystemClock {
    wall: Timestamp,
    monotonic: Instant,
}

impl SystemClock {
    /// Reads the wall clock once.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    pub fn start() -> Self {
        let since_epoch =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self { wall: Timestamp::from_millis(0).plus(since_epoch), monotonic: Instant::now() }
    }

    /// A clock that begins at `wall`, for simulations.
    pub fn starting_at(wall: Timestamp) -> Self {
        Self { wall, monotonic: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.wall.plus(self.monotonic.elapsed())
    }
}
