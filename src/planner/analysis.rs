//! Automatic analysis of a version that is not promoted yet: which measurement is due, what came of it, and what that means.

use std::net::IpAddr;

use crate::model::analysis::{AnalysisKey, AnalysisTarget, Check, Measure, Measurement};
use crate::model::held::Subject;
use crate::model::ledger::{AnalysisRecord, ProjectLedger};
use crate::model::observed::{Lifecycle, ObservedContainer};
use crate::model::operation::{Operation, OperationSubject};
use crate::model::outcome::{FailureClass, OperationReport};
use crate::model::plan::Action;
use crate::model::reason::Reason;
use crate::model::rollout::StepGoal;
use crate::model::strategy::Step;
use crate::model::time::Timestamp;
use crate::planner::draft::{Draft, Place};
use crate::planner::strategy::{Stage, candidates, stage};
use crate::planner::verdict::address;
use crate::planner::world::{ServiceView, World};

/// Begin of the keys of what is measured at every step.
const BACKGROUND: &str = "background";

/// The checks that are under way, with their keys.
fn under_way<'a>(stage: &Stage<'a>) -> Vec<(String, &'a Check)> {
    let step = stage.record.step;
    let own: &[Check] = match stage.strategy.step(step) {
        Some(Step::Analysis(checks)) => checks,
        _ => &[],
    };
    let own = own.iter().enumerate().map(move |(place, check)| (format!("{step}/{place}"), check));
    let all = stage.strategy.background.iter().enumerate();
    // The first step brings up what is measured.
    let all = all.filter(|_| step > 0);
    own.chain(all.map(|(place, check)| (format!("{BACKGROUND}/{place}"), check))).collect()
}

/// When the next measurement of a check is due; `None`: there is none.
fn due(check: &Check, record: Option<&AnalysisRecord>, begin: Timestamp) -> Option<Timestamp> {
    match record {
        Some(record) if check.count.is_some_and(|count| record.measured >= count) => None,
        Some(AnalysisRecord { last: Some(last), .. }) => Some(last.plus(check.interval)),
        _ => Some(begin.plus(check.initial_delay)),
    }
}

/// The containers of the new version that run.
fn measured<'w>(view: &ServiceView<'w>, stage: &Stage<'_>) -> Vec<&'w ObservedContainer> {
    let slots = candidates(view, stage.candidates);
    let current = slots.filter_map(|slot| slot.current.as_ref());
    let kept = current.filter(|one| one.conformity.keeps()).map(|one| one.container);
    kept.filter(|one| matches!(one.lifecycle, Lifecycle::Running { .. })).collect()
}

/// Plans the measurements that are due.
pub fn plan_checks(
    world: &World<'_>,
    view: &ServiceView<'_>,
    stage: &Stage<'_>,
    draft: &mut Draft<'_>,
) {
    let containers = measured(view, stage);
    let Some(revision) = view.revision().filter(|_| !containers.is_empty()) else {
        return;
    };
    for (check, written) in under_way(stage) {
        let due = due(written, stage.record.checks.get(&check), stage.record.since);
        let asks = !matches!(written.measure, Measure::Restarts { .. });
        if due.is_none_or(|due| due > world.input.now) || !asks {
            continue;
        }
        let target = |one: &&ObservedContainer| AnalysisTarget {
            container: one.id.clone(),
            name: one.name.clone(),
            address: address(world.input, one),
        };
        let measurement = Measurement {
            measure: written.measure.clone(),
            timeout: written.timeout,
            targets: containers.iter().map(target).collect(),
            server: server(world, &written.measure),
            inconclusive: written.inconclusive,
        };
        let key = AnalysisKey {
            project: world.desired.name.clone(),
            service: view.service.name.clone(),
            revision: revision.clone(),
            check: check.clone(),
        };
        let operation = Operation::Analyse { key, measurement: Box::new(measurement) };
        let subject = Subject::Service(view.service.name.clone());
        let place = Place { subject: &subject, after: Vec::new() };
        draft.push(place, Action::Begin(Box::new(operation)), Reason::AnalysisDue { check });
    }
}

/// Where the server of a query is, if it is a service of the project.
fn server(world: &World<'_>, measure: &Measure) -> Option<IpAddr> {
    let Measure::Prometheus(query) = measure else {
        return None;
    };
    let view = world.services.iter().find(|view| view.service.name.as_str() == query.host)?;
    let mut slots = view.slots.iter().flat_map(|slot| slot.current.iter().chain(&slot.old));
    slots.find_map(|one| address(world.input, one.container))
}

