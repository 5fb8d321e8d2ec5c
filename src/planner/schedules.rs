//! Runs of schedules: each due time once, as fresh containers or as commands inside of running ones.

use crate::calendar::Calendar;
use crate::model::held::{Subject, WaitingOn};
use crate::model::hook::HookCommand;
use crate::model::id::{ContainerName, ReplicaId, ServiceName};
use crate::model::observed::{Lifecycle, ObservedContainer};
use crate::model::operation::Operation;
use crate::model::plan::{Action, ContainerRef, StartBudget};
use crate::model::reason::Reason;
use crate::model::schedule::{
    Concurrency, FollowUp, MOST_ACTIVE, RunEnd, ScheduleRecord, ScheduleStatus, ScheduleWait,
    ScheduledRun, ScheduledStep, Work,
};
use crate::model::time::Timestamp;
use crate::planner::create::Grounds;
use crate::planner::draft::{Draft, Place};
use crate::planner::input::PlanInput;
use crate::planner::readiness::{Gate, Strictness, gate};
use crate::planner::schedule_runs::{Look, base, run_name};
use crate::planner::scheduled_container;
use crate::planner::world::{ServiceView, World};

/// Plans the schedules of a service, and takes away what is left of runs that are over.
pub fn plan_schedules(
    world: &World<'_>,
    grounds: &Grounds,
    view: &ServiceView<'_>,
    draft: &mut Draft<'_>,
) {
    clear(world, view, draft);
    for schedule in &view.service.schedules {
        let look = Look { world, view, schedule };
        let Some(record) = world.input.ledger.schedules.get(&look.key()) else {
            continue;
        };
        for run in &record.active {
            go_on(look, grounds, draft, run);
        }
        follow_up(look, draft, record);
        if schedule.suspend {
            hold(look, draft, ScheduleWait::Suspended, None);
        } else {
            begin(look, grounds, draft, record);
        }
    }
}

fn hold(look: Look<'_, '_>, draft: &mut Draft<'_>, wait: ScheduleWait, until: Option<Timestamp>) {
    let subject = look.subject_of_holds();
    draft.hold(subject, WaitingOn::Schedule(wait), until);
}

/// An instant of the wall clock, as the clock of the plan tells it.
fn by_clock(input: &PlanInput<'_>, at: Timestamp) -> Timestamp {
    input.now.plus(at.since(input.wall))
}

/// Containers of runs that nobody remembers any more.
fn clear(world: &World<'_>, view: &ServiceView<'_>, draft: &mut Draft<'_>) {
    let own = |one: &&&ObservedContainer| one.claim.service.as_ref() == Some(&view.service.name);
    let kept = |one: &ObservedContainer| {
        let mut looks = view.service.schedules.iter().filter(|one| one.work == Work::Container);
        looks.any(|schedule| {
            let record = world.input.ledger.schedules.get(&Look { world, view, schedule }.key());
            record.is_some_and(|record| {
                let active = record.active.iter().map(|run| run.due);
                let ended = record.history.iter().map(|run| run.due);
                active.chain(ended).any(|due| Some(due) == one.claim.due)
            })
        })
    };
    for container in world.runs.iter().filter(own).filter(|one| !kept(one)) {
        let subject = Subject::Container(container.name.clone());
        let reason = Reason::Scheduled(ScheduledStep::Over);
        if container.lifecycle == Lifecycle::Removing {
            continue;
        }
        let action = if container.lifecycle.is_alive() {
            stop(view, container)
        } else {
            Action::RemoveContainer {
                container: container.id.clone(),
                name: container.name.clone(),
            }
        };
        draft.push(Place { subject: &subject, after: Vec::new() }, action, reason);
    }
}

fn stop(view: &ServiceView<'_>, container: &ObservedContainer) -> Action {
    Action::Begin(Box::new(Operation::Stop {
        container: container.id.clone(),
        name: container.name.clone(),
        replica: ReplicaId::new(view.service.name.clone(), 0),
        timeout_s: view.service.config.stop_timeout_s,
        pre_stop: Vec::new(),
    }))
}

