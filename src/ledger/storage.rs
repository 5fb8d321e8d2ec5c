//! The port to the disk. Small steps, so that what happens between two of them can be tested.

use std::any::Any;
use std::fmt;
use std::io;

/// Files below one directory, named by relative paths with `/`. Nothing is durable until it is synced: data by
/// [`Storage::sync`], names by [`Storage::sync_directory`]. Directories exist as soon as a file in them is written.
///
/// # Errors
/// Every call gives the error of the operating system; `NotFound` if a file is not there.
#[expect(clippy::missing_errors_doc, reason = "one paragraph for all of them above")]
pub trait Storage: fmt::Debug + Send + Sync {
    /// Where it is, for messages.
    fn place(&self) -> String;
    /// The bytes of a file.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;
    /// Sorted names in a directory (empty path: the top); none if it does not exist.
    fn list(&self, directory: &str) -> io::Result<Vec<String>>;
    /// Makes a directory, its parents and their names durable. Existing ones are no error.
    fn create_directory(&self, directory: &str) -> io::Result<()>;
    /// Writes a file from its beginning and cuts off what was there.
    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()>;
    /// Appends to a file; gives its new length in bytes.
    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<u64>;
    /// Waits until the bytes of a file are on the disk.
    fn sync(&self, path: &str) -> io::Result<()>;
    /// Gives a file another name in the same directory; replaces what has that name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Waits until the names in a directory are on the disk.
    fn sync_directory(&self, directory: &str) -> io::Result<()>;
    /// Takes an exclusive lock on a file of this storage and writes `owner` into it; `None` if another holds it.
    fn lock(&self, path: &str, owner: &str) -> io::Result<Option<StorageLock>>;
    /// Takes an exclusive lock of this name that all storages of this host share; `None` if another holds it.
    fn lock_on_host(&self, name: &str, owner: &str) -> io::Result<Option<StorageLock>>;
    /// Sixteen random bytes.
    fn entropy(&self) -> io::Result<[u8; 16]>;
}

/// A lock that is held until it is dropped.
pub struct StorageLock(
    #[expect(dead_code, reason = "held for its drop")] Box<dyn Any + Send + Sync>,
);

impl StorageLock {
    /// Wraps whatever releases the lock when it is dropped.
    pub fn new(guard: impl Any + Send + Sync) -> Self {
        Self(Box::new(guard))
    }
}

impl fmt::Debug for StorageLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StorageLock")
    }
}
