//! Checks after a rollout: one after the other, once everything of a version is available. What passed is remembered with
//! the version; a check that fails for good is a failure of the version like any other.

use std::sync::Arc;
use std::time::Duration;

use crate::model::after_check::{AfterCheck, Asks, CheckRecord};
use crate::model::held::{Subject, WaitingOn};
use crate::model::hook::{PreStart, hide};
use crate::model::host_probe::Handler;
use crate::model::id::{ContainerName, SpecHash};
use crate::model::ledger::ProjectLedger;
use crate::model::observed::{Lifecycle, ObservedContainer};
use crate::model::operation::{Operation, OperationSubject};
use crate::model::outcome::OperationReport;
use crate::model::plan::Action;
use crate::model::reason::Reason;
use crate::model::revision::{FailureCause, Verdict};
use crate::model::rollout::RolloutWait;
use crate::model::secret::sha256_hex;
use crate::planner::create::Grounds;
use crate::planner::draft::{Draft, Place};
use crate::planner::judgement::has_held;
use crate::planner::verdict::address;
use crate::planner::world::{ServiceView, World};
use crate::planner::{one_offs, steps};

/// The checks of all services that are not held, in their order. Nothing runs of a job, or of no replicas, to be asked.
fn all<'w, 'a>(
    world: &'w World<'a>,
) -> impl Iterator<Item = (&'w ServiceView<'a>, &'a AfterCheck)> + 'w {
    let asked = |view: &&ServiceView<'_>| {
        !view.is_held(world) && view.job().is_none() && !view.slots.is_empty()
    };
    let services = world.services.iter().filter(asked);
    services.flat_map(|view| view.service.checks.iter().map(move |check| (view, check)))
}

/// The check that is due in a version, if one is left.
fn due<'w, 'a>(
    world: &'w World<'a>,
    ledger: &ProjectLedger,
) -> Option<(&'w ServiceView<'a>, &'a AfterCheck, CheckRecord)> {
    let last = ledger.history.back()?;
    let known = ledger.checks.clone().filter(|record| record.revision == last.number);
    let record =
        known.unwrap_or_else(|| CheckRecord { revision: last.number, ..CheckRecord::default() });
    let (view, check) = all(world).nth(usize::try_from(record.passed).ok()?)?;
    Some((view, check, record))
}

/// What the operation of the next check is about: the end of an earlier one says nothing about it.
fn subject(world: &World<'_>, record: &CheckRecord) -> OperationSubject {
    let (project, number) = (&world.desired.name, record.passed.saturating_add(1));
    OperationSubject::Check(format!("{project} revision {} check {number}", record.revision))
}

/// What identifies the container of a check in one version of the project; its label.
fn hash(record: &CheckRecord, step: &PreStart) -> SpecHash {
    let text = format!("after\n{}\n{}\n{}\n", record.revision, record.passed, step.digest());
    SpecHash::new(format!("v1:{}", sha256_hex([text.as_str()])))
}

/// Whether the newest version is what runs, and nobody knows yet whether it holds.
fn is_open(world: &World<'_>) -> bool {
    let last = world.input.ledger.history.back();
    let open = last
        .is_some_and(|last| last.verdict == Verdict::Open && last.digest == world.desired.digest);
    open && world.input.declared.is_none()
}

/// What identifies the container of the check of `view` that is due, if it has one of its own.
pub fn container_hash(world: &World<'_>, view: &ServiceView<'_>) -> Option<SpecHash> {
    if !is_open(world) {
        return None;
    }
    let (of, check, record) = due(world, world.input.ledger)?;
    match &check.asks {
        Asks::OneOff(step) if of.service.name == view.service.name => Some(hash(&record, step)),
        Asks::OneOff(_) | Asks::Replica(_) => None,
    }
}

/// Image of the check that is due, if it brings one.
pub fn image<'a>(world: &World<'a>, view: &ServiceView<'a>) -> Option<&'a str> {
    let (of, check, _) = due(world, world.input.ledger)?;
    match &check.asks {
        Asks::OneOff(step) if of.service.name == view.service.name => Some(&step.image),
        Asks::OneOff(_) | Asks::Replica(_) => None,
    }
}

