//! How often something may happen: buckets that fill up again.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::time::Timestamp;

/// Thousandths of one time that something may happen.
const WHOLE: u64 = 1000;

/// So many a minute, and as many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    per_minute: u32,
}

impl Rate {
    /// At least one.
    pub fn per_minute(count: u32) -> Self {
        Self { per_minute: count.max(1) }
    }

    fn capacity(self) -> u64 {
        u64::from(self.per_minute) * WHOLE
    }
}

/// What is left of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    rate: Rate,
    left: u64,
    at: Timestamp,
}

impl Bucket {
    /// A full one.
    pub fn new(rate: Rate, now: Timestamp) -> Self {
        Self { rate, left: rate.capacity(), at: now }
    }

    /// Takes one.
    ///
    /// # Errors
    /// None is left: after that time there will be one.
    pub fn take(&mut self, now: Timestamp) -> Result<(), Duration> {
        self.peek(now)?;
        self.left = self.left.saturating_sub(WHOLE);
        Ok(())
    }

    /// Takes one if there is one.
    fn spend(&mut self, now: Timestamp) {
        self.fill(now);
        self.left = self.left.saturating_sub(WHOLE);
    }

    /// Whether one is left.
    ///
    /// # Errors
    /// As [`Bucket::take`].
    pub fn peek(&mut self, now: Timestamp) -> Result<(), Duration> {
        self.fill(now);
        match WHOLE.saturating_sub(self.left) {
            0 => Ok(()),
            missing => {
                Err(Duration::from_millis(missing * 60 / u64::from(self.rate.per_minute) + 1))
            }
        }
    }

    /// A time that is too short to count does not move the instant, so that no time is lost to many small steps.
    fn fill(&mut self, now: Timestamp) {
        let per_minute = u64::from(self.rate.per_minute);
        let millis = u64::try_from(now.since(self.at).as_millis()).unwrap_or(u64::MAX);
        let more = millis.saturating_mul(per_minute) / 60;
        if more > 0 {
            self.left = self.left.saturating_add(more).min(self.rate.capacity());
            self.at = now;
        }
    }

    fn is_full(&self) -> bool {
        self.left >= self.rate.capacity()
    }
}

/// A rate for each of many, with a limit to how many are remembered: whoever is forgotten begins afresh.
#[derive(Debug)]
pub struct Limiter<K> {
    rate: Rate,
    most: usize,
    buckets: BTreeMap<K, Bucket>,
}

impl<K: Ord + Clone> Limiter<K> {
    /// Remembers at most so many.
    pub fn new(rate: Rate, most: usize) -> Self {
        Self { rate, most: most.max(1), buckets: BTreeMap::new() }
    }

    /// Whether this one may go on.
    ///
    /// # Errors
    /// It may not for that time.
    pub fn peek(&mut self, key: &K, now: Timestamp) -> Result<(), Duration> {
        self.buckets.get_mut(key).map_or(Ok(()), |bucket| bucket.peek(now))
    }

    /// Counts one against it.
    pub fn count(&mut self, key: K, now: Timestamp) {
        if self.buckets.len() >= self.most && !self.buckets.contains_key(&key) {
            self.make_room(now);
        }
        let rate = self.rate;
        self.buckets.entry(key).or_insert_with(|| Bucket::new(rate, now)).spend(now);
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.buckets.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// Forgets those that are full again; if none is, the one with the most left.
    fn make_room(&mut self, now: Timestamp) {
        self.buckets.values_mut().for_each(|bucket| bucket.fill(now));
        self.buckets.retain(|_, bucket| !bucket.is_full());
        if self.buckets.len() >= self.most {
            let fullest = self.buckets.iter().max_by_key(|(_, bucket)| bucket.left);
            if let Some(key) = fullest.map(|(key, _)| key.clone()) {
                self.buckets.remove(&key);
            }
        }
    }
}
