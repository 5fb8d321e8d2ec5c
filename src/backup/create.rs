//! Makes a backup of a project or one of its services: every member whole, or none.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::Arc;

use tokio::sync::mpsc::channel;
use tokio::task::spawn_blocking;

use crate::backup::reader::read_back;
use crate::backup::store::{Draft, Hold, Store};
use crate::backup::writer::{Written, write};
use crate::engine::{Engine, ObserveRequest};
use crate::ledger::Ledger;
use crate::model::backup::Retention;
use crate::model::backup_set::{BackupSet, Member, Origin, SetEnd};
use crate::model::desired::DesiredProject;
use crate::model::hook::HookCommand;
use crate::model::id::ServiceName;
use crate::model::observed::{Health, Lifecycle, ObservedContainer, ObservedState};
use crate::model::time::Timestamp;
use crate::recipes::{self, Read};
use crate::secrets::Keyring;

/// Pieces of a dump that wait for the disk.
const PIECES: usize = 16;

/// What opens encrypted backups, read anew each time.
pub type Keys = Arc<dyn Fn() -> Keyring + Send + Sync>;

/// What backups are made with.
#[derive(Clone)]
pub struct Backups {
    /// The engine.
    pub engine: Engine,
    /// The catalogue.
    pub ledger: Ledger,
    /// The files.
    pub store: Store,
    /// Now.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// What opens encrypted ones.
    pub keys: Keys,
}

impl fmt::Debug for Backups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backups").field("store", &self.store).finish_non_exhaustive()
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The project, as its files say.
    pub project: &'a DesiredProject,
    /// Only this service of it.
    pub service: Option<&'a ServiceName>,
    /// Only services among these: no other one has ever run. `None` is all of them.
    pub known: Option<&'a BTreeSet<ServiceName>>,
    /// Why.
    pub origin: Origin,
}

/// Why there is no backup.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// No service or volume of it holds data that is known or declared.
    #[error(
        "nothing of it is backed up: no server is known by its image, no volume is declared; write `x-composelet.backup` on the service"
    )]
    Nothing,
    /// Another one is being made.
    #[error("another backup of this project is being made")]
    Busy,
    /// It was begun and given up; the catalogue says so.
    #[error("{0}")]
    Failed(String),
}

