//! The steps of a build as the engine tells of them: lines of progress, and what to say of a step that failed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message;
use serde_json::Value;

use crate::engine::docker::session::proto::{StatusResponse, Vertex};
use crate::engine::failure::presentable;
use crate::model::secret::Secret;

/// Longest line, in characters.
const LINE_LIMIT: usize = 200;
/// Lines of a failed step's output that are shown.
const TAIL_LINES: usize = 4;
/// Longest of these, in characters.
const TAIL_LIMIT: usize = 100;
/// Longest name of a step in a message, in characters.
const STEP_LIMIT: usize = 80;

/// What was seen of a build so far, by either builder.
#[derive(Debug, Default)]
pub(in crate::engine) struct Steps {
    seen: BTreeMap<String, Step>,
    /// The step that failed, or, with the classic builder, the one that runs.
    current: String,
    /// Values of arguments, longest first, with what stands in their place: BuildKit writes them into the names of steps.
    hidden: Vec<(Secret, String)>,
}

/// Shortest value that is hidden, in bytes: shorter ones are parts of ordinary words.
const HIDDEN_BYTES: usize = 3;

#[derive(Debug, Default)]
struct Step {
    name: String,
    told: bool,
    tail: VecDeque<String>,
}

impl Step {
    fn add(&mut self, line: &str) {
        let line = presentable(line, TAIL_LIMIT);
        if line.is_empty() {
            return;
        }
        if self.tail.len() == TAIL_LINES {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }
}

impl Steps {
    /// None seen yet. Values of `arguments` are never told.
    pub(in crate::engine) fn hiding(arguments: &BTreeMap<String, Secret>) -> Self {
        let mut hidden: Vec<(Secret, String)> = arguments
            .iter()
            .filter(|(_, value)| value.expose().len() >= HIDDEN_BYTES)
            .map(|(name, value)| (value.clone(), format!("${name}")))
            .collect();
        hidden.sort_by_key(|(value, _)| Reverse(value.expose().len()));
        Self { hidden, ..Self::default() }
    }

    fn hide(&self, text: &str) -> String {
        self.hidden
            .iter()
            .fold(text.to_owned(), |text, (value, name)| text.replace(value.expose(), name))
    }

    /// Reads one line of the stream and returns lines for people.
    pub(in crate::engine) fn read(&mut self, line: &Value) -> Vec<String> {
        if line.get("id").and_then(Value::as_str) == Some("moby.buildkit.trace") {
            let trace = line.get("aux").and_then(Value::as_str).unwrap_or_default();
            let trace = STANDARD.decode(trace).unwrap_or_default();
            // A progress that cannot be read is no reason to fail a build.
            return StatusResponse::decode(trace.as_slice())
                .map(|status| self.status(status))
                .unwrap_or_default();
        }
        if let Some(text) = line.get("stream").and_then(Value::as_str) {
            self.classic(text);
        }
        Vec::new()
    }

    fn classic(&mut self, text: &str) {
        let hidden = self.hide(text);
        let named = text.strip_prefix("Step ").and_then(|rest| rest.split_once(" : "));
        if let Some((number, name)) = named {
            number.clone_into(&mut self.current);
            let step = Step { name: self.hide(name.trim()), ..Step::default() };
            self.seen.insert(self.current.clone(), step);
        } else if !text.starts_with(" ---> ")
            && !text.starts_with("Removing intermediate container")
            && let Some(step) = self.seen.get_mut(&self.current)
        {
            hidden.lines().for_each(|line| step.add(line));
        }
    }

    fn status(&mut self, status: StatusResponse) -> Vec<String> {
        let mut lines = Vec::new();
        for vertex in status.vertexes {
            lines.extend(self.vertex(vertex));
        }
        for log in status.logs {
            let text = self.hide(&String::from_utf8_lossy(&log.text));
            let step = self.seen.entry(log.vertex).or_default();
            for line in text.lines() {
                step.add(line);
                lines.push(presentable(line, LINE_LIMIT));
            }
        }
        lines.retain(|line| !line.is_empty());
        lines
    }

    /// The name of a step, once, when it begins.
    fn vertex(&mut self, vertex: Vertex) -> Option<String> {
        if !vertex.error.is_empty() && !vertex.error.contains("context canceled") {
            self.current.clone_from(&vertex.digest);
        }
        let name = self.hide(&vertex.name);
        let step = self.seen.entry(vertex.digest).or_default();
        step.name = name;
        if step.told || (vertex.started.is_none() && !vertex.cached) {
            return None;
        }
        step.told = true;
        let cached = if vertex.cached { " (cached)" } else { "" };
        Some(presentable(&format!("{}{cached}", step.name), LINE_LIMIT))
    }

