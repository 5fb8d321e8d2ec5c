//! Putting what came of a plan, or of a long call, into the ledger.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::held::Subject;
use crate::model::id::{ContainerId, Revision, ServiceName};
use crate::model::image_update::{ImageCandidate, MOST_CANDIDATES};
use crate::model::ledger::{
    Brake, DriftRecord, ImageRecord, LastExit, ProjectLedger, ReloadFailure, ReplicaRecord,
};
use crate::model::operation::{Operation, OperationSubject};
use crate::model::outcome::{
    Effect, Failure, FailureClass, NodeOutcome, OperationReport, PassReport,
};
use crate::model::plan::{Action, ContainerRef, PlanNode};
use crate::model::policy::Policy;
use crate::model::reason::Reason;
use crate::model::revision::Verdict;
use crate::model::time::Timestamp;
use crate::planner::data::CONFIRMED;
use crate::planner::drift::{drift_key, is_over};
use crate::planner::probe::{self, probe_key};
use crate::planner::{after_checks, analysis, backups, data_restore, endpoints, hooks};
use crate::planner::{restore_drills, schedule_runs, stops};

/// Longest time that a registry may ask to be left alone: Docker's own counts in windows of six hours.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(6);
/// Longest memory of one run's log: lines, and characters of each.
const LOG_LINES: usize = 20;
/// See [`LOG_LINES`].
const LOG_WIDTH: usize = 500;

/// The ledger after a walk.
pub fn record(ledger: &ProjectLedger, report: &PassReport, policy: &Policy) -> ProjectLedger {
    let mut ledger = ledger.clone();
    let nodes = || report.plan.nodes.iter().zip(&report.outcomes);
    for (node, outcome) in nodes() {
        if let NodeOutcome::Succeeded(_) = outcome {
            succeeded(&mut ledger, node, report.at, policy);
            started(&mut ledger, node, report);
        }
    }
    hooks::record_begun(&mut ledger, report);
    schedule_runs::record_walk(&mut ledger, report);
    // Afterwards, so that what succeeded about the same subject does not forget it; several failures of a walk are one.
    let mut counted = BTreeSet::new();
    for (node, outcome) in nodes() {
        if let NodeOutcome::Failed(failure) | NodeOutcome::MaybeDone(failure) = outcome
            && (is_start(node, failure) || counted.insert(call_key(node)))
        {
            failed(&mut ledger, node, failure, report, policy);
        }
    }
    if report.plan.nodes.is_empty() && report.plan.waits().next().is_none() {
        ledger.converged_generation = ledger.generation;
    }
    ledger
}

/// What calls about a node count against: the same key as the draft looks up.
fn call_key(node: &PlanNode) -> String {
    match (&node.group, &node.action) {
        (_, Action::RemoveContainer { container, .. }) => remove_key(container),
        (Some(replica), _) => Subject::Replica(replica.clone()).to_string(),
        (None, Action::CreateNetwork(create)) => Subject::Network(create.name.clone()).to_string(),
        (None, Action::RemoveNetwork { name, .. }) => Subject::Network(name.clone()).to_string(),
        (None, Action::CreateVolume(create)) => {
            Subject::Volume(create.volume.name.clone()).to_string()
        }
        (
            None,
            Action::ConnectNetwork { container_name, .. }
            | Action::DisconnectNetwork { container_name, .. },
        ) => Subject::Container(container_name.clone()).to_string(),
        (None, Action::Begin(operation)) if operation.kind() != "stop" => {
            Subject::Image(node.action.object()).to_string()
        }
        (None, action) => format!("container:{}", action.object()),
    }
}

/// A start that failed for sure counts against the container, any other failure against the calls about its subject.
fn is_start(node: &PlanNode, failure: &Failure) -> bool {
    let lost = matches!(failure.class, FailureClass::Unreachable | FailureClass::Maybe);
    !lost && node.group.is_some() && matches!(node.action, Action::StartContainer { .. })
}