/// Counts the end of the container of a check.
fn count(
    world: &World<'_>,
    (view, check, step): (&ServiceView<'_>, &AfterCheck, &PreStart),
    record: &mut CheckRecord,
) {
    let hash = hash(record, step);
    let Some(one) = one_offs::newest(&world.checks, &view.service.name, &hash) else {
        return;
    };
    let Some(end) = one_offs::end(one, check.timeout) else {
        return;
    };
    if record.counted.as_ref() == Some(&one.id) {
        return;
    }
    match end {
        // The next check has another hash: its container is not mistaken for this one.
        None => {
            let (revision, passed) = (record.revision, record.passed.saturating_add(1));
            *record = CheckRecord { revision, passed, ..CheckRecord::default() };
        }
        Some(error) => {
            record.counted = Some(one.id.clone());
            record.log.clear();
            record.failures = record.failures.saturating_add(1);
            record.failed_at = Some(world.input.now);
            record.error = error;
        }
    }
}

/// How a check failed last, with the last lines of its container, less the values that it was given.
fn told(check: &AfterCheck, record: &CheckRecord) -> String {
    let hidden = match &check.asks {
        Asks::OneOff(step) => step.run.hidden.as_slice(),
        Asks::Replica(_) => &[],
    };
    let lines = record.log.iter().map(|line| hide(line, hidden));
    std::iter::once(record.error.clone()).chain(lines).collect::<Vec<_>>().join("; ")
}

/// Notes which version the checks are about, and that one was cut by the end of the controller (part of
/// [`account`](super::account::account)).
pub fn remember(world: &World<'_>, ledger: &mut ProjectLedger) {
    let Some((view, check, mut record)) = due(world, ledger) else {
        return;
    };
    match &check.asks {
        Asks::Replica(_) => {
            record.begun &= world.input.operations.contains_key(&subject(world, &record));
        }
        Asks::OneOff(step) => count(world, (view, check, step), &mut record),
    }
    ledger.checks = Some(record);
}

/// Whether nothing is left to check in the newest version.
pub fn passed(world: &World<'_>, ledger: &ProjectLedger) -> bool {
    due(world, ledger).is_none()
}

/// Why the newest version failed, if a check of `view` is what did.
pub fn failure(
    world: &World<'_>,
    view: &ServiceView<'_>,
    ledger: &ProjectLedger,
) -> Option<FailureCause> {
    let (of, check, record) = due(world, ledger)?;
    let read = matches!(check.asks, Asks::Replica(_)) || !record.log.is_empty();
    let failed = of.service.name == view.service.name && record.failures > check.retries && read;
    failed.then(|| FailureCause::Check { name: check.name.clone(), error: told(check, &record) })
}

/// The first container of a service that runs.
pub fn asked<'a>(view: &ServiceView<'a>) -> Option<&'a ObservedContainer> {
    let mut current = view.slots.iter().filter_map(|slot| slot.current.as_ref());
    let runs = |one: &ObservedContainer| matches!(one.lifecycle, Lifecycle::Running { .. });
    current.find(|one| one.conformity.keeps() && runs(one.container)).map(|one| one.container)
}

/// Begins the check that is due, or says what it waits for.
pub fn plan_checks(world: &World<'_>, grounds: &Grounds, draft: &mut Draft<'_>) {
    let input = world.input;
    if !is_open(world) || !has_held(world, input.ledger) {
        return;
    }
    let Some((view, check, record)) = due(world, input.ledger) else {
        return;
    };
    let (service, name) = (Subject::Service(view.service.name.clone()), check.name.clone());
    let failures = record.failures;
    let waiting = WaitingOn::Rollout(if failures == 0 {
        RolloutWait::Check { name: name.clone() }
    } else {
        RolloutWait::CheckFailed { name: name.clone(), failures, error: told(check, &record) }
    });
    let next = record.failed_at.map(|at| at.plus(pause(world, view, check, failures)));
    let next = next.filter(|next| *next > input.now);
    let own = match &check.asks {
        Asks::OneOff(step) => newest(world, view, &record, step),
        Asks::Replica(_) => None,
    };
    let end = own.and_then(|one| one_offs::deadline(one, check.timeout));
    let over = end.is_some_and(|end| end <= input.now);
    draft.hold(service.clone(), waiting, next.or(end.filter(|_| !over)));
    if next.is_some() {
        return;
    }
    let reason = Reason::Check { name, failures };
    match (&check.asks, own) {
        (Asks::Replica(handler), _) => {
            ask(world, view, draft, (check, &record, handler), reason);
        }
        (Asks::OneOff(_), Some(one)) if over || !one.lifecycle.is_alive() => {
            one_offs::leave(draft, one, reason);
        }
        (Asks::OneOff(_), Some(_)) => {}
        (Asks::OneOff(step), None) => {
            run((world, grounds), view, draft, (&record, step), (service, reason));
        }
    }
}

