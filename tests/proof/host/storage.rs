//! A state directory in memory that kills its controller at a chosen write, and writes published status into the journal.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use composelet::ledger::{MemoryStorage, Storage, StorageLock};

use crate::scenario::CANARY;
use crate::sim::{Happening, SimEngine};

/// The state directory of one process.
#[derive(Clone, Debug)]
pub(crate) struct WatchedStorage {
    disk: MemoryStorage,
    engine: SimEngine,
    place: usize,
    client: u32,
    /// The process dies when more steps than these were made.
    last_step: Option<u64>,
    /// Whether a secret was written where it must not be.
    leaked: Arc<AtomicBool>,
}

impl WatchedStorage {
    /// `disk` as the process `client` uses it.
    pub(crate) fn new(
        disk: &MemoryStorage,
        engine: &SimEngine,
        (place, client): (usize, u32),
        last_step: Option<u64>,
        leaked: &Arc<AtomicBool>,
    ) -> Self {
        if let Some(step) = last_step {
            disk.crash_at(step);
        }
        Self {
            disk: disk.clone(),
            engine: engine.clone(),
            place,
            client,
            last_step,
            leaked: Arc::clone(leaked),
        }
    }

    fn stepped<T>(&self, outcome: T) -> T {
        if self.last_step.is_some_and(|last| self.disk.steps() > last) {
            self.engine.client_dies(self.client);
        }
        outcome
    }

    /// What readers of a published file see from now on; no bytes once it is taken back.
    fn published(&self, path: &str) {
        if !path.starts_with("status/") {
            return;
        }
        let bytes = self.disk.read(path).unwrap_or_default();
        self.engine.with(|world| {
            let at = world.clock.elapsed();
            let (place, path) = (self.place, path.to_owned());
            world.journal.entries.push(Happening::Status { at, place, path, bytes });
        });
    }

    fn scan(&self, path: &str, bytes: &[u8]) {
        // Files that loading read are kept as they were written.
        let kept = path.starts_with("last-good") || path.starts_with("revisions");
        if !kept && String::from_utf8_lossy(bytes).contains(CANARY) {
            self.leaked.store(true, Ordering::Relaxed);
        }
    }
}

impl Storage for WatchedStorage {
    fn place(&self) -> String {
        self.disk.place()
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.disk.read(path)
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.disk.list(directory)
    }

    fn create_directory(&self, directory: &str) -> io::Result<()> {
        self.disk.create_directory(directory)
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.scan(path, bytes);
        self.stepped(self.disk.write(path, bytes))
    }

    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<u64> {
        self.scan(path, bytes);
        self.stepped(self.disk.append(path, bytes))
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        self.stepped(self.disk.sync(path))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let outcome = self.stepped(self.disk.rename(from, to));
        if outcome.is_ok() {
            self.published(to);
        }
        outcome
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let outcome = self.stepped(self.disk.remove(path));
        if outcome.is_ok() && !path.contains(".tmp-") {
            self.published(path);
        }
        outcome
    }

    fn sync_directory(&self, directory: &str) -> io::Result<()> {
        self.stepped(self.disk.sync_directory(directory))
    }

    fn lock(&self, path: &str, owner: &str) -> io::Result<Option<StorageLock>> {
        self.stepped(self.disk.lock(path, owner))
    }

    fn lock_on_host(&self, name: &str, owner: &str) -> io::Result<Option<StorageLock>> {
        self.disk.lock_on_host(name, owner)
    }

    fn entropy(&self) -> io::Result<[u8; 16]> {
        self.disk.entropy()
    }
}
