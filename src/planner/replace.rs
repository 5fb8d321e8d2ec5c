//! Replacing a container: successor created first, predecessor stopped, removed, name handed over, successor started.

use crate::model::held::WaitingOn;
use crate::model::observed::{Lifecycle, ObservedContainer};
use crate::model::plan::{Action, ContainerRef, NodeId, StartBudget};
use crate::model::reason::Reason;
use crate::planner::create::create;
use crate::planner::data::data_path_change;
use crate::planner::draft::{Draft, Place};
use crate::planner::drift::conflict;
use crate::planner::heal::{Healing, healing};
use crate::planner::hooks::plan_post_start;
use crate::planner::names::temporary_name;
use crate::planner::readiness::{Gate, Strictness, gate};
use crate::planner::slot::{SlotContext, Start, plan_start, stop};

/// Plans the replacement of the only, or the elected, container of a slot. Nothing is stopped before the successor is
/// there (invariant 7), nor while what it depends on is not ready (invariant 9).
pub fn replace(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    predecessor: &ObservedContainer,
    reason: Reason,
) {
    let subject = context.subject();
    // Successors of an older version of the file are of no use any more, and hold the temporary name.
    let mut stale =
        context.slot.old.iter().filter(|old| !old.container.lifecycle.is_alive()).peekable();
    if stale.peek().is_some() {
        stale.for_each(|old| {
            remove(context, draft, old.container, (Vec::new(), Reason::Leftover));
        });
        return;
    }
    if let Some((waiting, until)) = conflict(context, &reason) {
        draft.hold(subject, waiting, until);
        return serve_on(context, draft, predecessor);
    }
    if let Some(what) = data_path_change(context, predecessor) {
        draft.hold(subject, WaitingOn::DataPathChanged(what), None);
        return serve_on(context, draft, predecessor);
    }
    let name = temporary_name(&predecessor.id, &context.name());
    let parts = (context.world, context.grounds);
    let replica = (context.view, context.slot);
    let created = create(parts, draft, replica, &name, Some(predecessor), &reason);
    let Some(created) = created else { return serve_on(context, draft, predecessor) };
    if planted!("no-stop-before-removal", predecessor.lifecycle.is_alive(), false) {
        match gate(context.world, draft, context.view, Strictness::Updated) {
            Gate::Closed(waiting) => draft.hold(subject, waiting, None),
            Gate::Open(nodes) => {
                let after = created.ready.into_iter().chain(nodes).collect();
                stop(context, draft, predecessor, (after, reason));
            }
        }
        return;
    }
    let Some(removed) = remove(context, draft, predecessor, (created.ready, reason)) else {
        return;
    };
    let to = context.name();
    let rename = Action::RenameContainer {
        container: ContainerRef::CreatedBy(created.node),
        from: name,
        to: to.clone(),
    };
    let place = Place { subject: &subject, after: vec![removed] };
    let Some(renamed) = draft.push(place, rename, Reason::Renamed { expected: to }) else {
        return;
    };
    let start = Start {
        container: ContainerRef::CreatedBy(created.node),
        after: vec![renamed],
        reason: Reason::NotStarted,
        budget: StartBudget::Free,
        strict: Strictness::Updated,
    };
    plan_start(context, draft, start);
}

/// As long as no successor can be made, the old version serves: it is started again if it fell.
pub fn serve_on(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    predecessor: &ObservedContainer,
) {
    let (record, now) = (context.record(), context.world.input.now);
    match healing(context.view, predecessor, record, now) {
        Healing::Start(reason @ Reason::Exited { .. }, budget) => {
            let container = ContainerRef::Existing(predecessor.id.clone());
            let strict = Strictness::Serves;
            let start = Start { container, after: Vec::new(), reason, budget, strict };
            plan_start(context, draft, start);
        }
        Healing::Wait(waiting, until) => draft.hold(context.subject(), waiting, until),
        Healing::Runs => plan_post_start(context, draft, predecessor),
        _ => {}
    }
}

/// Removals of what is left beside a container that stays.
#[derive(Debug, Default)]
pub struct Cleared {
    /// What the start of the container that stays waits for.
    pub gone: Vec<NodeId>,
    /// Removals that the engine failed at before, and may again: only the name waits for them.
    pub dead: Vec<NodeId>,
    /// A removal waits out its back-off: the name is not free in this plan.
    pub name_taken: bool,
}

/// Predecessors and leftovers beside a container that stays: those that live are stopped, the others removed. `None`: a
/// live one is still there, or one whose removal failed, and the container that stays waits for its end.
pub fn clear_old(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    current: &ObservedContainer,
) -> Option<Cleared> {
    let mut cleared = Cleared::default();
    let (mut alive, mut waits) = (false, false);
    for old in &context.slot.old {
        match &old.container.lifecycle {
            lifecycle if lifecycle.is_alive() => {
                alive = true;
                hand_over(context, draft, (current, old.container));
            }
            Lifecycle::Removing => {}
            lifecycle => {
                let removed = remove(context, draft, old.container, (Vec::new(), Reason::Replaced));
                let dead = *lifecycle == Lifecycle::Dead;
                waits |= removed.is_none() && !dead;
                cleared.name_taken |= removed.is_none();
                if dead { &mut cleared.dead } else { &mut cleared.gone }.extend(removed);
            }
        }
    }
    let free = !(alive || waits) || current.lifecycle.is_alive();
    planted!("start-beside", free, true).then_some(cleared)
}

/// Stops a predecessor whose successor stands ready.
fn hand_over(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    (current, old): (&ObservedContainer, &ObservedContainer),
) {
    if current.lifecycle.is_alive() {
        stop(context, draft, old, (Vec::new(), Reason::Replaced));
        return;
    }
    match gate(context.world, draft, context.view, Strictness::Updated) {
        Gate::Closed(waiting) => draft.hold(context.subject(), waiting, None),
        Gate::Open(nodes) => {
            stop(context, draft, old, (nodes, Reason::Replaced));
        }
    }
}

/// Removes a container of this slot that does not run.
fn remove(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    container: &ObservedContainer,
    (after, reason): (Vec<NodeId>, Reason),
) -> Option<NodeId> {
    let action = Action::RemoveContainer {
        container: container.id.clone(),
        name: container.name.clone(),
        keep_logs: false,
    };
    draft.push(Place { subject: &context.subject(), after }, action, reason)
}
