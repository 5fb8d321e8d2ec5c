//! What containers wrote: lines with the time at which the engine took them.

use std::collections::BTreeMap;

use crate::model::config::Protocol;
use crate::model::id::{ContainerId, ContainerName};
use crate::model::observed::Claim;
use crate::model::time::Timestamp;

/// One line of a container's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When the engine took it, in nanoseconds since 1970-01-01T00:00:00Z; 0 if it does not say.
    pub at_ns: i64,
    /// The line without its end, as it was written: it may hold control characters.
    pub text: String,
}

/// What of a container's output is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Go on with what is written later, until the container stops.
    pub follow: bool,
    /// Nothing before this instant, in nanoseconds since 1970.
    pub since_ns: Option<i64>,
    /// Nothing after this instant, in nanoseconds since 1970.
    pub until_ns: Option<i64>,
    /// At most so many lines, the last ones; `None` is all.
    pub tail: Option<u64>,
}

/// How the engine rotates the log of a container, by the words of its drivers `json-file` and `local`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Size of a file after which the next one is begun, e.g. `10m`.
    pub max_size: String,
    /// Files that are kept, the one that is written to included.
    pub max_file: u32,
}

impl Rotation {
    /// The options of the driver.
    pub fn options(&self) -> BTreeMap<String, String> {
        let options =
            [("max-size", self.max_size.clone()), ("max-file", self.max_file.to_string())];
        options.map(|(name, value)| (name.to_owned(), value)).into()
    }
}

/// A port of a container that is published on the host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublishedPort {
    /// The port inside.
    pub inside: u16,
    /// Its protocol.
    pub protocol: Protocol,
    /// `ip:port` on the host.
    pub outside: String,
}

/// A container as a list shows it: enough to choose one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedContainer {
    /// Its id.
    pub id: ContainerId,
    /// Its name.
    pub name: ContainerName,
    /// Whose it is, by its labels.
    pub claim: Claim,
    /// Whether a process of it may be alive.
    pub alive: bool,
    /// What its health check says, e.g. `healthy`; empty if it has none.
    pub health: String,
    /// Its published ports.
    pub ports: Vec<PublishedPort>,
}

/// Reads the instant that an engine writes before a line (RFC 3339, up to nine digits of a second), in nanoseconds since
/// 1970; `None` if it is none.
pub fn nanoseconds(text: &str) -> Option<i64> {
    let millis = Timestamp::parse_rfc3339(text)?.as_millis();
    let zone = text.find('T').and_then(|at| text.get(at..)).and_then(|clock| {
        let fraction = clock.split_once('.')?.1;
        let end = fraction.find(|letter: char| !letter.is_ascii_digit())?;
        fraction.get(..end)
    });
    let digits: String = zone.unwrap_or_default().chars().chain("000000000".chars()).collect();
    // The first three are in the milliseconds already.
    let below: i64 = digits.get(3..9)?.parse().ok()?;
    millis.checked_mul(1_000_000)?.checked_add(below)
}

/// An instant in nanoseconds as the engine's text form, always with nine digits of a second.
pub fn rfc3339(at_ns: i64) -> String {
    let text = Timestamp::from_millis(at_ns.div_euclid(1_000_000)).to_string();
    format!("{}{:06}Z", text.trim_end_matches('Z'), at_ns.rem_euclid(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_are_read_and_written() {
        let text = "2026-11-21T23:25:00.123456789Z";
        let at = nanoseconds(text).unwrap();
        assert_eq!(at % 1_000_000_000, 123_456_789);
        assert_eq!(rfc3339(at), text);
        assert_eq!(nanoseconds("2026-11-21T23:25:00Z").unwrap() % 1_000_000_000, 0);
        assert_eq!(nanoseconds("2026-11-21T23:25:00.5Z").unwrap() % 1_000_000_000, 500_000_000);
        assert_eq!(nanoseconds("2026-11-22T01:25:00.123456789+02:00"), Some(at));
        for wrong in ["", "now", "0001-01-01T00:00:00Z"] {
            assert_eq!(nanoseconds(wrong), None, "{wrong}");
        }
    }
}
