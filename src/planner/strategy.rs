//! Steps of a progressive strategy: a new version stands beside the old one until it is promoted (`x-composelet.strategy`).
//!
//! The first replicas, as many as the step says, run a successor beside their predecessor; every predecessor stays until the
//! promotion, so that giving up is instant. What follows the promotion is a rolling update like any other.

use std::time::Duration;

use crate::model::held::{Subject, WaitingOn};
use crate::model::id::{Revision, ServiceName};
use crate::model::ledger::{ProjectLedger, RolloutRecord, StrategyRecord};
use crate::model::observed::{Lifecycle, ObservedContainer};
use crate::model::rollout::{RolloutWait, StepGoal, StepWait};
use crate::model::strategy::{Step, Strategy, StrategyKind};
use crate::model::time::Timestamp;
use crate::planner::analysis;
use crate::planner::availability::available_at;
use crate::planner::draft::Draft;
use crate::planner::endpoints::{Announced, announced};
use crate::planner::order::Order;
use crate::planner::rollout::{self, Rollout};
use crate::planner::world::{Judged, ServiceView, Slot, World};

/// A version of a service that is not promoted yet.
#[derive(Clone, Copy, Debug)]
pub struct Stage<'a> {
    /// What it goes through.
    pub strategy: &'a Strategy,
    /// How far it is.
    pub record: &'a StrategyRecord,
    /// Replicas of the new version.
    pub candidates: u32,
}

/// Who of one replica is to get traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// The successor as soon as it is available.
    Successor,
    /// The predecessor alone.
    Predecessor,
    /// Both, once the successor is available.
    Both,
}

impl Stage<'_> {
    /// Who of the replica at this place, from 0, is to get traffic.
    pub fn traffic(&self, place: usize) -> Traffic {
        let candidate = u32::try_from(place).is_ok_and(|place| place < self.candidates);
        match self.strategy.kind {
            StrategyKind::Canary if candidate => match self.strategy.weight(self.record.step) {
                Some(100) => Traffic::Successor,
                _ => Traffic::Both,
            },
            StrategyKind::Canary | StrategyKind::BlueGreen => Traffic::Predecessor,
        }
    }
}

/// The stage of a service; `None`: its version was promoted, or takes its place without steps.
pub fn stage<'a>(ledger: &'a ProjectLedger, view: &ServiceView<'a>) -> Option<Stage<'a>> {
    let strategy = view.service.strategy.as_deref()?;
    let rollout = ledger.rollouts.get(&view.service.name)?;
    let record = rollout.strategy.as_ref().filter(|record| record.promoted.is_none())?;
    if view.revision().as_ref() != Some(&rollout.revision) {
        return None;
    }
    let candidates = strategy.candidates(record.step, view.service.replicas);
    Some(Stage { strategy, record, candidates })
}

/// Whether a container is of the version that serves while another proves itself.
pub fn is_stable(record: &StrategyRecord, container: &ObservedContainer) -> bool {
    match (&container.claim.revision, &record.stable) {
        (Some(revision), Some(stable)) => revision == stable,
        // One that Compose made, or a memory that was lost.
        (None, _) | (_, None) => true,
    }
}

/// The record of a version that is wanted from now on. `before` is that of the version before.
pub fn begin(
    view: &ServiceView<'_>,
    before: Option<&RolloutRecord>,
    revision: &Revision,
    now: Timestamp,
) -> Option<StrategyRecord> {
    view.service.strategy.as_ref()?;
    let stable = before.and_then(|before| match &before.strategy {
        Some(steps) if steps.promoted.is_none() => steps.stable.clone(),
        _ => Some(before.revision.clone()),
    });
    // The steps were written later than the version, or it is the only one.
    let same = before.is_some_and(|before| before.revision == *revision);
    let promoted = (same || !has_predecessors(view, revision)).then_some(now);
    Some(StrategyRecord { stable, since: now, promoted, ..StrategyRecord::default() })
}

