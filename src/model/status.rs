//! What is published about a project: by the controller only, read by everybody.

use serde::{Deserialize, Serialize};

use crate::model::commit::Commit;
use crate::model::diagnostic::Diagnostic;
use crate::model::drill::DrillStatus;
use crate::model::held::{Held, Subject};
use crate::model::id::{ProjectName, ServiceName};
use crate::model::image_update::ResolvedImage;
use crate::model::neighbour::ProjectCondition;
use crate::model::operation::{OperationSubject, RunningOperation};
use crate::model::restore_drill::RestoreDrillStatus;
use crate::model::revision::{ProjectRevision, Rollback};
use crate::model::schedule::ScheduleStatus;
use crate::model::time::Timestamp;

/// Status of one project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectStatus {
    /// Its name.
    pub name: ProjectName,
    /// Its entry in the watched directory.
    pub source: String,
    /// Counter of accepted desired states.
    pub generation: u64,
    /// Generation that was last acted upon.
    pub observed_generation: u64,
    /// When the engine was last seen.
    pub observed_at: Option<Timestamp>,
    /// When this was written.
    pub published_at: Timestamp,
    /// Of the project as a whole.
    pub conditions: Vec<Condition>,
    /// By name.
    pub services: Vec<ServiceStatus>,
    /// Containers that are not replicas of a declared service: orphans on their way out, one-offs, strangers that claim it.
    pub others: Vec<ContainerStatus>,
    /// What is held and why, project-wide and per service.
    pub held: Vec<Held>,
    /// Findings of the last load.
    pub diagnostics: Vec<Diagnostic>,
    /// The commit that the files come from which are wanted now, if one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
    /// Its revisions, oldest first.
    #[serde(default)]
    pub revisions: Vec<ProjectRevision>,
    /// Another revision runs than the files say.
    #[serde(default)]
    pub rollback: Option<Rollback>,
    /// Bound directories that are written to, and volumes: a rollback leaves them as they are.
    #[serde(default)]
    pub not_kept: Vec<String>,
    /// Drills of the way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillStatus>,
    /// Restore drills on a schedule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restore_drills: Vec<RestoreDrillStatus>,
    /// Other projects that it depends on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<ProjectEdge>,
    /// The last actions, newest last, at most 50.
    pub recent: Vec<ActionRecord>,
    /// Mutating engine calls for this project since the controller began.
    pub mutating_calls: u64,
}

impl ProjectStatus {
    /// Holds of a service: its own, its replicas', that of its image, and those of the whole project.
    pub fn held_of<'a>(&'a self, service: &'a ServiceStatus) -> impl Iterator<Item = &'a Held> {
        self.held.iter().filter(|held| match &held.subject {
            Subject::Project => true,
            Subject::Image(image) => *image == service.image,
            subject => subject.service() == Some(&service.name),
        })
    }
}

/// Another project that one depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectEdge {
    /// Its name.
    pub project: ProjectName,
    /// How far it has to be.
    pub condition: ProjectCondition,
    /// Whether its absence or failure is an obstacle.
    pub required: bool,
    /// What it is instead; `None`: it is as far as that.
    pub lacking: Option<String>,
}

/// Status of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// Its key.
    pub name: ServiceName,
    /// Image reference.
    pub image: String,
    /// What that reference means now, if the image is there.
    #[serde(default)]
    pub image_is: Option<ImageStatus>,
    /// How its image moves, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_moves: Option<ImageMoves>,
    /// Current revision, if its image is known.
    pub revision: Option<String>,
    /// Declared replicas.
    pub replicas: u32,
    /// Replicas that run.
    pub running: u32,
    /// Replicas that run and are healthy if they have a check, of whatever revision, or completed.
    #[serde(default)]
    pub available: u32,
    /// Replicas that run, are of the current revision and healthy if they have a check, or completed.
    pub ready: u32,
    /// Its schedules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<ScheduleStatus>,
    /// Conditions.
    pub conditions: Vec<Condition>,
    /// Its containers.
    pub containers: Vec<ContainerStatus>,
}

/// What an image reference means now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageStatus {
    /// Id on this engine.
    pub id: String,
    /// `sha256:…` of its manifest in the registry, if it came from one.
    pub digest: Option<String>,
    /// When it was last pulled, checked or built by the controller.
    pub checked: Option<Timestamp>,
}

