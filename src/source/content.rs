//! The content store: bytes of configs and secrets, by digest.

use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::PathBuf;

use crate::model::path::LocalPath;
use crate::model::secret::sha256_hex;

/// A directory of files that are named by the SHA-256 of their bytes. Directory 0700, files 0600.
#[derive(Clone, Debug)]
pub struct ContentStore {
    directory: PathBuf,
}

impl ContentStore {
    /// A store in `directory`, which is made with the first content.
    pub fn new(directory: &LocalPath) -> Self {
        Self { directory: directory.as_path().to_path_buf() }
    }

    /// Keeps the bytes and gives their digest, 64 hexadecimal digits. On return they are on the disk. Blocking.
    ///
    /// # Errors
    /// If the directory cannot be made or written; nothing half written stays.
    pub fn put(&self, bytes: &[u8]) -> io::Result<String> {
        let digest = sha256_hex([bytes]);
        if self.get(&digest)?.is_some() {
            return Ok(digest);
        }
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        let mut file = tempfile::Builder::new()
            .prefix(".tmp-")
            .permissions(PermissionsExt::from_mode(0o600))
            .tempfile_in(&self.directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(self.directory.join(&digest)).map_err(|error| error.error)?;
        std::fs::File::open(&self.directory)?.sync_all()?;
        Ok(digest)
    }

    /// The bytes, or `None` if they are not there or are not what their name says. Blocking.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn get(&self, digest: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(path) = self.path(digest) else {
            return Ok(None);
        };
        match std::fs::read(path.as_path()) {
            Ok(bytes) => Ok((sha256_hex([&bytes]) == digest).then_some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Where the bytes of this digest are or would be; `None` if the text is no digest.
    pub fn path(&self, digest: &str) -> Option<LocalPath> {
        is_digest(digest).then(|| LocalPath::new(self.directory.join(digest)))
    }

    /// The digests that are there, sorted. Blocking.
    ///
    /// # Errors
    /// If the directory is there and cannot be read.
    pub fn list(&self) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut digests = Vec::new();
        for entry in entries {
            digests.extend(entry?.file_name().into_string().ok().filter(|n| is_digest(n)));
        }
        digests.sort();
        Ok(digests)
    }

    /// Forgets the bytes; what is not there is forgotten already. Blocking.
    ///
    /// # Errors
    /// If the file cannot be removed.
    pub fn remove(&self, digest: &str) -> io::Result<()> {
        match self.path(digest).map(|path| std::fs::remove_file(path.as_path())) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
