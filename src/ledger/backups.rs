//! The catalogue of backups: one file for each, so that the controller and a command may both write.

use crate::ledger::error::LedgerError;
use crate::ledger::open::Ledger;
use crate::ledger::store::{checked, load, remove, save};
use crate::model::backup_set::BackupSet;
use crate::model::id::ProjectName;
use crate::model::time::Timestamp;

const DIRECTORY: &str = "backups";

impl Ledger {
    /// A name for a backup that begins now: its time, and digits that no other has.
    ///
    /// # Errors
    /// If no random digits can be had.
    pub fn backup_id(&self, at: Timestamp) -> Result<String, LedgerError> {
        let random = self.storage.entropy().map_err(|error| LedgerError::io(DIRECTORY, error))?;
        let random: String = random.iter().take(2).map(|byte| format!("{byte:02x}")).collect();
        let digits: String = at.to_string().chars().filter(char::is_ascii_digit).collect();
        let (day, rest) = digits.split_at_checked(8).unwrap_or((&digits, ""));
        Ok(format!("{day}-{}-{random}", rest.get(..6).unwrap_or(rest)))
    }

    /// Writes the entry of a backup, in the place of the one before.
    ///
    /// # Errors
    /// If it cannot be written; the one before stands.
    pub fn save_backup(&self, set: &BackupSet) -> Result<(), LedgerError> {
        let directory = directory(&set.project)?;
        let wrap = |error| LedgerError::io(&directory, error);
        self.storage.create_directory(&directory).map_err(wrap)?;
        save(self.storage.as_ref(), &format!("{directory}/{}.json", checked(&set.id)?), set)
    }

    /// Removes the entry of a backup; one that is gone is removed.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn forget_backup(&self, set: &BackupSet) -> Result<(), LedgerError> {
        let path = format!("{}/{}.json", directory(&set.project)?, checked(&set.id)?);
        remove(self.storage.as_ref(), &path)
    }

    /// The backups of a project, oldest first. An entry that cannot be read is set aside: the files stay where they are.
    pub fn backups(&self, project: &ProjectName) -> Vec<BackupSet> {
        let Ok(directory) = directory(project) else { return Vec::new() };
        let names = self.storage.list(&directory).unwrap_or_default();
        let ids = names.iter().filter(|name| !name.starts_with('.'));
        let ids = ids.filter_map(|name| name.strip_suffix(".json"));
        let paths = ids.map(|id| format!("{directory}/{id}.json"));
        let mut sets: Vec<BackupSet> =
            paths.filter_map(|path| load(self.storage.as_ref(), &path).0).collect();
        sets.sort_by(|left, right| (left.at, &left.id).cmp(&(right.at, &right.id)));
        sets
    }

    /// Projects that have an entry, those that went away included.
    pub fn projects_with_backups(&self) -> Vec<ProjectName> {
        let names = self.storage.list(DIRECTORY).unwrap_or_default();
        names.iter().map(|name| ProjectName::from(name.as_str())).collect()
    }
}

fn directory(project: &ProjectName) -> Result<String, LedgerError> {
    Ok(format!("{DIRECTORY}/{}", checked(project.as_str())?))
}
