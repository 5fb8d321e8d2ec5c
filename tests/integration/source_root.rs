//! The watched directory, one level.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use composelet::model::files::Entry;
use composelet::model::path::LocalPath;
use composelet::source::{MAX_ROOT_ENTRIES, RootReading, read_root};
use rustix::fs::{CWD, FileType, Mode, mknodat};

type Entries = BTreeSet<Entry>;
type Read = ((u64, u64), Entries, Vec<(LocalPath, String)>);

fn read(root: &Path) -> Read {
    match read_root(&LocalPath::new(root)) {
        RootReading::Read { identity, entries, ignored } => (identity, entries, ignored),
        other => panic!("{other:?}"),
    }
}

/// Names of the entries, directories with a slash.
fn names(root: &Path) -> Vec<String> {
    read(root)
        .1
        .iter()
        .map(|entry| match entry {
            Entry::Directory(path) => format!("{}/", path.file_name()),
            Entry::File(path) => path.file_name().to_owned(),
        })
        .collect()
}

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

#[test]
fn directories_and_yaml_files_are_entries() {
    let root = tempfile::tempdir().unwrap();
    for directory in ["shop", "blog.d", ".git"] {
        fs::create_dir(root.path().join(directory)).unwrap();
    }
    for file in ["a.yml", "b.yaml", "README.md", ".env", ".hidden.yml", "yml"] {
        fs::write(root.path().join(file), "x").unwrap();
    }
    assert_eq!(names(root.path()), ["blog.d/", "shop/", "a.yml", "b.yaml"]);
    assert_eq!(read(root.path()).2, []);
}

#[test]
fn leftovers_of_editors_are_no_entries() {
    let root = tempfile::tempdir().unwrap();
    let leftovers = [
        "app.yml~",
        ".#app.yml",
        "#app.yml#",
        ".app.yml.swp",
        "app.yml.swx",
        "app.yml.tmp",
        "app.yml.bak",
        "app.yml.orig",
        "app.yml.rej",
        "4913",
        ".goutputstream-A1B2",
    ];
    for name in leftovers {
        fs::write(root.path().join(name), "services: {}").unwrap();
    }
    fs::create_dir(root.path().join("old.bak")).unwrap();
    assert_eq!(names(root.path()), Vec::<String>::new());
    assert_eq!(read(root.path()).2, []);
}

#[test]
fn links_are_followed_and_dangling_ones_stay_entries() {
    let root = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("x"), "services: {}").unwrap();
    symlink(elsewhere.path(), root.path().join("shop")).unwrap();
    symlink(elsewhere.path().join("x"), root.path().join("x.yml")).unwrap();
    symlink("/nowhere/at/all", root.path().join("gone.yml")).unwrap();
    symlink("/nowhere/at/all", root.path().join("gone")).unwrap();
    symlink("loop.yml", root.path().join("loop.yml")).unwrap();
    assert_eq!(names(root.path()), ["gone/", "shop/", "gone.yml", "loop.yml", "x.yml"]);
}

#[test]
fn what_is_no_regular_file_is_named_or_held() {
    let root = tempfile::tempdir().unwrap();
    fifo(&root.path().join("pipe"));
    fifo(&root.path().join("app.yml"));
    fs::write(root.path().join("APP.YML"), "x").unwrap();
    fs::write(root.path().join(std::ffi::OsStr::from_bytes(b"\xff.yml")), "x").unwrap();
    let (_, entries, ignored) = read(root.path());
    // A manifest that turned into a pipe is no removal: it stays an entry, and reading it says what it is.
    let app = Entry::File(LocalPath::new(root.path().join("app.yml")));
    assert_eq!(entries, BTreeSet::from([app]));
    let reasons: Vec<&str> = ignored.iter().map(|(_, reason)| reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "the ending of a manifest is .yaml or .yml in lower case",
            "it is a named pipe; a project is a directory or a *.yaml or *.yml file",
            "its name is not UTF-8",
        ]
    );
}

#[test]
fn a_swapped_link_is_another_root() {
    let base = tempfile::tempdir().unwrap();
    for release in ["release-41", "release-42"] {
        fs::create_dir(base.path().join(release)).unwrap();
        fs::write(base.path().join(release).join("app.yml"), release).unwrap();
    }
    let current = base.path().join("current");
    symlink("release-41", &current).unwrap();
    let before = read(&current);
    symlink("release-42", base.path().join("next")).unwrap();
    fs::rename(base.path().join("next"), &current).unwrap();
    let after = read(&current);
    let identity = |name: &str| {
        let metadata = fs::metadata(base.path().join(name)).unwrap();
        (metadata.dev(), metadata.ino())
    };
    assert_eq!(before.0, identity("release-41"));
    assert_eq!(after.0, identity("release-42"));
    assert_eq!(before.1, after.1, "entries are named by the path that was given");
}

#[test]
fn a_replaced_root_is_another_root() {
    let base = tempfile::tempdir().unwrap();
    let root = base.path().join("desired-state");
    fs::create_dir(&root).unwrap();
    let before = read(&root);
    fs::rename(&root, base.path().join("old")).unwrap();
    assert_eq!(read_root(&LocalPath::new(&root)), RootReading::Missing);
    fs::create_dir(&root).unwrap();
    assert_ne!(before.0, read(&root).0);
}

#[test]
fn what_cannot_be_read_is_not_empty() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(
        read_root(&LocalPath::new(&file)),
        RootReading::Unreadable("it is a regular file, not a directory".to_owned())
    );
    let link = base.path().join("link");
    symlink("nothing", &link).unwrap();
    assert_eq!(
        read_root(&LocalPath::new(&link)),
        RootReading::Unreadable("it is a link to nothing, which does not exist".to_owned())
    );
}

#[test]
fn a_root_with_too_many_entries_is_refused_as_a_whole() {
    let root = tempfile::tempdir().unwrap();
    for number in 0..MAX_ROOT_ENTRIES - 1 {
        fs::write(root.path().join(number.to_string()), "").unwrap();
    }
    read(root.path());
    fs::write(root.path().join("one"), "").unwrap();
    read(root.path());
    fs::write(root.path().join("more"), "").unwrap();
    assert_eq!(
        read_root(&LocalPath::new(root.path())),
        RootReading::Unreadable("it has more than 2000 entries".to_owned())
    );
}
