//! The one typed stream that logs, history, progress display and later metrics and alerts consume.

use crate::model::commit::Commit;
use crate::model::diagnostic::Diagnostic;
use crate::model::git_source::SourceName;
use crate::model::held::Held;
use crate::model::hint::Delivery;
use crate::model::id::ProjectName;
use crate::model::operation::OperationSubject;
use crate::model::outcome::{Failure, NodeOutcome, Note};
use crate::model::plan::PlanNode;
use crate::model::status::{Condition, ProjectStatus};
use crate::model::sync::SyncTrouble;
use crate::model::time::Timestamp;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// In which project, if in one.
    pub project: Option<ProjectName>,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum EventKind {
    /// A manifest was accepted as a new generation.
    Accepted {
        /// The generation.
        generation: u64,
    },
    /// Findings of a load that differ from those before.
    Diagnosed(Vec<Diagnostic>),
    /// A node ended.
    Action {
        /// The node.
        node: Box<PlanNode>,
        /// Its end.
        outcome: NodeOutcome,
    },
    /// An operation made progress.
    Progress {
        /// About what.
        subject: OperationSubject,
        /// `pull`, `build`, `stop`.
        kind: &'static str,
        /// A line.
        line: String,
    },
    /// An operation ended.
    OperationEnded {
        /// About what.
        subject: OperationSubject,
        /// `pull`, `build`, `stop`.
        kind: &'static str,
        /// How.
        result: Result<(), Failure>,
    },
    /// Something failed that keeps nothing from going on.
    Noted(Note),
    /// Something is held that was not held before.
    Held(Held),
    /// A condition changed.
    Condition(Condition),
    /// A project converged: no nodes, no holds.
    Converged,
    /// A new status was published.
    Published(Box<ProjectStatus>),
    /// The files of a commit were put in place.
    Synced {
        /// The git source.
        source: SourceName,
        /// The commit.
        commit: Box<Commit>,
        /// Files that were put in place or removed.
        files: usize,
        /// Those that somebody else had changed, or that were in the way: they are kept in the state directory.
        aside: Vec<String>,
    },
    /// A git source is not at its newest commit, for another reason than before.
    SyncFailed {
        /// The git source.
        source: SourceName,
        /// Why.
        trouble: Box<SyncTrouble>,
    },
    /// A git source that was in trouble is at its newest commit again.
    SyncRecovered {
        /// The git source.
        source: SourceName,
    },
    /// A message could not be delivered, or had no room; nothing waits for it any more.
    NotificationDropped {
        /// The channel.
        channel: String,
        /// Messages that this channel lost since the controller began.
        dropped: u64,
        /// Why. No secret is in it.
        why: String,
    },
    /// Something that had no use any more was removed.
    Collected {
        /// What.
        object: String,
        /// Why.
        why: String,
        /// Bytes, those included that it shared with others.
        bytes: u64,
    },
    /// The connection to the engine was made or lost; the text says which and why.
    Engine(String),
    /// A webhook was delivered. What strangers can bring about is told once a minute.
    Delivery(Delivery),
    /// Something about the controller itself: standing by, watcher fell back, ledger set aside.
    Controller(String),
}
