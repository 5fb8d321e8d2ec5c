//! What is ours and no longer wanted: stopped, then removed; dependants before what they depend on; volumes never.

use std::collections::BTreeSet;

use crate::model::held::{Subject, WaitingOn};
use crate::model::id::{ReplicaId, ServiceName};
use crate::model::observed::{Lifecycle, ObservedContainer};
use crate::model::operation::Operation;
use crate::model::plan::Action;
use crate::model::reason::Reason;
use crate::planner::draft::{Draft, Place};
use crate::planner::input::{Intent, PlanInput};
use crate::planner::networks::{prune_networks, remove_unused};
use crate::planner::ownership::{Ownership, ownership};
use crate::planner::world::World;

/// Removes orphans, surplus replicas and unused networks of a project that goes on.
pub fn plan_prune(world: &World<'_>, draft: &mut Draft<'_>) {
    if matches!(world.input.desired, Intent::RunKeeping(_)) {
        for orphan in &world.orphans {
            let subject = Subject::Container(orphan.name.clone());
            draft.hold(subject, WaitingOn::ManifestSettling, None);
        }
    } else {
        retire(draft, &world.orphans, &Reason::Orphaned);
        prune_networks(world, draft);
    }
    for view in &world.services {
        retire(draft, &view.surplus, &Reason::Surplus);
    }
}

/// Removes everything of a project that went away.
pub fn plan_removal(input: &PlanInput<'_>, draft: &mut Draft<'_>) {
    let policy = input.policy;
    let ours = input.observed.containers.iter().filter(|container| {
        ownership(container, input.project, &policy.installation, input.ledger) == Ownership::Ours
    });
    let ours: Vec<&ObservedContainer> = ours.collect();
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
fn retire(draft: &mut Draft<'_>, containers: &[&ObservedContainer], reason: &Reason) {
    let alive = containers.iter().filter(|container| container.lifecycle.is_alive());
    let needed: BTreeSet<&ServiceName> =
        alive.flat_map(|one| one.claim.depends_on.iter()).collect();
    for container in containers {
        let subject = Subject::Container(container.name.clone());
        if container.lifecycle.is_alive() {
            if container.claim.service.as_ref().is_some_and(|service| needed.contains(service)) {
                continue;
            }
            let place = Place { subject: &subject, after: Vec::new() };
            draft.push(place, stop(container), reason.clone());
        } else if container.lifecycle == Lifecycle::Removing {
            draft.hold(subject, WaitingOn::Removing, None);
        } else {
            let action = Action::RemoveContainer {
                container: container.id.clone(),
                name: container.name.clone(),
                keep_logs: false,
            };
            draft.push(Place { subject: &subject, after: Vec::new() }, action, reason.clone());
        }
    }
}

fn stop(container: &ObservedContainer) -> Action {
    let service = container.claim.service.clone().unwrap_or_else(|| ServiceName::from(""));
    Action::Begin(Box::new(Operation::Stop {
        container: container.id.clone(),
        name: container.name.clone(),
        replica: ReplicaId::new(service, container.claim.number.unwrap_or(0)),
        timeout_s: None,
    }))
}
