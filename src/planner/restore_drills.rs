//! Restore drills on a schedule: for each due time one, of the newest good backup; one at a time in a project and not beside
//! a backup, again after a back-off where one failed. The catalogue knows what was proven, the ledger which times were asked for and what failed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::calendar::Calendar;
use crate::model::backup_policy::{BackupCause, BackupRecord};
use crate::model::backup_set::SavedBackup;
use crate::model::desired::DesiredProject;
use crate::model::held::WaitingOn;
use crate::model::id::ServiceName;
use crate::model::ledger::ProjectLedger;
use crate::model::operation::{Operation, OperationSubject};
use crate::model::outcome::OperationReport;
use crate::model::plan::{Action, Plan};
use crate::model::policy::Policy;
use crate::model::reason::Reason;
use crate::model::restore_drill::{
    ProvenBackup, RestoreDrillCause, RestoreDrillPolicy, RestoreDrillRequest, RestoreDrillStatus,
    RestoreDrillWait,
};
use crate::model::time::Timestamp;
use crate::planner::backups::{
    GRACE, Standing, begin, due, files, forget_failure, good, key_of, record_end_in, subject_of,
};
use crate::planner::draft::{Draft, Place};
use crate::planner::input::PlanInput;
use crate::planner::world::World;

/// What is drilled by itself: backups of the whole project, or of one service.
#[derive(Clone, Copy, Debug)]
pub struct Drilled<'a> {
    /// The service; `None` is the whole project.
    pub service: Option<&'a ServiceName>,
    /// When.
    pub policy: &'a RestoreDrillPolicy,
}

impl<'a> Drilled<'a> {
    fn record(self, ledger: &ProjectLedger) -> Option<&BackupRecord> {
        ledger.restore_drills.get(&key_of(self.service))
    }

    /// The newest backup that was proven, and when it was.
    fn proven(self, input: &PlanInput<'a>) -> Option<(&'a SavedBackup, Timestamp)> {
        let mut saved = good(input, self.service);
        saved.find_map(|saved| Some((saved, saved.proven_of(self.service)?)))
    }

    /// When one was last proven, whichever that is.
    fn last_proof(self, input: &PlanInput<'a>) -> Option<Timestamp> {
        good(input, self.service).filter_map(|saved| saved.proven_of(self.service)).max()
    }

    /// The latest due time that should have its drill by now and has none.
    fn overdue(self, input: &PlanInput<'a>, record: &BackupRecord) -> Option<Timestamp> {
        let calendar = Calendar::new(&self.policy.when)?;
        let due = calendar.between(record.since, input.wall.minus(GRACE))?.latest;
        let lacking = self.last_proof(input).is_none_or(|at| at < due);
        // One of many services may go on for longer.
        let goes_on = record.begun.as_ref().and_then(BackupCause::due) == Some(due);
        (lacking && !goes_on).then_some(due)
    }

    /// Whether it is too late to begin the drill of a due time.
    fn is_missed(self, input: &PlanInput<'a>, due: Timestamp) -> bool {
        self.policy.deadline.is_some_and(|deadline| input.wall.since(due) > deadline)
    }

    /// The newest proven backup, if it is older than what is asked for.
    fn too_old(self, input: &PlanInput<'a>) -> Option<&'a SavedBackup> {
        let (saved, _) = self.proven(input)?;
        let old = |most: Duration| input.wall.since(saved.at) > most;
        self.policy.max_age.is_some_and(old).then_some(saved)
    }
}

/// Everything of a project that is drilled by itself, as its files say.
pub fn drilled(desired: &DesiredProject) -> impl Iterator<Item = Drilled<'_>> {
    desired.restore_drills().map(|(service, policy)| Drilled { service, policy })
}

/// Counts what became of due times (part of [`account`](super::account::account)). A due time has its drill when a backup
/// was proven after it, whoever did so.
pub fn remember(world: &World<'_>, ledger: &mut ProjectLedger) {
    let input = world.input;
    let running = OperationSubject::RestoreDrill(world.desired.name.clone());
    let running = input.operations.contains_key(&running);
    let mut kept = BTreeSet::new();
    for one in drilled(files(world)) {
        let record = ledger.restore_drills.entry(key_of(one.service)).or_default();
        begin(input, Some(&one.policy.when), record);
        if !running {
            // The controller ended while it went on: it is made again, and removes what the other left.
            record.begun = None;
        }
        let proof = one.last_proof(input);
        if proof >= record.failed {
            forget_failure(record);
        }
        if let Some(due) = due(input, Some(&one.policy.when), record) {
            let missed = record.begun.is_none() && one.is_missed(input, due.latest);
            if missed || proof.is_some_and(|at| at >= due.latest) {
                record.last = Some(due.latest);
            }
        }
        kept.insert(key_of(one.service));
    }
    ledger.restore_drills.retain(|key, _| kept.contains(key));
}

