//! Which calls go wrong, and how.

use crate::fault_proxy::faults::Fault;
use crate::fault_proxy::http::Request;
use crate::fault_proxy::pattern::fits;

/// Which of the calls that fit, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Every,
    Nth(usize),
    First(usize),
}

/// Picks calls and says what happens to them. The first rule that picks a call decides; all that fit count it.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    method: String,
    path: String,
    changing: bool,
    body: Option<String>,
    which: Which,
    fault: Fault,
    seen: usize,
}

impl Rule {
    /// Calls by method and path, both without version and query; `*` stands for anything.
    pub(crate) fn on(method: &str, path: &str, fault: Fault) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            changing: false,
            body: None,
            which: Which::Every,
            fault,
            seen: 0,
        }
    }

    /// Calls that change something.
    pub(crate) fn on_change(fault: Fault) -> Self {
        Self { changing: true, ..Self::on("*", "*", fault) }
    }

    /// Only the n-th of those that fit, from 1.
    pub(crate) fn nth(self, n: usize) -> Self {
        Self { which: Which::Nth(n), ..self }
    }

    /// Only the first n of those that fit.
    pub(crate) fn first(self, n: usize) -> Self {
        Self { which: Which::First(n), ..self }
    }

    /// Only calls whose body contains this text, e.g. `"com.docker.compose.service":"db"`.
    pub(crate) fn with_body(self, text: &str) -> Self {
        Self { body: Some(text.to_owned()), ..self }
    }

    /// Counts a call; what happens to it, if this rule picks it.
    pub(super) fn picks(&mut self, request: &Request) -> Option<Fault> {
        let body = || String::from_utf8_lossy(&request.body);
        let fitting = fits(&self.method, &request.method)
            && fits(&self.path, request.path())
            && (!self.changing || request.changes())
            && self.body.as_ref().is_none_or(|text| body().contains(text.as_str()));
        if !fitting {
            return None;
        }
        self.seen += 1;
        let picked = match self.which {
            Which::Every => true,
            Which::Nth(n) => self.seen == n,
            Which::First(n) => self.seen <= n,
        };
        picked.then(|| self.fault.clone())
    }
}
