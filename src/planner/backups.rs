//! Backups that are made without a person: for each due time one, and before updates; one at a time in a project, again
//! after a back-off where one failed. The catalogue is the memory of what was made; the ledger knows which times were asked for and what failed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::calendar::{Calendar, Due};
use crate::model::backup_policy::{
    BackupCause, BackupPolicy, BackupRecord, BackupRequest, BackupWait,
};
use crate::model::backup_set::{Origin, SavedBackup};
use crate::model::desired::DesiredProject;
use crate::model::held::{Subject, WaitingOn};
use crate::model::id::ServiceName;
use crate::model::ledger::ProjectLedger;
use crate::model::observed::{Lifecycle, ObservedContainer};
use crate::model::operation::{Operation, OperationSubject};
use crate::model::outcome::OperationReport;
use crate::model::plan::{Action, Plan};
use crate::model::policy::{Backoff, Policy};
use crate::model::reason::Reason;
use crate::model::revision::{ProjectRevision, Verdict};
use crate::model::schedule::When;
use crate::model::time::Timestamp;
use crate::planner::data_restore;
use crate::planner::draft::{Draft, Place};
use crate::planner::input::PlanInput;
use crate::planner::world::World;

/// A remembered instant that lies further ahead was written under a clock that was wrong.
pub const AHEAD: Duration = Duration::from_secs(3600);
/// A backup that is not there so long after its due time is overdue: a large dump takes its time.
pub const GRACE: Duration = Duration::from_secs(3600);

/// What is backed up by itself: the whole project, or one service.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The service; `None` is the whole project.
    pub service: Option<&'a ServiceName>,
    /// When.
    pub policy: &'a BackupPolicy,
}

impl<'a> Part<'a> {
    /// Services whose data goes back with a version that failed.
    pub fn restored(self) -> BTreeSet<ServiceName> {
        self.policy.restore_on_rollback.services(self.service)
    }

    /// What is remembered of it.
    pub fn record(self, ledger: &ProjectLedger) -> Option<&BackupRecord> {
        ledger.backups.get(&key_of(self.service))
    }

    /// Whether a backup holds it.
    pub fn is_in(self, saved: &SavedBackup) -> bool {
        holds(saved, self.service)
    }

    /// Its newest good backup.
    pub fn newest(self, input: &PlanInput<'a>) -> Option<&'a SavedBackup> {
        good(input, self.service).next()
    }
}

/// Whether a backup holds a service, or is one of the whole project (`None`). What a restore kept aside is of a state that
/// somebody wanted to be rid of.
fn holds(saved: &SavedBackup, service: Option<&ServiceName>) -> bool {
    let holds = match service {
        None => saved.service.is_none(),
        Some(service) => saved.services.contains(service),
    };
    holds && saved.origin != Origin::BeforeRestore
}

/// Good backups of a service or of the whole project, the newest first.
pub fn good<'a>(
    input: &PlanInput<'a>,
    service: Option<&'a ServiceName>,
) -> impl Iterator<Item = &'a SavedBackup> {
    let latest = input.wall.plus(AHEAD);
    let saved = input.facts.backups.iter().rev();
    saved.filter(move |saved| holds(saved, service) && saved.at <= latest)
}

/// The key of a part in the ledger.
pub fn key_of(service: Option<&ServiceName>) -> String {
    service.map_or_else(String::new, ToString::to_string)
}

/// What is held, of a part.
pub fn subject_of(service: Option<&ServiceName>) -> Subject {
    service.map_or(Subject::Project, |service| Subject::Service(service.clone()))
}

/// Everything of a project that is backed up by itself, as its files say.
pub fn parts(desired: &DesiredProject) -> impl Iterator<Item = Part<'_>> {
    desired.backup_policies().map(|(service, policy)| Part { service, policy })
}

/// What the files say, whatever runs.
pub fn files<'a>(world: &World<'a>) -> &'a DesiredProject {
    world.input.declared.unwrap_or(world.desired)
}

