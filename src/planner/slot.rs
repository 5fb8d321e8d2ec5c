//! One replica: from what is there to what is wanted, by one step after the other.

use crate::model::desired::RestartWhen;
use crate::model::held::{Subject, WaitingOn};
use crate::model::id::{ContainerId, ContainerName};
use crate::model::ledger::ReplicaRecord;
use crate::model::observed::{Lifecycle, ObservedContainer};
use crate::model::operation::Operation;
use crate::model::plan::{Action, ContainerRef, NodeId, StartBudget};
use crate::model::reason::Reason;
use crate::model::rollout::RolloutWait;
use crate::planner::account::serving;
use crate::planner::backup_gate;
use crate::planner::conformity::Conformity;
use crate::planner::content::plan_content;
use crate::planner::create::{Grounds, bind_missing, create};
use crate::planner::draft::{Draft, Place};
use crate::planner::endpoints::plan_announce;
use crate::planner::heal::{Healing, back_off, crash_loop, healing};
use crate::planner::hooks::plan_post_start;
use crate::planner::live::{plan_live, reattach};
use crate::planner::names::{self, temporary_name};
use crate::planner::ports::port_holder;
use crate::planner::probe::plan_probe;
use crate::planner::prune::retire;
use crate::planner::readiness::{Gate, Strictness, gate};
use crate::planner::replace::{clear_old, replace, serve_on};
use crate::planner::rollout::Rollout;
use crate::planner::steps;
use crate::planner::verdict::{self, Illness};
use crate::planner::world::{Judged, ServiceView, Slot, World};
use crate::planner::{jobs, joined, own};

/// What every step of a slot needs to look at.
#[derive(Clone, Copy, Debug)]
pub struct SlotContext<'a, 'w> {
    /// The project.
    pub world: &'a World<'w>,
    /// What this plan builds upon.
    pub grounds: &'a Grounds,
    /// The service.
    pub view: &'a ServiceView<'w>,
    /// The replica.
    pub slot: &'a Slot<'w>,
    /// Whose turn it is.
    pub rollout: &'a Rollout,
}

impl SlotContext<'_, '_> {
    /// The subject of its nodes and holds.
    pub fn subject(&self) -> Subject {
        Subject::Replica(self.slot.replica.clone())
    }

    /// The name that the replica ends up with.
    pub fn name(&self) -> ContainerName {
        names::container_name(self.world.desired, self.view.service, self.slot.replica.number)
    }

    /// The ledger's memory of it.
    pub fn record(&self) -> Option<&ReplicaRecord> {
        self.world.input.ledger.replicas.get(&self.slot.replica.to_string())
    }
}

/// Plans one replica.
pub fn plan_slot(context: SlotContext<'_, '_>, draft: &mut Draft<'_>) {
    let Some(current) = &context.slot.current else {
        return plan_missing(context, draft);
    };
    let all = || context.slot.current.iter().chain(&context.slot.old);
    let unknown = all().find_map(|one| match &one.conformity {
        Conformity::Unknown(why) => Some(why.clone()),
        _ => None,
    });
    if let Some(why) = unknown {
        // Which of them is the replica cannot be told: none is touched (invariant 3).
        return draft.hold(context.subject(), WaitingOn::Unknown(why), None);
    }
    for one in all().filter(|one| one.container.lifecycle.is_alive() && !one.conformity.keeps()) {
        reattach(context, draft, one.container);
    }
    match &current.conformity {
        Conformity::Unknown(_) => {}
        Conformity::Gone => plan_gone(context, draft, current.container),
        // Of a version whose data went back: what a job of it did is not there any more.
        Conformity::Recreate(Reason::GivenUp)
            if jobs::is_settled(context.view, context.record()) =>
        {
            let container = [current.container];
            retire(draft, &container, &Reason::GivenUp);
        }
        // What is settled is not repeated for a difference that does not make it run again.
        Conformity::Recreate(_) if jobs::is_settled(context.view, context.record()) => {
            plan_kept(context, draft, current);
        }
        Conformity::Recreate(reason @ Reason::Unhealthy { .. }) => {
            if may_disturb(context, draft) {
                replace(context, draft, current.container, reason.clone());
            }
        }
        Conformity::Recreate(reason) => replace(context, draft, current.container, reason.clone()),
        Conformity::Conforms | Conformity::Live(_) => plan_kept(context, draft, current),
    }
}

