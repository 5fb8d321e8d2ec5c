//! Counting what happened since the last pass: exits, restarts by the engine, verdicts of *unhealthy*, each once.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::config::MountSource;
use crate::model::desired::{BindState, DesiredProject, DesiredService, PullPolicy};
use crate::model::id::{ContainerId, ReplicaId};
use crate::model::ledger::{
    Counted, LastExit, MOST_REVISIONS, ProjectLedger, ReplicaRecord, RevisionImage, Suspension,
};
use crate::model::observed::{Exit, Lifecycle, ObservedContainer};
use crate::model::operation::OperationSubject;
use crate::model::policy::Backoff;
use crate::model::time::Timestamp;
use crate::planner::availability;
use crate::planner::backup_gate;
use crate::planner::backups;
use crate::planner::before_checks;
use crate::planner::content;
use crate::planner::data::{FULL, data_key};
use crate::planner::data_restore;
use crate::planner::drill;
use crate::planner::endpoints;
use crate::planner::heal::{completes, is_guess};
use crate::planner::hooks;
use crate::planner::image_updates;
use crate::planner::images::{forget_rebuilds, pull_key};
use crate::planner::input::{Intent, PlanInput};
use crate::planner::jobs;
use crate::planner::probe::{self, probe_key};
use crate::planner::record::{remove_key, renew, stop_key};
use crate::planner::restore_drills;
use crate::planner::rollback;
use crate::planner::rollout;
use crate::planner::schedule_runs;
use crate::planner::steps;
use crate::planner::stops;
use crate::planner::verdict;
use crate::planner::world::{Judged, ServiceView, Slot, World};

/// Most instants of engine restarts that are kept of one replica (invariant 16).
const MOST_RESTARTS: usize = 16;

/// The ledger after a look at the engine. Equal inputs give equal ledgers; looking twice counts nothing twice.
pub fn account(input: &PlanInput<'_>) -> ProjectLedger {
    let mut ledger = input.ledger.clone();
    end_rests(&mut ledger, input.now);
    if matches!(input.desired, Intent::Remove) {
        taken_down(input, &mut ledger);
    }
    let Some(desired) = input.desired.project() else {
        return ledger;
    };
    let files = input.declared.unwrap_or(desired);
    if ledger.digest != files.digest {
        let next = ledger.generation + 1;
        ledger.generation = planted!("generation-falls", next, next % 2);
        ledger.digest.clone_from(&files.digest);
        // Whether a container can be stopped or removed has nothing to do with the files.
        ledger.calls.retain(|key, _| is_about_container(key));
        ledger.drift.clear();
        before_checks::forget_failures(&mut ledger);
    }
    let world = World::new(input, desired);
    for view in &world.services {
        account_service(input, desired, view, &mut ledger);
        rollout::remember(&world, view, &mut ledger);
        for slot in &view.slots {
            if let Some(current) = &slot.current {
                endpoints::remember(&world, view, current.container, &mut ledger);
            }
        }
        before_checks::remember(&world, view, &mut ledger);
        steps::remember(input, &world, view, &mut ledger);
        schedule_runs::remember(input, &world, view, &mut ledger);
    }
    for companion in &world.companions {
        probe::remember(companion, &mut ledger);
    }
    schedule_runs::forget(&world, &mut ledger);
    backups::remember(&world, &mut ledger);
    restore_drills::remember(&world, &mut ledger);
    backup_gate::mark_used(&world, &mut ledger);
    data_restore::remember(input, &mut ledger);
    // A replica beyond the declared number is forgotten: when it is declared again, it runs again.
    let slots = world.services.iter().flat_map(|view| &view.slots);
    let declared: BTreeSet<String> = slots.map(|slot| slot.replica.to_string()).collect();
    jobs::forget(&mut ledger.replicas, &declared);
    let services = || desired.services.values().chain(files.services.values());
    let moving: BTreeSet<String> =
        image_updates::wanted_images(&ledger).map(str::to_owned).collect();
    ledger
        .images
        .retain(|image, _| services().any(|one| one.image == *image) || moving.contains(image));
    forget_rebuilds(&mut ledger, &|image| {
        services().any(|one| one.image == image && one.build.is_some())
    });
    ledger.revisions.retain(|service, _| desired.services.contains_key(service));
    ledger.rollouts.retain(|service, _| desired.services.contains_key(service));
    ledger.before_checks.retain(|service, _| desired.services.contains_key(service));
    ledger.steps.retain(|service, _| desired.services.contains_key(service));
    forget_gone(input, &mut ledger);
    ledger.gap_ended = input.observed.engine.gap_ended;
    match input.declared {
        Some(files) => image_updates::remember(&World::new(input, files), &mut ledger),
        None => image_updates::remember(&world, &mut ledger),
    }
    rollback::remember(&world, &mut ledger);
    data_restore::forget_over(&mut ledger);
    backup_gate::remember(&world, &mut ledger);
    drill::remember(&world, &mut ledger);
    ledger
}

