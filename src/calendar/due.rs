//! Due times of a cron pattern or of an interval.
//!
//! Where the clock is put forward, a time that does not exist runs once, right after the gap; where it is put back, a fixed
//! time of the doubled hour runs once, the first time, and what runs every so many minutes runs in both (as Vixie cron does).

use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp as Moment, Zoned};

use crate::model::schedule::When;
use crate::model::time::Timestamp;

/// Due times that are counted one by one before only the latest is looked up (Kubernetes' limit of missed runs).
const MOST: usize = 100;
/// Where a pattern has to have a due time after, or it never has one.
const PROBE_MS: i64 = 1_704_067_200_000;
/// Name and number of values of each field.
const FIELDS: [(&str, u32); 6] = [
    ("second", 60),
    ("minute", 60),
    ("hour", 24),
    ("day of the month", 31),
    ("month", 12),
    ("day of the week", 7),
];

/// A pattern that was read.
#[derive(Clone, Debug)]
pub enum Calendar {
    /// Times of the calendar.
    Cron(Box<Cron>, TimeZone),
    /// Every so often, counted from the last time.
    Every(Duration),
}

/// The due times within a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The latest.
    pub latest: Timestamp,
    /// Those before it; 100 stands for more than can be told.
    pub before: u32,
}

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// There is no such time zone.
    Zone,
    /// It has so many fields.
    Fields(usize),
    /// This field cannot be read.
    Field {
        /// Its name.
        name: &'static str,
        /// What stands there.
        text: String,
    },
    /// No day is ever like that.
    Never,
}

impl Calendar {
    /// Reads a pattern that was checked when its file was loaded; `None` if it cannot be read.
    pub fn new(when: &When) -> Option<Self> {
        match when {
            When::Every(time) => Some(Self::Every(*time)),
            When::Cron { pattern, zone, .. } => {
                let zone = TimeZoneDatabase::bundled().get(zone).ok()?;
                Some(Self::Cron(Box::new(parse(pattern)?), zone))
            }
        }
    }

    /// Checks a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(when: &When) -> Result<Self, Mistake> {
        let (pattern, seconds, zone) = match when {
            When::Every(time) => return Ok(Self::Every(*time)),
            When::Cron { pattern, seconds, zone } => (pattern, *seconds, zone),
        };
        TimeZoneDatabase::bundled().get(zone).map_err(|_| Mistake::Zone)?;
        let fields: Vec<&str> = pattern.split_whitespace().collect();
        let first = match (fields.len(), seconds) {
            (5, _) => 1,
            (6, true) => 0,
            (count, _) => return Err(Mistake::Fields(count)),
        };
        for (at, (text, (name, size))) in fields.iter().zip(FIELDS.iter().skip(first)).enumerate() {
            let mut alone = vec!["*"; fields.len()];
            if let Some(field) = alone.get_mut(at) {
                *field = text;
            }
            if parse(&alone.join(" ")).is_none() || !steps(text, *size) {
                return Err(Mistake::Field { name, text: (*text).to_owned() });
            }
        }
        let calendar = Self::new(when).ok_or(Mistake::Never)?;
        let probe = Timestamp::from_millis(PROBE_MS);
        calendar.next(probe).map(|_| calendar).ok_or(Mistake::Never)
    }

    /// The first due time after `after`; of an interval, counted from there.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Every(time) => Some(whole(after).plus(*time)),
            Self::Cron(cron, zone) => {
                let next = cron.find_next_occurrence(&zoned(after, zone)?, false).ok()?;
                Some(Timestamp::from_millis(next.timestamp().as_millisecond()))
            }
        }
    }

    /// The due times after `after` and until `until`, that instant included.
    pub fn between(&self, after: Timestamp, until: Timestamp) -> Option<Due> {
        let first = self.next(after).filter(|next| *next <= until)?;
        let mut due = Due { latest: first, before: 0 };
        while let Some(next) = self.next(due.latest).filter(|next| *next <= until) {
            if due.before as usize >= MOST {
                due.latest = self.last(due.latest, until);
                return Some(due);
            }
            due = Due { latest: next, before: due.before.saturating_add(1) };
        }
        Some(due)
    }

    /// The latest due time until `until`, where `known` is one.
    fn last(&self, known: Timestamp, until: Timestamp) -> Timestamp {
        match self {
            Self::Every(time) => {
                let (span, step) = (until.since(known).as_millis(), time.as_millis().max(1));
                let steps = u64::try_from(span / step * step).unwrap_or(0);
                known.plus(Duration::from_millis(steps))
            }
            Self::Cron(cron, zone) => {
                let last = zoned(until, zone)
                    .and_then(|until| cron.find_previous_occurrence(&until, true).ok());
                let last = last.map(|at| Timestamp::from_millis(at.timestamp().as_millisecond()));
                last.map_or(known, |last| last.max(known))
            }
        }
    }
}

