//! Data that goes back with a version that failed: decided once with its verdict, restored from the backup that was made
//! for its update, while nobody who writes runs. What is half restored is never written to, and what was restored is not
//! restored again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::backup_set::{Origin, SavedBackup};
use crate::model::data_restore::{
    DataRestore, RestorePart, RestoreRequest, RestoreStage, RestoreWait,
};
use crate::model::held::{Subject, WaitingOn};
use crate::model::id::{ContainerId, Revision, ServiceName};
use crate::model::job::JobDone;
use crate::model::ledger::ProjectLedger;
use crate::model::observed::{Health, Lifecycle, ObservedContainer};
use crate::model::operation::{Operation, OperationSubject};
use crate::model::outcome::OperationReport;
use crate::model::plan::{Action, Plan};
use crate::model::policy::Policy;
use crate::model::reason::Reason;
use crate::model::revision::{ServiceRevision, Verdict};
use crate::model::time::Timestamp;
use crate::planner::backups::{key_of, parts};
use crate::planner::create::{Grounds, are_usable};
use crate::planner::draft::{Draft, Place};
use crate::planner::input::PlanInput;
use crate::planner::stopped::{Target, beside, of_service, stop_all};
use crate::planner::world::World;

/// Whether data has yet to go back.
pub fn is_pending(ledger: &ProjectLedger) -> bool {
    pending(ledger).is_some()
}

fn pending(ledger: &ProjectLedger) -> Option<(&DataRestore, &RestorePart)> {
    let restore = ledger.data_restore.as_ref()?;
    Some((restore, restore.next()?))
}

/// Decides what goes back with the version that was just rejected: what its own files say, from the backups that its
/// update waited for, if anything of it was made.
pub fn decide(world: &World<'_>, ledger: &mut ProjectLedger) {
    let backups = std::mem::take(&mut ledger.update_backups);
    let Some(rollback) = &ledger.rollback else { return };
    let (from, to) = (rollback.from, rollback.to);
    let mut back: Vec<RestorePart> = Vec::new();
    for part in parts(world.desired) {
        let Some(backup) = backups.get(&key_of(part.service)).filter(|backup| backup.used) else {
            continue;
        };
        for service in part.restored() {
            let known = back.iter().any(|one| one.service == service);
            if !known && backup.services.contains(&service) {
                let (backup, at) = (backup.id.clone(), backup.at);
                back.push(RestorePart { service, backup, at, done: None });
            }
        }
    }
    if back.is_empty() {
        return;
    }
    let changed = changed(ledger, from, to);
    let before = ledger.history.iter().find(|one| one.number == to);
    let before = before.map(|one| one.services.clone()).unwrap_or_default();
    undo(ledger, &changed, &before);
    let barred = barred(world, &changed, &before);
    let writers = back.iter().flat_map(|part| world.desired.dependants(&part.service)).collect();
    ledger.data_restore = Some(DataRestore {
        from,
        to,
        decided: world.input.wall,
        parts: back,
        writers,
        barred,
        stage: RestoreStage::Pending,
        begun: false,
        failures: 0,
        next_try: None,
        error: String::new(),
    });
}

/// What the failed version ran otherwise than the one before.
fn changed(ledger: &ProjectLedger, from: u64, to: u64) -> BTreeMap<ServiceName, Revision> {
    let of = |number: u64| ledger.history.iter().find(|one| one.number == number);
    let before = of(to).map(|one| &one.services);
    let services = of(from).into_iter().flat_map(|one| &one.services);
    let other = services.filter(|(name, one)| {
        let known = before.and_then(|before| before.get(*name));
        known.is_none_or(|known| known.revision != one.revision)
    });
    other.map(|(name, one)| (name.clone(), one.revision.clone())).collect()
}

/// Containers of those services that are not of the version before.
fn barred(
    world: &World<'_>,
    changed: &BTreeMap<ServiceName, Revision>,
    before: &BTreeMap<ServiceName, ServiceRevision>,
) -> BTreeSet<ContainerId> {
    let other = |one: &&ObservedContainer| {
        let service = one.claim.service.as_ref().filter(|name| changed.contains_key(*name));
        service.is_some_and(|name| {
            let known = before.get(name).map(|one| &one.revision);
            one.claim.revision.is_some() && one.claim.revision.as_ref() != known
        })
    };
    let containers = world.input.observed.containers.iter().filter(other);
    containers.map(|one| one.id.clone()).collect()
}

