//! The commit of the checkout that a directory lies in, if it lies in one.
//!
//! It is read from the files of the repository (gitrepository-layout(5)): git itself is not run, because the configuration of
//! a repository that somebody else owns may name programs. Only the commit is known this way, not whether files were
//! changed since.

use std::path::{Path, PathBuf};

use crate::model::commit::Commit;
use crate::model::files::FileContent;
use crate::model::path::LocalPath;
use crate::source::file::read_path;

/// The commit that is checked out where `directory` lies, links followed; `None` if it is in no checkout, the branch has no
/// commit yet, or the repository keeps its references in another form than files. Blocking.
pub fn checked_out(directory: &LocalPath) -> Option<Commit> {
    let directory = directory.as_path().canonicalize().ok()?;
    let repository = directory.ancestors().find_map(repository)?;
    let head = text(&repository.join("HEAD"))?;
    match head.strip_prefix("ref: ") {
        Some(name) => reference(&repository, name),
        None => Commit::new(&head),
    }
}

/// The repository of a checkout: `.git`, or the directory that a file of that name leads to, of a further work tree or a
/// submodule.
fn repository(top: &Path) -> Option<PathBuf> {
    let place = top.join(".git");
    if place.is_dir() {
        return Some(place);
    }
    let elsewhere = text(&place)?;
    Some(top.join(elsewhere.strip_prefix("gitdir: ")?))
}

/// What a reference means: a file of its name, else a line of `packed-refs`. A further work tree shares those of the
/// repository that it belongs to.
fn reference(repository: &Path, name: &str) -> Option<Commit> {
    let inside =
        name.starts_with("refs/") && name.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if !inside {
        return None;
    }
    let shared = text(&repository.join("commondir"))
        .map_or_else(|| repository.to_owned(), |shared| repository.join(shared));
    let own = [repository, &shared].into_iter().find_map(|place| text(&place.join(name)));
    own.map_or_else(|| packed(&text(&shared.join("packed-refs"))?, name), |id| Commit::new(&id))
}

fn packed(all: &str, name: &str) -> Option<Commit> {
    let pairs = all.lines().filter_map(|line| line.split_once(' '));
    pairs.filter(|(_, known)| *known == name).find_map(|(id, _)| Commit::new(id))
}

/// A small file, less the end of its last line.
fn text(path: &Path) -> Option<String> {
    match read_path(&LocalPath::new(path)) {
        FileContent::Bytes(bytes) => Some(str::from_utf8(&bytes).ok()?.trim_end().to_owned()),
        _ => None,
    }
}
