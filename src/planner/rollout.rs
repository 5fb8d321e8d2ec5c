//! Whose turn it is: replicas are replaced a few at a time, each when those before it are available (Compose Deploy
//! Specification, `update_config`; invariant 8).

use std::collections::BTreeSet;

use crate::model::exclusive::{joined, shared_sources};
use crate::model::held::WaitingOn;
use crate::model::ledger::{ProjectLedger, RolloutRecord};
use crate::model::observed::ObservedContainer;
use crate::model::operation::OperationSubject;
use crate::model::rollout::RolloutWait;
use crate::model::time::Timestamp;
use crate::model::update::UpdateOrder;
use crate::planner::availability::available_at;
use crate::planner::conformity::Conformity;
use crate::planner::data_restore;
use crate::planner::heal::{Healing, healing};
use crate::planner::input::PlanInput;
use crate::planner::jobs;
use crate::planner::neighbours;
use crate::planner::order::{Order, order};
use crate::planner::own;
use crate::planner::readiness::Strictness;
use crate::planner::strategy::{self, candidates, stage};
use crate::planner::world::{Judged, ServiceView, Slot, World};

/// How far a replica is on its way to the wanted version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is there; a missing replica takes nobody's place.
    Missing,
    /// It is of another version, and its replacement has not begun.
    Outdated(Standing),
    /// Its replacement, or its first start, is under way.
    UnderWay,
    /// It is as wanted, and available.
    Done,
}

/// How much a replica of another version would be missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// It does nothing.
    Idle,
    /// It is ready, and has not been so for long enough to count as available.
    Fresh,
    /// It is available.
    Available,
}

/// The turns of one service in one plan.
#[derive(Clone, Debug)]
pub struct Rollout {
    /// What comes first.
    pub order: Order,
    /// Numbers of the replicas whose replacement may go on.
    turns: BTreeSet<u32>,
    /// Replicas that are as wanted.
    done: u32,
    /// All of them.
    replicas: u32,
    /// When the next turn comes, if only time is waited for.
    until: Option<Timestamp>,
    /// Replicas of another version are left.
    waits: bool,
    /// Why nothing more is replaced, if so.
    paused: Option<String>,
    /// Nothing starts before the last predecessor is gone.
    apart: bool,
    /// A step of a strategy is under way.
    step: Option<Steps>,
}

/// What a step of a strategy means for the replicas of a service.
#[derive(Clone, Debug)]
enum Steps {
    /// Successors run beside their predecessors, which stay.
    Beside,
    /// They cannot, for this reason.
    Impossible(String),
}

impl Rollout {
    /// The turns of `view`.
    pub fn new(world: &World<'_>, view: &ServiceView<'_>) -> Self {
        let phases: Vec<(u32, Phase)> = view
            .slots
            .iter()
            .map(|slot| (slot.replica.number, phase(world, world.input.ledger, view, slot)))
            .collect();
        let count =
            |wanted: fn(&Phase) -> bool| phases.iter().filter(|(_, phase)| wanted(phase)).count();
        let outdated = count(|phase| matches!(phase, Phase::Outdated(_)));
        let under_way = count(|phase| *phase == Phase::UnderWay);
        let done = count(|phase| *phase == Phase::Done);
        let stage = stage(world.input.ledger, view);
        let order = match outdated + under_way {
            0 => Order::StartFirst,
            _ => update_order(world, view),
        };
        let update = view.service.update();
        let delayed = delayed(world, view);
        let soonest = || {
            view.slots
                .iter()
                .filter_map(|slot| becomes_available(world, world.input.ledger, view, slot))
                .min()
        };
        let until = delayed.or_else(soonest);
        let at_a_time = update.at_a_time(view.service.replicas);
        let free = usize::try_from(at_a_time).unwrap_or(usize::MAX).saturating_sub(under_way);
        let paused = world.input.ledger.rollouts.get(&view.service.name);
        let paused = paused.filter(|record| Some(&record.revision) == view.revision().as_ref());
        let paused = paused.and_then(|record| record.paused.clone());
        let free = planted!("no-turns", if delayed.is_some() { 0 } else { free }, usize::MAX);
        let step = stage.map(|_| match &order {
            Order::StartFirst => Steps::Beside,
            Order::StopFirst(why) => Steps::Impossible(why.clone()),
        });
        let next = match (&stage, &step) {
            _ if paused.is_some() => Vec::new(),
            (Some(stage), Some(Steps::Beside)) => {
                candidates(view, stage.candidates).map(|slot| slot.replica.number).collect()
            }
            (Some(_), _) => Vec::new(),
            (None, _) => next(&phases, free),
        };
        let begun = phases.iter().filter(|(_, phase)| *phase == Phase::UnderWay);
        let turns = next.into_iter().chain(begun.map(|(number, _)| *number)).collect();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let apart = update.parallelism == 0 && update.order == UpdateOrder::StopFirst;
        let apart = apart && view.slots.iter().any(has_live_predecessor);
        Self {
            order,
            turns,
            done: number(done),
            replicas: number(phases.len()),
            until,
            waits: outdated > 0,
            paused,
            apart,
            step,
        }
    }

