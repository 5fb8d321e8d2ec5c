//! What the controller remembers of a project beyond what the engine shows. Losing it loses history, never a container.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::model::after_check::CheckRecord;
use crate::model::backup_policy::BackupRecord;
use crate::model::before_check::BeforeRecord;
use crate::model::data_restore::{DataRestore, UpdateBackup};
use crate::model::drill::DrillRecord;
use crate::model::id::{ContainerId, ImageId, ProjectName, Revision, ServiceName};
use crate::model::image_update::ImageUpdateRecord;
use crate::model::job::JobDone;
use crate::model::outcome::PullTrouble;
use crate::model::revision::{ProjectRevision, Rollback};
use crate::model::schedule::ScheduleRecord;
use crate::model::time::Timestamp;

/// Versions of a service whose images are remembered (DESIGN §6).
pub const MOST_REVISIONS: usize = 10;

/// Memory of one project. Written by the pass of that project only; changed by the pure functions `planner::account` and
/// `planner::record` only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectLedger {
    /// Counter of accepted desired states.
    pub generation: u64,
    /// Digest of the desired state of that generation.
    pub digest: String,
    /// Generation that was last seen converged.
    pub converged_generation: u64,
    /// By replica, as `service:number`.
    pub replicas: BTreeMap<String, ReplicaRecord>,
    /// By image reference.
    pub images: BTreeMap<String, ImageRecord>,
    /// Images that move, by service.
    pub image_updates: BTreeMap<ServiceName, ImageUpdateRecord>,
    /// Images of the last versions of each service, oldest first; at most [`MOST_REVISIONS`] of each.
    pub revisions: BTreeMap<ServiceName, VecDeque<RevisionImage>>,
    /// Versions of the project, oldest first; at most [`MOST_REVISIONS`].
    pub history: VecDeque<ProjectRevision>,
    /// Another version runs than the files say.
    pub rollback: Option<Rollback>,
    /// How far each service is on its way to its present version.
    pub rollouts: BTreeMap<ServiceName, RolloutRecord>,
    /// Checks before the rollout, by service.
    pub before_checks: BTreeMap<ServiceName, BeforeRecord>,
    /// How far the checks after the rollout of the newest version are.
    pub checks: Option<CheckRecord>,
    /// Containers that we began to stop, until they are gone or run on: their end is not their own.
    #[serde(default)]
    pub stops: BTreeSet<ContainerId>,
    /// Failed engine calls by the subject of the call, as it prints.
    pub calls: BTreeMap<String, CallRecord>,
    /// Fields that were put right lately, by `replica field`.
    pub drift: BTreeMap<String, DriftRecord>,
    /// Containers of Compose that were adopted.
    pub adopted: BTreeSet<ContainerId>,
    /// A person confirmed an adoption of this project.
    pub adoption_confirmed: bool,
    /// What a person confirmed the removal of, while the project is protected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removal_confirmed: Option<String>,
    /// Named volumes that each replica's data lay in when it last ran, by `service target`.
    pub data_paths: BTreeMap<String, String>,
    /// What each container has read of the files whose content counts.
    pub contents: BTreeMap<ContainerId, ContentRecord>,
    /// Hooks after the start of each container that has some.
    pub hooks: BTreeMap<ContainerId, HookRecord>,
    /// What was found of containers whose readiness somebody waits for.
    pub probes: BTreeMap<ContainerId, ProbeRecord>,
    /// What each proxy knows of the containers behind it.
    pub endpoints: BTreeMap<ContainerId, EndpointsRecord>,
    /// Steps before the start, by service.
    pub steps: BTreeMap<ServiceName, StepRecord>,
    /// Schedules, by `service` or `service/name`.
    pub schedules: BTreeMap<String, ScheduleRecord>,
    /// Backups that are made without a person, of the whole project (empty key) or a service.
    pub backups: BTreeMap<String, BackupRecord>,
    /// Restore drills that are made without a person, by the same keys.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub restore_drills: BTreeMap<String, BackupRecord>,
    /// Backups that were made for the update under way, by the same keys, where data goes back if it fails.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub update_backups: BTreeMap<String, UpdateBackup>,
    /// Data that goes back, or went back, because a version was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_restore: Option<DataRestore>,
    /// Drills of the way back.
    pub drills: DrillRecord,
    /// Suspension by command, for the whole project (empty key) or a service.
    pub suspended: BTreeMap<String, Suspension>,
    /// Stopped by command for a repair, the whole project (empty key) or a service.
    pub stopped: BTreeMap<String, Suspension>,
    /// End of the last gap in the connection to the engine that was accounted for.
    pub gap_ended: Option<Timestamp>,
}

impl ProjectLedger {
    /// Backups that the data of an update that fails goes back to.
    pub fn backups_in_use(&self) -> impl Iterator<Item = &str> {
        let parts = self.data_restore.iter().filter(|restore| restore.next().is_some());
        let parts = parts.flat_map(|restore| &restore.parts).map(|part| part.backup.as_str());
        parts.chain(self.update_backups.values().map(|backup| backup.id.as_str()))
    }
}

