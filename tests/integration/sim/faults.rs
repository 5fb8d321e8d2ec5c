//! What goes wrong: rules that pick calls and say how they fail.

use std::collections::BTreeMap;
use std::time::Duration;

use super::request::Call;

/// More calls than any run needs.
pub(crate) const FLOOD: u64 = 60_000;

/// How a call fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FaultAction {
    /// Answers with this status and text; nothing happens.
    ErrorBefore(u16, String),
    /// The effect happens, then this status and text.
    EffectThenError(u16, String),
    /// Nothing happens and the connection is closed.
    HangUpBefore,
    /// The effect happens, then the connection is closed without an answer.
    EffectThenHangUp,
    /// Nothing happens and no answer ever comes.
    HangBefore,
    /// The effect happens, and no answer ever comes.
    HangAfter,
    /// Everything happens, after this time.
    DelayBefore(Duration),
    /// The effect happens at once, the answer comes after this time.
    DelayAfter(Duration),
    /// The effect happens, then 200 with something that is not JSON.
    Garbage,
    /// The effect happens, then the right status with half of the body.
    Truncated,
    /// Ends all event streams cleanly, then the call goes on as always.
    CloseEventStream,
    /// The controller that asks dies before the effect.
    ClientDiesBefore,
    /// The effect happens, then the controller that asked dies.
    ClientDiesAfter,
    /// The daemon dies before the effect and is started again after this time.
    DaemonDiesBefore(Duration),
    /// The daemon dies after the effect, before the answer, and is started again after this time.
    DaemonDiesAfter(Duration),
}

/// Which of the calls a rule picks, counted from 1 among those its patterns fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Only the n-th.
    Nth(u64),
    /// The first n.
    First(u64),
    /// All.
    Every,
}

/// Picks calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Matcher {
    /// The call with this number among all mutating and exec calls of the run, from 1.
    Number(u64),
    /// By method and path.
    Pattern {
        /// HTTP method, or `*`.
        method: String,
        /// Path without version; `*` stands for any number of characters. Ids and names are
        /// matched as the client wrote them, and as stable `{name}`s.
        path: String,
        /// Which of those that fit.
        which: Which,
    },
}

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FaultRule {
    /// Which calls.
    pub(crate) matcher: Matcher,
    /// How they fail.
    pub(crate) action: FaultAction,
}

impl FaultRule {
    /// The n-th mutating or exec call of the run fails.
    pub(crate) fn at_call(number: u64, action: FaultAction) -> Self {
        Self { matcher: Matcher::Number(number), action }
    }

    /// The n-th call (from 1) with this method and path pattern fails.
    pub(crate) fn nth(method: &str, path: &str, nth: u64, action: FaultAction) -> Self {
        Self::pattern(method, path, Which::Nth(nth), action)
    }

    /// Every call with this method and path pattern fails.
    pub(crate) fn every(method: &str, path: &str, action: FaultAction) -> Self {
        Self::pattern(method, path, Which::Every, action)
    }

    /// Calls with this method and path pattern fail.
    pub(crate) fn pattern(method: &str, path: &str, which: Which, action: FaultAction) -> Self {
        let matcher = Matcher::Pattern { method: method.to_owned(), path: path.to_owned(), which };
        Self { matcher, action }
    }
}

impl FaultAction {
    /// One word for each kind.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::ErrorBefore(..) => "error-before",
            Self::EffectThenError(..) => "error-after",
            Self::HangUpBefore => "hang-up-before",
            Self::EffectThenHangUp => "hang-up-after",
            Self::HangBefore => "hang-before",
            Self::HangAfter => "hang-after",
            Self::DelayBefore(_) => "delay-before",
            Self::DelayAfter(_) => "delay-after",
            Self::Garbage => "garbage",
            Self::Truncated => "truncated",
            Self::CloseEventStream => "close-events",
            Self::ClientDiesBefore => "crash-before",
            Self::ClientDiesAfter => "crash-after",
            Self::DaemonDiesBefore(_) => "daemon-dies-before",
            Self::DaemonDiesAfter(_) => "daemon-dies-after",
        }
    }
}

/// The rules of a run.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<(FaultRule, u64)>,
    by_call: BTreeMap<u64, FaultAction>,
    calls: u64,
    struck: u64,
}

impl Faults {
    /// Adds a rule. The first rule that picks a call decides.
    pub(crate) fn add(&mut self, rule: FaultRule) {
        self.rules.push((rule, 0));
    }

    /// The n-th call of all, reading ones included, from 1, fails.
    pub(crate) fn add_at(&mut self, number: u64, action: FaultAction) {
        self.by_call.insert(number, action);
    }

    /// Calls of all kinds so far.
    pub(crate) fn calls(&self) -> u64 {
        self.calls
    }

    /// Whether there were more than so many calls that something must go round without a rest.
    pub(crate) fn is_flooded(&self) -> bool {
        self.calls > FLOOD
    }

    /// Takes all rules away.
    pub(crate) fn clear(&mut self) {
        self.by_call.clear();
        self.rules.clear();
    }

    /// How often a fault was injected.
    pub(crate) fn struck(&self) -> u64 {
        self.struck
    }

    /// What shall happen to this call.
    pub(crate) fn pick(
        &mut self,
        call: &Call,
        stable_path: &str,
        number: Option<u64>,
    ) -> Option<FaultAction> {
        self.calls += 1;
        let mut found = self.by_call.remove(&self.calls);
        for (rule, seen) in &mut self.rules {
            let fits = match &rule.matcher {
                Matcher::Number(wanted) => number == Some(*wanted),
                Matcher::Pattern { method, path, which } => {
                    let here = (method == "*" || method.eq_ignore_ascii_case(call.method.as_str()))
                        && (glob(path, &call.path) || glob(path, stable_path));
                    *seen += u64::from(here);
                    here && match which {
                        Which::Nth(nth) => seen == nth,
                        Which::First(count) => *seen <= *count,
                        Which::Every => true,
                    }
                }
            };
            if fits && found.is_none() {
                found = Some(rule.action.clone());
            }
        }
        self.struck += u64::from(found.is_some());
        found
    }
}

/// `*` stands for any characters, everything else for itself.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|head| text.strip_prefix(head)) else {
        return false;
    };
    let mut rest = rest;
    let mut last = None;
    for part in parts {
        if let Some(previous) = last.replace(part) {
            let Some((_, after)) = rest.split_once(previous) else {
                return false;
            };
            rest = after;
        }
    }
    last.map_or(rest.is_empty(), |tail| rest.ends_with(tail))
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn patterns() {
        assert!(glob("/containers/*/start", "/containers/abc/start"));
        assert!(!glob("/containers/*/start", "/containers/abc/stop"));
        assert!(glob("*", "/x") && glob("/x", "/x") && !glob("/x", "/xy"));
        assert!(glob("/a*b*c", "/a1b2c") && !glob("/a*b*c", "/a1c"));
    }
}
