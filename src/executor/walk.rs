//! The walk itself: what may start, what is skipped, what came of each node.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::executor::call::{Calls, Resolved};
use crate::executor::host::WalkHost;
use crate::executor::lanes::{Lane, Lanes};
use crate::model::id::{ContainerId, NetworkId};
use crate::model::outcome::{Effect, Failure, FailureClass, NodeOutcome, PassReport, SkipReason};
use crate::model::plan::{Action, ContainerRef, NetworkRef, NodeId, Plan, PlanNode, StartBudget};
use crate::model::time::Timestamp;

/// Nodes are refused when the observation behind their plan is older than this.
pub const STALE_AFTER: Duration = Duration::from_secs(30);

/// Everything around one walk.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "a bundle of borrowed ports, never kept")]
pub struct Walk<'a> {
    /// Makes the calls.
    pub calls: &'a dyn Calls,
    /// The controller around it.
    pub host: &'a dyn WalkHost,
    /// Parallelism of the host.
    pub lanes: &'a Lanes,
    /// When the engine was seen as the plan takes it to be.
    pub observed_at: Timestamp,
    /// No further node starts once this is cancelled; calls in flight end by themselves.
    pub cancel: &'a CancellationToken,
}

/// Walks `plan`: a node starts once all that it depends on succeeded; what depends on anything else is skipped; unrelated
/// nodes go on. Every node gets exactly one outcome. A panic inside a call is an outcome too.
pub async fn walk(plan: Plan, around: Walk<'_>) -> PassReport {
    let mut progress = Progress::new(&plan.nodes);
    let mut in_flight = FuturesUnordered::new();
    loop {
        for (index, node) in progress.startable(&plan.nodes, around.host) {
            let ids = progress.resolve(&node.action);
            in_flight.push(run(node, ids, around).map(move |outcome| (index, outcome)));
        }
        let Some((index, outcome)) = in_flight.next().await else {
            break;
        };
        progress.end(index, outcome);
    }
    drop(in_flight);
    let outcomes = progress.finish(&plan.nodes);
    PassReport { plan, outcomes, at: around.host.now() }
}

/// How far a walk is.
struct Progress {
    index: BTreeMap<NodeId, usize>,
    states: Vec<State>,
}

/// Where a node stands.
enum State {
    Waiting,
    InFlight,
    Ended(NodeOutcome),
}

/// What the dependencies of a node say about it.
enum Verdict {
    Start,
    Wait,
    Skip(NodeId),
}

impl Progress {
    fn new(nodes: &[PlanNode]) -> Self {
        Self {
            index: nodes.iter().enumerate().map(|(index, node)| (node.id, index)).collect(),
            states: nodes.iter().map(|_| State::Waiting).collect(),
        }
    }