/// Containers that are gone are forgotten.
fn forget_gone(input: &PlanInput<'_>, ledger: &mut ProjectLedger) {
    let seen = &input.observed.containers;
    let is_there = |id: &ContainerId| seen.iter().any(|container| container.id == *id);
    stops::forget(input, ledger);
    ledger.adopted.retain(is_there);
    ledger.contents.retain(|id, _| is_there(id));
    ledger.endpoints.retain(|id, _| is_there(id));
    ledger.hooks.retain(|id, _| is_there(id));
    ledger.probes.retain(|id, _| is_there(id));
    let own = |id| [stop_key(id), remove_key(id), probe_key(id)];
    let known = |key: &String| seen.iter().any(|container| own(&container.id).contains(key));
    ledger.calls.retain(|key, _| !is_about_container(key) || known(key));
}

/// Suspensions and stops end by themselves.
fn end_rests(ledger: &mut ProjectLedger, now: Timestamp) {
    let lasts = |entry: &Suspension| entry.until.is_none_or(|until| until > now);
    ledger.suspended.retain(|_, entry| lasts(entry));
    ledger.stopped.retain(|_, entry| lasts(entry));
}

/// What is taken down is forgotten: if the project comes back meanwhile, its jobs run again. An end that we brought about is
/// noted as counted and as no completion, so that it is not taken for one.
fn taken_down(input: &PlanInput<'_>, ledger: &mut ProjectLedger) {
    ledger.replicas.clear();
    for container in &input.observed.containers {
        let (Some(service), Some(number)) = (&container.claim.service, container.claim.number)
        else {
            continue;
        };
        if let Lifecycle::Exited(exit) = &container.lifecycle {
            let replica = ReplicaId::new(service.clone(), number).to_string();
            let counted = Counted {
                container: Some(container.id.clone()),
                finished_at: exit.finished_at,
                restart_count: container.restart_count,
                ..Counted::default()
            };
            let revision = container.claim.revision.clone();
            let record = ReplicaRecord { revision, counted, ..ReplicaRecord::default() };
            ledger.replicas.insert(replica, record);
        }
    }
}

/// Whether failures under this key are about one container, whatever is wanted of it.
fn is_about_container(key: &str) -> bool {
    ["stop:", "remove:", "probe:"].iter().any(|kind| key.starts_with(kind))
}

fn account_service(
    input: &PlanInput<'_>,
    desired: &DesiredProject,
    view: &ServiceView<'_>,
    ledger: &mut ProjectLedger,
) {
    let service = view.service;
    for slot in &view.slots {
        let Some(current) = &slot.current else {
            continue;
        };
        let container = current.container;
        let record = ledger.replicas.entry(slot.replica.to_string()).or_default();
        let serving = serving(slot).map_or(container, |one| one.container);
        count(&Counting { input, service, view, container: serving }, record);
        jobs::remember(view, current, record, input.policy);
        if container.claim.installation.is_none() && view.adoption.is_empty() {
            ledger.adopted.insert(container.id.clone());
        }
        content::remember(input, service, container, ledger);
        hooks::remember(input, service, container, ledger);
        probe::remember(container, ledger);
        availability::remember(view, slot, (container, input), ledger);
        if container.lifecycle.is_alive() {
            remember_data(input, service, ledger);
        }
        remember_image(input, view, container, ledger);
    }
    let always = service.pull_policy == PullPolicy::Always;
    let record = ledger.images.get_mut(&service.image);
    let record =
        record.filter(|record| always && record.checked.is_some() && record.checked_for.is_empty());
    if let Some(record) = record {
        record.checked_for = pull_key(desired, &service.image);
    }
}

