//! A client of the Engine API of its own, so that the tests do not judge the controller by the controller's eyes.
//!
//! HTTP/1.0: one request per connection, the answer ends with it. Blocking.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::support_real::container::Container;

/// Label that groups the containers of a project.
pub(crate) const PROJECT_LABEL: &str = "com.docker.compose.project";
/// Label with the service of a container.
pub(crate) const SERVICE_LABEL: &str = "com.docker.compose.service";
const VERSION: &str = "/v1.41";
const TIMEOUT: Duration = Duration::from_secs(60);

/// The engine of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    socket: PathBuf,
}

/// An answer of the engine.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Status code.
    pub(crate) status: u16,
    /// Body, JSON or empty or text.
    pub(crate) body: String,
}

impl Engine {
    /// The engine that `DOCKER_HOST` names, or the usual one. A test without an engine fails; it is never skipped.
    pub(crate) fn connect() -> Self {
        let host = std::env::var("DOCKER_HOST").unwrap_or_default();
        let socket = match host.strip_prefix("unix://") {
            Some(path) => PathBuf::from(path),
            None if host.is_empty() => PathBuf::from("/var/run/docker.sock"),
            None => panic!("the real-engine tests need a local engine, not DOCKER_HOST={host}"),
        };
        let engine = Self::at(&socket);
        if let Err(error) = engine.call("GET", "/version", None) {
            panic!(
                "no engine answers at {}: {error}; start it with scripts/setup",
                engine.socket.display()
            );
        }
        engine
    }

    /// The engine behind this socket, whether it answers or not.
    pub(crate) fn at(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// Its socket.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Whether it answers.
    pub(crate) fn answers(&self) -> bool {
        self.call("GET", "/_ping", None).is_ok_and(|answer| answer.status == 200)
    }

    /// The address as `--host` and `DOCKER_HOST` take it.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// One request. `path` is without the version and already encoded.
    pub(crate) fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> std::io::Result<Answer> {
        let mut stream = self.open(method, path, body)?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| std::io::Error::other(format!("no answer: {head}")))?;
        Ok(Answer { status, body: body.to_owned() })
    }

    /// Sends a request and leaves the answer to be read.
    pub(crate) fn open(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> std::io::Result<UnixStream> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let body = body.map(Value::to_string).unwrap_or_default();
        write!(
            stream,
            "{method} {VERSION}{path} HTTP/1.0\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        // The engine takes a closed writing side for a client that went away, so it stays open.
        stream.flush()?;
        Ok(stream)
    }

    /// A request that must succeed; its JSON, or null.
    pub(crate) fn expect(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let answer = self.call(method, path, body).unwrap();
        assert!(answer.status < 400, "{method} {path}: {} {}", answer.status, answer.body);
        serde_json::from_str(&answer.body).unwrap_or(Value::Null)
    }

    /// JSON of something that must be there.
    pub(crate) fn get(&self, path: &str) -> Value {
        self.expect("GET", path, None)
    }

    /// Something that may be missing.
    pub(crate) fn find(&self, path: &str) -> Option<Value> {
        let answer = self.call("GET", path, None).unwrap();
        match answer.status {
            404 => None,
            status if status < 400 => serde_json::from_str(&answer.body).ok(),
            status => panic!("GET {path}: {status} {}", answer.body),
        }
    }

    /// Acts on a container, as a person would by hand: `kill`, `stop?t=1`, `pause` …
    pub(crate) fn act(&self, container: &str, action: &str) {
        self.expect("POST", &format!("/containers/{container}/{action}"), None);
    }

    /// Removes a container with force.
    pub(crate) fn remove(&self, container: &str) {
        self.expect("DELETE", &format!("/containers/{container}?force=1"), None);
    }

    /// A container by id or name.
    pub(crate) fn container(&self, key: &str) -> Option<Container> {
        self.find(&format!("/containers/{key}/json")).map(Container::new)
    }

    /// All containers that carry a project's label, in whatever state, by name.
    pub(crate) fn containers_of(&self, project: &str) -> Vec<Container> {
        let filters = serde_json::json!({ "label": [format!("{PROJECT_LABEL}={project}")] });
        let list = self.get(&format!("/containers/json?all=1&filters={}", encode(&filters)));
        let ids = list.as_array().into_iter().flatten().filter_map(|one| one["Id"].as_str());
        let mut found: Vec<_> = ids.filter_map(|id| self.container(id)).collect();
        found.sort_by(|left, right| left.name().cmp(right.name()));
        found
    }

    /// Runs a command in a container with the client of Docker; its standard output.
    pub(crate) fn exec(&self, container: &str, command: &[&str]) -> String {
        let output = std::process::Command::new("docker")
            .args(["exec", container])
            .args(command)
            .env("DOCKER_HOST", self.address())
            .output()
            .expect("the docker client is installed");
        assert!(output.status.success(), "exec {command:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// Ends reading of a stream from another thread.
pub(crate) fn hang_up(stream: &UnixStream) {
    drop(stream.shutdown(Shutdown::Both));
}

/// A value in the query of a path.
pub(crate) fn encode(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let encoded = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    });
    encoded.collect()
}
