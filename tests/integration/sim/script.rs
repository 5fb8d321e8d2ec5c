//! What applications do: how long they run, how they react, how they feel.

use std::collections::BTreeMap;
use std::time::Duration;

use super::container::Container;
use super::faults::glob;

/// One run of a process, from start to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Run {
    /// Until somebody ends it.
    Forever,
    /// Ends by itself.
    Exit {
        /// Time after the start.
        after: Duration,
        /// Exit code.
        code: i64,
    },
    /// The kernel kills it for want of memory.
    OutOfMemory {
        /// Time after the start.
        after: Duration,
    },
}

/// What a process does on its stop signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopReaction {
    /// Ends after this time with this code.
    Exit {
        /// Time to flush.
        after: Duration,
        /// Exit code.
        code: i64,
    },
    /// Goes on until it is killed.
    Ignore,
}

/// Why a start fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StartFailure {
    /// The entry point does not exist: 400, exit code 127.
    CommandNotFound,
    /// The entry point may not be executed: 400, exit code 126.
    PermissionDenied,
    /// The runtime fails: 500, exit code 128, with this text.
    Runtime(String),
}

/// Outcome of one health probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Exit code 0.
    Pass,
    /// This exit code, this output.
    Fail(i64, String),
    /// No end before the time-out.
    Hang,
}

impl Verdict {
    /// Exit code 1 and a line of text.
    pub(crate) fn fail() -> Self {
        Self::Fail(1, "not well\n".to_owned())
    }
}

/// How an application feels over the time of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HealthScript {
    /// Always the same.
    Always(Verdict),
    /// Fails until this time after the start, then passes.
    HealthyAfter(Duration),
    /// Passes until this time after the start, then fails.
    HealthyUntil(Duration),
    /// Passes until this time after the first start, then fails until it is started again.
    IllUntilRestarted(Duration),
    /// One verdict per probe of the engine; the last one goes on.
    Sequence(Vec<Verdict>),
}

impl HealthScript {
    /// The verdict at a time after the start, for the n-th probe (from 0) of this run, which is the n-th (from 1).
    pub(crate) fn verdict(&self, running: Duration, probe: usize, run: u32) -> Verdict {
        match self {
            Self::IllUntilRestarted(time) if run > 1 || running < *time => Verdict::Pass,
            Self::Always(verdict) => verdict.clone(),
            Self::HealthyAfter(time) if running >= *time => Verdict::Pass,
            Self::HealthyUntil(time) if running < *time => Verdict::Pass,
            Self::HealthyAfter(_) | Self::HealthyUntil(_) | Self::IllUntilRestarted(_) => {
                Verdict::fail()
            }
            Self::Sequence(verdicts) => {
                verdicts.get(probe).or(verdicts.last()).cloned().unwrap_or(Verdict::Pass)
            }
        }
    }
}

/// Where a line goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A line an application writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScriptedLine {
    /// Time after the start.
    pub(crate) after: Duration,
    /// Where it goes.
    pub(crate) stream: LogStream,
    /// Text without the line break.
    pub(crate) text: String,
}

/// What a command does that is run inside a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExecOutcome {
    /// How long it runs; `None` for ever.
    pub(crate) takes: Option<Duration>,
    /// Exit code.
    pub(crate) code: i64,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl ExecOutcome {
    /// Ends after 40 ms with this code and this output.
    pub(crate) fn exit(code: i64, stdout: &str) -> Self {
        Self {
            takes: Some(Duration::from_millis(40)),
            code,
            stdout: stdout.to_owned(),
            stderr: String::new(),
        }
    }

    /// Never ends.
    pub(crate) fn hang() -> Self {
        Self { takes: None, ..Self::exit(0, "") }
    }
}

/// The script of an application. The default one runs for ever, stops 80 ms after its stop signal
/// with code 0, is healthy, is silent, and listens at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AppScript {
    /// One entry per start of a container; the last one goes on.
    pub(crate) runs: Vec<Run>,
    /// On the stop signal.
    pub(crate) on_stop: StopReaction,
    /// On other signals: by name without `SIG`; a signal that is not here does nothing.
    pub(crate) on_signal: BTreeMap<String, StopReaction>,
    /// Verdicts of the health check.
    pub(crate) health: HealthScript,
    /// How long one probe takes.
    pub(crate) probe_takes: Duration,
    /// Lines written in every run.
    pub(crate) log: Vec<ScriptedLine>,
    /// Commands by pattern (`*` for any characters) over the words joined by blanks.
    pub(crate) execs: Vec<(String, ExecOutcome)>,
    /// Failing starts: why, and how many of the first starts.
    pub(crate) start_failure: Option<(StartFailure, u32)>,
    /// Time after the start at which its ports accept; `None` never.
    pub(crate) listens_after: Option<Duration>,
    /// Statuses that it answers to GET from these times after the start on; 200 before the first.
    pub(crate) answers: Vec<(Duration, u16)>,
}

