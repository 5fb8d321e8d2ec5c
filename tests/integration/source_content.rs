//! Files that composelet writes for containers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use composelet::model::content::KeptState;
use composelet::model::desired::DesiredProject;
use composelet::model::files::Entry;
use composelet::model::path::{HostPath, LocalPath, PathMap};
use composelet::source::ContentStore;

use crate::manifest_cases::load_from_disk;

/// A project with one config whose bytes are `text`, as `change` says.
fn project(directory: &Path, text: &str, change: &str) -> DesiredProject {
    let manifest = format!(
        "services: {{a: {{image: i, x-composelet: {{on_change: {change}}}, configs: [c]}}}}\nconfigs: {{c: {{content: \"{text}\"}}}}\n"
    );
    fs::write(directory.join("compose.yaml"), manifest).unwrap();
    let entry = Entry::Directory(LocalPath::new(directory));
    let loaded = load_from_disk(&entry, composelet::manifest::Dialect::Controller);
    loaded.project.unwrap()
}

/// Writes the files of a project and gives the place of the only one.
fn write(store: &ContentStore, project: &DesiredProject) -> PathBuf {
    let written = store.write(&project.name, project.services.values(), &PathMap::default());
    assert_eq!(written, store.places(project, &PathMap::default()));
    only(&written).as_path().to_path_buf()
}

fn only(kept: &BTreeMap<String, KeptState>) -> HostPath {
    match kept.values().collect::<Vec<_>>().as_slice() {
        [KeptState::Ready(path)] => path.clone(),
        other => panic!("{other:?}"),
    }
}

fn directories() -> (tempfile::TempDir, PathBuf, ContentStore) {
    let base = tempfile::tempdir().unwrap();
    let manifests = base.path().join("shop");
    fs::create_dir(&manifests).unwrap();
    let store = ContentStore::new(&LocalPath::new(base.path().join("content")));
    (base, manifests, store)
}

#[test]
fn a_file_is_written_once_and_only_its_directory_is_private() {
    let (_base, manifests, store) = directories();
    let project = project(&manifests, "one", "recreate");
    let path = write(&store, &project);
    assert_eq!(fs::read(&path).unwrap(), b"one");
    let before = fs::metadata(&path).unwrap();
    assert_eq!(before.mode() & 0o777, 0o444);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
    assert_eq!(write(&store, &project), path);
    let after = fs::metadata(&path).unwrap();
    assert_eq!((before.ino(), before.ctime_nsec()), (after.ino(), after.ctime_nsec()));
}

#[test]
fn other_content_is_another_file_unless_a_running_container_is_to_see_it() {
    let (_base, manifests, store) = directories();
    let first = write(&store, &project(&manifests, "first", "recreate"));
    let second = write(&store, &project(&manifests, "2", "recreate"));
    assert_ne!(first, second);
    assert_eq!(fs::read(&first).unwrap(), b"first", "its container still has it");
    let live = write(&store, &project(&manifests, "a long text", "{signal: HUP}"));
    let inode = fs::metadata(&live).unwrap().ino();
    for text in ["other", "", "a longer text than that"] {
        assert_eq!(write(&store, &project(&manifests, text, "{signal: HUP}")), live);
        assert_eq!(fs::read_to_string(&live).unwrap(), text);
        assert_eq!(fs::metadata(&live).unwrap().ino(), inode, "the bind holds on to the inode");
    }
}

#[test]
fn what_was_damaged_or_lost_is_mended() {
    let (base, manifests, store) = directories();
    let project = project(&manifests, "right", "recreate");
    let path = write(&store, &project);
    fs::remove_file(&path).unwrap();
    fs::write(&path, "wrong").unwrap();
    assert_eq!(write(&store, &project), path);
    assert_eq!(fs::read(&path).unwrap(), b"right");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o444);
    fs::remove_dir_all(base.path().join("content")).unwrap();
    assert_eq!(write(&store, &project), path);
    assert_eq!(fs::read(&path).unwrap(), b"right");
}

#[test]
fn a_link_is_not_followed_and_a_directory_is_no_file() {
    let (base, manifests, store) = directories();
    let project = project(&manifests, "right", "recreate");
    let path = write(&store, &project);
    let victim = base.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&victim, &path).unwrap();
    let state = || {
        let written = store.write(&project.name, project.services.values(), &PathMap::default());
        written.into_values().next().unwrap()
    };
    assert!(matches!(state(), KeptState::Failed(_)));
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(state(), KeptState::Failed(_)));
}

#[test]
fn what_nobody_needs_goes_and_the_engine_knows_other_paths() {
    let (base, manifests, store) = directories();
    let inside = base.path().to_path_buf();
    let paths = PathMap { prefixes: vec![(inside, PathBuf::from("/srv/composelet"))] };
    let one = project(&manifests, "one", "recreate");
    let written = store.write(&one.name, one.services.values(), &paths);
    let first = only(&written);
    assert!(first.as_path().starts_with("/srv/composelet/content/shop"), "{first:?}");
    let two = project(&manifests, "two", "recreate");
    let second = only(&store.write(&two.name, two.services.values(), &paths));
    let both = BTreeSet::from([first.clone(), second.clone()]);
    assert_eq!(store.sweep(&one.name, &both, &paths).unwrap(), 0);
    assert_eq!(store.sweep(&one.name, &BTreeSet::from([second]), &paths).unwrap(), 1);
    assert!(!paths.to_local(&first).as_path().exists());
    assert_eq!(store.sweep(&one.name, &BTreeSet::new(), &paths).unwrap(), 1);
    assert!(!base.path().join("content/shop").exists());
    assert_eq!(store.sweep(&one.name, &BTreeSet::new(), &paths).unwrap(), 0);
}