/// The next move of a run that was begun.
fn go_on(look: Look<'_, '_>, grounds: &Grounds, draft: &mut Draft<'_>, run: &ScheduledRun) {
    let input = look.world.input;
    let due = run.due;
    let until = look.schedule.timeout.map(|timeout| run.began.plus(timeout));
    if let Work::Exec { service, command } = &look.schedule.work {
        if !run.begun {
            exec(look, draft, (service, command), (due, 0));
        }
        return hold(look, draft, ScheduleWait::Running { due }, None);
    }
    let Some(container) = look.container(run) else {
        return fresh(look, grounds, draft, (due, 0));
    };
    let name = container.name.clone();
    let subject = Subject::Container(name.clone());
    let place = Place { subject: &subject, after: Vec::new() };
    match &container.lifecycle {
        lifecycle if lifecycle.is_alive() => {
            if until.is_some_and(|until| until <= input.now) || run.stopping.is_some() {
                let why = run.stopping.unwrap_or(RunEnd::DeadlineExceeded);
                let step = ScheduledStep::Stop { schedule: look.key(), due, why };
                draft.push(place, stop(look.view, container), Reason::Scheduled(step));
            }
            hold(look, draft, ScheduleWait::Running { due }, until);
        }
        Lifecycle::Created { .. } => {
            let step = ScheduledStep::Begin { schedule: look.key(), due, missed: 0 };
            start(draft, place, (container, name), step);
        }
        Lifecycle::Exited(_) => {
            if let Some(next) = run.next_try.filter(|next| *next > input.now) {
                let wait = ScheduleWait::BackOff { due, failures: run.failures };
                hold(look, draft, wait, Some(next));
            } else {
                let step = ScheduledStep::Retry { due, failures: run.failures };
                start(draft, place, (container, name), step);
            }
        }
        _ => hold(look, draft, ScheduleWait::Running { due }, None),
    }
}

fn start(
    draft: &mut Draft<'_>,
    place: Place<'_>,
    (container, name): (&ObservedContainer, ContainerName),
    step: ScheduledStep,
) {
    let container = ContainerRef::Existing(container.id.clone());
    let action = Action::StartContainer { container, name, budget: StartBudget::Free };
    draft.push(place, action, Reason::Scheduled(step));
}

/// Begins the latest run that is due, if there is one, and says when the next is.
fn begin(look: Look<'_, '_>, grounds: &Grounds, draft: &mut Draft<'_>, record: &ScheduleRecord) {
    let input = look.world.input;
    let Some(calendar) = Calendar::new(&look.schedule.when) else {
        return;
    };
    let found = calendar.between(base(record), input.wall);
    let due = planted!(
        "missed-is-missed",
        found,
        found.filter(|due| input.wall.since(due.latest).as_secs() < 3),
    );
    if let Some(due) = due {
        let (latest, missed) = (due.latest, due.before);
        match obstacle(look, draft, record) {
            Some(why) => {
                let until = look.schedule.deadline.map(|deadline| latest.plus(deadline));
                let until = until.map(|until| by_clock(input, until));
                hold(look, draft, ScheduleWait::Due { due: latest, why }, until);
            }
            None => match &look.schedule.work {
                Work::Container => fresh(look, grounds, draft, (latest, missed)),
                Work::Exec { service, command } => {
                    exec(look, draft, (service, command), (latest, missed));
                }
            },
        }
    }
    let after = due.map_or(base(record), |due| due.latest);
    if let Some(next) = calendar.next(after) {
        let last = record.history.back().map(|run| run.end);
        let until = by_clock(input, next);
        hold(look, draft, ScheduleWait::Next { due: next, last }, Some(until));
    }
}

/// What keeps a run that is due from beginning. Whatever it takes the place of is stopped.
fn obstacle(look: Look<'_, '_>, draft: &mut Draft<'_>, record: &ScheduleRecord) -> Option<String> {
    let active = &record.active;
    let policy = match look.schedule.concurrency {
        Concurrency::Allow if active.len() >= MOST_ACTIVE => Concurrency::Forbid,
        policy => policy,
    };
    match policy {
        Concurrency::Forbid | Concurrency::Replace if active.is_empty() => {}
        Concurrency::Allow => {}
        Concurrency::Forbid => {
            let why = "the end of the run before".to_owned();
            return planted!("runs-side-by-side", Some(why), None);
        }
        Concurrency::Replace => {
            for run in active {
                replace(look, draft, run);
            }
            return Some("the stop of the run before".to_owned());
        }
    }
    match gate(look.world, draft, look.view, Strictness::Serves) {
        Gate::Closed(waiting) => Some(waiting.to_string()),
        Gate::Open(_) => None,
    }
}

fn replace(look: Look<'_, '_>, draft: &mut Draft<'_>, run: &ScheduledRun) {
    let container = look.container(run).filter(|one| one.lifecycle.is_alive());
    if let (Some(container), None) = (container, run.stopping) {
        let subject = Subject::Container(container.name.clone());
        let (due, why) = (run.due, RunEnd::Replaced);
        let step = ScheduledStep::Stop { schedule: look.key(), due, why };
        let place = Place { subject: &subject, after: Vec::new() };
        draft.push(place, stop(look.view, container), Reason::Scheduled(step));
    }
}

