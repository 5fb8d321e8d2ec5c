//! Drills of the way back: one at a time, by the same path as a rollback by hand, and never while anything else goes on.

use crate::calendar::Calendar;
use crate::model::desired::DesiredProject;
use crate::model::drill::{
    ActiveDrill, DrillEnd, DrillRecord, DrillStage, DrillStatus, EndedDrill, MOST_DRILLS, Way,
};
use crate::model::held::WaitingOn;
use crate::model::ledger::ProjectLedger;
use crate::model::revision::{ProjectRevision, Rollback, RollbackCause, Verdict};
use crate::model::rollout::RolloutWait;
use crate::model::time::Timestamp;
use crate::planner::input::PlanInput;
use crate::planner::judgement::{failure, has_held, judged_at};
use crate::planner::plan::suspension;
use crate::planner::world::World;

/// A remembered instant that lies further ahead was written under a clock that was wrong.
const AHEAD: std::time::Duration = std::time::Duration::from_secs(3600);

/// Goes on with a drill, or begins one that is due (part of [`account`](super::account::account)). `running` is the world
/// of what runs.
pub fn remember(running: &World<'_>, ledger: &mut ProjectLedger) {
    let input = running.input;
    let declared = input.declared.unwrap_or(running.desired);
    let mut record = std::mem::take(&mut ledger.drills);
    if let Some(active) = record.active.take() {
        go_on(running, ledger, (&mut record, active));
    }
    match &declared.drill {
        None => {
            if record.active.take().is_some() {
                // The word was taken out of the file, which is an edit: the rollback went with it.
                ledger.rollback = ledger.rollback.take().filter(|one| !one.is_drill());
            }
            record.when.clear();
        }
        Some(drill) => {
            begin(input, &drill.when.to_string(), &mut record);
            let from = record.last.unwrap_or(record.since).max(record.since);
            let due = Calendar::new(&drill.when);
            let due = due.and_then(|calendar| calendar.between(from, input.wall));
            if let Some(due) = due.filter(|_| record.active.is_none()) {
                record.last = Some(due.latest);
                start(running, ledger, (&mut record, due.latest));
            }
        }
    }
    ledger.drills = record;
}

/// Times that are new begin now, as those of schedules.
fn begin(input: &PlanInput<'_>, when: &str, record: &mut DrillRecord) {
    let latest = record.last.unwrap_or_default().max(record.since);
    if record.when != when || latest > input.wall.plus(AHEAD) {
        when.clone_into(&mut record.when);
        record.since = input.wall;
        record.last = None;
    }
}

fn start(
    running: &World<'_>,
    ledger: &mut ProjectLedger,
    (record, due): (&mut DrillRecord, Timestamp),
) {
    let now = running.input.now;
    match versions(running, ledger) {
        Err(why) => end(record, EndedDrill { due, ended: now, end: DrillEnd::Skipped(why) }),
        Ok((from, to)) => {
            let cause = RollbackCause::Drill;
            ledger.rollback = Some(Rollback { from, to, since: now, cause });
            record.active =
                Some(ActiveDrill { due, from, to, stage: DrillStage::Back, since: now });
        }
    }
}

/// The present version and the one to go back to.
///
/// # Errors
/// Why there is no drill now.
fn versions(running: &World<'_>, ledger: &ProjectLedger) -> Result<(u64, u64), String> {
    let no = |why: &str| Err(why.to_owned());
    match ledger.rollback.as_ref().map(|one| one.cause) {
        Some(RollbackCause::Failure) => return no("the version of the files was rejected"),
        Some(_) => return no("an earlier revision runs by hand"),
        None => {}
    }
    let memory = (ledger, running.input.now);
    if suspension(memory, running.desired, None).is_some() {
        return no("the project is suspended");
    }
    if ledger.rollouts.values().any(|one| one.paused.is_some()) {
        return no("a rollout is paused");
    }
    let is_stable = |one: &&ProjectRevision| matches!(one.verdict, Verdict::Stable { .. });
    let Some(last) = ledger.history.back().filter(is_stable) else {
        return no("a rollout is going on");
    };
    if last.digest != running.desired.digest || !has_held(running, ledger) {
        return no("not all of the project is available");
    }
    match ledger.history.iter().rev().skip(1).find(is_stable) {
        Some(before) => Ok((last.number, before.number)),
        None => no("there is no earlier stable revision"),
    }
}

