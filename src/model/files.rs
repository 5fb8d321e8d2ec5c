//! What reading a path gave. The loader asks for paths; the controller reads them and calls again.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::path::LocalPath;

/// What was found at a path. Unreadable is not missing (invariant 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileContent {
    /// The bytes of a regular file.
    Bytes(Arc<[u8]>),
    /// Nothing is there.
    Missing,
    /// A directory, with the sorted names of its entries.
    Directory(Vec<String>),
    /// A named pipe, socket or device; it was not opened.
    NotRegular(String),
    /// A regular file above the limit; its size in bytes.
    TooLarge(u64),
    /// It is there and cannot be read, or changed while it was read; the text says why.
    Unreadable(String),
}

/// What was read so far, by path.
pub type Files = BTreeMap<LocalPath, FileContent>;
