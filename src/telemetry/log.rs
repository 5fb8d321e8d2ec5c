//! Events as structured log records: the message is constant, what varies is in the fields.

use tracing::{info, warn};

use crate::model::diagnostic::{Diagnostic, Severity};
use crate::model::event::{Event, EventKind};
use crate::model::outcome::{Failure, NodeOutcome};
use crate::model::plan::PlanNode;

/// Logs one event.
pub fn log(event: &Event) {
    let project = event.project.as_ref().map_or("", |project| project.as_str());
    match &event.kind {
        EventKind::Accepted { generation } => info!(project, generation, "manifest accepted"),
        EventKind::Diagnosed(found) if found.is_empty() => info!(project, "manifest is clean"),
        EventKind::Diagnosed(found) => found.iter().for_each(|found| log_finding(project, found)),
        EventKind::Action { node, outcome } => log_action(project, node, outcome),
        EventKind::Progress { .. } | EventKind::Published(_) => {}
        EventKind::OperationEnded { subject, kind, result } => {
            let subject = subject_text(subject);
            match result {
                Ok(()) => info!(project, operation = kind, subject, "operation ended"),
                Err(failure) => {
                    let (class, error) = parts(failure);
                    warn!(project, operation = kind, subject, class, error, "operation failed");
                }
            }
        }
        EventKind::Noted(note) => {
            let (object, reason, detail) = (&note.object, note.reason, &note.message);
            warn!(project, object, reason, detail, "went on after a failure");
        }
        EventKind::Held(held) => {
            let until = held.until.map(|until| until.to_string());
            info!(
                project,
                subject = %held.subject,
                reason = held.waiting_on.code(),
                waiting_on = %held.waiting_on,
                until,
                "held"
            );
        }
        EventKind::Condition(condition) => info!(
            project,
            condition = ?condition.kind,
            status = ?condition.status,
            reason = condition.reason,
            detail = condition.message,
            generation = condition.observed_generation,
            "condition changed"
        ),
        EventKind::Converged => info!(project, "converged"),
        EventKind::Synced { source, commit, files, aside } => {
            let (author, subject) = (commit.author.as_deref(), commit.subject.as_deref());
            info!(%source, commit = commit.id, author, subject, files, aside = aside.len(), "source synchronised");
        }
        EventKind::SyncFailed { source, trouble } => {
            let (reason, detail) = (trouble.reason, &trouble.message);
            warn!(%source, %reason, detail, "source not synchronised");
        }
        EventKind::SyncRecovered { source } => info!(%source, "source recovered"),
        EventKind::NotificationDropped { channel, dropped, why } => {
            warn!(channel, dropped, detail = why, "notification dropped");
        }
        EventKind::Collected { object, why, bytes } => log_removed(project, object, why, *bytes),
        EventKind::Engine(text) => info!(detail = text, "engine"),
        EventKind::Delivery(delivery) => info!(
            hook = delivery.hook,
            forge = delivery.forge,
            from = delivery.from,
            id = delivery.id,
            outcome = delivery.outcome.word(),
            reason = delivery.reason,
            "webhook"
        ),
        EventKind::Controller(text) => info!(project, detail = text, "controller"),
    }
}

fn log_removed(project: &str, object: &str, why: &str, bytes: u64) {
    info!(project, object, why, bytes, "removed");
}

fn log_action(project: &str, node: &PlanNode, outcome: &NodeOutcome) {
    let (action, object) = (node.action.kind(), node.action.object());
    let (code, reason) = (node.reason.code(), node.reason.to_string());
    match outcome {
        NodeOutcome::Succeeded(_) => info!(project, action, object, code, reason, "action done"),
        NodeOutcome::Failed(failure) => {
            let (class, error) = parts(failure);
            warn!(project, action, object, code, reason, class, error, "action failed");
        }
        NodeOutcome::MaybeDone(failure) => {
            let (class, error) = parts(failure);
            warn!(project, action, object, code, reason, class, error, "action perhaps done");
        }
        NodeOutcome::Skipped(why) => {
            info!(project, action, object, code, reason, why = ?why, "action skipped");
        }
    }
}

fn log_finding(project: &str, found: &Diagnostic) {
    let place = found.location.as_ref().map(ToString::to_string);
    let (code, field, detail, help) = (&found.code, &found.field, &found.message, &found.help);
    match found.severity {
        Severity::Error | Severity::Warning => {
            warn!(project, severity = %found.severity, code, place, field, detail, help, "finding in manifest");
        }
        Severity::Note => info!(project, code, place, field, detail, help, "note on manifest"),
    }
}

fn parts(failure: &Failure) -> (String, &str) {
    (format!("{:?}", failure.class), &failure.message)
}

/// An image by reference, a container by its short id.
pub fn subject_text(subject: &crate::model::operation::OperationSubject) -> &str {
    match subject {
        crate::model::operation::OperationSubject::Image(reference)
        | crate::model::operation::OperationSubject::Exec(reference)
        | crate::model::operation::OperationSubject::Check(reference) => reference,
        crate::model::operation::OperationSubject::ImageCheck { service, .. } => service.as_str(),
        crate::model::operation::OperationSubject::Container(id)
        | crate::model::operation::OperationSubject::Hook(id)
        | crate::model::operation::OperationSubject::Probe(id) => id.short(),
        crate::model::operation::OperationSubject::Analysis(key) => key.service.as_str(),
        crate::model::operation::OperationSubject::Backup(project)
        | crate::model::operation::OperationSubject::RestoreDrill(project)
        | crate::model::operation::OperationSubject::Restore(project) => project.as_str(),
    }
}
