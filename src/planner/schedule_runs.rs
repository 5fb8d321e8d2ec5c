//! What is remembered of schedules: which due times were begun, what became of each run, and what a success brings.

use crate::calendar::Calendar;
use crate::model::held::Subject;
use crate::model::id::ContainerId;
use crate::model::ledger::{ProjectLedger, ReplicaRecord};
use crate::model::observed::{Lifecycle, ObservedContainer};
use crate::model::operation::{Operation, OperationSubject};
use crate::model::outcome::{NodeOutcome, OperationReport, PassReport};
use crate::model::plan::{Action, Plan};
use crate::model::reason::Reason;
use crate::model::schedule::{
    EndedRun, FollowUp, MOST_ACTIVE, MOST_HISTORY, RunEnd, Schedule, ScheduleRecord, ScheduledRun,
    ScheduledStep, Work,
};
use crate::model::time::Timestamp;
use crate::planner::input::PlanInput;
use crate::planner::names;
use crate::planner::world::{ServiceView, World};

/// A remembered instant that lies further ahead was written under a clock that was wrong.
const AHEAD: std::time::Duration = std::time::Duration::from_secs(3600);

/// What is looked at of one schedule.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a, 'w> {
    /// The project.
    pub world: &'a World<'w>,
    /// The service.
    pub view: &'a ServiceView<'w>,
    /// The schedule.
    pub schedule: &'a Schedule,
}

impl<'w> Look<'_, 'w> {
    /// Its key in the ledger.
    pub fn key(&self) -> String {
        key(self.view.service.name.as_str(), &self.schedule.name)
    }

    /// The subject of its holds and commands.
    pub fn subject_of_holds(&self) -> Subject {
        let service = self.view.service.name.clone();
        Subject::Schedule { service, name: self.schedule.name.clone() }
    }

    /// Containers of its runs.
    pub fn containers(&self) -> impl Iterator<Item = (Timestamp, &'w ObservedContainer)> {
        let work = matches!(self.schedule.work, Work::Container);
        let all = self.world.runs.iter().copied().filter(move |_| work);
        let service = self.view.service.name.clone();
        all.filter_map(move |one| {
            let own = one.claim.service.as_ref() == Some(&service);
            Some((one.claim.due.filter(|_| own)?, one))
        })
    }

    /// The container of a run.
    pub fn container(&self, run: &ScheduledRun) -> Option<&'w ObservedContainer> {
        self.containers().find(|(due, _)| *due == run.due).map(|(_, one)| one)
    }

    /// What its command is about in the table of operations.
    pub fn subject(&self, due: Timestamp) -> OperationSubject {
        OperationSubject::Exec(run_name(&self.key(), due))
    }
}

/// Key of a schedule in the ledger.
pub fn key(service: &str, name: &str) -> String {
    if name.is_empty() { service.to_owned() } else { format!("{service}/{name}") }
}

/// One run, as the table of operations knows it.
pub fn run_name(key: &str, due: Timestamp) -> String {
    format!("{key} {due}")
}

/// Counts what happened to the runs of a service (part of [`account`](super::account::account)).
pub fn remember(
    input: &PlanInput<'_>,
    world: &World<'_>,
    view: &ServiceView<'_>,
    ledger: &mut ProjectLedger,
) {
    for schedule in &view.service.schedules {
        let look = Look { world, view, schedule };
        let mut record = ledger.schedules.remove(&look.key()).unwrap_or_default();
        begin(input, schedule, &mut record);
        adopt(look, &mut record);
        let runs = std::mem::take(&mut record.active);
        for run in runs {
            match progress(input, look, run) {
                Progress::Goes(run) => record.active.push(*run),
                Progress::Ends(ended) => {
                    let name = names::run_name(world.desired, view.service, ended.due);
                    ledger.calls.remove(&Subject::Container(name).to_string());
                    record.history.push_back(*ended);
                }
            }
        }
        pass_over(input, schedule, &mut record);
        succeed(ledger, schedule, &mut record);
        trim(schedule, &mut record);
        follow(world, &mut record);
        ledger.schedules.insert(look.key(), record);
    }
}

