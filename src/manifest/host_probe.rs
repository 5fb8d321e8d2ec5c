//! `x-composelet.probe` of a service: what is asked of it from this host.

use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue};

use crate::manifest::environment::child;
use crate::manifest::node::{Entry, Node, Value};
use crate::manifest::report::{Finding, Report};
use crate::manifest::words::truth;
use crate::manifest::{shell, suggest, units};
use crate::model::hook::HookCommand;
use crate::model::host_probe::{
    Handler, HostProbe, HostProbes, HttpGet, ProbeKind, Scheme, StatusRange, TlsVerify,
};
use crate::model::secret::Secret;

const KINDS: &[&str] = &["startup", "readiness", "liveness"];
const HANDLERS: &[&str] = &["http", "tcp", "exec"];
const NUMBERS: &[&str] =
    &["initial_delay", "period", "timeout", "success_threshold", "failure_threshold"];
const HTTP: &[&str] = &["path", "port", "scheme", "host", "headers", "expect", "tls_verify"];
/// Names that Kubernetes gives to what is written otherwise here.
const KUBERNETES: &[(&str, &str)] = &[
    ("startupProbe", "startup"),
    ("readinessProbe", "readiness"),
    ("livenessProbe", "liveness"),
    ("httpGet", "http"),
    ("tcpSocket", "tcp"),
    ("httpHeaders", "headers"),
    ("initialDelaySeconds", "initial_delay"),
    ("periodSeconds", "period"),
    ("timeoutSeconds", "timeout"),
    ("successThreshold", "success_threshold"),
    ("failureThreshold", "failure_threshold"),
];
const PROBE: &str = "a mapping, such as {http: {path: /healthz, port: 8000}, period: 10s}";
const MOST: i64 = 1_000_000;

/// Checks the value of the word.
pub(crate) fn check(node: &Node, field: &str, report: &mut Report) {
    let mut check = Check { report };
    let help = "a mapping, such as {readiness: {tcp: {port: 6379}}}";
    for (key, entry, path) in check.entries(node, field, help, KINDS) {
        let kind = if key == "readiness" { ProbeKind::Readiness } else { ProbeKind::Liveness };
        check.handlers((key, entry), &path);
        check.probe(&entry.node, &path, kind);
    }
}

/// Checks what one of the handlers says.
pub(crate) fn check_handler(key: &str, node: &Node, field: &str, report: &mut Report) {
    Check { report }.handler(key, node, field);
}

struct Check<'r> {
    report: &'r mut Report,
}