impl Backups {
    /// Makes a backup, enters it into the catalogue, and lets go of those that retention does not keep.
    ///
    /// # Errors
    /// Why there is none. What was written of it is gone.
    pub async fn create(&self, wanted: Wanted<'_>) -> Result<BackupSet, CreateError> {
        let reads = recipes::reads(wanted.project);
        let asked = |read: &Read<'_>| {
            let name = &read.service.name;
            wanted.service.is_none_or(|one| one == name)
                && wanted.known.is_none_or(|known| known.contains(name))
        };
        let reads: Vec<Read<'_>> = reads.into_iter().filter(asked).collect();
        if reads.is_empty() {
            return Err(CreateError::Nothing);
        }
        let project = &wanted.project.name;
        let (store, name) = (self.store.clone(), project.clone());
        let hold = spawn_blocking(move || store.hold(&name)).await.map_err(io::Error::other);
        let hold = hold.flatten().map_err(|error| {
            CreateError::Failed(format!("the directory of backups cannot be used: {error}"))
        })?;
        let hold = hold.ok_or(CreateError::Busy)?;
        self.adopt(&hold, wanted);
        let at = (self.now)();
        let id =
            self.ledger.backup_id(at).map_err(|error| CreateError::Failed(error.to_string()))?;
        let mut set = BackupSet {
            id,
            project: project.clone(),
            service: wanted.service.cloned(),
            at,
            ended: at,
            origin: wanted.origin,
            directory: String::new(),
            members: Vec::new(),
            end: SetEnd::Good,
            verified: None,
            proven: None,
            restored: BTreeMap::new(),
        };
        let result = self.fill(&hold, &mut set, &reads).await;
        if let Err(why) = result {
            set.ended = (self.now)();
            // Published already, if only its entry could not be written.
            self.store.remove(&set).ok();
            set.members.clear();
            set.directory.clear();
            set.end = SetEnd::Failed { why: why.clone() };
            let noted = self.ledger.save_backup(&set);
            let noted = noted.map_or_else(|error| format!("; {error}"), |()| String::new());
            return Err(CreateError::Failed(format!("{why}{noted}")));
        }
        self.let_go(wanted).await;
        Ok(set)
    }

    /// Takes up sets whose writer ended before it could enter them.
    fn adopt(&self, hold: &Hold, wanted: Wanted<'_>) {
        let known = self.ledger.backups(&wanted.project.name);
        for orphan in hold.orphans(|id| known.iter().any(|set| set.id == id)) {
            if let Err(error) = self.ledger.save_backup(&orphan) {
                tracing::warn!(backup = orphan.id, %error, "a backup cannot be entered");
            }
        }
    }

    async fn fill(
        &self,
        hold: &Hold,
        set: &mut BackupSet,
        reads: &[Read<'_>],
    ) -> Result<(), String> {
        let request = ObserveRequest { project: Some(set.project.clone()), ..Default::default() };
        let observed = self.engine.observe(&request).await.map_err(|failure| failure.message)?;
        let draft = hold.begin(&set.id).map_err(|error| format!("it cannot be begun: {error}"))?;
        for read in reads {
            let name = read.volume.map_or_else(String::new, |volume| format!(", volume {volume}"));
            let member = self.member(&draft, &observed, read).await;
            let member = member.map_err(|why| format!("{}{name}: {why}", read.service.name))?;
            set.members.push(member);
        }
        set.ended = (self.now)();
        set.verified = Some(set.ended);
        set.directory = draft.place();
        let (about, ledger) = (set.clone(), self.ledger.clone());
        let publish = move || {
            draft.publish(&about).map_err(|error| format!("it cannot be finished: {error}"))?;
            ledger.save_backup(&about).map_err(|error| error.to_string())
        };
        spawn_blocking(publish).await.map_err(|error| error.to_string())?
    }

    /// Reads one member out of its container, and reads the file back from the disk.
    async fn member(
        &self,
        draft: &Draft,
        observed: &ObservedState,
        read: &Read<'_>,
    ) -> Result<Member, String> {
        let container = running(observed, &read.service.name)
            .ok_or("no container of it runs; start it, or write {recipe: none}")?;
        let command = recipes::dump(&read.recipe).ok_or("it is left out")?;
        let command = HookCommand { command, ..HookCommand::default() };
        let format = read.recipe.format();
        let name = file_name(read);
        let file = draft.file(&name).map_err(|error| format!("it cannot be begun: {error}"))?;
        let (sender, receiver) = channel(PIECES);
        let recipients = read.recipients.clone();
        let writing = {
            let (format, recipients) = (format.clone(), recipients.clone());
            spawn_blocking(move || write(receiver, file, &format, &recipients))
        };
        let ended = self.engine.exec_output(&container.id, &command, sender).await;
        let written = writing.await.map_err(|error| error.to_string())?;
        let notes = match ended {
            Ok(end) if end.code == 0 => end.lines,
            Ok(end) => return Err(format!("exit code {}; {}", end.code, end.lines.join("; "))),
            // Who could not write any more took no more output: that is the cause.
            Err(failure) => return Err(written.err().unwrap_or(failure.message)),
        };
        let Written { plain_bytes, file_bytes, sha256 } = written?;
        let member = Member {
            service: read.service.name.clone(),
            volume: read.volume.map(str::to_owned),
            revision: container.claim.revision.as_ref().map(ToString::to_string),
            image: read.service.image.clone(),
            format,
            file: name,
            file_bytes,
            plain_bytes,
            sha256,
            recipients: u32::try_from(recipients.len()).unwrap_or(u32::MAX),
            notes,
            proven: None,
        };
        let (directory, checked) = (draft.path(""), member.clone());
        spawn_blocking(move || read_back(&directory, &checked, None, None))
            .await
            .map_err(|error| error.to_string())??;
        Ok(member)
    }

    /// Removes what retention does not keep, unless a drill goes on, which may be about it. The entry goes last: files
    /// without one are found again.
    async fn let_go(&self, wanted: Wanted<'_>) {
        let sets = self.ledger.backups(&wanted.project.name);
        let mut surplus = recipes::surplus(&sets, retention(wanted.project));
        let (this, project) = (self.clone(), wanted.project.name.clone());
        let remove = move || {
            let Ok(Some(_hold)) = this.store.hold_drill(&project) else { return };
            // What an update that fails goes back to is not surplus.
            let (memory, _) = this.ledger.load_project(&project);
            surplus.retain(|id| memory.backups_in_use().all(|used| used != id));
            for set in sets.iter().filter(|set| surplus.contains(&set.id)) {
                if let Err(error) = this.remove(set) {
                    tracing::warn!(backup = set.id, error, "a backup cannot be let go");
                }
            }
        };
        // What could not be removed is surplus the next time, too.
        drop(spawn_blocking(remove).await);
    }

    /// Removes a backup: its entry, then its files.
    ///
    /// # Errors
    /// What could not be removed.
    pub fn remove(&self, set: &BackupSet) -> Result<(), String> {
        self.store.remove(set).map_err(|error| error.to_string())?;
        self.ledger.forget_backup(set).map_err(|error| error.to_string())
    }
}

/// What all parts of a project ask for together; the default where none says anything.
fn retention(project: &DesiredProject) -> Retention {
    let services = project.services.values().filter_map(|service| service.backup.as_deref());
    let words = services.chain(project.volume_backups.values()).map(|word| word.retention);
    words.reduce(Retention::with).unwrap_or_default()
}

/// A container of a service that can be asked: a healthy one before others.
fn running<'a>(
    observed: &'a ObservedState,
    service: &ServiceName,
) -> Option<&'a ObservedContainer> {
    let fits = |one: &&ObservedContainer| {
        let claim = &one.claim;
        let replica = !claim.one_off
            && claim.hook.is_none()
            && claim.companion.is_none()
            && claim.due.is_none();
        replica
            && claim.service.as_ref() == Some(service)
            && matches!(one.lifecycle, Lifecycle::Running { .. })
    };
    let all = observed.containers.iter().filter(fits);
    all.min_by_key(|one| (one.health != Health::Healthy, one.claim.number))
}

fn file_name(read: &Read<'_>) -> String {
    let volume = read.volume.map_or_else(String::new, |volume| format!(".{volume}"));
    let age = if read.recipients.is_empty() { "" } else { ".age" };
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() || "._-".contains(letter) { letter } else { '_' }
    };
    let stem: String = format!("{}{volume}", read.service.name).chars().map(plain).collect();
    format!("{stem}.{}.zst{age}", read.recipe.format().extension())
}
