//! Memory of projects and of the host. Crash counts are part of the memory of their project.

use std::collections::BTreeSet;

use crate::ledger::error::LedgerError;
use crate::ledger::open::Ledger;
use crate::ledger::store::{checked, load, remove, save};
use crate::model::id::ProjectName;
use crate::model::ledger::{HostLedger, ProjectLedger};

impl Ledger {
    /// What is remembered of a project; the default if nothing is. A corrupt file is set aside as `*.corrupt-<n>` and the
    /// note says so; a file that cannot be read is left, and noted as well.
    pub fn load_project(&self, name: &ProjectName) -> (ProjectLedger, Option<String>) {
        match project_path(name) {
            Ok(path) => {
                let (ledger, note) = load(self.storage.as_ref(), &path);
                (ledger.unwrap_or_default(), note)
            }
            Err(error) => (ProjectLedger::default(), Some(error.to_string())),
        }
    }

    /// Remembers a project. Unchanged memory is not written.
    ///
    /// # Errors
    /// If it cannot be written; the version before stands.
    pub fn save_project(
        &self,
        name: &ProjectName,
        ledger: &ProjectLedger,
    ) -> Result<(), LedgerError> {
        save(self.storage.as_ref(), &project_path(name)?, ledger)
    }

    /// What belongs to no single project; as [`Ledger::load_project`].
    pub fn load_host(&self) -> (HostLedger, Option<String>) {
        let (ledger, note) = load(self.storage.as_ref(), "host.json");
        (ledger.unwrap_or_default(), note)
    }

    /// Remembers what belongs to no single project.
    ///
    /// # Errors
    /// If it cannot be written; the version before stands.
    pub fn save_host(&self, ledger: &HostLedger) -> Result<(), LedgerError> {
        save(self.storage.as_ref(), "host.json", ledger)
    }

    /// Forgets a project that was removed: its memory and its last good files. Its history stays, so that the removal can be
    /// explained, until there are too many histories.
    ///
    /// # Errors
    /// If a file cannot be removed; calling again goes on.
    pub fn remove_project(&self, name: &ProjectName) -> Result<(), LedgerError> {
        remove(self.storage.as_ref(), &project_path(name)?)?;
        self.remove_last_good(name)?;
        self.prune_revisions(name, &BTreeSet::new())?;
        self.prune_histories(name);
        Ok(())
    }
}

fn project_path(name: &ProjectName) -> Result<String, LedgerError> {
    Ok(format!("projects/{}.json", checked(name.as_str())?))
}