/// Whether containers of another version are there whose place the wanted one is to take.
fn has_predecessors(view: &ServiceView<'_>, wanted: &Revision) -> bool {
    let other = |one: &ObservedContainer| {
        let ran = !matches!(
            one.lifecycle,
            Lifecycle::Created { .. } | Lifecycle::Removing | Lifecycle::Dead
        );
        ran && one.claim.revision.as_ref() != Some(wanted)
    };
    view.slots.iter().any(|slot| match &slot.current {
        None => false,
        Some(current) if !current.conformity.keeps() => other(current.container),
        Some(current) => {
            let older = |old: &&Judged<'_>| old.container.created_at < current.container.created_at;
            slot.old.iter().filter(older).any(|old| other(old.container))
        }
    })
}

/// Notes how far the steps of a service are (part of [`rollout::remember`]).
pub fn remember(world: &World<'_>, view: &ServiceView<'_>, ledger: &mut ProjectLedger) {
    loop {
        analysis::remember(world, view, ledger);
        if stage(ledger, view).is_none_or(|stage| !passes((world, ledger), view, &stage)) {
            return;
        }
        let Some(rollout) = ledger.rollouts.get_mut(&view.service.name) else { return };
        let Some(record) = &mut rollout.strategy else { return };
        let strategy = view.service.strategy.as_deref();
        let over = strategy.is_none_or(|strategy| strategy.step(record.step).is_none());
        if over || !has_predecessors(view, &rollout.revision) {
            record.promoted = Some(world.input.now);
        } else {
            record.step += 1;
            record.since = world.input.now;
        }
    }
}

