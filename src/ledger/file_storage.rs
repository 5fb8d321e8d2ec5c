//! The state directory on a real file system.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use crate::ledger::storage::{Storage, StorageLock};
use crate::model::path::LocalPath;

/// Where locks of the whole host lie; `/tmp` is the fall-back of users who may not write here.
const HOST_LOCKS: &str = "/run/composelet";

/// A directory of the file system: 0700, its files 0600.
#[derive(Clone, Debug)]
pub struct FileStorage {
    directory: PathBuf,
    host_locks: PathBuf,
}

impl FileStorage {
    /// Files below `directory`, which need not exist.
    pub fn new(directory: &LocalPath) -> Self {
        Self { directory: directory.as_path().to_path_buf(), host_locks: PathBuf::from(HOST_LOCKS) }
    }

    /// The same with another place for the locks of the host, which tests must not share.
    #[must_use]
    pub fn with_host_locks(self, directory: &LocalPath) -> Self {
        Self { host_locks: directory.as_path().to_path_buf(), ..self }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }
}

impl Storage for FileStorage {
    fn place(&self) -> String {
        self.directory.display().to_string()
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(self.at(path))
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(self.at(directory)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn create_directory(&self, directory: &str) -> io::Result<()> {
        let path = self.at(directory);
        if !path.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
            if let Some(parent) = path.parent() {
                File::open(parent)?.sync_all()?;
            }
        }
        if path.metadata()?.mode() & 0o077 != 0 {
            std::fs::set_permissions(&path, Permissions::from_mode(0o700))?;
        }
        Ok(())
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(self.at(path))?.write_all(bytes)
    }

    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<u64> {
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create(true).mode(0o600).open(self.at(path))?;
        file.write_all(bytes)?;
        Ok(file.metadata()?.len())
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        File::open(self.at(path))?.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.at(from), self.at(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        std::fs::remove_file(self.at(path))
    }

    fn sync_directory(&self, directory: &str) -> io::Result<()> {
        File::open(self.at(directory))?.sync_all()
    }

    fn lock(&self, path: &str, owner: &str) -> io::Result<Option<StorageLock>> {
        take(&self.at(path), 0o600, owner)
    }

    fn lock_on_host(&self, name: &str, owner: &str) -> io::Result<Option<StorageLock>> {
        let path = self.host_locks.join(name);
        if !self.host_locks.is_dir() {
            // Fails for users who may not; the fall-back below is theirs.
            DirBuilder::new().recursive(true).mode(0o755).create(&self.host_locks).ok();
        }
        match take(&path, 0o644, owner) {
            Err(_) => take(&std::env::temp_dir().join(format!("composelet-{name}")), 0o644, owner),
            taken => taken,
        }
    }

    fn entropy(&self) -> io::Result<[u8; 16]> {
        let mut bytes = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// Locks a file and writes the owner into it. The file is never replaced or removed, or two could hold "the" lock. A file of
/// another user is locked as well, though not written: reading rights are enough for a lock.
fn take(path: &Path, mode: u32, owner: &str) -> io::Result<Option<StorageLock>> {
    let no_links = OFlags::NOFOLLOW.bits().cast_signed();
    let (mut file, ours) = match OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(mode)
        .custom_flags(no_links)
        .open(path)
    {
        Ok(file) => (file, true),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let mut options = OpenOptions::new();
            let file = options.read(true).custom_flags(no_links).open(path)?;
            (file, false)
        }
        Err(error) => return Err(error),
    };
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    if ours {
        file.set_len(0)?;
        file.write_all(owner.as_bytes())?;
    }
    Ok(Some(StorageLock::new(file)))
}
