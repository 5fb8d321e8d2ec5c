//! How files of the ledger are written and read: whole or not at all, and known to be whole.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ledger::error::LedgerError;
use crate::ledger::storage::Storage;
use crate::model::secret::sha256_hex;

/// Names of files that are being written begin so.
pub(super) const TEMPORARY: &str = ".tmp-";

/// Corrupt versions of one file that are kept; the last one is overwritten after that.
const MAX_SET_ASIDE: usize = 9;

/// What must be on the disk when a write returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// It survives a power failure.
    Synced,
    /// It survives the process; a power failure may bring the version before back, or an empty file.
    Cached,
}

static TEMPORARY_NAMES: AtomicU64 = AtomicU64::new(0);

/// Replaces a file in one step: readers and crashes see the old bytes or the new ones. Bytes that are there already are not
/// written again. After an error the old file stands.
pub(super) fn replace(
    storage: &dyn Storage,
    path: &str,
    bytes: &[u8],
    durability: Durability,
) -> Result<(), LedgerError> {
    if storage.read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let (directory, name) = split(path);
    let number = TEMPORARY_NAMES.fetch_add(1, Ordering::Relaxed);
    let temporary = format!("{TEMPORARY}{}-{number}-{name}", std::process::id());
    let temporary = join(directory, &temporary);
    let written = storage
        .write(&temporary, bytes)
        .and_then(|()| match durability {
            Durability::Synced => planted!("never-synced", storage.sync(&temporary), Ok(())),
            Durability::Cached => Ok(()),
        })
        .and_then(|()| storage.rename(&temporary, path));
    if let Err(error) = written {
        // Best effort: what stays is swept by the next holder of the lock.
        storage.remove(&temporary).ok();
        return Err(LedgerError::io(path, error));
    }
    match durability {
        Durability::Synced => {
            storage.sync_directory(directory).map_err(|error| LedgerError::io(path, error))
        }
        Durability::Cached => Ok(()),
    }
}

/// Removes a file for good; one that is not there is removed already.
pub(super) fn remove(storage: &dyn Storage, path: &str) -> Result<(), LedgerError> {
    match storage.remove(path) {
        Ok(()) => {
            storage.sync_directory(split(path).0).map_err(|error| LedgerError::io(path, error))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(LedgerError::io(path, error)),
    }
}

/// Writes a value as JSON under a line with its checksum.
pub(super) fn save<T: Serialize>(
    storage: &dyn Storage,
    path: &str,
    value: &T,
) -> Result<(), LedgerError> {
    let body = encode(path, value)?;
    let sealed = format!("sha256:{}\n{body}\n", sha256_hex([&body]));
    replace(storage, path, sealed.as_bytes(), Durability::Synced)
}

/// A value as readable JSON.
pub(super) fn encode<T: Serialize>(path: &str, value: &T) -> Result<String, LedgerError> {
    serde_json::to_string_pretty(value)
        .map_err(|error| LedgerError::Encode { path: path.to_owned(), reason: error.to_string() })
}

/// Reads what [`save`] wrote; the default if nothing is there. A corrupt file is set aside; the note says so.
pub(super) fn load<T: DeserializeOwned>(
    storage: &dyn Storage,
    path: &str,
) -> (Option<T>, Option<String>) {
    let bytes = match storage.read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return (None, None),
        Err(error) => {
            let note = format!("{path} of the state directory cannot be read: {error}");
            return (None, Some(note));
        }
    };
    match unseal(&bytes) {
        Ok(value) => (Some(value), None),
        Err(why) => (None, Some(set_aside(storage, path, &why))),
    }
}

fn unseal<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
    let (seal, body) = text
        .strip_prefix("sha256:")
        .and_then(|rest| rest.split_once('\n'))
        .ok_or("its first line is not a checksum")?;
    let body = body.strip_suffix('\n').ok_or("its end is missing")?;
    if sha256_hex([body]) != seal {
        return Err("its checksum does not fit its content".to_owned());
    }
    serde_json::from_str(body).map_err(|error| error.to_string())
}

/// Moves a corrupt file out of the way and says so.
pub(super) fn set_aside(storage: &dyn Storage, path: &str, why: &str) -> String {
    let (directory, name) = split(path);
    let taken = storage.list(directory).unwrap_or_default();
    let aside = (1..=MAX_SET_ASIDE)
        .map(|number| format!("{name}.corrupt-{number}"))
        .find(|candidate| !taken.contains(candidate))
        .unwrap_or_else(|| format!("{name}.corrupt-{MAX_SET_ASIDE}"));
    match storage.rename(path, &join(directory, &aside)) {
        Ok(()) => format!(
            "{path} of the state directory was corrupt ({why}); it was set aside as {aside}, \
             and what it remembered begins afresh"
        ),
        Err(error) => format!(
            "{path} of the state directory is corrupt ({why}) and cannot be set aside: {error}"
        ),
    }
}

/// Directory and name of a relative path.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// Checks that a name is one file name and harmless.
pub(super) fn checked(name: &str) -> Result<&str, LedgerError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !name.is_empty() && name.len() <= 200 && name.bytes().all(plain) {
        return Ok(name);
    }
    Err(LedgerError::Name { name: name.chars().take(80).collect() })
}
