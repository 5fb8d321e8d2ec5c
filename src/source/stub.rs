//! SEAM (to be replaced by the real modules; signatures are the contract)
#![allow(missing_docs, clippy::all, clippy::pedantic, clippy::unimplemented, unused_variables)]
use crate::model::desired::*;
use crate::model::files::*;
use crate::model::id::ServiceName;
use crate::model::path::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One candidate for a project in the root: a directory or one *.yaml/*.yml file. Editor leftovers and dot names are not entries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RootEntry {
    Directory(LocalPath),
    File(LocalPath),
}
/// A reading of the watched root, one level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootReading {
    Read { identity: (u64, u64), entries: BTreeSet<RootEntry>, ignored: Vec<(LocalPath, String)> },
    Unreadable(String),
    Missing,
}
/// Reads the root. Blocking.
pub fn read_root(root: &LocalPath) -> RootReading {
    unimplemented!()
}
/// Reads one path as the loader asks for it (limits: 1 MiB; stable read: size+mtime+inode same before and after; never opens FIFOs; links followed in a local root). Blocking.
pub fn read_path(path: &LocalPath) -> FileContent {
    unimplemented!()
}
/// What the planner needs to know of binds and build contexts of a project. Blocking; caches digests by (mtime,size,inode) listing.
#[derive(Debug, Default)]
pub struct FactReader;
impl FactReader {
    pub fn read(
        &mut self,
        project: &DesiredProject,
        paths: &PathMap,
        now: crate::model::time::Timestamp,
    ) -> SourceFacts {
        unimplemented!()
    }
}
/// Streams the context as a tar (bounded channel), .dockerignore applied.
pub fn context_archive(
    build: &Build,
) -> futures::stream::BoxStream<'static, std::io::Result<bytes::Bytes>> {
    unimplemented!()
}
/// How a directory is watched, with the reason when it is a fall-back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchMode {
    Inotify,
    Poll(String),
}
/// Hints only: "something may have changed". Watches the root's parent (root replacement), the root, and the parent directories of `paths`.
#[derive(Debug)]
pub struct Watcher;
impl Watcher {
    /// `hint` gets a unit by try_send; a full channel is fine.
    pub fn start(root: &LocalPath, hint: tokio::sync::mpsc::Sender<()>, poll_only: bool) -> Self {
        unimplemented!()
    }
    pub fn mode(&self) -> WatchMode {
        unimplemented!()
    }
    /// Exactly these paths (beside the root) matter now.
    pub fn watch_paths(&mut self, paths: &BTreeSet<LocalPath>) {
        unimplemented!()
    }
    /// Re-arms after the root's identity changed.
    pub fn rearm(&mut self) {
        unimplemented!()
    }
}