/// A container for a run.
fn fresh(
    look: Look<'_, '_>,
    grounds: &Grounds,
    draft: &mut Draft<'_>,
    (due, missed): (Timestamp, u32),
) {
    let step = ScheduledStep::Begin { schedule: look.key(), due, missed };
    if let Err(why) = scheduled_container::begin(look, grounds, draft, (due, step)) {
        hold(look, draft, ScheduleWait::Due { due, why }, None);
    }
}

/// A command in the first container of a service that runs.
fn exec(
    look: Look<'_, '_>,
    draft: &mut Draft<'_>,
    (service, command): (&ServiceName, &HookCommand),
    (due, missed): (Timestamp, u32),
) {
    let view = look.world.service(service);
    let mut slots = view.into_iter().flat_map(|view| &view.slots);
    let found = slots.find_map(|slot| {
        let mut all = slot.current.iter().chain(&slot.old).map(|one| one.container);
        all.find(|one| matches!(one.lifecycle, Lifecycle::Running { .. }))
    });
    let Some(container) = found else {
        let why = format!("a running container of {service}");
        return hold(look, draft, ScheduleWait::Due { due, why }, None);
    };
    let operation = Operation::Exec {
        container: container.id.clone(),
        name: container.name.clone(),
        run: run_name(&look.key(), due),
        command: Box::new(hiding(command, view)),
        timeout: look.schedule.timeout,
    };
    let step = ScheduledStep::Begin { schedule: look.key(), due, missed };
    let subject = look.subject_of_holds();
    let place = Place { subject: &subject, after: Vec::new() };
    draft.push(place, Action::Begin(Box::new(operation)), Reason::Scheduled(step));
}

/// The command, with the values that its output must not show.
fn hiding(command: &HookCommand, view: Option<&ServiceView<'_>>) -> HookCommand {
    let variables = view.into_iter().flat_map(|view| view.service.config.environment.values());
    HookCommand { hidden: variables.flatten().cloned().collect(), ..command.clone() }
}

/// What follows a success.
fn follow_up(look: Look<'_, '_>, draft: &mut Draft<'_>, record: &ScheduleRecord) {
    for step in &record.follow_ups {
        let (FollowUp::Signal { service, .. } | FollowUp::Restart(service)) = step else {
            continue;
        };
        let Some(view) = look.world.service(service).filter(|view| !view.is_held(look.world))
        else {
            continue;
        };
        for slot in &view.slots {
            let current = slot.current.as_ref().map(|one| one.container);
            let runs =
                |one: &&ObservedContainer| matches!(one.lifecycle, Lifecycle::Running { .. });
            let Some(container) = current.filter(runs) else { continue };
            let (id, name) = (container.id.clone(), container.name.clone());
            let operation = match step {
                FollowUp::Signal { signal, .. } => Operation::Reload {
                    container: id,
                    name,
                    signal: signal.clone(),
                    verify: Vec::new(),
                },
                _ => Operation::Stop {
                    container: id,
                    name,
                    replica: slot.replica.clone(),
                    timeout_s: view.service.config.stop_timeout_s,
                    pre_stop: view.service.hooks.pre_stop.clone(),
                },
            };
            let reason = ScheduledStep::FollowUp { schedule: look.key(), step: step.clone() };
            let subject = Subject::Replica(slot.replica.clone());
            let place = Place { subject: &subject, after: Vec::new() };
            draft.push(place, Action::Begin(Box::new(operation)), Reason::Scheduled(reason));
        }
    }
}

/// What is published of the schedules of a service.
pub fn statuses(world: &World<'_>, view: &ServiceView<'_>) -> Vec<ScheduleStatus> {
    let status = |look: Look<'_, '_>| {
        let record = world.input.ledger.schedules.get(&look.key());
        let calendar = Calendar::new(&look.schedule.when);
        let after = record.map_or(world.input.wall, base).max(world.input.wall);
        ScheduleStatus {
            name: look.schedule.name.clone(),
            when: look.schedule.when.to_string(),
            suspended: look.schedule.suspend,
            last: record.and_then(|record| record.last),
            next: calendar.and_then(|calendar| calendar.next(after)),
            active: record.iter().flat_map(|one| &one.active).map(|run| run.due).collect(),
            history: record.iter().flat_map(|one| &one.history).cloned().collect(),
        }
    };
    let all = view.service.schedules.iter();
    all.map(|schedule| status(Look { world, view, schedule })).collect()
}