/// Counts what became of due times (part of [`account`](super::account::account)).
pub fn remember(world: &World<'_>, ledger: &mut ProjectLedger) {
    let input = world.input;
    let running = OperationSubject::Backup(world.desired.name.clone());
    let running = input.operations.contains_key(&running);
    let mut kept = BTreeSet::new();
    for part in parts(files(world)) {
        let record = ledger.backups.entry(key_of(part.service)).or_default();
        begin(input, part.policy.schedule.as_ref(), record);
        if !running {
            // The controller ended while it was made: what was cut off is not listed, and it is made again.
            record.begun = None;
        }
        let newest = part.newest(input).map(|saved| saved.at);
        if newest >= record.failed {
            forget_failure(record);
        }
        let due = due(input, part.policy.schedule.as_ref(), record);
        if let Some(due) = due {
            let missed = part.policy.deadline.is_some_and(|deadline| {
                record.begun.is_none() && input.wall.since(due.latest) > deadline
            });
            if missed || newest.is_some_and(|at| at >= due.latest) {
                record.last = Some(due.latest);
            }
        }
        kept.insert(key_of(part.service));
    }
    ledger.backups.retain(|key, _| kept.contains(key));
}

/// Times that are new begin now, as those of schedules.
pub fn begin(input: &PlanInput<'_>, when: Option<&When>, record: &mut BackupRecord) {
    let when = when.map(ToString::to_string).unwrap_or_default();
    let latest = record.last.unwrap_or_default().max(record.since);
    if record.when != when || latest > input.wall.plus(AHEAD) {
        record.when = when;
        record.since = input.wall;
        record.last = None;
    }
}

/// One was good.
pub fn forget_failure(record: &mut BackupRecord) {
    record.failures = 0;
    (record.failed, record.next_try) = (None, None);
    record.error.clear();
}

/// Due times for which nothing was made yet.
pub fn due(input: &PlanInput<'_>, when: Option<&When>, record: &BackupRecord) -> Option<Due> {
    let base = record.last.map_or(record.since, |last| last.max(record.since));
    Calendar::new(when?)?.between(base, input.wall)
}

/// Begins the backup that is due or that an update waits for, one at a time, and says what waits.
pub fn plan_backups(world: &World<'_>, draft: &mut Draft<'_>) {
    let input = world.input;
    let subject = OperationSubject::Backup(world.desired.name.clone());
    let running = input.operations.contains_key(&subject);
    // Nothing is saved of what is half restored.
    let mut taken = running || data_restore::is_pending(input.ledger);
    for part in parts(files(world)) {
        let view = part.service.and_then(|name| world.service(name));
        if view.is_some_and(|view| view.is_held(world)) {
            continue;
        }
        let default = BackupRecord::default();
        let record = part.record(input.ledger).unwrap_or(&default);
        let hold = |draft: &mut Draft<'_>, wait, until| {
            draft.hold(subject_of(part.service), WaitingOn::Backup(wait), until);
        };
        foretell(input, part, record, draft);
        let due = due(input, part.policy.schedule.as_ref(), record);
        let due = due.map(|due| BackupCause::Scheduled { due: due.latest, missed: due.before });
        let wanted = draft.wanted_backup(part.service).cloned();
        let wanted = wanted.map(|service| BackupCause::Update { service });
        let Some(cause) = due.or(wanted) else { continue };
        let next_try = record.next_try.filter(|next| *next > input.now);
        if record.failures > 0 {
            // Also while it is tried again: nothing is well before one is good.
            let (failures, error) = (record.failures, record.error.clone());
            hold(draft, BackupWait::Failed { failures, error }, next_try);
        }
        if running && record.begun.is_some() {
            hold(draft, BackupWait::Running, None);
        } else if next_try.is_none() && taken {
            hold(draft, BackupWait::Turn, None);
        } else if next_try.is_none() {
            taken = true;
            make(world, part, draft, cause);
        }
    }
}

/// When the next one is due, and what is overdue.
fn foretell(input: &PlanInput<'_>, part: Part<'_>, record: &BackupRecord, draft: &mut Draft<'_>) {
    let Some(calendar) = part.policy.schedule.as_ref().and_then(Calendar::new) else {
        return;
    };
    if let Some(due) = calendar.next(input.wall) {
        let until = input.now.plus(due.since(input.wall));
        let wait = WaitingOn::Backup(BackupWait::Next { due });
        draft.hold(subject_of(part.service), wait, Some(until));
    }
    if let Some(due) = overdue(input, part, record) {
        draft.hold(subject_of(part.service), WaitingOn::Backup(BackupWait::Overdue { due }), None);
    }
}

/// The latest due time that should have its backup by now and has none.
fn overdue(input: &PlanInput<'_>, part: Part<'_>, record: &BackupRecord) -> Option<Timestamp> {
    let calendar = Calendar::new(part.policy.schedule.as_ref()?)?;
    let due = calendar.between(record.since, input.wall.minus(GRACE))?.latest;
    let newest = part.newest(input).map(|saved| saved.at);
    newest.is_none_or(|at| at < due).then_some(due)
}