/// What jobs and steps of the failed version did is undone with the data: what they did in the version before counts.
fn undo(
    ledger: &mut ProjectLedger,
    changed: &BTreeMap<ServiceName, Revision>,
    before: &BTreeMap<ServiceName, ServiceRevision>,
) {
    for (key, record) in &mut ledger.replicas {
        let name = key.rsplit_once(':').map(|(name, _)| ServiceName::from(name));
        let Some((name, failed)) = name.as_ref().and_then(|name| changed.get_key_value(name))
        else {
            continue;
        };
        record.completed &= record.revision.as_ref() != Some(failed);
        let undone =
            record.done.as_ref().is_some_and(|done| done.revision.as_ref() == Some(failed));
        if let Some(done) = record.done.take_if(|_| undone) {
            record.done = before.get(name).map(|before| JobDone {
                revision: Some(before.revision.clone()),
                image: before.image_id.clone(),
                ..done
            });
        }
    }
    ledger.steps.retain(|name, _| !changed.contains_key(name));
}

/// Forgets what is over: a version has held since, and nothing is left of the one that failed (part of
/// [`account`](super::account::account), after the verdict).
pub fn forget_over(ledger: &mut ProjectLedger) {
    let held =
        ledger.history.back().is_some_and(|last| matches!(last.verdict, Verdict::Stable { .. }));
    let left = ledger.data_restore.as_ref().is_some_and(|restore| !restore.barred.is_empty());
    if held && ledger.rollback.is_none() && !left && !is_pending(ledger) {
        ledger.data_restore = None;
    }
}

/// Counts what was restored, by us or by a person (part of [`account`](super::account::account), before the verdict).
pub fn remember(input: &PlanInput<'_>, ledger: &mut ProjectLedger) {
    if let Some(restore) = &mut ledger.data_restore {
        let seen = &input.observed.containers;
        restore.barred.retain(|id| seen.iter().any(|one| one.id == *id));
    }
    let project = input.desired.project().map(|project| project.name.clone());
    let Some(restore) = ledger.data_restore.as_mut().filter(|one| one.next().is_some()) else {
        return;
    };
    let running = project.map(OperationSubject::Restore);
    // The controller ended while it went on: it is made again.
    restore.begun &= running.is_some_and(|running| input.operations.contains_key(&running));
    let decided = restore.decided;
    for part in restore.parts.iter_mut().filter(|part| part.done.is_none()) {
        let restored = input.facts.backups.iter().filter_map(|one| one.restored.get(&part.service));
        part.done = restored.filter(|at| **at >= decided).max().copied();
    }
    close(restore);
}

fn close(restore: &mut DataRestore) {
    if restore.stage == RestoreStage::Pending && restore.next().is_none() {
        restore.stage = RestoreStage::Done;
        restore.failures = 0;
        restore.error.clear();
    }
}

/// Whether a container is of a version whose data went back: it is not started again, and nobody takes it for what is wanted.
pub fn is_barred(ledger: &ProjectLedger, container: &ObservedContainer) -> bool {
    ledger.data_restore.as_ref().is_some_and(|restore| restore.barred.contains(&container.id))
}

/// Services that write and are not to run until data is back. What is restored has to run itself.
fn waiting(world: &World<'_>, restore: &DataRestore) -> BTreeSet<ServiceName> {
    let of_now = restore.parts.iter().flat_map(|part| world.desired.dependants(&part.service));
    let mut services: BTreeSet<ServiceName> =
        restore.writers.iter().cloned().chain(of_now).collect();
    services.retain(|name| !restore.parts.iter().any(|part| part.service == *name));
    services
}

