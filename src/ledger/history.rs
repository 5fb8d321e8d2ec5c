//! Journals: one line of JSON for each plan that did something. Bounded by rotation.

use std::collections::BTreeSet;
use std::io;
use std::sync::PoisonError;

use serde::{Deserialize, Serialize};

use crate::ledger::error::LedgerError;
use crate::ledger::open::Ledger;
use crate::ledger::store::{checked, remove};
use crate::model::id::ProjectName;
use crate::model::status::ActionRecord;
use crate::model::time::Timestamp;

/// Size in bytes after which a journal is rotated (1 MiB). Two generations are kept.
const ROTATE_BYTES: u64 = 1 << 20;

/// Longest plan text in a record, bytes.
const MAX_PLAN_BYTES: usize = 64 << 10;

/// Most actions in a record.
const MAX_ACTIONS: usize = 500;

/// Most journals that are kept of projects that went away.
const MAX_ORPHANED_JOURNALS: usize = 100;

/// One line of a project's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRecord {
    /// When the plan was carried out.
    pub at: Timestamp,
    /// Generation of the desired state.
    pub generation: u64,
    /// The plan in its text form.
    pub plan: String,
    /// What was done, with reasons.
    pub actions: Vec<ActionRecord>,
}

impl Ledger {
    /// Appends to the history of a project. A line that a crash cut off is closed first. Very long plans are cut.
    ///
    /// # Errors
    /// If it cannot be written; older records stay readable.
    pub fn append_history(
        &self,
        name: &ProjectName,
        record: &HistoryRecord,
    ) -> Result<(), LedgerError> {
        let path = journal_path(name)?;
        let line = line(&path, record)?;
        let appended = self.append_line(&path, &line);
        let mut whole = self.whole_journals.lock().unwrap_or_else(PoisonError::into_inner);
        match &appended {
            Ok(()) => whole.insert(path),
            Err(_) => whole.remove(&path),
        };
        appended
    }

    /// The newest `last` records, oldest first. Lines that cannot be read are passed over.
    pub fn history(&self, name: &ProjectName, last: usize) -> Vec<HistoryRecord> {
        let Ok(path) = journal_path(name) else {
            return Vec::new();
        };
        let mut records: Vec<HistoryRecord> = [older_path(&path), path]
            .iter()
            .filter_map(|path| self.storage.read(path).ok())
            .flat_map(|bytes| {
                let lines = bytes.split(|byte| *byte == b'\n');
                lines.filter_map(|line| serde_json::from_slice(line).ok()).collect::<Vec<_>>()
            })
            .collect();
        records.drain(..records.len().saturating_sub(last));
        records
    }

    fn append_line(&self, path: &str, line: &str) -> Result<(), LedgerError> {
        let wrap = |error| LedgerError::io(path, error);
        let known_whole =
            self.whole_journals.lock().unwrap_or_else(PoisonError::into_inner).contains(path);
        let torn = !known_whole && self.ends_torn(path).map_err(wrap)?;
        let line = if torn { format!("\n{line}") } else { line.to_owned() };
        let length = self.storage.append(path, line.as_bytes()).map_err(wrap)?;
        self.storage.sync(path).map_err(wrap)?;
        if !known_whole {
            self.storage.sync_directory("history").map_err(wrap)?;
        }
        if length >= ROTATE_BYTES {
            self.storage.rename(path, &older_path(path)).map_err(wrap)?;
            self.storage.sync_directory("history").map_err(wrap)?;
        }
        Ok(())
    }

    fn ends_torn(&self, path: &str) -> io::Result<bool> {
        match self.storage.read(path) {
            Ok(bytes) => Ok(bytes.last().is_some_and(|byte| *byte != b'\n')),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Keeps the number of journals of projects that went away within its limit; `newest` stays. Best effort.
    pub(super) fn prune_histories(&self, newest: &ProjectName) {
        let present: BTreeSet<String> = self
            .storage
            .list("projects")
            .unwrap_or_default()
            .iter()
            .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
            .collect();
        let orphaned: BTreeSet<String> = self
            .storage
            .list("history")
            .unwrap_or_default()
            .iter()
            .filter_map(|name| name.split('.').next().map(str::to_owned))
            .filter(|name| !name.is_empty() && name != newest.as_str() && !present.contains(name))
            .collect();
        let surplus = orphaned.len().saturating_sub(MAX_ORPHANED_JOURNALS - 1);
        for name in orphaned.iter().take(surplus) {
            let path = format!("history/{name}.jsonl");
            for path in [older_path(&path), path] {
                remove(self.storage.as_ref(), &path).ok();
            }
        }
    }
}

fn journal_path(name: &ProjectName) -> Result<String, LedgerError> {
    Ok(format!("history/{}.jsonl", checked(name.as_str())?))
}

/// The generation before. Project names have no dots, so no project's journal has this name.
fn older_path(path: &str) -> String {
    path.replace(".jsonl", ".1.jsonl")
}

fn line(path: &str, record: &HistoryRecord) -> Result<String, LedgerError> {
    let mut record = record.clone();
    if record.plan.len() > MAX_PLAN_BYTES {
        let end = record.plan.floor_char_boundary(MAX_PLAN_BYTES);
        record.plan.truncate(end);
        record.plan.push_str("\n… (cut)");
    }
    record.actions.truncate(MAX_ACTIONS);
    let json = serde_json::to_string(&record).map_err(|error| LedgerError::Encode {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(json + "\n")
}
