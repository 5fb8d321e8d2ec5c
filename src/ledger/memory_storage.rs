//! A storage in memory for simulations and tests, with the page cache of a real one: what is not synced may be lost.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ledger::storage::{Storage, StorageLock};

/// What a crash takes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The process ends; the machine keeps what was written.
    Process,
    /// Power fails. Of what was not synced, each file keeps its old bytes, the new ones or a part of them, and each
    /// directory a first part of its changes, as this seed decides.
    Power(u64),
}

type Locks = Arc<Mutex<BTreeSet<String>>>;

/// Files in memory. Clones share them. Directories are durable at once.
#[derive(Clone, Debug, Default)]
pub struct MemoryStorage {
    disk: Arc<Mutex<Disk>>,
    locks: Locks,
    host_locks: Locks,
}

#[derive(Clone, Debug, Default)]
struct Disk {
    files: BTreeMap<u64, File>,
    names: Names,
    durable_names: Names,
    /// Changes of names that are not durable, by directory, in order; one element is one step of the file system.
    unsynced: BTreeMap<String, Vec<Change>>,
    next_file: u64,
    steps: u64,
    crash_at: Option<u64>,
    failing: Option<io::ErrorKind>,
    entropy: u64,
}

/// Names that a step gives to files or takes away.
type Change = Vec<(String, Option<u64>)>;

type Names = BTreeMap<String, u64>;

#[derive(Clone, Debug, Default)]
struct File {
    bytes: Vec<u8>,
    durable: Vec<u8>,
}

