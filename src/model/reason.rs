//! Why something is done. A closed enum: text is made here and nowhere else.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::backup_policy::BackupCause;
use crate::model::field::FieldChange;
use crate::model::hook::HookStep;
use crate::model::id::{ContainerName, ServiceName, short_image_id};
use crate::model::restore_drill::RestoreDrillCause;
use crate::model::schedule::ScheduledStep;
use crate::model::time::Timestamp;

/// Why a node is in the plan (invariant 15).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// It is declared and not there.
    Missing,
    /// Fields differ from the manifest.
    Drift(Vec<FieldChange>),
    /// The image of that reference has another id now.
    ImageChanged {
        /// Old id.
        old: String,
        /// New id.
        new: String,
    },
    /// A config, secret or bound file has other content; it is not known which.
    ContentChanged,
    /// These files have other content.
    FilesChanged {
        /// Paths, or fields of the manifest.
        files: Vec<String>,
    },
    /// These files have other content, which the container is made to read again.
    Reread {
        /// Paths, or fields of the manifest.
        files: Vec<String>,
    },
    /// First start after create.
    NotStarted,
    /// A person stopped it for a repair.
    StopAsked {
        /// Why, in the person's words.
        why: String,
    },
    /// The stop that a person asked for is over.
    StopOver,
    /// It ended and its policy wants it running.
    Exited {
        /// Exit code.
        code: i64,
        /// Killed for want of memory.
        oom_killed: bool,
        /// Failures counted so far, this one included; 0 for an interruption such as a restart of the engine.
        failures: u32,
    },
    /// A start failed and is tried again.
    StartFailed {
        /// The engine's text.
        error: String,
    },
    /// Its health check failed.
    Unhealthy {
        /// Failures of the check in a row.
        streak: u32,
        /// How often it was unhealthy since it was last well.
        count: u32,
        /// The host probe that failed and its last error; `None`: the engine's health check.
        #[serde(default)]
        probe: Option<String>,
    },
    /// It was frozen by hand.
    Paused,
    /// A person wants it to be replaced by one like it.
    RestartRequested {
        /// When that was asked for.
        at: Timestamp,
    },
    /// It has a name that is not its own.
    Renamed {
        /// The name it should have.
        expected: ContainerName,
    },
    /// No longer declared.
    Orphaned,
    /// More replicas than declared.
    Surplus,
    /// Its successor is ready to take its place.
    Replaced,
    /// A version that is not wanted any more was being tried in it.
    GivenUp,
    /// Left over from a replacement or a removal that did not finish.
    Leftover,
    /// The project or the network was removed from the manifests.
    Removed,
    /// The image is not on the engine.
    ImageMissing,
    /// The pull policy asks for a look at the registry.
    PullPolicy,
    /// `image_update` asks for a look at the registry, or takes what was found there.
    ImageUpdate,
    /// The input of the build changed, or the image was never built.
    BuildStale,
    /// A person asked for a build.
    RebuildAsked,
    /// The engine restarts it too often: its policy is taken away, the controller owns the delay.
    Brake {
        /// Restarts within the window.
        restarts: u32,
    },
    /// It ran well for long enough, or to its good end: the engine's policy is given back.
    BrakeReleased,
    /// A dependency with `restart: true` was replaced.
    DependencyReplaced {
        /// The dependency.
        dependency: ServiceName,
    },
    /// Another container took the place of one whose namespace or volumes it shares.
    OwnerReplaced {
        /// The attribute by which it shares.
        attribute: String,
        /// Whose, as the manifest writes it.
        owner: String,
        /// Id that it shares with.
        old: String,
        /// Id of the other one, if it is there.
        new: Option<String>,
    },
    /// A container whose namespace it shares began another run, and the namespace ended with the run before.
    OwnerRestarted {
        /// The container.
        owner: ContainerName,
    },
    /// A service that depends on it waits until it is healthy.
    Awaited {
        /// That service.
        by: ServiceName,
    },
    /// The replacement of its predecessor, or of other replicas, goes on when it is ready.
    RolloutAwaits,
    /// A measurement of its new version is due.
    AnalysisDue {
        /// Which check, by step and place.
        check: String,
    },
    /// Other containers than it knows are behind it.
    EndpointsChanged {
        /// The services.
        services: Vec<ServiceName>,
    },
    /// A check after the rollout is due.
    Check {
        /// Which.
        name: String,
        /// Failures so far.
        failures: u32,
    },
    /// A hook of the service is due.
    Hook {
        /// Which.
        step: HookStep,
        /// How far it came before.
        before: HookTry,
    },
    /// A step before the start ended well, and its container is of no use any more.
    StepDone,
    /// A schedule asks for it.
    Scheduled(ScheduledStep),
    /// A backup is due.
    Backup(BackupCause),
    /// A restore drill is due.
    RestoreDrill(RestoreDrillCause),
    /// A version was rejected, and its data goes back with it.
    DataRestore {
        /// Number of that version.
        from: u64,
        /// The backup.
        backup: String,
        /// When that began.
        at: Timestamp,
    },
    /// The network that it is attached to has to be made anew.
    NetworkChanged {
        /// Its name.
        network: String,
    },
}

