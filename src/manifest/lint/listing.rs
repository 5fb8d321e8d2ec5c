//! What the directories of a project hold. Only the project's own directory is looked into, and directories below it from
//! which a service binds something that looks like a configuration file: data directories change all the time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::manifest::lint::service::services;
use crate::manifest::node::Node;
use crate::manifest::normalise::{Context, Normal};
use crate::model::files::{Entry, FileContent};
use crate::model::path::LocalPath;

/// Endings of configuration files, whose directories are quiet.
const QUIET: [&str; 22] = [
    "cfg",
    "cnf",
    "conf",
    "config",
    "crt",
    "html",
    "ini",
    "js",
    "json",
    "key",
    "lua",
    "pem",
    "php",
    "properties",
    "py",
    "sh",
    "sql",
    "template",
    "toml",
    "xml",
    "yaml",
    "yml",
];

/// Words in the name of an env file that nobody is meant to load.
const SAMPLES: [&str; 12] = [
    "example", "sample", "template", "dist", "bak", "backup", "old", "orig", "swp", "test", "tmpl",
    "default",
];

/// Ends of the names of env files that belong to one host and not to another.
const STAGES: [&str; 9] =
    ["ci", "dev", "development", "local", "prod", "production", "stage", "staging", "test"];

/// Whether something is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// It is there.
    Present,
    /// It is not.
    Missing,
    /// Nobody looked.
    Unknown,
}

/// What was found in the directories that were looked into.
#[derive(Debug)]
pub(super) struct Listing<'a> {
    directory: LocalPath,
    entry: Entry,
    config_files: Vec<LocalPath>,
    held: BTreeMap<LocalPath, &'a FileContent>,
    loaded: BTreeSet<String>,
}

/// Asks for the directories that the lints look into.
pub(crate) fn ask(normal: &Normal, context: &mut Context<'_, '_>) {
    for directory in directories(normal, context.directory) {
        let _known_next_time = context.files.list(&directory);
    }
}

fn directories(normal: &Normal, project: &LocalPath) -> BTreeSet<LocalPath> {
    let mut found = BTreeSet::new();
    for service in services(&normal.tree) {
        for mount in service.words("volumes") {
            let bind = mount.get("type").and_then(Node::as_text) == Some("bind");
            let source = mount.get("source").and_then(Node::as_text).filter(|_| bind);
            let Some(source) = source.map(LocalPath::new) else {
                continue;
            };
            let parent = source.parent();
            if is_quiet(source.as_path())
                && below(&parent, project).is_some_and(|tail| !tail.is_empty())
            {
                found.insert(parent);
            }
        }
    }
    found
}

fn is_quiet(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("");
    QUIET.contains(&ending)
}

/// The part of `path` below `directory`; empty for the directory itself.
pub(super) fn below(path: &LocalPath, directory: &LocalPath) -> Option<String> {
    let tail = path.as_path().strip_prefix(directory.as_path()).ok()?;
    Some(tail.display().to_string())
}

impl<'a> Listing<'a> {
    /// Takes over what is known.
    pub(super) fn new(normal: &Normal, entry: &Entry, context: &mut Context<'_, 'a>) -> Self {
        let mut wanted = directories(normal, context.directory);
        if let Entry::Directory(directory) = entry {
            wanted.insert(directory.clone());
        }
        let mut held = BTreeMap::new();
        for directory in wanted {
            if let Some(content) = context.files.list(&directory) {
                held.insert(directory, content);
            }
        }
        let mut listing = Self {
            directory: context.directory.clone(),
            entry: entry.clone(),
            config_files: context.config_files.to_vec(),
            held,
            loaded: BTreeSet::new(),
        };
        let asked = |name: &&String| context.files.was_asked(&listing.directory.join(name));
        listing.loaded = listing.names().iter().filter(asked).cloned().collect();
        listing
    }

    /// Directory of the project.
    pub(super) fn directory(&self) -> &LocalPath {
        &self.directory
    }

    /// Whether something is at `path`.
    pub(super) fn presence(&self, path: &LocalPath) -> Presence {
        match self.held.get(&path.parent()) {
            Some(FileContent::Directory(names))
                if names.iter().any(|name| name == path.file_name()) =>
            {
                Presence::Present
            }
            Some(FileContent::Directory(_) | FileContent::Missing) => Presence::Missing,
            _ => Presence::Unknown,
        }
    }

    /// Names in the directory of a project that has one of its own.
    fn names(&self) -> &'a [String] {
        match (&self.entry, self.held.get(&self.directory)) {
            (Entry::Directory(_), Some(FileContent::Directory(names))) => names,
            _ => &[],
        }
    }

    /// Whether Compose files lie here that this project is not made of.
    pub(super) fn other_manifests(&self) -> bool {
        self.names().iter().any(|name| {
            let yaml = [".yml", ".yaml"].iter().any(|ending| name.ends_with(ending));
            let used = self.config_files.iter().any(|file| file.file_name() == name);
            name.contains("compose") && yaml && !used && !self.loaded.contains(name)
        })
    }

    /// Env files of the directory that nothing loads; `paths` are those that something names.
    pub(super) fn idle_env_files(&self, paths: &BTreeSet<Arc<str>>) -> Vec<&'a str> {
        let is_mentioned = |name: &str| {
            let path = self.directory.join(name).display().to_string();
            paths.contains(path.as_str())
        };
        // Env files of stages: where one is loaded, the others are for other hosts.
        let staged = self.loaded.iter().any(|name| is_stage(name));
        // A mounted project directory, or a build of its pages, may read them by themselves.
        let whole = self.directory.display().to_string();
        let by_itself = paths.contains(whole.as_str())
            || self.names().iter().any(|name| name == "package.json");
        let names = self.names().iter().filter(|_| !by_itself).map(String::as_str);
        names
            .filter(|name| is_env_file(name) && !self.loaded.contains(*name) && !is_mentioned(name))
            .filter(|name| !staged || !is_stage(name))
            .collect()
    }
}

/// `.env.production` or `web.env`, but nothing that is there to be copied.
fn is_env_file(name: &str) -> bool {
    let lowered = name.to_lowercase();
    let named = lowered.strip_suffix(".env").is_some_and(|name| !name.is_empty());
    let shaped = lowered.starts_with(".env.") || named;
    let sample = lowered.ends_with('~')
        || lowered.split(['.', '-', '_']).any(|part| SAMPLES.contains(&part));
    shaped && !sample
}

/// `.env.staging` and the like.
fn is_stage(name: &str) -> bool {
    name.strip_prefix(".env.").is_some_and(|stage| STAGES.contains(&stage))
}

#[cfg(test)]
mod tests {
    use super::is_env_file;

    #[test]
    fn env_files_are_told_from_samples() {
        for name in [".env.production", ".env.auth", "web.env"] {
            assert!(is_env_file(name), "{name}");
        }
        for name in [
            ".env",
            ".env.example",
            "example.env",
            ".env.local.sample",
            ".env.prod~",
            "environment",
            ".env.bak",
        ] {
            assert!(!is_env_file(name), "{name}");
        }
    }
}