    /// Whether the replacement of this replica may go on.
    pub fn is_turn_of(&self, slot: &Slot<'_>) -> bool {
        self.turns.contains(&slot.replica.number)
    }

    /// Whether no replica waits for its turn.
    pub fn is_over(&self) -> bool {
        !self.waits
    }

    /// Whether predecessors stay, because the version that is to take their place is not promoted.
    pub fn keeps_predecessors(&self) -> bool {
        self.step.is_some()
    }

    /// Why the strategy of the service cannot be followed, if so.
    pub fn impossible(&self) -> Option<&str> {
        match &self.step {
            Some(Steps::Impossible(why)) => Some(why),
            Some(Steps::Beside) | None => None,
        }
    }

    /// Whether a start has to wait until the last predecessor of the service is gone.
    pub fn holds_starts(&self) -> bool {
        self.apart
    }

    /// What a replica waits for whose turn has not come.
    pub fn turn(&self) -> (WaitingOn, Option<Timestamp>) {
        match &self.paused {
            Some(why) => (WaitingOn::Rollout(RolloutWait::Paused(why.clone())), None),
            None => (
                WaitingOn::Rollout(RolloutWait::Turn { done: self.done, replicas: self.replicas }),
                self.until,
            ),
        }
    }
}

/// Numbers of the replicas of another version whose turn it is. Nobody misses those that do nothing: they come first, and
/// beyond the number. Then come those that are not available yet: beside them, no other may be taken down.
fn next(phases: &[(u32, Phase)], free: usize) -> Vec<u32> {
    let mut waiting: Vec<(Standing, u32)> = Vec::new();
    for (number, phase) in phases {
        if let Phase::Outdated(standing) = phase {
            waiting.push((*standing, *number));
        }
    }
    waiting.sort_unstable();
    let idle = waiting.iter().filter(|(standing, _)| *standing == Standing::Idle);
    idle.chain(waiting.iter().take(free)).map(|(_, number)| *number).collect()
}

/// What comes first when a replica of a service is replaced.
pub fn update_order(world: &World<'_>, view: &ServiceView<'_>) -> Order {
    if own::runs_in(world.input, view) {
        return Order::StartFirst;
    }
    let services = || world.services.iter().map(|view| view.service);
    order(view, &joined(services()), &shared_sources(services()))
}

/// When a replica that is ready will have been so for long enough.
pub fn becomes_available(
    world: &World<'_>,
    ledger: &ProjectLedger,
    view: &ServiceView<'_>,
    slot: &Slot<'_>,
) -> Option<Timestamp> {
    let current = slot.current.as_ref().filter(|current| current.conformity.keeps())?;
    let at = available_at((world.input, ledger), view, slot, current.container)?;
    (at > world.input.now).then_some(at)
}

/// When the pause after the last replica ends, if it has not.
fn delayed(world: &World<'_>, view: &ServiceView<'_>) -> Option<Timestamp> {
    let record = world.input.ledger.rollouts.get(&view.service.name)?;
    let until = record.last_done?.plus(view.service.update().delay);
    (until > world.input.now).then_some(until)
}

