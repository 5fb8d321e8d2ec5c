//! Replacing a container. The successor is created first in any case. Where nothing forbids two at once it is started and
//! ready before its predecessor is stopped; else the predecessor is stopped and removed before the successor starts.

use std::time::Duration;

use crate::model::held::WaitingOn;
use crate::model::id::ContainerName;
use crate::model::observed::{Exit, Lifecycle, ObservedContainer};
use crate::model::plan::{Action, ContainerRef, NodeId, StartBudget};
use crate::model::reason::Reason;
use crate::model::rollout::{RolloutWait, SuccessorStage};
use crate::model::time::Timestamp;
use crate::planner::availability::{available_at, is_ready};
use crate::planner::backup_gate;
use crate::planner::create::{Created, create};
use crate::planner::data::data_path_change;
use crate::planner::data_restore;
use crate::planner::draft::{Draft, Place};
use crate::planner::drift::conflict;
use crate::planner::endpoints::{Announced, announced};
use crate::planner::heal::{Healing, healing};
use crate::planner::hooks::plan_post_start;
use crate::planner::names::temporary_name;
use crate::planner::order::Order;
use crate::planner::own;
use crate::planner::policy_gate::{may_replace, not_now};
use crate::planner::readiness::{Gate, Strictness, gate};
use crate::planner::slot::{SlotContext, Start, plan_start, stop};
use crate::planner::strategy::{is_stable, promoted_at, stage, stays as scale_down_delay};

/// Time between the word to the proxies and the stop of what they leave, unless `drain` says another: what they passed on
/// before it is answered. Measured with nginx before two slow workers: without it one request in a hundred was cut.
const DRAIN_BEHIND_PROXY: Duration = Duration::from_secs(2);

/// Time after which a predecessor is started again that ended beside a successor that is not promoted.
const REVIVED_AFTER: Duration = Duration::from_secs(10);

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
    let mut extra =
        context.slot.old.iter().filter(|old| old.container.lifecycle.is_alive()).peekable();
    if extra.peek().is_some() {
        // A successor of a version that is not wanted any more, started beside the one that serves.
        extra.for_each(|old| {
            stop(context, draft, old.container, (Vec::new(), Reason::Leftover));
        });
        return serve_on(context, draft, predecessor);
    }
    if let Some((waiting, until)) = conflict(context, &reason) {
        draft.hold(subject, waiting, until);
        return serve_on(context, draft, predecessor);
    }
    if let Some(what) = data_path_change(context, predecessor) {
        draft.hold(subject, WaitingOn::DataPathChanged(what), None);
        return serve_on(context, draft, predecessor);
    }
    if let Some(waiting) = own::obstacle(context, predecessor) {
        return draft.hold(subject, waiting, None);
    }
    // Before a successor is made: once it is there, it takes the place.
    if is_held_back(context, draft, predecessor, &reason) {
        return serve_on(context, draft, predecessor);
    }
    let name = temporary_name(&predecessor.id, &context.name());
    let parts = (context.world, context.grounds);
    let replica = (context.view, context.slot);
    let created = create(parts, draft, replica, &name, Some(predecessor), &reason);
    let Some(created) = created else { return serve_on(context, draft, predecessor) };
    if planted!("no-stop-before-removal", predecessor.lifecycle.is_alive(), false) {
        return displace(context, draft, predecessor, (created, name, reason));
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
        name: context.name(),
        after: vec![renamed],
        reason: Reason::NotStarted,
        budget: StartBudget::Free,
        strict: Strictness::Updated,
    };
    plan_start(context, draft, start);
}

/// Whether the policy keeps a predecessor in its place for now, or the lack of a backup does; notes the hold.
fn is_held_back(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    predecessor: &ObservedContainer,
    reason: &Reason,
) -> bool {
    // A backup that is made before a window opens may be too old in it, and on a full disk it fails.
    let closed = not_now(context.world.input, predecessor, reason).is_some();
    let saved = closed || backup_gate::may_replace(context, draft, predecessor);
    !saved || !may_replace(context, draft, predecessor, reason)
}

