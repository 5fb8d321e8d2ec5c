//! One event of the stream, with the fields of Kubernetes' events.

use serde::Serialize;

use crate::model::diagnostic::{Diagnostic, Severity};
use crate::model::event::{Event, EventKind};
use crate::model::id::ProjectName;
use crate::model::outcome::{Failure, NodeOutcome};
use crate::model::plan::PlanNode;
use crate::model::status::{ConditionKind, ProjectStatus, Truth};
use crate::model::time::Timestamp;
use crate::telemetry::subject_text;

/// An event.
#[derive(Debug, Serialize)]
pub(in crate::http::api) struct EventView {
    at: Timestamp,
    project: Option<ProjectName>,
    #[serde(rename = "type")]
    pub(in crate::http::api) kind: &'static str,
    severity: &'static str,
    /// One word.
    reason: String,
    /// What it is about.
    object: String,
    message: String,
}

/// Kind, whether it is a failure, reason, object, message.
type Parts = (&'static str, bool, String, String, String);

impl EventView {
    /// What readers are told of it. Lines of progress are not events of their own.
    pub(in crate::http::api) fn of(event: &Event) -> Option<Self> {
        let (kind, failed, reason, object, message) = parts(&event.kind)?;
        let severity = if failed { "Warning" } else { "Normal" };
        let project = event.project.clone();
        Some(Self { at: event.at, project, kind, severity, reason, object, message })
    }
}

fn parts(kind: &EventKind) -> Option<Parts> {
    let (nothing, word) = (String::new(), str::to_owned);
    Some(match kind {
        EventKind::Accepted { generation } => {
            ("Accepted", false, word("Accepted"), nothing, format!("generation {generation}"))
        }
        EventKind::Diagnosed(found) => diagnosed(found),
        EventKind::Action { node, outcome } => action(node, outcome),
        EventKind::Progress { .. } => return None,
        EventKind::OperationEnded { subject, kind, result } => {
            let (failed, message) = (result.is_err(), ended(result.as_ref().err()));
            ("Operation", failed, (*kind).to_owned(), subject_text(subject).to_owned(), message)
        }
        EventKind::Noted(note) => {
            ("Noted", true, note.reason.to_owned(), note.object.clone(), note.message.clone())
        }
        EventKind::Held(held) => {
            let until = held.until.map(|until| format!("; until {until}")).unwrap_or_default();
            let message = format!("{}{until}", held.waiting_on);
            let (code, subject) = (held.waiting_on.code(), held.subject.to_string());
            ("Held", false, code.to_owned(), subject, message)
        }
        EventKind::Condition(one) => {
            let bad = matches!(one.kind, ConditionKind::Stalled | ConditionKind::Degraded);
            let failed = bad && one.status == Truth::True;
            let object = format!("{:?}={:?}", one.kind, one.status);
            ("Condition", failed, one.reason.clone(), object, one.message.clone())
        }
        EventKind::Converged => ("Converged", false, word("Converged"), nothing.clone(), nothing),
        EventKind::Published(status) => published(status),
        EventKind::Synced { .. }
        | EventKind::SyncFailed { .. }
        | EventKind::SyncRecovered { .. } => return source(kind),
        other => return of_the_controller(other),
    })
}

fn diagnosed(found: &[Diagnostic]) -> Parts {
    let bad = |found: &&Diagnostic| found.severity == Severity::Error;
    let worst = found.iter().find(bad).or(found.first());
    let (reason, object) =
        worst.map_or(("Clean", ""), |one| (one.code.as_str(), one.field.as_str()));
    let message = worst.map_or_else(|| "no findings".to_owned(), |one| one.message.clone());
    let failed = found.iter().any(|found| found.severity > Severity::Note);
    ("Diagnosed", failed, reason.to_owned(), object.to_owned(), message)
}

fn action(node: &PlanNode, outcome: &NodeOutcome) -> Parts {
    let (failed, end) = match outcome {
        NodeOutcome::Succeeded(_) => (false, "done".to_owned()),
        NodeOutcome::Failed(failure) => (true, format!("failed: {}", failure.message)),
        NodeOutcome::MaybeDone(failure) => (true, format!("perhaps done: {}", failure.message)),
        NodeOutcome::Skipped(_) => (false, "skipped".to_owned()),
    };
    let object = format!("{} {}", node.action.kind(), node.action.object());
    ("Action", failed, node.reason.code().to_owned(), object, format!("{}; {end}", node.reason))
}

fn ended(failure: Option<&Failure>) -> String {
    failure.map_or_else(|| "succeeded".to_owned(), |failure| format!("failed: {}", failure.message))
}

fn published(status: &ProjectStatus) -> Parts {
    let ready = status.conditions.iter().find(|one| one.kind == ConditionKind::Ready);
    let reason = ready.map(|one| one.reason.clone()).unwrap_or_default();
    let object = ready.map(|one| format!("Ready={:?}", one.status)).unwrap_or_default();
    ("Published", false, reason, object, format!("generation {}", status.generation))
}

fn source(kind: &EventKind) -> Option<Parts> {
    Some(match kind {
        EventKind::Synced { source, commit, files, .. } => {
            let message = format!("{} is in place, {files} files", commit.short());
            ("Source", false, "Synced".to_owned(), source.to_string(), message)
        }
        EventKind::SyncFailed { source, trouble } => {
            let (reason, message) = (trouble.reason.to_string(), trouble.message.clone());
            ("Source", true, reason, source.to_string(), message)
        }
        EventKind::SyncRecovered { source } => {
            let message = "at its newest commit again".to_owned();
            ("Source", false, "Recovered".to_owned(), source.to_string(), message)
        }
        _ => return None,
    })
}

fn of_the_controller(kind: &EventKind) -> Option<Parts> {
    let said = |kind: &'static str, text: &String| {
        (kind, false, kind.to_owned(), String::new(), text.clone())
    };
    Some(match kind {
        EventKind::NotificationDropped { channel, dropped, why } => {
            let message = format!("{why} ({dropped} so far)");
            ("Notification", true, "Dropped".to_owned(), channel.clone(), message)
        }
        EventKind::Collected { object, why, bytes } => {
            let message = format!("{why}; {bytes} bytes");
            ("Collected", false, "Removed".to_owned(), object.clone(), message)
        }
        EventKind::Delivery(delivery) => {
            let failed = delivery.outcome.status() >= 400;
            let reason = delivery.outcome.word().to_owned();
            ("Webhook", failed, reason, delivery.hook.clone(), delivery.reason.clone())
        }
        EventKind::Engine(text) => said("Engine", text),
        EventKind::Controller(text) => said("Controller", text),
        _ => return None,
    })
}
