//! Safety rules that hold for every plan, however it was made. A plan that breaks one is not executed.

use std::collections::BTreeSet;

use crate::model::id::ContainerId;
use crate::model::operation::{Operation, OperationSubject};
use crate::model::plan::{Action, ContainerRef, NodeId, Plan, PlanNode};
use crate::planner::input::PlanInput;
use crate::planner::ownership::{Ownership, ownership};

/// Sentences about what is wrong with the plan; none for a sound one.
pub fn check(plan: &Plan, input: &PlanInput<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    let mut seen: BTreeSet<NodeId> = BTreeSet::new();
    for node in &plan.nodes {
        if let Some(later) = node.depends_on.iter().find(|id| !seen.contains(id)) {
            notes
                .push(format!("node #{} stands before #{} that it depends on", node.id.0, later.0));
        }
        notes.extend(touches_foreign(node, input));
        notes.extend(touches_own(node, input));
        notes.extend(removes_running(node, input));
        notes.extend(hands_to_nobody(node, input));
        notes.extend(orphan_reference(node, &seen));
        seen.insert(node.id);
    }
    notes
}

/// Invariant 4: only what is ours may be changed; what Compose made may be, once it counts as adopted.
fn touches_foreign(node: &PlanNode, input: &PlanInput<'_>) -> Option<String> {
    let id = existing(&node.action)?;
    let container = input.observed.containers.iter().find(|one| one.id == id);
    let Some(container) = container else {
        return Some(format!("node #{} acts on a container that was not seen", node.id.0));
    };
    let owner = ownership(container, input.project, &input.policy.installation, input.ledger);
    (owner == Ownership::Foreign)
        .then(|| format!("node #{} acts on {}, which is not ours", node.id.0, container.name))
}

/// The container that this controller runs in is out of its reach. Another name does it no harm: the successor of an update
/// takes that of its predecessor.
fn touches_own(node: &PlanNode, input: &PlanInput<'_>) -> Option<String> {
    let id = existing(&node.action).filter(|id| input.host.is_own(id))?;
    let renames = matches!(node.action, Action::RenameContainer { .. });
    (!renames).then(|| {
        format!("node #{} acts on {}, in which this controller runs", node.id.0, id.short())
    })
}

/// A removal is never forced: its container must not run.
fn removes_running(node: &PlanNode, input: &PlanInput<'_>) -> Option<String> {
    let Action::RemoveContainer { container, name, .. } = &node.action else {
        return None;
    };
    let seen = input.observed.containers.iter().find(|one| one.id == *container)?;
    seen.lifecycle.is_alive().then(|| format!("node #{} removes {name}, which runs", node.id.0))
}

/// Who takes over has to run.
fn hands_to_nobody(node: &PlanNode, input: &PlanInput<'_>) -> Option<String> {
    let Action::HandOver { to, name } = &node.action else {
        return None;
    };
    let seen = input.observed.containers.iter().find(|one| one.id == *to);
    let runs = seen.is_some_and(|one| one.lifecycle.is_alive()) && !input.host.is_own(to);
    (!runs).then(|| format!("node #{} hands over to {name}, which does not run", node.id.0))
}

/// A reference to a created thing needs an edge to its creation.
fn orphan_reference(node: &PlanNode, seen: &BTreeSet<NodeId>) -> Option<String> {
    let (Action::ConnectNetwork { container: ContainerRef::CreatedBy(creator), .. }
    | Action::StartContainer { container: ContainerRef::CreatedBy(creator), .. }
    | Action::RenameContainer { container: ContainerRef::CreatedBy(creator), .. }) = &node.action
    else {
        return None;
    };
    (!seen.contains(creator))
        .then(|| format!("node #{} names #{} before it ran", node.id.0, creator.0))
}

/// The existing container that an action changes.
pub(super) fn existing(action: &Action) -> Option<ContainerId> {
    match action {
        Action::ConnectNetwork { container, .. }
        | Action::StartContainer { container, .. }
        | Action::RenameContainer { container, .. } => match container {
            ContainerRef::Existing(id) => Some(id.clone()),
            ContainerRef::CreatedBy(_) => None,
        },
        Action::DisconnectNetwork { container, .. }
        | Action::UpdateContainer { container, .. }
        | Action::UnpauseContainer { container, .. }
        | Action::RemoveContainer { container, .. } => Some(container.clone()),
        Action::Begin(operation) => match (&**operation, operation.subject()) {
            (Operation::Exec { container, .. } | Operation::Check { container, .. }, _) => {
                Some(container.clone())
            }
            (Operation::Restore(request), _) => Some(request.container.clone()),
            (
                _,
                OperationSubject::Container(id)
                | OperationSubject::Hook(id)
                | OperationSubject::Probe(id),
            ) => Some(id),
            (
                _,
                OperationSubject::Image(_)
                | OperationSubject::ImageCheck { .. }
                | OperationSubject::Exec(_)
                | OperationSubject::Check(_)
                | OperationSubject::Analysis(_)
                | OperationSubject::Backup(_)
                | OperationSubject::RestoreDrill(_)
                | OperationSubject::Restore(_),
            ) => None,
        },
        Action::CreateNetwork(_)
        | Action::RemoveNetwork { .. }
        | Action::CreateVolume(_)
        | Action::CreateContainer(_)
        | Action::HandOver { .. } => None,
    }
}