    /// What the engine says of a failed build, with the step, its line in the instructions and its last output.
    /// `stages` lines stand in the instructions that the user did not write.
    pub(in crate::engine) fn explain(
        &self,
        error: &str,
        instructions: Option<&str>,
        stages: usize,
    ) -> String {
        let error = self.hide(error);
        let Some(step) = self.seen.get(&self.current) else {
            return error;
        };
        let name = match step.name.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
            Some((_, name)) => name,
            None => &step.name,
        };
        let line = instructions.and_then(|text| line_of(text, name));
        let place = line.map_or_else(String::new, |line| {
            format!(" (Dockerfile line {})", line.saturating_sub(stages))
        });
        let mut out = format!("{}{place}: {}", presentable(name, STEP_LIMIT), error.trim());
        if !step.tail.is_empty() {
            let tail: Vec<&str> = step.tail.iter().map(String::as_str).collect();
            out.push_str("; it said last: ");
            out.push_str(&tail.join(" | "));
        }
        out
    }
}

/// The number of the line at which an instruction begins; `None` if it is not found as it is.
fn line_of(instructions: &str, wanted: &str) -> Option<usize> {
    let squeezed = |text: &str| {
        let words: Vec<&str> = text.split_whitespace().collect();
        words.join(" ").replace(['{', '}'], "")
    };
    let wanted = squeezed(wanted);
    let mut open: Option<(usize, String)> = None;
    for (index, line) in instructions.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('#') || (line.is_empty() && open.is_some()) {
            continue;
        }
        let (first, mut text) = open.take().unwrap_or((index + 1, String::new()));
        let goes_on = line.ends_with('\\');
        text.push_str(line.strip_suffix('\\').unwrap_or(line));
        if goes_on {
            text.push(' ');
            open = Some((first, text));
        } else if squeezed(&text).eq_ignore_ascii_case(&wanted) {
            return Some(first);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::docker::session::proto::{Time, VertexLog};
    use serde_json::json;

    #[test]
    fn a_failed_step_of_the_classic_builder_is_explained() {
        let mut steps = Steps::default();
        for text in ["Step 1/2 : FROM x\n", " ---> ab\n", "Step 2/2 : RUN false\n", "oh\nno\n"] {
            assert!(steps.read(&json!({"stream": text})).is_empty());
        }
        let text = "FROM x\n\nRUN  \\\n  # why\n  false\n";
        assert_eq!(
            steps.explain("it returned a non-zero code: 1", Some(text), 0),
            "RUN false (Dockerfile line 3): it returned a non-zero code: 1; it said last: oh | no"
        );
        assert_eq!(Steps::default().explain("e", None, 0), "e");
    }

    #[test]
    fn values_of_arguments_are_hidden() {
        let arguments = [("TOKEN".to_owned(), Secret::from("hunter2"))].into();
        let mut steps = Steps::hiding(&arguments);
        assert!(steps.read(&json!({"stream": "Step 1/1 : RUN x hunter2\n"})).is_empty());
        assert!(steps.read(&json!({"stream": "got hunter2\n"})).is_empty());
        let text = steps.explain("x hunter2 failed", Some("RUN x ${TOKEN}"), 0);
        assert_eq!(
            text,
            "RUN x $TOKEN (Dockerfile line 1): x $TOKEN failed; it said last: got $TOKEN"
        );
    }

    #[test]
    fn a_failed_step_of_buildkit_is_explained() {
        let mut steps = Steps::default();
        let vertex = |error: &str| Vertex {
            digest: "d".to_owned(),
            name: "[stage-1 2/2] RUN make all".to_owned(),
            cached: false,
            started: Some(Time::default()),
            error: error.to_owned(),
        };
        let log = VertexLog { vertex: "d".to_owned(), text: b"a\nb\n".to_vec() };
        let mut tell = |vertexes: Vec<Vertex>, logs: Vec<VertexLog>| {
            let status = StatusResponse { vertexes, logs };
            let aux = STANDARD.encode(status.encode_to_vec());
            steps.read(&json!({"id": "moby.buildkit.trace", "aux": aux}))
        };
        assert_eq!(tell(vec![vertex("")], vec![]), ["[stage-1 2/2] RUN make all"]);
        assert_eq!(tell(vec![vertex("")], vec![log]), ["a", "b"]);
        assert!(tell(vec![vertex("exit code: 2")], vec![]).is_empty());
        assert_eq!(
            steps.explain("exit code: 2", Some("FROM c AS c\nFROM x\nRUN make all"), 1),
            "RUN make all (Dockerfile line 2): exit code: 2; it said last: a | b"
        );
    }
}