/// The next move of a drill that was begun.
fn go_on(
    running: &World<'_>,
    ledger: &mut ProjectLedger,
    (record, mut active): (&mut DrillRecord, ActiveDrill),
) {
    let now = running.input.now;
    let own = ledger.rollback.as_ref().is_some_and(Rollback::is_drill);
    let edited = ledger.history.back().is_none_or(|last| last.number != active.from);
    let back = matches!(active.stage, DrillStage::Back);
    if edited || own != back || !back && ledger.rollback.is_some() {
        let why = if edited { "files or images changed" } else { "a person ended it" };
        let interrupted = DrillEnd::Interrupted(why.to_owned());
        ledger.rollback = ledger.rollback.take().filter(|one| !one.is_drill());
        return end(record, EndedDrill { due: active.due, ended: now, end: interrupted });
    }
    let Some(way) = way(running, ledger, &active) else {
        record.active = Some(active);
        return;
    };
    match active.stage {
        DrillStage::Back => {
            ledger.rollback = None;
            active.stage = DrillStage::Forth { back: way };
            active.since = now;
            record.active = Some(active);
        }
        DrillStage::Forth { back } => {
            let ActiveDrill { due, from, to, .. } = active;
            let made = DrillEnd::Made { from, to, back, forth: way };
            end(record, EndedDrill { due, ended: now, end: made });
        }
    }
}

/// How the present way was; `None` while it goes on.
fn way(running: &World<'_>, ledger: &ProjectLedger, active: &ActiveDrill) -> Option<Way> {
    let input = running.input;
    let deadline = input.policy.progress_deadline;
    let (back, other) = match active.stage {
        DrillStage::Back => (true, active.from),
        DrillStage::Forth { .. } => (false, active.to),
    };
    // Until what runs is the version that this way leads to, nothing can be said of it.
    if back != input.declared.is_some() {
        return (input.now >= active.since.plus(deadline))
            .then(|| Way::Failed("its files are not kept".to_owned()));
    }
    let took = u64::try_from(input.now.since(active.since).as_millis()).unwrap_or(u64::MAX);
    if has_held(running, ledger) {
        return Some(Way::Took(took));
    }
    let before = ledger.history.iter().find(|one| one.number == other);
    let before = before.map(|one| one.services.clone()).unwrap_or_default();
    let failed = running.services.iter().find_map(|view| {
        let failed = failure(running, view, &before, ledger)?;
        Some(format!("{}: {}", failed.first.service, failed.first.cause))
    });
    let late = || {
        (input.now >= active.since.plus(deadline))
            .then(|| format!("not all was available within {} s", deadline.as_secs()))
    };
    failed.or_else(late).map(Way::Failed)
}

fn end(record: &mut DrillRecord, ended: EndedDrill) {
    record.history.push_back(ended);
    let surplus = record.history.len().saturating_sub(MOST_DRILLS);
    record.history.drain(..surplus);
}

/// What a failed drill leaves to be said, until one is good.
pub fn explain(desired: &DesiredProject, ledger: &ProjectLedger) -> Option<WaitingOn> {
    desired.drill.as_ref()?;
    let (due, why) = ledger.drills.failed()?;
    Some(WaitingOn::Rollout(RolloutWait::DrillFailed { due, why }))
}

/// When a drill is due, or has gone on for too long, if nothing happens before.
pub fn wakes_at(input: &PlanInput<'_>, desired: &DesiredProject) -> Option<Timestamp> {
    if let Some(active) = &input.ledger.drills.active {
        let deadline = active.since.plus(input.policy.progress_deadline);
        let running = input.desired.project().map(|running| World::new(input, running));
        let judged = running.and_then(|running| judged_at(&running, input.ledger));
        return Some(judged.map_or(deadline, |judged| judged.min(deadline)));
    }
    let next = next(input, desired)?;
    Some(input.now.plus(next.since(input.wall)))
}

fn next(input: &PlanInput<'_>, desired: &DesiredProject) -> Option<Timestamp> {
    let record = &input.ledger.drills;
    let from = record.last.unwrap_or(record.since).max(record.since);
    Calendar::new(&desired.drill.as_ref()?.when)?.next(from)
}

/// What is published.
pub fn status(input: &PlanInput<'_>) -> Option<DrillStatus> {
    let desired = input.declared.or(input.desired.project())?;
    let drill = desired.drill.as_ref()?;
    let record = &input.ledger.drills;
    Some(DrillStatus {
        when: drill.when.to_string(),
        next: next(input, desired),
        active: record.active.clone(),
        history: record.history.clone(),
    })
}