/// Takes a live predecessor out of its place, or starts its successor beside it, when it is its turn.
fn displace(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    predecessor: &ObservedContainer,
    (created, name, reason): (Created, ContainerName, Reason),
) {
    let subject = context.subject();
    if !context.rollout.is_turn_of(context.slot) {
        // What a step waits for is said once, of the service.
        if !context.rollout.keeps_predecessors() {
            let (waiting, until) = context.rollout.turn();
            draft.hold(subject, waiting, until);
        }
        return serve_on(context, draft, predecessor);
    }
    if context.rollout.keeps_predecessors() || goes_beside(context, predecessor) {
        let start = Start {
            container: ContainerRef::CreatedBy(created.node),
            name,
            after: created.ready,
            reason: Reason::NotStarted,
            budget: StartBudget::Free,
            strict: Strictness::Updated,
        };
        plan_start(context, draft, start);
        return serve_on(context, draft, predecessor);
    }
    match gate(context.world, draft, context.view, Strictness::Updated) {
        Gate::Closed(waiting) => draft.hold(subject, waiting, None),
        Gate::Open(nodes) => {
            let after = created.ready.into_iter().chain(nodes).collect();
            stop(context, draft, predecessor, (after, reason));
        }
    }
}

/// As long as no successor can be made, the old version serves: it is started again if it fell.
pub fn serve_on(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    predecessor: &ObservedContainer,
) {
    let (record, now) = (context.record(), context.world.input.now);
    if data_restore::is_barred(context.world.input.ledger, predecessor) {
        return;
    }
    match healing(context.view, predecessor, record, now) {
        Healing::Start(reason @ Reason::Exited { .. }, budget) => {
            let container = ContainerRef::Existing(predecessor.id.clone());
            let strict = Strictness::Serves;
            let name = predecessor.name.clone();
            let start = Start { container, name, after: Vec::new(), reason, budget, strict };
            plan_start(context, draft, start);
        }
        Healing::Wait(waiting, until) => draft.hold(context.subject(), waiting, until),
        Healing::Runs if !own::is_own(context.world.input, predecessor) => {
            plan_post_start(context, draft, predecessor);
        }
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
            Lifecycle::Exited(exit) if stays(context, old.container) => {
                // It keeps its name.
                cleared.name_taken = true;
                revive(context, draft, (old.container, exit));
            }
            lifecycle => {
                let removed = remove(
                    context,
                    draft,
                    old.container,
                    (Vec::new(), reason(current, old.container)),
                );
                let dead = *lifecycle == Lifecycle::Dead;
                waits |= removed.is_none() && !dead;
                cleared.name_taken |= removed.is_none();
                if dead { &mut cleared.dead } else { &mut cleared.gone }.extend(removed);
            }
        }
    }
    let mut living = context.slot.old.iter().filter(|old| old.container.lifecycle.is_alive());
    let beside = context.rollout.is_turn_of(context.slot)
        && living
            .all(|old| context.rollout.keeps_predecessors() || goes_beside(context, old.container));
    let free = !waits && (!alive || beside) || current.lifecycle.is_alive();
    planted!("start-beside", free, true).then_some(cleared)
}

/// Why a container makes way for `current`.
fn reason(current: &ObservedContainer, old: &ObservedContainer) -> Reason {
    if old.created_at > current.created_at { Reason::GivenUp } else { Reason::Replaced }
}

/// Stops a predecessor whose successor stands by, or serves in its place.
fn hand_over(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    (current, old): (&ObservedContainer, &ObservedContainer),
) {
    let subject = context.subject();
    if stays(context, old) {
        return;
    }
    if current.lifecycle.is_alive() {
        return match serves_in_place(context, (current, old)) {
            Ok(()) if own::is_own(context.world.input, old) => {
                own::hand_over(context, draft, current);
            }
            Ok(()) => {
                stop(context, draft, old, (Vec::new(), reason(current, old)));
            }
            Err((stage, until)) => {
                draft.hold(subject, WaitingOn::Rollout(RolloutWait::Successor(stage)), until);
            }
        };
    }
    if !context.rollout.is_turn_of(context.slot) {
        let (waiting, until) = context.rollout.turn();
        return draft.hold(subject, waiting, until);
    }
    if goes_beside(context, old) {
        return;
    }
    match gate(context.world, draft, context.view, Strictness::Updated) {
        Gate::Closed(waiting) => draft.hold(subject, waiting, None),
        Gate::Open(nodes) => {
            stop(context, draft, old, (nodes, Reason::Replaced));
        }
    }
}

