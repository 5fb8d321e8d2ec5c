//! A scenario: everything that a run depends on, as plain data. All times are virtual milliseconds since its beginning.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::service::{App, Service, Tag};

/// What happens to one host. It can be written to a file, replayed and made smaller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scenario {
    /// Where it comes from; also fixes identifiers and latencies of the simulated engine.
    pub(crate) seed: u64,
    /// What the seed switched on, for people.
    #[serde(default)]
    pub(crate) features: Vec<String>,
    /// The watched directory at the beginning.
    pub(crate) apps: Vec<App>,
    /// What lies about on the engine and in the state directory.
    #[serde(default)]
    pub(crate) litter: Vec<Litter>,
    /// What people and the host do.
    #[serde(default)]
    pub(crate) steps: Vec<Step>,
    /// Engine calls that go wrong.
    #[serde(default)]
    pub(crate) call_faults: Vec<CallFault>,
    /// Engine events that go wrong, by their number from 1.
    #[serde(default)]
    pub(crate) event_faults: BTreeMap<u64, EventFaultKind>,
    /// Writes of the state directory at which the controller dies.
    #[serde(default)]
    pub(crate) write_faults: Vec<WriteFault>,
    /// The rest.
    pub(crate) options: Options,
}

/// Settings of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Options {
    /// End of the first phase.
    pub(crate) chaos_ms: u64,
    /// How long all must be still and as declared in the second phase.
    pub(crate) quiet_ms: u64,
    /// Whether engine calls take their measured time.
    pub(crate) latency: bool,
    /// Whether changes of files are told; else only polling finds them.
    pub(crate) hints: bool,
    /// Every n-th of those is lost; 0 for none.
    #[serde(default)]
    pub(crate) lost_hints: u64,
    /// From the death of the controller to its next start.
    pub(crate) restart_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            chaos_ms: 0,
            quiet_ms: 90_000,
            latency: true,
            hints: false,
            lost_hints: 0,
            restart_ms: 500,
        }
    }
}

/// Something that was there before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Litter {
    /// Which project it is about.
    pub(crate) app: String,
    /// Which service.
    pub(crate) service: String,
    /// What.
    pub(crate) kind: LitterKind,
}

/// Kinds of litter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LitterKind {
    /// A container of ours that was created and never started.
    Created,
    /// The same under the temporary name of a successor.
    Temporary,
    /// A running replica of an older version.
    Old,
    /// A running replica with a number that is too high.
    Surplus,
    /// A container of ours whose removal failed.
    Dead,
    /// A container of a service that is not declared.
    Orphan,
    /// A stranger that has the name that we want.
    NameThief,
    /// A container with the project's labels that another installation made.
    OtherInstallation,
    /// A container with the project's labels made by `docker compose run`.
    OneOff,
    /// The project's memory in the state directory is garbage.
    CorruptProject,
    /// The memory of the host is garbage.
    CorruptHost,
}

impl LitterKind {
    /// All of them.
    pub(crate) const ALL: [Self; 11] = [
        Self::Created,
        Self::Temporary,
        Self::Old,
        Self::Surplus,
        Self::Dead,
        Self::Orphan,
        Self::NameThief,
        Self::OtherInstallation,
        Self::OneOff,
        Self::CorruptProject,
        Self::CorruptHost,
    ];
}

/// An operation and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// When.
    pub(crate) at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub(crate) operation: Operation,
}