fn phase(
    world: &World<'_>,
    ledger: &ProjectLedger,
    view: &ServiceView<'_>,
    slot: &Slot<'_>,
) -> Phase {
    let input = world.input;
    let record = ledger.replicas.get(&slot.replica.to_string());
    let alive = slot.current.as_ref().is_some_and(|one| one.container.lifecycle.is_alive());
    if !alive && jobs::counts(view, record) {
        return Phase::Done;
    }
    let Some(current) = &slot.current else {
        return Phase::Missing;
    };
    let stops = |one: &Judged<'_>| {
        input.operations.contains_key(&OperationSubject::Container(one.container.id.clone()))
    };
    let predecessor = has_live_predecessor(slot);
    let begun = current.container.lifecycle.is_alive() || slot.old.iter().any(stops);
    match &current.conformity {
        Conformity::Recreate(_) if stops(current) => Phase::UnderWay,
        Conformity::Recreate(_) => {
            Phase::Outdated(standing((input, ledger), view, slot, current.container))
        }
        Conformity::Unknown(_) | Conformity::Gone => Phase::UnderWay,
        // Its successor stands by.
        _ if predecessor && !begun => {
            let old = slot.old.iter();
            let old = old.map(|one| standing((input, ledger), view, slot, one.container));
            Phase::Outdated(old.max().unwrap_or(Standing::Idle))
        }
        _ if predecessor => Phase::UnderWay,
        _ => {
            let completed =
                healing(view, current.container, record, input.now) == Healing::Completed;
            let available = available_at((input, ledger), view, slot, current.container);
            // A job that runs has shown nothing yet.
            let available = available.filter(|_| view.job().is_none());
            let long = available.is_some_and(|at| at <= input.now);
            if completed || planted!("not-waited-for", long, available.is_some()) {
                Phase::Done
            } else {
                Phase::UnderWay
            }
        }
    }
}

fn standing(
    (input, ledger): (&PlanInput<'_>, &ProjectLedger),
    view: &ServiceView<'_>,
    slot: &Slot<'_>,
    container: &ObservedContainer,
) -> Standing {
    match available_at((input, ledger), view, slot, container) {
        None => Standing::Idle,
        Some(at) if at > input.now => Standing::Fresh,
        Some(_) => Standing::Available,
    }
}

fn has_live_predecessor(slot: &Slot<'_>) -> bool {
    slot.old.iter().any(|one| one.container.lifecycle.is_alive())
}

/// Whether every replica of a service is as wanted and available.
pub fn is_done(world: &World<'_>, ledger: &ProjectLedger, view: &ServiceView<'_>) -> bool {
    view.slots.iter().all(|slot| match phase(world, ledger, view, slot) {
        Phase::Done => true,
        Phase::Missing => {
            let record = ledger.replicas.get(&slot.replica.to_string());
            view.completed(record)
        }
        Phase::Outdated(_) | Phase::UnderWay => false,
    })
}

/// Notes how far a service is (part of [`account`](super::account::account)).
pub fn remember(world: &World<'_>, view: &ServiceView<'_>, ledger: &mut ProjectLedger) {
    let Some(revision) = view.revision() else {
        return;
    };
    let now = world.input.now;
    let done =
        view.slots.iter().filter(|slot| phase(world, ledger, view, slot) == Phase::Done).count();
    let is_complete = done == view.slots.len();
    let done = u32::try_from(done).unwrap_or(u32::MAX);
    let fresh = RolloutRecord {
        revision,
        began: now,
        done,
        last_done: None,
        paused: None,
        restarted: None,
        strategy: None,
    };
    let before = ledger.rollouts.get(&view.service.name);
    let known = before.is_some_and(|before| {
        let same = before.revision == fresh.revision;
        same && before.strategy.is_some() == view.service.strategy.is_some()
    });
    let begun = (!known).then(|| strategy::begin(view, before, &fresh.revision, now));
    let waits_for_data = data_restore::is_pending(ledger);
    match ledger.rollouts.get_mut(&view.service.name) {
        Some(record) if record.revision == fresh.revision => {
            let full = world.input.gate.pressure.is_some() && !is_complete;
            let neighbour =
                || neighbours::obstacle(world.input, world.desired, Strictness::Updated);
            if full || waits_for_data || neighbour().is_some() {
                // What waits for a disk, for data or for another project does not stand still by its own fault.
                record.began = now;
            }
            if done > record.done {
                record.last_done = Some(now);
            }
            record.done = done;
        }
        Some(record) => *record = RolloutRecord { restarted: record.restarted, ..fresh },
        None => drop(ledger.rollouts.insert(view.service.name.clone(), fresh)),
    }
    if let (Some(begun), Some(record)) = (begun, ledger.rollouts.get_mut(&view.service.name)) {
        record.strategy = begun;
    }
    strategy::remember(world, view, ledger);
}
