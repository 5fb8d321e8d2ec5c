//! What the commands about backups have in common: the project as its files say, the catalogue, directory and keys.

use std::sync::Arc;

use crate::backup::{Backups, Keys, Store};
use crate::cli::context::Context;
use crate::cli::exit::CliError;
use crate::cli::foresight::own_paths;
use crate::cli::manifests::{self, Reading};
use crate::cli::target::Target;
use crate::engine::Engine;
use crate::ledger::Ledger;
use crate::manifest::{Dialect, HostChoices};
use crate::model::backup_set::BackupSet;
use crate::model::desired::DesiredProject;
use crate::model::path::LocalPath;
use crate::secrets::Keyring;

/// The project that a target names, as its files say now.
///
/// # Errors
/// It is not there, or its files have errors.
pub(super) async fn project(
    context: &Context,
    engine: &Engine,
    target: &Target,
) -> Result<DesiredProject, CliError> {
    let paths = own_paths(context, engine).await?;
    let reading = Reading {
        environment: context.settings.environment.clone(),
        choices: HostChoices { paths, ..context.settings.choices.clone() },
        dialect: Dialect::Controller,
        decryption: manifests::decryption(context),
    };
    for entry in manifests::entries_of_root(&context.settings.desired_state)? {
        let loaded = reading.load(&entry)?;
        if loaded.name.as_ref() != Some(&target.project) {
            continue;
        }
        let project = loaded.project.ok_or_else(|| {
            CliError::runtime(format!("the manifests of {} have errors", target.project))
                .hint("`composelet validate` shows them")
        })?;
        if let Some(service) = &target.service
            && !project.services.contains_key(service)
        {
            let message = format!("{} has no service `{service}`", target.project);
            return Err(CliError::not_found(message));
        }
        return Ok(project);
    }
    Err(CliError::not_found(format!("there is no project `{}`", target.project)))
}

/// Makes and removes backups.
///
/// # Errors
/// As [`Context::ledger`].
pub(super) fn backups(context: &Context, engine: Engine) -> Result<Backups, CliError> {
    let clock = context.clone();
    Ok(Backups {
        engine,
        ledger: context.ledger()?,
        store: Store::new(&directory(context)),
        now: Arc::new(move || clock.now()),
        keys: opened_with(context),
    })
}

/// Where backups lie: what the settings say, else below the state directory.
pub(super) fn directory(context: &Context) -> LocalPath {
    let settings = &context.settings;
    let default = || settings.state_dir.join("backup-files");
    settings.backups.clone().map_or_else(default, LocalPath::new)
}

/// The keys of the settings, read when they are needed.
pub(super) fn opened_with(context: &Context) -> Keys {
    let decryption = manifests::decryption(context);
    Arc::new(move || decryption.keyring())
}

/// The keys of the settings, if they name any.
pub(super) fn keys(context: &Context) -> Option<Arc<Keyring>> {
    let named = !context.settings.age_keys.is_empty();
    named.then(|| Arc::new(manifests::decryption(context).keyring()))
}

/// The catalogue.
#[derive(Debug)]
pub(super) struct Saved {
    /// Where it is kept.
    pub(super) ledger: Ledger,
    /// Its entries, by project and time.
    pub(super) sets: Vec<BackupSet>,
}

impl Saved {
    /// Reads it. What was cut off is removed from the directory, unless a backup is being made.
    ///
    /// # Errors
    /// As [`Context::ledger`].
    pub(super) fn read(context: &Context) -> Result<Self, CliError> {
        let ledger = context.ledger()?;
        let store = Store::new(&directory(context));
        let mut sets = Vec::new();
        for project in ledger.projects_with_backups() {
            store.sweep(&project);
            sets.extend(ledger.backups(&project));
        }
        Ok(Self { ledger, sets })
    }

    /// The backup with this id.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn find(&self, id: &str) -> Result<&BackupSet, CliError> {
        self.sets.iter().find(|set| set.id == id).ok_or_else(|| {
            CliError::not_found(format!("there is no backup `{id}`"))
                .hint("`composelet backup list` shows them")
        })
    }
}
