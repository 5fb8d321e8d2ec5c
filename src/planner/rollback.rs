//! Versions of a project: each is recorded, judged, and left for the last one that held if it fails (invariant 11).

use std::collections::{BTreeMap, BTreeSet};

use crate::model::desired::{DependencyCondition, DesiredProject, PullPolicy};
use crate::model::held::WaitingOn;
use crate::model::id::ServiceName;
use crate::model::job::{Job, JobOnce, OnRollback};
use crate::model::ledger::{BuildCache, MOST_REVISIONS, ProjectLedger, Rebuild, RolloutRecord};
use crate::model::revision::{
    FailureCause, ProjectRevision, Rollback, RollbackCause, RolloutFailure, ServiceRevision,
    Verdict,
};
use crate::model::rollout::RolloutWait;
use crate::model::time::Timestamp;
use crate::model::update::FailureAction;
use crate::planner::after_checks;
use crate::planner::before_checks;
use crate::planner::data_restore;
use crate::planner::draft::Draft;
use crate::planner::drill;
use crate::planner::image_promotion;
use crate::planner::images::{ImageVerdict, plan_images};
use crate::planner::input::PlanInput;
use crate::planner::judgement::{analysed, failure, has_held, judged_at};
use crate::planner::world::{ServiceView, World};

/// The version that runs instead of `declared`, which the files say; `None`: they are followed, as is an edit that nobody has
/// looked at yet.
pub fn target<'a>(
    ledger: &'a ProjectLedger,
    declared: &DesiredProject,
) -> Option<&'a ProjectRevision> {
    let rollback = ledger.rollback.as_ref().filter(|_| ledger.digest == declared.digest)?;
    ledger.history.iter().find(|one| one.number == rollback.to)
}

/// What another version than the running one waits for, if there is one.
pub fn explain(ledger: &ProjectLedger) -> Option<WaitingOn> {
    let Rollback { from, to, cause, .. } = *ledger.rollback.as_ref()?;
    let failed = ledger.history.iter().find(|one| one.number == from);
    match (cause, failed.map(|one| &one.verdict)) {
        (RollbackCause::Failure, Some(Verdict::Rejected(failure))) => {
            Some(WaitingOn::Rollout(RolloutWait::Rejected {
                from,
                to,
                service: failure.service.clone(),
                code: failure.cause.code().to_owned(),
                why: failure.cause.to_string(),
            }))
        }
        (RollbackCause::Drill, _) => Some(WaitingOn::Rollout(RolloutWait::Drill { from, to })),
        _ => Some(WaitingOn::Rollout(RolloutWait::Pinned { from, to })),
    }
}

/// Records and judges (part of [`account`](super::account::account)). `running` is the world of what runs.
pub fn remember(running: &World<'_>, ledger: &mut ProjectLedger) {
    let input = running.input;
    let declared = input.declared.unwrap_or(running.desired);
    let services = match input.declared {
        Some(declared) => wanted(&World::new(input, declared), ledger),
        None => wanted(running, ledger),
    };
    if let Some(services) = services {
        note(ledger, declared, services, input.now);
    }
    let settled = ledger.rollback.is_none() && input.declared.is_none();
    if settled && !data_restore::is_pending(ledger) {
        judge(running, ledger);
    }
}

/// What each service would run, once all images are there and nothing is to be pulled or built first.
fn wanted(
    world: &World<'_>,
    ledger: &ProjectLedger,
) -> Option<BTreeMap<ServiceName, ServiceRevision>> {
    // A suspension is no other version.
    let counts = |view: &&ServiceView<'_>| {
        let known = !view.is_held(world) || view.revision().is_some();
        known && view.service.refusal.is_none()
    };
    let services = world.services.iter().filter(counts).map(|view| {
        let (revision, image_id) = (view.revision()?, view.image_id()?.clone());
        let image = view.service.image.clone();
        Some((view.service.name.clone(), ServiceRevision { revision, image, image_id }))
    });
    let services: BTreeMap<_, _> = services.collect::<Option<_>>()?;
    let last = ledger.history.back();
    if last.is_some_and(|last| last.services == services) {
        return Some(services);
    }
    let input = PlanInput { ledger, ..*world.input };
    let mut draft = Draft::new(&input);
    let verdicts = plan_images(&World::new(&input, world.desired), &mut draft);
    let usable = |image: &String| verdicts.get(image) == Some(&ImageVerdict::Usable);
    let mut active = world.services.iter().filter(counts).filter(|view| !view.is_held(world));
    active.all(|view| usable(&view.service.image)).then_some(services)
}