/// Nothing is there: create it early, start it when its dependencies allow.
fn plan_missing(context: SlotContext<'_, '_>, draft: &mut Draft<'_>) {
    let completed = context.view.completed(context.record());
    if completed && !joined::is_needed(context.world, &context.view.service.name) {
        return;
    }
    if let Some(waiting) = jobs::failed(context.view, context.record()) {
        return draft.hold(context.subject(), waiting, None);
    }
    if backup_gate::may_begin(context, draft) {
        plan_new(context, draft, (&context.name(), None));
    }
}

/// Creates a container and starts it when its dependencies allow. A dead one leaves it its anonymous volumes.
fn plan_new(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    (name, dead): (&ContainerName, Option<&ObservedContainer>),
) {
    let grounds = (context.world, context.grounds);
    let replica = (context.view, context.slot);
    let Some(created) = create(grounds, draft, replica, name, dead, &Reason::Missing) else {
        return;
    };
    let same = |record: &&ReplicaRecord| record.revision == context.view.revision();
    let waits = context.record().filter(|record| record.failures > 0).filter(same);
    let waits = waits.and_then(|record| {
        Some((record, record.next_try.filter(|t| *t > context.world.input.now)?))
    });
    if let Some((record, next_try)) = waits {
        return draft.hold(context.subject(), back_off(context.view, record), Some(next_try));
    }
    let start = Start {
        container: ContainerRef::CreatedBy(created.node),
        name: name.clone(),
        after: created.ready,
        reason: Reason::NotStarted,
        budget: StartBudget::Free,
        strict: Strictness::Updated,
    };
    plan_start(context, draft, start);
}

/// A removal that failed is tried again, and nobody waits for it: it may fail for as long as its cause is there. One under
/// way is waited for.
fn plan_gone(context: SlotContext<'_, '_>, draft: &mut Draft<'_>, container: &ObservedContainer) {
    let subject = context.subject();
    if planted!("dead-is-left", container.lifecycle == Lifecycle::Dead, false) {
        let action = Action::RemoveContainer {
            container: container.id.clone(),
            name: container.name.clone(),
        };
        draft.push(Place { subject: &subject, after: Vec::new() }, action, Reason::Leftover);
        // An older version that lives serves on, and is replaced when this one is gone (invariant 8).
        let serves = context.slot.old.iter().any(|old| old.container.lifecycle.is_alive());
        if !serves && !context.view.completed(context.record()) {
            let name = temporary_name(&container.id, &context.name());
            plan_new(context, draft, (&name, Some(container)));
        }
    } else {
        draft.hold(subject, WaitingOn::Removing, None);
    }
}

/// A container that stays: leftovers go, its name is put right, live changes are made, its health is looked after.
fn plan_kept(context: SlotContext<'_, '_>, draft: &mut Draft<'_>, current: &Judged<'_>) {
    if serves_on(context, draft) {
        return;
    }
    let Some(cleared) = clear_old(context, draft, current.container) else {
        return;
    };
    let mut after = cleared.gone;
    let named = if cleared.name_taken {
        None
    } else {
        rename(context, draft, current.container, &[&*after, &cleared.dead].concat())
    };
    if cleared.dead.is_empty() {
        after.extend(named);
    }
    let name = if named.is_some() { context.name() } else { current.container.name.clone() };
    if let Conformity::Live(changes) = &current.conformity {
        after.extend(plan_live(context, draft, current.container, changes));
    }
    after.extend(reattach(context, draft, current.container));
    let (record, now) = (context.record(), context.world.input.now);
    match healing(context.view, current.container, record, now) {
        // No hook is run in the own container, no probe asked; a check of its health is the engine's alone.
        Healing::Runs if own::is_own(context.world.input, current.container) => {}
        Healing::Runs => {
            plan_running(context, draft, current.container);
            let stops = |action: &Action| action.kind() == "StopContainer";
            if draft.nodes_of(&context.slot.replica, stops).is_empty() {
                plan_post_start(context, draft, current.container);
                plan_probe(context, draft, current.container);
                plan_announce(context, draft, current.container);
                verdict::tell(context, draft, current.container);
            }
        }
        Healing::Completed => {}
        Healing::Engine => {
            let waiting = back_off(context.view, record.unwrap_or(&ReplicaRecord::default()));
            draft.hold(context.subject(), waiting, None);
        }
        Healing::Wait(waiting, until) => draft.hold(context.subject(), waiting, until),
        Healing::Unpause => {
            let action = Action::UnpauseContainer {
                container: current.container.id.clone(),
                name: current.container.name.clone(),
            };
            draft.push(Place { subject: &context.subject(), after }, action, Reason::Paused);
        }
        Healing::Start(reason, budget) => {
            let container = ContainerRef::Existing(current.container.id.clone());
            let strict = if matches!(reason, Reason::NotStarted | Reason::StopOver) {
                Strictness::Updated
            } else {
                Strictness::Serves
            };
            plan_start(context, draft, Start { container, name, after, reason, budget, strict });
        }
    }
}

