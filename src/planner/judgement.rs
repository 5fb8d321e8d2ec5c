//! Whether a version of a project that is being rolled out has failed, and whether it has held.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::held::WaitingOn;
use crate::model::id::ServiceName;
use crate::model::ledger::{ProjectLedger, ReplicaRecord};
use crate::model::observed::{Health, Lifecycle, ObservedContainer};
use crate::model::revision::{FailureCause, RolloutFailure, ServiceRevision};
use crate::model::time::Timestamp;
use crate::planner::after_checks;
use crate::planner::analysis;
use crate::planner::availability::is_ready;
use crate::planner::backup_gate;
use crate::planner::before_checks;
use crate::planner::heal::{Healing, healing};
use crate::planner::jobs;
use crate::planner::rollout;
use crate::planner::strategy;
use crate::planner::verdict;
use crate::planner::world::{Judged, ServiceView, Slot, World};

/// Tries of something that keeps failing before it counts against the version.
const TRIES: u32 = 3;

/// Failures of one service.
#[derive(Clone, Debug)]
pub struct ServiceFailure {
    /// Replicas that failed.
    pub replicas: u32,
    /// The first of them.
    pub first: RolloutFailure,
}

/// What was measured of a version that is not promoted and is not good enough.
pub fn analysed(
    world: &World<'_>,
    view: &ServiceView<'_>,
    ledger: &ProjectLedger,
) -> Option<RolloutFailure> {
    let error = analysis::failure(ledger, view)?;
    let kept = |one: &&Judged<'_>| one.conformity.keeps();
    let mut current = view.slots.iter().filter_map(|slot| slot.current.as_ref()).filter(kept);
    Some(RolloutFailure {
        at: world.input.now,
        service: view.service.name.clone(),
        container: current.next().map(|one| one.container.id.clone()),
        cause: FailureCause::Analysis { error },
        log: Vec::new(),
        evidence: None,
    })
}

/// What failed of `view` since it has another version than in `before`; `None` if nothing did. A reload counts in any case.
pub fn failure(
    world: &World<'_>,
    view: &ServiceView<'_>,
    before: &BTreeMap<ServiceName, ServiceRevision>,
    ledger: &ProjectLedger,
) -> Option<ServiceFailure> {
    if let Some((cause, log)) = before_checks::failure(world, view, ledger) {
        let (at, service) = (world.input.now, view.service.name.clone());
        let first = RolloutFailure { at, service, container: None, log, evidence: None, cause };
        return Some(ServiceFailure { replicas: view.service.replicas, first });
    }
    let known = before.get(&view.service.name).map(|one| &one.revision);
    let changed = known.is_none() || known != view.revision().as_ref();
    let mut failed: Vec<(&ObservedContainer, FailureCause)> = Vec::new();
    for slot in &view.slots {
        let Some(current) = slot.current.as_ref().filter(|one| one.conformity.keeps()) else {
            continue;
        };
        let cause = reload(current.container, ledger);
        let own = || changed.then(|| replica(world, view, slot, ledger)).flatten();
        failed.extend(cause.or_else(own).map(|cause| (current.container, cause)));
    }
    if failed.is_empty()
        && let Some(cause) = after_checks::failure(world, view, ledger)
        && let Some(container) = after_checks::asked(view)
    {
        // It speaks for all of them.
        failed = vec![(container, cause); view.slots.len()];
    }
    let replicas = u32::try_from(failed.len()).unwrap_or(u32::MAX);
    let (container, cause) = failed.into_iter().next()?;
    let first = RolloutFailure {
        at: world.input.now,
        service: view.service.name.clone(),
        container: Some(container.id.clone()),
        log: last_words(view, container, ledger),
        evidence: None,
        cause,
    };
    Some(ServiceFailure { replicas, first })
}

fn last_words(
    view: &ServiceView<'_>,
    container: &ObservedContainer,
    ledger: &ProjectLedger,
) -> Vec<String> {
    let slot = view
        .slots
        .iter()
        .find(|slot| slot.current.as_ref().is_some_and(|one| one.container.id == container.id));
    let record = slot.and_then(|slot| ledger.replicas.get(&slot.replica.to_string()));
    let exit = record.and_then(|record| record.last_exit.as_ref());
    exit.map(|exit| exit.log.clone()).unwrap_or_default()
}

/// A container that would not read its changed files.
fn reload(container: &ObservedContainer, ledger: &ProjectLedger) -> Option<FailureCause> {
    let failure = ledger.contents.get(&container.id)?.failure.as_ref()?;
    Some(FailureCause::Reload { error: failure.error.clone() })
}

fn replica(
    world: &World<'_>,
    view: &ServiceView<'_>,
    slot: &Slot<'_>,
    ledger: &ProjectLedger,
) -> Option<FailureCause> {
    let container = slot.current.as_ref()?.container;
    let now = world.input.now;
    let record = ledger.replicas.get(&slot.replica.to_string());
    record
        .filter(|record| record.revision == view.revision())
        .and_then(|record| ended(world, view, (container, record)))
        .or_else(|| unhealthy(world, view, container))
        .or_else(|| hook(view, container, ledger))
        .or_else(|| late(world, view, container, ledger))
        .or_else(|| {
            let seconds = world.input.policy.progress_deadline.as_secs();
            let stalled = stalled_at(world, view, ledger).is_some_and(|at| at <= now);
            stalled.then_some(FailureCause::NoProgress { seconds })
        })
}

