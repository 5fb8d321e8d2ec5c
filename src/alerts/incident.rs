//! One incident from its begin to its end: told once, reminded of, and its recovery told once, however often it flaps. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use crate::alerts::message::Severity;
use crate::alerts::trouble::{Look, Trouble};
use crate::model::time::Timestamp;

/// Begins that are remembered.
const MOST_BEGINS: usize = 16;
/// How long a begin counts towards flapping.
const FLAPPING: Duration = Duration::from_secs(6 * 3600);
/// The longest time that something which flaps has to stay well.
const LONGEST_STEADY: Duration = Duration::from_secs(3600);

/// Times of incidents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Something has to be wrong for this long before it is told, unless it will not pass by itself.
    pub after: Duration,
    /// It has to be well for this long before that is told; doubled for each time that it came back within six hours, up to
    /// an hour.
    pub steady: Duration,
    /// An error that goes on is told again after this time; zero: never.
    pub remind: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { after: seconds(30), steady: seconds(120), remind: seconds(3600) }
    }
}

/// What is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Say {
    /// It began.
    Opened {
        /// What is wrong.
        trouble: Box<Trouble>,
        /// Since when.
        since: Timestamp,
    },
    /// It was a warning and is an error.
    Worse {
        /// What is wrong.
        trouble: Box<Trouble>,
        /// Begin of the incident.
        since: Timestamp,
    },
    /// It goes on.
    Reminder {
        /// What is wrong.
        trouble: Box<Trouble>,
        /// Begin of the incident.
        since: Timestamp,
    },
    /// It is over.
    Recovered {
        /// What was wrong last.
        trouble: Box<Trouble>,
        /// Begin of the incident.
        since: Timestamp,
        /// How often it came back in the last six hours.
        begins: usize,
    },
}

/// An incident, or none.
#[derive(Clone, Debug, Default)]
pub struct Incident {
    phase: Phase,
    begins: VecDeque<Timestamp>,
    hushed: bool,
}

#[derive(Clone, Debug, Default)]
enum Phase {
    /// Nothing is wrong.
    #[default]
    Quiet,
    /// Something is, and has not been told.
    Suspected { since: Timestamp, trouble: Box<Trouble>, good_since: Option<Timestamp> },
    /// It was told.
    Open(Open),
}

#[derive(Clone, Debug)]
struct Open {
    since: Timestamp,
    trouble: Box<Trouble>,
    /// The worst that was told.
    told: Severity,
    good_since: Option<Timestamp>,
    reminded: Timestamp,
}

impl Incident {
    /// Takes one look; says what is to be told now.
    pub fn look(&mut self, look: Look, now: Timestamp, pace: &Pace) -> Option<Say> {
        self.hushed = look == Look::Hushed;
        match look {
            Look::Good => self.good(now),
            Look::Between | Look::Hushed => self.between(),
            Look::Bad(trouble) => self.bad(trouble, now),
        }
        self.tick(now, pace)
    }

    /// What time alone makes worth telling.
    pub fn tick(&mut self, now: Timestamp, pace: &Pace) -> Option<Say> {
        if self.hushed {
            return None;
        }
        let steady = self.steady(now, pace);
        match &mut self.phase {
            Phase::Quiet => None,
            Phase::Suspected { good_since: Some(good), .. } => {
                if now.since(*good) >= pace.after {
                    self.phase = Phase::Quiet;
                }
                None
            }
            Phase::Suspected { since, trouble, good_since: None } => {
                if !trouble.is_final && now.since(*since) < pace.after {
                    return None;
                }
                let (since, trouble) = (*since, trouble.clone());
                self.told(trouble.clone(), since, now);
                Some(Say::Opened { trouble, since })
            }
            Phase::Open(Open { good_since: Some(good), .. }) if now.since(*good) >= steady => {
                self.recover()
            }
            Phase::Open(open) => open.tell_more(now, pace),
        }
    }