/// The predecessor that is, or was, in service while its successor has not run yet. Its failures are those of the replica.
pub fn serving<'a, 'w>(slot: &'a Slot<'w>) -> Option<&'a Judged<'w>> {
    let current = slot.current.as_ref()?.container;
    let waits = matches!(current.lifecycle, Lifecycle::Created { failure: None });
    let served = |one: &&Judged<'_>| {
        let lifecycle = &one.container.lifecycle;
        let ran = lifecycle.is_alive() || matches!(lifecycle, Lifecycle::Exited(_));
        ran && one.container.claim.revision != current.claim.revision
    };
    slot.old.iter().rev().find(served).filter(|_| waits)
}

/// What the tag of a version meant, once for each version.
fn remember_image(
    input: &PlanInput<'_>,
    view: &ServiceView<'_>,
    container: &ObservedContainer,
    ledger: &mut ProjectLedger,
) {
    let (Some(image), Some(revision)) = (view.image, view.revision()) else {
        return;
    };
    if container.claim.revision.as_ref() != Some(&revision) {
        return;
    }
    let digest = image.repo_digest(&view.service.image).map(str::to_owned);
    let known = ledger.revisions.entry(view.service.name.clone()).or_default();
    match known.back_mut().filter(|last| last.revision == revision) {
        Some(last) if digest.is_some() => last.digest = digest,
        Some(_) => {}
        None => known.push_back(RevisionImage {
            revision,
            image: view.service.image.clone(),
            id: container.image_id.clone(),
            digest,
            since: input.now,
        }),
    }
    while known.len() > MOST_REVISIONS {
        known.pop_front();
    }
}

/// Bind sources that hold data while the container runs: an empty one must not take their place.
fn remember_data(input: &PlanInput<'_>, service: &DesiredService, ledger: &mut ProjectLedger) {
    for (target, mount) in &service.config.mounts {
        let MountSource::Bind { source, .. } = &mount.source else {
            continue;
        };
        if input.facts.binds.get(source) == Some(&BindState::FullDirectory) {
            let key = data_key(service.name.as_str(), target);
            ledger.data_paths.insert(key, format!("{FULL}{}", source.display()));
        }
    }
}

struct Counting<'a> {
    input: &'a PlanInput<'a>,
    service: &'a DesiredService,
    view: &'a ServiceView<'a>,
    container: &'a ObservedContainer,
}

fn count(look: &Counting<'_>, record: &mut ReplicaRecord) {
    let container = look.container;
    if record.revision != container.claim.revision {
        renew(record, container.claim.revision.clone());
    }
    let seen = record.counted.container.as_ref() == Some(&container.id);
    let known = seen || record.started.as_ref() == Some(&container.id);
    if !seen {
        record.counted = Counted { container: Some(container.id.clone()), ..Default::default() };
        record.brake = record.brake.take().filter(|brake| brake.container == container.id);
    }
    count_engine_restarts(look, record);
    match &container.lifecycle {
        Lifecycle::Running { started_at } => count_running(look, record, *started_at),
        Lifecycle::Exited(exit) => count_exit(look, record, (exit, known)),
        Lifecycle::Created {
            failure: Some(failure),
        }
            // Failed starts of ours are counted where they fail; this one was left by somebody else.
            if record.failures == 0 && record.counted.failed_start.is_none() => {
                record.counted.failed_start = Some(failure.error.clone());
                fail(look, record, look.input.now);
            }
        _ => {}
    }
}

/// The engine's own restarts show only as a count.
fn count_engine_restarts(look: &Counting<'_>, record: &mut ReplicaRecord) {
    let container = look.container;
    let new = container.restart_count.saturating_sub(record.counted.restart_count);
    record.counted.restart_count = container.restart_count;
    for _ in 0..new.min(u32::try_from(MOST_RESTARTS).unwrap_or(u32::MAX)) {
        record.engine_restarts.push_back(look.input.now);
        record.failures = record.failures.saturating_add(1);
        record.failing_since.get_or_insert(look.input.now);
    }
    while record.engine_restarts.len() > MOST_RESTARTS {
        record.engine_restarts.pop_front();
    }
    if let (true, Lifecycle::Restarting(exit)) = (new > 0, &container.lifecycle) {
        record.last_exit = Some(last_exit(exit, look.input.now));
    }
}