/// Begins the drill that is due, one at a time, and says what waits.
pub fn plan_restore_drills(world: &World<'_>, draft: &mut Draft<'_>) {
    let input = world.input;
    let name = &world.desired.name;
    let running = input.operations.contains_key(&OperationSubject::RestoreDrill(name.clone()));
    // Retention would take away what is tried.
    let mut taken = running
        || input.operations.contains_key(&OperationSubject::Backup(name.clone()))
        || draft.begins(|operation| matches!(operation, Operation::Backup(_)));
    for one in drilled(files(world)) {
        let view = one.service.and_then(|name| world.service(name));
        if view.is_some_and(|view| view.is_held(world)) {
            continue;
        }
        let default = BackupRecord::default();
        let record = one.record(input.ledger).unwrap_or(&default);
        foretell(input, one, record, draft);
        let Some(due) = due(input, Some(&one.policy.when), record) else { continue };
        let hold = |draft: &mut Draft<'_>, wait, until| {
            draft.hold(subject_of(one.service), WaitingOn::RestoreDrill(wait), until);
        };
        let next_try = record.next_try.filter(|next| *next > input.now);
        if record.failures > 0 {
            let (failures, error) = (record.failures, record.error.clone());
            hold(draft, RestoreDrillWait::Failed { failures, error }, next_try);
        }
        if running && record.begun.is_some() {
            hold(draft, RestoreDrillWait::Running, None);
        } else if next_try.is_none() {
            match good(input, one.service).next() {
                None => hold(draft, RestoreDrillWait::NoBackup, None),
                Some(_) if taken => hold(draft, RestoreDrillWait::Turn, None),
                Some(saved) => {
                    taken = true;
                    let backup = saved.id.clone();
                    let cause = RestoreDrillCause { due: due.latest, missed: due.before, backup };
                    make(world, one, draft, cause);
                }
            }
        }
    }
}

/// When the next one is due, and what is not proven.
fn foretell(input: &PlanInput<'_>, one: Drilled<'_>, record: &BackupRecord, draft: &mut Draft<'_>) {
    let mut hold = |wait, until| {
        draft.hold(subject_of(one.service), WaitingOn::RestoreDrill(wait), until);
    };
    let next = Calendar::new(&one.policy.when).and_then(|calendar| calendar.next(input.wall));
    if let Some(due) = next {
        let until = input.now.plus(due.since(input.wall));
        hold(RestoreDrillWait::Next { due }, Some(until));
    }
    if let Some(due) = one.overdue(input, record) {
        hold(RestoreDrillWait::Overdue { due }, None);
    } else if let Some(saved) = one.too_old(input) {
        hold(RestoreDrillWait::TooOld { backup: saved.id.clone(), at: saved.at }, None);
    }
}

fn make(world: &World<'_>, one: Drilled<'_>, draft: &mut Draft<'_>, cause: RestoreDrillCause) {
    let request = RestoreDrillRequest {
        project: Arc::new(files(world).clone()),
        service: one.service.cloned(),
        timeout: one.policy.timeout,
        cause: cause.clone(),
    };
    let action = Action::Begin(Box::new(Operation::RestoreDrill(Box::new(request))));
    let place = Place { subject: &subject_of(one.service), after: Vec::new() };
    draft.push(place, action, Reason::RestoreDrill(cause));
}

/// The ledger that says which drill `plan` is about to begin (part of [`intend`](super::hooks::intend)).
pub fn intend(ledger: &mut ProjectLedger, plan: &Plan) {
    for node in &plan.nodes {
        let Action::Begin(operation) = &node.action else { continue };
        let Operation::RestoreDrill(request) = &**operation else { continue };
        if let Some(record) = ledger.restore_drills.get_mut(&key_of(request.service.as_ref())) {
            record.begun = Some(request.cause.noted());
        }
    }
}

/// How a drill ended.
pub fn record_end(ledger: &mut ProjectLedger, report: &OperationReport, policy: &Policy) {
    record_end_in(&mut ledger.restore_drills, report, policy.restore_drill);
}

/// How a part stands.
pub fn standing(input: &PlanInput<'_>, one: Drilled<'_>) -> Standing {
    let default = BackupRecord::default();
    let record = one.record(input.ledger).unwrap_or(&default);
    let newest = one.proven(input).map(|(saved, at)| {
        let age = age(input.wall.since(at));
        format!("backup {} of {}, proven at {at}, {age} ago", saved.id, saved.at)
    });
    let last = newest.as_ref().map_or_else(
        || "no backup was proven yet".to_owned(),
        |newest| format!("the last proven one is {newest}"),
    );
    if record.failures > 0 {
        let message = format!("failure {}: {}; {last}", record.failures, record.error);
        return Standing { good: Some(false), reason: "DrillFailed", message };
    }
    let overdue = one.overdue(input, record);
    let overdue = overdue.map(|due| format!("none since the one that was due at {due}; {last}"));
    let old = || one.too_old(input).map(|_| format!("older than max_age allows: {last}"));
    if let Some(message) = overdue.or_else(old) {
        return Standing { good: Some(false), reason: "DrillOverdue", message };
    }
    match newest {
        Some(message) => Standing { good: Some(true), reason: "Proven", message },
        None => Standing { good: None, reason: "DrillPending", message: last },
    }
}

/// Whole days or hours: what is published must not change with each look.
fn age(time: Duration) -> String {
    let hours = time.as_secs() / 3600;
    match hours {
        0 => "less than 1 h".to_owned(),
        1..48 => format!("{hours} h"),
        _ => format!("{} d", hours / 24),
    }
}

/// What is published.
pub fn status(input: &PlanInput<'_>) -> Vec<RestoreDrillStatus> {
    let Some(desired) = input.declared.or(input.desired.project()) else { return Vec::new() };
    let status = |one: Drilled<'_>| RestoreDrillStatus {
        service: one.service.cloned(),
        when: one.policy.when.to_string(),
        next: Calendar::new(&one.policy.when).and_then(|calendar| calendar.next(input.wall)),
        proven: one.proven(input).map(|(saved, proven)| ProvenBackup {
            id: saved.id.clone(),
            at: saved.at,
            proven,
        }),
        failures: one.record(input.ledger).map_or(0, |record| record.failures),
    };
    drilled(desired).map(status).collect()
}
