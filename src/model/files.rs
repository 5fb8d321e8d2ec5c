//! What reading a path gave. The loader asks for paths; the controller reads them and calls again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::model::encrypted::Encrypted;
use crate::model::path::LocalPath;

/// What was found at a path. Unreadable is not missing (invariant 3).
#[derive(Clone, PartialEq, Eq)]
pub enum FileContent {
    /// The bytes of a regular file.
    Bytes(Arc<[u8]>),
    /// A regular file that is encrypted. Reading gives its bytes; this is what the loader is shown of them, and nothing keeps
    /// it.
    Encrypted(Arc<Encrypted>),
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

impl fmt::Debug for FileContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The bytes may be those of a secret (invariant 17).
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::Encrypted(file) => write!(f, "Encrypted({} bytes)", file.read.len()),
            Self::Missing => f.write_str("Missing"),
            Self::Directory(names) => f.debug_tuple("Directory").field(names).finish(),
            Self::NotRegular(what) => f.debug_tuple("NotRegular").field(what).finish(),
            Self::TooLarge(size) => f.debug_tuple("TooLarge").field(size).finish(),
            Self::Unreadable(why) => f.debug_tuple("Unreadable").field(why).finish(),
        }
    }
}

impl FileContent {
    /// What lies on the disk: of an encrypted file the bytes as they were read.
    #[must_use]
    pub fn as_read(self) -> Self {
        match self {
            Self::Encrypted(file) => Self::Bytes(Arc::clone(&file.read)),
            other => other,
        }
    }
}

/// What was read so far, by path.
pub type Files = BTreeMap<LocalPath, FileContent>;

/// What a project is read from: an entry of the watched directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    /// A directory with Compose files; also a link without a manifest's name whose target cannot be looked at now.
    Directory(LocalPath),
    /// A thing named `*.yaml` or `*.yml`. If it is no readable regular file, reading it says so, and its project is held
    /// instead of removed.
    File(LocalPath),
}

impl Entry {
    /// The directory whose `.env` counts.
    pub fn directory(&self) -> LocalPath {
        match self {
            Self::Directory(path) => path.clone(),
            Self::File(path) => path.parent(),
        }
    }

    /// The name of a project that does not name itself, before normalisation.
    pub fn base_name(&self) -> &str {
        match self {
            Self::Directory(path) => path.file_name(),
            Self::File(path) => path
                .file_name()
                .strip_suffix(".yml")
                .or_else(|| path.file_name().strip_suffix(".yaml"))
                .unwrap_or_else(|| path.file_name()),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &LocalPath {
        match self {
            Self::Directory(path) | Self::File(path) => path,
        }
    }
}
