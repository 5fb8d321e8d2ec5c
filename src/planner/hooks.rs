//! Commands inside a container after its start: once for each run, in order, whoever started it.
//!
//! A hook that fails is a start that is not complete: the container goes on, those that depend on it wait, and the hook
//! is tried again after its back-off. What a try was about to do is in the ledger before it begins.

use crate::model::desired::{DependencyCondition, DesiredService};
use crate::model::held::WaitingOn;
use crate::model::hook::{HookCommand, HookKind, HookStep};
use crate::model::ledger::{HookFailure, HookRecord, ProjectLedger};
use crate::model::observed::{Lifecycle, ObservedContainer};
use crate::model::operation::{Operation, OperationSubject};
use crate::model::outcome::{NodeOutcome, OperationReport, PassReport, SkipReason};
use crate::model::plan::{Action, Plan};
use crate::model::policy::Policy;
use crate::model::reason::{HookTry, Reason};
use crate::model::time::Timestamp;
use crate::planner::after_checks;
use crate::planner::backups;
use crate::planner::data_restore;
use crate::planner::draft::{Draft, Place};
use crate::planner::input::PlanInput;
use crate::planner::probe;
use crate::planner::restore_drills;
use crate::planner::schedule_runs;
use crate::planner::slot::SlotContext;

/// Notes which run the hooks of a container are about (part of [`account`](super::account::account)).
pub fn remember(
    input: &PlanInput<'_>,
    service: &DesiredService,
    container: &ObservedContainer,
    ledger: &mut ProjectLedger,
) {
    if service.hooks.post_start.is_empty() {
        ledger.hooks.remove(&container.id);
        return;
    }
    let known = ledger.hooks.contains_key(&container.id);
    let record = ledger.hooks.entry(container.id.clone()).or_default();
    let subject = OperationSubject::Hook(container.id.clone());
    if record.begun && !input.operations.contains_key(&subject) {
        record.begun = false;
        record.interrupted = true;
    }
    let Lifecycle::Running { started_at } = container.lifecycle else {
        return;
    };
    if record.run != Some(started_at) {
        let complete = !known && was_up_before(input, container);
        *record = HookRecord { run: Some(started_at), complete, ..HookRecord::default() };
    }
    if usize::try_from(record.done).unwrap_or(usize::MAX) >= service.hooks.post_start.len() {
        record.complete = true;
        record.failure = None;
    }
}

/// Whether a run that is seen with hooks for the first time was on before it had any: the container was known without
/// them, or `docker compose` started it, and ran them itself.
fn was_up_before(input: &PlanInput<'_>, container: &ObservedContainer) -> bool {
    let mut replicas = input.ledger.replicas.values();
    container.claim.installation.is_none()
        || replicas.any(|record| record.counted.container.as_ref() == Some(&container.id))
}

/// The hook that is due for the present run of a container, by its index, with what is remembered of it.
fn due<'a>(
    ledger: &'a ProjectLedger,
    service: &DesiredService,
    container: &ObservedContainer,
) -> Option<(u32, &'a HookRecord)> {
    let Lifecycle::Running { started_at } = container.lifecycle else {
        return None;
    };
    let record = ledger.hooks.get(&container.id)?;
    let open = record.run == Some(started_at) && !record.complete;
    let left = usize::try_from(record.done).unwrap_or(usize::MAX) < service.hooks.post_start.len();
    (open && left).then_some((record.done, record))
}

/// Whether the hooks of the present run of a container have succeeded.
pub fn are_done(
    ledger: &ProjectLedger,
    service: &DesiredService,
    container: &ObservedContainer,
) -> bool {
    due(ledger, service, container).is_none()
}

/// Whether those that depend on a container need not wait for its hooks.
///
/// # Errors
/// What it is instead, in a word.
pub fn passed(
    ledger: &ProjectLedger,
    service: &DesiredService,
    container: &ObservedContainer,
    condition: DependencyCondition,
) -> Result<(), String> {
    match due(ledger, service, container) {
        Some(_) if condition == DependencyCondition::CompletedSuccessfully => Ok(()),
        Some((_, record)) if record.failure.is_some() => {
            Err("held by its post_start hook".to_owned())
        }
        Some(_) => Err("starting".to_owned()),
        None => Ok(()),
    }
}

