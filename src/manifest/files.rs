//! What the loader may look at: the files it was given. What it lacks it asks for; what it asked for is the watch list.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::encrypted::Encrypted;
use crate::model::files::FileContent;
use crate::model::path::LocalPath;

/// The files of one load, and what was asked for.
#[derive(Debug)]
pub(crate) struct Files<'a> {
    given: &'a BTreeMap<LocalPath, FileContent>,
    needs: BTreeSet<LocalPath>,
    seen: Seen,
}

/// What a load has looked at so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    asked: BTreeSet<LocalPath>,
    listed: BTreeSet<LocalPath>,
    bound: BTreeSet<LocalPath>,
}

impl<'a> Files<'a> {
    /// Starts with what was read so far.
    pub(crate) fn new(given: &'a BTreeMap<LocalPath, FileContent>) -> Self {
        Self::resume(given, Seen::default())
    }

    /// Goes on with more files than before.
    pub(crate) fn resume(given: &'a BTreeMap<LocalPath, FileContent>, seen: Seen) -> Self {
        Self { given, needs: BTreeSet::new(), seen }
    }

    /// What is at `path`; `None` if that is not known yet: it is then among the needs.
    pub(crate) fn get(&mut self, path: &LocalPath) -> Option<&'a FileContent> {
        self.seen.asked.insert(path.clone());
        let found = self.given.get(path);
        if found.is_none() {
            self.needs.insert(path.clone());
        }
        found
    }

    /// What is at a path, mostly what a directory holds, for a look only: it takes no part in the digest of the project. `None` as for [`Self::get`].
    pub(crate) fn list(&mut self, directory: &LocalPath) -> Option<&'a FileContent> {
        if !self.seen.asked.contains(directory) {
            self.seen.listed.insert(directory.clone());
        }
        self.get(directory)
    }

    /// The bytes of a regular file as they lie there, encrypted or not: what a container sees that has it bound.
    pub(crate) fn bound(&mut self, path: &LocalPath) -> Option<&'a [u8]> {
        match self.get(path)? {
            FileContent::Bytes(bytes) => Some(bytes),
            FileContent::Encrypted(file) => {
                self.seen.bound.insert(path.clone());
                Some(&file.read)
            }
            _ => None,
        }
    }

    /// Whether `path` was asked for.
    pub(crate) fn was_asked(&self, path: &LocalPath) -> bool {
        self.seen.asked.contains(path)
    }

    /// Whether something was asked for that is not known yet.
    pub(crate) fn lacking(&self) -> bool {
        !self.needs.is_empty()
    }

    /// What was looked at so far.
    pub(crate) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// What was asked for and is not known, and everything that was asked for.
    pub(crate) fn into_parts(self) -> (BTreeSet<LocalPath>, BTreeSet<LocalPath>) {
        (self.needs, self.seen.asked)
    }

    /// The bytes of everything that was asked for and is there, in the order of paths; of an encrypted file what it says,
    /// unless a container is to see it as it is.
    pub(crate) fn contents(&self) -> impl Iterator<Item = (&LocalPath, &'a [u8])> {
        let counts = self.seen.asked.iter().filter(|path| !self.seen.listed.contains(*path));
        counts.filter_map(|path| match self.given.get(path)? {
            FileContent::Bytes(bytes) => Some((path, &**bytes)),
            FileContent::Encrypted(file) => match &file.opened {
                Ok(plain) if !self.seen.bound.contains(path) => Some((path, plain.bytes.expose())),
                _ => Some((path, &*file.read)),
            },
            _ => None,
        })
    }

    /// The encrypted files among them.
    pub(crate) fn encrypted(&self) -> impl Iterator<Item = (&LocalPath, &'a Encrypted)> {
        self.seen.asked.iter().filter_map(|path| match self.given.get(path)? {
            FileContent::Encrypted(file) => Some((path, &**file)),
            _ => None,
        })
    }
}