fn parse(pattern: &str) -> Option<Cron> {
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    parser.parse(pattern).ok()
}

/// Whether every step of a field is at least 1 and within the field: a longer one would mean something else than it says.
fn steps(text: &str, size: u32) -> bool {
    let steps = text.split(',').filter_map(|part| part.split_once('/'));
    steps.into_iter().all(|(_, step)| step.parse().is_ok_and(|step: u32| step > 0 && step < size))
}

/// The full second that an instant lies in.
fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.as_millis().div_euclid(1000).saturating_mul(1000))
}

fn zoned(at: Timestamp, zone: &TimeZone) -> Option<Zoned> {
    Some(Moment::from_millisecond(at.as_millis()).ok()?.to_zoned(zone.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn cron(pattern: &str, zone: &str) -> Result<Calendar, Mistake> {
        let (pattern, zone) = (pattern.to_owned(), zone.to_owned());
        Calendar::check(&When::Cron { pattern, seconds: false, zone })
    }

    fn from(calendar: &Calendar, begin: &str, count: usize) -> Vec<String> {
        let mut now = at(begin);
        let mut all = Vec::new();
        for _ in 0..count {
            now = calendar.next(now).unwrap();
            all.push(now.to_string().replace(".000Z", "Z"));
        }
        all
    }

    #[test]
    fn a_time_in_the_gap_runs_once_right_after_it() {
        let berlin = cron("30 2 * * *", "Europe/Berlin").unwrap();
        let due = from(&berlin, "2025-03-29T00:00:00Z", 3);
        assert_eq!(due, ["2025-03-29T01:30:00Z", "2025-03-30T01:00:00Z", "2025-03-31T00:30:00Z"]);
    }

    #[test]
    fn a_fixed_time_in_the_doubled_hour_runs_once() {
        let berlin = cron("30 2 * * *", "Europe/Berlin").unwrap();
        let due = from(&berlin, "2025-10-25T12:00:00Z", 2);
        assert_eq!(due, ["2025-10-26T00:30:00Z", "2025-10-27T01:30:00Z"]);
        let hourly = cron("15 * * * *", "Europe/Berlin").unwrap();
        let due = from(&hourly, "2025-10-25T23:30:00Z", 3);
        assert_eq!(due, ["2025-10-26T00:15:00Z", "2025-10-26T01:15:00Z", "2025-10-26T02:15:00Z"]);
    }

    #[test]
    fn the_latest_is_found_however_many_there_are() {
        let minutes = cron("* * * * *", "UTC").unwrap();
        let due = minutes.between(at("2025-01-01T00:00:00Z"), at("2025-01-01T00:03:30Z")).unwrap();
        assert_eq!((due.latest, due.before), (at("2025-01-01T00:03:00Z"), 2));
        let due = minutes.between(at("2025-01-01T00:00:00Z"), at("2025-02-01T00:00:30Z")).unwrap();
        assert_eq!((due.latest, due.before), (at("2025-02-01T00:00:00Z"), 100));
        let every = Calendar::new(&When::Every(Duration::from_secs(600))).unwrap();
        let due = every.between(at("2025-01-01T00:00:00Z"), at("2025-02-01T00:00:30Z")).unwrap();
        assert_eq!(due.latest, at("2025-02-01T00:00:00Z"));
        assert_eq!(every.between(at("2025-01-01T00:00:00Z"), at("2025-01-01T00:09:59Z")), None);
    }

    #[test]
    fn mistakes_name_their_field() {
        let field = |name, text: &str| Some(Mistake::Field { name, text: text.to_owned() });
        let table = [
            ("61 * * * *", field("minute", "61")),
            ("* 24 * * *", field("hour", "24")),
            ("* * 0 * *", field("day of the month", "0")),
            ("* * * MAI *", field("month", "MAI")),
            ("* * * * 8", field("day of the week", "8")),
            ("*/0 * * * *", field("minute", "*/0")),
            ("0-59/61 * * * *", field("minute", "0-59/61")),
            ("* * * *", Some(Mistake::Fields(4))),
            ("0 * * * * *", Some(Mistake::Fields(6))),
            ("0 0 31 2 *", Some(Mistake::Never)),
            ("0 0 * * MON-FRI", None),
        ];
        for (pattern, expected) in table {
            assert_eq!(cron(pattern, "UTC").err(), expected, "{pattern}");
        }
        assert_eq!(cron("* * * * *", "Mars/Olympus").err(), Some(Mistake::Zone));
    }
}
