//! The record of all calls, with virtual times and names instead of ids.

use std::fmt::Write as _;
use std::time::Duration;

use super::random::{sha256_hex, short};
use super::request::Call;
use super::world::World;

/// What is kept of a body, in bytes.
const BODY_LIMIT: usize = 16 * 1024;

/// What a call does to the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// GET, HEAD and `wait`.
    Reading,
    /// Exec create, start and resize: they run something, but change no object.
    Exec,
    /// Everything else.
    Mutating,
}

impl CallKind {
    /// The kind of a call.
    pub(crate) fn of(call: &Call) -> Self {
        let reading = matches!(call.method.as_str(), "GET" | "HEAD");
        if reading || call.path.ends_with("/wait") {
            Self::Reading
        } else if call.path.ends_with("/exec") || call.path.starts_with("/exec/") {
            Self::Exec
        } else {
            Self::Mutating
        }
    }
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TracedCall {
    /// Virtual time at which the engine read it.
    pub(crate) at: Duration,
    /// What it does.
    pub(crate) kind: CallKind,
    /// 1-based number among the mutating and exec calls; what fault rules count.
    pub(crate) number: Option<u64>,
    /// HTTP method.
    pub(crate) method: String,
    /// Path with names in the place of ids, and the query of calls that change something.
    pub(crate) path: String,
    /// HTTP status; 0 for a closed connection, absent while there is no answer.
    pub(crate) status: Option<u16>,
}

impl TracedCall {
    /// One line: time in ms, number, method, path, status.
    pub(crate) fn line(&self) -> String {
        let number = self.number.map_or_else(|| "-".to_owned(), |number| format!("#{number}"));
        let status = match self.status {
            Some(0) => "hung up".to_owned(),
            Some(status) => status.to_string(),
            None => "no answer".to_owned(),
        };
        let at = self.at.as_millis();
        format!("{at:>9} ms {number:>5} {:<6} {} -> {status}", self.method, self.path)
    }
}

/// The record.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    calls: Vec<TracedCall>,
    bodies: Vec<String>,
    numbered: u64,
}

impl Trace {
    /// All calls so far.
    pub(crate) fn calls(&self) -> &[TracedCall] {
        &self.calls
    }

    /// What changed or ran something, as it was sent: method, path with its query, and body.
    pub(crate) fn bodies(&mut self) -> &mut Vec<String> {
        &mut self.bodies
    }

    /// How many calls changed an object (execs not counted).
    pub(crate) fn mutating(&self) -> usize {
        self.calls.iter().filter(|call| call.kind == CallKind::Mutating).count()
    }

    /// Numbered calls so far: mutating and exec.
    pub(crate) fn numbered(&self) -> u64 {
        self.numbered
    }

    /// Forgets the calls, not the numbers.
    pub(crate) fn clear(&mut self) {
        self.calls.clear();
    }

    /// One line per call.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.calls.iter().map(TracedCall::line).collect()
    }

    /// A hash of all lines.
    pub(crate) fn hash(&self) -> String {
        let lines = self.lines();
        sha256_hex(lines.iter().map(String::as_bytes))
    }

    /// Sets the status of the call with this index.
    pub(crate) fn finish(&mut self, index: usize, status: u16) {
        if let Some(call) = self.calls.get_mut(index) {
            call.status = Some(status);
        }
    }
}

/// Writes a call down when it arrives. Returns its index and its number.
pub(crate) fn begin(world: &mut World, call: &Call) -> (usize, Option<u64>) {
    let kind = CallKind::of(call);
    let path = stable_path(world, call, kind);
    let trace = &mut world.trace;
    if kind != CallKind::Reading {
        let said = call.query.iter().map(|(key, values)| format!("{key}={}", values.join(",")));
        let said: Vec<String> = said.collect();
        let body = &call.body[..call.body.len().min(BODY_LIMIT)];
        let body = String::from_utf8_lossy(body);
        trace.bodies.push(format!("{} {}?{} {body}", call.method, call.path, said.join("&")));
    }
    let number = (kind != CallKind::Reading).then(|| {
        trace.numbered += 1;
        trace.numbered
    });
    trace.calls.push(TracedCall {
        at: world.clock.elapsed(),
        kind,
        number,
        method: call.method.to_string(),
        path,
        status: None,
    });
    (trace.calls.len() - 1, number)
}

fn stable_path(world: &World, call: &Call, kind: CallKind) -> String {
    let parts: Vec<String> = call.path.split('/').map(|part| stable(world, part)).collect();
    let mut path = parts.join("/");
    if kind != CallKind::Reading && !call.path.starts_with("/build") {
        let said = call.query.iter().filter(|(_, values)| values.iter().any(|it| !it.is_empty()));
        for (index, (key, values)) in said.enumerate() {
            let mark = if index == 0 { '?' } else { '&' };
            write!(path, "{mark}{key}={}", values.join(",")).ok();
        }
    }
    path
}

/// A name for an id: of the container, of the network, else its first digits.
fn stable(world: &World, part: &str) -> String {
    let digits = part.strip_prefix("sha256:").unwrap_or(part);
    let id = digits.len() >= 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !id {
        return part.to_owned();
    }
    if let Ok(container) = world.container(part) {
        return format!("{{{}}}", container.name);
    }
    if let Some(network) = world.networks.by_id(part) {
        return format!("{{{}}}", network.name);
    }
    if let Some(exec) = world.execs.get(part) {
        let name = world.containers.get(&exec.container).map_or("gone", |it| it.name.as_str());
        return format!("{{exec in {name}}}");
    }
    short(digits).to_owned()
}
