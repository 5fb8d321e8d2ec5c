//! The watched directory in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use composelet::model::commit::Commit;
use composelet::model::files::{Entry, FileContent};
use composelet::model::path::LocalPath;
use composelet::source::{RootReading, Tree, WatchMode, Watching};
use tokio::sync::mpsc::Sender;

/// Where it is.
pub(crate) const ROOT: &str = "/desired-state";

/// Whether the root can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RootMode {
    /// As it is.
    #[default]
    There,
    /// It is there, with nothing in it.
    Empty,
    /// It is not there.
    Missing,
    /// It cannot be read.
    Unreadable,
}

/// Directories with one `compose.yaml` each. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryTree {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    files: BTreeMap<String, Arc<[u8]>>,
    mode: RootMode,
    hints: Vec<Sender<()>>,
    told: u64,
    tells: bool,
    lost: u64,
}

impl MemoryTree {
    /// An empty one that tells of changes, all but every `lost`-th.
    pub(crate) fn new(tells: bool, lost: u64) -> Self {
        let inner = Inner { tells, lost, ..Inner::default() };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the file of a project.
    pub(crate) fn write(&self, project: &str, text: &str) {
        let mut inner = self.lock();
        inner.files.insert(project.to_owned(), Arc::from(text.as_bytes()));
        inner.hint();
    }

    /// Removes a project's directory.
    pub(crate) fn remove(&self, project: &str) {
        let mut inner = self.lock();
        inner.files.remove(project);
        inner.hint();
    }

    /// Changes what reading the root gives.
    pub(crate) fn set_mode(&self, mode: RootMode) {
        let mut inner = self.lock();
        inner.mode = mode;
        inner.hint();
    }
}

impl Inner {
    fn hint(&mut self) {
        self.told += 1;
        if self.tells && (self.lost == 0 || !self.told.is_multiple_of(self.lost)) {
            self.hints.retain(|hint| !hint.is_closed());
            for hint in &self.hints {
                // A full channel holds a hint already.
                hint.try_send(()).ok();
            }
        }
    }
}

impl Tree for MemoryTree {
    fn read_root(&self, root: &LocalPath) -> RootReading {
        let inner = self.lock();
        let entries = match inner.mode {
            RootMode::There => inner
                .files
                .keys()
                .map(|name| Entry::Directory(LocalPath::new(root.as_path().join(name))))
                .collect(),
            RootMode::Empty => BTreeSet::new(),
            RootMode::Missing => return RootReading::Missing,
            RootMode::Unreadable => {
                return RootReading::Unreadable("input/output error".to_owned());
            }
        };
        RootReading::Read { identity: (1, 2), entries, ignored: Vec::new() }
    }

    fn commit(&self, _directory: &LocalPath) -> Option<Commit> {
        None
    }

    fn read_path(&self, path: &LocalPath) -> FileContent {
        let inner = self.lock();
        let Ok(below) = path.as_path().strip_prefix(ROOT) else {
            return FileContent::Missing;
        };
        if inner.mode != RootMode::There {
            return FileContent::Missing;
        }
        let mut parts = below.iter().map(|part| part.to_string_lossy());
        let project = parts.next().unwrap_or_default();
        let Some(bytes) = inner.files.get(project.as_ref()) else {
            return FileContent::Missing;
        };
        match parts.next().as_deref() {
            None => FileContent::Directory(vec!["compose.yaml".to_owned()]),
            Some("compose.yaml") => FileContent::Bytes(Arc::clone(bytes)),
            Some(_) => FileContent::Missing,
        }
    }

    fn watch(&self, _root: &LocalPath, hint: Sender<()>, _poll_only: bool) -> Box<dyn Watching> {
        let mut inner = self.lock();
        inner.hints.push(hint);
        Box::new(MemoryWatch { tells: inner.tells })
    }
}

#[derive(Debug)]
struct MemoryWatch {
    tells: bool,
}

impl Watching for MemoryWatch {
    fn mode(&self) -> WatchMode {
        if self.tells { WatchMode::Inotify } else { WatchMode::Poll("asked for".to_owned()) }
    }

    fn watch_paths(&mut self, _paths: &BTreeSet<LocalPath>) {}

    fn rearm(&mut self) {}
}