/// The version of the container that a node starts, if the same plan creates it.
fn created_revision(report: &PassReport, container: &ContainerRef) -> Option<Revision> {
    let ContainerRef::CreatedBy(creator) = container else { return None };
    let node = report.plan.nodes.iter().find(|node| node.id == *creator)?;
    let Action::CreateContainer(create) = &node.action else { return None };
    Some(create.revision.clone())
}

/// A new version starts with a clean sheet; what the old one said last stays readable, and what a job did stays done.
pub fn renew(record: &mut ReplicaRecord, revision: Option<Revision>) {
    let (last_exit, done) = (record.last_exit.take(), record.done.take());
    *record = ReplicaRecord { revision, last_exit, done, ..ReplicaRecord::default() };
}

/// A new container that was started is known from then on: if the engine goes before anybody has looked, its end was an
/// interruption and no completion.
fn started(ledger: &mut ProjectLedger, node: &PlanNode, report: &PassReport) {
    let (Action::StartContainer { container, .. }, Some(replica)) = (&node.action, &node.group)
    else {
        return;
    };
    let (ContainerRef::CreatedBy(creator), Some(revision)) =
        (container, created_revision(report, container))
    else {
        return;
    };
    let mut nodes = report.plan.nodes.iter().zip(&report.outcomes);
    let Some((_, NodeOutcome::Succeeded(Effect::Container(id)))) =
        nodes.find(|(node, _)| node.id == *creator)
    else {
        return;
    };
    let record = ledger.replicas.entry(replica.to_string()).or_default();
    if record.revision.as_ref() != Some(&revision) {
        renew(record, Some(revision));
    }
    record.started = Some(id.clone());
}

fn succeeded(ledger: &mut ProjectLedger, node: &PlanNode, at: Timestamp, policy: &Policy) {
    ledger.calls.remove(&call_key(node));
    stops::record(ledger, &node.action);
    if let Reason::Drift(changes) = &node.reason {
        let replica = node.group.as_ref().map(ToString::to_string).unwrap_or_default();
        for change in changes {
            let key = drift_key(&replica, change);
            let record = ledger.drift.entry(key.clone()).or_default();
            // Several nodes put the same change right in one walk: it counts once.
            let same_walk = record.count > 0 && record.last == at;
            let fresh = is_over(record, &key, at, policy);
            let count = if fresh { 1 } else { record.count + u32::from(!same_walk) };
            *record = DriftRecord { count, last: at };
        }
    }
    ledger.drift.retain(|key, record| !is_over(record, key, at, policy));
    let Some(record) = node.group.as_ref().map(ToString::to_string) else {
        return;
    };
    if let Action::Begin(operation) = &node.action {
        endpoints::begun(ledger, operation);
    }
    let record = ledger.replicas.entry(record).or_default();
    match (&node.action, &node.reason) {
        (
            Action::Begin(operation),
            Reason::Unhealthy { .. }
            | Reason::DependencyReplaced { .. }
            | Reason::OwnerRestarted { .. }
            | Reason::Scheduled(_)
            | Reason::StopAsked { .. }
            | Reason::Reread { .. },
        ) => {
            if let OperationSubject::Container(container) = operation.subject() {
                let rereads = matches!(node.reason, Reason::Reread { .. });
                let content = ledger.contents.get_mut(&container).filter(|_| rereads);
                let reloads = matches!(&**operation, Operation::Reload { .. });
                match content {
                    Some(content) if reloads => content.reloading = Some(content.wanted.clone()),
                    // The next run reads everything; this one may go on if the stop is lost.
                    Some(content) => content.rereading = Some(content.wanted.clone()),
                    None => {}
                }
                if !reloads {
                    record.restarting = Some(container);
                    record.stopped = matches!(node.reason, Reason::StopAsked { .. });
                }
            }
        }
        (Action::StartContainer { .. }, _) => {
            (record.restarting, record.stopped) = (None, false);
            record.counted.failed_start = None;
        }
        (Action::UpdateContainer { container, .. }, Reason::Brake { .. }) => {
            record.brake = Some(Brake { container: container.clone(), since: at });
        }
        (Action::UpdateContainer { .. }, Reason::BrakeReleased) => record.brake = None,
        _ => {}
    }
}

