//! Checks after a rollout: one after the other, once everything of a version is available. What passed is remembered with
//! the version; a check that fails for good is a failure of the version like any other.

use std::sync::Arc;

use crate::model::after_check::{AfterCheck, CheckRecord};
use crate::model::held::{Subject, WaitingOn};
use crate::model::ledger::ProjectLedger;
use crate::model::observed::{Lifecycle, ObservedContainer};
use crate::model::operation::{Operation, OperationSubject};
use crate::model::outcome::OperationReport;
use crate::model::plan::Action;
use crate::model::reason::Reason;
use crate::model::revision::{FailureCause, Verdict};
use crate::model::rollout::RolloutWait;
use crate::planner::draft::{Draft, Place};
use crate::planner::judgement::has_held;
use crate::planner::verdict::address;
use crate::planner::world::{ServiceView, World};

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

/// Notes which version the checks are about, and that one was cut by the end of the controller (part of
/// [`account`](super::account::account)).
pub fn remember(world: &World<'_>, ledger: &mut ProjectLedger) {
    let Some((_, _, mut record)) = due(world, ledger) else {
        return;
    };
    record.begun &= world.input.operations.contains_key(&subject(world, &record));
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
    let failed = of.service.name == view.service.name && record.failures > check.retries;
    failed.then(|| FailureCause::Check { name: check.name.clone(), error: record.error })
}

/// The first container of a service that runs.
pub fn asked<'a>(view: &ServiceView<'a>) -> Option<&'a ObservedContainer> {
    let mut current = view.slots.iter().filter_map(|slot| slot.current.as_ref());
    let runs = |one: &ObservedContainer| matches!(one.lifecycle, Lifecycle::Running { .. });
    current.find(|one| one.conformity.keeps() && runs(one.container)).map(|one| one.container)
}

/// Begins the check that is due, or says what it waits for.
pub fn plan_checks(world: &World<'_>, draft: &mut Draft<'_>) {
    let input = world.input;
    let open =
        input.ledger.history.back().is_some_and(|last| {
            last.verdict == Verdict::Open && last.digest == world.desired.digest
        });
    if !open || input.declared.is_some() || !has_held(world, input.ledger) {
        return;
    }
    let Some((view, check, record)) = due(world, input.ledger) else {
        return;
    };
    let (service, name) = (Subject::Service(view.service.name.clone()), check.name.clone());
    let about = subject(world, &record);
    let failures = record.failures;
    let waiting = WaitingOn::Rollout(if failures == 0 {
        RolloutWait::Check { name: name.clone() }
    } else {
        RolloutWait::CheckFailed { name: name.clone(), failures, error: record.error.clone() }
    });
    let pause = if failures > check.retries {
        // There is nothing to go back to.
        input
            .policy
            .crash
            .delay(failures - check.retries, view.service.name.as_str())
            .max(check.interval)
    } else {
        check.interval
    };
    let next = record.failed_at.map(|at| at.plus(pause)).filter(|next| *next > input.now);
    draft.hold(service.clone(), waiting, next);
    let OperationSubject::Check(key) = &about else { return };
    let container = asked(view);
    if next.is_some() || input.operations.contains_key(&about) {
        return;
    }
    let Some(container) = container else { return };
    let operation = Operation::Check {
        container: container.id.clone(),
        name: container.name.clone(),
        key: key.clone(),
        address: address(input, container),
        check: Arc::new(check.clone()),
    };
    let place = Place { subject: &service, after: Vec::new() };
    draft.push(place, Action::Begin(Box::new(operation)), Reason::Check { name, failures });
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
