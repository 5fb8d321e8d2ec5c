//! Which commit the files below a directory come from, as far as sources put them there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use crate::model::commit::Commit;

/// Directories of sources and their commits. Written by the loop, read while the watched directory is read.
#[derive(Clone, Debug, Default)]
pub struct Commits(Arc<RwLock<BTreeMap<PathBuf, Commit>>>);

impl Commits {
    /// The files of a directory are those of this commit.
    pub(crate) fn set(&self, directory: PathBuf, commit: Commit) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(directory, commit);
    }

    /// The commit of the source that `path` lies in.
    pub(crate) fn of(&self, path: &Path) -> Option<Commit> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        path.ancestors().find_map(|directory| all.get(directory)).cloned()
    }
}
