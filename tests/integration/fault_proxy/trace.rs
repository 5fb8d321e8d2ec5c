//! The record of all calls, in the form of the simulated engine's, so that the same checkers read both.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::fault_proxy::http::Request;
use crate::sim::{CallKind, TracedCall};

/// All calls so far, each with what the proxy did to it.
#[derive(Debug, Default)]
pub(super) struct Trace {
    calls: Vec<(TracedCall, String)>,
    numbered: u64,
    /// Names by id, as learnt from the calls themselves.
    names: BTreeMap<String, String>,
}

impl Trace {
    /// Writes a call down when it arrives; its index.
    pub(super) fn begin(&mut self, request: &Request, at: Duration, fault: String) -> usize {
        let kind = if request.executes() {
            CallKind::Exec
        } else if request.changes() {
            CallKind::Mutating
        } else {
            CallKind::Reading
        };
        let number = (kind != CallKind::Reading).then(|| {
            self.numbered += 1;
            self.numbered
        });
        let path = if kind == CallKind::Reading { request.path() } else { request.unversioned() };
        let parts: Vec<String> = path.split('/').map(|part| self.stable(part)).collect();
        let (method, path) = (request.method.clone(), parts.join("/"));
        self.calls.push((TracedCall { at, kind, number, method, path, status: None }, fault));
        self.calls.len() - 1
    }

    /// The engine's answer; 0 for a connection that was closed instead.
    pub(super) fn end(&mut self, index: usize, status: u16) {
        if let Some((call, _)) = self.calls.get_mut(index) {
            call.status = Some(status);
        }
    }

    /// What a call and its answer tell of names.
    pub(super) fn learn(&mut self, request: &Request, body: &[u8]) {
        let path = request.path();
        let id =
            || serde_json::from_slice::<Value>(body).ok()?.get("Id")?.as_str().map(str::to_owned);
        let name = match path {
            "/containers/create" => request.query("name").map(str::to_owned),
            "/networks/create" => serde_json::from_slice::<Value>(&request.body)
                .ok()
                .and_then(|body| body.get("Name")?.as_str().map(str::to_owned)),
            _ if path.ends_with("/rename") => {
                let id = path.split('/').nth(2).unwrap_or_default().to_owned();
                if let Some(name) = request.query("name") {
                    self.names.insert(id, name.to_owned());
                }
                None
            }
            _ => None,
        };
        if let (Some(name), Some(id)) = (name, id()) {
            self.names.insert(id, name);
        }
    }

    /// The calls, without what was done to them.
    pub(super) fn calls(&self) -> Vec<TracedCall> {
        self.calls.iter().map(|(call, _)| call.clone()).collect()
    }

    /// One line per call.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |(call, fault): &(TracedCall, String)| {
            let mark = if fault.is_empty() { "" } else { "  ! " };
            format!("{}{mark}{fault}", call.line())
        };
        self.calls.iter().map(line).collect()
    }

    fn stable(&self, part: &str) -> String {
        let digits = part.strip_prefix("sha256:").unwrap_or(part);
        let id = digits.len() >= 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        match self.names.get(part) {
            Some(name) => format!("{{{name}}}"),
            None if id => digits.chars().take(12).collect(),
            None => part.to_owned(),
        }
    }
}
