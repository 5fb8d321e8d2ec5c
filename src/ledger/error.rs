//! What can go wrong with the state directory, in words for the person who must mend it.

use std::io;

/// An error of the ledger. The file on the disk is what it was before, unless the text says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The operating system refused.
    #[error("state directory: {path}: {source}{}", advice(source))]
    Io {
        /// The file, relative to the state directory, or the directory itself.
        path: String,
        /// Its error.
        source: io::Error,
    },
    /// A later composelet wrote it.
    #[error(
        "the state directory has format {found}, this composelet knows formats up to {known}: \
         run the version that wrote it, or give another --state-dir"
    )]
    NewerVersion {
        /// What `VERSION` says.
        found: u64,
        /// The newest format known here.
        known: u64,
    },
    /// `VERSION` holds no number.
    #[error(
        "`VERSION` of the state directory holds `{found}`, which is no number: if the directory is composelet's, \
         write `{known}` into it"
    )]
    BadVersion {
        /// What it holds, shortened.
        found: String,
        /// The format that this composelet writes.
        known: u64,
    },
    /// The directory belongs to something else.
    #[error(
        "{path} is not empty and not a state directory of composelet (it has no file VERSION): \
         give an empty or new directory as --state-dir"
    )]
    Foreign {
        /// The directory.
        path: String,
    },
    /// There is none.
    #[error("{path} is no state directory: has a controller run with this --state-dir?")]
    Missing {
        /// The directory.
        path: String,
    },
    /// A name that could lead out of the directory.
    #[error("`{name}` cannot be the name of a file: letters, digits, `_` and `-` are allowed")]
    Name {
        /// The name.
        name: String,
    },
    /// Requests pile up because nobody takes them.
    #[error("{pending} requests wait already: is the controller running?")]
    TooManyRequests {
        /// How many.
        pending: usize,
    },
    /// A value that JSON cannot hold.
    #[error("state directory: {path}: cannot be written as JSON: {reason}")]
    Encode {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
}

impl LedgerError {
    /// Wraps an error of the operating system.
    pub(super) fn io(path: &str, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; make room on its file system"
        }
        io::ErrorKind::PermissionDenied => "; it must belong to the user that runs composelet",
        io::ErrorKind::ReadOnlyFilesystem => "; give a --state-dir that can be written",
        _ => "",
    }
}