fn count_running(look: &Counting<'_>, record: &mut ReplicaRecord, started_at: Timestamp) {
    let input = look.input;
    record.completed = false;
    let stop = OperationSubject::Container(look.container.id.clone());
    if !input.operations.contains_key(&stop) {
        // The stop of a restart of ours never came to its end, or somebody started it before us.
        record.restarting = None;
    }
    if look.view.job().is_some() {
        // Neither its health nor the length of a run says anything about its end.
        return;
    }
    let unhealthy = verdict::illness(input, look.service, look.container).is_some();
    if unhealthy && record.counted.unhealthy_run != Some(started_at) {
        record.counted.unhealthy_run = Some(started_at);
        record.unhealthy = record.unhealthy.saturating_add(1);
        fail(look, record, input.now);
    }
    let window = look.service.restart.window.unwrap_or(input.policy.crash_reset);
    if !unhealthy && input.now.since(started_at) >= window {
        record.failures = 0;
        record.failing_since = None;
        record.unhealthy = 0;
        record.next_try = None;
        record.engine_restarts.clear();
    }
}

fn count_exit(look: &Counting<'_>, record: &mut ReplicaRecord, (exit, known): (&Exit, bool)) {
    let finished = exit.finished_at;
    if finished.is_none() || record.counted.finished_at == finished {
        return;
    }
    record.counted.finished_at = finished;
    record.last_exit = Some(last_exit(exit, look.input.now));
    if record.restarting.as_ref() == Some(&look.container.id) {
        return;
    }
    let ours = look.input.ledger.stops.contains(&look.container.id);
    let interrupted = interrupted(look, exit);
    let forced = ours || interrupted && known;
    record.completed = completes(look.view, exit) && !(forced && is_guess(look.view));
    if record.completed || interrupted || ours {
        return;
    }
    if let Some(job) = look.view.job() {
        return jobs::fail(
            job,
            look.service,
            record,
            (finished.unwrap_or(look.input.now), look.input.policy),
        );
    }
    let window = look.service.restart.window.unwrap_or(look.input.policy.crash_reset);
    let ran = exit.started_at.zip(finished).map_or(Duration::ZERO, |(start, end)| end.since(start));
    if ran >= window {
        record.failures = 0;
        record.failing_since = None;
        record.engine_restarts.clear();
    }
    fail(look, record, finished.unwrap_or(look.input.now));
}

/// An exit that lies before the end of a gap in the connection, seen for the first time after it: the engine went, not the
/// container (DESIGN §5, restart).
fn interrupted(look: &Counting<'_>, exit: &Exit) -> bool {
    let gap = look.input.observed.engine.gap_ended;
    let new = gap.is_some() && look.input.ledger.gap_ended != gap;
    new && exit.finished_at <= gap
}

/// One failure more: the first try is free, the next waits.
fn fail(look: &Counting<'_>, record: &mut ReplicaRecord, at: Timestamp) {
    record.failures = record.failures.saturating_add(1);
    record.failing_since.get_or_insert(at);
    let mut backoff: Backoff = look.input.policy.crash;
    backoff.initial = look.service.restart.delay.unwrap_or(backoff.initial);
    backoff.cap = backoff.cap.max(backoff.initial);
    let key = look.container.claim.service.as_ref().map_or("", |service| service.as_str());
    let wait = record.failures.checked_sub(2).map(|attempt| backoff.delay(attempt, key));
    record.next_try = Some(at.plus(wait.unwrap_or_default()));
}

fn last_exit(exit: &Exit, now: Timestamp) -> LastExit {
    LastExit {
        code: exit.code,
        at: exit.finished_at.unwrap_or(now),
        oom_killed: exit.oom_killed,
        error: exit.error.clone(),
        log: Vec::new(),
    }
}
