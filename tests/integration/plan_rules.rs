//! Rules that every plan keeps, looked at without the planner's own judgement.

use std::collections::BTreeSet;

use composelet::model::desired::{DependencyCondition, DesiredService};
use composelet::model::id::ContainerId;
use composelet::model::join::{Namespace, Owner};
use composelet::model::ledger::ReplicaRecord;
use composelet::model::observed::{Health, ImageState, Lifecycle, ObservedContainer};
use composelet::model::operation::Operation;
use composelet::model::plan::{Action, ContainerRef, Plan, PlanNode};
use composelet::model::reason::Reason;
use composelet::planner::revision::revision;

use super::plan_world::{Sim, Wish};

pub(super) fn target(action: &Action) -> Option<&ContainerId> {
    match action {
        Action::DisconnectNetwork { container, .. }
        | Action::UpdateContainer { container, .. }
        | Action::UnpauseContainer { container, .. }
        | Action::RemoveContainer { container, .. } => Some(container),
        Action::StartContainer { container: ContainerRef::Existing(id), .. }
        | Action::RenameContainer { container: ContainerRef::Existing(id), .. }
        | Action::ConnectNetwork { container: ContainerRef::Existing(id), .. } => Some(id),
        Action::Begin(operation) => match &**operation {
            Operation::Stop { container, .. }
            | Operation::Exec { container, .. }
            | Operation::Check { container, .. }
            | Operation::PostStart { container, .. } => Some(container),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn seen<'a>(sim: &'a Sim, id: &ContainerId) -> &'a ObservedContainer {
    sim.engine.observed.containers.iter().find(|one| one.id == *id).unwrap()
}

/// A rule that holds for every plan of every pass.
pub(super) type Rule = fn(&Sim, &Plan, &BTreeSet<ContainerId>);

/// All rules.
pub(super) fn judge(sim: &Sim, plan: &Plan, foreign: &BTreeSet<ContainerId>) {
    let rules: [Rule; 6] = [only_ours, removals, successors, order, namespaces, explained];
    for rule in rules {
        rule(sim, plan, foreign);
    }
}

/// Invariants 3 and 4: neither strangers nor replicas that do not answer are touched, and no name is taken from anybody.
pub(super) fn only_ours(sim: &Sim, plan: &Plan, foreign: &BTreeSet<ContainerId>) {
    for node in &plan.nodes {
        let Some(id) = target(&node.action) else { continue };
        assert!(!foreign.contains(id), "touches a stranger:\n{plan}");
        if let (Some(replica), Wish::Run) = (&node.group, sim.wish)
            && replica.number <= sim.desired.services[&replica.service].replicas
        {
            // The list says that it is dead; nothing more need be known to remove it.
            let one = seen(sim, id);
            let known = one.detail.known().is_some() || one.lifecycle == Lifecycle::Dead;
            assert!(known, "touches the unknown:\n{plan}");
        }
    }
    let creates = plan.nodes.iter().filter_map(|node| match &node.action {
        Action::CreateContainer(create) => Some(create.name.clone()),
        _ => None,
    });
    for name in creates {
        let holder = sim.engine.host.names.get(&name);
        assert!(holder.is_none(), "creates {name}, a name that is held:\n{plan}");
    }
}

/// Invariant 5: only what does not live is removed, once. (No action can remove a volume.)
pub(super) fn removals(sim: &Sim, plan: &Plan, _: &BTreeSet<ContainerId>) {
    let removed = plan.nodes.iter().filter_map(|node| match &node.action {
        Action::RemoveContainer { container, .. } => Some(container.clone()),
        _ => None,
    });
    let removed: Vec<ContainerId> = removed.collect();
    for id in &removed {
        assert!(!seen(sim, id).lifecycle.is_alive(), "removes what lives:\n{plan}");
    }
    let distinct: BTreeSet<&ContainerId> = removed.iter().collect();
    assert_eq!(distinct.len(), removed.len(), "removes twice:\n{plan}");
}

/// Invariant 7 for every stop.
pub(super) fn successors(sim: &Sim, plan: &Plan, _: &BTreeSet<ContainerId>) {
    for node in &plan.nodes {
        if let Action::Begin(operation) = &node.action
            && let Operation::Stop { container, .. } = &**operation
        {
            successor_first(sim, plan, node, seen(sim, container));
        }
    }
}

/// Invariant 9 for every start.
pub(super) fn order(sim: &Sim, plan: &Plan, _: &BTreeSet<ContainerId>) {
    let starts = plan.nodes.iter().filter(|node| node.action.kind() == "StartContainer");
    starts.for_each(|node| in_order(sim, plan, node));
}

/// Whoever shares a namespace is made beside a container that is there, and started beside one that runs or that the same
/// plan starts before.
pub(super) fn namespaces(sim: &Sim, plan: &Plan, _: &BTreeSet<ContainerId>) {
    let find = |id: &str| sim.engine.observed.containers.iter().find(|one| one.id.as_str() == id);
    for node in &plan.nodes {
        let config = match &node.action {
            Action::CreateContainer(create) => &create.config,
            Action::StartContainer { container: ContainerRef::Existing(id), .. } => {
                let Some(detail) = seen(sim, id).detail.known() else { continue };
                &detail.config
            }
            _ => continue,
        };
        for owner in Namespace::ALL.into_iter().filter_map(|one| one.owner(config)) {
            let Owner::Container(id) = owner else { panic!("joins {owner}:\n{plan}") };
            let owner = find(&id).unwrap_or_else(|| panic!("joins {id}, which is gone:\n{plan}"));
            let started = plan.nodes.iter().any(|one| {
                node.depends_on.contains(&one.id)
                    && one.action.kind() == "StartContainer"
                    && target(&one.action) == Some(&owner.id)
            });
            let created = node.action.kind() == "CreateContainer";
            assert!(created || owner.lifecycle.is_alive() || started, "joins the dead:\n{plan}");
        }
    }
}

/// Invariant 15: what is done says why, what waits says what for, each on a line of its own.
pub(super) fn explained(_: &Sim, plan: &Plan, _: &BTreeSet<ContainerId>) {
    for node in &plan.nodes {
        assert!(!node.reason.to_string().is_empty());
        assert!(!node.reason.code().is_empty());
    }
    for held in &plan.held {
        assert!(!held.waiting_on.to_string().is_empty(), "{held:?}");
        assert!(!held.waiting_on.code().is_empty(), "{held:?}");
    }
    let lines = plan.to_string().lines().count();
    assert_eq!(lines, plan.nodes.len() + plan.held.len(), "\n{plan}");
}

/// Invariant 7: what is stopped to be replaced has a successor that stands, or that the same plan creates before.
fn successor_first(sim: &Sim, plan: &Plan, node: &PlanNode, stopped: &ObservedContainer) {
    let replaced = matches!(
        node.reason,
        Reason::Drift(_)
            | Reason::ImageChanged { .. }
            | Reason::ContentChanged
            | Reason::OwnerReplaced { .. }
            | Reason::Replaced
    );
    if !replaced {
        return;
    }
    let replica = node.group.as_ref().unwrap();
    let stands = sim.engine.observed.containers.iter().any(|one| {
        one.id != stopped.id
            && one.claim.service.as_ref() == Some(&replica.service)
            && one.claim.number == Some(replica.number)
            && !matches!(one.lifecycle, Lifecycle::Removing | Lifecycle::Dead)
    });
    let created = plan.nodes.iter().any(|one| {
        matches!(one.action, Action::CreateContainer(_))
            && one.group.as_ref() == Some(replica)
            && node.depends_on.contains(&one.id)
    });
    assert!(stands || created, "stops before the successor is there:\n{plan}");
}

/// Invariant 9: what is started stands on what it depends on.
fn in_order(sim: &Sim, plan: &Plan, node: &PlanNode) {
    // A step before a start belongs to no replica; it waits for the same.
    let Some(replica) = &node.group else { return };
    for (name, dependency) in &sim.desired.services[&replica.service].depends_on {
        let target = &sim.desired.services[name];
        for number in 1..=target.replicas {
            let containers = sim.engine.observed.containers.iter().filter(|one| {
                one.claim.service.as_ref() == Some(name)
                    && one.claim.installation.as_ref() == Some(&sim.policy.installation)
            });
            let good = containers.clone().any(|one| match dependency.condition {
                DependencyCondition::Started => {
                    one.lifecycle.is_alive()
                        || matches!(&one.lifecycle, Lifecycle::Exited(exit) if exit.code == 0)
                }
                DependencyCondition::Healthy => {
                    matches!(one.lifecycle, Lifecycle::Running { .. })
                        && (matches!(one.health, Health::Healthy | Health::None)
                            || composelet::planner::probe::is_ready(&sim.ledger, one))
                }
                DependencyCondition::CompletedSuccessfully => {
                    matches!(&one.lifecycle, Lifecycle::Exited(exit) if exit.code == 0)
                }
            });
            let key = format!("{name}:{number}");
            let record = sim.ledger.replicas.get(&key);
            let done = record
                .is_some_and(|record| record.completed || was_done(sim, (record, target), node));
            let same_plan = dependency.condition == DependencyCondition::Started
                && plan.nodes.iter().any(|one| {
                    node.depends_on.contains(&one.id)
                        && one.group.as_ref().is_some_and(|group| group.service == *name)
                });
            assert!(good || done || same_plan, "starts {replica} before {name}:\n{plan}");
        }
    }
}

/// A job that succeeded in this version, whatever was done with its container since; or in any, for one that is healed.
fn was_done(sim: &Sim, (record, job): (&ReplicaRecord, &DesiredService), node: &PlanNode) -> bool {
    let image = sim.engine.observed.images.get(&job.image).and_then(ImageState::present);
    let current = image.and_then(|image| Some(revision(job, image.id.as_ref()?)));
    let healed = !matches!(node.reason, Reason::NotStarted);
    record.done.as_ref().is_some_and(|done| healed || done.revision == current)
}
