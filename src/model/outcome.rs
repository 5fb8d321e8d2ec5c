//! What came of a plan.

use serde::{Deserialize, Serialize};

use crate::model::id::{ContainerId, NetworkId};
use crate::model::operation::OperationSubject;
use crate::model::plan::{NodeId, Plan};
use crate::model::time::Timestamp;

/// How an engine call ended. After `Maybe` the next pass looks; nobody guesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FailureClass {
    /// The object is gone: 404.
    NotFound,
    /// Name taken, removal in progress, wrong state: 409.
    Conflict,
    /// The request itself is wrong: 400 and relatives. The same request will fail again.
    Invalid,
    /// A host port is taken.
    PortTaken,
    /// Forbidden, e.g. a network that is in use: 403.
    Forbidden,
    /// The engine failed: 500 and relatives.
    Engine,
    /// The engine could not be reached; the call had no effect.
    Unreachable,
    /// The call may have had its effect: deadline, cut connection.
    Maybe,
}

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What to do about it.
    pub class: FailureClass,
    /// The engine's words.
    pub message: String,
}

/// End of one node. Every node of a plan gets exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeOutcome {
    /// Done.
    Succeeded(Effect),
    /// Not done.
    Failed(Failure),
    /// Perhaps done.
    MaybeDone(Failure),
    /// Not tried.
    Skipped(SkipReason),
}

/// What a successful node made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that needs a name.
    Done,
    /// A container.
    Container(ContainerId),
    /// A network.
    Network(NetworkId),
    /// The last log lines of a container that was removed.
    Logs(Vec<String>),
    /// An operation began.
    Begun(OperationSubject),
}

/// Why a node was not tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// A node that it depends on did not succeed.
    Dependency(NodeId),
    /// The host's budget is used up until then.
    Throttled(Timestamp),
    /// The observation behind the plan is older than 30 s.
    Stale,
    /// The controller is shutting down.
    Shutdown,
    /// An operation about the same subject runs already.
    Running,
}

/// A plan with the end of each of its nodes, in the order of the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassReport {
    /// The plan.
    pub plan: Plan,
    /// One outcome per node.
    pub outcomes: Vec<NodeOutcome>,
    /// When the walk ended.
    pub at: Timestamp,
}

/// End of one operation, for the ledger of the project that began it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationReport {
    /// About what.
    pub subject: OperationSubject,
    /// `pull`, `build` or `stop`.
    pub kind: &'static str,
    /// How it ended.
    pub result: Result<(), Failure>,
    /// When.
    pub at: Timestamp,
}
