//! Backups that plans ask for: what the catalogue knows, and how one is made.

use std::fmt;

use crate::backup::{Backups, Wanted};
use crate::controller::pass::Surroundings;
use crate::ledger::HistoryRecord;
use crate::model::backup_policy::BackupRequest;
use crate::model::backup_set::{BackupSet, SavedBackup};
use crate::model::desired::DesiredProject;
use crate::model::id::ProjectName;
use crate::model::outcome::{Failure, FailureClass};
use crate::model::status::ActionRecord;

/// Good backups of a project, oldest first, where its files say when they are made or have to prove themselves.
pub(crate) async fn known(around: &Surroundings, project: &DesiredProject) -> Vec<SavedBackup> {
    if project.backup_policies().next().is_none() && project.restore_drills().next().is_none() {
        return Vec::new();
    }
    let (store, name) = (around.ledger.clone(), project.name.clone());
    let read = around.blocking.run(move || store.backups(&name)).await;
    // Without a catalogue there is no backup that anything could rely on.
    read.unwrap_or_default().iter().filter_map(BackupSet::saved).collect()
}

/// Makes a backup and writes into the history what came of it.
pub(crate) async fn make(
    backups: Option<&Backups>,
    request: &BackupRequest,
) -> Result<(), Failure> {
    let Some(backups) = backups else {
        return Err(failure("this controller has no directory for backups"));
    };
    let wanted = Wanted {
        project: &request.project,
        service: request.service.as_ref(),
        known: Some(&request.known),
        origin: request.cause.origin(),
    };
    let made = backups.create(wanted).await;
    let (outcome, what) = match &made {
        Ok(set) => ("succeeded".to_owned(), told(set)),
        Err(error) => (format!("failed: {error}"), String::new()),
    };
    let end = End {
        action: "MakeBackup",
        object: request.to_string(),
        reason: request.cause.code(),
        message: format!("{}{what}", request.cause),
        outcome,
    };
    record(backups, &request.project.name, end).await;
    made.map(drop).map_err(failure)
}

pub(super) fn failure(why: impl fmt::Display) -> Failure {
    Failure { class: FailureClass::Engine, message: why.to_string() }
}

/// The id, and how much there is of it.
fn told(set: &BackupSet) -> String {
    format!("; backup {}: {} bytes in {} files", set.id, set.bytes(), set.members.len())
}

/// How something ended that a plan began long ago.
pub(super) struct End {
    /// Kind of call.
    pub(super) action: &'static str,
    /// On what.
    pub(super) object: String,
    /// Reason code.
    pub(super) reason: &'static str,
    /// The reason as a sentence.
    pub(super) message: String,
    /// `succeeded`, or `failed: …`.
    pub(super) outcome: String,
}

/// Writes an end into the history.
pub(super) async fn record(backups: &Backups, project: &ProjectName, end: End) {
    let at = (backups.now)();
    let plan = format!("ended: {} {}, {}\n", end.action, end.object, end.message);
    let action = ActionRecord {
        at,
        action: end.action.to_owned(),
        object: end.object,
        reason: end.reason.to_owned(),
        message: end.message,
        outcome: end.outcome,
    };
    let record = HistoryRecord { at, generation: 0, plan, actions: vec![action] };
    let (ledger, name) = (backups.ledger.clone(), project.clone());
    let written = tokio::task::spawn_blocking(move || {
        let generation = ledger.project_status(&name).map_or(0, |status| status.generation);
        ledger.append_history(&name, &HistoryRecord { generation, ..record })
    });
    if !matches!(written.await, Ok(Ok(()))) {
        tracing::warn!(%project, "the history could not be written");
    }
}