impl Check<'_> {
    /// The known keys of a mapping; the others are told.
    fn entries<'n>(
        &mut self,
        node: &'n Node,
        field: &str,
        help: &str,
        known: &[&str],
    ) -> Vec<(&'n str, &'n Entry, String)> {
        let Some(map) = node.as_map() else {
            self.wrong(node, field, help);
            return Vec::new();
        };
        let mut found = Vec::new();
        for (key, entry) in map {
            let path = child(field, key);
            if known.contains(&&**key) {
                found.push((&**key, entry, path));
            } else {
                self.unknown((key, entry), &path, known);
            }
        }
        found
    }

    fn unknown(&mut self, (key, entry): (&str, &Entry), path: &str, known: &[&str]) {
        let finding =
            Finding::error("unknown-key", path, format!("the key {key} is not known here"))
                .at(entry.key);
        let kubernetes = KUBERNETES.iter().find(|(theirs, _)| *theirs == key);
        let near = suggest::nearest(key, known.iter().copied());
        self.report.add(match (kubernetes, near) {
            (Some((_, ours)), _) => finding.help(format!("it is written {ours} here")),
            (None, Some(near)) => finding.help(format!("did you mean {near}?")),
            (None, None) => finding.help(format!("known are {}", known.join(", "))),
        });
    }

    fn wrong(&mut self, node: &Node, field: &str, help: &str) {
        let message = format!("{field} is {}", node.kind());
        self.report.add(Finding::error("wrong-kind", field, message).at(node.place).help(help));
    }

    /// A value of the right kind that nothing can be done with.
    fn bad(&mut self, node: &Node, field: &str, help: &str) {
        let text = node.scalar_text().unwrap_or_else(|| node.kind().into());
        let shown = self.report.sources.shown(&text, node.place).to_owned();
        let message = format!("{shown} is not possible here");
        self.report.add(Finding::error("bad-probe", field, message).at(node.place).help(help));
    }

    /// A scalar that `is_right` takes; of lists, mappings and nothing the kind is told.
    fn scalar(&mut self, node: &Node, field: &str, is_right: bool, help: &str) {
        match node.value {
            _ if is_right => {}
            Value::List(_) | Value::Map(_) | Value::Null => self.wrong(node, field, help),
            _ => self.bad(node, field, help),
        }
    }

    /// A probe asks exactly one thing.
    fn handlers(&mut self, (key, entry): (&str, &Entry), path: &str) {
        let Some(map) = entry.node.as_map() else {
            return;
        };
        let mut handlers = map.iter().filter(|(key, _)| HANDLERS.contains(&&***key));
        match (handlers.next(), handlers.next()) {
            (None, _) => {
                let message = format!("nothing says what the {key} probe asks");
                let finding = Finding::error("missing-key", path, message).at(entry.key);
                self.report.add(finding.help("add http, tcp or exec"));
            }
            (Some((first, _)), Some((second, other))) => {
                let message = format!("{first} and {second} exclude each other");
                let finding = Finding::error("exclusive-keys", path, message).at(other.key);
                self.report.add(finding.help("a probe asks one thing; remove one of the two"));
            }
            _ => {}
        }
    }

    fn probe(&mut self, node: &Node, field: &str, kind: ProbeKind) {
        let known = [HANDLERS, NUMBERS].concat();
        for (key, entry, path) in self.entries(node, field, PROBE, &known) {
            let node = &entry.node;
            match key {
                "http" | "tcp" | "exec" => self.handler(key, node, &path),
                "initial_delay" => {
                    self.scalar(node, &path, duration(node).is_some(), "a time, such as 5s");
                }
                "period" | "timeout" => {
                    let right = duration(node).is_some_and(|time| !time.is_zero());
                    self.scalar(node, &path, right, "a time longer than none, such as 10s");
                }
                "success_threshold" if kind != ProbeKind::Readiness => {
                    let help = "1: only a readiness probe may need several good answers in a row";
                    self.scalar(node, &path, number(node) == Some(1), help);
                }
                _ => self.scalar(node, &path, number(node).is_some(), "a whole number from 1 on"),
            }
        }
    }

    fn handler(&mut self, key: &str, node: &Node, field: &str) {
        match key {
            "http" => self.http(node, field),
            "exec" => self.exec(node, field),
            _ => {
                let help = "a mapping, such as {port: 6379}";
                for (_, entry, path) in self.entries(node, field, help, &["port"]) {
                    self.port(&entry.node, &path);
                }
                self.needs(node, field, "port", "the port on which the container listens");
            }
        }
    }

    fn needs(&mut self, node: &Node, field: &str, key: &str, help: &str) {
        if node.as_map().is_some_and(|map| !map.contains_key(key)) {
            let message = format!("{key} is missing");
            let finding = Finding::error("missing-key", field, message).at(node.place);
            self.report.add(finding.help(help));
        }
    }

    fn port(&mut self, node: &Node, field: &str) {
        let help = "a port of the container, 1 to 65535";
        self.scalar(node, field, port(node).is_some(), help);
    }

    fn exec(&mut self, node: &Node, field: &str) {
        let help = "a mapping, such as {command: [pg_isready, -q]}";
        for (_, entry, path) in self.entries(node, field, help, &["command"]) {
            if words(&entry.node).is_none_or(|words| words.is_empty()) {
                self.wrong(&entry.node, &path, "a command, such as [pg_isready, -q]");
            }
        }
        self.needs(node, field, "command", help);
    }

    fn http(&mut self, node: &Node, field: &str) {
        let help = "a mapping, such as {path: /healthz, port: 8000}";
        for (key, entry, path) in self.entries(node, field, help, HTTP) {
            let node = &entry.node;
            match key {
                "port" => self.port(node, &path),
                "path" => {
                    let right = path_text(node).is_some();
                    self.scalar(node, &path, right, "a path from /, such as /healthz");
                }
                "scheme" => self.scalar(node, &path, scheme(node).is_some(), "http or https"),
                "host" => {
                    let help = "a host name without port, such as shop.example.com";
                    self.scalar(node, &path, host(node).is_some(), help);
                }
                "tls_verify" => {
                    self.scalar(node, &path, truth(node).is_some(), "true or false");
                }
                "expect" => self.expect(node, &path),
                _ => self.headers(node, &path),
            }
        }
        self.needs(node, field, "port", "the port on which the container listens");
    }

    fn expect(&mut self, node: &Node, field: &str) {
        let help = "statuses, such as [200, 2xx, 401]";
        match node.as_list() {
            Some([]) => self.wrong(node, field, help),
            Some(list) => {
                for (index, one) in list.iter().enumerate() {
                    let field = format!("{field}[{index}]");
                    self.scalar(one, &field, statuses(one).is_some(), help);
                }
            }
            None => self.scalar(node, field, statuses(node).is_some(), help),
        }
    }

    /// Values of headers are never shown.
    fn headers(&mut self, node: &Node, field: &str) {
        let Some(map) = node.as_map() else {
            return self.wrong(node, field, "a mapping, such as {X-Probe: composelet}");
        };
        for (name, entry) in map {
            let path = child(field, name);
            if HeaderName::from_bytes(name.as_bytes()).is_err() {
                let finding = Finding::error("bad-probe", &path, "this is no name of a header");
                let finding = finding.at(entry.key).hiding(&**name);
                self.report.add(finding.help("letters, digits and hyphens"));
            } else if header(&entry.node).is_none() {
                let message = "this is no value of a header";
                let finding = Finding::error("bad-probe", &path, message).at(entry.node.place);
                let finding = finding.hiding("…").help("a text of one line");
                self.report.add(finding);
            }
        }
    }
}

fn duration(node: &Node) -> Option<Duration> {
    units::duration(&node.scalar_text()?)
}

