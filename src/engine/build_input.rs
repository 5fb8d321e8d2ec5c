//! What a build reads of this host, as the engine asks for it. Whoever calls the facade brings it.

use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;

use crate::model::build::Build;

/// The build context as a tar stream, filtered by `.dockerignore` already.
pub type BuildContext = BoxStream<'static, io::Result<Bytes>>;

/// Finds the input of builds.
pub trait BuildInputs: Send + Sync {
    /// The input of `build`, whose digest is `digest`.
    fn of(&self, build: &Build, digest: &str) -> Arc<dyn BuildInput>;
}

/// The input of one build. All but the archive blocks.
pub trait BuildInput: Send + Sync {
    /// Everything as a tar stream, for the classic builder. Read on the blocking pool.
    fn archive(&self) -> BuildContext;

    /// The instructions, with stages for the additional contexts.
    ///
    /// # Errors
    /// If they cannot be read.
    fn instructions(&self) -> io::Result<String>;

    /// The files of the context, sorted by path.
    ///
    /// # Errors
    /// If they cannot be listed.
    fn files(&self) -> io::Result<Vec<InputFile>>;
}

/// Opens a file.
pub type OpenFile = Arc<dyn Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync>;

/// A file of a context.
#[derive(Clone)]
pub struct InputFile {
    /// Relative to the context.
    pub path: PathBuf,
    /// What it is.
    pub kind: InputKind,
    /// Permission bits.
    pub mode: u32,
    /// Last modification, in nanoseconds since 1970.
    pub modified_ns: i64,
    /// Opens it. Blocks.
    pub open: OpenFile,
}

/// Kinds of file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// A file of so many bytes.
    File(u64),
    /// A directory.
    Directory,
    /// A link to there.
    Link(PathBuf),
}

impl fmt::Debug for InputFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InputFile")
            .field("path", &self.path)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
