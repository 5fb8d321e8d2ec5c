//! The engine's restart policy: 100 ms, doubled up to a minute, reset after a run of ten seconds.

use std::time::Duration;

use super::container::Phase;
use super::engine::SimEngine;
use super::world::World;

/// First delay.
const FIRST: Duration = Duration::from_millis(100);
/// Longest delay.
const LONGEST: Duration = Duration::from_mins(1);
/// A run of this length sets the delay back.
const GOOD_RUN: Duration = Duration::from_secs(10);

/// The memory of one container's restart policy. Lost when the daemon restarts.
#[derive(Debug, Default)]
pub(crate) struct RestartManager {
    delay: Duration,
    count: i64,
    cancelled: bool,
}

impl RestartManager {
    /// Starts anew, as a start by a client does.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// No restart after the end of the current run: a client ended it.
    pub(crate) fn cancel(&mut self) {
        self.cancelled = true;
    }

    /// The delay before the restart, or `None` if there shall be none.
    pub(crate) fn next(
        &mut self,
        policy: (&str, i64),
        code: i64,
        manually_stopped: bool,
        ran: Duration,
    ) -> Option<Duration> {
        let (name, limit) = policy;
        if self.cancelled || matches!(name, "" | "no") {
            return None;
        }
        if ran >= GOOD_RUN {
            self.delay = Duration::ZERO;
        }
        self.delay = if self.delay.is_zero() { FIRST } else { (self.delay * 2).min(LONGEST) };
        let wanted = match name {
            "always" => true,
            "unless-stopped" => !manually_stopped,
            "on-failure" => code != 0 && (limit == 0 || self.count < limit),
            _ => false,
        };
        if !wanted {
            return None;
        }
        self.count += 1;
        Some(self.delay)
    }
}

/// Waits, then starts the container again unless somebody was faster.
pub(crate) fn schedule(world: &World, id: &str, run: u64, delay: Duration) {
    let id = id.to_owned();
    world.spawn(move |engine| restart_later(engine, id, run, delay));
}

async fn restart_later(engine: SimEngine, id: String, run: u64, delay: Duration) {
    tokio::time::sleep(delay).await;
    engine.awake().await;
    let waiting = |world: &mut World| {
        world.containers.get(&id).is_some_and(|it| it.run == run && it.phase == Phase::Restarting)
    };
    if !engine.with(waiting) {
        return;
    }
    engine.latency(super::latency::Op::Start).await;
    engine.with(|world| {
        if waiting(world) && world.start_container(&id).is_err() {
            // A failed restart is the end: nothing tries again, nothing is said.
            if let Some(container) = world.containers.get_mut(&id) {
                container.run += 1;
                container.enter(Phase::Exited);
            }
        }
    });
}
