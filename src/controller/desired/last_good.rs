//! The last version of each project that loaded, kept in the state directory over restarts.

use std::path::PathBuf;
use std::sync::Arc;

use crate::controller::desired::loading::{ManifestLoader, load_entry};
use crate::ledger::LastGood;
use crate::model::desired::DesiredProject;
use crate::model::files::Entry;
use crate::model::files::Files;
use crate::model::path::LocalPath;
use crate::model::time::Timestamp;

/// What is saved of a version that loaded.
pub fn to_save(entry: &Entry, project: &DesiredProject, files: &Files, now: Timestamp) -> LastGood {
    LastGood {
        entry: entry_text(entry),
        digest: project.digest.clone(),
        files: files.clone(),
        saved_at: now,
    }
}

/// Loads a saved version from its own files; the disk is not looked at. `None` if this version of the loader does not
/// take it any more.
pub fn from_saved(loader: &dyn ManifestLoader, saved: &LastGood) -> Option<Arc<DesiredProject>> {
    load_entry(loader, &parse_entry(&saved.entry), saved.files.clone(), |_| None).project
}

/// An entry as text: its path, a directory with a slash at the end.
pub fn entry_text(entry: &Entry) -> String {
    let path = entry.path().display();
    match entry {
        Entry::Directory(_) => format!("{path}/"),
        Entry::File(_) => path.to_string(),
    }
}

fn parse_entry(text: &str) -> Entry {
    let path = |text: &str| LocalPath::new(PathBuf::from(text));
    match text.strip_suffix('/') {
        Some(directory) => Entry::Directory(path(directory)),
        None => Entry::File(path(text)),
    }
}
