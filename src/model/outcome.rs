//! What came of a plan.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::id::{ContainerId, NetworkId};
use crate::model::image_update::FoundImages;
use crate::model::operation::OperationSubject;
use crate::model::plan::{NodeId, Plan};
use crate::model::time::Timestamp;

/// How an engine call ended. After `Maybe` the next pass looks; nobody guesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FailureClass {
    /// The object is gone: 404.
    NotFound,
    /// Name taken, removal in progress, wrong state: 409.
    Conflict,
    /// The request itself is wrong: 400 and relatives. The same request will fail again.
    Invalid,
    /// A host port is taken.
    PortTaken,
    /// Forbidden, e.g. a network that is in use: 403.
    Forbidden,
    /// The policy refuses it; it was not sent.
    Denied,
    /// The engine failed: 500 and relatives.
    Engine,
    /// The registry or the engine asks for fewer requests: 429.
    RateLimited,
    /// The engine could not be reached; the call had no effect.
    Unreachable,
    /// The call may have had its effect: deadline, cut connection.
    Maybe,
}

impl FailureClass {
    /// Its word in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
            Self::PortTaken => "port_taken",
            Self::Forbidden => "forbidden",
            Self::Denied => "denied",
            Self::Engine => "engine",
            Self::RateLimited => "rate_limited",
            Self::Unreachable => "unreachable",
            Self::Maybe => "maybe",
        }
    }
}

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What to do about it.
    pub class: FailureClass,
    /// The engine's words.
    pub message: String,
}

/// Why a pull failed, as far as it can be told: what a person has to do depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PullTrouble {
    /// The registry does not accept the login, or wants one.
    Unauthorized,
    /// The repository is not there, or is not shown to this login: registries do not say which.
    Denied,
    /// The tag or digest is not there.
    NotFound,
    /// Too many requests: 429.
    RateLimited,
    /// No answer came from the registry.
    Unreachable,
    /// Anything else.
    #[default]
    Other,
}

impl PullTrouble {
    /// What to do about it; empty if the registry's own text says all there is.
    pub fn mend(self) -> &'static str {
        match self {
            Self::Unauthorized => {
                "run `docker login` for this registry with the Docker configuration that the controller reads (DOCKER_CONFIG, else ~/.docker)"
            }
            Self::Denied => {
                "check the name; if the repository is private, run `docker login` for its registry with the Docker configuration that the controller reads"
            }
            Self::NotFound => "check the tag or digest, or push it",
            Self::RateLimited => "the registry is asked again later; a login raises most limits",
            Self::Unreachable => "check the registry and the network of the engine's host",
            Self::Other => "",
        }
    }
}

impl Failure {
    /// Why a pull failed.
    pub fn pull_trouble(&self) -> PullTrouble {
        let text = self.message.to_lowercase();
        let any = |needles: &[&str]| needles.iter().any(|needle| text.contains(needle));
        match self.class {
            FailureClass::Forbidden => PullTrouble::Unauthorized,
            FailureClass::RateLimited => PullTrouble::RateLimited,
            FailureClass::NotFound if any(&["docker login", "denied"]) => PullTrouble::Denied,
            FailureClass::NotFound => PullTrouble::NotFound,
            FailureClass::Unreachable | FailureClass::Maybe => PullTrouble::Unreachable,
            _ if any(&[
                "dial tcp",
                "no such host",
                "connection refused",
                "timeout",
                "no route",
            ]) =>
            {
                PullTrouble::Unreachable
            }
            _ => PullTrouble::Other,
        }
    }

