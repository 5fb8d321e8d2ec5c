//! Containers that run once and are their own memory: steps before a start, checks before and after a rollout. What ended
//! is read off the engine and counted once, so that a controller that was killed doubles nothing.

use std::time::Duration;

use crate::model::feature::SEVERAL_ENDPOINTS;
use crate::model::held::{Subject, WaitingOn};
use crate::model::id::{ContainerName, ReplicaId, ServiceName, SpecHash};
use crate::model::observed::{Exit, Lifecycle, ObservedContainer};
use crate::model::operation::Operation;
use crate::model::plan::{Action, ContainerRef, CreateContainer, NetworkRef, NodeId, StartBudget};
use crate::model::reason::Reason;
use crate::model::time::Timestamp;
use crate::planner::draft::{Draft, Place};
use crate::planner::world::World;

/// What the label of hooks says on the container of a step before the start.
pub const STEP: &str = "pre_start";
/// What it says on that of a check.
pub const CHECK: &str = "check";

/// Those of one service.
pub fn of_service<'a, 'w>(
    all: &'w [&'a ObservedContainer],
    service: &'w ServiceName,
) -> impl Iterator<Item = &'a ObservedContainer> + 'w {
    all.iter().copied().filter(|one| one.claim.service.as_ref() == Some(service))
}

/// The newest container of the step or check that carries `hash`.
pub fn newest<'a>(
    all: &[&'a ObservedContainer],
    service: &ServiceName,
    hash: &SpecHash,
) -> Option<&'a ObservedContainer> {
    let same = of_service(all, service).filter(|one| one.claim.spec_hash.as_ref() == Some(hash));
    same.max_by_key(|one| (one.created_at, one.id.clone()))
}

/// How what ran to its end, or could not start, failed; `Some(None)` if it did not, `None` while it has no end.
pub fn end(container: &ObservedContainer, timeout: Duration) -> Option<Option<String>> {
    match &container.lifecycle {
        Lifecycle::Exited(exit) => Some(failure(exit, timeout)),
        Lifecycle::Created { failure: Some(failure) } => Some(Some(failure.error.clone())),
        _ => None,
    }
}

fn failure(exit: &Exit, timeout: Duration) -> Option<String> {
    let times = exit.started_at.zip(exit.finished_at);
    if times.is_some_and(|(start, end)| end.since(start) >= timeout) {
        return Some(format!("no end within {timeout:?}"));
    }
    (exit.code != 0).then(|| format!("exit code {}", exit.code))
}

/// When the present run of a container has to have its end.
pub fn deadline(container: &ObservedContainer, timeout: Duration) -> Option<Timestamp> {
    match container.lifecycle {
        Lifecycle::Running { started_at } => Some(started_at.plus(timeout)),
        _ => None,
    }
}

/// Stops what runs and removes what does not.
pub fn leave(draft: &mut Draft<'_>, container: &ObservedContainer, reason: Reason) {
    let (id, name) = (container.id.clone(), container.name.clone());
    let subject = Subject::Container(name.clone());
    let action = match &container.lifecycle {
        Lifecycle::Removing => return draft.hold(subject, WaitingOn::Removing, None),
        lifecycle if lifecycle.is_alive() => {
            let service = container.claim.service.clone().unwrap_or_else(|| "".into());
            Action::Begin(Box::new(Operation::Stop {
                container: id,
                name,
                replica: ReplicaId::new(service, 0),
                timeout_s: None,
                pre_stop: Vec::new(),
            }))
        }
        _ => Action::RemoveContainer { container: id, name },
    };
    draft.push(Place { subject: &subject, after: Vec::new() }, action, reason);
}

/// Whether the name of a container that is to be made is free. One of ours that has it is on its way out: this plan or an
/// operation sees to it; a stranger is told as a hold on `subject`.
pub fn is_free(
    world: &World<'_>,
    draft: &mut Draft<'_>,
    (name, subject): (&ContainerName, Subject),
    own: &[&ObservedContainer],
) -> bool {
    let Some(holder) = world.input.host.names.get(name) else {
        return true;
    };
    if !own.iter().any(|one| one.id == holder.container) {
        draft.hold(subject, WaitingOn::NameHeldByUnmanaged { name: name.clone() }, None);
    }
    false
}

/// Finds a network by its real name.
pub type FindNetwork<'a> = dyn Fn(&str) -> Option<NetworkRef> + 'a;

/// Creates a container, attaches it to its networks and starts it: creation waits for `after`, the start for `owners` too.
/// `network` finds the networks beside the primary one. `None`: something backs off.
pub fn start(
    world: &World<'_>,
    draft: &mut Draft<'_>,
    create: CreateContainer,
    (after, owners): (Vec<NodeId>, Vec<NodeId>),
    (network, reason): (&FindNetwork<'_>, Reason),
) -> Option<NodeId> {
    let (name, endpoints) = (create.name.clone(), create.config.endpoints.clone());
    let (primary, subject) = (create.primary_network.clone(), Subject::Container(name.clone()));
    let dns_names = create.dns_names.clone();
    let action = Action::CreateContainer(Box::new(create));
    let node = draft.push(Place { subject: &subject, after }, action, reason.clone())?;
    let mut ready = owners;
    ready.push(node);
    let later = world.input.observed.engine.api < SEVERAL_ENDPOINTS;
    let rest = endpoints.into_iter().filter(|(name, _)| later && Some(name) != primary.as_ref());
    for (network_name, endpoint) in rest {
        let action = Action::ConnectNetwork {
            container: ContainerRef::CreatedBy(node),
            container_name: name.clone(),
            network: network(&network_name)?,
            name: network_name,
            endpoint: Box::new(endpoint),
            dns_names: dns_names.clone(),
        };
        let place = Place { subject: &subject, after: vec![node] };
        ready.push(draft.push(place, action, reason.clone())?);
    }
    let container = ContainerRef::CreatedBy(node);
    let action = Action::StartContainer { container, name, budget: StartBudget::Free };
    draft.push(Place { subject: &subject, after: ready }, action, reason)
}
