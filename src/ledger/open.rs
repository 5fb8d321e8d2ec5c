//! Opening the state directory.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};

use crate::ledger::error::LedgerError;
use crate::ledger::file_storage::FileStorage;
use crate::ledger::storage::Storage;
use crate::ledger::store::{Durability, TEMPORARY, replace};
use crate::model::path::LocalPath;

/// The format that this composelet writes. It rises when an older composelet could not read what a newer one wrote.
const VERSION: u64 = 1;

/// Directories in which the controller alone writes.
pub(super) const OWN_DIRECTORIES: [&str; 7] =
    ["projects", "last-good", "revisions", "history", "content", "status", "status/projects"];

/// The state directory, opened. Cheap to clone; clones share it. Every call blocks. A write that returns is on the disk,
/// but for published status.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(super) storage: Arc<dyn Storage>,
    /// Journals whose last line is known to be whole.
    pub(super) whole_journals: Arc<Mutex<BTreeSet<String>>>,
    salt: Arc<str>,
}

impl Ledger {
    /// Opens the directory, and creates it if it is missing.
    ///
    /// # Errors
    /// If a newer composelet wrote it, if it is somebody else's, or if it cannot be written.
    pub fn open(directory: &LocalPath) -> Result<Self, LedgerError> {
        Self::open_with(FileStorage::new(directory))
    }

    /// Opens an existing directory for a command that only looks or asks: nothing is created.
    ///
    /// # Errors
    /// If there is none, or as [`Ledger::open`].
    pub fn open_existing(directory: &LocalPath) -> Result<Self, LedgerError> {
        let storage = FileStorage::new(directory);
        if !is_initialised(&storage)? {
            return Err(LedgerError::Missing { path: storage.place() });
        }
        Self::open_with(storage)
    }

    /// Opens the ledger on any storage; simulations give one in memory.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_with(storage: impl Storage + 'static) -> Result<Self, LedgerError> {
        let storage: Arc<dyn Storage> = Arc::new(storage);
        if !is_initialised(storage.as_ref())? {
            initialise(storage.as_ref())?;
        }
        for directory in OWN_DIRECTORIES.into_iter().chain(["requests"]) {
            storage
                .create_directory(directory)
                .map_err(|error| LedgerError::io(directory, error))?;
        }
        let salt = salt(storage.as_ref())?;
        Ok(Self { storage, whole_journals: Arc::default(), salt })
    }

    /// Random text made at the first opening, for digests of values that may be secret.
    pub fn salt(&self) -> &str {
        &self.salt
    }
}

/// Whether `VERSION` is there and known.
fn is_initialised(storage: &dyn Storage) -> Result<bool, LedgerError> {
    let bytes = match storage.read("VERSION") {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(LedgerError::io("VERSION", error)),
    };
    let text = String::from_utf8_lossy(&bytes);
    match text.trim().parse::<u64>() {
        Ok(found) if found > VERSION => Err(LedgerError::NewerVersion { found, known: VERSION }),
        Ok(_) => Ok(true),
        Err(_) => Err(LedgerError::BadVersion {
            found: text.trim().chars().take(40).collect(),
            known: VERSION,
        }),
    }
}

/// Makes an empty directory a ledger. `VERSION` comes first: whatever else is there, it says whose it is.
fn initialise(storage: &dyn Storage) -> Result<(), LedgerError> {
    let wrap = |error| LedgerError::io(&storage.place(), error);
    // Not created yet: it may be somebody else's, whose modes are left alone.
    let foreign = |name: &String| !name.starts_with(TEMPORARY) && name != "lost+found";
    if storage.list("").map_err(wrap)?.iter().any(foreign) {
        return Err(LedgerError::Foreign { path: storage.place() });
    }
    storage.create_directory("").map_err(wrap)?;
    let version = format!("{VERSION}\n");
    replace(storage, "VERSION", version.as_bytes(), Durability::Synced)
}

fn salt(storage: &dyn Storage) -> Result<Arc<str>, LedgerError> {
    let is_salt = |text: &str| text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    match storage.read("salt").map(String::from_utf8) {
        Ok(Ok(text)) if is_salt(text.trim()) => return Ok(Arc::from(text.trim())),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(LedgerError::io("salt", error));
        }
        // Without it, digests in old messages cannot be compared with new ones; nothing else is lost.
        _ => {}
    }
    let bytes = storage.entropy().map_err(|error| LedgerError::io("salt", error))?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    replace(storage, "salt", format!("{text}\n").as_bytes(), Durability::Synced)?;
    Ok(Arc::from(text))
}
