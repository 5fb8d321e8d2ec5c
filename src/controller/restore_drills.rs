//! Restore drills: a backup is restored into throw-away containers, one service after the other. `backup drill` and the
//! controller do it by the same code.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;

use crate::backup::{Backups, Drill};
use crate::controller::backups::{End, failure, record};
use crate::engine::ObserveRequest;
use crate::model::backup::Backup;
use crate::model::backup_set::{BackupSet, Origin};
use crate::model::desired::{DesiredProject, DesiredService, SourceFacts};
use crate::model::hook::HookCommand;
use crate::model::id::{Installation, ServiceName};
use crate::model::observed::{ImageState, ObservedState};
use crate::model::outcome::Failure;
use crate::model::path::PathMap;
use crate::model::restore_drill::{RestoreDrillCause, RestoreDrillRequest};
use crate::planner::{DrillContainer, drill_container};
use crate::secrets::Keyring;
use crate::source::ContentStore;

/// What drills are made with.
#[derive(Clone, Debug)]
pub struct RestoreDrills {
    /// Engine, catalogue and files.
    pub backups: Backups,
    /// Files that composelet writes for containers.
    pub content: ContentStore,
    /// Where the engine finds them.
    pub paths: PathMap,
    /// Our identity on the engine.
    pub installation: Installation,
}

/// What is tried.
#[derive(Clone, Copy, Debug)]
pub struct DrillOf<'a> {
    /// The project, as its files say.
    pub project: &'a DesiredProject,
    /// The backup.
    pub set: &'a BackupSet,
    /// Only this service of it.
    pub service: Option<&'a ServiceName>,
    /// Time for each service.
    pub timeout: Duration,
}

/// What came of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Which.
    pub service: ServiceName,
    /// What the recipes said, or why it is not proven.
    pub result: Result<Vec<String>, String>,
}

/// What all services of one drill have in common.
struct Common<'a> {
    drills: &'a RestoreDrills,
    of: DrillOf<'a>,
    observed: ObservedState,
    facts: SourceFacts,
    keys: Arc<Keyring>,
}

impl RestoreDrills {
    /// Tries every service that is asked for, and notes in the catalogue which of them passed.
    ///
    /// # Errors
    /// Why nothing could be tried, or nothing noted.
    pub async fn run(&self, of: DrillOf<'_>) -> Result<Vec<Tried>, String> {
        let (store, name) = (self.backups.store.clone(), of.project.name.clone());
        let hold = spawn_blocking(move || store.hold_drill(&name)).await;
        let hold = hold.map_err(|error| error.to_string())?;
        let hold = hold.map_err(|error| format!("the directory of backups: {error}"))?;
        let _hold = hold.ok_or("another restore drill of this project goes on")?;
        let common = self.look(of).await?;
        let mut services: Vec<&ServiceName> = Vec::new();
        for member in &of.set.members {
            let name = &member.service;
            if of.service.is_none_or(|one| one == name) && !services.contains(&name) {
                services.push(name);
            }
        }
        let mut tried = Vec::new();
        for name in services {
            let result = match of.project.services.get(name) {
                Some(service) => Box::pin(common.one(service)).await,
                None => Err("the manifest has no such service any more".to_owned()),
            };
            tried.push(Tried { service: name.clone(), result });
        }
        self.note(of.set, &tried).await?;
        Ok(tried)
    }

    async fn look<'a>(&'a self, of: DrillOf<'a>) -> Result<Common<'a>, String> {
        let services = of.project.services.values();
        let request = ObserveRequest {
            project: Some(of.project.name.clone()),
            images: services.map(|service| service.image.clone()).collect(),
            fresh: true,
            ..ObserveRequest::default()
        };
        let observed = self.backups.engine.observe(&request).await;
        let observed = observed.map_err(|failure| failure.message)?;
        let kept = self.content.places(of.project, &self.paths);
        let facts = SourceFacts { kept, ..SourceFacts::default() };
        let opened_with = Arc::clone(&self.backups.keys);
        let keys = spawn_blocking(move || opened_with()).await;
        let keys = Arc::new(keys.map_err(|error| error.to_string())?);
        Ok(Common { drills: self, of, observed, facts, keys })
    }

