//! A container as the engine keeps it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Mutex, watch};

use super::clock::Stamp;
use super::health::Health;
use super::networks::Endpoint;
use super::restart::RestartManager;
use super::script::{AppScript, LogStream};
use super::world::string_map;

/// Where a container is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Made, never ran (a failed first start leaves it here).
    Created,
    /// Its process runs.
    Running,
    /// Its process is frozen.
    Paused,
    /// Waits for the engine's own restart.
    Restarting,
    /// Ran and ended.
    Exited,
    /// A removal is under way.
    Removing,
    /// A removal failed.
    Dead,
}

impl Phase {
    /// The word in `State.Status` and in lists.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Exited => "exited",
            Self::Removing => "removing",
            Self::Dead => "dead",
        }
    }

    /// What the engine calls running: restarting and paused count.
    pub(crate) fn is_running(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Restarting)
    }

    /// Whether there is a process.
    pub(crate) fn has_process(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }
}

thread_local! {
    static SEEN: Cell<u8> = const { Cell::new(0) };
}

/// The phases that containers entered in this thread since the last call.
pub(crate) fn take_phases_seen() -> Vec<&'static str> {
    let seen = SEEN.take();
    ALL_PHASES
        .into_iter()
        .enumerate()
        .filter(|(index, _)| seen & (1 << index) != 0)
        .map(|(_, phase)| phase.word())
        .collect()
}

const ALL_PHASES: [Phase; 7] = [
    Phase::Created,
    Phase::Running,
    Phase::Paused,
    Phase::Restarting,
    Phase::Exited,
    Phase::Removing,
    Phase::Dead,
];

/// Something mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// `bind`, `volume` or `tmpfs`.
    pub(crate) kind: String,
    /// Name of the volume.
    pub(crate) name: Option<String>,
    /// Path on the host.
    pub(crate) source: String,
    /// Path in the container.
    pub(crate) target: String,
    /// `ro`, `z`, or what the bind said.
    pub(crate) mode: String,
    /// Whether the container may write.
    pub(crate) writable: bool,
    /// Whether the engine made the volume without a name being asked.
    pub(crate) anonymous: bool,
}

/// A port of the host that a running container holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Published {
    /// Such as `80/tcp`.
    pub(crate) inside: String,
    /// Empty for all addresses.
    pub(crate) host_ip: String,
    /// Port of the host.
    pub(crate) host_port: u16,
}

/// A line of a container's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogEntry {
    /// When it was written.
    pub(crate) stamp: Stamp,
    /// Standard output or error.
    pub(crate) stream: LogStream,
    /// Text without the line break.
    pub(crate) text: String,
}

/// Whether somebody removes a container whose process still runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Removal {
    /// Nobody.
    #[default]
    None,
    /// The process is being killed; then it goes.
    Begun,
}

/// A container.
#[derive(Debug)]
pub(crate) struct Container {
    /// 64 hexadecimal digits.
    pub(crate) id: String,
    /// Without the leading slash.
    pub(crate) name: String,
    /// Order of creation.
    pub(crate) serial: u64,
    /// When it was made.
    pub(crate) created: Stamp,
    /// `Config` as inspect shows it, the image's part merged in.
    pub(crate) config: Value,
    /// `HostConfig` as inspect shows it, defaults filled in.
    pub(crate) host_config: Value,
    /// Image id.
    pub(crate) image: String,
    /// Image as the client named it.
    pub(crate) image_reference: String,
    /// Mounts.
    pub(crate) mounts: Vec<Mount>,
    /// Endpoints by network name.
    pub(crate) endpoints: BTreeMap<String, Endpoint>,
    /// Host ports held while running.
    pub(crate) published: Vec<Published>,
    /// State.
    pub(crate) phase: Phase,
    /// Process number, 0 without a process.
    pub(crate) pid: u64,
    /// Of the last run, or of the failed start.
    pub(crate) exit_code: i64,
    /// Error text of the last start.
    pub(crate) error: String,
    /// Whether the last run ended for want of memory.
    pub(crate) oom_killed: bool,
    /// Start of the last run.
    pub(crate) started: Option<Stamp>,
    /// End of the last run.
    pub(crate) finished: Option<Stamp>,
    /// The engine's own restarts since the last start by a client.
    pub(crate) restart_count: i64,
    /// Successful starts and failed ones: which entry of the script is next.
    pub(crate) starts: u32,
    /// Changes with every start and every end: timers of an older run do nothing.
    pub(crate) run: u64,
    /// Whether a client ended it.
    pub(crate) manually_stopped: bool,
    /// The engine's restart policy at work.
    pub(crate) restarts: RestartManager,
    /// State of the health check, if it has one and was started.
    pub(crate) health: Option<Health>,
    /// Log.
    pub(crate) log: Vec<LogEntry>,
    /// Script of the current run.
    pub(crate) script: AppScript,
    /// Files put into it: path and tar bytes.
    pub(crate) archives: Vec<(String, Vec<u8>)>,
    /// Whether a forced removal has begun while the process still ran.
    pub(crate) removal: Removal,
    /// Whether its calls never answer.
    pub(crate) wedged: bool,
    /// The lock that a start holds and an inspection waits for.
    pub(crate) lock: Arc<Mutex<()>>,
    /// Ticks with every change of state.
    pub(crate) changed: watch::Sender<u64>,
}