fn make(world: &World<'_>, part: Part<'_>, draft: &mut Draft<'_>, cause: BackupCause) {
    let project = files(world);
    let request = BackupRequest {
        project: Arc::new(project.clone()),
        service: part.service.cloned(),
        known: known(world, project),
        cause: cause.clone(),
    };
    let action = Action::Begin(Box::new(Operation::Backup(Box::new(request))));
    let place = Place { subject: &subject_of(part.service), after: Vec::new() };
    draft.push(place, action, Reason::Backup(cause));
}

/// Services that may hold data: a container of theirs has run, or the last version that held had them. One that is new and
/// waits for its first start has none, and must not be in the way of a backup.
fn known(world: &World<'_>, project: &DesiredProject) -> BTreeSet<ServiceName> {
    let ran = |one: &&ObservedContainer| !matches!(one.lifecycle, Lifecycle::Created { .. });
    let seen = world.input.observed.containers.iter().filter(ran);
    let seen = seen.filter_map(|one| one.claim.service.clone());
    let is_stable = |one: &&ProjectRevision| matches!(one.verdict, Verdict::Stable { .. });
    let stable = world.input.ledger.history.iter().rev().find(is_stable);
    let stable = stable.into_iter().flat_map(|one| one.services.keys().cloned());
    let all: BTreeSet<ServiceName> = seen.chain(stable).collect();
    project.services.keys().filter(|name| all.contains(*name)).cloned().collect()
}

/// The ledger that says which backup `plan` is about to begin (part of [`intend`](super::hooks::intend)).
pub fn intend(ledger: &mut ProjectLedger, plan: &Plan) {
    for node in &plan.nodes {
        let Action::Begin(operation) = &node.action else { continue };
        let Operation::Backup(request) = &**operation else { continue };
        if let Some(record) = ledger.backups.get_mut(&key_of(request.service.as_ref())) {
            record.begun = Some(request.cause.clone());
        }
    }
}

/// How a backup ended.
pub fn record_end(ledger: &mut ProjectLedger, report: &OperationReport, policy: &Policy) {
    record_end_in(&mut ledger.backups, report, policy.backup);
}

/// How the one of these that was begun ended.
pub fn record_end_in(
    records: &mut BTreeMap<String, BackupRecord>,
    report: &OperationReport,
    backoff: Backoff,
) {
    let begun = records.iter_mut().find(|(_, record)| record.begun.is_some());
    let Some((key, record)) = begun else { return };
    let cause = record.begun.take();
    match &report.result {
        Ok(()) => {
            forget_failure(record);
            if let Some(BackupCause::Scheduled { due, .. }) = cause {
                record.last = record.last.max(Some(due));
            }
        }
        Err(failure) => {
            record.next_try = Some(report.at.plus(backoff.delay(record.failures, key)));
            record.failures = record.failures.saturating_add(1);
            record.failed = Some(report.at);
            record.error.clone_from(&failure.message);
        }
    }
}

/// A person wants a try now.
pub fn forget_backoffs(ledger: &mut ProjectLedger) {
    let records = ledger.backups.values_mut().chain(ledger.restore_drills.values_mut());
    records.for_each(|record| record.next_try = None);
    data_restore::forget_backoffs(ledger);
}

/// What is said of a part: whether it is backed up, a word, and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// `None`: nobody knows yet.
    pub good: Option<bool>,
    /// One word in CamelCase.
    pub reason: &'static str,
    /// A sentence.
    pub message: String,
}

/// How a part stands.
pub fn standing(input: &PlanInput<'_>, part: Part<'_>) -> Standing {
    let default = BackupRecord::default();
    let record = part.record(input.ledger).unwrap_or(&default);
    let newest = part.newest(input).map(|saved| {
        let proven = saved.proven_of(part.service);
        let proven = proven.map_or_else(String::new, |at| format!(", proven at {at}"));
        format!("backup {} of {}{proven}", saved.id, saved.at)
    });
    let last = newest.as_ref().map_or_else(
        || "no good backup is known".to_owned(),
        |newest| format!("the last good one is {newest}"),
    );
    if record.failures > 0 {
        let message = format!("failure {}: {}; {last}", record.failures, record.error);
        return Standing { good: Some(false), reason: "BackupFailed", message };
    }
    if let Some(due) = overdue(input, part, record) {
        let message = format!("none since the one that was due at {due}; {last}");
        return Standing { good: Some(false), reason: "BackupOverdue", message };
    }
    match newest {
        Some(message) => Standing { good: Some(true), reason: "BackedUp", message },
        None => Standing { good: None, reason: "BackupPending", message: last },
    }
}
