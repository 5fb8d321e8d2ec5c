//! What lies in a build context, after `.dockerignore`.

use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use crate::model::build::{Build, Dockerfile};
use crate::model::path::LocalPath;
use crate::source::file::{absent, describe, read_stable, stamp};
use crate::source::ignore::IgnoreRules;

/// Most entries that a build context may have after `.dockerignore`.
pub const MAX_CONTEXT_ENTRIES: usize = 500_000;

/// Largest Dockerfile or `.dockerignore`, in bytes.
const MAX_INSTRUCTIONS_BYTES: u64 = 1 << 20;

/// Why a build context cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ContextError {
    /// Something cannot be read.
    #[error("{}: {}", .0.display(), describe(.1))]
    Io(PathBuf, #[source] io::Error),
    /// The context is a file, or nothing.
    #[error("the build context {} is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// The instructions are not there.
    #[error("the Dockerfile {} does not exist", .0.display())]
    NoDockerfile(PathBuf),
    /// A Dockerfile or `.dockerignore` of absurd size, or none at all.
    #[error("{} is not a regular file of at most 1 MiB", .0.display())]
    Odd(PathBuf),
    /// A pattern is wrong.
    #[error("{}: {}", .0.display(), .1)]
    Ignore(PathBuf, String),
    /// Too much.
    #[error(
        "the build context {} has more than {MAX_CONTEXT_ENTRIES} entries; leave some out with a .dockerignore",
        .0.display()
    )]
    TooMany(PathBuf),
}

/// One entry of a build context. Pipes, sockets and devices are left out: nothing can be built from them.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Relative to the context.
    pub(super) path: PathBuf,
    /// Links are not followed.
    pub(super) metadata: Metadata,
    /// Where it leads, if it is a link. The engine resolves it within the context.
    pub(super) link: Option<PathBuf>,
}

/// The build instructions, if they cannot be sent as the file that lies in the context.
#[derive(Clone, Debug)]
pub(super) struct Instructions {
    /// Name in the archive.
    pub(super) name: String,
    /// Their bytes, if they are inline or lie outside of the context, also behind a link.
    pub(super) bytes: Option<Vec<u8>>,
}

/// A build context, listed.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    /// The directory.
    pub(super) root: PathBuf,
    /// Sorted by path, each directory before what it holds.
    pub(super) entries: Vec<Entry>,
    /// The instructions and the ignore file, as far as they lie in the context.
    always: Vec<Entry>,
    pub(super) instructions: Instructions,
    /// Newest modification or change of anything listed, in nanoseconds since 1970.
    pub(super) newest: i128,
}

/// The files of a build context that are sent to the engine, relative to the context, sorted. Blocking.
///
/// # Errors
/// A sentence, if the context or its `.dockerignore` cannot be read.
pub fn context_files(build: &Build) -> Result<Vec<PathBuf>, String> {
    let listing = list(build, &|_| false).map_err(|error| error.to_string())?.with_rules();
    Ok(listing.entries.into_iter().map(|entry| entry.path).collect())
}

/// Lists a context, but for what `skip` says of a relative path. A remote one lists nothing.
pub(super) fn list(build: &Build, skip: &dyn Fn(&Path) -> bool) -> Result<Listing, ContextError> {
    let Some(root) = build.directory().map(LocalPath::as_path) else {
        let instructions = Instructions { name: build.dockerfile_name(), bytes: None };
        let root = PathBuf::new();
        return Ok(Listing {
            root,
            entries: Vec::new(),
            always: Vec::new(),
            instructions,
            newest: 0,
        });
    };
    match std::fs::metadata(root) {
        Ok(metadata) if metadata.is_dir() => {}
        Err(error) if !absent(&error) => return Err(ContextError::Io(root.to_path_buf(), error)),
        _ => return Err(ContextError::NotADirectory(root.to_path_buf())),
    }
    let instructions = instructions(build, root)?;
    let rules = ignore_rules(build, root, &instructions.name)?;
    let mut walk = Walk { root, rules: &rules, skip, entries: Vec::new(), newest: 0 };
    walk.run()?;
    let mut always = walk.always(Path::new(".dockerignore"))?;
    if instructions.bytes.is_none() {
        always.extend(walk.always(Path::new(&instructions.name))?);
    }
    let Walk { mut entries, newest, .. } = walk;
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let root = root.to_path_buf();
    Ok(Listing { root, entries, always, instructions, newest })
}

impl Listing {
    /// With the instructions and the ignore file, which an archive holds whatever the rules say: the classic builder reads
    /// them there, and takes out again what the rules leave out.
    pub(super) fn with_rules(mut self) -> Self {
        self.entries.append(&mut self.always);
        self.entries.sort_by(|a, b| a.path.cmp(&b.path));
        self.entries.dedup_by(|a, b| a.path == b.path);
        self
    }