/// Whether an older version that fell is looked after because its successor may not start yet. Notes what that waits for.
fn serves_on(context: SlotContext<'_, '_>, draft: &mut Draft<'_>) -> bool {
    let Some(old) = serving(context.slot).filter(|old| !old.container.lifecycle.is_alive()) else {
        return false;
    };
    // A job of an older version is not run again.
    let never = context.view.service.restart.when == RestartWhen::Never;
    if never || context.view.job().is_some() {
        return false;
    }
    let Gate::Closed(waiting) = gate(context.world, draft, context.view, Strictness::Updated)
    else {
        return false;
    };
    draft.hold(context.subject(), waiting, None);
    serve_on(context, draft, old.container);
    true
}

/// Gives a container back its name, once nobody else has it.
fn rename(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    container: &ObservedContainer,
    after: &[NodeId],
) -> Option<NodeId> {
    let name = context.name();
    if planted!("name-not-given-back", container.name == name, true) {
        return None;
    }
    let subject = context.subject();
    let holder = context.world.input.host.names.get(&name).map(|holder| &holder.container);
    let mut old = context.slot.old.iter();
    let predecessor = old.find(|old| holder == Some(&old.container.id)).map(|old| old.container);
    let to = match (holder, predecessor) {
        (Some(_), Some(old)) if old.lifecycle == Lifecycle::Removing => {
            draft.hold(subject, WaitingOn::Removing, None);
            return None;
        }
        // It is stopped and removed first; the name follows.
        (Some(_), Some(old)) if old.lifecycle.is_alive() => return None,
        (None, _) | (Some(_), Some(_)) => name.clone(),
        (Some(holder), None) if is_misnamed(context.world, holder) => {
            // Two of ours have each other's name: this one steps aside, the other gets its own.
            temporary_name(&container.id, &name)
        }
        (Some(_), None) => {
            draft.hold(subject, WaitingOn::NameHeldByUnmanaged { name }, None);
            return None;
        }
    };
    if container.name == to {
        return None;
    }
    let action = Action::RenameContainer {
        container: ContainerRef::Existing(container.id.clone()),
        from: container.name.clone(),
        to,
    };
    let place = Place { subject: &subject, after: after.to_vec() };
    draft.push(place, action, Reason::Renamed { expected: name })
}

/// Whether a container is a declared replica of this project that has another name than its own.
fn is_misnamed(world: &World<'_>, id: &ContainerId) -> bool {
    world.services.iter().any(|view| {
        let mut slots = view.slots.iter();
        slots.any(|slot| {
            let name = names::container_name(world.desired, view.service, slot.replica.number);
            let current = slot.current.as_ref().map(|one| one.container);
            current.is_some_and(|one| one.id == *id && one.name != name)
        })
    })
}

/// A running container: one verdict of *unhealthy*, one restart (after the third, `conformity` wants it replaced). A dependency with
/// `restart: true` that is newer than this run restarts it too.
fn plan_running(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    container: &ObservedContainer,
) {
    if let Some(owner) = joined::restarted_owner(context.world, container) {
        match gate(context.world, draft, context.view, Strictness::Serves) {
            Gate::Closed(waiting) => draft.hold(context.subject(), waiting, None),
            Gate::Open(_) => {
                let reason = Reason::OwnerRestarted { owner };
                stop(context, draft, container, (Vec::new(), reason));
            }
        }
        return;
    }
    if let Some(dependency) = newer_dependency(context, container) {
        match gate(context.world, draft, context.view, Strictness::Updated) {
            Gate::Closed(waiting) => draft.hold(context.subject(), waiting, None),
            Gate::Open(_) => {
                let reason = Reason::DependencyReplaced { dependency };
                stop(context, draft, container, (Vec::new(), reason));
            }
        }
        return;
    }
    if plan_content(context, draft, container) {
        return;
    }
    let ill = verdict::illness(context.world.input, context.view.service, container);
    let Some(Illness { streak, probe }) = ill else {
        return;
    };
    if context.view.job().is_some() {
        return;
    }
    let record = context.record();
    let count = record.map_or(1, |record| record.unhealthy.max(1));
    let reason = Reason::Unhealthy { streak, count, probe };
    if planted!("unhealthy-is-fine", may_disturb(context, draft), false) {
        stop(context, draft, container, (Vec::new(), reason));
    }
}