    /// How long the registry asks to be left alone, if its text says so: `retry-after: 60` in seconds (RFC 9110
    /// §10.2.3), or with a unit as some registries write it (`retry-after: 1.5s`). The engine passes on the text of the
    /// registry's answer, never its headers.
    pub fn retry_after(&self) -> Option<Duration> {
        const WORDS: &str = "retry-after";
        let text = self.message.to_lowercase();
        let (_, tail) = text.split_once(WORDS)?;
        let tail = tail.trim_start_matches([':', '=', ' ', '"']);
        let end = tail.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(tail.len());
        let (number, unit) = tail.split_at_checked(end)?;
        let number: f64 = number.trim_end_matches('.').parse().ok()?;
        let letters = unit.find(|c: char| !c.is_alphabetic()).unwrap_or(unit.len());
        let seconds = match unit.get(..letters)? {
            "" | "s" | "sec" | "seconds" => number,
            "m" | "min" | "minutes" => number * 60.0,
            "h" | "hours" => number * 3600.0,
            "ms" => number / 1e3,
            "us" | "µs" | "μs" => number / 1e6,
            "ns" => number / 1e9,
            _ => return None,
        };
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// End of one node. Every node of a plan gets exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeOutcome {
    /// Done.
    Succeeded(Effect),
    /// Not done.
    Failed(Failure),
    /// Perhaps done.
    MaybeDone(Failure),
    /// Not tried.
    Skipped(SkipReason),
}

/// What a successful node made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that needs a name.
    Done,
    /// A container.
    Container(ContainerId),
    /// A network.
    Network(NetworkId),
    /// An operation began.
    Begun(OperationSubject),
}

/// Why a node was not tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// A node that it depends on did not succeed.
    Dependency(NodeId),
    /// The host's budget is used up until then.
    Throttled(Timestamp),
    /// The observation behind the plan is older than 30 s.
    Stale,
    /// The controller is shutting down.
    Shutdown,
    /// An operation about the same subject runs already.
    Running,
}

/// A plan with the end of each of its nodes, in the order of the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassReport {
    /// The plan.
    pub plan: Plan,
    /// One outcome per node.
    pub outcomes: Vec<NodeOutcome>,
    /// When the walk ended.
    pub at: Timestamp,
}

/// Something that failed beside a long call, and did not keep it from going on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What it is about, by name.
    pub object: String,
    /// Stable code.
    pub reason: &'static str,
    /// What happened.
    pub message: String,
}

/// End of one operation, for the ledger of the project that began it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationReport {
    /// About what.
    pub subject: OperationSubject,
    /// `pull`, `build` or `stop`.
    pub kind: &'static str,
    /// How it ended.
    pub result: Result<(), Failure>,
    /// What failed beside it.
    pub notes: Vec<Note>,
    /// What a registry offers, if that was asked.
    pub found: Option<FoundImages>,
    /// When.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(class: FailureClass, message: &str) -> Failure {
        Failure { class, message: message.to_owned() }
    }

    #[test]
    fn what_the_registry_asks_for_is_read_from_its_text() {
        let table = [
            ("toomanyrequests: Retry-After: 40", Some(Duration::from_secs(40))),
            (
                "toomanyrequests: retry-after: 1.5s, allowed: 44000/minute",
                Some(Duration::from_millis(1500)),
            ),
            (
                "toomanyrequests: retry-after: 602.157µs, allowed: 44000/minute",
                Some(Duration::from_nanos(602_157)),
            ),
            ("retry-after: 2m", Some(Duration::from_secs(120))),
            ("retry-after: soon", None),
            ("retry-after: 5 apples", Some(Duration::from_secs(5))),
            ("toomanyrequests: You have reached your pull rate limit.", None),
        ];
        for (text, expected) in table {
            assert_eq!(failure(FailureClass::RateLimited, text).retry_after(), expected, "{text}");
        }
    }

    #[test]
    fn troubles_are_told_apart() {
        let denied =
            "pull access denied for a, repository does not exist or may require 'docker login'";
        let table = [
            (
                FailureClass::Forbidden,
                "unauthorized: authentication required",
                PullTrouble::Unauthorized,
            ),
            (FailureClass::NotFound, denied, PullTrouble::Denied),
            (FailureClass::NotFound, "manifest unknown", PullTrouble::NotFound),
            (
                FailureClass::Engine,
                "dial tcp 127.0.0.1:5000: connect: connection refused",
                PullTrouble::Unreachable,
            ),
            (FailureClass::Maybe, "no progress for 60 s", PullTrouble::Unreachable),
            (FailureClass::Engine, "no space left on device", PullTrouble::Other),
        ];
        for (class, text, expected) in table {
            assert_eq!(failure(class, text).pull_trouble(), expected, "{text}");
        }
    }
}