/// Notes a version that was not there before. It ends a rollback: files or images changed.
fn note(
    ledger: &mut ProjectLedger,
    declared: &DesiredProject,
    services: BTreeMap<ServiceName, ServiceRevision>,
    now: Timestamp,
) {
    let pinned = ledger.rollback.as_ref().is_some_and(|one| one.cause == RollbackCause::Person);
    if let Some(last) = ledger.history.back() {
        let same_files = last.digest == declared.digest;
        let back = image_promotion::went_back(ledger, &services);
        if same_files && (pinned || back || last.services == services) {
            return correct_commit(ledger, declared);
        }
    }
    ledger.rollback = None;
    let number = ledger.history.back().map_or(0, |last| last.number) + 1;
    let digest = declared.digest.clone();
    ledger.history.push_back(ProjectRevision {
        number,
        digest,
        commit: declared.commit.clone(),
        services,
        since: now,
        verdict: Verdict::Open,
    });
    forget_oldest(ledger);
}

/// git writes the files of a checkout before it says which commit they are: the name may come a moment later. Once the
/// version was judged, further commits that change none of its files are no matter of it.
fn correct_commit(ledger: &mut ProjectLedger, declared: &DesiredProject) {
    let open = ledger.history.back_mut().filter(|last| last.verdict == Verdict::Open);
    if let Some(last) = open
        && declared.commit.is_some()
    {
        last.commit.clone_from(&declared.commit);
    }
}

/// Keeps the newest, and the last one that held whatever its age.
fn forget_oldest(ledger: &mut ProjectLedger) {
    while ledger.history.len() > MOST_REVISIONS {
        let kept = stable(ledger).map(|one| one.number);
        let oldest = ledger.history.iter().position(|one| Some(one.number) != kept);
        let Some(oldest) = oldest else { return };
        ledger.history.remove(oldest);
    }
}

/// The newest version that held, the last one aside.
fn stable(ledger: &ProjectLedger) -> Option<&ProjectRevision> {
    let mut before = ledger.history.iter().rev().skip(1);
    before.find(|one| {
        planted!("back-to-anything", matches!(one.verdict, Verdict::Stable { .. }), true)
    })
}

fn judge(world: &World<'_>, ledger: &mut ProjectLedger) {
    let Some(last) = ledger.history.back() else {
        return;
    };
    if last.verdict != Verdict::Open || last.digest != world.desired.digest {
        return;
    }
    after_checks::remember(world, ledger);
    let held = has_held(world, ledger) && after_checks::passed(world, ledger);
    if planted!("held-at-once", held, true) {
        let since = world.input.now;
        if let Some(last) = ledger.history.back_mut() {
            last.verdict = Verdict::Stable { since };
        }
        return;
    }
    let Some(before) = stable(ledger).cloned() else {
        return;
    };
    for view in world.services.iter().filter(|view| !view.is_held(world)) {
        let update = view.service.update();
        if let Some(failure) = analysed(world, view, ledger) {
            if update.failure_action != FailureAction::Pause {
                return give_up(world, ledger, failure, before.number);
            }
            pause_for(ledger, &view.service.name, &failure);
            continue;
        }
        let Some(failed) = failure(world, view, &before.services, ledger) else {
            continue;
        };
        if !update.is_failed(failed.replicas, view.service.replicas) {
            continue;
        }
        match update.failure_action {
            FailureAction::Rollback => {
                return give_up(world, ledger, failed.first, before.number);
            }
            FailureAction::Pause => {
                pause_for(ledger, &view.service.name, &failed.first);
            }
            FailureAction::Continue => {}
        }
    }
}

/// A version failed: the one before it runs again, and with it the data, where its files say so.
fn give_up(world: &World<'_>, ledger: &mut ProjectLedger, failure: RolloutFailure, to: u64) {
    reject(ledger, failure, to, world.input.now);
    data_restore::decide(world, ledger);
}

