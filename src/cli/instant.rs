//! Instants as people type them: how long ago or from now, or a date with a time.

use crate::cli::duration;
use crate::model::log::nanoseconds;
use crate::model::time::Timestamp;

/// An instant that a person named, not yet held against the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// So long before or after now.
    Distance(std::time::Duration),
    /// This one, in nanoseconds since 1970.
    At(i64),
}

/// Reads `10m` or `2026-01-31T08:00:00Z`.
///
/// # Errors
/// A sentence for the person who typed it.
pub(super) fn parse(text: &str) -> Result<Named, String> {
    if let Some(at_ns) = nanoseconds(text) {
        return Ok(Named::At(at_ns));
    }
    duration::parse(text).map(Named::Distance).map_err(|_| {
        format!(
            "`{text}` is neither a duration (90s, 10m, 1h30m, 2d) nor an instant (2026-01-31T08:00:00Z)"
        )
    })
}

impl Named {
    /// As an instant to come; a duration is so long from now.
    pub(super) fn after(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at_ns) => Timestamp::from_millis(at_ns.div_euclid(1_000_000)),
            Self::Distance(distance) => now.plus(distance),
        }
    }

    /// In nanoseconds since 1970; a duration is so long ago.
    pub(super) fn before_ns(self, now: Timestamp) -> i64 {
        match self {
            Self::At(at_ns) => at_ns,
            Self::Distance(distance) => now.minus(distance).as_millis().saturating_mul(1_000_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let now = Timestamp::parse_rfc3339("2026-01-31T08:00:00Z").unwrap();
        let at = |text: &str| parse(text).unwrap().before_ns(now);
        assert_eq!(at("10m"), now.as_millis() * 1_000_000 - 600_000_000_000);
        assert_eq!(at("2026-01-31T09:00:00+01:00"), now.as_millis() * 1_000_000);
        let after = |text: &str| parse(text).unwrap().after(now).to_string();
        assert_eq!(after("2h"), "2026-01-31T10:00:00.000Z");
        assert_eq!(after("2026-01-31T09:00:00.5Z"), "2026-01-31T09:00:00.500Z");
        assert!(parse("yesterday").unwrap_err().contains("neither"));
    }
}