/// Memory of what one container has read of its files: labels cannot change after create. Contents are salted digests by
/// the path in the container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContentRecord {
    /// Begin of the run that `inodes` belongs to.
    pub run: Option<Timestamp>,
    /// Inodes of mounted files at the begin of that run.
    pub inodes: BTreeMap<String, u64>,
    /// What it was made to read last. Empty: not known.
    pub applied: BTreeMap<String, String>,
    /// What it should have read as of the last pass.
    pub wanted: BTreeMap<String, String>,
    /// What a reload under way is about.
    pub reloading: Option<BTreeMap<String, String>>,
    /// What the next run will have read: a restart for it was begun. It may still be lost, with the controller or by a
    /// failure of the stop.
    pub rereading: Option<BTreeMap<String, String>>,
    /// The last reload failed.
    pub failure: Option<ReloadFailure>,
}

/// Memory of the hooks after the start of one container. Each counts once for each run, that is for each begin.
///
/// A try is noted before it begins. Without its end in the table of operations nobody knows how it went: it is made
/// again (at least once), because a hook that never ran leaves a service half set up in silence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HookRecord {
    /// Begin of the run that the rest is about; `None`: it did not run yet.
    pub run: Option<Timestamp>,
    /// Hooks of that run that succeeded.
    pub done: u32,
    /// Nothing more is due for that run, however many hooks there are by now.
    pub complete: bool,
    /// The next one was begun, or is about to be.
    pub begun: bool,
    /// The last try was cut by the end of the controller.
    pub interrupted: bool,
    /// The last try failed.
    pub failure: Option<HookFailure>,
}

/// Memory of the readiness of one container that the engine has not judged yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProbeRecord {
    /// Begin of the run that the rest is about.
    pub run: Timestamp,
    /// It is being asked in this run.
    pub asked: bool,
    /// It was found ready in this run.
    pub ready: bool,
}

/// Memory of what one run of a proxy knows of the containers behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointsRecord {
    /// Begin of the run.
    pub run: Timestamp,
    /// What it knows; `None` is nothing for sure.
    pub applied: Option<String>,
    /// Since when, if it was told.
    pub since: Option<Timestamp>,
    /// What it is being told.
    pub announcing: Option<String>,
    /// Telling it failed.
    pub failure: Option<HookFailure>,
}

/// Memory of the steps before the start of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepRecord {
    /// Version of the service and of its steps that the rest is about.
    pub version: String,
    /// Steps that succeeded.
    pub done: u32,
    /// The container whose end was counted last.
    pub counted: Option<ContainerId>,
    /// The last try failed.
    pub failure: Option<HookFailure>,
    /// Last lines of the step that failed, at most 20 of at most 500 characters; empty: not read yet.
    pub log: Vec<String>,
}

/// A hook that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookFailure {
    /// In a row.
    pub failures: u32,
    /// Earliest instant of the next try.
    pub next_try: Option<Timestamp>,
    /// How it ended.
    pub error: String,
}

/// A reload that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadFailure {
    /// What it was about; other content is tried at once.
    pub content: BTreeMap<String, String>,
    /// In a row.
    pub failures: u32,
    /// Earliest instant of the next try.
    pub next_try: Timestamp,
    /// Why.
    pub error: String,
}

/// Suspension by `composelet suspend`, or a stop by `composelet stop`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// What the person said.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

/// Memory of one replica: failures, back-off, brake. A new revision starts it afresh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReplicaRecord {
    /// Revision that the counts belong to.
    pub revision: Option<Revision>,
    /// What was counted last, so that each exit counts once.
    pub counted: Counted,
    /// The new container that we started, whether or not anybody has looked since.
    pub started: Option<ContainerId>,
    /// Failures since it last ran well.
    pub failures: u32,
    /// When the first of them was.
    pub failing_since: Option<Timestamp>,
    /// Instants of the engine's own restarts within the window of the brake; at most 16.
    pub engine_restarts: VecDeque<Timestamp>,
    /// Earliest instant of the next try.
    pub next_try: Option<Timestamp>,
    /// The last run that ended.
    pub last_exit: Option<LastExit>,
    /// The engine's policy was taken away.
    pub brake: Option<Brake>,
    /// Times it was unhealthy since it was last well.
    pub unhealthy: u32,
    /// The container of a restart of ours that is under way, because it was unhealthy or a dependency was replaced.
    pub restarting: Option<ContainerId>,
    /// Its end is that of a stop that a person asked for: it is started again when the stop is over.
    pub stopped: bool,
    /// It ran to its end with exit code 0 and that is what it is for.
    pub completed: bool,
    /// The last success of a job; it outlives revisions.
    pub done: Option<JobDone>,
    /// Since when its present run is ready; `None` for one that was never seen otherwise.
    pub readiness: Option<ReadinessRecord>,
}

/// Since when a run is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadinessRecord {
    /// Begin of the run.
    pub run: Timestamp,
    /// When it was first found ready, after it had not been; `None`: it is not.
    pub since: Option<Timestamp>,
}

