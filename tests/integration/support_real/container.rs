//! What `inspect` says about a container.

use serde_json::Value;

/// One container as it was when it was inspected.
#[derive(Clone, Debug)]
pub(crate) struct Container(Value);

impl Container {
    /// From the answer of `inspect`.
    pub(crate) fn new(inspected: Value) -> Self {
        Self(inspected)
    }

    /// A text at a JSON pointer, empty if there is none.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.0.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// A number at a JSON pointer.
    pub(crate) fn number(&self, pointer: &str) -> i64 {
        self.0.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
    }

    /// Whatever stands at a JSON pointer.
    pub(crate) fn at(&self, pointer: &str) -> &Value {
        self.0.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// Id.
    pub(crate) fn id(&self) -> &str {
        self.text("/Id")
    }

    /// Name without the slash.
    pub(crate) fn name(&self) -> &str {
        self.text("/Name").trim_start_matches('/')
    }

    /// `running`, `exited` …
    pub(crate) fn state(&self) -> &str {
        self.text("/State/Status")
    }

    /// Whether it runs and is neither paused nor between two runs.
    pub(crate) fn runs(&self) -> bool {
        self.state() == "running"
    }

    /// `healthy`, `starting`, `unhealthy` or empty.
    pub(crate) fn health(&self) -> &str {
        self.text("/State/Health/Status")
    }

    /// Begin of the run, in the engine's text form; texts of one engine compare as times do up to the millisecond.
    pub(crate) fn started_at(&self) -> &str {
        self.text("/State/StartedAt")
    }

    /// A label, empty if there is none.
    pub(crate) fn label(&self, name: &str) -> &str {
        self.at("/Config/Labels").get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Names of the networks that it is attached to.
    pub(crate) fn networks(&self) -> Vec<&str> {
        let networks = self.at("/NetworkSettings/Networks").as_object();
        networks.into_iter().flatten().map(|(name, _)| name.as_str()).collect()
    }

    /// Its environment as `NAME=value`.
    pub(crate) fn environment(&self) -> Vec<&str> {
        self.at("/Config/Env").as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// One line for a failed test.
    pub(crate) fn line(&self) -> String {
        format!(
            "{} {} {} {} exit {} restarts {} error {:?}",
            self.id().get(..12).unwrap_or_default(),
            self.name(),
            self.state(),
            self.health(),
            self.number("/State/ExitCode"),
            self.number("/RestartCount"),
            self.text("/State/Error"),
        )
    }
}
