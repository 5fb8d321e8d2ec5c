//! What is known of a git source: the commit whose files are in place, and why it is not a newer one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::commit::Commit;
use crate::model::git_source::SourceName;
use crate::model::time::Timestamp;

/// Status of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceStatus {
    /// Its name.
    pub name: SourceName,
    /// The repository.
    pub url: String,
    /// What is followed, as text.
    pub follows: String,
    /// The directory below the watched one.
    pub into: String,
    /// The commit whose files are in place.
    pub commit: Option<Commit>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// The last look that was answered.
    pub checked_at: Option<Timestamp>,
    /// Why the last look did not end with the files of the newest commit in place.
    pub trouble: Option<SyncTrouble>,
    /// The next look.
    pub next: Option<Timestamp>,
    /// What a person should know of this commit: parts of it that are not taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A failure that goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncTrouble {
    /// Its kind.
    pub reason: SyncReason,
    /// What is wrong and what to do. No secret is in it.
    pub message: String,
    /// Since when it is so.
    pub since: Timestamp,
    /// Tries in a row.
    pub failures: u32,
}

/// Why a source is not at the newest commit. Shown by these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SyncReason {
    /// `git` or `ssh` is not installed, or a file of the settings cannot be read.
    NotConfigured,
    /// The server cannot be reached, or does not speak git.
    Unreachable,
    /// The server does not know us.
    AuthenticationFailed,
    /// The server's key or certificate is not the one that is trusted.
    HostNotTrusted,
    /// The server took too long.
    TimedOut,
    /// The branch, tag or commit is not there.
    ReferenceNotFound,
    /// What was followed is no ancestor of what is there now.
    HistoryRewritten,
    /// The commit is not signed by one of those who may.
    NotSigned,
    /// More bytes or files than allowed.
    TooLarge,
    /// The tree holds what is not put on a host: links out of it, names that are none.
    TreeRefused,
    /// Files of the host are in the way.
    FilesInTheWay,
    /// The files could not be written.
    NotWritable,
}

impl fmt::Display for SyncReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Why one look failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncError {
    /// Its kind.
    pub reason: SyncReason,
    /// What is wrong and what to do. No secret is in it.
    pub message: String,
}

impl fmt::Display for SyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

impl std::error::Error for SyncError {}

impl SyncError {
    /// An error of this kind.
    pub fn new(reason: SyncReason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}