    /// The text of the instructions.
    pub(super) fn text(&self) -> Result<String, ContextError> {
        let bytes = match &self.instructions.bytes {
            Some(bytes) => bytes.clone(),
            None => read_small(&self.root.join(&self.instructions.name))?,
        };
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Finds the instructions. A path that leads out of the context, by its text or by a link, is read here.
fn instructions(build: &Build, root: &Path) -> Result<Instructions, ContextError> {
    let name = build.dockerfile_name();
    let path = match &build.dockerfile {
        Dockerfile::Inline(text) => {
            let bytes = Some(text.clone().into_bytes());
            return Ok(Instructions { name, bytes });
        }
        Dockerfile::Path(path) => LocalPath::new(root).join(path),
    };
    let path = path.as_path();
    let real = |path: &Path| match std::fs::canonicalize(path) {
        Ok(real) => Ok(real),
        Err(error) if absent(&error) => Err(ContextError::NoDockerfile(path.to_path_buf())),
        Err(error) => Err(ContextError::Io(path.to_path_buf(), error)),
    };
    let inside = real(path)?.starts_with(real(root)?) && root.join(&name) == path;
    let bytes = if inside { None } else { Some(read_small(path)?) };
    Ok(Instructions { name, bytes })
}

/// The rules of `<Dockerfile>.dockerignore` beside the Dockerfile if there is one, else of `.dockerignore`.
fn ignore_rules(build: &Build, root: &Path, dockerfile: &str) -> Result<IgnoreRules, ContextError> {
    let beside = match &build.dockerfile {
        Dockerfile::Path(path) => LocalPath::new(root).join(path).as_path().to_path_buf(),
        Dockerfile::Inline(_) => root.join(dockerfile),
    };
    let mut beside = beside.into_os_string();
    beside.push(".dockerignore");
    for path in [PathBuf::from(beside), root.join(".dockerignore")] {
        match read_small(&path) {
            Ok(bytes) => {
                return IgnoreRules::parse(&String::from_utf8_lossy(&bytes))
                    .map_err(|why| ContextError::Ignore(path, why));
            }
            Err(ContextError::Io(_, error)) if absent(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(IgnoreRules::default())
}

/// A small regular file, links followed; nothing else is opened.
fn read_small(path: &Path) -> Result<Vec<u8>, ContextError> {
    let wrap = |error| ContextError::Io(path.to_path_buf(), error);
    let metadata = std::fs::metadata(path).map_err(wrap)?;
    if !metadata.is_file() || metadata.len() > MAX_INSTRUCTIONS_BYTES {
        return Err(ContextError::Odd(path.to_path_buf()));
    }
    let changed = || wrap(io::Error::other("it changed while it was read"));
    read_stable(path, &metadata).map_err(wrap)?.ok_or_else(changed)
}

struct Walk<'a> {
    root: &'a Path,
    rules: &'a IgnoreRules,
    skip: &'a dyn Fn(&Path) -> bool,
    entries: Vec<Entry>,
    newest: i128,
}

impl Walk<'_> {
    fn run(&mut self) -> Result<(), ContextError> {
        let mut todo = vec![PathBuf::new()];
        while let Some(directory) = todo.pop() {
            for name in self.names(&directory)? {
                let path = directory.join(name);
                if (self.skip)(&path) {
                    continue;
                }
                let Some(entry) = self.entry(&path)? else {
                    continue;
                };
                let ignored = self.rules.ignores(&path);
                let is_directory = entry.metadata.is_dir();
                if is_directory && (!ignored || self.rules.may_bring_back_below(&path)) {
                    todo.push(path);
                }
                if !ignored {
                    self.push(entry)?;
                }
            }
        }
        Ok(())
    }

    /// Names in a directory; one that went away since it was listed has none.
    fn names(&mut self, directory: &Path) -> Result<Vec<OsString>, ContextError> {
        let path = self.root.join(directory);
        let wrap = |error| ContextError::Io(path.clone(), error);
        let metadata = match std::fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(wrap(error)),
        };
        self.saw(&metadata);
        match std::fs::read_dir(&path) {
            Ok(entries) => {
                entries.map(|entry| entry.map(|entry| entry.file_name()).map_err(wrap)).collect()
            }
            Err(error) if absent(&error) => Ok(Vec::new()),
            Err(error) => Err(wrap(error)),
        }
    }

    /// The entry at a relative path; `None` if it is gone or nothing that can be sent.
    fn entry(&self, path: &Path) -> Result<Option<Entry>, ContextError> {
        let full = self.root.join(path);
        let looked = std::fs::symlink_metadata(&full).and_then(|metadata| {
            let link = metadata.is_symlink().then(|| std::fs::read_link(&full)).transpose()?;
            Ok((metadata, link))
        });
        match looked {
            Ok((metadata, link)) => {
                let sent = metadata.is_dir() || metadata.is_file() || link.is_some();
                Ok(sent.then(|| Entry { path: path.to_path_buf(), metadata, link }))
            }
            Err(error) if absent(&error) => Ok(None),
            Err(error) => Err(ContextError::Io(full, error)),
        }
    }

    /// What is sent whatever the rules say.
    fn always(&mut self, path: &Path) -> Result<Vec<Entry>, ContextError> {
        let entry = self.entry(path)?;
        if let Some(entry) = &entry {
            self.saw(&entry.metadata);
        }
        Ok(entry.into_iter().collect())
    }

    fn push(&mut self, entry: Entry) -> Result<(), ContextError> {
        if self.entries.len() >= MAX_CONTEXT_ENTRIES {
            return Err(ContextError::TooMany(self.root.to_path_buf()));
        }
        self.saw(&entry.metadata);
        self.entries.push(entry);
        Ok(())
    }

    fn saw(&mut self, metadata: &Metadata) {
        let (.., modified, changed) = stamp(metadata);
        self.newest = self.newest.max(modified).max(changed);
    }
}
