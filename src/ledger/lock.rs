//! Who may act: one controller per state directory, and one per engine and installation.

use crate::ledger::error::LedgerError;
use crate::ledger::open::{Ledger, OWN_DIRECTORIES};
use crate::ledger::storage::StorageLock;
use crate::ledger::store::TEMPORARY;
use crate::model::id::Installation;
use crate::model::secret::sha256_hex;

/// Exclusive right to act; released on drop and by the end of the process, however it ends.
#[derive(Debug)]
pub struct LedgerLock(#[expect(dead_code, reason = "held for its drop")] StorageLock);

impl Ledger {
    /// Takes the lock of this state directory without waiting. `None`: somebody else holds it, see
    /// [`Ledger::lock_holder`].
    ///
    /// # Errors
    /// If the lock file cannot be made or the file system has no locks.
    pub fn try_lock(&self) -> Result<Option<LedgerLock>, LedgerError> {
        let owner = format!("{}\n", std::process::id());
        let lock =
            self.storage.lock("lock", &owner).map_err(|error| LedgerError::io("lock", error))?;
        if lock.is_some() {
            self.sweep();
            self.harden();
        }
        Ok(lock.map(LedgerLock))
    }

    /// Process id of the last one that took the lock of this state directory; it may have ended since.
    pub fn lock_holder(&self) -> Option<u32> {
        let bytes = self.storage.read("lock").ok()?;
        String::from_utf8(bytes).ok()?.trim().parse().ok()
    }

    /// Takes the lock of an engine and installation, in a directory that all state directories of this host share
    /// (`/run/composelet`, or the directory for temporary files if that cannot be written). `None`: somebody else holds it.
    ///
    /// # Errors
    /// If neither place can hold a lock file.
    pub fn try_lock_engine(
        &self,
        engine_id: &str,
        installation: &Installation,
    ) -> Result<Option<LedgerLock>, LedgerError> {
        let digest = sha256_hex([engine_id, "\0", installation.as_str()]);
        let name = format!("engine-{}.lock", digest.get(..16).unwrap_or(&digest));
        let owner = format!(
            "{}\nengine {engine_id}\ninstallation {installation}\nstate {}\n",
            std::process::id(),
            self.storage.place()
        );
        let lock = self
            .storage
            .lock_on_host(&name, &owner)
            .map_err(|error| LedgerError::io(&name, error))?;
        Ok(lock.map(LedgerLock))
    }

    /// Makes durable what is there: the last holder may have ended between giving a file its name and making that name durable.
    /// What is read from here on is built upon, and must not be taken back by a power failure.
    fn harden(&self) {
        for directory in OWN_DIRECTORIES.into_iter().chain([""]) {
            self.storage.sync_directory(directory).ok();
        }
    }

    /// Removes what writes that were cut off left behind. Requests are written by others without the lock and are left.
    fn sweep(&self) {
        for directory in OWN_DIRECTORIES.into_iter().chain([""]) {
            for name in self.storage.list(directory).unwrap_or_default() {
                if name.starts_with(TEMPORARY) {
                    let path = format!("{directory}/{name}");
                    self.storage.remove(path.trim_start_matches('/')).ok();
                }
            }
        }
    }
}
