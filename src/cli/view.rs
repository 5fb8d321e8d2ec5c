//! Status in few words: the one word of a list, ages, and the style that goes with a meaning.

use anstyle::Style;

use crate::cli::duration;
use crate::cli::output::{BAD, DIM, GOOD, WARN, styled};
use crate::cli::table::Cell;
use crate::model::status::{ActionRecord, Condition, ConditionKind, ContainerStatus, Truth};
use crate::model::time::Timestamp;

/// The condition of that kind, if it was stated.
pub(super) fn condition(conditions: &[Condition], kind: ConditionKind) -> Option<&Condition> {
    conditions.iter().find(|condition| condition.kind == kind)
}

/// Whether the condition of that kind is True.
pub(super) fn holds(conditions: &[Condition], kind: ConditionKind) -> bool {
    condition(conditions, kind).is_some_and(|condition| condition.status == Truth::True)
}

/// The word that a list shows: what a person has to know first.
pub(super) fn summary(conditions: &[Condition]) -> Cell {
    let rests = condition(conditions, ConditionKind::Suspended);
    if let Some(rests) = rests.filter(|found| found.status == Truth::True) {
        // By whom: `Suspended`, or `Stopped`.
        return Cell::styled(WARN, rests.reason.clone());
    }
    for (kind, style) in [(ConditionKind::Stalled, BAD), (ConditionKind::Degraded, WARN)] {
        let found = condition(conditions, kind).filter(|found| found.status == Truth::True);
        if let Some(found) = found {
            return Cell::styled(style, found.reason.clone());
        }
    }
    match condition(conditions, ConditionKind::Ready) {
        Some(ready) => Cell::styled(
            truth_style(ConditionKind::Ready, ready.status),
            match ready.status {
                Truth::True => "Ready".to_owned(),
                Truth::False | Truth::Unknown => ready.reason.clone(),
            },
        ),
        None => Cell::styled(WARN, "Unknown"),
    }
}

/// Green is what should be so.
pub(super) fn truth_style(kind: ConditionKind, status: Truth) -> Style {
    let good_when_true = matches!(
        kind,
        ConditionKind::Ready
            | ConditionKind::Available
            | ConditionKind::BackedUp
            | ConditionKind::Proven
    );
    match (status, good_when_true) {
        (Truth::Unknown, _) => WARN,
        (Truth::True, true) => GOOD,
        (Truth::False, true) => BAD,
        (Truth::False, false) => DIM,
        (Truth::True, false) => match kind {
            ConditionKind::Stalled => BAD,
            _ => WARN,
        },
    }
}

/// Style of the engine's word for a container's state.
pub(super) fn state_style(container: &ContainerStatus) -> Style {
    match (container.state.as_str(), container.exit_code) {
        ("running", _) => GOOD,
        ("exited", Some(0)) => DIM,
        ("exited" | "dead" | "restarting", _) => BAD,
        _ => WARN,
    }
}

/// Style of a health verdict.
pub(super) fn health_style(health: &str) -> Style {
    match health {
        "healthy" => GOOD,
        "unhealthy" => BAD,
        _ => WARN,
    }
}

/// `3m12s`, or nothing if the instant is not known.
pub(super) fn age(now: Timestamp, since: Option<Timestamp>) -> String {
    since.map_or_else(String::new, |since| duration::format(now.since(since)))
}

/// `in 12s`, or `now` if the instant has come.
pub(super) fn until(now: Timestamp, instant: Timestamp) -> String {
    if instant <= now {
        return "now".to_owned();
    }
    format!("in {}", duration::format(instant.since(now)))
}

/// The next try of a container that waits for one; one that runs does not.
pub(super) fn next_try(container: &ContainerStatus) -> Option<Timestamp> {
    container.next_try.filter(|_| container.state != "running")
}

/// `1/2` with the style of whether that is enough.
pub(super) fn ratio(ready: u32, wanted: u32) -> Cell {
    let style = match ready {
        _ if ready >= wanted => GOOD,
        0 => BAD,
        _ => WARN,
    };
    Cell::styled(style, format!("{ready}/{wanted}"))
}

/// One action of the past: what, on what, why, and how it ended.
pub(super) fn action(action: &ActionRecord) -> String {
    let style = match action.outcome.split(':').next() {
        Some("succeeded" | "begun") => GOOD,
        Some("failed") => BAD,
        _ => WARN,
    };
    let outcome = styled(style, &action.outcome);
    format!("{} {}: {}; {outcome}", action.action, action.object, action.message)
}

/// `1 step`, `2 steps`.
pub(super) fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}
