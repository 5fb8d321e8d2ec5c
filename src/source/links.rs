//! Which directories must be watched so that a change of what a path means is seen, links included.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// Links followed before a path counts as a circle, as in Linux.
const MAX_LINKS: usize = 40;

/// What a path depends on. All paths are free of links, but for the last component of those in `seen`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trail {
    /// Every place that was passed: directories, links and the end. A change of the name of one of them changes what the
    /// path means.
    pub(super) seen: BTreeSet<PathBuf>,
    /// The directories in which such a change shows: those that hold a link, the end, or the first missing name.
    pub(super) holders: BTreeSet<PathBuf>,
    /// The end, if it is a directory: names that come and go in it matter.
    pub(super) listed: Option<PathBuf>,
}

/// Walks an absolute path, component by component.
pub(super) fn trail(path: &Path) -> Trail {
    let mut trail = Trail::default();
    let mut todo = components(path);
    let mut here = PathBuf::from("/");
    let mut links = 0;
    while let Some(name) = todo.pop() {
        if name == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&name);
        trail.seen.insert(next.clone());
        if let Ok(target) = std::fs::read_link(&next) {
            trail.holders.insert(here.clone());
            links += 1;
            if links > MAX_LINKS {
                return trail;
            }
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            todo.extend(components(&target));
            continue;
        }
        if todo.is_empty() || std::fs::symlink_metadata(&next).is_err() {
            trail.holders.insert(here);
            here = next;
            break;
        }
        here = next;
    }
    here.extend(todo.into_iter().rev());
    if here.is_dir() {
        trail.listed = Some(here.clone());
    }
    trail.seen.insert(here);
    trail
}

/// The names of a path in reverse, so that the next one can be popped.
fn components(path: &Path) -> Vec<OsString> {
    let mut names: Vec<OsString> = path
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some(OsString::from("..")),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect();
    names.reverse();
    names
}
