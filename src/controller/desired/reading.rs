//! One reading of the watched directory. Blocking; what did not change since the last reading is not loaded again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::controller::commits::Commits;
use crate::controller::desired::loading::{EntryReading, ManifestLoader, load_entry};
use crate::model::files::Entry;
use crate::model::files::Files;
use crate::model::path::LocalPath;
use crate::source::{RootReading, Tree};

/// What one reading gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The root itself.
    pub root: RootState,
    /// Its entries, loaded. Empty unless the root could be read.
    pub entries: BTreeMap<Entry, EntryReading>,
}

/// Whether the root could be read. Unreadable is not empty (invariant 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootState {
    /// It was read; device and inode.
    Read((u64, u64)),
    /// It is there and cannot be read.
    Unreadable(String),
    /// It is not there.
    Missing,
}

impl Reading {
    /// Every path that loading asked for: what to watch.
    pub fn asked(&self) -> BTreeSet<LocalPath> {
        self.entries.values().flat_map(|entry| entry.files.keys().cloned()).collect()
    }
}

/// Reads the watched directory, again and again.
pub struct Reader {
    root: LocalPath,
    tree: Arc<dyn Tree>,
    loader: Arc<dyn ManifestLoader>,
    commits: Commits,
    last: BTreeMap<Entry, EntryReading>,
    keys: String,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("root", &self.root)
            .field("entries", &self.last.len())
            .finish_non_exhaustive()
    }
}

impl Reader {
    /// A reader of `root`, which lies in `tree`.
    pub fn new(root: LocalPath, tree: Arc<dyn Tree>, loader: Arc<dyn ManifestLoader>) -> Self {
        let (commits, last, keys) = (Commits::default(), BTreeMap::new(), String::new());
        Self { root, tree, loader, commits, last, keys }
    }

    /// The same, told by `commits` which commit files come from.
    #[must_use]
    pub fn knowing(self, commits: Commits) -> Self {
        Self { commits, ..self }
    }

    /// The loader, for last good versions.
    pub fn loader(&self) -> &dyn ManifestLoader {
        &*self.loader
    }

    /// Reads root and entries. Blocking.
    pub fn read(&mut self) -> Reading {
        let (root, names) = match self.tree.read_root(&self.root) {
            RootReading::Read { identity, entries, .. } => (RootState::Read(identity), entries),
            RootReading::Unreadable(why) => (RootState::Unreadable(why), BTreeSet::new()),
            RootReading::Missing => (RootState::Missing, BTreeSet::new()),
        };
        if let RootState::Read(_) = root {
            let keys = self.loader.keys();
            if keys != self.keys {
                self.last.clear();
                self.keys = keys;
            }
            self.last = names
                .into_iter()
                .map(|entry| {
                    let reading = self.entry(&entry);
                    (entry, reading)
                })
                .collect();
            let entries = self.last.clone();
            return Reading { root, entries };
        }
        Reading { root, entries: BTreeMap::new() }
    }

    /// One entry: what was asked for last time is read first; if none of it differs, the last result stands.
    fn entry(&self, entry: &Entry) -> EntryReading {
        let read = |path: &LocalPath| self.tree.read_path(path);
        let files: Files = match self.last.get(entry) {
            Some(last) => {
                let files = last.files.keys().map(|path| (path.clone(), read(path))).collect();
                if files == *last.files {
                    return self.of_commit(last.clone());
                }
                files
            }
            None => Files::new(),
        };
        self.of_commit(load_entry(&*self.loader, entry, files, |path| Some(read(path))))
    }

    /// The same, with the commit that its files come from.
    fn of_commit(&self, mut reading: EntryReading) -> EntryReading {
        if let Some(project) = &mut reading.project {
            let published = self.commits.of(project.directory.as_path());
            let commit = published.or_else(|| self.tree.commit(&project.directory));
            if commit != project.commit {
                Arc::make_mut(project).commit = commit;
            }
        }
        reading
    }
}
