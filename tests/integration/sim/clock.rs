//! Wall time of the simulated host: a fixed date plus tokio's (paused) clock.

use std::time::Duration;

use tokio::time::Instant;

/// 2025-01-01T00:00:00Z in seconds since 1970.
const EPOCH_SECONDS: u64 = 1_735_689_600;
const NANOS: u64 = 1_000_000_000;

/// A point in wall time: nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp(pub(crate) u64);

impl Stamp {
    /// Whole seconds since 1970.
    pub(crate) fn seconds(self) -> u64 {
        self.0 / NANOS
    }

    /// RFC 3339 with nanoseconds, trailing zeros cut as Go prints them.
    pub(crate) fn rfc3339(self) -> String {
        let (year, month, day) = civil(self.seconds() / 86_400);
        let in_day = self.seconds() % 86_400;
        let clock = format!("{:02}:{:02}:{:02}", in_day / 3600, in_day / 60 % 60, in_day % 60);
        let fraction = format!("{:09}", self.0 % NANOS);
        let fraction = fraction.trim_end_matches('0');
        let dot = if fraction.is_empty() { "" } else { "." };
        format!("{year:04}-{month:02}-{day:02}T{clock}{dot}{fraction}Z")
    }

    /// RFC 3339 of an optional time; the engine prints "never" as the year 1.
    pub(crate) fn or_never(stamp: Option<Self>) -> String {
        stamp.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), Self::rfc3339)
    }

    /// Time from `earlier` to this point; zero if it lies in the future.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Days since 1970 to year, month, day (Howard Hinnant's `civil_from_days`, for dates after 1970).
fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let era = z / 146_097;
    let doe = z % 146_097;
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

/// The clock of one simulated host.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
    last: u64,
}

impl Clock {
    /// Starts at the fixed date now.
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), last: 0 }
    }

    /// Virtual time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Wall time without moving it.
    pub(crate) fn now(&self) -> Stamp {
        let elapsed = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX / 2);
        Stamp((EPOCH_SECONDS * NANOS + elapsed).max(self.last))
    }

    /// A time later than every one given out before: two things that happen within the same
    /// virtual millisecond still have an order, as on a real host.
    pub(crate) fn stamp(&mut self) -> Stamp {
        self.last = self.now().0 + 1;
        Stamp(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::Stamp;

    #[test]
    fn dates_are_printed_as_the_engine_prints_them() {
        assert_eq!(Stamp(1_735_689_600_000_000_000).rfc3339(), "2025-01-01T00:00:00Z");
        assert_eq!(Stamp(1_795_304_172_727_046_770).rfc3339(), "2026-11-21T23:36:12.72704677Z");
        assert_eq!(Stamp(1_709_164_800_500_000_000).rfc3339(), "2024-02-29T00:00:00.5Z");
    }
}
