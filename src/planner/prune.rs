//! What is ours and no longer wanted: stopped, then removed; dependants before what they depend on; volumes never.

use std::collections::BTreeMap;

use crate::model::held::{Subject, WaitingOn};
use crate::model::id::{ReplicaId, ServiceName};
use crate::model::observed::{Lifecycle, ObservedContainer};
use crate::model::operation::Operation;
use crate::model::own::OwnWait;
use crate::model::plan::Action;
use crate::model::reason::Reason;
use crate::planner::draft::{Draft, Place};
use crate::planner::hooks;
use crate::planner::input::{Intent, PlanInput};
use crate::planner::neighbours::removal_waits;
use crate::planner::networks::{prune_networks, remove_unused};
use crate::planner::own;
use crate::planner::ownership::{Ownership, ownership};
use crate::planner::policy_gate::{ALL_OF_IT, may_disrupt, waits_for_person};
use crate::planner::world::World;

/// Removes orphans and unused networks of a project that goes on.
pub fn plan_prune(world: &World<'_>, draft: &mut Draft<'_>) {
    if matches!(world.input.desired, Intent::RunKeeping(_)) {
        for orphan in &world.orphans {
            let subject = Subject::Container(orphan.name.clone());
            draft.hold(subject, WaitingOn::ManifestSettling, None);
        }
    } else {
        let orphans = planted!("orphans-stay", world.orphans.as_slice(), &[]);
        let names: Vec<&str> = orphans.iter().map(|orphan| orphan.name.as_str()).collect();
        if orphans.is_empty() || !waits_for_person(world.input, draft, names.join(", ")) {
            retire(draft, orphans, &Reason::Orphaned);
        }
        let declared = |one: &&&ObservedContainer| {
            one.claim.service.as_ref().is_some_and(|name| world.desired.services.contains_key(name))
        };
        let beside =
            world.steps.iter().chain(&world.checks).chain(&world.companions).chain(&world.runs);
        let steps: Vec<&ObservedContainer> = beside.filter(|one| !declared(one)).copied().collect();
        retire(draft, &steps, &Reason::Leftover);
        prune_networks(world, draft);
    }
}

/// Removes everything of a project that went away.
pub fn plan_removal(input: &PlanInput<'_>, draft: &mut Draft<'_>) {
    let policy = input.policy;
    let ours = input.observed.containers.iter().filter(|container| {
        ownership(container, input.project, &policy.installation, input.ledger) == Ownership::Ours
    });
    let ours: Vec<&ObservedContainer> = ours.collect();
    if waits_for_person(input, draft, ALL_OF_IT.to_owned()) {
        return;
    }
    if ours.iter().any(|one| one.lifecycle.is_alive()) && removal_waits(input, draft) {
        return;
    }
    retire(draft, &ours, &Reason::Removed);
    let networks = input.observed.networks.iter().filter(|network| {
        network.installation.as_ref() == Some(&policy.installation)
            && network.project.as_ref() == Some(input.project)
    });
    for network in networks {
        remove_unused(&input.observed.containers, draft, network, Reason::Removed);
    }
}

/// One step of taking containers out of service. A container that lives waits for those of the same set that depend on it.
pub fn retire(draft: &mut Draft<'_>, containers: &[&ObservedContainer], reason: &Reason) {
    let needed = needed(containers);
    for container in containers {
        let subject = Subject::Container(container.name.clone());
        if own::is_own(draft.input(), container) {
            draft.hold(subject, WaitingOn::Own(OwnWait::Unwanted), None);
        } else if container.lifecycle.is_alive() {
            if let Some(user) = container.claim.service.as_ref().and_then(|one| needed.get(one)) {
                let service = (*user).clone();
                let (condition, actual) = ("stopped".to_owned(), "running".to_owned());
                draft.hold(subject, WaitingOn::Dependency { service, condition, actual }, None);
                continue;
            }
            let voluntary = matches!(reason, Reason::Orphaned | Reason::Surplus | Reason::Removed);
            if voluntary && !may_disrupt(draft, &subject, &container.id) {
                continue;
            }
            let place = Place { subject: &subject, after: Vec::new() };
            let stop = stop(draft.input(), container);
            draft.push(place, stop, reason.clone());
        } else if container.lifecycle == Lifecycle::Removing {
            draft.hold(subject, WaitingOn::Removing, None);
        } else {
            let action = Action::RemoveContainer {
                container: container.id.clone(),
                name: container.name.clone(),
            };
            draft.push(Place { subject: &subject, after: Vec::new() }, action, reason.clone());
        }
    }
}

/// Services of live containers that other live ones of the set depend on, with one of those. Labels of different versions
/// can form a circle; then nobody waits.
pub(super) fn needed<'a>(
    containers: &[&'a ObservedContainer],
) -> BTreeMap<&'a ServiceName, &'a ServiceName> {
    let alive = || containers.iter().filter(|container| container.lifecycle.is_alive());
    let mut needed = BTreeMap::new();
    for (user, one) in alive().filter_map(|one| Some((one.claim.service.as_ref()?, one))) {
        let others = one.claim.depends_on.iter().filter(|name| *name != user);
        needed.extend(others.map(|name| (name, user)));
    }
    let free = |one: &&'a ObservedContainer| {
        one.claim.service.as_ref().is_none_or(|service| !needed.contains_key(service))
    };
    if alive().any(free) { needed } else { BTreeMap::new() }
}

fn stop(input: &PlanInput<'_>, container: &ObservedContainer) -> Action {
    let service = container.claim.service.clone().unwrap_or_else(|| ServiceName::from(""));
    Action::Begin(Box::new(Operation::Stop {
        container: container.id.clone(),
        name: container.name.clone(),
        replica: ReplicaId::new(service, container.claim.number.unwrap_or(0)),
        timeout_s: None,
        pre_stop: hooks::pre_stop(input, container),
    }))
}