/// Memory of the replacement of the replicas of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutRecord {
    /// The version that they are to have.
    pub revision: Revision,
    /// When that was first wanted.
    pub began: Timestamp,
    /// Replicas that had it and were available when last looked at.
    pub done: u32,
    /// When that number last grew.
    pub last_done: Option<Timestamp>,
    /// Why nothing more is replaced, if so.
    #[serde(default)]
    pub paused: Option<String>,
    /// Containers that are older than this are replaced, because a person wants it.
    #[serde(default)]
    pub restarted: Option<Timestamp>,
    /// How far its strategy is, if it has one that goes by steps.
    #[serde(default)]
    pub strategy: Option<StrategyRecord>,
}

/// Memory of the steps that a version goes through before it takes the place of another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StrategyRecord {
    /// The version whose place it takes, which serves meanwhile; `None`: not known.
    pub stable: Option<Revision>,
    /// Number of the step, from 0.
    pub step: u32,
    /// Since when.
    pub since: Timestamp,
    /// When it was promoted: nothing is left but to replace the rest.
    pub promoted: Option<Timestamp>,
    /// The last request of a person to promote it: one that is taken twice counts once.
    pub asked: String,
    /// What was measured, by step and place: `2/0`, `background/1`.
    pub checks: BTreeMap<String, AnalysisRecord>,
}

/// Memory of one check of an analysis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnalysisRecord {
    /// Measurements.
    pub measured: u32,
    /// Those that failed.
    pub failures: u32,
    /// When the last one was.
    pub last: Option<Timestamp>,
    /// What the last failure said; empty if there was none.
    pub error: String,
}

/// What was counted last of a replica.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counted {
    /// The container.
    pub container: Option<ContainerId>,
    /// End of the run.
    pub finished_at: Option<Timestamp>,
    /// The engine's count of its own restarts.
    pub restart_count: u32,
    /// Begin of the run whose *unhealthy* was counted.
    pub unhealthy_run: Option<Timestamp>,
    /// Text of the failed start that was counted.
    pub failed_start: Option<String>,
}

/// The last run that ended, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastExit {
    /// Exit code.
    pub code: i64,
    /// When.
    pub at: Timestamp,
    /// Killed for want of memory.
    pub oom_killed: bool,
    /// The engine's text, if a start failed.
    pub error: String,
    /// Last lines of its log, at most 20 of at most 500 characters.
    pub log: Vec<String>,
}

/// The brake: the engine's restart policy is `no` while the controller owns the delay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brake {
    /// The container.
    pub container: ContainerId,
    /// Since when.
    pub since: Timestamp,
}

/// Memory of one image reference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageRecord {
    /// Last successful pull or build.
    pub checked: Option<Timestamp>,
    /// Desired digest or revision key that the last check was for (`always` resolves once per revision).
    pub checked_for: String,
    /// Failed tries in a row.
    pub failures: u32,
    /// Earliest next try.
    pub next_try: Option<Timestamp>,
    /// The registry's or engine's text.
    pub error: String,
    /// What kind of failure it was.
    pub trouble: PullTrouble,
    /// A person asked for a build although nothing of its input changed, and it has not succeeded yet.
    pub rebuild: Option<Rebuild>,
}

/// A build that a person asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebuild {
    /// What the builder may use.
    pub cache: BuildCache,
    /// It was begun, or is about to be: the next end of a build is that of this one.
    pub begun: bool,
}

/// What a builder may use of earlier builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BuildCache {
    /// Its layers, and the base images at hand.
    Used,
    /// Its layers; base images are pulled.
    OfLayers,
    /// Nothing; base images are pulled.
    Unused,
}

/// The image of one version of a service: what a tag meant then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionImage {
    /// The version.
    pub revision: Revision,
    /// Reference as written.
    pub image: String,
    /// What it meant.
    pub id: ImageId,
    /// `sha256:…` of the manifest in the registry; `None` for an image that never came from one.
    pub digest: Option<String>,
    /// When a container of that version was first seen.
    pub since: Timestamp,
}

/// Memory of failed calls about one subject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallRecord {
    /// In a row.
    pub failures: u32,
    /// Earliest next try.
    pub next_try: Option<Timestamp>,
    /// The engine's text.
    pub error: String,
}

/// Memory of a field that was put right.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DriftRecord {
    /// Times in a row, each within the window after the one before.
    pub count: u32,
    /// Last time.
    pub last: Timestamp,
}

/// Memory that belongs to no single project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostLedger {
    /// Projects that were accepted, with the path of their entry: what a mass removal is measured against.
    pub projects: BTreeMap<ProjectName, String>,
    /// Removals that a person confirmed.
    pub confirmed: BTreeSet<ProjectName>,
    /// Projects that were found gone within the last minute, and when first: what counts together as a mass removal.
    pub gone: BTreeMap<ProjectName, Timestamp>,
    /// Device and inode of the watched root.
    pub root: Option<(u64, u64)>,
}
