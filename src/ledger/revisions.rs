//! The files of the versions of each project that may have to run again, by their digest.

use std::collections::BTreeSet;

use crate::ledger::error::LedgerError;
use crate::ledger::last_good::LastGood;
use crate::ledger::open::Ledger;
use crate::ledger::store::{checked, remove};
use crate::model::id::ProjectName;

/// Characters of a digest in a name of a file: enough to tell the few versions of one project apart.
const DIGITS: usize = 32;

impl Ledger {
    /// Keeps the files of a version; they may hold secrets: mode 0600.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn save_revision(&self, name: &ProjectName, files: &LastGood) -> Result<(), LedgerError> {
        let directory = directory(name)?;
        let wrap = |error| LedgerError::io(&directory, error);
        self.storage.create_directory(&directory).map_err(wrap)?;
        self.save_files(&format!("{directory}/{}", file_name(&files.digest)), files)
    }

    /// The files of the version with this digest, if they are kept and whole.
    pub fn load_revision(&self, name: &ProjectName, digest: &str) -> Option<LastGood> {
        let path = format!("{}/{}", directory(name).ok()?, file_name(digest));
        self.load_files(&path).filter(|files| files.digest == digest)
    }

    /// Removes the files of all versions of a project but those with these digests.
    ///
    /// # Errors
    /// If one cannot be removed.
    pub fn prune_revisions(
        &self,
        name: &ProjectName,
        keep: &BTreeSet<String>,
    ) -> Result<(), LedgerError> {
        let directory = directory(name)?;
        let keep: BTreeSet<String> = keep.iter().map(|digest| file_name(digest)).collect();
        for file in self.storage.list(&directory).unwrap_or_default() {
            if !keep.contains(&file) {
                remove(self.storage.as_ref(), &format!("{directory}/{file}"))?;
            }
        }
        Ok(())
    }
}

fn directory(name: &ProjectName) -> Result<String, LedgerError> {
    Ok(format!("revisions/{}", checked(name.as_str())?))
}

fn file_name(digest: &str) -> String {
    let digits: String = digest.chars().filter(char::is_ascii_hexdigit).take(DIGITS).collect();
    format!("{digits}.json")
}
