//! What a person stopped for a repair: its containers are stopped, dependants first, and nothing starts them again, the
//! engine included.

use std::collections::BTreeSet;

use crate::model::config::RestartPolicy;
use crate::model::held::{Subject, WaitingOn};
use crate::model::id::{ContainerId, ReplicaId, ServiceName};
use crate::model::ledger::{ProjectLedger, Suspension};
use crate::model::observed::ObservedContainer;
use crate::model::operation::Operation;
use crate::model::plan::Action;
use crate::model::reason::Reason;
use crate::model::time::Timestamp;
use crate::planner::draft::{Draft, Place};
use crate::planner::hooks;
use crate::planner::own;
use crate::planner::prune::needed;
use crate::planner::world::{ServiceView, World};

/// Why and until when the project (`None`) or a service is stopped, if it is.
pub fn stopped<'a>(
    (ledger, now): (&'a ProjectLedger, Timestamp),
    service: Option<&ServiceName>,
) -> Option<&'a Suspension> {
    let entry = ledger.stopped.get(service.map_or("", ServiceName::as_str))?;
    entry.until.is_none_or(|until| until > now).then_some(entry)
}

/// Ends a stop: of a service, or of the project and all its services.
///
/// # Errors
/// For the person who asked: nothing is stopped, or more than this service.
pub fn start(ledger: &mut ProjectLedger, service: Option<&ServiceName>) -> Result<(), String> {
    let Some(service) = service else {
        let stopped = std::mem::take(&mut ledger.stopped);
        return if stopped.is_empty() {
            Err("nothing of it is stopped".to_owned())
        } else {
            Ok(())
        };
    };
    if ledger.stopped.remove(service.as_str()).is_some() {
        return Ok(());
    }
    Err(if ledger.stopped.contains_key("") {
        "the whole project is stopped; start the project".to_owned()
    } else {
        format!("{service} is not stopped")
    })
}

/// Stops every container of the project, also those of runs, checks and services that are no longer declared.
pub fn stop_project(world: &World<'_>, why: &str, draft: &mut Draft<'_>) {
    let mut targets = Vec::new();
    for view in world.services.iter().filter(|view| view.adoption.is_empty()) {
        targets.extend(of_service(view));
    }
    let beside = world.orphans.iter().chain(beside(world));
    targets.extend(beside.map(|one| (*one, Subject::Container(one.name.clone()))));
    stop_all(world, &targets, why, draft);
}

/// Stops every container of a service; others that depend on it go on, as with `docker compose stop`.
pub fn stop_service(world: &World<'_>, view: &ServiceView<'_>, why: &str, draft: &mut Draft<'_>) {
    if !view.adoption.is_empty() {
        return;
    }
    let mut targets = of_service(view);
    let own = |one: &&&ObservedContainer| one.claim.service.as_ref() == Some(&view.service.name);
    let beside = beside(world).filter(own);
    targets.extend(beside.map(|one| (*one, Subject::Container(one.name.clone()))));
    stop_all(world, &targets, why, draft);
}

/// A container, and whose failures count against it.
pub(super) type Target<'a> = (&'a ObservedContainer, Subject);

/// Predecessors first: what is noted of a replica is what is noted last.
pub(super) fn of_service<'a>(view: &ServiceView<'a>) -> Vec<Target<'a>> {
    let mut targets = Vec::new();
    for slot in &view.slots {
        let subject = Subject::Replica(slot.replica.clone());
        let judged = slot.old.iter().chain(&slot.current);
        targets.extend(judged.map(|one| (one.container, subject.clone())));
    }
    let surplus = view.surplus.iter();
    targets.extend(surplus.map(|one| (*one, Subject::Container(one.name.clone()))));
    targets
}

/// Steps, checks, throw-away copies and runs of schedules.
pub(super) fn beside<'a, 'w>(
    world: &'a World<'w>,
) -> impl Iterator<Item = &'a &'w ObservedContainer> {
    world.steps.iter().chain(&world.checks).chain(&world.companions).chain(&world.runs)
}

/// Begins to stop what lives of these, those that others of them depend on last, and takes the engine's restart policy away.
pub(super) fn stop_all(
    world: &World<'_>,
    targets: &[Target<'_>],
    why: &str,
    draft: &mut Draft<'_>,
) {
    let containers: Vec<&ObservedContainer> = targets.iter().map(|(one, _)| *one).collect();
    let needed = needed(&containers);
    let reason = Reason::StopAsked { why: why.to_owned() };
    let mut seen: BTreeSet<&ContainerId> = BTreeSet::new();
    for (container, subject) in targets {
        if own::is_own(world.input, container) || !seen.insert(&container.id) {
            continue;
        }
        let place = |after| Place { subject, after };
        let policy = container.detail.known().map(|detail| &detail.config.restart);
        let kept_down = policy.is_some_and(|policy| *policy != RestartPolicy::No).then(|| {
            let action = Action::UpdateContainer {
                container: container.id.clone(),
                name: container.name.clone(),
                resources: None,
                restart: Some(RestartPolicy::No),
            };
            draft.push(place(Vec::new()), action, reason.clone())
        });
        if !container.lifecycle.is_alive() {
            continue;
        }
        if let Some(user) = container.claim.service.as_ref().and_then(|one| needed.get(one)) {
            let service = (*user).clone();
            let (condition, actual) = ("stopped".to_owned(), "running".to_owned());
            draft.hold(subject.clone(), WaitingOn::Dependency { service, condition, actual }, None);
            continue;
        }
        let after = kept_down.flatten().into_iter().collect();
        draft.push(place(after), stop(world, container, subject), reason.clone());
    }
}

fn stop(world: &World<'_>, container: &ObservedContainer, subject: &Subject) -> Action {
    let replica = if let Subject::Replica(replica) = subject {
        replica.clone()
    } else {
        let service = container.claim.service.clone();
        let service = service.unwrap_or_else(|| ServiceName::from(""));
        ReplicaId::new(service, container.claim.number.unwrap_or(0))
    };
    Action::Begin(Box::new(Operation::Stop {
        container: container.id.clone(),
        name: container.name.clone(),
        replica,
        timeout_s: None,
        pre_stop: hooks::pre_stop(world.input, container),
    }))
}
