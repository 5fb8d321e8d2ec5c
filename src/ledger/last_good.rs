//! The last version of each project's files that loaded: what is held while the present one does not load.

use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ledger::error::LedgerError;
use crate::ledger::open::Ledger;
use crate::ledger::store::{checked, load, remove, save};
use crate::model::files::{FileContent, Files};
use crate::model::id::ProjectName;
use crate::model::path::LocalPath;
use crate::model::time::Timestamp;

/// The last version of a project's files that loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastGood {
    /// Path of its entry in the watched directory.
    pub entry: String,
    /// Digest of the desired state.
    pub digest: String,
    /// Every byte that loading read.
    pub files: Files,
    /// When it was saved.
    pub saved_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Record {
    entry: String,
    digest: String,
    saved_at: Timestamp,
    files: Vec<(Bytes, Content)>,
}

/// Bytes as text where they are text, so that people can read the file, else in hexadecimal.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Bytes {
    Text(String),
    Hex(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Content {
    Bytes(Bytes),
    Missing,
    Directory(Vec<String>),
    NotRegular(String),
    TooLarge(u64),
    Unreadable(String),
}

impl Ledger {
    /// The last good files of a project, if they are there and whole. A corrupt file is set aside.
    pub fn load_last_good(&self, name: &ProjectName) -> Option<LastGood> {
        self.load_files(&last_good_path(name).ok()?)
    }

    /// Files as [`Ledger::save_files`] wrote them.
    pub(super) fn load_files(&self, path: &str) -> Option<LastGood> {
        let record: Record = load(self.storage.as_ref(), path).0?;
        record.into_last_good()
    }

    pub(super) fn save_files(&self, path: &str, files: &LastGood) -> Result<(), LedgerError> {
        save(self.storage.as_ref(), path, &Record::new(files))
    }

    /// Keeps the files of a project that loaded. They may hold secrets: mode 0600.
    ///
    /// # Errors
    /// If it cannot be written; the version before stands.
    pub fn save_last_good(&self, name: &ProjectName, good: &LastGood) -> Result<(), LedgerError> {
        self.save_files(&last_good_path(name)?, good)
    }

    /// The projects whose last good files are kept, sorted.
    pub fn last_good_names(&self) -> Vec<ProjectName> {
        let names = self.storage.list("last-good").unwrap_or_default();
        names
            .iter()
            .filter_map(|name| name.strip_suffix(".json"))
            .filter(|name| checked(name).is_ok())
            .map(ProjectName::from)
            .collect()
    }

    pub(super) fn remove_last_good(&self, name: &ProjectName) -> Result<(), LedgerError> {
        remove(self.storage.as_ref(), &last_good_path(name)?)
    }
}

fn last_good_path(name: &ProjectName) -> Result<String, LedgerError> {
    Ok(format!("last-good/{}.json", checked(name.as_str())?))
}

impl Record {
    fn new(good: &LastGood) -> Self {
        let files = good.files.iter().map(|(path, content)| {
            let path = Bytes::new(path.as_path().as_os_str().as_bytes());
            (path, Content::new(content))
        });
        Self {
            entry: good.entry.clone(),
            digest: good.digest.clone(),
            saved_at: good.saved_at,
            files: files.collect(),
        }
    }

    fn into_last_good(self) -> Option<LastGood> {
        let files = self.files.into_iter().map(|(path, content)| {
            let path = PathBuf::from(std::ffi::OsString::from_vec(path.into_bytes()?));
            Some((LocalPath::new(path), content.into_content()?))
        });
        Some(LastGood {
            entry: self.entry,
            digest: self.digest,
            saved_at: self.saved_at,
            files: files.collect::<Option<Files>>()?,
        })
    }
}

impl Bytes {
    fn new(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Hex(bytes.iter().fold(String::new(), |mut text, byte| {
                // Writing into a String cannot fail.
                write!(text, "{byte:02x}").ok();
                text
            })),
        }
    }

    /// `None` if the hexadecimal digits are none.
    fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(text.into_bytes()),
            Self::Hex(digits) => digits
                .as_bytes()
                .chunks(2)
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
                .collect(),
        }
    }
}

impl Content {
    fn new(content: &FileContent) -> Self {
        match content {
            FileContent::Bytes(bytes) => Self::Bytes(Bytes::new(bytes)),
            // Never what it says: the state directory is no safer than the repository.
            FileContent::Encrypted(file) => Self::Bytes(Bytes::new(&file.read)),
            FileContent::Missing => Self::Missing,
            FileContent::Directory(names) => Self::Directory(names.clone()),
            FileContent::NotRegular(kind) => Self::NotRegular(kind.clone()),
            FileContent::TooLarge(size) => Self::TooLarge(*size),
            FileContent::Unreadable(why) => Self::Unreadable(why.clone()),
        }
    }

    fn into_content(self) -> Option<FileContent> {
        Some(match self {
            Self::Bytes(bytes) => FileContent::Bytes(Arc::from(bytes.into_bytes()?)),
            Self::Missing => FileContent::Missing,
            Self::Directory(names) => FileContent::Directory(names),
            Self::NotRegular(kind) => FileContent::NotRegular(kind),
            Self::TooLarge(size) => FileContent::TooLarge(size),
            Self::Unreadable(why) => FileContent::Unreadable(why),
        })
    }
}
