//! Putting a tree in place: what was written out aside is renamed to where it belongs, and what is gone from the tree is
//! removed. Nothing else of the directory is touched: data, media, logs and `.env` belong to the host (DESIGN §5, data).
//!
//! What is to be done is written down first. A crash in the middle is made up for before anything is read
//! ([`Switch::unfinished`]): the planner sees one commit or the other, never a mix.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::source::git::place::SourcePlace;
use crate::source::git::published::{Published, Stamp};

/// Sets of files that gave way and are kept, at most; the oldest go first.
const MOST_ASIDE: usize = 20;

/// What is to be done so that a commit is in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    /// What is in place afterwards.
    pub published: Published,
    /// Directory of the tree within what was written out.
    pub(super) from: String,
    /// Put in place.
    pub(super) put: Vec<String>,
    /// Removed.
    pub(super) removed: Vec<String>,
    /// Kept aside first.
    pub(super) aside: Vec<String>,
}

impl Switch {
    /// Files that are put in place or removed.
    pub fn count(&self) -> usize {
        self.put.len() + self.removed.len()
    }

    /// Files that somebody changed by hand, or that were in the way, and are kept aside.
    pub fn kept_aside(&self) -> &[String] {
        &self.aside
    }

    /// What a process that died had begun, if there is something.
    ///
    /// # Errors
    /// It was written down and cannot be read.
    pub fn unfinished(place: &SourcePlace) -> io::Result<Option<Self>> {
        match fs::read(place.pending()) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Does it. Blocking. May be done again after it was cut off anywhere.
    ///
    /// # Errors
    /// A file cannot be moved, removed or written; what was done stays done, and the rest can be done later.
    pub fn perform(&self, place: &SourcePlace) -> io::Result<Published> {
        let target = place.target();
        write_down(&place.pending(), self)?;
        self.keep_aside(place, &target)?;
        for path in &self.removed {
            not_found_is_done(fs::remove_file(target.join(path)))?;
        }
        let from = place.staging().join(&self.from);
        for path in &self.put {
            put(&from.join(path), &target.join(path))?;
        }
        sync_names(&target, &self.put)?;
        sync_names(&target, &self.removed)?;
        let mut published = self.published.clone();
        for (path, file) in &mut published.files {
            file.stamp = Stamp::of(&target.join(path));
        }
        write_down(&place.published(), &published)?;
        not_found_is_done(fs::remove_file(place.pending()))?;
        Ok(published)
    }

    fn keep_aside(&self, place: &SourcePlace, target: &Path) -> io::Result<()> {
        if self.aside.is_empty() {
            return Ok(());
        }
        let since = self.published.since.as_millis();
        let directory = place.aside().join(format!("{since:015}"));
        for path in &self.aside {
            let (from, to) = (target.join(path), directory.join(path));
            // After a crash what is there by now may be the new one already.
            if fs::symlink_metadata(&to).is_ok() || fs::symlink_metadata(&from).is_err() {
                continue;
            }
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent)?;
            }
            copy(&from, &to)?;
        }
        let mut sets: Vec<PathBuf> =
            fs::read_dir(place.aside())?.flatten().map(|entry| entry.path()).collect();
        sets.sort();
        for old in sets.iter().rev().skip(MOST_ASIDE) {
            fs::remove_dir_all(old)?;
        }
        Ok(())
    }
}

impl Published {
    /// What is in place, as it was written down; `None`: nothing yet, or nobody can read it any more.
    pub fn read(place: &SourcePlace) -> Option<Self> {
        serde_json::from_slice(&fs::read(place.published()).ok()?).ok()
    }

    /// The files look as they did when they were put in place.
    pub(super) fn stands(&self, target: &Path) -> bool {
        self.files
            .iter()
            .all(|(path, file)| file.stamp.is_some() && file.stamp == Stamp::of(&target.join(path)))
    }
}

/// A rename, or where that is not one file system, a copy beside and a rename.
fn put(from: &Path, to: &Path) -> io::Result<()> {
    if fs::symlink_metadata(from).is_err() {
        // It was moved before the crash.
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    if to.is_dir() && !to.is_symlink() {
        remove_empty(to)?;
    }
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let name = to.file_name().unwrap_or_default().to_string_lossy();
            let beside = to.with_file_name(format!(".{name}.composelet"));
            not_found_is_done(fs::remove_file(&beside))?;
            copy(from, &beside)?;
            fs::rename(beside, to)?;
            fs::remove_file(from)
        }
        done => done,
    }
}

/// Removes a directory that holds nothing but directories.
fn remove_empty(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() {
            remove_empty(&path)?;
        }
    }
    fs::remove_dir(directory)
}

/// A copy of a file or link.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_symlink() {
        return std::os::unix::fs::symlink(fs::read_link(from)?, to);
    }
    fs::copy(from, to)?;
    fs::File::open(to)?.sync_all()
}

fn not_found_is_done(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The bytes of these files of a tree that was written out are on the disk: a rename must not put an empty one in place.
pub(super) fn sync_files(from: &Path, paths: &[String]) -> io::Result<()> {
    for path in paths.iter().map(|path| from.join(path)).filter(|path| !path.is_symlink()) {
        fs::File::open(path)?.sync_all()?;
    }
    Ok(())
}

/// The names in the directories of these files are on the disk.
fn sync_names(target: &Path, paths: &[String]) -> io::Result<()> {
    let parents: BTreeSet<PathBuf> =
        paths.iter().filter_map(|path| target.join(path).parent().map(Path::to_path_buf)).collect();
    for parent in parents.iter().filter(|parent| parent.is_dir()) {
        fs::File::open(parent)?.sync_all()?;
    }
    Ok(())
}

/// A file of our own, readable by nobody else, whole or not at all.
fn write_down<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    serde_json::to_writer(&mut file, value)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o600))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    fs::File::open(directory)?.sync_all()
}
