//! Where a source keeps what it needs.

use std::io;
use std::path::PathBuf;

use crate::model::git_source::GitSource;
use crate::model::path::LocalPath;

/// The directory in the watched one in which trees are written out before they are put in place: on the same file system, so
/// that a rename does it. Its name begins with a dot: it is no project.
pub(super) const STAGING: &str = ".composelet";

/// The places of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcePlace {
    state: PathBuf,
    staging: PathBuf,
    target: PathBuf,
}

impl SourcePlace {
    /// The places of a source: `state` is the state directory, `root` the watched one.
    pub fn new(source: &GitSource, state: &LocalPath, root: &LocalPath) -> Self {
        let name = source.name.as_str();
        Self {
            state: state.as_path().join("git").join(name),
            staging: root.as_path().join(STAGING).join(name),
            target: root.join(source.into.as_str()).as_path().to_path_buf(),
        }
    }

    /// The repository, without a work tree.
    pub(super) fn repository(&self) -> PathBuf {
        self.state.join("repository")
    }

    /// Home of git: its configuration, and keys of OpenPGP.
    pub(super) fn home(&self) -> PathBuf {
        self.state.join("home")
    }

    /// What is in place.
    pub(super) fn published(&self) -> PathBuf {
        self.state.join("published.json")
    }

    /// What is being put in place.
    pub(super) fn pending(&self) -> PathBuf {
        self.state.join("pending.json")
    }

    /// Files of the host that gave way.
    pub(super) fn aside(&self) -> PathBuf {
        self.state.join("aside")
    }

    /// Where trees are written out.
    pub(super) fn staging(&self) -> PathBuf {
        self.staging.clone()
    }

    /// Where the files belong.
    pub fn target(&self) -> PathBuf {
        self.target.clone()
    }

    /// Makes all of them; those of the state directory for nobody else.
    pub(super) fn create(&self) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        let mut private = std::fs::DirBuilder::new();
        private.recursive(true).mode(0o700);
        for directory in [self.home().join("gnupg"), self.aside(), self.staging.clone()] {
            private.create(directory)?;
        }
        std::fs::create_dir_all(&self.target)
    }
}