fn failed(
    ledger: &mut ProjectLedger,
    node: &PlanNode,
    failure: &Failure,
    report: &PassReport,
    policy: &Policy,
) {
    let at = report.at;
    if let (Action::StartContainer { container, .. }, true, Some(replica)) =
        (&node.action, is_start(node, failure), &node.group)
    {
        let record = ledger.replicas.entry(replica.to_string()).or_default();
        if let Some(revision) = created_revision(report, container)
            && record.revision.as_ref() != Some(&revision)
        {
            renew(record, Some(revision));
        }
        record.failures = record.failures.saturating_add(1);
        record.failing_since.get_or_insert(at);
        let wait = policy.crash.delay(record.failures.saturating_sub(1), replica.service.as_str());
        record.next_try = Some(at.plus(wait));
        record.counted.failed_start = Some(failure.message.clone());
        if let ContainerRef::Existing(id) = container {
            record.counted.container = Some(id.clone());
        }
        let error = failure.message.clone();
        record.last_exit =
            Some(LastExit { code: 128, at, oom_killed: false, error, log: Vec::new() });
        return;
    }
    count_call(ledger, &call_key(node), failure, (at, policy));
}

fn count_call(
    ledger: &mut ProjectLedger,
    key: &str,
    failure: &Failure,
    (at, policy): (Timestamp, &Policy),
) {
    let record = ledger.calls.entry(key.to_owned()).or_default();
    let wait = policy.call.delay(planted!("call-back-off-stays-short", record.failures, 0), key);
    // The policy answers the same until a person changes it or the manifest.
    let wait = if failure.class == FailureClass::Denied { policy.call.cap } else { wait };
    record.failures = record.failures.saturating_add(1);
    record.next_try = Some(at.plus(wait));
    record.error.clone_from(&failure.message);
}

/// The ledger after the end of a long call that the project began or waited for.
pub fn record_operation(
    ledger: &ProjectLedger,
    report: &OperationReport,
    policy: &Policy,
) -> ProjectLedger {
    let mut ledger = ledger.clone();
    match &report.subject {
        OperationSubject::Image(reference) => {
            let record = ledger.images.entry(reference.clone()).or_default();
            match &report.result {
                Ok(()) => {
                    // One that ran when it was asked for is not the one that was asked for.
                    let rebuild = record.rebuild.take().filter(|rebuild| !rebuild.begun);
                    *record =
                        ImageRecord { checked: Some(report.at), rebuild, ..Default::default() };
                }
                Err(failure) => {
                    if let Some(rebuild) = &mut record.rebuild {
                        rebuild.begun = false;
                    }
                    let wait = image_wait(record, reference, failure, policy);
                    record.failures = record.failures.saturating_add(1);
                    record.next_try = Some(report.at.plus(wait));
                    record.error.clone_from(&failure.message);
                    record.trouble = failure.pull_trouble();
                }
            }
        }
        OperationSubject::Analysis(_) => analysis::record_end(&mut ledger, report),
        OperationSubject::ImageCheck { service, .. } => {
            record_check(&mut ledger, service, report, policy);
        }
        OperationSubject::Exec(_) => schedule_runs::record_exec(&mut ledger, report),
        OperationSubject::Backup(_) => backups::record_end(&mut ledger, report, policy),
        OperationSubject::RestoreDrill(_) => {
            restore_drills::record_end(&mut ledger, report, policy);
        }
        OperationSubject::Restore(_) => data_restore::record_end(&mut ledger, report, policy),
        OperationSubject::Check(_) => after_checks::record_end(&mut ledger, report),
        OperationSubject::Hook(_) => hooks::record_end(&mut ledger, report, policy),
        OperationSubject::Probe(id) => {
            probe::record_end(&mut ledger, report);
            match &report.result {
                Ok(()) => drop(ledger.calls.remove(&probe_key(id))),
                Err(failure) => {
                    count_call(&mut ledger, &probe_key(id), failure, (report.at, policy));
                }
            }
        }
        OperationSubject::Container(id) if report.kind == "announce" => {
            endpoints::record_end(&mut ledger, id, (report, policy));
        }
        OperationSubject::Container(id) if report.kind == "reload" => {
            record_reload(&mut ledger, id, report, policy);
        }
        OperationSubject::Container(id) => match &report.result {
            Ok(()) => {
                ledger.calls.remove(&stop_key(id));
            }
            Err(failure) => {
                let mut records = ledger.replicas.values_mut();
                if let Some(record) = records.find(|record| record.restarting.as_ref() == Some(id))
                {
                    record.restarting = None;
                }
                count_call(&mut ledger, &stop_key(id), failure, (report.at, policy));
            }
        },
    }
    ledger
}

