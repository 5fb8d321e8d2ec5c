//! Two kinds of path: what this process opens, and what the engine opens. Inside a container they differ.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// An absolute path that this process opens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LocalPath(PathBuf);

/// An absolute path that the engine opens, on the host that runs it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostPath(PathBuf);

impl LocalPath {
    /// Wraps a path; callers make it absolute first.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The path, to open it.
    pub fn as_path(&self) -> &Path {
        &self.0
    }

    /// This path with `tail` appended; an absolute `tail` replaces it, as in `Path::join`. `.` and `..` are resolved by text.
    #[must_use]
    pub fn join(&self, tail: impl AsRef<Path>) -> Self {
        Self(clean(&self.0.join(tail)))
    }

    /// The directory that holds it; itself at the root.
    #[must_use]
    pub fn parent(&self) -> Self {
        Self(self.0.parent().unwrap_or(&self.0).to_path_buf())
    }

    /// The last component, or the empty string at the root.
    pub fn file_name(&self) -> &str {
        self.0.file_name().and_then(|name| name.to_str()).unwrap_or("")
    }

    /// For messages.
    pub fn display(&self) -> std::path::Display<'_> {
        self.0.display()
    }
}

impl HostPath {
    /// Wraps a path; callers make it absolute first.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The path as the engine is told it.
    pub fn as_path(&self) -> &Path {
        &self.0
    }

    /// For messages and engine calls.
    pub fn display(&self) -> std::path::Display<'_> {
        self.0.display()
    }
}

/// Resolves `.` and `..` by text, as Compose resolves paths; links are not followed.
pub fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// Where the engine finds what this process sees. The identity outside a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathMap {
    /// Local prefix and host prefix; the longest matching local prefix wins.
    pub prefixes: Vec<(PathBuf, PathBuf)>,
}

impl PathMap {
    /// The engine's path of `local`; unmapped paths stay as they are.
    pub fn to_host(&self, local: &LocalPath) -> HostPath {
        let mapped = longest(&self.prefixes, local.as_path(), |(from, to)| (from, to));
        HostPath(mapped.unwrap_or_else(|| local.0.clone()))
    }

    /// Whether what lies at `local` is on the engine's host. Inside a container only what is mounted is.
    pub fn shows(&self, local: &LocalPath) -> bool {
        self.prefixes.is_empty()
            || self.prefixes.iter().any(|(from, _)| local.as_path().starts_with(from))
    }

    /// The local path of what the engine calls `host`; unmapped paths stay as they are.
    pub fn to_local(&self, host: &HostPath) -> LocalPath {
        let mapped = longest(&self.prefixes, host.as_path(), |(from, to)| (to, from));
        LocalPath(mapped.unwrap_or_else(|| host.0.clone()))
    }
}

fn longest<'a>(
    prefixes: &'a [(PathBuf, PathBuf)],
    path: &Path,
    direction: impl Fn(&'a (PathBuf, PathBuf)) -> (&'a PathBuf, &'a PathBuf),
) -> Option<PathBuf> {
    prefixes
        .iter()
        .map(direction)
        .filter_map(|(from, to)| path.strip_prefix(from).ok().map(|tail| (from, below(to, tail))))
        .max_by_key(|(from, _)| from.components().count())
        .map(|(_, mapped)| mapped)
}

/// `tail` below `path`. `Path::join` puts a slash behind the path if there is no tail, which makes a directory of a file.
fn below(path: &Path, tail: &Path) -> PathBuf {
    if tail.as_os_str().is_empty() { path.to_path_buf() } else { path.join(tail) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_mounted_itself_stays_a_file() {
        let prefixes =
            [("/run/docker.sock", "/var/run/docker.sock"), ("/a", "/srv"), ("/a/b", "/other")];
        let prefixes = prefixes.map(|(from, to)| (PathBuf::from(from), PathBuf::from(to)));
        let map = PathMap { prefixes: prefixes.to_vec() };
        for (local, host) in [
            ("/run/docker.sock", "/var/run/docker.sock"),
            ("/a", "/srv"),
            ("/a/x", "/srv/x"),
            ("/a/b/x", "/other/x"),
            ("/elsewhere", "/elsewhere"),
        ] {
            assert_eq!(map.to_host(&LocalPath::new(local)).display().to_string(), host);
            assert_eq!(map.to_local(&HostPath::new(host)).display().to_string(), local);
        }
    }
}
