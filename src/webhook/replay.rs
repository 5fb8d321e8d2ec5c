//! Deliveries that were here before.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::model::time::Timestamp;

/// How long a delivery is remembered. Nothing is lost after that: a delivery that comes again is one more look.
const WINDOW: Duration = Duration::from_hours(24);
/// Deliveries of one hook that are remembered. None but authentic ones are, and their rate has a limit.
const MOST: usize = 4096;

/// What tells one delivery from another: a digest of what was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplayKey(pub(super) [u8; 32]);

/// The deliveries of one hook that were here lately, oldest first.
#[derive(Debug, Default)]
pub struct ReplayCache {
    order: VecDeque<(Timestamp, ReplayKey)>,
    known: BTreeSet<ReplayKey>,
}

impl ReplayCache {
    /// Remembers a delivery. `false`: it was here before.
    pub fn claim(&mut self, key: ReplayKey, now: Timestamp) -> bool {
        self.forget_old(now);
        if !self.known.insert(key) {
            return false;
        }
        self.order.push_back((now, key));
        true
    }

    /// Forgets a delivery that could not be used: it may come again.
    pub fn release(&mut self, key: ReplayKey) {
        if self.known.remove(&key) {
            self.order.retain(|(_, known)| *known != key);
        }
    }

    /// Deliveries that are remembered.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    fn forget_old(&mut self, now: Timestamp) {
        let is_old = |(at, _): &(Timestamp, ReplayKey)| now.since(*at) >= WINDOW;
        while self.order.len() >= MOST || self.order.front().is_some_and(is_old) {
            if let Some((_, key)) = self.order.pop_front() {
                self.known.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> ReplayKey {
        ReplayKey(super::super::mac::fingerprint(&number.to_le_bytes()))
    }

    #[test]
    fn the_second_of_two_equal_ones_is_known_within_the_window() {
        let mut cache = ReplayCache::default();
        let begin = Timestamp::from_millis(1_000);
        assert!(cache.claim(key(1), begin));
        assert!(!cache.claim(key(1), begin.plus(WINDOW).minus(Duration::from_millis(1))));
        assert!(cache.claim(key(1), begin.plus(WINDOW)));
        cache.release(key(1));
        assert!(cache.is_empty());
        assert!(cache.claim(key(1), begin));
    }

    #[test]
    fn what_is_remembered_has_a_limit() {
        let mut cache = ReplayCache::default();
        for number in 0..3 * MOST {
            assert!(cache.claim(key(number), Timestamp::from_millis(0)));
            assert!(cache.len() <= MOST && cache.known.len() == cache.len());
        }
    }
}
