//! How long calls take: median and 95th percentile as measured on engine 20.10.

use std::time::Duration;

use super::random::SplitMix64;

/// Kinds of calls with a time of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// `POST /containers/create`
    Create,
    /// `POST /containers/{id}/start`
    Start,
    /// What a stop takes beyond the application's own reaction.
    Stop,
    /// `DELETE /containers/{id}`
    Remove,
    /// `GET /containers/{id}/json`
    Inspect,
    /// Lists.
    List,
    /// Network create, connect, disconnect, remove.
    Network,
    /// Any other call.
    Other,
}

impl Op {
    /// Median and 95th percentile in microseconds.
    fn figures(self) -> (u64, u64) {
        match self {
            Self::Create => (9_500, 27_000),
            Self::Start => (190_000, 250_000),
            Self::Stop => (60_000, 100_000),
            Self::Remove => (6_500, 13_000),
            Self::Inspect | Self::List => (1_000, 3_000),
            Self::Network => (40_000, 90_000),
            Self::Other => (2_000, 5_000),
        }
    }

    /// One time from the distribution.
    pub(crate) fn draw(self, random: &mut SplitMix64) -> Duration {
        let (median, high) = self.figures();
        let micros = match random.between(0, 99) {
            0..=49 => random.between(median * 7 / 10, median),
            50..=94 => random.between(median, high),
            _ => random.between(high, high * 2),
        };
        Duration::from_micros(micros)
    }
}
