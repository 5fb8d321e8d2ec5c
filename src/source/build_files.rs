//! What a build reads of this host, as the engine asks for it.

use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::stream::BoxStream;

use crate::model::build::Build;
use crate::source::archive::{context_archive, reader};
use crate::source::context::{Entry, list};

/// The files of one build.
#[derive(Clone, Debug)]
pub struct BuildFiles {
    build: Build,
    digest: String,
}

/// A file of a build context, after `.dockerignore`.
#[derive(Clone, Debug)]
pub struct BuildFile {
    root: PathBuf,
    entry: Entry,
}

impl BuildFiles {
    /// Those of `build`; `digest` is its digest, after which its additional contexts are named.
    pub fn new(build: &Build, digest: &str) -> Self {
        Self { build: build.clone(), digest: digest.to_owned() }
    }

    /// All of it as a tar archive, see [`context_archive`].
    pub fn archive(&self) -> BoxStream<'static, io::Result<Bytes>> {
        context_archive(&self.build, &self.digest)
    }

    /// The instructions, additional contexts as stages before them. Blocking.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn instructions(&self) -> io::Result<String> {
        let listing = list(&self.build, &|_| true).map_err(io::Error::other)?;
        let text = listing.text().map_err(io::Error::other)?;
        Ok(self.build.with_stages(&text, &self.digest))
    }

    /// The files of the context, sorted by path, each directory before what it holds. Blocking.
    ///
    /// # Errors
    /// If the context cannot be read.
    pub fn files(&self) -> io::Result<Vec<BuildFile>> {
        let listing = list(&self.build, &|_| false).map_err(io::Error::other)?;
        let root = listing.root;
        let files = listing.entries.into_iter();
        Ok(files.map(|entry| BuildFile { root: root.clone(), entry }).collect())
    }
}

impl BuildFile {
    /// Relative to the context.
    pub fn path(&self) -> &Path {
        &self.entry.path
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.entry.metadata.is_dir()
    }

    /// Where it leads, if it is a link.
    pub fn link(&self) -> Option<&Path> {
        self.entry.link.as_deref()
    }

    /// Permission bits.
    pub fn mode(&self) -> u32 {
        self.entry.metadata.permissions().mode() & 0o7777
    }

    /// Size in bytes when it was listed.
    pub fn size(&self) -> u64 {
        self.entry.metadata.len()
    }

    /// Second of its last modification, in nanoseconds since 1970. The part below a second is that of its last change of any
    /// kind: an engine that compares size and time with what it has sees also what was changed by a tool that sets the time
    /// back.
    pub fn modified_ns(&self) -> i64 {
        let metadata = &self.entry.metadata;
        metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.ctime_nsec())
    }

    /// Opens it. A file that went away since it was listed is empty. Blocking.
    ///
    /// # Errors
    /// If it cannot be read, or keeps changing.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let found = reader(&self.root.join(&self.entry.path), &self.entry.metadata)?;
        Ok(found.unwrap_or_else(|| Box::new(io::empty())))
    }
}
