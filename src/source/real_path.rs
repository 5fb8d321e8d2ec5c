//! Where paths of the host lead to when every link on the way is followed, as the engine follows them when it mounts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use crate::model::path::{HostPath, LocalPath, PathMap};

/// Links that are followed on the way of one path (Linux, `ELOOP`).
const MOST_LINKS: usize = 40;

/// Where each of these paths of the engine's host leads to. What does not exist is taken by its text, also behind a link
/// that leads nowhere: the engine makes it there. A path that cannot be looked at is absent. Blocking.
pub fn real_paths(wanted: &BTreeSet<String>, paths: &PathMap) -> BTreeMap<String, String> {
    let real = |text: &String| {
        let local = paths.to_local(&HostPath::new(text));
        let real = follow(local.as_path())?;
        let host = paths.to_host(&LocalPath::new(real));
        Some((text.clone(), host.display().to_string()))
    };
    wanted.iter().filter_map(real).collect()
}

fn follow(path: &Path) -> Option<PathBuf> {
    let mut rest: VecDeque<OsString> = parts(path).collect();
    let (mut real, mut links) = (PathBuf::from("/"), 0);
    while let Some(part) = rest.pop_front() {
        if part == ".." {
            real.pop();
            continue;
        }
        let next = real.join(&part);
        match std::fs::symlink_metadata(&next) {
            Ok(metadata) if metadata.is_symlink() => {
                links += 1;
                let target = std::fs::read_link(&next).ok().filter(|_| links <= MOST_LINKS)?;
                if target.is_absolute() {
                    real = PathBuf::from("/");
                }
                for part in parts(&target).collect::<Vec<_>>().into_iter().rev() {
                    rest.push_front(part);
                }
            }
            Ok(_) => real = next,
            Err(error) if crate::source::file::absent(&error) => real = next,
            Err(_) => return None,
        }
    }
    Some(real)
}

fn parts(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_also_where_nothing_is_yet() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("there")).unwrap();
        symlink("there", root.join("relative")).unwrap();
        symlink("/etc", root.join("etc")).unwrap();
        symlink(root.join("nowhere"), root.join("dangling")).unwrap();
        symlink("round", root.join("round")).unwrap();
        let wanted = ["relative/new", "etc/ssh/../passwd", "dangling/x", "round/x", "plain"];
        let wanted = wanted.map(|tail| root.join(tail).display().to_string());
        let found = real_paths(&wanted.clone().into(), &PathMap::default());
        let of = |index: usize| found.get(&wanted[index]).map(String::as_str);
        assert_eq!(of(0), root.join("there/new").to_str());
        assert_eq!(of(1), Some("/etc/passwd"));
        assert_eq!(of(2), root.join("nowhere/x").to_str());
        assert_eq!(of(3), None);
        assert_eq!(of(4), root.join("plain").to_str());
    }
}
