//! Shows that a backup can be restored: into a throw-away container, which is gone afterwards whatever came of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};

use crate::backup::reader::{Trust, read_back};
use crate::backup::restore::restore;
use crate::engine::Engine;
use crate::model::backup_set::{BackupSet, Member};
use crate::model::hook::HookCommand;
use crate::model::id::{ContainerId, ServiceName};
use crate::model::outcome::Failure;
use crate::model::plan::CreateContainer;
use crate::model::secret::Secret;
use crate::secrets::Keyring;

/// Time between two tries while the server in the container begins to run.
const PAUSE: Duration = Duration::from_secs(2);
/// How long what runs in the container may take to end: nothing of it is kept.
const GRACE_S: u64 = 1;

/// One drill.
#[derive(Debug)]
pub struct Drill<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// The backup.
    pub set: &'a BackupSet,
    /// Which service of it.
    pub service: &'a ServiceName,
    /// The throw-away container.
    pub create: CreateContainer,
    /// The manifest's own command that restores.
    pub own: Option<&'a [Secret]>,
    /// What opens encrypted backups.
    pub keys: &'a Arc<Keyring>,
    /// Run inside once all is restored; it has to end with 0.
    pub check: Option<HookCommand>,
    /// Time for all of it.
    pub within: Duration,
}

impl Drill<'_> {
    /// Restores, checks, and removes the container.
    ///
    /// # Errors
    /// Why the backup is not proven, or that the container could not be removed.
    pub async fn run(&self) -> Result<Vec<String>, String> {
        for member in self.set.of(self.service) {
            self.readable(member).await?;
        }
        self.clear().await?;
        let made = self.engine.create_container(&self.create).await;
        let id = made.map_err(|failure| failure.message)?;
        let result = self.filled(&id).await;
        // Found by its name: a call that was cut off may have made it all the same.
        let cleared = self.clear().await;
        let notes = result?;
        cleared.map(|()| notes)
    }

    /// Whether a file can be read to its end here.
    async fn readable(&self, member: &Member) -> Result<(), String> {
        let directory = PathBuf::from(&self.set.directory);
        let (member, keys) = (member.clone(), Arc::clone(self.keys));
        let read = move || match read_back(&directory, &member, Some(&keys), None)? {
            Trust::Whole => Ok(()),
            Trust::Sealed => Err(format!("there is no key here that opens {}", member.file)),
        };
        spawn_blocking(read).await.map_err(|error| error.to_string())?
    }

    async fn filled(&self, id: &ContainerId) -> Result<Vec<String>, String> {
        self.engine.start_container(id).await.map_err(|failure| failure.message)?;
        let mut last = "nothing was tried yet".to_owned();
        let ended = timeout(self.within, self.until_proven(id, &mut last)).await;
        let within = self.within;
        ended.map_err(|_| format!("it was not done within {within:?}: {last}"))
    }

    /// A server that begins to run takes nothing, or is started anew in between: both pass.
    async fn until_proven(&self, id: &ContainerId, last: &mut String) -> Vec<String> {
        let begun = Instant::now();
        loop {
            match self.fill(id).await {
                Ok(notes) => {
                    let left = self.within.saturating_sub(begun.elapsed());
                    match self.checked(id, left).await {
                        Ok(()) => return notes,
                        Err(why) => *last = format!("the check failed: {why}"),
                    }
                }
                Err(why) => *last = why,
            }
            sleep(PAUSE).await;
        }
    }

    async fn fill(&self, id: &ContainerId) -> Result<Vec<String>, String> {
        let mut notes = Vec::new();
        for member in self.set.of(self.service) {
            let pair = (self.set, member);
            notes.extend(restore(self.engine, id, pair, self.own, self.keys).await?);
        }
        Ok(notes)
    }

    async fn checked(&self, id: &ContainerId, left: Duration) -> Result<(), String> {
        let Some(check) = &self.check else { return Ok(()) };
        let ended = self.engine.run_command(id, check, Some(left)).await;
        ended.map_err(|failure| failure.message)
    }

    /// Removes the container, and what an earlier drill left that was cut off.
    async fn clear(&self) -> Result<(), String> {
        let name = |failure: Failure| failure.message;
        let listed = self.engine.listed().await.map_err(name)?;
        let own = listed.into_iter().filter(|one| {
            one.name == self.create.name && one.claim.drill.as_ref() == Some(self.service)
        });
        for one in own {
            if one.alive {
                self.engine.stop_container(&one.id, Some(GRACE_S)).await.map_err(name)?;
            }
            self.engine.remove_container(&one.id).await.map_err(name)?;
        }
        Ok(())
    }
}