fn pause_for(ledger: &mut ProjectLedger, service: &ServiceName, failure: &RolloutFailure) {
    if let Some(record) = ledger.rollouts.get_mut(service) {
        record.paused.get_or_insert_with(|| failure.cause.to_string());
    }
}

/// A person does not want the version that is being rolled out: the last one that held runs again.
///
/// # Errors
/// Why that is not possible.
pub fn abort(
    ledger: &mut ProjectLedger,
    service: Option<&ServiceName>,
    now: Timestamp,
) -> Result<(), String> {
    let Some(last) = ledger.history.back() else {
        return Err("no version of it is known yet".to_owned());
    };
    match &last.verdict {
        Verdict::Open => {}
        // Taken twice, it counts once.
        Verdict::Rejected(failure) if failure.cause == FailureCause::Aborted => return Ok(()),
        Verdict::Rejected(_) => return Err("the new version was rejected already".to_owned()),
        Verdict::Stable { .. } => {
            return Err("nothing is being rolled out; `composelet rollback` goes back".to_owned());
        }
    }
    let Some(to) = stable(ledger).map(|one| one.number) else {
        return Err("no earlier version has held that could run instead".to_owned());
    };
    let steps = |record: &RolloutRecord| {
        record.strategy.as_ref().is_some_and(|steps| steps.promoted.is_none())
    };
    let waiting = ledger.rollouts.iter().find(|(_, record)| steps(record)).map(|(name, _)| name);
    let service = service.or(waiting).or_else(|| ledger.rollouts.keys().next());
    let Some(service) = service.cloned() else {
        return Err("no version of it is known yet".to_owned());
    };
    let (container, cause) = (None, FailureCause::Aborted);
    let (log, evidence) = (Vec::new(), None);
    let failure = RolloutFailure { at: now, service, container, cause, log, evidence };
    reject(ledger, failure, to, now);
    Ok(())
}

fn reject(ledger: &mut ProjectLedger, failure: RolloutFailure, to: u64, now: Timestamp) {
    let Some(last) = ledger.history.back_mut() else {
        return;
    };
    let service = failure.service.clone();
    last.verdict = Verdict::Rejected(Box::new(failure));
    let (from, failed) = (last.number, last.clone());
    if let Some(stable) = ledger.history.iter().find(|one| one.number == to).cloned() {
        image_promotion::reject(ledger, (&failed, &stable), &service);
    }
    ledger.rollback = Some(Rollback { from, to, since: now, cause: RollbackCause::Failure });
}

/// When a version has to be judged again, if nothing happens before.
pub fn wakes_at(input: &PlanInput<'_>) -> Option<Timestamp> {
    let open = input.ledger.history.back().is_some_and(|last| last.verdict == Verdict::Open);
    let running = input.desired.project();
    let judged = running.filter(|_| open && input.declared.is_none());
    let judged = judged.and_then(|running| judged_at(&World::new(input, running), input.ledger));
    let declared = input.declared.or(running);
    let drill = declared.and_then(|declared| drill::wakes_at(input, declared));
    judged.into_iter().chain(drill).min()
}

/// A person wants version `to`, or the last one that held.
///
/// # Errors
/// Why that is not possible.
pub fn roll_back(
    ledger: &ProjectLedger,
    to: Option<u64>,
    now: Timestamp,
) -> Result<ProjectLedger, String> {
    let Some(last) = ledger.history.back() else {
        return Err("no version of it is known yet".to_owned());
    };
    let from = last.number;
    let running = ledger.rollback.as_ref().map_or(from, |one| one.to);
    let target = match to {
        Some(number) => ledger.history.iter().find(|one| one.number == number),
        None => ledger
            .history
            .iter()
            .rev()
            .find(|one| one.number < running && matches!(one.verdict, Verdict::Stable { .. })),
    };
    let Some(target) = target else {
        return Err(match to {
            Some(number) => {
                format!("revision {number} is not kept; `composelet history` lists them")
            }
            None => "no earlier revision has held; `composelet history` lists them".to_owned(),
        });
    };
    if matches!(target.verdict, Verdict::Rejected(_)) {
        return Err(format!("revision {} was rejected", target.number));
    }
    let to = target.number;
    let mut after = ledger.clone();
    after.rollback =
        (to != from).then_some(Rollback { from, to, since: now, cause: RollbackCause::Person });
    Ok(after)
}

