//! Bound files and directories whose content counts (`x-composelet.on_change`).

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobMatcher, escape};

use super::container::Located;
use super::files::shown;
use crate::manifest::normalise::Context;
use crate::manifest::on_change::Change;
use crate::manifest::report::Finding;
use crate::manifest::source::Place;
use crate::model::config::{ContainerConfig, MountSource};
use crate::model::content::{BoundFile, OnChange, Seen};
use crate::model::files::FileContent;
use crate::model::path::{HostPath, LocalPath};
use crate::model::secret::sha256_hex;

/// Most files of one service.
const MOST_FILES: usize = 256;
/// Deepest directory below a bound one.
const DEEPEST: usize = 8;

/// The files by their path in the container.
pub(super) fn bound(
    change: &Change,
    located: &Located<'_>,
    config: &ContainerConfig,
    context: &mut Context<'_, '_>,
) -> BTreeMap<String, BoundFile> {
    let field = format!("{}.x-composelet.on_change", located.field);
    let (place, found) = (located.node.place, BTreeMap::new());
    let mut walk = Walk { context, field, place, pattern: None, found };
    if change.on_change == OnChange::Ignore {
        return walk.found;
    }
    match &change.paths {
        None => walk.single_files(config),
        Some(paths) => {
            for (path, place) in paths {
                walk.place = *place;
                if let Some(path) = walk.base(path) {
                    walk.path(&path, config);
                }
            }
        }
    }
    walk.found
}

struct Walk<'a, 'c, 'f> {
    context: &'a mut Context<'c, 'f>,
    field: String,
    place: Place,
    /// Which files below the path count; all without one.
    pattern: Option<GlobMatcher>,
    found: BTreeMap<String, BoundFile>,
}

/// Source and target of the binds.
fn binds(config: &ContainerConfig) -> impl Iterator<Item = (LocalPath, &String, bool)> {
    config.mounts.iter().filter_map(|(target, mount)| match &mount.source {
        MountSource::Bind { source, .. } => {
            Some((LocalPath::new(source.as_path()), target, mount.read_only))
        }
        _ => None,
    })
}

impl Walk<'_, '_, '_> {
    /// What the container may not write is configuration.
    fn single_files(&mut self, config: &ContainerConfig) {
        for (source, target, read_only) in binds(config) {
            if read_only && self.context.files.bound(&source).is_some() {
                let seen = Seen::Mounted(HostPath::new(source.as_path()));
                self.file(&source, target, seen);
            }
        }
    }

    /// The part of a path before the first component that is a pattern, which the walk keeps to from here on.
    fn base(&mut self, text: &str) -> Option<LocalPath> {
        self.pattern = None;
        let parts: Vec<&str> = text.split('/').collect();
        let Some(first) = parts.iter().position(|part| part.contains(['*', '?', '[', '{'])) else {
            return Some(self.context.directory.join(text));
        };
        let (base, tail) = parts.split_at(first);
        let base = self.context.directory.join(base.join("/"));
        let whole = format!("{}/{}", escape(&base.display().to_string()), tail.join("/"));
        match GlobBuilder::new(&whole).literal_separator(true).build() {
            Ok(glob) => {
                self.pattern = Some(glob.compile_matcher());
                Some(base)
            }
            Err(error) => {
                let message = format!("{text} is no pattern: {}", error.kind());
                self.error(message, "such as ./conf.d/*.conf or ./templates/**/*.html");
                None
            }
        }
    }

    /// A path that is bound, or that lies in a directory that is.
    fn path(&mut self, path: &LocalPath, config: &ContainerConfig) {
        let mut below = binds(config).filter_map(|(source, target, _)| {
            let tail = path.as_path().strip_prefix(source.as_path()).ok()?;
            Some((tail.display().to_string(), target))
        });
        let Some((tail, target)) = below.next() else {
            let message =
                format!("{} is not bound by this service", shown(path, self.context.directory));
            self.error(message, "name the source of one of its volumes, or a path below one");
            return;
        };
        if tail.is_empty() {
            let seen = Seen::Mounted(HostPath::new(path.as_path()));
            self.visit(path, target, seen, 0);
        } else {
            let seen = Seen::Within(HostPath::new(path.as_path()));
            self.visit(path, &format!("{}/{tail}", target.trim_end_matches('/')), seen, 0);
        }
    }

    fn visit(&mut self, path: &LocalPath, target: &str, seen: Seen, depth: usize) {
        match self.context.files.get(path) {
            Some(FileContent::Bytes(_) | FileContent::Encrypted(_)) => {
                self.file(path, target, seen);
            }
            Some(FileContent::Directory(names)) if depth < DEEPEST => {
                let target = target.trim_end_matches('/');
                for name in names.iter().filter(|name| counts(name)) {
                    let path = path.join(name);
                    let seen = Seen::Within(HostPath::new(path.as_path()));
                    self.visit(&path, &format!("{target}/{name}"), seen, depth + 1);
                }
            }
            Some(FileContent::TooLarge(_)) if self.fits(path) => {
                let message =
                    format!("{} is larger than 1 MiB", shown(path, self.context.directory));
                self.error(message, "its changes cannot be followed: name other paths");
            }
            _ => {}
        }
    }

    fn fits(&self, path: &LocalPath) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(path.as_path()))
    }

    fn file(&mut self, path: &LocalPath, target: &str, seen: Seen) {
        if !self.fits(path) {
            return;
        }
        let Some(bytes) = self.context.files.bound(path) else {
            return;
        };
        if self.found.len() == MOST_FILES {
            self.error(
                format!("more than {MOST_FILES} files would count"),
                "name those that matter under paths",
            );
        }
        if self.found.len() <= MOST_FILES {
            let origin = shown(path, self.context.directory);
            let file = BoundFile { origin, digest: sha256_hex([bytes]), seen };
            self.found.insert(target.to_owned(), file);
        }
    }

    fn error(&mut self, message: String, help: &str) {
        let finding = Finding::error("on-change", &self.field, message).at(self.place);
        self.context.report.add(finding.help(help));
    }
}

/// Hidden files and what editors leave behind are nobody's configuration.
fn counts(name: &str) -> bool {
    !name.starts_with('.') && !name.ends_with('~')
}