/// Whether the present step is over.
fn passes(
    (world, ledger): (&World<'_>, &ProjectLedger),
    view: &ServiceView<'_>,
    stage: &Stage<'_>,
) -> bool {
    let rollout = ledger.rollouts.get(&view.service.name);
    if rollout.is_some_and(|rollout| !has_predecessors(view, &rollout.revision)) {
        return true;
    }
    if rollout.is_some_and(|rollout| rollout.paused.is_some()) || view.is_held(world) {
        return false;
    }
    matches!(goal((world, ledger), view, stage), (None, _))
}

/// What the present step waits for, and until when if only time is waited for; `None`: nothing more.
fn goal(
    (world, ledger): (&World<'_>, &ProjectLedger),
    view: &ServiceView<'_>,
    stage: &Stage<'_>,
) -> (Option<StepGoal>, Option<Timestamp>) {
    let step = stage.strategy.step(stage.record.step);
    match step {
        Some(Step::Confirm) => (Some(StepGoal::Promotion), None),
        Some(Step::Pause(time)) => {
            let end = stage.record.since.plus(*time);
            let waits = end > world.input.now;
            (waits.then_some(StepGoal::Time), waits.then_some(end))
        }
        Some(Step::Analysis(_)) => analysis::goal((world, ledger), view, stage),
        None if stage.strategy.kind == StrategyKind::Canary => (None, None),
        Some(Step::Replicas(_) | Step::Weight(_)) | None => {
            let available = available(world, ledger, view, stage.candidates);
            if available < stage.candidates {
                let slots = candidates(view, stage.candidates);
                let soonest =
                    slots.filter_map(|slot| rollout::becomes_available(world, ledger, view, slot));
                return (Some(StepGoal::Candidates { available }), soonest.min());
            }
            let told = matches!(announced(world, ledger, view), Announced::Since(_));
            ((!told).then_some(StepGoal::Traffic), None)
        }
    }
}

/// The replicas that have a successor at present.
pub fn candidates<'v, 'w>(
    view: &'v ServiceView<'w>,
    count: u32,
) -> impl Iterator<Item = &'v Slot<'w>> {
    view.slots.iter().take(usize::try_from(count).unwrap_or(usize::MAX))
}

/// How many of the first `count` replicas have a successor that is available.
fn available(world: &World<'_>, ledger: &ProjectLedger, view: &ServiceView<'_>, count: u32) -> u32 {
    let available = candidates(view, count).filter(|slot| {
        let current = slot.current.as_ref().filter(|current| current.conformity.keeps());
        let at =
            current.and_then(|one| available_at((world.input, ledger), view, slot, one.container));
        at.is_some_and(|at| at <= world.input.now)
    });
    u32::try_from(available.count()).unwrap_or(u32::MAX)
}

/// Plans what the step of a service asks for, and says what it waits for.
pub fn plan_step(
    world: &World<'_>,
    view: &ServiceView<'_>,
    rollout: &Rollout,
    draft: &mut Draft<'_>,
) {
    let ledger = world.input.ledger;
    let Some(stage) = stage(ledger, view) else {
        return;
    };
    let subject = Subject::Service(view.service.name.clone());
    if let Some(why) = rollout.impossible() {
        let waiting = WaitingOn::Rollout(RolloutWait::TwoAtOnce(why.to_owned()));
        return draft.hold(subject, waiting, None);
    }
    let record = ledger.rollouts.get(&view.service.name);
    if let Some(why) = record.and_then(|record| record.paused.clone()) {
        draft.hold(subject, WaitingOn::Rollout(RolloutWait::Paused(why)), None);
        return;
    }
    analysis::plan_checks(world, view, &stage, draft);
    let (Some(goal), until) = goal((world, ledger), view, &stage) else {
        return;
    };
    let wait = StepWait {
        strategy: stage.strategy.kind,
        step: stage.record.step.saturating_add(1),
        steps: u32::try_from(stage.strategy.steps.len()).unwrap_or(u32::MAX),
        candidates: stage.candidates,
        replicas: view.service.replicas,
        weight: stage.strategy.weight(stage.record.step),
        since: stage.record.since,
        goal,
    };
    draft.hold(subject, WaitingOn::Rollout(RolloutWait::Step(Box::new(wait))), until);
}

/// When a step began, or a version was promoted, last of all services: what waits for it made no progress until then.
/// `None`: a step waits for time, a person or a measurement, or cannot be done.
pub fn progressed(world: &World<'_>, ledger: &ProjectLedger) -> Option<Timestamp> {
    let mut latest = Timestamp::default();
    for view in &world.services {
        if let Some(stage) = stage(ledger, view) {
            if matches!(rollout::update_order(world, view), Order::StopFirst(_)) {
                return None;
            }
            match stage.strategy.step(stage.record.step) {
                Some(Step::Pause(_) | Step::Confirm | Step::Analysis(_)) => return None,
                Some(Step::Replicas(_) | Step::Weight(_)) | None => {}
            }
            latest = latest.max(stage.record.since);
            continue;
        }
        let record = ledger.rollouts.get(&view.service.name);
        let promoted = record.and_then(|record| record.strategy.as_ref()?.promoted);
        if let Some(promoted) = promoted {
            latest = latest.max(promoted.plus(stays(view)));
        }
    }
    Some(latest)
}

/// Time from the promotion to the stop of the old version.
pub fn stays(view: &ServiceView<'_>) -> Duration {
    view.service.strategy.as_ref().map(|strategy| strategy.scale_down_delay).unwrap_or_default()
}

/// When the version that a service is to have was promoted, if it went through steps.
pub fn promoted_at(ledger: &ProjectLedger, view: &ServiceView<'_>) -> Option<Timestamp> {
    view.service.strategy.as_ref()?;
    ledger.rollouts.get(&view.service.name)?.strategy.as_ref()?.promoted
}

/// A person wants a version to go on: with the next step, or, if it is `full`, past all of them. `request` names the wish, so
/// that one that is taken twice counts once.
///
/// # Errors
/// Nothing waits for it.
pub fn promote(
    ledger: &mut ProjectLedger,
    service: Option<&ServiceName>,
    (full, request): (bool, &str),
    now: Timestamp,
) -> Result<(), String> {
    let wanted = |name: &ServiceName| service.is_none_or(|service| service == name);
    let mut found = false;
    for (_, rollout) in ledger.rollouts.iter_mut().filter(|(name, _)| wanted(name)) {
        let Some(record) = rollout.strategy.as_mut() else {
            continue;
        };
        if record.asked == request {
            found = true;
        } else if record.promoted.is_none() {
            found = true;
            request.clone_into(&mut record.asked);
            record.since = now;
            record.step = if full { u32::MAX } else { record.step.saturating_add(1) };
        }
    }
    if found {
        return Ok(());
    }
    let whose = service.map_or_else(|| "no service".to_owned(), |name| format!("{name} has"));
    Err(format!("{whose} no new version that waits for its promotion"))
}