/// How the image of a service moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageMoves {
    /// Reference as written.
    pub written: String,
    /// What runs instead, since when, and where it comes from.
    pub running: Option<ResolvedImage>,
    /// What is followed; empty: nothing is.
    pub follows: String,
    /// Last look at the registry.
    pub checked: Option<Timestamp>,
}

/// A long call that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationStatus {
    /// About what.
    pub subject: OperationSubject,
    /// What, since when, and its last line of progress.
    #[serde(flatten)]
    pub running: RunningOperation,
}

/// Status of one container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerStatus {
    /// Name on the engine.
    pub name: String,
    /// Id.
    pub id: String,
    /// Replica number, if it is one.
    pub number: Option<u32>,
    /// The engine's word: `running`, `exited` …
    pub state: String,
    /// `healthy`, `unhealthy`, `starting`, or empty without a check.
    pub health: String,
    /// Failures since it last ran well.
    pub failures: u32,
    /// Restarts by the engine and by us since it was created.
    pub restarts: u32,
    /// Begin of the run, or end of the last one.
    pub since: Option<Timestamp>,
    /// Earliest instant of the next try, if it waits for one.
    pub next_try: Option<Timestamp>,
    /// Exit code of the last run.
    pub exit_code: Option<i64>,
    /// Last lines of its log before it ended, or the engine's text.
    pub last_log: Vec<String>,
    /// Differences from the manifest that stand now.
    pub drift: Vec<String>,
    /// Published ports as `ip:port->port/protocol`.
    pub ports: Vec<String>,
    /// Notes such as a brake, or a label that cannot follow a live update.
    pub notes: Vec<String>,
}

/// A statement about a project or a service, in the form of Kubernetes' API conventions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What it states.
    #[serde(rename = "type")]
    pub kind: ConditionKind,
    /// Whether it holds.
    pub status: Truth,
    /// One word in CamelCase.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// Since when the status is what it is.
    pub last_transition: Timestamp,
    /// Generation it speaks of.
    pub observed_generation: u64,
}

/// Kinds of condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ConditionKind {
    /// Everything is as declared and known to be so.
    Ready,
    /// As many replicas as needed serve.
    Available,
    /// Something is being rolled out.
    Progressing,
    /// The controller is at work or waits to be.
    Reconciling,
    /// It will not get better without a change.
    Stalled,
    /// It serves, but not as declared.
    Degraded,
    /// The controller only looks.
    Suspended,
    /// What is to be backed up by itself has a good backup; absent where nothing says when.
    BackedUp,
    /// A restore of the newest backups passed its checks when it was due; absent where nothing says when.
    Proven,
}

/// Three-valued truth: what is not known is Unknown (invariant 14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Nobody knows now.
    Unknown,
}

/// One action with its reason and its end: a restart can be explained a week later (invariant 15).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionRecord {
    /// When.
    pub at: Timestamp,
    /// Kind of call.
    pub action: String,
    /// On what.
    pub object: String,
    /// Reason code.
    pub reason: String,
    /// The reason as a sentence.
    pub message: String,
    /// `succeeded`, `failed: …`, `maybe: …` or `skipped: …`.
    pub outcome: String,
}

/// Status of the controller itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControllerStatus {
    /// Installation.
    pub installation: String,
    /// Process id.
    pub pid: u32,
    /// Begin.
    pub started_at: Timestamp,
    /// When this was written.
    pub published_at: Timestamp,
    /// `acting`, `standing by` or `stopping`.
    pub role: String,
    /// Engine version and API, or why it cannot be reached.
    pub engine: String,
    /// Watched directory.
    pub desired_state: String,
    /// How it is watched: `inotify` or `poll`, with the reason.
    pub watch: String,
    /// Mutating engine calls since begin.
    pub mutating_calls: u64,
    /// All engine calls since begin.
    pub calls: u64,
    /// Passes since begin.
    pub passes: u64,
    /// Long calls that run.
    #[serde(default)]
    pub operations: Vec<OperationStatus>,
    /// Host-wide holds, e.g. a mass removal that waits for confirmation.
    pub held: Vec<Held>,
    /// Findings that belong to no project (a file without a name, two claimants of one).
    pub diagnostics: Vec<Diagnostic>,
}
