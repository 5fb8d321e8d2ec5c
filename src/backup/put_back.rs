//! A backup takes the place of the data of a service that runs: what is there is kept first, and what was done is entered
//! into the catalogue. Who writes is stopped by whoever asks.

use std::io;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use crate::backup::create::{Backups, CreateError, Wanted};
use crate::backup::restore::restore;
use crate::model::backup::Backup;
use crate::model::backup_set::{BackupSet, Origin};
use crate::model::desired::DesiredProject;
use crate::model::id::{ContainerId, ServiceName};
use crate::recipes;

/// What is to take the place of what.
#[derive(Clone, Copy, Debug)]
pub struct PutBack<'a> {
    /// The project.
    pub project: &'a DesiredProject,
    /// The service.
    pub service: &'a ServiceName,
    /// The backup.
    pub set: &'a BackupSet,
    /// A container of the service that runs.
    pub container: &'a ContainerId,
}

impl Backups {
    /// Saves what is there of a service before something takes its place; `None` if there is nothing.
    ///
    /// # Errors
    /// Why it cannot be kept.
    pub async fn keep_aside(
        &self,
        project: &DesiredProject,
        service: &ServiceName,
    ) -> Result<Option<BackupSet>, CreateError> {
        let wanted =
            Wanted { project, service: Some(service), known: None, origin: Origin::BeforeRestore };
        match self.create(wanted).await {
            Ok(set) => Ok(Some(set)),
            Err(CreateError::Failed(why)) if why.contains(recipes::NO_DATABASE) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Restores every member that a backup has of a service, and enters that into the catalogue. One at a time in a
    /// project, and none beside a backup. Gives what the recipes said.
    ///
    /// # Errors
    /// What failed. What a recipe did until then stays.
    pub async fn put_back(&self, what: PutBack<'_>) -> Result<Vec<String>, String> {
        let (store, name) = (self.store.clone(), what.project.name.clone());
        let hold = spawn_blocking(move || store.hold(&name)).await.map_err(io::Error::other);
        let hold = hold
            .flatten()
            .map_err(|error| format!("the directory of backups cannot be used: {error}"))?;
        let _hold = hold.ok_or("a backup or a restore of this project goes on")?;
        let service = what.project.services.get(what.service);
        let word = service.and_then(|service| service.backup.as_deref());
        let own = word.and_then(Backup::own_restore);
        let keys = Arc::new((self.keys)());
        let mut notes = Vec::new();
        for member in what.set.of(what.service) {
            let pair = (what.set, member);
            notes.extend(restore(&self.engine, what.container, pair, own, &keys).await?);
        }
        let (now, mut set) = ((self.now)(), what.set.clone());
        set.prove(what.service, now);
        set.restored.insert(what.service.clone(), now);
        self.ledger.save_backup(&set).map_err(|error| error.to_string())?;
        Ok(notes)
    }
}
