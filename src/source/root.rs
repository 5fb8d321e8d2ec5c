//! Reading the watched directory, one level.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::model::files::Entry;
use crate::model::path::LocalPath;
use crate::source::file::{Looked, describe, kind, look};

/// Most entries that the watched directory may have.
pub const MAX_ROOT_ENTRIES: usize = 2_000;

/// Endings of names that editors and tools leave behind.
const LEFTOVER_ENDINGS: [&str; 9] =
    ["~", ".swp", ".swx", ".swo", ".tmp", ".bak", ".orig", ".rej", ".part"];

/// A reading of the watched root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootReading {
    /// It was read, and was the same directory before and after.
    Read {
        /// Device and inode of the directory, links followed: a swapped link or a mount over it changes them.
        identity: (u64, u64),
        /// Directories and manifests; dot names and leftovers of editors are not among them.
        entries: BTreeSet<Entry>,
        /// What a person may take for a manifest and is none, with the reason. Sorted by path.
        ignored: Vec<(LocalPath, String)>,
    },
    /// It is there and cannot be read; the text says why. Nothing may be concluded from it.
    Unreadable(String),
    /// Nothing is there. Nothing may be concluded from it either.
    Missing,
}

/// Reads the root, one level. Blocking.
pub fn read_root(root: &LocalPath) -> RootReading {
    let mut reading = RootReading::Missing;
    for _ in 0..2 {
        match read_once(root) {
            Ok(Some(read)) => return read,
            Ok(None) => {
                reading = RootReading::Unreadable("it was replaced while it was read".to_owned());
            }
            Err(error) => reading = RootReading::Unreadable(describe(&error)),
        }
    }
    reading
}

/// One try; `None` if the directory was another one afterwards.
fn read_once(root: &LocalPath) -> io::Result<Option<RootReading>> {
    let before = match look(root.as_path()) {
        Looked::Missing => return Ok(Some(RootReading::Missing)),
        Looked::Unreadable(why) => return Ok(Some(RootReading::Unreadable(why))),
        Looked::There(metadata) => metadata,
    };
    if !before.is_dir() {
        let what = if before.is_file() { "a regular file" } else { kind(&before) };
        return Ok(Some(RootReading::Unreadable(format!("it is {what}, not a directory"))));
    }
    let mut entries = BTreeSet::new();
    let mut ignored = Vec::new();
    for (count, entry) in std::fs::read_dir(root.as_path())?.enumerate() {
        if count == MAX_ROOT_ENTRIES {
            return Ok(Some(RootReading::Unreadable(format!(
                "it has more than {MAX_ROOT_ENTRIES} entries"
            ))));
        }
        let path = LocalPath::new(root.as_path().join(entry?.file_name()));
        match classify(path.as_path()) {
            Class::Entry(make) => {
                entries.insert(make(path));
            }
            Class::Ignored(why) => ignored.push((path, why)),
            Class::Nothing => {}
        }
    }
    ignored.sort();
    let identity = (before.dev(), before.ino());
    let after = std::fs::metadata(root.as_path())?;
    Ok(((after.dev(), after.ino()) == identity).then_some(RootReading::Read {
        identity,
        entries,
        ignored,
    }))
}

enum Class {
    Entry(fn(LocalPath) -> Entry),
    Ignored(String),
    Nothing,
}

fn classify(path: &Path) -> Class {
    let Some(name) = path.file_name().and_then(OsStr::to_str) else {
        return Class::Ignored("its name is not UTF-8".to_owned());
    };
    if name.starts_with('.') || is_leftover(name) {
        return Class::Nothing;
    }
    let manifest = has_ending(name, |ending| matches!(ending, "yml" | "yaml"));
    match look(path) {
        Looked::Missing => Class::Nothing,
        Looked::There(metadata) if metadata.is_dir() => Class::Entry(Entry::Directory),
        // Readable or not: what may have been a project a moment ago is held as an entry; left out, it would be removed.
        _ if manifest => Class::Entry(Entry::File),
        Looked::Unreadable(_) => Class::Entry(Entry::Directory),
        Looked::There(metadata) => no_project(name, &metadata),
    }
}

/// What a person may take for a project is ignored with a reason, everything else in silence.
fn no_project(name: &str, metadata: &Metadata) -> Class {
    if !metadata.is_file() {
        return Class::Ignored(format!(
            "it is {}; a project is a directory or a *.yaml or *.yml file",
            kind(metadata)
        ));
    }
    if has_ending(name, looks_like_yaml) {
        return Class::Ignored(
            "the ending of a manifest is .yaml or .yml in lower case".to_owned(),
        );
    }
    Class::Nothing
}

fn has_ending(name: &str, test: impl Fn(&str) -> bool) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, ending)| !stem.is_empty() && test(ending))
}

fn looks_like_yaml(ending: &str) -> bool {
    ending.eq_ignore_ascii_case("yml") || ending.eq_ignore_ascii_case("yaml")
}

/// Files that editors and tools put beside the one that is edited: backups, swap files, locks, write probes (`4913` of vim).
fn is_leftover(name: &str) -> bool {
    LEFTOVER_ENDINGS.iter().any(|ending| name.ends_with(ending))
        || (name.starts_with('#') && name.ends_with('#'))
        || name == "4913"
}