/// Forgets schedules that are not declared.
pub fn forget(world: &World<'_>, ledger: &mut ProjectLedger) {
    let services = world.services.iter().map(|view| view.service);
    let keys = services.flat_map(|service| {
        service.schedules.iter().map(|schedule| key(service.name.as_str(), &schedule.name))
    });
    let keys: std::collections::BTreeSet<String> = keys.collect();
    ledger.schedules.retain(|key, _| keys.contains(key));
}

/// A schedule that is new or has other times begins now.
fn begin(input: &PlanInput<'_>, schedule: &Schedule, record: &mut ScheduleRecord) {
    let when = schedule.when.to_string();
    let latest = record.last.unwrap_or_default().max(record.since);
    if record.when != when || latest > input.wall.plus(AHEAD) {
        record.when = when;
        record.since = input.wall;
        record.last = None;
    }
}

/// Runs that only their containers tell of: the state directory was lost, or could not be written.
fn adopt(look: Look<'_, '_>, record: &mut ScheduleRecord) {
    let last = record.last;
    let mut found: Vec<(Timestamp, Timestamp)> =
        look.containers().map(|(due, one)| (due, one.created_at)).collect();
    found.sort();
    for (due, created) in found {
        let known = record.active.iter().any(|run| run.due == due)
            || record.history.iter().any(|run| run.due == due);
        if !known && last.is_none_or(|last| due > last) {
            record.active.push(ScheduledRun::new(due, created));
            record.last = record.last.max(Some(due));
        }
    }
}

enum Progress {
    Goes(Box<ScheduledRun>),
    Ends(Box<EndedRun>),
}

fn progress(input: &PlanInput<'_>, look: Look<'_, '_>, mut run: ScheduledRun) -> Progress {
    let over = |run: &ScheduledRun, end, error: &str| {
        Progress::Ends(Box::new(ended(run, input.now, end, error)))
    };
    if let Work::Exec { .. } = look.schedule.work {
        let runs = input.operations.contains_key(&look.subject(run.due));
        return if run.begun && !runs {
            over(&run, RunEnd::Unknown, "the controller ended while its command ran")
        } else {
            Progress::Goes(Box::new(run))
        };
    }
    let Some(container) = look.container(&run) else {
        let superseded = Calendar::new(&look.schedule.when)
            .is_some_and(|calendar| calendar.between(run.due, input.wall).is_some());
        return if run.container.is_some() {
            over(&run, RunEnd::Failed, "its container was removed")
        } else if superseded {
            over(&run, RunEnd::Missed, "its container could not be created in time")
        } else {
            Progress::Goes(Box::new(run))
        };
    };
    if run.container.is_none() {
        run.began = container.created_at;
    }
    run.container = Some(container.id.clone());
    match &container.lifecycle {
        Lifecycle::Exited(exit) if run.counted != exit.finished_at => {
            run.counted = exit.finished_at;
            let at = exit.finished_at.unwrap_or(input.now);
            tried(input, look, run, (exit.code, at))
        }
        Lifecycle::Created { failure: Some(failure) } => {
            let mut ended = ended(&run, input.now, RunEnd::Failed, &failure.error);
            ended.exit_code = Some(failure.exit_code);
            Progress::Ends(Box::new(ended))
        }
        Lifecycle::Dead => over(&run, RunEnd::Failed, "its container is dead"),
        _ => Progress::Goes(Box::new(run)),
    }
}