/// What became of a hook the last time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HookTry {
    /// It did not run yet.
    First,
    /// It failed that often in a row.
    Failed(u32),
    /// The controller ended while it ran: nobody knows how it ended, so it runs again.
    Interrupted,
}

impl Reason {
    /// A look at the registry, or a measurement, that was due by schedule. It disturbs nobody: what came of it decides, so it is neither a
    /// change of the conditions nor a line of the history.
    pub fn is_routine(&self) -> bool {
        matches!(self, Self::PullPolicy | Self::ImageUpdate | Self::AnalysisDue { .. })
    }

    /// Whether it is no change of what stands: a look that was due, or a run of a schedule.
    pub fn is_scheduled(&self) -> bool {
        self.is_routine()
            || matches!(self, Self::Scheduled(_) | Self::Backup(_) | Self::RestoreDrill(_))
    }

    /// Whether a run of a schedule, a backup, a drill of one or a restore begins, which has to be written before.
    pub fn begins_run(&self) -> bool {
        matches!(
            self,
            Self::Scheduled(ScheduledStep::Begin { .. })
                | Self::Backup(_)
                | Self::RestoreDrill(_)
                | Self::DataRestore { .. }
        )
    }

    /// Stable code for metrics, JSON and documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "Missing",
            Self::Drift(_) => "Drift",
            Self::ImageChanged { .. } => "ImageChanged",
            Self::ContentChanged | Self::FilesChanged { .. } | Self::Reread { .. } => {
                "ContentChanged"
            }
            Self::NotStarted => "NotStarted",
            Self::StopAsked { .. } => "StopAsked",
            Self::StopOver => "StopOver",
            Self::Exited { .. } => "Exited",
            Self::StartFailed { .. } => "StartFailed",
            Self::Unhealthy { .. } => "Unhealthy",
            Self::Paused => "Paused",
            Self::RestartRequested { .. } => "RestartRequested",
            Self::Renamed { .. } => "Renamed",
            Self::Orphaned => "Orphaned",
            Self::Surplus => "Surplus",
            Self::Replaced => "Replaced",
            Self::GivenUp => "GivenUp",
            Self::EndpointsChanged { .. } => "EndpointsChanged",
            Self::AnalysisDue { .. } => "AnalysisDue",
            Self::Leftover => "Leftover",
            Self::Removed => "Removed",
            Self::ImageMissing => "ImageMissing",
            Self::PullPolicy => "PullPolicy",
            Self::ImageUpdate => "ImageUpdate",
            Self::BuildStale => "BuildStale",
            Self::RebuildAsked => "RebuildAsked",
            Self::Brake { .. } => "Brake",
            Self::BrakeReleased => "BrakeReleased",
            Self::DependencyReplaced { .. } => "DependencyReplaced",
            Self::OwnerReplaced { .. } => "OwnerReplaced",
            Self::OwnerRestarted { .. } => "OwnerRestarted",
            Self::Check { .. } => "Check",
            Self::Hook { .. } => "Hook",
            Self::StepDone => "StepDone",
            Self::Awaited { .. } | Self::RolloutAwaits => "Awaited",
            Self::Scheduled(step) => step.code(),
            Self::Backup(cause) => cause.code(),
            Self::RestoreDrill(cause) => cause.code(),
            Self::DataRestore { .. } => "DataRestore",
            Self::NetworkChanged { .. } => "NetworkChanged",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("declared, not there"),
            Self::Drift(changes) => drift_text(f, changes),
            Self::ImageChanged { old, new } => image_text(f, old, new),
            Self::ContentChanged => {
                f.write_str("content of a config, secret or bound file changed")
            }
            Self::FilesChanged { files } => write!(f, "content changed: {}", files.join(", ")),
            Self::Reread { files } => {
                write!(f, "content changed, to be read again: {}", files.join(", "))
            }
            Self::NotStarted => f.write_str("created, not started yet"),
            Self::StopAsked { why } => write!(f, "stopped for a repair: {why}"),
            Self::StopOver => f.write_str("the stop for a repair is over"),
            Self::Exited { code, oom_killed, failures } => {
                exit_text(f, (*code, *oom_killed), *failures)
            }
            Self::StartFailed { error } => write!(f, "start failed: {error}"),
            Self::Unhealthy { streak, count, probe } => {
                unhealthy_text(f, (*streak, *count), probe.as_deref())
            }
            Self::Paused => f.write_str("paused by hand"),
            Self::RestartRequested { at } => write!(f, "a restart was asked for at {at}"),
            Self::Renamed { expected } => write!(f, "should be named {expected}"),
            Self::Orphaned => f.write_str("service no longer declared"),
            Self::Surplus => f.write_str("more replicas than declared"),
            Self::Replaced => f.write_str("replaced by its successor"),
            Self::GivenUp => f.write_str("of a version that was given up"),
            Self::Leftover => f.write_str("left over from an unfinished step"),
            Self::Removed => f.write_str("removed from the manifests"),
            Self::ImageMissing => f.write_str("image not on the engine"),
            Self::PullPolicy => f.write_str("pull policy asks for a check"),
            Self::ImageUpdate => f.write_str("image_update asks for it"),
            Self::BuildStale => f.write_str("input of the build changed or never built"),
            Self::RebuildAsked => f.write_str("rollout restart --rebuild"),
            Self::Brake { restarts } => brake_text(f, *restarts),
            Self::BrakeReleased => {
                f.write_str("ran well, or to its end; the engine's policy is back")
            }
            Self::DependencyReplaced { dependency } => {
                write!(f, "dependency {dependency} was replaced")
            }
            Self::OwnerReplaced { attribute, owner, old, new } => {
                owner_text(f, (attribute, owner), (old, new.as_deref()))
            }
            Self::OwnerRestarted { owner } => {
                write!(f, "{owner}, whose namespace it shares, began another run")
            }
            Self::EndpointsChanged { services } => endpoints_text(f, services),
            Self::AnalysisDue { check } => write!(f, "measurement {check} is due"),
            Self::Check { name, failures } => check_text(f, name, *failures),
            Self::Hook { step, before } => write!(f, "{step}{before}"),
            Self::Awaited { by } => write!(f, "{by} waits until it is healthy"),
            Self::RolloutAwaits => f.write_str("the rollout goes on when it is ready"),
            Self::StepDone => f.write_str("step before the start has ended well"),
            Self::Scheduled(step) => step.fmt(f),
            Self::Backup(cause) => cause.fmt(f),
            Self::RestoreDrill(cause) => cause.fmt(f),
            Self::DataRestore { from, backup, at } => restore_text(f, *from, (backup, *at)),
            Self::NetworkChanged { network } => {
                write!(f, "network {network} is defined differently")
            }
        }
    }
}