fn newest<'a>(
    world: &World<'a>,
    view: &ServiceView<'_>,
    record: &CheckRecord,
    step: &PreStart,
) -> Option<&'a ObservedContainer> {
    one_offs::newest(&world.checks, &view.service.name, &hash(record, step))
}

/// From a failure to the next try. Longer each time if there is nothing to go back to.
fn pause(world: &World<'_>, view: &ServiceView<'_>, check: &AfterCheck, failures: u32) -> Duration {
    let beyond = failures.saturating_sub(check.retries);
    if beyond == 0 {
        return check.interval;
    }
    let delay = world.input.policy.crash.delay(beyond, view.service.name.as_str());
    delay.max(check.interval)
}

/// Begins to ask a replica.
fn ask(
    world: &World<'_>,
    view: &ServiceView<'_>,
    draft: &mut Draft<'_>,
    (check, record, handler): (&AfterCheck, &CheckRecord, &Arc<Handler>),
    reason: Reason,
) {
    let about = subject(world, record);
    let OperationSubject::Check(key) = &about else { return };
    let container = asked(view).filter(|_| !world.input.operations.contains_key(&about));
    let Some(container) = container else { return };
    let operation = Operation::Check {
        container: container.id.clone(),
        name: container.name.clone(),
        key: key.clone(),
        address: address(world.input, container),
        handler: Arc::clone(handler),
        timeout: check.timeout,
    };
    let service = Subject::Service(view.service.name.clone());
    let place = Place { subject: &service, after: Vec::new() };
    draft.push(place, Action::Begin(Box::new(operation)), reason);
}

/// Creates and starts the container of a check, once that of an earlier one is gone.
fn run(
    (world, grounds): (&World<'_>, &Grounds),
    view: &ServiceView<'_>,
    draft: &mut Draft<'_>,
    (record, step): (&CheckRecord, &PreStart),
    (subject, reason): (Subject, Reason),
) {
    let (project, service) = (&world.desired.name, &view.service.name);
    let number = record.passed.saturating_add(1);
    let name = ContainerName::new(format!("{project}-{service}-after-check-{number}"));
    if one_offs::is_free(world, draft, (&name, subject.clone()), &world.checks) {
        let what = steps::Run { hook: one_offs::CHECK, step, hash: &hash(record, step), name };
        steps::run((world, grounds), view, draft, what, (subject, reason));
    }
}

/// What was begun, or is about to be.
pub fn begun(ledger: &mut ProjectLedger, operation: &Operation, begun: bool) {
    if let (Operation::Check { .. }, Some(record)) = (operation, ledger.checks.as_mut()) {
        record.begun = begun;
    }
}

/// How a check ended. That of another version says nothing about the present one.
pub fn record_end(ledger: &mut ProjectLedger, report: &OperationReport) {
    let OperationSubject::Check(key) = &report.subject else {
        return;
    };
    let Some(record) = ledger.checks.as_mut().filter(|record| {
        let number = record.passed.saturating_add(1);
        record.begun && key.ends_with(&format!(" revision {} check {number}", record.revision))
    }) else {
        return;
    };
    record.begun = false;
    match &report.result {
        Ok(()) => {
            let (revision, passed) = (record.revision, record.passed.saturating_add(1));
            *record = CheckRecord { revision, passed, ..CheckRecord::default() };
        }
        Err(failure) => {
            record.failures = record.failures.saturating_add(1);
            record.failed_at = Some(report.at);
            record.error.clone_from(&failure.message);
        }
    }
}
