//! What a source has put in place, file by file, and how it compares with a tree that is to come.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::commit::Commit;
use crate::model::time::Timestamp;

/// What is in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The repository and what was followed of it: another one has another history.
    pub origin: String,
    /// The commit.
    pub commit: Commit,
    /// The tag that was followed.
    pub tag: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// Directory in the watched one.
    pub into: String,
    /// Files and links by their path below that directory.
    pub files: BTreeMap<String, PublishedFile>,
    /// What a person should know: parts of the commit that are not taken.
    pub notes: Vec<String>,
}

/// One file or link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedFile {
    /// What it is.
    pub kind: Kind,
    /// How it looked right after it was put in place: while it looks so, its content is not read again.
    pub stamp: Option<Stamp>,
}

/// What a path of a tree is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A regular file.
    File {
        /// SHA-256 of its bytes, in hexadecimal.
        sha256: String,
        /// Whether it may be run.
        executable: bool,
    },
    /// A symbolic link to this path.
    Link(String),
}

/// Size, time of the last change in nanoseconds since 1970, and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    size: u64,
    changed: i64,
    inode: u64,
}

impl Stamp {
    /// How a path looks now, links not followed.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let metadata = fs::symlink_metadata(path).ok()?;
        let changed =
            metadata.ctime().saturating_mul(1_000_000_000).saturating_add(metadata.ctime_nsec());
        Some(Self { size: metadata.len(), changed, inode: metadata.ino() })
    }
}

impl Kind {
    /// What lies at a path, links not followed; `None`: nothing, or neither file nor link.
    pub(super) fn of(path: &Path) -> io::Result<Option<Self>> {
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if metadata.is_symlink() {
            let target = fs::read_link(path)?;
            return Ok(target.to_str().map(|target| Self::Link(target.to_owned())));
        }
        if !metadata.is_file() {
            return Ok(None);
        }
        let executable = metadata.permissions().mode() & 0o100 != 0;
        Ok(Some(Self::File { sha256: hashed(path)?, executable }))
    }
}

fn hashed(path: &Path) -> io::Result<String> {
    let (mut file, mut hash) = (fs::File::open(path)?, Sha256::new());
    let mut piece = vec![0; 64 * 1024];
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            break;
        }
        hash.update(piece.get(..count).unwrap_or_default());
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What has to be done so that a tree is in place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// New, changed, or changed by hand since: put in place.
    pub(super) changed: Vec<String>,
    /// In place, and not in the tree any more: removed.
    pub(super) removed: Vec<String>,
    /// Of those of the source, changed by somebody else since: kept aside first.
    pub(super) by_hand: Vec<String>,
    /// Files of the host where those of the tree belong.
    pub(super) in_the_way: Vec<String>,
    /// Directories where a file belongs, and links of the host on the way to one: nothing of ours ever replaces them.
    pub(super) blocked: Vec<String>,
}

impl Comparison {
    /// Whether nothing is to be done.
    pub(super) fn is_nothing(&self) -> bool {
        self.changed.is_empty()
            && self.removed.is_empty()
            && self.in_the_way.is_empty()
            && self.blocked.is_empty()
    }
}

/// Compares what lies in `target` with the tree that is wanted there and with what was put there before.
pub(super) fn compare(
    target: &Path,
    wanted: &BTreeMap<String, Kind>,
    before: Option<&Published>,
) -> io::Result<Comparison> {
    let mut found = Comparison::default();
    let known = |path: &String| before.and_then(|before| before.files.get(path));
    for (path, kind) in wanted {
        let place = target.join(path);
        let directory =
            place.is_dir() && !place.is_symlink() && !is_left_by(&place, target, (wanted, before))?;
        if directory || blocked(target, path, before) {
            found.blocked.push(path.clone());
            continue;
        }
        let known = known(path);
        let untouched =
            known.is_some_and(|known| known.stamp.is_some() && known.stamp == Stamp::of(&place));
        let there = match known.filter(|_| untouched) {
            Some(known) => Some(known.kind.clone()),
            None => Kind::of(&place)?,
        };
        if there.as_ref() == Some(kind) {
            continue;
        }
        let ours = match (&there, known) {
            (None, _) => place.is_dir() || !place.exists(),
            (Some(there), Some(known)) if *there == known.kind => true,
            (Some(_), Some(_)) => {
                found.by_hand.push(path.clone());
                true
            }
            (Some(_), None) => false,
        };
        let list = if ours { &mut found.changed } else { &mut found.in_the_way };
        list.push(path.clone());
    }
    for (path, known) in before.into_iter().flat_map(|before| &before.files) {
        if wanted.contains_key(path) || blocked(target, path, before) {
            continue;
        }
        let there = Kind::of(&target.join(path))?;
        found.removed.extend(there.is_some().then(|| path.clone()));
        found.by_hand.extend(there.filter(|there| *there != known.kind).map(|_| path.clone()));
    }
    Ok(found)
}

/// Whether something in a directory is of the source, and all of it is not in the tree any more: nothing is left of it then.
/// An empty one is the host's.
fn is_left_by(
    directory: &Path,
    target: &Path,
    (wanted, before): (&BTreeMap<String, Kind>, Option<&Published>),
) -> io::Result<bool> {
    let mut any = false;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let left = if path.is_dir() && !path.is_symlink() {
            is_left_by(&path, target, (wanted, before))?
        } else {
            let name = path.strip_prefix(target).ok().and_then(Path::to_str).unwrap_or_default();
            !wanted.contains_key(name)
                && before.is_some_and(|before| before.files.contains_key(name))
        };
        if !left {
            return Ok(false);
        }
        any = true;
    }
    Ok(any)
}

/// Whether a directory on the way to a path is none, or a link that the source did not make: what lies behind it is the
/// host's. A file or link of the source itself gives way.
fn blocked(target: &Path, path: &str, before: Option<&Published>) -> bool {
    let ways = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
    ways.into_iter().any(|way| {
        let ours = before.is_some_and(|before| before.files.contains_key(way));
        match fs::symlink_metadata(target.join(way)) {
            Ok(metadata) => !metadata.is_dir() && !ours,
            Err(_) => false,
        }
    })
}

/// Files and links of a tree that was written out, by path. `.git` at the top is not part of it.
pub(super) fn walk(top: &Path) -> io::Result<BTreeMap<String, Kind>> {
    let mut found = BTreeMap::new();
    let mut todo: Vec<PathBuf> = vec![top.to_path_buf()];
    while let Some(directory) = todo.pop() {
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            // Of a submodule, too: a file that leads to its repository.
            if path.file_name().is_some_and(|name| name == ".git") {
                continue;
            }
            if path.is_dir() && !path.is_symlink() {
                todo.push(path);
                continue;
            }
            let name = path.strip_prefix(top).ok().and_then(Path::to_str);
            if let (Some(name), Some(kind)) = (name, Kind::of(&path)?) {
                found.insert(name.to_owned(), kind);
            }
        }
    }
    Ok(found)
}