fn number(node: &Node) -> Option<u32> {
    let number = node.as_int().or_else(|| node.as_text()?.parse().ok())?;
    u32::try_from(number).ok().filter(|_| (1..=MOST).contains(&number))
}

fn port(node: &Node) -> Option<u16> {
    let number = node.as_int().or_else(|| node.as_text()?.parse().ok())?;
    u16::try_from(number).ok().filter(|port| *port > 0)
}

fn scheme(node: &Node) -> Option<Scheme> {
    // Kubernetes writes it in capitals.
    match node.as_text()?.to_ascii_lowercase().as_str() {
        "http" => Some(Scheme::Http),
        "https" => Some(Scheme::Https),
        _ => None,
    }
}

fn host(node: &Node) -> Option<&str> {
    let is_part = |symbol: char| symbol.is_ascii_alphanumeric() || "-._".contains(symbol);
    node.as_text().filter(|text| !text.is_empty() && text.chars().all(is_part))
}

fn path_text(node: &Node) -> Option<&str> {
    let text = node.as_text().filter(|text| text.starts_with('/'))?;
    text.parse::<PathAndQuery>().ok().map(|_| text)
}

fn header(node: &Node) -> Option<Secret> {
    let text = node.scalar_text()?;
    HeaderValue::from_str(&text).ok().map(|_| Secret::new(&*text))
}

/// One status or class of statuses, or a list of them.
fn expected(node: &Node) -> Option<Vec<StatusRange>> {
    match &node.value {
        Value::List(list) if list.is_empty() => None,
        Value::List(list) => list.iter().map(statuses).collect(),
        _ => Some(vec![statuses(node)?]),
    }
}

fn statuses(node: &Node) -> Option<StatusRange> {
    let text = node.scalar_text()?;
    let number = |text: &str| text.parse().ok().filter(|status| (100..=599).contains(status));
    let range = match text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
        Some(class) => {
            let from = number(&format!("{class}00"))?;
            StatusRange { from, to: from + 99 }
        }
        None => match text.split_once('-') {
            Some((from, to)) => StatusRange { from: number(from)?, to: number(to)? },
            None => StatusRange { from: number(&text)?, to: number(&text)? },
        },
    };
    (range.from <= range.to).then_some(range)
}

/// A command: a list of texts, or one text that is split as a shell does.
fn words(node: &Node) -> Option<Vec<Secret>> {
    let words: Vec<String> = match &node.value {
        Value::Text(line) => shell::words(line)?,
        Value::List(list) => {
            list.iter().map(|word| Some(word.scalar_text()?.to_string())).collect::<Option<_>>()?
        }
        _ => return None,
    };
    Some(words.into_iter().map(Secret::new).collect())
}

/// The checked value; `None` if nothing of it is right.
pub(crate) fn read(node: &Node) -> Option<HostProbes> {
    let one = |key| node.get(key).and_then(probe);
    let probes = HostProbes {
        startup: one("startup"),
        readiness: one("readiness"),
        liveness: one("liveness"),
    };
    (probes != HostProbes::default()).then_some(probes)
}

fn probe(node: &Node) -> Option<HostProbe> {
    let mut probe = HostProbe::of(handler(node)?);
    let time = |key, time: &mut Duration| {
        *time = node.get(key).and_then(duration).unwrap_or(*time);
    };
    time("initial_delay", &mut probe.initial_delay);
    time("period", &mut probe.period);
    time("timeout", &mut probe.timeout);
    let count = |key, count: &mut u32| {
        *count = node.get(key).and_then(number).unwrap_or(*count);
    };
    count("success_threshold", &mut probe.success_threshold);
    count("failure_threshold", &mut probe.failure_threshold);
    Some(probe)
}

/// The checked handler of a probe.
pub(crate) fn handler(node: &Node) -> Option<Handler> {
    if let Some(get) = node.get("http") {
        return Some(Handler::Http(Box::new(http(get)?)));
    }
    if let Some(tcp) = node.get("tcp") {
        return Some(Handler::Tcp { port: tcp.get("port").and_then(port)? });
    }
    let command = node.at(&["exec", "command"]).and_then(words)?;
    Some(Handler::Exec(Box::new(HookCommand { command, ..HookCommand::default() })))
}

fn http(node: &Node) -> Option<HttpGet> {
    let headers = node.get("headers").and_then(Node::as_map).into_iter().flatten();
    let skip = node.get("tls_verify").and_then(truth) == Some(false);
    Some(HttpGet {
        scheme: node.get("scheme").and_then(scheme).unwrap_or_default(),
        host: node.get("host").and_then(host).map(str::to_owned),
        port: node.get("port").and_then(port)?,
        path: node.get("path").and_then(path_text).unwrap_or("/").to_owned(),
        headers: headers
            .filter_map(|(name, entry)| Some((name.to_string(), header(&entry.node)?)))
            .collect(),
        expect: node.get("expect").and_then(expected).unwrap_or_else(|| vec![StatusRange::SUCCESS]),
        tls_verify: if skip { TlsVerify::Skip } else { TlsVerify::Full },
    })
}
