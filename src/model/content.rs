//! Files whose content a service takes, and what a change of it does (`x-composelet.on_change`).

use std::fmt;
use std::sync::Arc;

use crate::model::path::HostPath;
use crate::model::secret::Secret;
use crate::model::time::Timestamp;

/// A file whose content is part of what a service wants: a config, a secret, or a bound file that `on_change` counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundFile {
    /// Where the bytes come from, for people: a path of the host, or a field such as `configs.app.content`.
    pub origin: String,
    /// SHA-256 of the bytes when the project was loaded.
    pub digest: String,
    /// How the container comes to see it.
    pub seen: Seen,
}

/// How a container sees a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The file itself is mounted. A bind holds on to the inode: if another file takes its place, only the next start of
    /// the container sees that one.
    Mounted(HostPath),
    /// It lies in a bound directory: the container sees whatever is there.
    Within(HostPath),
    /// A file that composelet writes for the container is mounted.
    Kept(KeptFile),
}

/// A file that composelet writes into its state directory, to be mounted read-only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFile {
    /// Its name below the directory of the project. It holds the digest, unless a change is to be seen while the container
    /// runs: then it is the same for every content.
    pub name: String,
    /// What it holds.
    pub bytes: SecretBytes,
    /// Owner; 0 unless the manifest says otherwise.
    pub uid: u32,
    /// Group; 0 unless the manifest says otherwise.
    pub gid: u32,
    /// Permission bits; 0444 unless the manifest says otherwise.
    pub mode: u32,
    /// The file of the host that the bytes come from, if there is one: mounted by whoever does not honour the owner.
    pub copy_of: Option<HostPath>,
    /// It stands in for that file, which holds something else by now: an earlier version of the project runs.
    pub restored: bool,
}

/// Bytes that may be a secret; `Debug` shows how many (invariant 17).
#[derive(Clone, PartialEq, Eq)]
pub struct SecretBytes(Arc<[u8]>);

impl SecretBytes {
    /// Wraps the bytes.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes themselves: for the file and its digest only.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.0.len())
    }
}

/// What a changed file does to the containers that have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OnChange {
    /// They are replaced.
    #[default]
    Recreate,
    /// They are restarted.
    Restart,
    /// They get a signal.
    Signal(Reload),
    /// Nothing.
    Ignore,
}

/// A signal that makes a program read its files again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reload {
    /// Its name, such as `SIGHUP`.
    pub signal: String,
    /// A command that is run in the container before; without success there is no signal. Empty: none.
    pub verify: Vec<Secret>,
}

/// What the file system says about a file beyond its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStamp {
    /// Number of the inode: another one is another file under the same name.
    pub inode: u64,
    /// Last change of the inode (ctime), which nobody can set back.
    pub changed_at: Timestamp,
}

/// Whether a file of ours is there to be mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptState {
    /// It is, or will be before anything is called: where the engine finds it.
    Ready(HostPath),
    /// It could not be written; the text says why.
    Failed(String),
}
