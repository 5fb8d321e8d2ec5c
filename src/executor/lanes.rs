//! How many engine calls run side by side, over all projects (DESIGN §6).

use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::model::outcome::FailureClass;
use crate::model::plan::Action;

/// Creates and starts of containers in flight.
const STARTS: u32 = 8;
/// Calls in flight that set up nothing: removals, renames, updates, volumes.
const OTHERS: u32 = 16;

/// Kind of call, by what it costs the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Creates, starts and attaches containers: 8 at a time; after an engine error 1, 2, 4, 8.
    Start,
    /// Creates and removes networks: one at a time.
    Network,
    /// Everything else: 16 at a time.
    Other,
    /// Takes no engine call of its own.
    Free,
}

impl Lane {
    /// The lane of an action.
    pub fn of(action: &Action) -> Self {
        match action {
            Action::CreateContainer(_)
            | Action::StartContainer { .. }
            | Action::ConnectNetwork { .. } => Self::Start,
            Action::CreateNetwork(_) | Action::RemoveNetwork { .. } => Self::Network,
            Action::CreateVolume(_)
            | Action::DisconnectNetwork { .. }
            | Action::RenameContainer { .. }
            | Action::UpdateContainer { .. }
            | Action::UnpauseContainer { .. }
            | Action::RemoveContainer { .. } => Self::Other,
            Action::Begin(_) | Action::HandOver { .. } => Self::Free,
        }
    }
}

/// The lanes of one host; every walk shares them.
#[derive(Debug)]
pub struct Lanes {
    start: Width,
    network: Width,
    other: Width,
}

impl Default for Lanes {
    fn default() -> Self {
        Self { start: Width::new(STARTS), network: Width::new(1), other: Width::new(OTHERS) }
    }
}

impl Lanes {
    /// Waits for a place in `lane`. The place is given back when the permit is dropped.
    pub async fn enter(&self, lane: Lane) -> Option<Permit<'_>> {
        let width = match lane {
            Lane::Start => &self.start,
            Lane::Network => &self.network,
            Lane::Other => &self.other,
            Lane::Free => return None,
        };
        Some(width.enter().await)
    }
}

/// A place in a lane.
#[derive(Debug)]
pub struct Permit<'a> {
    width: &'a Width,
}

impl Permit<'_> {
    /// Tells the lane how the call ended: an engine error narrows it to one, each success doubles it again.
    pub(crate) fn ended(&self, failure: Option<FailureClass>) {
        let mut state = self.width.state();
        match failure {
            None => state.width = (state.width * 2).min(self.width.most),
            Some(FailureClass::Engine | FailureClass::Maybe | FailureClass::Unreachable) => {
                state.width = 1;
            }
            Some(_) => {}
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let free = {
            let mut state = self.width.state();
            state.in_flight = state.in_flight.saturating_sub(1);
            state.width.saturating_sub(state.in_flight)
        };
        for _ in 0..free {
            self.width.freed.notify_one();
        }
    }
}

/// A counting gate whose width changes.
#[derive(Debug)]
struct Width {
    most: u32,
    state: Mutex<WidthState>,
    freed: Notify,
}

#[derive(Debug)]
struct WidthState {
    width: u32,
    in_flight: u32,
}

impl Width {
    fn new(most: u32) -> Self {
        let state = WidthState { width: most, in_flight: 0 };
        Self { most, state: Mutex::new(state), freed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, WidthState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn enter(&self) -> Permit<'_> {
        loop {
            let mut freed = pin!(self.freed.notified());
            // Registered before the look, so that a place freed in between is not missed.
            freed.as_mut().enable();
            if self.try_enter() {
                return Permit { width: self };
            }
            freed.await;
        }
    }

    fn try_enter(&self) -> bool {
        let mut state = self.state();
        let free = state.in_flight < state.width;
        if free {
            state.in_flight += 1;
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn an_engine_error_narrows_the_lane_and_successes_widen_it_again() {
        let lanes = Lanes::default();
        let full: Vec<_> =
            (0..8).map(|_| lanes.enter(Lane::Start).now_or_never().flatten().unwrap()).collect();
        assert!(lanes.enter(Lane::Start).now_or_never().is_none());
        full[0].ended(Some(FailureClass::Engine));
        drop(full);
        let mut widths = Vec::new();
        for _ in 0..4 {
            let permits: Vec<_> =
                std::iter::from_fn(|| lanes.enter(Lane::Start).now_or_never().flatten()).collect();
            widths.push(permits.len());
            permits[0].ended(None);
        }
        assert_eq!(widths, [1, 2, 4, 8]);
    }

    #[test]
    fn a_bad_request_is_no_reason_to_slow_down() {
        let lanes = Lanes::default();
        let permit = lanes.enter(Lane::Start).now_or_never().flatten().unwrap();
        permit.ended(Some(FailureClass::Invalid));
        assert_eq!(lanes.start.state().width, 8);
    }

    #[tokio::test]
    async fn every_waiter_gets_its_turn() {
        let lanes = Lanes::default();
        let turns = futures::future::join_all((0..50).map(|_| async {
            let permit = lanes.enter(Lane::Network).await;
            tokio::task::yield_now().await;
            drop(permit);
        }));
        assert_eq!(turns.await.len(), 50);
    }
}
