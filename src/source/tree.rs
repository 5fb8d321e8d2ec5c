//! The port to the watched directory: the host's file system, or a directory in memory for simulations.

use std::collections::BTreeSet;
use std::fmt::Debug;

use tokio::sync::mpsc::Sender;

use crate::model::commit::Commit;
use crate::model::files::FileContent;
use crate::model::path::LocalPath;
use crate::source::checkout::checked_out;
use crate::source::file::read_path;
use crate::source::root::{RootReading, read_root};
use crate::source::watch::{WatchMode, Watcher};

/// Where manifests are read. Reading decides what is true; watching only says when to look.
pub trait Tree: Debug + Send + Sync {
    /// Reads the root, one level. Blocking.
    fn read_root(&self, root: &LocalPath) -> RootReading;
    /// Reads one path, links followed. Blocking.
    fn read_path(&self, path: &LocalPath) -> FileContent;
    /// The commit that is checked out where `directory` lies; `None` if it is not known. Blocking.
    fn commit(&self, directory: &LocalPath) -> Option<Commit>;
    /// Begins to watch `root`. `hint` gets a unit without waiting; a full channel holds a hint already. With `poll_only`
    /// nothing is watched.
    fn watch(&self, root: &LocalPath, hint: Sender<()>, poll_only: bool) -> Box<dyn Watching>;
}

/// A watch of a root; it ends when it is dropped.
pub trait Watching: Debug + Send {
    /// How changes are seen now.
    fn mode(&self) -> WatchMode;
    /// Exactly these paths matter now, beside the root.
    fn watch_paths(&mut self, paths: &BTreeSet<LocalPath>);
    /// Begins afresh after the root became another directory.
    fn rearm(&mut self);
}

/// The file system of the host.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostTree;

impl Tree for HostTree {
    fn read_root(&self, root: &LocalPath) -> RootReading {
        read_root(root)
    }

    fn read_path(&self, path: &LocalPath) -> FileContent {
        read_path(path)
    }

    fn commit(&self, directory: &LocalPath) -> Option<Commit> {
        checked_out(directory)
    }

    fn watch(&self, root: &LocalPath, hint: Sender<()>, poll_only: bool) -> Box<dyn Watching> {
        Box::new(Watcher::start(root, hint, poll_only))
    }
}

impl Watching for Watcher {
    fn mode(&self) -> WatchMode {
        Self::mode(self)
    }

    fn watch_paths(&mut self, paths: &BTreeSet<LocalPath>) {
        Self::watch_paths(self, paths);
    }

    fn rearm(&mut self) {
        Self::rearm(self);
    }
}