/// Stops what writes, once all that is to run afterwards can be made, and says what it waits for. Gives the services that
/// are not planned otherwise.
pub fn hold_writers(
    world: &World<'_>,
    grounds: &Grounds,
    draft: &mut Draft<'_>,
) -> BTreeSet<ServiceName> {
    let Some((restore, part)) = pending(world.input.ledger) else { return BTreeSet::new() };
    let services = waiting(world, restore);
    let views = || world.services.iter().filter(|view| services.contains(&view.service.name));
    let wait = RestoreWait::Data { service: part.service.clone(), backup: part.backup.clone() };
    for view in views() {
        let subject = Subject::Service(view.service.name.clone());
        draft.hold(subject, WaitingOn::Restore(wait.clone()), None);
    }
    // Else nothing could take the place of what is stopped (invariant 7).
    if views().all(|view| are_usable(grounds, view)) {
        let why = format!("data of {} goes back to backup {}", part.service, part.backup);
        stop_all(world, &targets(world, &services), &why, draft);
    }
    services
}

/// Containers of these services, those of versions that are not wanted any more included.
fn targets<'a>(world: &World<'a>, services: &BTreeSet<ServiceName>) -> Vec<Target<'a>> {
    let views = world.services.iter().filter(|view| services.contains(&view.service.name));
    // What is suspended or not adopted is left alone; the restore waits for it.
    let views = views.filter(|view| !view.is_held(world));
    let mut targets: Vec<Target<'a>> = views.flat_map(of_service).collect();
    let own = |one: &&&ObservedContainer| {
        one.claim.service.as_ref().is_some_and(|name| services.contains(name))
    };
    let more = world.orphans.iter().chain(beside(world)).filter(own);
    targets.extend(more.map(|one| (*one, Subject::Container(one.name.clone()))));
    targets
}

/// Begins the restore that is due once nobody writes any more, or says what it waits for, or what was done.
pub fn plan_restore(world: &World<'_>, draft: &mut Draft<'_>) {
    let input = world.input;
    let Some((restore, part)) = pending(input.ledger) else { return tell(input, draft) };
    let (service, backup) = (part.service.clone(), part.backup.clone());
    let project = world.desired.name.clone();
    let hold = |draft: &mut Draft<'_>, wait, until| {
        draft.hold(Subject::Project, WaitingOn::Restore(wait), until);
    };
    let next_try = restore.next_try.filter(|next| *next > input.now);
    if restore.failures > 0 {
        let (failures, error) = (restore.failures, restore.error.clone());
        let (project, service, backup) = (project.clone(), service.clone(), backup.clone());
        let failed = RestoreWait::Failed { project, service, backup, failures, error };
        hold(draft, failed, next_try);
    }
    if input.operations.contains_key(&OperationSubject::Restore(project.clone())) {
        return hold(draft, RestoreWait::Running { service, backup }, None);
    }
    if next_try.is_some() {
        return;
    }
    let writers = alive(world, &waiting(world, restore));
    if !writers.is_empty() {
        return hold(draft, RestoreWait::Writers { services: writers }, None);
    }
    if input.operations.contains_key(&OperationSubject::Backup(project)) {
        return hold(draft, RestoreWait::Backup, None);
    }
    let Some(container) = container(world, draft, &service) else {
        return hold(draft, RestoreWait::Container { service }, None);
    };
    let request = RestoreRequest {
        project: Arc::new(world.desired.clone()),
        service,
        backup,
        container: container.id.clone(),
        name: container.name.clone(),
        decided: restore.decided,
        from: restore.from,
    };
    let reason =
        Reason::DataRestore { from: restore.from, backup: part.backup.clone(), at: part.at };
    let place = Place { subject: &Subject::Project, after: Vec::new() };
    draft.push(place, Action::Begin(Box::new(Operation::Restore(Box::new(request)))), reason);
}

/// Services among these of which something runs.
fn alive(world: &World<'_>, services: &BTreeSet<ServiceName>) -> Vec<ServiceName> {
    let lives = |name: &&ServiceName| {
        let mut all = world.input.observed.containers.iter();
        all.any(|one| one.claim.service.as_ref() == Some(*name) && one.lifecycle.is_alive())
    };
    services.iter().filter(lives).cloned().collect()
}