/// What a registry was found to offer. An answer to what is not asked any more counts for nothing.
fn record_check(
    ledger: &mut ProjectLedger,
    service: &ServiceName,
    report: &OperationReport,
    policy: &Policy,
) {
    let Some(record) = ledger.image_updates.get_mut(service) else { return };
    match (&report.result, &report.found) {
        (Ok(()), Some(found)) if found.policy == record.policy => {
            let before = std::mem::take(&mut record.found);
            let seen = |candidate: &ImageCandidate| {
                let known = before.iter().find(|one| one.reference == candidate.reference);
                known.map_or(report.at, |known| known.seen)
            };
            let found = found.candidates.iter().take(MOST_CANDIDATES);
            record.found =
                found.map(|one| ImageCandidate { seen: seen(one), ..one.clone() }).collect();
            record.checked = Some(report.at);
            (record.failures, record.next_try) = (0, None);
            record.error.clear();
        }
        (Ok(()), _) => {}
        (Err(failure), _) => {
            let tried = ImageRecord { failures: record.failures, ..ImageRecord::default() };
            let wait = image_wait(&tried, service.as_str(), failure, policy);
            record.failures = record.failures.saturating_add(1);
            record.next_try = Some(report.at.plus(wait));
            record.error.clone_from(&failure.message);
            record.trouble = failure.pull_trouble();
        }
    }
}

/// Time until the next try of an image. A registry that asks for fewer requests gets the longest back-off at once, and
/// more if it says so.
fn image_wait(
    record: &ImageRecord,
    reference: &str,
    failure: &Failure,
    policy: &Policy,
) -> Duration {
    let wait = policy.image.delay(record.failures, reference);
    let asked = failure.retry_after().map(|asked| asked.min(LONGEST_RETRY_AFTER));
    match (failure.class, asked) {
        (FailureClass::RateLimited | FailureClass::Denied, None) => policy.image.cap,
        (_, Some(asked)) => wait.max(asked),
        (_, None) => wait,
    }
}

fn record_reload(
    ledger: &mut ProjectLedger,
    id: &ContainerId,
    report: &OperationReport,
    policy: &Policy,
) {
    let Some(record) = ledger.contents.get_mut(id) else {
        return;
    };
    let Some(content) = record.reloading.take() else {
        return;
    };
    match &report.result {
        Ok(()) => {
            record.applied = content;
            record.failure = None;
        }
        Err(failure) => {
            let before = record.failure.as_ref().map_or(0, |before| before.failures);
            // What a check finds wrong seldom mends itself: the pace of pulls.
            let wait = policy.image.delay(before, id.as_str());
            record.failure = Some(ReloadFailure {
                content,
                failures: before.saturating_add(1),
                next_try: report.at.plus(wait),
                error: failure.message.clone(),
            });
        }
    }
}

/// Key under which failed stops of a container are counted: they end long after the walk that began them.
pub fn stop_key(container: &ContainerId) -> String {
    format!("stop:{container}")
}

/// Key under which failed removals of a container are counted: they may fail for long, and nothing else about its replica
/// waits for them or makes up for them.
pub fn remove_key(container: &ContainerId) -> String {
    format!("remove:{container}")
}

