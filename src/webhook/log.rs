//! The last deliveries of each hook, bounded, with what anybody can bring about told as one.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::model::hint::Delivery;

/// Deliveries of one hook that are kept and that only an authentic sender can bring about.
const MOST_SIGNALS: usize = 80;
/// Others of one hook that are kept: they never push out the ones above.
const MOST_NOISES: usize = 20;
/// Equal ones within this time are told as one.
const FOLD: Duration = Duration::from_mins(1);

/// The deliveries of every hook.
#[derive(Debug, Default)]
pub struct DeliveryLog {
    hooks: BTreeMap<String, [VecDeque<Delivery>; 2]>,
}

/// Whether a delivery is news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It is.
    New,
    /// It was counted with one before it.
    Repeated,
}

impl DeliveryLog {
    /// A log that goes on after these.
    pub fn after(known: Vec<Delivery>) -> Self {
        let mut log = Self::default();
        for delivery in known {
            let (ring, most) = log.ring(&delivery);
            push(ring, delivery, most);
        }
        log
    }

    /// Notes a delivery.
    pub fn note(&mut self, delivery: Delivery) -> Noted {
        let (ring, most) = self.ring(&delivery);
        let equal = |known: &&mut Delivery| {
            known.outcome == delivery.outcome
                && known.reason == delivery.reason
                && delivery.at.since(known.at) < FOLD
        };
        let known = ring.iter_mut().rev().find(equal).filter(|_| delivery.outcome.is_noise());
        if let Some(known) = known {
            known.count = known.count.saturating_add(delivery.count);
            known.last = delivery.last;
            return Noted::Repeated;
        }
        push(ring, delivery, most);
        Noted::New
    }

    /// All of them, by time.
    pub fn deliveries(&self) -> Vec<Delivery> {
        let mut all: Vec<_> = self.hooks.values().flatten().flatten().cloned().collect();
        all.sort_by_key(|delivery| delivery.at);
        all
    }

    fn ring(&mut self, delivery: &Delivery) -> (&mut VecDeque<Delivery>, usize) {
        let [signals, noises] = self.hooks.entry(delivery.hook.clone()).or_default();
        if delivery.outcome.is_noise() { (noises, MOST_NOISES) } else { (signals, MOST_SIGNALS) }
    }

    /// Forgets hooks that are none any more.
    pub fn keep(&mut self, is_hook: impl Fn(&str) -> bool) {
        self.hooks.retain(|name, _| is_hook(name));
    }
}

fn push(ring: &mut VecDeque<Delivery>, delivery: Delivery, most: usize) {
    while ring.len() >= most {
        ring.pop_front();
    }
    ring.push_back(delivery);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::hint::DeliveryOutcome;
    use crate::model::time::Timestamp;

    fn delivery(seconds: i64, outcome: DeliveryOutcome, reason: &str) -> Delivery {
        let at = Timestamp::from_millis(seconds * 1000);
        Delivery {
            at,
            last: at,
            count: 1,
            hook: "shop".to_owned(),
            forge: "github".to_owned(),
            id: None,
            from: "192.0.2.1".to_owned(),
            outcome,
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn a_flood_of_strangers_is_one_line_a_minute_and_pushes_nothing_out() {
        let mut log = DeliveryLog::default();
        log.note(delivery(0, DeliveryOutcome::Accepted, "main"));
        let told = (0..36_000)
            .filter(|second| {
                log.note(delivery(*second, DeliveryOutcome::Refused, "no")) == Noted::New
            })
            .count();
        assert_eq!(told, 600);
        let all = log.deliveries();
        assert_eq!(all.len(), 1 + MOST_NOISES);
        assert_eq!((all[0].outcome, all[20].count), (DeliveryOutcome::Accepted, 60));
        let after = DeliveryLog::after(all.clone());
        assert_eq!(after.deliveries(), all);
    }

    #[test]
    fn authentic_ones_are_told_each_and_bounded() {
        let mut log = DeliveryLog::default();
        for second in 0..500 {
            assert_eq!(log.note(delivery(second, DeliveryOutcome::Accepted, "main")), Noted::New);
        }
        assert_eq!(log.deliveries().len(), MOST_SIGNALS);
        log.keep(|name| name != "shop");
        assert!(log.deliveries().is_empty());
    }
}
