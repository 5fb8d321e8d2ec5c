//! The digest of a build: what decides whether an image is stale (DESIGN §5, "Identity and files").

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::model::build::{Build, ContextRoot, NamedContext};
use crate::model::time::Timestamp;
use crate::source::context::{ContextError, Entry, Listing};
use crate::source::file::{Stamp, open_same, stamp};

/// Bytes that are hashed in one go; what is left waits for the next reading, so that a large context delays no pass for long.
pub(super) const HASH_BUDGET_BYTES: u64 = 256 << 20;

/// Within this time after a change a second one may carry the same time stamp.
const STAMP_TRUST: Duration = Duration::from_secs(2);

/// SHA-256 of files, kept as long as size, times and inode stand still.
#[derive(Clone, Debug, Default)]
pub(super) struct HashCache {
    files: BTreeMap<PathBuf, Cached>,
}

#[derive(Clone, Copy, Debug)]
struct Cached {
    stamp: Stamp,
    hash: [u8; 32],
    first_seen: Timestamp,
    trusted: bool,
    used: Timestamp,
}

/// What came of hashing.
pub(super) enum Hashed {
    /// All of it.
    Digest(String),
    /// The budget is spent, or a file changed while it was read.
    Unfinished,
}

impl HashCache {
    /// Forgets files that were not asked for at `now`.
    pub(super) fn retain_used(&mut self, now: Timestamp) {
        self.files.retain(|_, cached| cached.used == now);
    }

    /// The digest of a build over its listed context and the digests of its further directories, by name.
    pub(super) fn digest(
        &mut self,
        build: &Build,
        (listing, contexts): (&Listing, &[(&str, String)]),
        now: Timestamp,
        budget: &mut u64,
    ) -> Result<Hashed, ContextError> {
        let mut hasher = Hasher::default();
        hasher.part(b"composelet build 1");
        hasher.options(build);
        hasher.sources(build, contexts);
        hasher.part(listing.instructions.name.as_bytes());
        if let Some(bytes) = &listing.instructions.bytes {
            hasher.part(bytes);
        }
        for entry in &listing.entries {
            hasher.part(entry.path.as_os_str().as_bytes());
            hasher.part(&(entry.metadata.permissions().mode() & 0o7777).to_le_bytes());
            if let Some(target) = &entry.link {
                hasher.part(b"link");
                hasher.part(target.as_os_str().as_bytes());
            } else if entry.metadata.is_dir() {
                hasher.part(b"directory");
            } else {
                let path = listing.root.join(&entry.path);
                let Some(hash) = self.file(path, entry, now, budget)? else {
                    return Ok(Hashed::Unfinished);
                };
                hasher.part(b"file");
                hasher.part(&hash);
            }
        }
        Ok(Hashed::Digest(hasher.finish()))
    }

    /// The hash of one file; `None` if it changed or the budget is spent.
    fn file(
        &mut self,
        path: PathBuf,
        entry: &Entry,
        now: Timestamp,
        budget: &mut u64,
    ) -> Result<Option<[u8; 32]>, ContextError> {
        let stamp = stamp(&entry.metadata);
        let known = self.files.get(&path).filter(|known| known.stamp == stamp).copied();
        if let Some(known) = known.filter(|known| known.trusted || known.used == now) {
            self.files.insert(path, Cached { used: now, ..known });
            return Ok(Some(known.hash));
        }
        if *budget == 0 {
            return Ok(None);
        }
        *budget = budget.saturating_sub(entry.metadata.len());
        let hash = match hash_file(&path, entry) {
            Ok(Some(hash)) => hash,
            Ok(None) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ContextError::Io(path, error)),
        };
        let first_seen = known.map_or(now, |known| known.first_seen);
        let cached = Cached {
            stamp,
            hash,
            first_seen,
            trusted: older(stamp, now) || now.since(first_seen) >= STAMP_TRUST,
            used: now,
        };
        self.files.insert(path, cached);
        Ok(Some(hash))
    }
}

/// Whether the last change of a file is so old that the next one has another time stamp.
fn older(stamp: Stamp, now: Timestamp) -> bool {
    let (.., modified, changed) = stamp;
    quiet(modified.max(changed), now, STAMP_TRUST)
}

/// Whether an instant in nanoseconds since 1970 is at least `time` before `now`.
pub(super) fn quiet(newest: i128, now: Timestamp, time: Duration) -> bool {
    newest <= i128::from(now.minus(time).as_millis()) * 1_000_000
}

fn hash_file(path: &Path, entry: &Entry) -> io::Result<Option<[u8; 32]>> {
    let Some(mut file) = open_same(path, &entry.metadata)? else {
        return Ok(None);
    };
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        hasher.update(bytes);
    }
    let unchanged = stamp(&file.metadata()?) == stamp(&entry.metadata);
    Ok(unchanged.then(|| hasher.finalize().into()))
}

/// SHA-256 over parts, each with its length before it, so that no two lists of parts look alike.
#[derive(Default)]
struct Hasher(Sha256);

impl Hasher {
    fn part(&mut self, bytes: &[u8]) {
        self.0.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.0.update(bytes);
    }

    /// What beside the files decides what the image becomes.
    fn options(&mut self, build: &Build) {
        self.part(build.target.as_deref().unwrap_or_default().as_bytes());
        self.part(build.platform.as_deref().unwrap_or_default().as_bytes());
        self.part(build.args.len().to_string().as_bytes());
        for (name, value) in &build.args {
            self.part(name.as_bytes());
            self.part(value.expose().as_bytes());
        }
        self.part(build.labels.len().to_string().as_bytes());
        for (name, value) in &build.labels {
            self.part(name.as_bytes());
            self.part(value.as_bytes());
        }
    }

    /// Where more than the files of the context comes from. A build without any has the digest that it had before there
    /// were such. Of secrets only the ids count, and of agents nothing: neither may end in the image.
    fn sources(&mut self, build: &Build, directories: &[(&str, String)]) {
        if let ContextRoot::Remote(address) = &build.context {
            self.part(b"remote");
            self.part(address.as_bytes());
        }
        for (name, context) in &build.contexts {
            self.part(b"context");
            self.part(name.as_bytes());
            match context {
                NamedContext::Image(image) | NamedContext::Service { image, .. } => {
                    self.part(image.as_bytes());
                }
                NamedContext::Directory(_) => {
                    let mut digests = directories.iter().filter(|(other, _)| other == name);
                    self.part(digests.next().map_or("", |(_, digest)| digest).as_bytes());
                }
            }
        }
        for id in build.secrets.keys() {
            self.part(b"secret");
            self.part(id.as_bytes());
        }
        for (name, limit) in &build.ulimits {
            self.part(b"ulimit");
            self.part(name.as_bytes());
            self.part(&limit.soft.to_le_bytes());
            self.part(&limit.hard.to_le_bytes());
        }
        if build.cache_inline {
            self.part(b"cache inline");
        }
    }

    fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