/// A try that ended.
fn tried(
    input: &PlanInput<'_>,
    look: Look<'_, '_>,
    mut run: ScheduledRun,
    (code, at): (i64, Timestamp),
) -> Progress {
    let end = match run.stopping {
        Some(why) => why,
        None if code == 0 => RunEnd::Complete,
        None => RunEnd::Failed,
    };
    if end == RunEnd::Failed && run.failures < look.schedule.retries {
        let wait = input.policy.job.delay(run.failures, &look.key());
        run.failures = run.failures.saturating_add(1);
        run.next_try = Some(at.plus(wait));
        return Progress::Goes(Box::new(run));
    }
    let mut ended = ended(&run, at, end, "");
    ended.exit_code = Some(code);
    Progress::Ends(Box::new(ended))
}

fn ended(run: &ScheduledRun, at: Timestamp, end: RunEnd, error: &str) -> EndedRun {
    EndedRun {
        due: run.due,
        began: Some(run.began),
        ended: at,
        end,
        exit_code: None,
        error: error.to_owned(),
        container: run.container.clone(),
        log: Vec::new(),
        followed: false,
    }
}

/// What follows the successes that are new is noted, or done where it is only a matter of memory.
fn succeed(ledger: &mut ProjectLedger, schedule: &Schedule, record: &mut ScheduleRecord) {
    let mut new = record.history.iter_mut().filter(|run| !run.followed).peekable();
    if new.peek().is_none() {
        return;
    }
    let good = new.fold(false, |good, run| {
        run.followed = true;
        good || run.end == RunEnd::Complete
    });
    for step in schedule.on_success.iter().filter(|_| good) {
        match step {
            FollowUp::Job(service) => rerun(ledger, service.as_str()),
            other => drop(record.follow_ups.insert(other.clone())),
        }
    }
}

/// A job runs again although it succeeded, or failed for good.
fn rerun(ledger: &mut ProjectLedger, service: &str) {
    let of = |key: &str| key.rsplit_once(':').is_some_and(|(name, _)| name == service);
    for (_, record) in ledger.replicas.iter_mut().filter(|(key, _)| of(key)) {
        let ReplicaRecord { revision, counted, last_exit, .. } = std::mem::take(record);
        let restarting = counted.container.clone();
        *record = ReplicaRecord { revision, counted, last_exit, restarting, ..Default::default() };
    }
}

/// A due time that is older than the deadline has no run.
fn pass_over(input: &PlanInput<'_>, schedule: &Schedule, record: &mut ScheduleRecord) {
    let Some(deadline) = schedule.deadline else {
        return;
    };
    let base = base(record);
    let due = Calendar::new(&schedule.when).and_then(|one| one.between(base, input.wall));
    let Some(due) = due.filter(|due| input.wall.since(due.latest) > deadline) else {
        return;
    };
    let run = ScheduledRun::new(due.latest, input.now);
    let mut missed = ended(&run, input.now, RunEnd::Missed, "older than its deadline");
    missed.began = None;
    record.history.push_back(missed);
    record.last = Some(due.latest);
}

/// After which instant due times count.
pub fn base(record: &ScheduleRecord) -> Timestamp {
    let last = planted!("due-again", record.last, None);
    last.map_or(record.since, |last| last.max(record.since))
}

/// Keeps as many ended runs as the manifest says.
fn trim(schedule: &Schedule, record: &mut ScheduleRecord) {
    let good = |run: &EndedRun| run.end == RunEnd::Complete;
    for (kind, most) in [(true, schedule.history.succeeded), (false, schedule.history.failed)] {
        let most = usize::try_from(most.min(MOST_HISTORY)).unwrap_or(usize::MAX);
        let count = record.history.iter().filter(|run| good(run) == kind).count();
        let mut surplus = count.saturating_sub(most);
        record.history.retain(|run| {
            let goes = good(run) == kind && surplus > 0;
            surplus -= usize::from(goes);
            !goes
        });
    }
}

/// What should follow for containers that are not there any more does not.
fn follow(world: &World<'_>, record: &mut ScheduleRecord) {
    record.follow_ups.retain(|step| {
        let (FollowUp::Signal { service, .. } | FollowUp::Restart(service)) = step else {
            return false;
        };
        let view = world.service(service);
        let mut slots = view.into_iter().flat_map(|view| &view.slots);
        slots.any(|slot| {
            let current = slot.current.as_ref().map(|one| &one.container.lifecycle);
            matches!(current, Some(Lifecycle::Running { .. }))
        })
    });
}