    /// Marks what may start now as in flight, ends what can never start, and returns the former in the order of the plan.
    fn startable<'p>(
        &mut self,
        nodes: &'p [PlanNode],
        host: &dyn WalkHost,
    ) -> Vec<(usize, &'p PlanNode)> {
        let mut start = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            if !matches!(self.states.get(index), Some(State::Waiting)) {
                continue;
            }
            match self.verdict(node) {
                Verdict::Wait => {}
                Verdict::Start => {
                    self.set(index, State::InFlight);
                    start.push((index, node));
                }
                Verdict::Skip(dependency) => {
                    let outcome = NodeOutcome::Skipped(SkipReason::Dependency(dependency));
                    host.ended(node, &outcome);
                    self.set(index, State::Ended(outcome));
                }
            }
        }
        start
    }

    fn verdict(&self, node: &PlanNode) -> Verdict {
        let mut verdict = Verdict::Start;
        for dependency in &node.depends_on {
            match self.state(*dependency) {
                Some(State::Ended(NodeOutcome::Succeeded(_))) => {}
                Some(State::Waiting | State::InFlight) => verdict = Verdict::Wait,
                Some(State::Ended(_)) | None => return Verdict::Skip(*dependency),
            }
        }
        verdict
    }

    fn state(&self, id: NodeId) -> Option<&State> {
        self.index.get(&id).and_then(|index| self.states.get(*index))
    }

    fn set(&mut self, index: usize, state: State) {
        if let Some(slot) = self.states.get_mut(index) {
            *slot = state;
        }
    }

    fn end(&mut self, index: usize, outcome: NodeOutcome) {
        self.set(index, State::Ended(outcome));
    }

    fn effect(&self, id: NodeId) -> Option<&Effect> {
        match self.state(id) {
            Some(State::Ended(NodeOutcome::Succeeded(effect))) => Some(effect),
            _ => None,
        }
    }

    /// Fills in the ids that earlier nodes made.
    fn resolve(&self, action: &Action) -> Resolved {
        let (container, network) = match action {
            Action::ConnectNetwork { container, network, .. } => {
                (self.container(container), self.network(network))
            }
            Action::StartContainer { container, .. }
            | Action::RenameContainer { container, .. } => (self.container(container), None),
            _ => (None, None),
        };
        Resolved { container, network }
    }

    fn container(&self, reference: &ContainerRef) -> Option<ContainerId> {
        match reference {
            ContainerRef::Existing(id) => Some(id.clone()),
            ContainerRef::CreatedBy(node) => match self.effect(*node)? {
                Effect::Container(id) => Some(id.clone()),
                _ => None,
            },
        }
    }

    fn network(&self, reference: &NetworkRef) -> Option<NetworkId> {
        match reference {
            NetworkRef::Existing(id) => Some(id.clone()),
            NetworkRef::CreatedBy(node) => match self.effect(*node)? {
                Effect::Network(id) => Some(id.clone()),
                _ => None,
            },
        }
    }

    /// The outcomes. A node that never came to its turn stands in a cycle, which no checked plan has.
    fn finish(self, nodes: &[PlanNode]) -> Vec<NodeOutcome> {
        self.states
            .into_iter()
            .zip(nodes)
            .map(|(state, node)| match state {
                State::Ended(outcome) => outcome,
                State::Waiting | State::InFlight => {
                    let first = node.depends_on.first().copied().unwrap_or(node.id);
                    NodeOutcome::Skipped(SkipReason::Dependency(first))
                }
            })
            .collect()
    }
}

/// One node: waits for its place, looks whether it may still go, makes its call.
async fn run(node: &PlanNode, ids: Resolved, around: Walk<'_>) -> NodeOutcome {
    let permit = around.lanes.enter(Lane::of(&node.action)).await;
    let outcome = match refusal(node, around) {
        Some(reason) => NodeOutcome::Skipped(reason),
        None => act(node, ids, around).await,
    };
    if let Some(permit) = &permit {
        match &outcome {
            NodeOutcome::Succeeded(_) => permit.ended(None),
            NodeOutcome::Failed(failure) | NodeOutcome::MaybeDone(failure) => {
                permit.ended(Some(failure.class));
            }
            NodeOutcome::Skipped(_) => {}
        }
    }
    drop(permit);
    around.host.ended(node, &outcome);
    outcome
}

/// Why a node may not go although its dependencies succeeded.
fn refusal(node: &PlanNode, around: Walk<'_>) -> Option<SkipReason> {
    if around.cancel.is_cancelled() {
        return Some(SkipReason::Shutdown);
    }
    if around.host.now().since(around.observed_at) > STALE_AFTER {
        return Some(SkipReason::Stale);
    }
    match &node.action {
        Action::StartContainer { budget: StartBudget::Restart, .. } => {
            around.host.draw_restart().err().map(SkipReason::Throttled)
        }
        _ => None,
    }
}

async fn act(node: &PlanNode, ids: Resolved, around: Walk<'_>) -> NodeOutcome {
    if let Action::Begin(operation) = &node.action {
        return match around.host.begin(operation) {
            Ok(subject) => NodeOutcome::Succeeded(Effect::Begun(subject)),
            Err(reason) => NodeOutcome::Skipped(reason),
        };
    }
    if let Action::HandOver { .. } = &node.action {
        around.host.hand_over();
        return NodeOutcome::Succeeded(Effect::Done);
    }
    let span = tracing::info_span!("action", node = node.id.0, kind = node.action.kind());
    let call = around.calls.call(&node.action, ids).instrument(span);
    match AssertUnwindSafe(call).catch_unwind().await {
        Ok(Ok(effect)) => NodeOutcome::Succeeded(effect),
        Ok(Err(failure)) if failure.class == FailureClass::Maybe => NodeOutcome::MaybeDone(failure),
        Ok(Err(failure)) => NodeOutcome::Failed(failure),
        Err(_) => NodeOutcome::MaybeDone(Failure {
            class: FailureClass::Maybe,
            message: "internal error: the call panicked; the next pass looks".to_owned(),
        }),
    }
}
