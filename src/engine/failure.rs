//! How a call ended, by class. One table for the whole facade.

use crate::model::outcome::{Failure, FailureClass};

/// Longest text of the engine that is kept, in characters.
const MESSAGE_LIMIT: usize = 500;

/// What the adapter reports when a call did not succeed; free of the client crate's types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CallError {
    /// The engine answered with an error status.
    Answer {
        /// HTTP status.
        status: u16,
        /// The engine's text.
        message: String,
    },
    /// An error line inside a successful stream (pull, build).
    InStream(String),
    /// No connection was made: the engine saw nothing of the request.
    NoConnection(String),
    /// The connection broke, or the deadline passed, after the request may have been sent.
    Cut(String),
    /// The answer came, but cannot be read.
    Unreadable(String),
    /// The request was refused on this side.
    Refused(String),
}

/// Whether a call changes something on the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It only asks.
    Read,
    /// It changes something: a lost answer leaves the effect open.
    Mutating,
}

/// The class of a failed call.
pub(super) fn classify(error: CallError, effect: Effect) -> Failure {
    let lost = match effect {
        Effect::Read => FailureClass::Unreachable,
        Effect::Mutating => FailureClass::Maybe,
    };
    let (class, message) = match error {
        CallError::Answer { status, message } => (class_of_answer(status, &message), message),
        CallError::InStream(message) => (class_of_text(&message), message),
        CallError::NoConnection(message) => (FailureClass::Unreachable, message),
        CallError::Cut(message) => (lost, message),
        CallError::Unreadable(message) if effect == Effect::Read => (FailureClass::Engine, message),
        CallError::Unreadable(message) => (FailureClass::Maybe, message),
        CallError::Refused(message) => (FailureClass::Invalid, message),
    };
    Failure { class, message: presentable(&message, MESSAGE_LIMIT) }
}

/// The class of an error status; a taken port comes as 500 and is known by its text only.
fn class_of_answer(status: u16, message: &str) -> FailureClass {
    if is_port_conflict(message) {
        return FailureClass::PortTaken;
    }
    match status {
        401 | 403 => FailureClass::Forbidden,
        404 => FailureClass::NotFound,
        409 => FailureClass::Conflict,
        429 => FailureClass::RateLimited,
        400..=499 => FailureClass::Invalid,
        _ => class_of_text(message),
    }
}

/// The class of a text without a status of its own: pulls answer 500, or 200 with an error line, whatever the registry said.
fn class_of_text(message: &str) -> FailureClass {
    let text = message.to_lowercase();
    let any = |needles: &[&str]| needles.iter().any(|needle| text.contains(needle));
    if is_port_conflict(&text) {
        FailureClass::PortTaken
    } else if any(&["toomanyrequests", "too many requests"]) {
        FailureClass::RateLimited
    } else if any(&["unauthorized", "authentication required", "no basic auth credentials"]) {
        FailureClass::Forbidden
    } else if any(&["manifest unknown", "repository does not exist", "not found: manifest"]) {
        FailureClass::NotFound
    } else {
        FailureClass::Engine
    }
}

/// Whether the engine says that a port of the host is taken.
fn is_port_conflict(message: &str) -> bool {
    message.contains("port is already allocated") || message.contains("address already in use")
}

/// A text of the engine as it may be shown: one line, no control characters, at most `limit` characters.
pub(super) fn presentable(text: &str, limit: usize) -> String {
    let mut shown: String =
        text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(limit).collect();
    if text.trim().chars().nth(limit).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, message: &str) -> FailureClass {
        let error = CallError::Answer { status, message: message.to_owned() };
        classify(error, Effect::Mutating).class
    }

    #[test]
    fn answers_by_status_and_text() {
        let table = [
            (400, "invalid reference format", FailureClass::Invalid),
            (403, "network a has active endpoints", FailureClass::Forbidden),
            (404, "No such container: a", FailureClass::NotFound),
            (409, "Conflict. The container name \"/a\" is already in use", FailureClass::Conflict),
            (
                500,
                "driver failed: Bind for 0.0.0.0:80 failed: port is already allocated",
                FailureClass::PortTaken,
            ),
            (500, "listen tcp4 0.0.0.0:22: bind: address already in use", FailureClass::PortTaken),
            (500, "no space left on device", FailureClass::Engine),
            (500, "unauthorized: authentication required", FailureClass::Forbidden),
            (500, "manifest unknown: manifest unknown", FailureClass::NotFound),
            (500, "toomanyrequests: retry-after: 40", FailureClass::RateLimited),
            (429, "slow down", FailureClass::RateLimited),
            (503, "This node is not a swarm manager.", FailureClass::Engine),
        ];
        for (status, message, class) in table {
            assert_eq!(answer(status, message), class, "{status} {message}");
        }
    }

    #[test]
    fn a_lost_answer_is_maybe_only_if_something_may_have_changed() {
        let cut = || CallError::Cut("deadline".into());
        assert_eq!(classify(cut(), Effect::Mutating).class, FailureClass::Maybe);
        assert_eq!(classify(cut(), Effect::Read).class, FailureClass::Unreachable);
        let refused = CallError::NoConnection("refused".into());
        assert_eq!(classify(refused, Effect::Mutating).class, FailureClass::Unreachable);
        let garbage = || CallError::Unreadable("html".into());
        assert_eq!(classify(garbage(), Effect::Mutating).class, FailureClass::Maybe);
        assert_eq!(classify(garbage(), Effect::Read).class, FailureClass::Engine);
    }

    #[test]
    fn texts_are_cut_and_cleaned() {
        assert_eq!(presentable(" a\u{1b}[31m\nb ", 500), "a [31m b");
        assert_eq!(presentable("abcdef", 3), "abc…");
        assert_eq!(presentable("äöü", 3), "äöü");
    }
}