/// Whether a container serves on because the version that is to take its place is not promoted.
fn stays(context: SlotContext<'_, '_>, old: &ObservedContainer) -> bool {
    let ledger = context.world.input.ledger;
    let stage = stage(ledger, context.view).filter(|_| context.rollout.keeps_predecessors());
    stage.is_some_and(|stage| is_stable(stage.record, old))
}

/// Starts a predecessor again that ended beside its successor. The failures that are counted are those of the successor, so
/// that the pace is fixed.
fn revive(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    (old, exit): (&ObservedContainer, &Exit),
) {
    let next = exit.finished_at.map(|ended| ended.plus(REVIVED_AFTER));
    if let Some(next) = next.filter(|next| *next > context.world.input.now) {
        let (exit_code, last) = (Some(exit.code), vec![exit.error.clone()]);
        let waiting = WaitingOn::CrashLoopBackOff { failures: 1, exit_code, last };
        return draft.hold(context.subject(), waiting, Some(next));
    }
    let reason = Reason::Exited { code: exit.code, oom_killed: exit.oom_killed, failures: 1 };
    let start = Start {
        container: ContainerRef::Existing(old.id.clone()),
        name: old.name.clone(),
        after: Vec::new(),
        reason,
        budget: StartBudget::Restart,
        strict: Strictness::Serves,
    };
    plan_start(context, draft, start);
}

/// Whether a successor runs beside this predecessor for a while. One that does not serve is not worth the wait.
fn goes_beside(context: SlotContext<'_, '_>, predecessor: &ObservedContainer) -> bool {
    let input = context.world.input;
    context.rollout.order == Order::StartFirst
        && (own::is_own(input, predecessor)
            || is_ready((input, input.ledger), context.view, predecessor))
}

/// Whether a successor that was started beside its predecessor is available, and the predecessor has had the time to end
/// what it had begun. Two that must not run at once are parted without delay.
fn serves_in_place(
    context: SlotContext<'_, '_>,
    (current, old): (&ObservedContainer, &ObservedContainer),
) -> Result<(), (SuccessorStage, Option<Timestamp>)> {
    if !goes_beside(context, old) {
        return Ok(());
    }
    let input = context.world.input;
    let available = available_at((input, input.ledger), context.view, context.slot, current);
    let Some(available) = available else {
        return Err((SuccessorStage::Starting, None));
    };
    let Announced::Since(announced) = announced(context.world, input.ledger, context.view) else {
        let stage = if input.now < available {
            SuccessorStage::Observed
        } else {
            SuccessorStage::Announced
        };
        return Err((stage, Some(available).filter(|at| *at > input.now)));
    };
    let promoted = promoted_at(input.ledger, context.view).unwrap_or(available);
    // A proxy that was told ends what it has begun with the old one; without one nobody is known to do so.
    let default = announced.map_or(Duration::ZERO, |_| DRAIN_BEHIND_PROXY);
    let drain = context.view.service.drain.unwrap_or(default);
    let drained = available.max(announced.unwrap_or(available)).plus(drain);
    let drained = drained.max(promoted.plus(scale_down_delay(context.view)));
    match input.now {
        now if now < available => Err((SuccessorStage::Observed, Some(available))),
        now if now < drained => Err((SuccessorStage::Draining, Some(drained))),
        _ => Ok(()),
    }
}

/// Removes a container of this slot that does not run.
fn remove(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    container: &ObservedContainer,
    (after, reason): (Vec<NodeId>, Reason),
) -> Option<NodeId> {
    let action =
        Action::RemoveContainer { container: container.id.clone(), name: container.name.clone() };
    draft.push(Place { subject: &context.subject(), after }, action, reason)
}