impl Default for AppScript {
    fn default() -> Self {
        Self {
            runs: vec![Run::Forever],
            on_stop: StopReaction::Exit { after: Duration::from_millis(80), code: 0 },
            on_signal: BTreeMap::new(),
            health: HealthScript::Always(Verdict::Pass),
            probe_takes: Duration::from_millis(50),
            log: Vec::new(),
            execs: Vec::new(),
            start_failure: None,
            listens_after: Some(Duration::ZERO),
            answers: Vec::new(),
        }
    }
}

impl AppScript {
    /// Runs for ever.
    pub(crate) fn forever() -> Self {
        Self::default()
    }

    /// Every run ends by itself.
    pub(crate) fn exits(after: Duration, code: i64) -> Self {
        Self::default().runs([Run::Exit { after, code }])
    }

    /// One entry per start; the last one goes on.
    pub(crate) fn runs(mut self, runs: impl IntoIterator<Item = Run>) -> Self {
        self.runs = runs.into_iter().collect();
        self
    }

    /// What happens on the stop signal.
    pub(crate) fn on_stop(mut self, reaction: StopReaction) -> Self {
        self.on_stop = reaction;
        self
    }

    /// The stop signal is ignored.
    pub(crate) fn ignores_stop(self) -> Self {
        self.on_stop(StopReaction::Ignore)
    }

    /// What happens on another signal (name without `SIG`).
    pub(crate) fn on_signal(mut self, signal: &str, reaction: StopReaction) -> Self {
        self.on_signal.insert(signal.to_owned(), reaction);
        self
    }

    /// Health over time.
    pub(crate) fn health(mut self, health: HealthScript) -> Self {
        self.health = health;
        self
    }

    /// A line written at a time after each start.
    pub(crate) fn line(mut self, after: Duration, stream: LogStream, text: &str) -> Self {
        self.log.push(ScriptedLine { after, stream, text: text.to_owned() });
        self
    }

    /// The outcome of a command; the first pattern that fits decides.
    pub(crate) fn exec(mut self, pattern: &str, outcome: ExecOutcome) -> Self {
        self.execs.push((pattern.to_owned(), outcome));
        self
    }

    /// The first `times` starts fail; `u32::MAX` for all.
    pub(crate) fn fails_to_start(mut self, failure: StartFailure, times: u32) -> Self {
        self.start_failure = Some((failure, times));
        self
    }

    /// Ports accept from this time after the start; `None` never.
    pub(crate) fn listens_after(mut self, time: Option<Duration>) -> Self {
        self.listens_after = time;
        self
    }

    /// From a time in seconds after each start on it answers GET with this status; in the order of time.
    pub(crate) fn answers_from(mut self, seconds: u64, status: u16) -> Self {
        self.answers.push((Duration::from_secs(seconds), status));
        self
    }

    /// The run of the n-th start, from 0.
    pub(crate) fn run(&self, start: u32) -> Run {
        let index = usize::try_from(start).unwrap_or(usize::MAX);
        self.runs.get(index).or(self.runs.last()).cloned().unwrap_or(Run::Forever)
    }

    /// The scripted outcome of a command.
    pub(crate) fn exec_outcome(&self, command: &str) -> Option<ExecOutcome> {
        let found = self.execs.iter().find(|(pattern, _)| glob(pattern, command));
        found.map(|(_, outcome)| outcome.clone())
    }
}

/// Whose script it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ScriptKey {
    /// The container with this name.
    Name(String),
    /// Containers with this label and value.
    Label(String, String),
    /// Containers made from this image reference.
    Image(String),
}

/// All scripts. A name goes before a label, a label before an image.
#[derive(Debug, Default)]
pub(crate) struct Scripts {
    by_key: BTreeMap<ScriptKey, AppScript>,
}

impl Scripts {
    /// Sets a script. It holds from the next start, its health and execs at once.
    pub(crate) fn set(&mut self, key: ScriptKey, script: AppScript) {
        self.by_key.insert(key, script);
    }

    /// The script of a container.
    pub(crate) fn of(&self, container: &Container) -> AppScript {
        let labels = container.labels();
        let found = self.by_key.iter().find(|(key, _)| match key {
            ScriptKey::Name(name) => *name == container.name,
            ScriptKey::Label(key, value) => labels.get(key) == Some(value),
            ScriptKey::Image(image) => *image == container.image_reference,
        });
        found.map(|(_, script)| script.clone()).unwrap_or_default()
    }
}