/// Whether an unhealthy container may be restarted or replaced now: not within its back-off, and not while what it depends
/// on is the likelier cause. Notes the hold.
fn may_disturb(context: SlotContext<'_, '_>, draft: &mut Draft<'_>) -> bool {
    let now = context.world.input.now;
    if let Some(record) = context.record()
        && let Some(next_try) = record.next_try.filter(|next| *next > now)
    {
        draft.hold(context.subject(), crash_loop(record), Some(next_try));
        return false;
    }
    match gate(context.world, draft, context.view, Strictness::Serves) {
        Gate::Closed(waiting) => {
            draft.hold(context.subject(), waiting, None);
            false
        }
        Gate::Open(_) => true,
    }
}

/// A dependency with `restart: true` whose container was created after this run began.
fn newer_dependency(
    context: SlotContext<'_, '_>,
    container: &ObservedContainer,
) -> Option<crate::model::id::ServiceName> {
    let Lifecycle::Running { started_at } = container.lifecycle else {
        return None;
    };
    let edges = context.view.service.depends_on.iter().filter(|(_, dependency)| dependency.restart);
    edges.filter_map(|(name, _)| context.world.service(name)).find_map(|target| {
        // One that still runs beside its predecessor has not taken its place.
        let alone =
            |slot: &&Slot<'_>| !slot.old.iter().any(|one| one.container.lifecycle.is_alive());
        let slots = target.slots.iter().filter(alone);
        let mut containers = slots.filter_map(|slot| slot.current.as_ref());
        let newer = containers.any(|one| {
            let runs = matches!(one.container.lifecycle, Lifecycle::Running { .. });
            runs && one.container.created_at > started_at
        });
        newer.then(|| target.service.name.clone())
    })
}

/// Begins to stop a container of this slot.
pub fn stop(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    container: &ObservedContainer,
    (after, reason): (Vec<NodeId>, Reason),
) -> Option<NodeId> {
    let operation = Operation::Stop {
        container: container.id.clone(),
        name: container.name.clone(),
        replica: context.slot.replica.clone(),
        timeout_s: context.view.service.config.stop_timeout_s,
        pre_stop: context.view.service.hooks.pre_stop.clone(),
    };
    let place = Place { subject: &context.subject(), after };
    draft.push(place, Action::Begin(Box::new(operation)), reason)
}

/// A start that is due.
#[derive(Debug)]
pub struct Start {
    /// What is started.
    pub container: ContainerRef,
    /// Its name, for people.
    pub name: ContainerName,
    /// What must succeed before.
    pub after: Vec<NodeId>,
    /// Why.
    pub reason: Reason,
    /// Whether it draws on the host's budget.
    pub budget: StartBudget,
    /// How its dependencies are looked at.
    pub strict: Strictness,
}

/// Starts a container once its dependencies, bind sources and ports allow.
pub fn plan_start(context: SlotContext<'_, '_>, draft: &mut Draft<'_>, start: Start) {
    let subject = context.subject();
    let mut after = start.after;
    if context.rollout.holds_starts() && start.strict == Strictness::Updated {
        return draft.hold(subject, WaitingOn::Rollout(RolloutWait::Predecessors), None);
    }
    match gate(context.world, draft, context.view, start.strict) {
        Gate::Closed(waiting) => return draft.hold(subject, waiting, None),
        Gate::Open(nodes) => after.extend(nodes),
    }
    match joined_starts(context, draft, &start.container) {
        Ok(nodes) => after.extend(nodes),
        Err(waiting) => return draft.hold(subject, waiting, None),
    }
    let blocked = jobs::turn(context)
        .or_else(|| bind_missing(context.world, context.view))
        .or_else(|| port_holder(context));
    if let Some(waiting) = blocked {
        return draft.hold(subject, waiting, None);
    }
    if !steps::may_start(context, draft) {
        return;
    }
    after.sort_unstable();
    after.dedup();
    let action = Action::StartContainer {
        container: start.container,
        name: start.name,
        budget: start.budget,
    };
    draft.push(Place { subject: &subject, after }, action, start.reason);
}

/// Starts of containers whose namespaces this one is in.
fn joined_starts(
    context: SlotContext<'_, '_>,
    draft: &Draft<'_>,
    container: &ContainerRef,
) -> Result<Vec<NodeId>, WaitingOn> {
    let world = context.world;
    match container {
        ContainerRef::CreatedBy(_) => {
            let config = context.view.service.config.clone();
            joined::before_start(world, draft, &joined::config(config, world.directory())?)
        }
        ContainerRef::Existing(id) => {
            let seen = world.input.observed.containers.iter().find(|one| one.id == *id);
            let detail = seen.and_then(|one| one.detail.known());
            detail
                .map_or(Ok(Vec::new()), |detail| joined::before_start(world, draft, &detail.config))
        }
    }
}
