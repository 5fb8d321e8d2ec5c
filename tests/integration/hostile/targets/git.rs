//! What a repository and its settings may say: addresses, references, paths, and the tree of a commit.

use std::collections::BTreeMap;
use std::path::Path;

use composelet::model::git_source::{Follow, GitLimits, GitUrl, SourceName, SubPath, identity};
use composelet::source::git::{check_links, parse_listing};

use super::sections;

/// Each line as every word that becomes one of a command: none is an option, holds a control character or has an unlisted
/// scheme, and no path leads out.
pub(crate) fn words(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for line in text.split('\n') {
        drop(identity(line));
        if let Ok(url) = GitUrl::new(line) {
            let known = ["https://", "http://", "ssh://", "file:///"]
                .iter()
                .any(|scheme| line.starts_with(scheme));
            assert!(known || line.contains('@'), "{line:?}");
            assert!(
                is_a_word(url.as_str()) && !line.contains("::") || line.contains('['),
                "{line:?}"
            );
            drop((url.identity(), url.is_local()));
        }
        if let Ok(name) = Follow::reference(line) {
            assert!(is_a_word(&name) && !name.contains("..") && !name.contains(':'), "{name:?}");
        }
        if let Ok(path) = SubPath::new(line) {
            let joined =
                composelet::model::path::clean(&Path::new("/srv/root").join(path.as_str()));
            assert!(joined.starts_with("/srv/root"), "{line:?}");
            assert!(
                !path.as_str().split('/').any(|part| part.eq_ignore_ascii_case(".git")),
                "{line:?}"
            );
        }
        if let Ok(name) = SourceName::new(line) {
            assert!(is_a_word(name.as_str()) && !name.as_str().contains(['/', '.']), "{line:?}");
        }
    }
}

fn is_a_word(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && !text.chars().any(|letter| letter.is_control() || letter == ' ')
}

/// The list of a tree, and below `=== path` the target of each link. What is accepted is made on a disk: no link leads out.
pub(crate) fn tree(data: &[u8]) {
    let (list, links) = sections(data);
    if let Ok(entries) = parse_listing(list, &GitLimits { files: 200, ..GitLimits::default() }) {
        assert!(entries.len() <= 200);
        for path in entries.keys() {
            assert!(
                Path::new(path)
                    .components()
                    .all(|part| matches!(part, std::path::Component::Normal(_))),
                "{path:?}"
            );
        }
    }
    let targets: BTreeMap<String, String> = links
        .iter()
        .take(12)
        .map(|(path, target)| {
            (
                path.trim_matches('/').to_owned(),
                String::from_utf8_lossy(target).trim_end().to_owned(),
            )
        })
        .filter(|(path, target)| !target.is_empty() && !target.contains('\0') && is_plain(path))
        .collect();
    if check_links(&targets).is_ok() {
        nothing_leads_out(&targets);
    }
}

fn is_plain(path: &str) -> bool {
    path.len() < 80 && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn nothing_leads_out(targets: &BTreeMap<String, String>) {
    let place = tempfile::tempdir().expect("room for a tree");
    let root = place.path().canonicalize().expect("it is there").join("root");
    std::fs::create_dir(&root).expect("room for a tree");
    std::fs::write(place.path().join("outside"), "x").expect("room for a tree");
    for (path, target) in targets {
        let link = root.join(path);
        let parent = link.parent().expect("below the root");
        // A link in the place of a directory cannot be in the same tree.
        if std::fs::create_dir_all(parent).is_ok()
            && parent.canonicalize().is_ok_and(|parent| parent.starts_with(&root))
        {
            drop(std::os::unix::fs::symlink(target, &link));
        }
    }
    for path in targets.keys() {
        if let Ok(end) = root.join(path).canonicalize() {
            assert!(end.starts_with(&root), "{path:?} leads to {}", end.display());
        }
    }
}
