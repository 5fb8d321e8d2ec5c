//! SEAM (to be replaced by the real modules; signatures are the contract)
#![allow(missing_docs, clippy::all, clippy::pedantic, clippy::unimplemented, unused_variables)]
use crate::model::files::Files;
use crate::model::id::*;
use crate::model::ledger::*;
use crate::model::path::LocalPath;
use crate::model::status::*;
use crate::model::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The state directory, opened. Cheap to clone; every write is temp name + fsync + rename + fsync of the directory, 0700/0600.
#[derive(Clone, Debug)]
pub struct Ledger;
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("{0}")]
    Todo(String),
}
/// Exclusive right to act; released on drop.
#[derive(Debug)]
pub struct LedgerLock;
/// The last version of a project's files that loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastGood {
    pub entry: String,
    pub digest: String,
    pub files: Files,
    pub saved_at: Timestamp,
}
/// What a person asked for through the command line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Confirm the mass removal or adoption that is held now (None: every one that is held).
    Confirm {
        project: Option<ProjectName>,
    },
    Suspend {
        project: ProjectName,
        service: Option<ServiceName>,
        reason: String,
        until: Option<Timestamp>,
    },
    Resume {
        project: ProjectName,
        service: Option<ServiceName>,
    },
    /// Look again now, forget back-offs. None: all projects.
    Reconcile {
        project: Option<ProjectName>,
    },
}
/// One line of a project's history journal (bounded).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRecord {
    pub at: Timestamp,
    pub generation: u64,
    pub plan: String,
    pub actions: Vec<ActionRecord>,
}

impl Ledger {
    /// Creates the directory if missing; refuses a newer VERSION.
    pub fn open(dir: &LocalPath) -> Result<Self, LedgerError> {
        unimplemented!()
    }
    /// Non-blocking flock on `lock` (+ one per engine id later). None: somebody else holds it (pid inside).
    pub fn try_lock(&self) -> Result<Option<LedgerLock>, LedgerError> {
        unimplemented!()
    }
    /// Lock per engine id, in a directory all installations of this host share (/run/composelet or $TMPDIR fallback).
    pub fn try_lock_engine(
        &self,
        engine_id: &str,
        installation: &Installation,
    ) -> Result<Option<LedgerLock>, LedgerError> {
        unimplemented!()
    }
    /// Random value made at first open.
    pub fn salt(&self) -> &str {
        unimplemented!()
    }
    /// Corrupt file: set aside as *.corrupt-<n>, default returned with the note.
    pub fn load_project(&self, name: &ProjectName) -> (ProjectLedger, Option<String>) {
        unimplemented!()
    }
    pub fn save_project(
        &self,
        name: &ProjectName,
        ledger: &ProjectLedger,
    ) -> Result<(), LedgerError> {
        unimplemented!()
    }
    pub fn load_host(&self) -> (HostLedger, Option<String>) {
        unimplemented!()
    }
    pub fn save_host(&self, ledger: &HostLedger) -> Result<(), LedgerError> {
        unimplemented!()
    }
    pub fn remove_project(&self, name: &ProjectName) -> Result<(), LedgerError> {
        unimplemented!()
    }
    pub fn load_last_good(&self, name: &ProjectName) -> Option<LastGood> {
        unimplemented!()
    }
    pub fn save_last_good(&self, name: &ProjectName, good: &LastGood) -> Result<(), LedgerError> {
        unimplemented!()
    }
    pub fn last_good_names(&self) -> Vec<ProjectName> {
        unimplemented!()
    }
    /// Crash of process between two saves must not lose the previous: append-only, bounded by rotation (1 MiB x 2 per project).
    pub fn append_history(
        &self,
        name: &ProjectName,
        record: &HistoryRecord,
    ) -> Result<(), LedgerError> {
        unimplemented!()
    }
    pub fn history(&self, name: &ProjectName, last: usize) -> Vec<HistoryRecord> {
        unimplemented!()
    }
    pub fn publish_project(&self, status: &ProjectStatus) -> Result<(), LedgerError> {
        unimplemented!()
    }
    pub fn unpublish_project(&self, name: &ProjectName) -> Result<(), LedgerError> {
        unimplemented!()
    }
    pub fn publish_controller(&self, status: &ControllerStatus) -> Result<(), LedgerError> {
        unimplemented!()
    }
    pub fn statuses(&self) -> Vec<ProjectStatus> {
        unimplemented!()
    }
    pub fn controller_status(&self) -> Option<ControllerStatus> {
        unimplemented!()
    }
    /// Written by the command line (atomic), picked up by the controller.
    pub fn submit(&self, request: &Request) -> Result<String, LedgerError> {
        unimplemented!()
    }
    /// Oldest first; malformed ones are set aside.
    pub fn take_requests(&self) -> Vec<(String, Request)> {
        unimplemented!()
    }
    /// A request is removed after it was applied; `answer` is left for the command line to read and remove.
    pub fn answer(&self, id: &str, answer: &str) -> Result<(), LedgerError> {
        unimplemented!()
    }
    pub fn take_answer(&self, id: &str) -> Option<String> {
        unimplemented!()
    }
}