impl MemoryStorage {
    /// An empty storage on a host of its own.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another empty storage on the same host: locks of the host are shared.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self { host_locks: Arc::clone(&self.host_locks), ..Self::default() }
    }

    /// Steps that changed something so far: writes, syncs, renames, removals.
    pub fn steps(&self) -> u64 {
        self.disk().steps
    }

    /// Crashes at this step, counted as [`MemoryStorage::steps`]: a write of it is half done, everything else of it and
    /// everything after it fails.
    pub fn crash_at(&self, step: u64) {
        self.disk().crash_at = Some(step);
    }

    /// Lets every write fail with this error after half of its bytes, for a full disk; `None` ends it.
    pub fn fail_writes(&self, error: Option<io::ErrorKind>) {
        self.disk().failing = error;
    }

    /// Puts bytes at a path, durably: for tests that damage files.
    pub fn plant(&self, path: &str, bytes: &[u8]) {
        let mut disk = self.disk();
        disk.put(path, bytes);
        disk.sync(path);
        disk.sync_names(directory(path));
    }

    /// The storage as the next process finds it. Locks of the old one are gone.
    #[must_use]
    pub fn reboot(&self, loss: Loss) -> Self {
        let mut disk = self.disk().clone();
        if let Loss::Power(seed) = loss {
            disk.lose(&mut Dice(seed));
        }
        disk.crash_at = None;
        disk.failing = None;
        Self { disk: Arc::new(Mutex::new(disk)), ..self.beside() }
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk {
    /// Counts a step; an error from the crash on.
    fn step(&mut self) -> io::Result<()> {
        self.alive()?;
        self.steps += 1;
        self.alive()
    }

    fn alive(&self) -> io::Result<()> {
        match self.crash_at {
            Some(step) if self.steps > step => Err(io::Error::other("crashed")),
            _ => Ok(()),
        }
    }

    /// Writes the whole, or half of it and an error.
    fn write(&mut self, path: &str, old: usize, bytes: &[u8]) -> io::Result<()> {
        self.alive()?;
        let outcome = match self.failing {
            Some(kind) => Err(kind.into()),
            None => self.step(),
        };
        let half = old + bytes.len().saturating_sub(old) / 2;
        self.put(path, if outcome.is_ok() { bytes } else { bytes.get(..half).unwrap_or(bytes) });
        outcome
    }

    fn put(&mut self, path: &str, bytes: &[u8]) {
        let number = self.names.get(path).copied().unwrap_or_else(|| {
            self.next_file += 1;
            self.change(path, vec![(path.to_owned(), Some(self.next_file))]);
            self.next_file
        });
        self.files.entry(number).or_default().bytes = bytes.to_vec();
    }

    fn change(&mut self, path: &str, change: Change) {
        apply(&mut self.names, &change);
        self.unsynced.entry(directory(path).to_owned()).or_default().push(change);
    }

    fn file(&self, path: &str) -> io::Result<&File> {
        let number = self.names.get(path);
        let file = number.and_then(|number| self.files.get(number));
        file.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync(&mut self, path: &str) {
        let number = self.names.get(path).copied().unwrap_or_default();
        if let Some(file) = self.files.get_mut(&number) {
            file.durable.clone_from(&file.bytes);
        }
    }

    fn sync_names(&mut self, directory: &str) {
        for change in self.unsynced.remove(directory).unwrap_or_default() {
            apply(&mut self.durable_names, &change);
        }
    }

    fn lose(&mut self, dice: &mut Dice) {
        for changes in std::mem::take(&mut self.unsynced).into_values() {
            let kept = dice.below(changes.len() + 1);
            for change in changes.iter().take(kept) {
                apply(&mut self.durable_names, change);
            }
        }
        self.names.clone_from(&self.durable_names);
        for file in self.files.values_mut() {
            if file.bytes != file.durable {
                file.durable = match dice.below(3) {
                    0 => std::mem::take(&mut file.durable),
                    1 => std::mem::take(&mut file.bytes),
                    _ => {
                        let common = file.durable.len().min(file.bytes.len());
                        let from = if file.bytes.starts_with(&file.durable) { common } else { 0 };
                        let torn = from + dice.below(file.bytes.len() - from + 1);
                        file.bytes.truncate(torn);
                        std::mem::take(&mut file.bytes)
                    }
                };
                file.bytes.clone_from(&file.durable);
            }
        }
    }
}

fn apply(names: &mut Names, change: &[(String, Option<u64>)]) {
    for (path, number) in change {
        match number {
            Some(number) => names.insert(path.clone(), *number),
            None => names.remove(path),
        };
    }
}

fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

impl Storage for MemoryStorage {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let disk = self.disk();
        disk.alive()?;
        disk.file(path).map(|file| file.bytes.clone())
    }

    fn list(&self, wanted: &str) -> io::Result<Vec<String>> {
        let disk = self.disk();
        disk.alive()?;
        let prefix = if wanted.is_empty() { String::new() } else { format!("{wanted}/") };
        let names: BTreeSet<String> = disk
            .names
            .keys()
            .filter_map(|path| path.strip_prefix(&prefix)?.split('/').next())
            .map(str::to_owned)
            .collect();
        Ok(names.into_iter().collect())
    }

    fn create_directory(&self, _directory: &str) -> io::Result<()> {
        self.disk().alive()
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.disk().write(path, 0, bytes)
    }

    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<u64> {
        let mut disk = self.disk();
        let mut whole = disk.file(path).map(|file| file.bytes.clone()).unwrap_or_default();
        let old = whole.len();
        whole.extend(bytes);
        disk.write(path, old, &whole)?;
        u64::try_from(whole.len()).map_err(io::Error::other)
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.step()?;
        disk.file(path)?;
        disk.sync(path);
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.step()?;
        disk.file(from)?;
        let number = disk.names.get(from).copied();
        disk.change(from, vec![(from.to_owned(), None), (to.to_owned(), number)]);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.step()?;
        disk.file(path)?;
        disk.change(path, vec![(path.to_owned(), None)]);
        Ok(())
    }

    fn sync_directory(&self, directory: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.step()?;
        disk.sync_names(directory);
        Ok(())
    }

    fn lock(&self, path: &str, owner: &str) -> io::Result<Option<StorageLock>> {
        let lock = take(&self.locks, path);
        if lock.is_some() {
            self.write(path, owner.as_bytes())?;
        }
        Ok(lock)
    }

    fn lock_on_host(&self, name: &str, _owner: &str) -> io::Result<Option<StorageLock>> {
        self.disk().alive()?;
        Ok(take(&self.host_locks, name))
    }

    fn entropy(&self) -> io::Result<[u8; 16]> {
        let mut disk = self.disk();
        disk.entropy += 1;
        let mut dice = Dice(disk.entropy);
        let mut bytes = [0; 16];
        for half in bytes.chunks_mut(8) {
            half.copy_from_slice(&dice.next().to_le_bytes());
        }
        Ok(bytes)
    }
}

fn take(locks: &Locks, name: &str) -> Option<StorageLock> {
    let mut held = locks.lock().unwrap_or_else(PoisonError::into_inner);
    held.insert(name.to_owned())
        .then(|| StorageLock::new(Held { locks: Arc::clone(locks), name: name.to_owned() }))
}

struct Held {
    locks: Locks,
    name: String,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        held.remove(&self.name);
    }
}

/// The generator `splitmix64`: the same seed gives the same losses.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `bound` − 1.
    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(1);
        usize::try_from(self.next() % bound).unwrap_or(0)
    }
}
