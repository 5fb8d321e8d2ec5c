//! Jobs: what has succeeded is remembered and not repeated, what fails is tried again a few times and then left.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::desired::{DependencyCondition, DesiredService};
use crate::model::held::WaitingOn;
use crate::model::job::{Job, JobDone, JobOnce, JobWait};
use crate::model::ledger::ReplicaRecord;
use crate::model::observed::Lifecycle;
use crate::model::policy::Policy;
use crate::model::time::Timestamp;
use crate::planner::heal::{Healing, last_words};
use crate::planner::readiness::Strictness;
use crate::planner::slot::SlotContext;
use crate::planner::world::{Judged, ServiceView};

/// Most successes that are remembered of services that are declared no longer (invariant 16).
const MOST_KEPT: usize = 256;

/// Puts a success where it outlives the version, and makes up for a start that failed at the pace of services (part of
/// [`account`](super::account::account)).
pub fn remember(
    view: &ServiceView<'_>,
    current: &Judged<'_>,
    record: &mut ReplicaRecord,
    policy: &Policy,
) {
    let Some(job) = view.job() else {
        return;
    };
    let lasting = job.once == JobOnce::Project;
    let Lifecycle::Exited(exit) = &current.container.lifecycle else {
        return slow_down(job, view.service, record, policy);
    };
    let counted = record.counted.finished_at == exit.finished_at;
    if !(record.completed && counted) {
        return;
    }
    // What was adopted has no label that says its version: it counts while it is there.
    let revision = current.container.claim.revision.clone();
    let at = exit.finished_at.unwrap_or_default();
    let image = current.container.image_id.clone();
    record.done = Some(JobDone { revision, image, at, lasting });
}

/// Failed starts are counted where they fail, which knows nothing of jobs.
fn slow_down(job: Job, service: &DesiredService, record: &mut ReplicaRecord, policy: &Policy) {
    let failed = record.counted.failed_start.is_some();
    if let (true, Some(next), Some(last)) = (failed, record.next_try, &record.last_exit) {
        let wait = delay(job, service, record.failures, policy);
        record.next_try = Some(next.max(last.at.plus(wait)));
    }
}

fn delay(
    job: Job,
    service: &DesiredService,
    failures: u32,
    policy: &Policy,
) -> std::time::Duration {
    let mut backoff = policy.job;
    backoff.initial = job.delay.unwrap_or(backoff.initial);
    backoff.cap = backoff.cap.max(backoff.initial);
    backoff.delay(failures.saturating_sub(1), service.name.as_str())
}

/// One failure more, with its back-off.
pub fn fail(
    job: Job,
    service: &DesiredService,
    record: &mut ReplicaRecord,
    (at, policy): (Timestamp, &Policy),
) {
    record.failures = record.failures.saturating_add(1);
    record.next_try = Some(at.plus(delay(job, service, record.failures, policy)));
}

/// Forgets replicas that are not declared, but for what counts for the life of the project.
pub fn forget(replicas: &mut BTreeMap<String, ReplicaRecord>, declared: &BTreeSet<String>) {
    let lasting = |record: &ReplicaRecord| record.done.as_ref().is_some_and(|done| done.lasting);
    replicas.retain(|key, record| declared.contains(key) || lasting(record));
    let kept = replicas.iter().filter(|(key, _)| !declared.contains(*key));
    let mut kept: Vec<(Timestamp, String)> = kept
        .map(|(key, record)| {
            (record.done.as_ref().map(|done| done.at).unwrap_or_default(), key.clone())
        })
        .collect();
    kept.sort();
    let surplus = kept.len().saturating_sub(MOST_KEPT);
    for (_, key) in kept.into_iter().take(surplus) {
        replicas.remove(&key);
    }
}

/// Whether nothing is started any more in this version: it succeeded, or failed for good.
pub fn is_settled(view: &ServiceView<'_>, record: Option<&ReplicaRecord>) -> bool {
    view.job().is_some() && (view.completed(record) || failed(view, record).is_some())
}

/// Whether a container neither runs nor is on its way out.
pub fn rests(lifecycle: &Lifecycle) -> bool {
    matches!(lifecycle, Lifecycle::Created { .. } | Lifecycle::Exited(_))
}

/// What is done about the container of a settled job.
pub fn settled(view: &ServiceView<'_>, record: Option<&ReplicaRecord>) -> Healing {
    match failed(view, record) {
        Some(waiting) if !view.completed(record) => Healing::Wait(waiting, None),
        _ => Healing::Completed,
    }
}

/// The hold of a job whose tries in this version are used up.
pub fn failed(view: &ServiceView<'_>, record: Option<&ReplicaRecord>) -> Option<WaitingOn> {
    let (job, record) = (view.job()?, record?);
    // What was adopted has no label that says its version.
    let same = record.revision.is_none() || record.revision == view.revision();
    (same && record.failures > job.retries).then(|| {
        WaitingOn::Job(JobWait::Failed {
            failures: record.failures,
            exit_code: record.last_exit.as_ref().map(|exit| exit.code),
            last: last_words(record),
            allowed: job.allow_failure,
        })
    })
}

/// The hold of a job that waits out a failure.
pub fn back_off(job: Job, record: &ReplicaRecord) -> WaitingOn {
    WaitingOn::Job(JobWait::BackOff {
        failures: record.failures,
        retries: job.retries,
        exit_code: record.last_exit.as_ref().map(|exit| exit.code),
        last: last_words(record),
    })
}

/// Those before a replica that have to be done first, because only so many run side by side.
pub fn turn(context: SlotContext<'_, '_>) -> Option<WaitingOn> {
    let job = context.view.job().filter(|job| job.parallelism > 0)?;
    let replicas = &context.world.input.ledger.replicas;
    let before = context.view.slots.iter().map(|slot| &slot.replica);
    let before = before.take_while(|replica| **replica != context.slot.replica);
    let mut open =
        before.filter(|replica| !context.view.completed(replicas.get(&replica.to_string())));
    let first = open.next()?.clone();
    let beside = usize::try_from(job.parallelism).unwrap_or(usize::MAX);
    (open.count() + 1 >= beside).then_some(WaitingOn::Job(JobWait::Turn { after: first }))
}

/// Whether those that depend on a replica of a job need not look at its container: it is done, its failure is allowed, or
/// they ran before and are only healed.
pub fn lets_pass(
    view: &ServiceView<'_>,
    record: Option<&ReplicaRecord>,
    (condition, strict): (DependencyCondition, Strictness),
) -> bool {
    let Some(job) = view.job().filter(|_| condition != DependencyCondition::Healthy) else {
        return false;
    };
    let before = strict == Strictness::Serves && record.is_some_and(|one| one.done.is_some());
    before || view.completed(record) || (job.allow_failure && failed(view, record).is_some())
}

/// Whether a replica of a job is as good as it will be: done, or failed as it may.
pub fn counts(view: &ServiceView<'_>, record: Option<&ReplicaRecord>) -> bool {
    let allowed = view.job().is_some_and(|job| job.allow_failure);
    view.job().is_some() && (view.completed(record) || (allowed && failed(view, record).is_some()))
}

/// What is said of a container that ran to its end.
pub fn note(view: &ServiceView<'_>) -> &'static str {
    match view.job().map(|job| job.once) {
        Some(JobOnce::Image) => "Completed; it runs again when its image changes",
        Some(JobOnce::Project) => "Completed; it does not run again in this project",
        Some(JobOnce::Revision) | None => "Completed; it runs again when its revision changes",
    }
}
