//! `.dockerignore`, and the tar of a build context below it.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Component, Path};

use composelet::model::build::{Build, ContextRoot};
use composelet::model::path::LocalPath;
use composelet::source::{IgnoreRules, context_archive, context_files};
use futures::TryStreamExt;

use super::sections;

/// What stands before the first section is `.dockerignore`; each section is a file of the context.
pub(crate) fn ignore_and_archive(data: &[u8]) {
    let (ignore, named) = sections(data);
    let text = String::from_utf8_lossy(ignore);
    let paths = ["a", "a/b", "a/b/c.txt", "Dockerfile", ".git/config", "ä/ö", "x y"];
    match (IgnoreRules::parse(&text), IgnoreRules::parse(&text)) {
        (Ok(rules), Ok(again)) => {
            for path in paths.map(Path::new) {
                assert_eq!(rules.ignores(path), again.ignores(path));
                // A directory that brings nothing back is skipped whole: nothing below it may count.
                if rules.ignores(path) && !rules.may_bring_back_below(path) {
                    assert!(
                        rules.ignores(&path.join("below")),
                        "{path:?} is skipped, not its files"
                    );
                }
            }
        }
        (Err(one), Err(two)) => {
            assert_eq!(one, two);
            assert!(
                one.len() <= 8 << 10 && !one.contains(|letter: char| letter.is_control()),
                "{one:?}"
            );
            assert!(one.starts_with("line "), "{one}");
        }
        _ => panic!("not deterministic"),
    }
    // The disk is slow: only some inputs get as far.
    if data.len().is_multiple_of(16) {
        archive(ignore, &named);
    }
}

fn archive(ignore: &[u8], named: &[(String, &[u8])]) {
    let outer = tempfile::tempdir().unwrap();
    std::fs::write(outer.path().join("outside"), "secret of the host").unwrap();
    let root = outer.path().join("context");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("Dockerfile"), "FROM scratch\n").unwrap();
    for (name, bytes) in named.iter().take(8) {
        let path = Path::new(name);
        let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        if !plain {
            continue;
        }
        let full = root.join(path);
        let made = std::fs::create_dir_all(full.parent().unwrap());
        // A name may be that of a directory made for another.
        made.and_then(|()| std::fs::write(&full, bytes)).ok();
    }
    std::os::unix::fs::symlink("../outside", root.join("link")).ok();
    std::fs::write(root.join(".dockerignore"), ignore).ok();
    let build = Build::of(ContextRoot::Directory(LocalPath::new(&root)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let pieces: std::io::Result<Vec<bytes::Bytes>> =
        runtime.block_on(context_archive(&build, "d1").try_collect());
    let listed = context_files(&build);
    assert_eq!(pieces.is_ok(), listed.is_ok(), "{listed:?}");
    let Ok(pieces) = pieces else { return };
    holds_the_context(&pieces.concat(), &listed.unwrap(), "Dockerfile");
}

fn holds_the_context(bytes: &[u8], listed: &[std::path::PathBuf], dockerfile: &str) {
    let mut seen = BTreeSet::new();
    for entry in tar::Archive::new(bytes).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().into_owned();
        let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        assert!(inside, "{path:?} leads out of the context");
        let mut text = Vec::new();
        entry.read_to_end(&mut text).unwrap();
        assert!(text != b"secret of the host", "a link was followed");
        assert!(seen.insert(path.clone()), "{path:?} twice");
    }
    assert!(seen.contains(Path::new(dockerfile)));
    assert!(listed.iter().all(|path| seen.contains(path)), "{listed:?} is not {seen:?}");
}