    /// When [`Self::tick`] may have something to say, if nothing is looked at before.
    pub fn due(&self, now: Timestamp, pace: &Pace) -> Option<Timestamp> {
        match &self.phase {
            _ if self.hushed => None,
            Phase::Quiet => None,
            Phase::Suspected { since, good_since, .. } => {
                Some(good_since.unwrap_or(*since).plus(pace.after))
            }
            Phase::Open(open) => {
                let steady = open.good_since.map(|good| good.plus(self.steady(now, pace)));
                let reminds = !pace.remind.is_zero() && open.trouble.severity == Severity::Error;
                let remind = reminds.then(|| open.reminded.plus(pace.remind));
                steady.or(remind)
            }
        }
    }

    /// Whether it was told and is not over.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open(_))
    }

    /// It is open, and another message told it.
    pub fn told(&mut self, trouble: Box<Trouble>, since: Timestamp, now: Timestamp) {
        if !self.is_open() {
            self.begins.push_back(now);
            if self.begins.len() > MOST_BEGINS {
                self.begins.pop_front();
            }
        }
        let told = trouble.severity;
        self.phase = Phase::Open(Open { since, trouble, told, good_since: None, reminded: now });
    }

    /// It is over, and another message tells that; its begin, if it was open.
    pub fn over(&mut self) -> Option<Timestamp> {
        match std::mem::take(&mut self.phase) {
            Phase::Open(open) => Some(open.since),
            Phase::Quiet | Phase::Suspected { .. } => None,
        }
    }

    /// Ends it now, however long it has been well.
    pub fn recover(&mut self) -> Option<Say> {
        let begins = self.begins.len();
        match std::mem::take(&mut self.phase) {
            Phase::Open(Open { since, mut trouble, told, .. }) => {
                // Whoever was told of the begin is told of the end.
                trouble.severity = told;
                Some(Say::Recovered { trouble, since, begins })
            }
            Phase::Quiet | Phase::Suspected { .. } => None,
        }
    }

    fn good(&mut self, now: Timestamp) {
        match &mut self.phase {
            Phase::Quiet => {}
            Phase::Suspected { good_since, .. } | Phase::Open(Open { good_since, .. }) => {
                good_since.get_or_insert(now);
            }
        }
    }

    fn between(&mut self) {
        if let Phase::Open(open) = &mut self.phase {
            open.good_since = None;
        }
    }

    fn bad(&mut self, found: Box<Trouble>, now: Timestamp) {
        match &mut self.phase {
            Phase::Quiet => {
                self.phase = Phase::Suspected { since: now, trouble: found, good_since: None };
            }
            Phase::Suspected { trouble, good_since, .. } => {
                *trouble = found;
                *good_since = None;
            }
            Phase::Open(open) => {
                open.trouble = found;
                open.good_since = None;
            }
        }
    }

    /// How long it has to be well before that is told.
    fn steady(&self, now: Timestamp, pace: &Pace) -> Duration {
        let recent = self.begins.iter().filter(|begin| now.since(**begin) < FLAPPING).count();
        let doubled = u32::try_from(recent.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
        let steady = pace.steady.saturating_mul(1 << doubled);
        steady.min(LONGEST_STEADY.max(pace.steady))
    }
}

impl Open {
    fn tell_more(&mut self, now: Timestamp, pace: &Pace) -> Option<Say> {
        if self.good_since.is_some() {
            return None;
        }
        let (trouble, since) = (self.trouble.clone(), self.since);
        if trouble.severity > self.told {
            (self.told, self.reminded) = (trouble.severity, now);
            return Some(Say::Worse { trouble, since });
        }
        let due = !pace.remind.is_zero() && now.since(self.reminded) >= pace.remind;
        if due && trouble.severity == Severity::Error {
            self.reminded = now;
            return Some(Say::Reminder { trouble, since });
        }
        None
    }
}