/// Counts restarts, which are seen and need not be asked for (part of
/// [`rollout::remember`](super::rollout::remember)).
pub fn remember(world: &World<'_>, view: &ServiceView<'_>, ledger: &mut ProjectLedger) {
    let now = world.input.now;
    let Some(stage) = stage(ledger, view) else { return };
    let slots = candidates(view, stage.candidates);
    let restarts: u32 = slots
        .filter_map(|slot| {
            let current = slot.current.as_ref().filter(|one| one.conformity.keeps())?;
            let record = ledger.replicas.get(&slot.replica.to_string());
            let failures = record.filter(|record| record.revision == view.revision());
            let failures = failures.map_or(0, |record| record.failures);
            Some(current.container.restart_count.max(failures))
        })
        .sum();
    let mut counted: Vec<(String, Result<(), String>)> = Vec::new();
    for (key, check) in under_way(&stage) {
        let Measure::Restarts { max } = check.measure else { continue };
        let due = due(check, stage.record.checks.get(&key), stage.record.since);
        // Too many are too many at any time.
        if restarts > max {
            counted.push((key, Err(format!("{restarts} restarts or failures, {max} are allowed"))));
        } else if due.is_some_and(|due| due <= now) {
            counted.push((key, Ok(())));
        }
    }
    let record = ledger.rollouts.get_mut(&view.service.name);
    let Some(record) = record.and_then(|record| record.strategy.as_mut()) else { return };
    for (key, result) in counted {
        let check = record.checks.entry(key).or_default();
        if check.last == Some(now) {
            continue;
        }
        match result {
            Ok(()) => note(check, now),
            // Time does not mend it: it has failed, whatever is put up with.
            Err(_) if check.failures == u32::MAX => {}
            Err(error) => {
                note(check, now);
                (check.failures, check.error) = (u32::MAX, error);
            }
        }
    }
}

fn note(check: &mut AnalysisRecord, at: Timestamp) {
    check.measured = check.measured.saturating_add(1);
    check.last = Some(at);
}

/// What came of a measurement (part of [`record_operation`](super::record::record_operation)). One of a step that is over says
/// nothing.
pub fn record_end(ledger: &mut ProjectLedger, report: &OperationReport) {
    let OperationSubject::Analysis(key) = &report.subject else {
        return;
    };
    let rollout = ledger.rollouts.get_mut(&key.service);
    let rollout = rollout.filter(|rollout| rollout.revision == key.revision);
    let Some(record) = rollout.and_then(|rollout| rollout.strategy.as_mut()) else {
        return;
    };
    let step = key.check.split('/').next().unwrap_or_default();
    if step != BACKGROUND && step != record.step.to_string() {
        return;
    }
    let check = record.checks.entry(key.check.clone()).or_default();
    note(check, report.at);
    if let Err(failure) = &report.result {
        check.error.clone_from(&failure.message);
        if failure.class == FailureClass::Invalid {
            check.failures = check.failures.saturating_add(1);
        }
    }
}

/// Why a new version is not good enough, if it was measured so.
pub fn failure(ledger: &ProjectLedger, view: &ServiceView<'_>) -> Option<String> {
    let stage = stage(ledger, view)?;
    under_way(&stage).into_iter().find_map(|(key, check)| {
        let record = stage.record.checks.get(&key)?;
        let failed = record.failures > check.failure_limit;
        failed.then(|| format!("{} {key}: {}", check.measure, record.error))
    })
}

/// What an analysis waits for, and until when; `None`: all of it is good.
pub fn goal(
    (world, ledger): (&World<'_>, &ProjectLedger),
    view: &ServiceView<'_>,
    stage: &Stage<'_>,
) -> (Option<StepGoal>, Option<Timestamp>) {
    let step = stage.record.step.to_string();
    let own = |(key, _): &(String, &Check)| key.split('/').next() == Some(step.as_str());
    let (mut measured, mut needed, mut error) = (0, 0, String::new());
    let mut until = None;
    for (key, check) in under_way(stage).into_iter().filter(own) {
        let record = stage.record.checks.get(&key);
        let count = check.count.unwrap_or(1);
        needed += count;
        measured += record.map_or(0, |record| record.measured.min(count));
        if let Some(record) = record.filter(|record| !record.error.is_empty()) {
            error.clone_from(&record.error);
        }
        let next = due(check, record, stage.record.since).filter(|due| *due > world.input.now);
        until = [until, next].into_iter().flatten().min();
    }
    if measured >= needed && failure(ledger, view).is_none() {
        return (None, None);
    }
    (Some(StepGoal::Analysis { measured, needed, error }), until)
}

/// When a measurement that nothing else waits for is due next.
pub fn due_at(world: &World<'_>, ledger: &ProjectLedger) -> Option<Timestamp> {
    let now = world.input.now;
    let instants = world.services.iter().filter_map(|view| {
        let stage = stage(ledger, view)?;
        let checks = under_way(&stage).into_iter();
        let next = checks.filter_map(|(key, check)| {
            due(check, stage.record.checks.get(&key), stage.record.since)
        });
        next.filter(|due| *due > now).min()
    });
    instants.min()
}
