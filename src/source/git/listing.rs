//! The files of a commit as `git ls-tree` lists them, and what of them is not put on a host. Pure.

use std::collections::BTreeMap;

use crate::model::git_source::GitLimits;
use crate::model::sync::{SyncError, SyncReason};

/// Longest path, in bytes (Linux, PATH_MAX, less room for where it lies).
const LONGEST_PATH: usize = 2_000;
/// Links followed before a path counts as a circle, as in Linux.
const MOST_LINKS: usize = 40;

/// An entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// A file.
    File,
    /// A symbolic link; the object that holds its target.
    Link(String),
    /// A commit of another repository.
    Submodule,
}

/// Reads the output of `git ls-tree -r -z --long`.
///
/// # Errors
/// A limit is passed, or a name or kind is none that is put on a host.
pub fn parse(output: &[u8], limits: &GitLimits) -> Result<BTreeMap<String, Listed>, SyncError> {
    let mut entries = BTreeMap::new();
    let mut bytes = 0_u64;
    for line in output.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
        let line = str::from_utf8(line).map_err(|_| refused("a name that is not UTF-8"))?;
        let (facts, path) =
            line.split_once('\t').ok_or_else(|| refused("an entry that cannot be read"))?;
        let facts: Vec<&str> = facts.split_whitespace().collect();
        let [mode, kind, object, size] = facts.as_slice() else {
            return Err(refused("an entry that cannot be read"));
        };
        check_path(path)?;
        let entry = match (*mode, *kind) {
            ("120000", "blob") => Listed::Link((*object).to_owned()),
            ("160000", _) => Listed::Submodule,
            (_, "blob") => Listed::File,
            _ => return Err(refused(&format!("`{path}`, which is neither file nor link"))),
        };
        bytes = bytes.saturating_add(size.parse().unwrap_or(0));
        entries.insert(path.to_owned(), entry);
        if entries.len() > limits.files {
            return Err(too_large(&format!("more than {} files", limits.files)));
        }
    }
    if bytes > limits.bytes {
        return Err(too_large(&format!("{bytes} bytes of files, more than {}", limits.bytes)));
    }
    Ok(entries)
}

fn refused(what: &str) -> SyncError {
    SyncError::new(
        SyncReason::TreeRefused,
        format!("the commit holds {what}; the last good one stays"),
    )
}

fn too_large(what: &str) -> SyncError {
    let text = format!("the commit has {what} (`limits` of the source); the last good one stays");
    SyncError::new(SyncReason::TooLarge, text)
}

fn check_path(path: &str) -> Result<(), SyncError> {
    let shown = || path.escape_debug().take(200).collect::<String>();
    let part = |part: &str| !matches!(part, "" | "." | "..") && !part.eq_ignore_ascii_case(".git");
    if path.len() > LONGEST_PATH || path.chars().any(char::is_control) || !path.split('/').all(part)
    {
        return Err(refused(&format!("the name `{}`", shown())));
    }
    Ok(())
}

/// Refuses links that lead out of the tree, through other links or not; `targets` are those of all links.
///
/// # Errors
/// The first link that does.
pub fn check_links(targets: &BTreeMap<String, String>) -> Result<(), SyncError> {
    for path in targets.keys() {
        if !stays_inside(path, targets) {
            let target = targets.get(path).map_or("", String::as_str);
            return Err(refused(&format!(
                "the link `{path}` to `{}`, which leads out of it",
                target.escape_debug()
            )));
        }
    }
    Ok(())
}

/// Walks what a link means, component by component. What is not in the tree may be on the host: no further link is known
/// there, and `..` goes up by text.
fn stays_inside(link: &str, targets: &BTreeMap<String, String>) -> bool {
    let mut here: Vec<String> = Vec::new();
    let mut todo: Vec<String> = link.split('/').rev().map(str::to_owned).collect();
    let mut links = 0;
    while let Some(part) = todo.pop() {
        match part.as_str() {
            "" | "." => continue,
            ".." => {
                if here.pop().is_none() {
                    return false;
                }
                continue;
            }
            _ => here.push(part),
        }
        let path = here.join("/");
        let Some(target) = targets.get(&path) else {
            continue;
        };
        links += 1;
        if links > MOST_LINKS || target.starts_with('/') {
            return false;
        }
        here.pop();
        todo.extend(target.split('/').rev().map(str::to_owned));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(target: &str) -> bool {
        links(&[("a/b/link", target)])
    }

    fn links(links: &[(&str, &str)]) -> bool {
        let targets =
            links.iter().map(|(path, target)| ((*path).to_owned(), (*target).to_owned())).collect();
        check_links(&targets).is_ok()
    }

    #[test]
    fn links_stay_in_the_tree() {
        for good in ["c", "../c", "../../c", "./../b/../../x", "nowhere/at/all", "."] {
            assert!(link(good), "{good}");
        }
        for bad in ["/etc/passwd", "../../../etc", "../../../a", "c/../../../../x", "/"] {
            assert!(!link(bad), "{bad}");
        }
        assert!(!links(&[("a", "."), ("b/c", "../a/../../etc")]), "through another link");
        assert!(!links(&[("a/b", ".."), ("x", "a/b/../../etc")]), "up from where a link leads");
        assert!(!links(&[("a", "b"), ("b", "a")]), "a circle");
        assert!(links(&[("a", "b"), ("b", "c/d")]));
    }

    #[test]
    fn names_that_are_none_are_refused() {
        let listed = |path: &str| {
            parse(format!("100644 blob abc 5\t{path}\0").as_bytes(), &GitLimits::default())
        };
        assert_eq!(listed("a/b").unwrap().len(), 1);
        for bad in [
            "../a",
            "a/../b",
            "/a",
            "a//b",
            ".git/config",
            "a/.GIT/hooks/x",
            "a\nb",
            "\u{1b}[31m",
            "",
        ] {
            assert_eq!(listed(bad).unwrap_err().reason, SyncReason::TreeRefused, "{bad:?}");
        }
    }

    #[test]
    fn sizes_have_limits() {
        let limits = GitLimits { files: 2, bytes: 10, ..GitLimits::default() };
        let of =
            |lines: &[&str]| parse(lines.concat().as_bytes(), &limits).map(|found| found.len());
        assert_eq!(of(&["100644 blob a 5\ta\0", "100755 blob b 5\tb\0"]), Ok(2));
        assert_eq!(
            of(&["100644 blob a 5\ta\0", "100644 blob b 6\tb\0"]).unwrap_err().reason,
            SyncReason::TooLarge
        );
        let three = ["100644 blob a 1\ta\0", "100644 blob b 1\tb\0", "120000 blob c 1\tc\0"];
        assert_eq!(of(&three).unwrap_err().reason, SyncReason::TooLarge);
        assert_eq!(of(&["160000 commit a -\tvendor\0"]), Ok(1));
        assert!(of(&["nonsense"]).is_err());
    }
}
