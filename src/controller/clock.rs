//! What time it is. The only reader of the wall clock.

use std::fmt::Debug;

use tokio::time::Instant;

use crate::model::time::Timestamp;

/// A clock. Simulations bring their own.
pub trait Clock: Send + Sync + Debug {
    /// The instant now.
    fn now(&self) -> Timestamp;

    /// What the wall clock says now: for due times of schedules alone, because it may be set.
    fn wall(&self) -> Timestamp;
}

/// Wall clock at the start plus monotonic time since: a clock that is set back or forward while the controller runs
/// moves no deadline (DESIGN §5, time). Under tokio's paused time it stands still and jumps with it.
#[derive(Debug)]
pub struct SystemClock {
    read: fn() -> Option<Timestamp>,
    wall: Timestamp,
    monotonic: Instant,
}

impl SystemClock {
    /// Reads the wall clock; from then on it is read for schedules alone.
    pub fn start() -> Self {
        let read = || Some(wall_clock());
        Self { read, wall: wall_clock(), monotonic: Instant::now() }
    }

    /// A clock that begins at `wall` and knows no other, for simulations.
    pub fn starting_at(wall: Timestamp) -> Self {
        Self { read: || None, wall, monotonic: Instant::now() }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn wall_clock() -> Timestamp {
    let since_epoch =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(0).plus(since_epoch)
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.wall.plus(self.monotonic.elapsed())
    }

    fn wall(&self) -> Timestamp {
        (self.read)().unwrap_or_else(|| self.now())
    }
}