fn brake_text(f: &mut fmt::Formatter<'_>, restarts: u32) -> fmt::Result {
    write!(f, "engine restarted it {restarts} times in 10 min; the controller delays it now")
}

fn restore_text(
    f: &mut fmt::Formatter<'_>,
    from: u64,
    (backup, at): (&str, Timestamp),
) -> fmt::Result {
    write!(f, "revision {from} was rejected, its data goes back to backup {backup} of {at}")
}

fn owner_text(
    f: &mut fmt::Formatter<'_>,
    (attribute, owner): (&str, &str),
    (old, new): (&str, Option<&str>),
) -> fmt::Result {
    let (old, new) = (short_image_id(old), new.map_or("gone", short_image_id));
    write!(f, "{attribute} of {owner}: {old} -> {new}")
}

/// What was asked of it, how often in a row it failed, and for the how manieth time.
fn endpoints_text(f: &mut fmt::Formatter<'_>, services: &[ServiceName]) -> fmt::Result {
    let names: Vec<&str> = services.iter().map(ServiceName::as_str).collect();
    write!(f, "other containers are behind it: {}", names.join(", "))
}

fn check_text(f: &mut fmt::Formatter<'_>, name: &str, failures: u32) -> fmt::Result {
    write!(f, "check {name}")?;
    if failures > 0 { write!(f, ", failed {failures} times") } else { Ok(()) }
}

fn unhealthy_text(
    f: &mut fmt::Formatter<'_>,
    (streak, count): (u32, u32),
    probe: Option<&str>,
) -> fmt::Result {
    match (streak, probe) {
        (0, _) => write!(f, "stopped because it was unhealthy, time {count}"),
        (_, None) => write!(f, "unhealthy after {streak} failed checks, time {count}"),
        (_, Some(probe)) => write!(f, "{probe}; {streak} failures in a row, time {count}"),
    }
}

fn image_text(f: &mut fmt::Formatter<'_>, old: &str, new: &str) -> fmt::Result {
    write!(f, "image {} -> {}", short_image_id(old), short_image_id(new))
}

fn drift_text(f: &mut fmt::Formatter<'_>, changes: &[FieldChange]) -> fmt::Result {
    f.write_str("drift: ")?;
    for (index, change) in changes.iter().enumerate() {
        write!(f, "{}{change}", if index == 0 { "" } else { "; " })?;
    }
    Ok(())
}

/// An exit, and how it is counted.
fn exit_text(
    f: &mut fmt::Formatter<'_>,
    (code, oom_killed): (i64, bool),
    failures: u32,
) -> fmt::Result {
    let memory = if oom_killed { ", out of memory" } else { "" };
    write!(f, "exited with {code}{memory}")?;
    match failures {
        0 => f.write_str(", interrupted"),
        count => write!(f, ", failure {count}; to keep it stopped use `composelet stop`"),
    }
}

/// What stands behind the name of the hook.
impl fmt::Display for HookTry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => Ok(()),
            Self::Failed(times) => write!(f, ", again after failure {times}"),
            Self::Interrupted => f.write_str(", again: nobody saw the end of the last run"),
        }
    }
}