/// Begins the hook that is due, or says what it waits for.
pub fn plan_post_start(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    container: &ObservedContainer,
) {
    let (input, service) = (context.world.input, context.view.service);
    let Some((index, record)) = due(input.ledger, service, container) else {
        return;
    };
    let hooks = &service.hooks.post_start;
    let Some(hook) = hooks.get(usize::try_from(index).unwrap_or(usize::MAX)) else {
        return;
    };
    let (step, subject) =
        (HookStep::new(HookKind::PostStart, index, hooks.len()), context.subject());
    if input.operations.contains_key(&OperationSubject::Hook(container.id.clone())) {
        return draft.hold(subject, WaitingOn::Hook(step), None);
    }
    if let Some((waiting, until)) = backs_off(record.failure.as_ref(), step, input.now) {
        return draft.hold(subject, waiting, Some(until));
    }
    let operation = Operation::PostStart {
        container: container.id.clone(),
        name: container.name.clone(),
        step,
        hook: Box::new(hook.clone()),
    };
    let before = match &record.failure {
        _ if record.interrupted => HookTry::Interrupted,
        Some(failure) => HookTry::Failed(failure.failures),
        None => HookTry::First,
    };
    let place = Place { subject: &subject, after: Vec::new() };
    draft.push(place, Action::Begin(Box::new(operation)), Reason::Hook { step, before });
}

/// The hold of a hook whose back-off is not over.
pub fn backs_off(
    failure: Option<&HookFailure>,
    step: HookStep,
    now: Timestamp,
) -> Option<(WaitingOn, Timestamp)> {
    let failure = failure?;
    let until = failure.next_try.filter(|next| *next > now)?;
    let (failures, error) = (failure.failures, failure.error.clone());
    Some((WaitingOn::HookFailed { step, failures, error }, until))
}

/// One failure more, with its back-off.
pub fn failed_again(
    before: Option<&HookFailure>,
    error: String,
    (at, policy, key): (Timestamp, &Policy, &str),
) -> HookFailure {
    let failures = before.map_or(0, |before| before.failures);
    let wait = policy.crash.delay(failures, key);
    let next_try = Some(at.plus(wait));
    HookFailure { failures: failures.saturating_add(1), next_try, error }
}

/// The ledger that says what `plan` is about to begin; written before it is carried out.
pub fn intend(ledger: &ProjectLedger, plan: &Plan) -> ProjectLedger {
    let mut ledger = ledger.clone();
    for node in &plan.nodes {
        begun(&mut ledger, &node.action, true);
    }
    schedule_runs::intend(&mut ledger, plan);
    backups::intend(&mut ledger, plan);
    restore_drills::intend(&mut ledger, plan);
    data_restore::intend(&mut ledger, plan);
    ledger
}

fn begun(ledger: &mut ProjectLedger, action: &Action, begun: bool) {
    let Action::Begin(operation) = action else {
        return;
    };
    probe::asked(ledger, operation, begun);
    if let Operation::Build { image, .. } = &**operation
        && let Some(record) = ledger.images.get_mut(image)
        && let Some(rebuild) = &mut record.rebuild
    {
        rebuild.begun = begun;
    }
    after_checks::begun(ledger, operation, begun);
    if let Operation::PostStart { container, .. } = &**operation
        && let Some(record) = ledger.hooks.get_mut(container)
    {
        record.begun = begun;
    }
}

/// Which hooks a walk began (part of [`record`](super::record::record)).
pub fn record_begun(ledger: &mut ProjectLedger, report: &PassReport) {
    for (node, outcome) in report.plan.nodes.iter().zip(&report.outcomes) {
        let runs = matches!(
            outcome,
            NodeOutcome::Succeeded(_) | NodeOutcome::Skipped(SkipReason::Running)
        );
        begun(ledger, &node.action, runs);
    }
}

/// How a hook ended. That of a run which is over says nothing about the present one.
pub fn record_end(ledger: &mut ProjectLedger, report: &OperationReport, policy: &Policy) {
    let OperationSubject::Hook(container) = &report.subject else {
        return;
    };
    let Some(record) = ledger.hooks.get_mut(container).filter(|record| record.begun) else {
        return;
    };
    record.begun = false;
    record.interrupted = false;
    match &report.result {
        Ok(()) => {
            record.done = record.done.saturating_add(1);
            record.failure = None;
        }
        Err(failure) => {
            let at = (report.at, policy, container.as_str());
            let failure = failed_again(record.failure.as_ref(), failure.message.clone(), at);
            record.failure = Some(failure);
        }
    }
}

/// What is run in a container before it is stopped: as its service says, or said last.
pub fn pre_stop(input: &PlanInput<'_>, container: &ObservedContainer) -> Vec<HookCommand> {
    let claim = &container.claim;
    let Some(name) = claim.service.as_ref().filter(|_| claim.hook.is_none()) else {
        return Vec::new();
    };
    let declared = input.desired.project().and_then(|project| project.services.get(name));
    match declared {
        Some(service) => service.hooks.pre_stop.clone(),
        None => input.pre_stop.get(name).cloned().unwrap_or_default(),
    }
}