/// What people, the host and the daemon do. Names are those at that time; what is not there is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do")]
pub(crate) enum Operation {
    /// A new project, or an old one again.
    Add { app: App },
    /// Attributes of one service are set, or unset.
    Edit { app: String, service: String, fields: BTreeMap<String, Option<usize>> },
    /// The whole service is another.
    Replace { app: String, service: Service },
    /// A version of the service that cannot serve: [`Tag::Broken`], [`Tag::NoEntry`] or [`Tag::Sick`].
    Worsen { app: String, service: String, image: Tag },
    /// And one that can.
    Better { app: String, service: String },
    /// A service is taken out.
    DropService { app: String, service: String },
    /// The file becomes nonsense.
    Break { app: String },
    /// And is mended.
    Repair { app: String },
    /// The directory goes.
    Remove { app: String },
    /// The directory gets another name.
    Rename { app: String, to: String },
    /// A comment changes.
    Touch { app: String },
    /// Another number of replicas.
    Scale { app: String, service: String, replicas: u32 },
    /// The tag of [`Tag::Moving`] means other content.
    MoveTag { content: u64 },
    /// The same, and what it means ends with an error at once.
    PushBad { content: u64 },
    /// `docker kill`, `stop` and so on of one of our containers, by the order of names.
    Hand { container: usize, deed: Deed },
    /// SIGTERM, and the next start after `down_ms`.
    Restart { down_ms: u64 },
    /// SIGKILL, and the next start after `down_ms`.
    Kill { down_ms: u64 },
    /// A second controller beside the first.
    Second,
    /// `systemctl restart docker`.
    DaemonRestart { down_ms: u64 },
    /// SIGKILL of the daemon.
    DaemonCrash { down_ms: u64 },
    /// The host loses power; the controller goes with it.
    Reboot { down_ms: u64, seed: u64 },
    /// SIGSTOP of the daemon.
    Freeze { for_ms: u64 },
    /// No registry answers.
    RegistryDown { for_ms: u64 },
    /// The engine's disk is full.
    DiskFull { for_ms: u64 },
    /// Writes of the state directory fail.
    StateFull { for_ms: u64 },
    /// Another process takes a port.
    TakePort { port: u16, for_ms: u64 },
    /// The watched directory is empty.
    EmptyRoot { for_ms: u64 },
    /// The watched directory is not there.
    MissingRoot { for_ms: u64 },
    /// The watched directory cannot be read.
    UnreadableRoot { for_ms: u64 },
    /// Calls about a container do not answer any more.
    Wedge { container: usize, for_ms: u64 },
    /// A container's file system cannot be removed.
    Undeletable { container: usize, for_ms: u64 },
    /// `composelet suspend`, and `resume` afterwards.
    Suspend { app: String, for_ms: u64 },
    /// `composelet confirm`.
    Confirm,
}

/// What a person does to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Deed {
    /// `docker kill`.
    Kill,
    /// `docker stop`.
    Stop,
    /// `docker rm -f`.
    Remove,
    /// `docker update --memory`.
    Update,
    /// `docker rename`.
    Rename,
    /// `docker network disconnect`.
    Disconnect,
    /// `docker pause`.
    Pause,
    /// The process dies by itself.
    Crash,
    /// Out of memory.
    Oom,
}

impl Deed {
    /// All of them.
    pub(crate) const ALL: [Self; 9] = [
        Self::Kill,
        Self::Stop,
        Self::Remove,
        Self::Update,
        Self::Rename,
        Self::Disconnect,
        Self::Pause,
        Self::Crash,
        Self::Oom,
    ];
}

/// One engine call that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CallFault {
    /// Its number among all calls, from 1.
    pub(crate) call: u64,
    /// How.
    pub(crate) kind: CallFaultKind,
}

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum CallFaultKind {
    /// 500, nothing happened.
    ErrorBefore,
    /// 500, it happened.
    ErrorAfter,
    /// The connection is closed, nothing happened.
    HangUpBefore,
    /// It happened, the connection is closed.
    HangUpAfter,
    /// No answer ever, nothing happened.
    HangBefore,
    /// No answer ever, it happened.
    HangAfter,
    /// Ten minutes late.
    Delay,
    /// Three seconds late.
    ShortDelay,
    /// Half of the answer.
    Truncated,
    /// Something that is no answer.
    Garbage,
    /// The controller dies, nothing happened.
    CrashBefore,
    /// It happened, the controller dies.
    CrashAfter,
    /// The daemon dies, nothing happened.
    DaemonBefore,
    /// It happened, the daemon dies.
    DaemonAfter,
}

impl CallFaultKind {
    /// All of them.
    pub(crate) const ALL: [Self; 14] = [
        Self::ErrorBefore,
        Self::ErrorAfter,
        Self::HangUpBefore,
        Self::HangUpAfter,
        Self::HangBefore,
        Self::HangAfter,
        Self::Delay,
        Self::ShortDelay,
        Self::Truncated,
        Self::Garbage,
        Self::CrashBefore,
        Self::CrashAfter,
        Self::DaemonBefore,
        Self::DaemonAfter,
    ];
}

/// What goes wrong with one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum EventFaultKind {
    /// It is lost.
    Drop,
    /// It comes twice.
    Duplicate,
    /// The stream is cut.
    Cut,
}

/// The controller dies at a write of the state directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WriteFault {
    /// Number of the step that is done last: writes, syncs, renames and removals count, from 1. The next is half done.
    pub(crate) step: u64,
    /// `Some`: power fails, too; what was not synced is lost as this seed decides.
    pub(crate) power: Option<u64>,
}