    /// Enters what passed into the catalogue, as it is by now: the backup may have been found damaged, or be gone.
    async fn note(&self, set: &BackupSet, tried: &[Tried]) -> Result<(), String> {
        let passed = tried.iter().filter(|one| one.result.is_ok());
        let passed: Vec<ServiceName> = passed.map(|one| one.service.clone()).collect();
        let (ledger, at) = (self.backups.ledger.clone(), (self.backups.now)());
        let (project, id) = (set.project.clone(), set.id.clone());
        let write = move || {
            let sets = ledger.backups(&project);
            let mut set = sets.into_iter().find(|set| set.id == id).ok_or_else(|| gone(&id))?;
            for service in &passed {
                set.prove(service, at);
            }
            ledger.save_backup(&set).map_err(|error| error.to_string())
        };
        spawn_blocking(write).await.map_err(|error| error.to_string())?
    }

    /// The backup that is asked for. While it waited for its turn retention may have taken it, because there is a newer one.
    async fn find(&self, request: &RestoreDrillRequest) -> Result<BackupSet, String> {
        let (ledger, project) = (self.backups.ledger.clone(), request.project.name.clone());
        let sets = spawn_blocking(move || ledger.backups(&project)).await;
        let sets = sets.map_err(|error| error.to_string())?;
        let holds = |set: &&BackupSet| match &request.service {
            Some(service) => set.of(service).next().is_some(),
            None => set.service.is_none(),
        };
        let id = &request.cause.backup;
        let asked = sets.iter().find(|set| set.id == *id && set.is_good());
        let newest = || {
            let mut good = sets.iter().filter(|set| set.is_good());
            good.rfind(|set| set.origin != Origin::BeforeRestore && holds(set))
        };
        asked.or_else(newest).cloned().ok_or_else(|| gone(id))
    }
}

fn gone(id: &str) -> String {
    format!("backup {id} is not there any more")
}

impl Common<'_> {
    async fn one(&self, service: &DesiredService) -> Result<Vec<String>, String> {
        let image = self.observed.images.get(&service.image).and_then(ImageState::present);
        let image = image.and_then(|image| Some((image, image.id.as_ref()?)));
        let image = image.ok_or_else(|| format!("its image {} is not here", service.image))?;
        let from = DrillContainer {
            project: self.of.project,
            service,
            image,
            facts: &self.facts,
            installation: &self.drills.installation,
        };
        let formats = self.of.set.of(&service.name).map(|member| &member.format);
        let word = service.backup.as_deref();
        let own = word.and_then(Backup::own_restore);
        let check = word.and_then(|word| word.drill.as_ref());
        let check = check.filter(|drill| !drill.check.is_empty()).map(|drill| HookCommand {
            command: drill.check.clone(),
            hidden: service.config.environment.values().flatten().cloned().collect(),
            ..HookCommand::default()
        });
        let drill = Drill {
            engine: &self.drills.backups.engine,
            set: self.of.set,
            service: &service.name,
            create: drill_container(&from, formats),
            own,
            keys: &self.keys,
            check,
            within: self.of.timeout,
        };
        drill.run().await
    }
}

/// Makes a drill that a plan asks for, and writes into the history what came of it.
pub(crate) async fn make(
    drills: Option<&RestoreDrills>,
    request: &RestoreDrillRequest,
) -> Result<(), Failure> {
    let Some(drills) = drills else {
        return Err(failure("this controller has no directory for backups"));
    };
    let set = drills.find(request).await;
    let tried = set.as_ref().map_or(&request.cause.backup, |set| &set.id).clone();
    let made = match &set {
        Ok(set) => passed(drills, request, set).await,
        Err(why) => Err(why.clone()),
    };
    let cause = RestoreDrillCause { backup: tried, ..request.cause.clone() };
    let end = End {
        action: "DrillBackup",
        object: request.to_string(),
        reason: cause.code(),
        message: cause.to_string(),
        outcome: match &made {
            Ok(()) => "succeeded".to_owned(),
            Err(why) => format!("failed: {why}"),
        },
    };
    record(&drills.backups, &request.project.name, end).await;
    made.map_err(failure)
}

async fn passed(
    drills: &RestoreDrills,
    request: &RestoreDrillRequest,
    set: &BackupSet,
) -> Result<(), String> {
    let of = DrillOf {
        project: &request.project,
        set,
        service: request.service.as_ref(),
        timeout: request.timeout,
    };
    let tried = drills.run(of).await?;
    let failed = tried.iter().filter_map(|one| Some((&one.service, one.result.as_ref().err()?)));
    let failed: Vec<String> = failed.map(|(name, why)| format!("{name}: {why}")).collect();
    if tried.is_empty() {
        return Err(format!("backup {} holds nothing of it", set.id));
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
}
