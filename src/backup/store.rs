//! The directory of backups: `PROJECT/ID/…`. What is not complete has a name that begins with a dot.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::model::backup_set::BackupSet;
use crate::model::id::ProjectName;
use crate::model::path::LocalPath;

/// Names of sets that are being written begin so.
const UNFINISHED: &str = ".unfinished-";
/// What a set says of itself: a copy of its entry in the catalogue.
const ABOUT: &str = "set.json";

/// Where backups lie. Every call blocks.
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
}

/// The right to write backups of a project; it ends with the process, however that ends.
#[derive(Debug)]
pub(super) struct Hold {
    #[expect(dead_code, reason = "held for its drop")]
    lock: File,
    directory: PathBuf,
}

/// A set that is being written. Dropping it removes what there is of it.
#[derive(Debug)]
pub(super) struct Draft {
    unfinished: PathBuf,
    finished: PathBuf,
}

impl Store {
    /// Backups below this directory, which need not exist.
    pub fn new(directory: &LocalPath) -> Self {
        Self { directory: directory.as_path().to_path_buf() }
    }

    /// Takes the right to write backups of a project, and removes what was cut off before; `None` if another has it.
    pub(super) fn hold(&self, project: &ProjectName) -> io::Result<Option<Hold>> {
        let directory = self.directory.join(project.as_str());
        let Some(lock) = lock(&directory, ".lock")? else { return Ok(None) };
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(Some(Hold { lock, directory }))
    }

    /// Takes the right to try backups of a project; it ends with the file, or the process. `None`: another has it.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn hold_drill(&self, project: &ProjectName) -> io::Result<Option<File>> {
        lock(&self.directory.join(project.as_str()), ".drill-lock")
    }

    /// Removes what was cut off of backups of a project, unless one is being made. Best effort.
    pub fn sweep(&self, project: &ProjectName) {
        if self.directory.join(project.as_str()).is_dir() {
            drop(self.hold(project));
        }
    }

    /// Removes the files of a set; those that are gone are removed.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn remove(&self, set: &BackupSet) -> io::Result<()> {
        let directory = Path::new(&set.directory);
        // Never anything but a set: the catalogue may be of another time.
        if set.directory.is_empty() || directory.file_name() != Some(set.id.as_ref()) {
            return Ok(());
        }
        match fs::remove_dir_all(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

impl Hold {
    /// Begins a set.
    pub(super) fn begin(&self, id: &str) -> io::Result<Draft> {
        let unfinished = self.directory.join(format!("{UNFINISHED}{id}"));
        DirBuilder::new().mode(0o700).create(&unfinished)?;
        Ok(Draft { unfinished, finished: self.directory.join(id) })
    }

    /// Sets that are whole and that `known` does not know: their writer ended before it could enter them.
    pub(super) fn orphans(&self, known: impl Fn(&str) -> bool) -> Vec<BackupSet> {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let unknown = entries.filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            !name.starts_with('.') && !known(&name)
        });
        let about = |path: PathBuf| {
            let bytes = fs::read(path.join(ABOUT)).ok()?;
            let set: BackupSet = serde_json::from_slice(&bytes).ok()?;
            (path.file_name() == Some(set.id.as_ref())).then_some(set)
        };
        unknown.filter_map(|entry| about(entry.path())).collect()
    }
}

impl Draft {
    /// Where the set will lie.
    pub(super) fn place(&self) -> String {
        self.finished.display().to_string()
    }

    /// Where a file of it lies meanwhile.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.unfinished.join(name)
    }

    /// A new file of it.
    pub(super) fn file(&self, name: &str) -> io::Result<File> {
        create(&self.path(name))
    }

    /// Gives the set its name, and makes that durable. The files are on the disk already.
    pub(super) fn publish(self, about: &BackupSet) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(about).map_err(io::Error::other)?;
        let path = self.path(ABOUT);
        io::Write::write_all(&mut create(&path)?, &text)?;
        File::open(&path)?.sync_all()?;
        File::open(&self.unfinished)?.sync_all()?;
        fs::rename(&self.unfinished, &self.finished)?;
        let parent = self.finished.parent().unwrap_or(&self.finished);
        File::open(parent)?.sync_all()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already if it was published. What stays is swept by the next holder.
        fs::remove_dir_all(&self.unfinished).ok();
    }
}

/// A lock in a directory, which need not exist; `None` if another has it.
fn lock(directory: &Path, name: &str) -> io::Result<Option<File>> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(false).mode(0o600);
    let lock = options.open(directory.join(name))?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(lock)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}