/// Containers that ended and whose last words are not in the ledger yet.
pub fn wanted_logs(ledger: &ProjectLedger) -> Vec<ContainerId> {
    let silent = ledger.replicas.values().filter(|record| {
        let exit = record.last_exit.as_ref();
        record.failures > 0 && exit.is_some_and(|exit| exit.log.is_empty() && exit.error.is_empty())
    });
    let steps = ledger.steps.values();
    let steps = steps.filter(|record| record.failure.is_some() && record.log.is_empty());
    let replicas = silent.filter_map(|record| record.counted.container.clone());
    let rejected = ledger.history.iter().filter_map(|one| match &one.verdict {
        Verdict::Rejected(failure) if failure.log.is_empty() => failure.container.clone(),
        _ => None,
    });
    let replicas = replicas.chain(rejected);
    let steps = steps.filter_map(|record| record.counted.clone());
    let checks = ledger.before_checks.values();
    let checks = checks.filter(|record| record.failure.is_some() && record.log.is_empty());
    let steps = steps.chain(checks.filter_map(|record| record.counted.clone()));
    let check = ledger.checks.iter().filter(|record| record.failures > 0 && record.log.is_empty());
    let steps = steps.chain(check.filter_map(|record| record.counted.clone()));
    replicas.chain(steps).chain(schedule_runs::wanted_logs(ledger)).collect()
}

/// The ledger with the last log lines of a container. A container that said nothing gets a line that says so, so that it
/// is not asked again.
pub fn record_logs(
    ledger: &ProjectLedger,
    container: &ContainerId,
    lines: &[String],
) -> ProjectLedger {
    let mut ledger = ledger.clone();
    let skipped = lines.len().saturating_sub(LOG_LINES);
    let cut = |line: &String| line.chars().take(LOG_WIDTH).collect::<String>();
    let mut log: Vec<String> = lines.iter().skip(skipped).map(cut).collect();
    if log.is_empty() {
        log.push("(no output)".to_owned());
    }
    for one in &mut ledger.history {
        if let Verdict::Rejected(failure) = &mut one.verdict
            && failure.container.as_ref() == Some(container)
        {
            failure.log.clone_from(&log);
        }
    }
    schedule_runs::record_logs(&mut ledger, container, &log);
    for record in ledger.before_checks.values_mut() {
        if record.counted.as_ref() == Some(container) {
            record.log.clone_from(&log);
        }
    }
    if let Some(record) = &mut ledger.checks
        && record.counted.as_ref() == Some(container)
    {
        record.log.clone_from(&log);
    }
    for record in ledger.steps.values_mut() {
        if record.counted.as_ref() == Some(container) {
            record.log.clone_from(&log);
        }
    }
    for record in ledger.replicas.values_mut() {
        if record.counted.container.as_ref() == Some(container)
            && let Some(exit) = record.last_exit.as_mut()
        {
            exit.log.clone_from(&log);
        }
    }
    ledger
}

/// A person wants a try now: back-offs are forgotten, counts and last words stay.
pub fn forget_backoffs(ledger: &ProjectLedger) -> ProjectLedger {
    let mut ledger = ledger.clone();
    ledger.calls.clear();
    ledger.drift.clear();
    backups::forget_backoffs(&mut ledger);
    ledger.replicas.values_mut().for_each(|record| record.next_try = None);
    ledger.contents.values_mut().for_each(|record| record.failure = None);
    let hooks = ledger.hooks.values_mut().map(|record| &mut record.failure);
    let steps = ledger.steps.values_mut().map(|record| &mut record.failure);
    let checks = ledger.before_checks.values_mut().map(|record| &mut record.failure);
    hooks.chain(steps).chain(checks).flatten().for_each(|failure| failure.next_try = None);
    ledger.images.values_mut().for_each(|record| {
        record.next_try = None;
        record.checked_for = String::from("asked");
    });
    let updates = ledger.image_updates.values_mut();
    updates.for_each(|record| (record.next_try, record.checked) = (None, None));
    ledger
}

/// A person confirmed what this project holds: adoption, and data that moved.
pub fn confirm(ledger: &ProjectLedger) -> ProjectLedger {
    let mut ledger = ledger.clone();
    ledger.adoption_confirmed = true;
    ledger.data_paths = [(CONFIRMED.to_owned(), ledger.digest.clone())].into();
    ledger
}