/// The ledger that says which runs `plan` is about to begin or to stop (part of [`intend`](super::hooks::intend)).
pub fn intend(ledger: &mut ProjectLedger, plan: &Plan) {
    for node in &plan.nodes {
        match &node.reason {
            Reason::Scheduled(ScheduledStep::Begin { schedule, due, .. }) => {
                let Some(record) = ledger.schedules.get_mut(schedule) else { continue };
                record.last = record.last.max(Some(*due));
                if !record.active.iter().any(|run| run.due == *due)
                    && record.active.len() < MOST_ACTIVE
                {
                    record.active.push(ScheduledRun::new(*due, *due));
                }
                let exec = matches!(&node.action, Action::Begin(operation) if matches!(**operation, Operation::Exec { .. }));
                let mut runs = record.active.iter_mut();
                if let Some(run) = runs.find(|run| run.due == *due) {
                    run.begun = exec;
                }
            }
            Reason::Scheduled(ScheduledStep::Stop { schedule, due, why }) => {
                let record = ledger.schedules.get_mut(schedule);
                let mut runs = record.into_iter().flat_map(|record| &mut record.active);
                if let Some(run) = runs.find(|run| run.due == *due) {
                    run.stopping = Some(*why);
                }
            }
            _ => {}
        }
    }
}

/// What a walk did for schedules (part of [`record`](super::record::record)).
pub fn record_walk(ledger: &mut ProjectLedger, report: &PassReport) {
    intend(ledger, &report.plan);
    for (node, outcome) in report.plan.nodes.iter().zip(&report.outcomes) {
        let done = matches!(outcome, NodeOutcome::Succeeded(_));
        match &node.reason {
            Reason::Scheduled(ScheduledStep::FollowUp { schedule, step }) if done => {
                if let Some(record) = ledger.schedules.get_mut(schedule) {
                    record.follow_ups.remove(step);
                }
            }
            Reason::Scheduled(ScheduledStep::Begin { schedule, due, .. }) if !done => {
                let record = ledger.schedules.get_mut(schedule);
                let mut runs = record.into_iter().flat_map(|record| &mut record.active);
                if let Some(run) = runs.find(|run| run.due == *due) {
                    run.begun = false;
                }
            }
            _ => {}
        }
    }
}

/// How a command of a run ended.
pub fn record_exec(ledger: &mut ProjectLedger, report: &OperationReport) {
    let OperationSubject::Exec(name) = &report.subject else {
        return;
    };
    for (key, record) in &mut ledger.schedules {
        let at = record.active.iter().position(|run| run_name(key, run.due) == *name);
        let Some(run) = at.map(|at| record.active.remove(at)) else { continue };
        let mut ended = ended(&run, report.at, RunEnd::Complete, "");
        match &report.result {
            Ok(()) => ended.exit_code = Some(0),
            Err(failure) => {
                ended.end = RunEnd::Failed;
                ended.error.clone_from(&failure.message);
            }
        }
        record.history.push_back(ended);
        return;
    }
}

/// Ended runs whose last words are not in the ledger yet.
pub fn wanted_logs(ledger: &ProjectLedger) -> impl Iterator<Item = ContainerId> {
    let ended = ledger.schedules.values().flat_map(|record| &record.history);
    let silent = ended.filter(|run| run.log.is_empty()).filter_map(|run| run.container.clone());
    silent.collect::<Vec<_>>().into_iter()
}

/// Keeps the last words of a run.
pub fn record_logs(ledger: &mut ProjectLedger, container: &ContainerId, log: &[String]) {
    let ended = ledger.schedules.values_mut().flat_map(|record| &mut record.history);
    for run in ended.filter(|run| run.container.as_ref() == Some(container)) {
        run.log = log.to_vec();
    }
}