impl Container {
    /// Labels.
    pub(crate) fn labels(&self) -> BTreeMap<String, String> {
        string_map(self.config.get("Labels"))
    }

    /// Sets the phase and wakes those who wait for a change.
    pub(crate) fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        SEEN.set(SEEN.get() | (1 << phase as u8));
        self.changed.send_modify(|tick| *tick += 1);
    }

    /// A forced removal kills the process first; from now on no second one is accepted.
    pub(crate) fn begin_removal(&mut self) {
        self.removal = Removal::Begun;
    }

    /// Whether [`Container::begin_removal`] was called and the removal did not fail.
    pub(crate) fn removal_begun(&self) -> bool {
        self.removal == Removal::Begun && self.phase != Phase::Dead
    }

    /// `HostConfig.NetworkMode`
    pub(crate) fn network_mode(&self) -> &str {
        self.host_config.get("NetworkMode").and_then(Value::as_str).unwrap_or("default")
    }

    /// Name and limit of the restart policy.
    pub(crate) fn restart_policy(&self) -> (&str, i64) {
        let policy = self.host_config.get("RestartPolicy");
        let name = policy.and_then(|policy| policy.get("Name")).and_then(Value::as_str);
        let limit = policy.and_then(|it| it.get("MaximumRetryCount")).and_then(Value::as_i64);
        (name.unwrap_or(""), limit.unwrap_or(0))
    }

    /// Whether the engine removes it when it ends.
    pub(crate) fn auto_remove(&self) -> bool {
        self.host_config.get("AutoRemove").and_then(Value::as_bool).unwrap_or(false)
    }

    /// The signal that asks it to stop, without `SIG`.
    pub(crate) fn stop_signal(&self) -> String {
        let signal = self.config.get("StopSignal").and_then(Value::as_str);
        signal.filter(|it| !it.is_empty()).map_or_else(|| "TERM".to_owned(), signal_name)
    }

    /// Seconds between the stop signal and the kill when the client gives none.
    pub(crate) fn stop_timeout(&self) -> i64 {
        self.config.get("StopTimeout").and_then(Value::as_i64).unwrap_or(10)
    }

    /// How long the current run has lasted.
    pub(crate) fn running_for(&self, now: Stamp) -> Duration {
        self.started.map_or(Duration::ZERO, |started| now.since(started))
    }

    /// The words of the command as the engine joins them: path and arguments.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = super::world::string_list(self.config.get("Entrypoint"));
        words.extend(super::world::string_list(self.config.get("Cmd")));
        words
    }

    /// Whether it mounts this named volume.
    pub(crate) fn uses_volume(&self, name: &str) -> bool {
        self.mounts.iter().any(|mount| mount.name.as_deref() == Some(name))
    }
}

/// `SIGTERM`, `term` and `15` are all `TERM`.
pub(crate) fn signal_name(text: &str) -> String {
    let upper = text.to_ascii_uppercase();
    let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
    let named = SIGNALS.iter().find(|(number, _)| number.to_string() == bare);
    named.map_or_else(|| bare.to_owned(), |(_, name)| (*name).to_owned())
}

/// The number of a signal name, if there is such a signal.
pub(crate) fn signal_number(name: &str) -> Option<u8> {
    SIGNALS.iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
}

/// Linux signals on amd64 that servers use.
const SIGNALS: [(u8, &str); 18] = [
    (1, "HUP"),
    (2, "INT"),
    (3, "QUIT"),
    (6, "ABRT"),
    (9, "KILL"),
    (10, "USR1"),
    (11, "SEGV"),
    (12, "USR2"),
    (13, "PIPE"),
    (14, "ALRM"),
    (15, "TERM"),
    (17, "CHLD"),
    (18, "CONT"),
    (19, "STOP"),
    (20, "TSTP"),
    (21, "TTIN"),
    (28, "WINCH"),
    (30, "PWR"),
];
