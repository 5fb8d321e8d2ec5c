//! Schedules of services, for `describe`: last and next run, and what became of the runs before.

use crate::cli::output::{DIM, WARN, append, styled};
use crate::cli::{duration, sections, view};
use crate::model::schedule::{EndedRun, RunEnd, ScheduleStatus};
use crate::model::status::ServiceStatus;
use crate::model::time::Timestamp;

/// The schedules of these services.
pub(super) fn section<'a>(
    services: impl IntoIterator<Item = &'a ServiceStatus>,
    now: Timestamp,
) -> String {
    let mut text = String::new();
    for service in services {
        for schedule in &service.schedules {
            one(&mut text, service, schedule, now);
        }
    }
    sections::section("Schedules", text.is_empty(), &text)
}

fn one(text: &mut String, service: &ServiceStatus, schedule: &ScheduleStatus, now: Timestamp) {
    let name = match schedule.name.as_str() {
        "" => service.name.to_string(),
        name => format!("{}/{name}", service.name),
    };
    let suspended = if schedule.suspended { ", suspended" } else { "" };
    append(text, &format!("{name}  {}{suspended}\n", schedule.when));
    let last = schedule.last.map_or_else(|| "never".to_owned(), |at| at.to_string());
    append(text, &format!("  {} {last}\n", styled(DIM, "last due:")));
    if let Some(next) = schedule.next.filter(|_| !schedule.suspended) {
        let next = format!("{} ({next})", view::until(now, next));
        append(text, &format!("  {} {next}\n", styled(DIM, "next run:")));
    }
    for due in &schedule.active {
        append(text, &format!("  {} the run due at {due}\n", styled(DIM, "goes on:")));
    }
    for run in &schedule.history {
        append(text, &format!("  {}\n", ended(run)));
        if run.end != RunEnd::Complete {
            text.push_str(&sections::log(&run.log));
        }
    }
}

/// One line of the history.
fn ended(run: &EndedRun) -> String {
    let end = run.end.to_string();
    let end = if run.end == RunEnd::Complete { end } else { styled(WARN, &end) };
    let took =
        run.began.map(|began| format!(" after {}", duration::format(run.ended.since(began))));
    let code = run.exit_code.map(|code| format!(", exit code {code}")).unwrap_or_default();
    let why = if run.error.is_empty() { String::new() } else { format!(": {}", run.error) };
    format!("due {}  {end}{}{code}{why}", run.due, took.unwrap_or_default())
}