/// It ends, or does not start, and has done so for as long as it should have been ready.
fn ended(
    world: &World<'_>,
    view: &ServiceView<'_>,
    (container, record): (&ObservedContainer, &ReplicaRecord),
) -> Option<FailureCause> {
    let now = world.input.now;
    let exit = record.last_exit.as_ref();
    if let Some(job) = view.job() {
        let exit_code = exit.map(|exit| exit.code);
        let failed = jobs::failed(view, Some(record)).is_some() && !job.allow_failure;
        return failed.then_some(FailureCause::Exhausted { exit_code });
    }
    if let Healing::Wait(WaitingOn::RestartsExhausted { exit_code, .. }, _) =
        healing(view, container, Some(record), now)
    {
        return Some(FailureCause::Exhausted { exit_code });
    }
    let since = record.failing_since?;
    let long = now.since(since) >= view.service.update().monitor;
    (record.failures >= TRIES && long).then(|| FailureCause::CrashLoop {
        failures: record.failures,
        exit_code: exit.map(|exit| exit.code),
        error: exit.map(|exit| exit.error.clone()).unwrap_or_default(),
    })
}

/// The verdict of its health check or of a host probe; not while what it depends on is the likelier cause.
fn unhealthy(
    world: &World<'_>,
    view: &ServiceView<'_>,
    container: &ObservedContainer,
) -> Option<FailureCause> {
    let illness = verdict::illness(world.input, view.service, container)?;
    let output = match (illness.probe, &container.health) {
        (Some(probe), _) => probe,
        (None, Health::Unhealthy { output, .. }) => output.clone(),
        (None, _) => String::new(),
    };
    let mut needed = view.service.depends_on.keys().filter_map(|name| world.service(name));
    needed
        .all(|other| rollout::is_done(world, world.input.ledger, other))
        .then_some(FailureCause::Unhealthy { output })
}

fn hook(
    view: &ServiceView<'_>,
    container: &ObservedContainer,
    ledger: &ProjectLedger,
) -> Option<FailureCause> {
    let post_start = ledger.hooks.get(&container.id).and_then(|record| record.failure.as_ref());
    let pre_start = ledger.steps.get(&view.service.name).and_then(|record| record.failure.as_ref());
    let failure = post_start.or(pre_start).filter(|failure| failure.failures >= TRIES)?;
    Some(FailureCause::Hook { error: failure.error.clone() })
}

/// It runs and does not become ready.
fn late(
    world: &World<'_>,
    view: &ServiceView<'_>,
    container: &ObservedContainer,
    ledger: &ProjectLedger,
) -> Option<FailureCause> {
    let deadline = world.input.policy.healthy_deadline;
    let at = late_at((world, ledger), view, container, deadline)?;
    (at <= world.input.now).then_some(FailureCause::NotReady { seconds: deadline.as_secs() })
}

fn late_at(
    (world, ledger): (&World<'_>, &ProjectLedger),
    view: &ServiceView<'_>,
    container: &ObservedContainer,
    deadline: Duration,
) -> Option<Timestamp> {
    let Lifecycle::Running { started_at } = container.lifecycle else {
        return None;
    };
    (!is_ready((world.input, ledger), view, container)).then(|| started_at.plus(deadline))
}

/// When a service whose replacement is under way will have gone on for too long without a replica more.
fn stalled_at(
    world: &World<'_>,
    view: &ServiceView<'_>,
    ledger: &ProjectLedger,
) -> Option<Timestamp> {
    // What waits for a policy makes no progress, and is no worse for it.
    if world.input.policy.rules.may_hold(world.input.project) {
        return None;
    }
    let record = ledger.rollouts.get(&view.service.name)?;
    let begun = record.last_done.max(Some(record.began))?;
    let begun = begun.max(strategy::progressed(world, ledger)?);
    let begun = before_checks::passed_at(view, ledger).max(Some(begun))?;
    let begun = backup_gate::ready_at(world, view).map_or(begun, |ready| begun.max(ready));
    let under_way = !rollout::is_done(world, ledger, view);
    under_way.then(|| begun.plus(world.input.policy.progress_deadline))
}

/// When something about a version that is being rolled out has to be judged again, if nothing happens before.
pub fn judged_at(world: &World<'_>, ledger: &ProjectLedger) -> Option<Timestamp> {
    let services = world.services.iter().filter(|view| !view.is_held(world));
    let instants = services.flat_map(|view| {
        let slots = view.slots.iter().filter_map(move |slot| {
            let container = slot.current.as_ref()?.container;
            let available = rollout::becomes_available(world, ledger, view, slot);
            let late =
                late_at((world, ledger), view, container, world.input.policy.healthy_deadline);
            available.or(late)
        });
        slots.chain(stalled_at(world, view, ledger))
    });
    let instants = instants.chain(analysis::due_at(world, ledger));
    instants.filter(|at| *at > world.input.now).min()
}

/// Whether every service is as wanted and available, and has read its files. While nobody knows what an image is, nobody knows
/// of which version its containers are either.
pub fn has_held(world: &World<'_>, ledger: &ProjectLedger) -> bool {
    world.services.iter().all(|view| {
        let read = view.slots.iter().all(|slot| {
            let container = slot.current.as_ref().map(|one| &one.container.id);
            let record = container.and_then(|id| ledger.contents.get(id));
            record.is_none_or(|record| record.failure.is_none() && record.applied == record.wanted)
        });
        let known = view.revision().is_some();
        known && !view.is_held(world) && read && rollout::is_done(world, ledger, view)
    })
}
