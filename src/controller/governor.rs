//! The limits of one host. Restarts draw on a token bucket that answers at once; pulls and builds wait for a place.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::model::operation::Operation;
use crate::model::time::Timestamp;

/// Numbers of the governor (DESIGN §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Restarts per second over all projects.
    pub restarts_per_second: u32,
    /// Restarts that may come at once.
    pub restart_burst: u32,
    /// Image pulls at a time.
    pub pulls: usize,
    /// Image builds at a time.
    pub builds: usize,
    /// Passes at a time.
    pub passes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { restarts_per_second: 2, restart_burst: 20, pulls: 3, builds: 2, passes: 8 }
    }
}

/// The host's limits, shared by passes and operations.
#[derive(Debug)]
pub struct Governor {
    bucket: Mutex<Bucket>,
    pulls: Semaphore,
    builds: Semaphore,
    drills: Semaphore,
}

impl Governor {
    /// A governor with a full bucket.
    pub fn new(limits: &Limits, now: Timestamp) -> Self {
        Self {
            bucket: Mutex::new(Bucket::new(limits, now)),
            pulls: Semaphore::new(limits.pulls.max(1)),
            builds: Semaphore::new(limits.builds.max(1)),
            drills: Semaphore::new(1),
        }
    }

    /// Takes one restart. Never waits.
    ///
    /// # Errors
    /// The instant of the next token.
    pub fn draw_restart(&self, now: Timestamp) -> Result<(), Timestamp> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner).draw(now)
    }

    /// The places that an operation waits for; what goes on in containers needs none.
    pub fn places(&self, operation: &Operation) -> Option<&Semaphore> {
        match operation {
            Operation::Pull { .. } => Some(&self.pulls),
            Operation::Build { .. } => Some(&self.builds),
            // What they restore lies in memory.
            Operation::RestoreDrill(_) => Some(&self.drills),
            Operation::CheckImage { .. }
            | Operation::Stop { .. }
            | Operation::Reload { .. }
            | Operation::Announce { .. }
            | Operation::PostStart { .. }
            | Operation::Exec { .. }
            | Operation::Check { .. }
            | Operation::Probe { .. }
            | Operation::Analyse { .. }
            | Operation::Backup(_)
            | Operation::Restore(_) => None,
        }
    }
}

/// A token bucket in whole milliseconds: `credit` is time saved up, one token costs `cost`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bucket {
    cost: Duration,
    most: Duration,
    credit: Duration,
    at: Timestamp,
}

impl Bucket {
    fn new(limits: &Limits, now: Timestamp) -> Self {
        let cost = Duration::from_secs(1) / limits.restarts_per_second.max(1);
        let most = cost * limits.restart_burst.max(1);
        Self { cost, most, credit: most, at: now }
    }

    fn draw(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        self.credit = (self.credit + now.since(self.at)).min(self.most);
        self.at = self.at.max(now);
        match self.credit.checked_sub(self.cost) {
            Some(rest) => {
                self.credit = rest;
                Ok(())
            }
            None => Err(now.plus(self.cost.saturating_sub(self.credit))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_burst_then_two_per_second() {
        let governor = Governor::new(&Limits::default(), at(0));
        for _ in 0..20 {
            assert_eq!(governor.draw_restart(at(0)), Ok(()));
        }
        assert_eq!(governor.draw_restart(at(0)), Err(at(500)));
        assert_eq!(governor.draw_restart(at(400)), Err(at(500)));
        let drawn = (0..10_000)
            .step_by(10)
            .filter(|millis| governor.draw_restart(at(*millis)).is_ok())
            .count();
        assert_eq!(drawn, 19);
    }

    #[test]
    fn a_clock_that_stands_still_gives_nothing_for_nothing() {
        let governor = Governor::new(&Limits::default(), at(10_000));
        let drawn = (0..100).filter(|_| governor.draw_restart(at(5_000)).is_ok()).count();
        assert_eq!(drawn, 20);
    }
}
