//! Data that plans want back: kept aside, restored, written into the history.

use crate::backup::{Backups, PutBack};
use crate::controller::backups::{End, failure, record};
use crate::controller::operation_calls::{Done, Ended};
use crate::model::backup_set::{BackupSet, Origin};
use crate::model::data_restore::RestoreRequest;
use crate::model::outcome::Note;

/// Puts the data of a service back, unless that was done since it was decided: by a controller that ended before it could
/// say so, or by a person. Gives what is told of it.
pub(crate) async fn restore(backups: Option<&Backups>, request: &RestoreRequest) -> Ended {
    let Some(backups) = backups else {
        return Err(failure("this controller has no directory for backups"));
    };
    let sets = known(backups, request).await;
    let since = |set: &&BackupSet| {
        set.restored.get(&request.service).is_some_and(|at| *at >= request.decided)
    };
    if sets.iter().any(|set| since(&set)) {
        return Ok(Done::default());
    }
    let result = put_back(backups, request, &sets).await;
    let (outcome, message) = match &result {
        Ok(text) => ("succeeded".to_owned(), text.clone()),
        Err(why) => (format!("failed: {why}"), format!("from backup {}", request.backup)),
    };
    let end = End {
        action: "RestoreData",
        object: request.service.to_string(),
        reason: "DataRestore",
        message: format!("revision {} was rejected: {message}", request.from),
        outcome,
    };
    record(backups, &request.project.name, end).await;
    let message = result.map_err(failure)?;
    let object = format!("{}/{}", request.project.name, request.service);
    let notes = vec![Note { object, reason: "DataRestored", message }];
    Ok(Done { notes, found: None })
}

async fn known(backups: &Backups, request: &RestoreRequest) -> Vec<BackupSet> {
    let (ledger, name) = (backups.ledger.clone(), request.project.name.clone());
    tokio::task::spawn_blocking(move || ledger.backups(&name)).await.unwrap_or_default()
}

async fn put_back(
    backups: &Backups,
    request: &RestoreRequest,
    sets: &[BackupSet],
) -> Result<String, String> {
    let (project, service, id) = (&*request.project, &request.service, &request.backup);
    let set = sets.iter().find(|set| set.id == *id);
    let set = set.ok_or_else(|| format!("backup {id} is not there any more"))?;
    if !set.is_good() || set.of(service).next().is_none() {
        let why = set.end.why().unwrap_or("it holds nothing of this service");
        return Err(format!("backup {id} cannot be restored: {why}"));
    }
    // What a try that was cut off has left is not what has to be kept.
    let kept = sets.iter().find(|set| {
        let aside = set.origin == Origin::BeforeRestore && set.at >= request.decided;
        aside && set.is_good() && set.of(service).next().is_some()
    });
    let aside = match kept {
        Some(set) => Some(set.id.clone()),
        None => backups
            .keep_aside(project, service)
            .await
            .map_err(|error| {
                format!("what is there now cannot be kept, so nothing was changed (`restore` has --no-aside): {error}")
            })?
            .map(|set| set.id),
    };
    let what = PutBack { project, service, set, container: &request.container };
    let notes = backups.put_back(what).await?;
    let age = request.decided.since(set.at).as_secs();
    let aside = aside.map_or_else(String::new, |id| format!("; what was there is backup {id}"));
    let notes = notes.iter().map(|note| format!("; {note}")).collect::<String>();
    Ok(format!(
        "from backup {id} of {}, {age} s before the version was rejected{aside}{notes}",
        set.at
    ))
}