/// The container that data is restored into: it runs, and nothing is done with it in this plan.
fn container<'a>(
    world: &World<'a>,
    draft: &Draft<'_>,
    service: &ServiceName,
) -> Option<&'a ObservedContainer> {
    let slot = world.service(service)?.slots.first()?;
    let calm = draft.nodes_of(&slot.replica, |_| true).is_empty();
    let one = slot.current.as_ref().filter(|_| calm)?.container;
    let alone = !slot.old.iter().any(|old| old.container.lifecycle.is_alive());
    let stops = OperationSubject::Container(one.id.clone());
    let free = alone && !world.input.operations.contains_key(&stops);
    let runs = matches!(one.lifecycle, Lifecycle::Running { .. });
    let runs = runs && !is_barred(world.input.ledger, one);
    (runs && free && one.health != Health::Starting).then_some(one)
}

/// What was restored, as long as the version runs that it went back to.
fn tell(input: &PlanInput<'_>, draft: &mut Draft<'_>) {
    let (Some(restore), Some(rollback)) = (&input.ledger.data_restore, &input.ledger.rollback)
    else {
        return;
    };
    if restore.from != rollback.from || restore.stage != RestoreStage::Done {
        return;
    }
    let parts = restore.parts.iter().map(|part| {
        let age = restore.decided.since(part.at).as_secs();
        let (service, backup) = (&part.service, &part.backup);
        let aside = aside(&input.facts.backups, restore.decided, service);
        let aside = aside.map_or_else(String::new, |id| format!(", what was there is backup {id}"));
        format!("data of {service} was restored from backup {backup}, made {age} s before revision {} was rejected{aside}", restore.from)
    });
    let what = parts.collect::<Vec<_>>().join("; ");
    draft.hold(Subject::Project, WaitingOn::Restore(RestoreWait::Done { what }), None);
}

/// What was kept of a service before its data was replaced.
fn aside<'a>(
    backups: &'a [SavedBackup],
    decided: Timestamp,
    service: &ServiceName,
) -> Option<&'a str> {
    let mut all = backups.iter().filter(|one| one.origin == Origin::BeforeRestore);
    let one = all.find(|one| one.at >= decided && one.services.contains(service))?;
    Some(&one.id)
}

/// Notes that `plan` is about to begin one (part of [`intend`](super::hooks::intend)).
pub fn intend(ledger: &mut ProjectLedger, plan: &Plan) {
    let begins = plan.nodes.iter().any(|node| {
        matches!(&node.action, Action::Begin(operation) if matches!(**operation, Operation::Restore(_)))
    });
    if let Some(restore) = ledger.data_restore.as_mut().filter(|_| begins) {
        restore.begun = true;
    }
}

/// How one ended. The end of what a person has released says nothing.
pub fn record_end(ledger: &mut ProjectLedger, report: &OperationReport, policy: &Policy) {
    let Some(restore) = ledger.data_restore.as_mut().filter(|restore| restore.begun) else {
        return;
    };
    restore.begun = false;
    let open = restore.stage == RestoreStage::Pending;
    let Some(part) = restore.parts.iter_mut().find(|part| open && part.done.is_none()) else {
        return;
    };
    match &report.result {
        Ok(()) => {
            part.done = Some(report.at);
            (restore.failures, restore.next_try) = (0, None);
            restore.error.clear();
            close(restore);
        }
        Err(failure) => {
            let wait = policy.image.delay(restore.failures, part.service.as_str());
            restore.next_try = Some(report.at.plus(wait));
            restore.failures = restore.failures.saturating_add(1);
            restore.error.clone_from(&failure.message);
        }
    }
}

/// Whether data went back with the version that is rejected now, or has yet to go back.
pub fn is_about_data(ledger: &ProjectLedger) -> bool {
    let rejected = ledger.rollback.as_ref().map(|one| one.from);
    let own = |restore: &DataRestore| Some(restore.from) == rejected;
    is_pending(ledger) || ledger.data_restore.as_ref().is_some_and(own)
}

/// A person goes on with what is there. `false`: nothing waits for data.
pub fn release(ledger: &mut ProjectLedger) -> bool {
    let Some(restore) = ledger.data_restore.as_mut().filter(|one| one.next().is_some()) else {
        return false;
    };
    restore.stage = RestoreStage::Released;
    true
}

/// A person wants a try now.
pub fn forget_backoffs(ledger: &mut ProjectLedger) {
    if let Some(restore) = &mut ledger.data_restore {
        restore.next_try = None;
    }
}