/// A person wants what the files say again; a rejected version gets another chance.
pub fn resume(ledger: &mut ProjectLedger) {
    let failed = ledger.rollback.take().is_some_and(|one| one.cause == RollbackCause::Failure);
    if failed {
        image_promotion::retry(ledger);
    }
    if failed && let Some(last) = ledger.history.back_mut() {
        last.verdict = Verdict::Open;
        ledger.checks = None;
        before_checks::forget_failures(ledger);
        for record in ledger.replicas.values_mut() {
            record.failures = 0;
            record.unhealthy = 0;
            record.failing_since = None;
        }
    }
    ledger.rollouts.values_mut().for_each(|record| record.paused = None);
}

/// A person wants nothing more to be replaced, or all to go on.
///
/// # Errors
/// Nothing is known of the service.
pub fn pause(
    ledger: &mut ProjectLedger,
    service: Option<&ServiceName>,
    paused: bool,
) -> Result<(), String> {
    let reason = paused.then(|| "paused by `composelet rollout pause`".to_owned());
    for record in of(&mut ledger.rollouts, service)? {
        record.paused.clone_from(&reason);
    }
    Ok(())
}

/// A person wants every container that is older than `at` to be replaced; with `rebuild` the images are built again
/// first, and nothing is replaced before they stand.
///
/// # Errors
/// Nothing is known of the service, or of the images.
pub fn restart(
    ledger: &mut ProjectLedger,
    service: Option<&ServiceName>,
    (at, rebuild): (Timestamp, Option<BuildCache>),
) -> Result<(), String> {
    for record in of(&mut ledger.rollouts, service)? {
        record.restarted = Some(at);
    }
    let last = ledger.history.back();
    let known = last.into_iter().flat_map(|last| &last.services);
    let known = known.filter(|(name, _)| service.is_none_or(|only| only == *name));
    let images: BTreeSet<String> = known.map(|(_, one)| one.image.clone()).collect();
    if rebuild.is_some() && images.is_empty() {
        return Err("no version of it is known yet: its images are not built".to_owned());
    }
    for image in images {
        // A plain restart takes back what was asked for before and has not succeeded.
        let record = ledger.images.entry(image).or_default();
        record.rebuild = rebuild.map(|cache| Rebuild { cache, begun: false });
        if rebuild.is_some() {
            record.next_try = None;
        }
    }
    Ok(())
}

fn of<'a>(
    rollouts: &'a mut BTreeMap<ServiceName, RolloutRecord>,
    service: Option<&ServiceName>,
) -> Result<Vec<&'a mut RolloutRecord>, String> {
    match service {
        None => Ok(rollouts.values_mut().collect()),
        Some(name) => match rollouts.get_mut(name) {
            Some(record) => Ok(vec![record]),
            None => Err(format!("no version of {name} is known yet")),
        },
    }
}

/// The project as version `revision` ran it: images by id, nothing pulled or built, replaced as `rollback_config` says.
pub fn pinned(mut project: DesiredProject, revision: &ProjectRevision) -> DesiredProject {
    let completed = DependencyCondition::CompletedSuccessfully;
    let edges = project.services.values().flat_map(|service| &service.depends_on);
    let awaited = edges.filter(|(_, edge)| edge.condition == completed);
    let awaited: BTreeSet<ServiceName> = awaited.map(|(name, _)| name.clone()).collect();
    for service in project.services.values_mut() {
        if service.job.is_none() && awaited.contains(&service.name) {
            service.job = Job::implied(&service.restart);
        }
        service.update = service.rollback.or(service.update);
        service.strategy = None;
        if let Some(job) = service.job.as_mut().filter(|job| job.on_rollback == OnRollback::Skip) {
            // It ran for a later version, too; that is enough.
            job.once = JobOnce::Project;
        }
        if let Some(known) = revision.services.get(&service.name) {
            // One by digest means the same for ever, and its container tells which it is.
            let exact = known.image.contains('@');
            service.image = if exact { known.image.clone() } else { known.image_id.to_string() };
            service.build = None;
            service.pull_policy = if exact { PullPolicy::Missing } else { PullPolicy::Never };
        }
    }
    project
}
