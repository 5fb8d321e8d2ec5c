//! Answers to requests, left for the command line.

use crate::ledger::error::LedgerError;
use crate::ledger::open::Ledger;
use crate::ledger::request::request_path;
use crate::ledger::store::{Durability, checked, remove, replace};
use crate::model::path::LocalPath;

/// Most answers that are kept for those who asked and went away.
const MAX_ANSWERS: usize = 100;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// The controller has not applied it yet.
    Waiting,
    /// It was applied or refused; the answer says which.
    Answered(String),
}

impl Ledger {
    /// Ends a request that was applied: its answer is left, then the request is removed. Old answers that nobody fetched
    /// are removed.
    ///
    /// # Errors
    /// If the answer cannot be written or the request not be removed; it is then taken again.
    pub fn answer(&self, id: &str, answer: &str) -> Result<(), LedgerError> {
        let path = answer_path(id)?;
        replace(self.storage.as_ref(), &path, answer.as_bytes(), Durability::Cached)?;
        remove(self.storage.as_ref(), &request_path(id))?;
        let names = self.storage.list("requests").unwrap_or_default();
        let answers: Vec<&String> = names.iter().filter(|name| name.ends_with(".answer")).collect();
        for name in answers.iter().take(answers.len().saturating_sub(MAX_ANSWERS)) {
            let old = format!("requests/{name}");
            if old != path {
                // Best effort: the next answer tries again.
                self.storage.remove(&old).ok();
            }
        }
        Ok(())
    }

    /// The answer to a request, if it was given; it is removed.
    pub fn take_answer(&self, id: &str) -> Option<String> {
        let path = answer_path(id).ok()?;
        let bytes = self.storage.read(&path).ok()?;
        self.storage.remove(&path).ok();
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// What became of a request, as often as somebody asks. The answer is gone once [`Ledger::take_answer`] took it, or many
    /// others followed.
    pub fn request_state(&self, id: &str) -> Option<RequestState> {
        let path = answer_path(id).ok()?;
        let answer = || {
            let bytes = self.storage.read(&path).ok()?;
            Some(RequestState::Answered(String::from_utf8_lossy(&bytes).into_owned()))
        };
        let waits = || self.storage.read(&request_path(id)).ok().map(|_| RequestState::Waiting);
        // It may be answered between two looks: the answer is there before the request is gone.
        answer().or_else(waits).or_else(answer)
    }

    /// Where requests and answers lie, for a watch: names that come and go in it are hints.
    pub fn requests_directory(&self) -> LocalPath {
        LocalPath::new(self.storage.place()).join("requests")
    }

    /// Where the content store lies.
    pub fn content_directory(&self) -> LocalPath {
        LocalPath::new(self.storage.place()).join("content")
    }
}

fn answer_path(id: &str) -> Result<String, LedgerError> {
    Ok(format!("requests/{}.answer", checked(id)?))
}
