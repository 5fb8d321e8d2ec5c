//! The content store.

use std::fs;
use std::os::unix::fs::MetadataExt;

use composelet::model::path::LocalPath;
use composelet::source::ContentStore;

#[test]
fn bytes_are_kept_by_digest() {
    let base = tempfile::tempdir().unwrap();
    let store = ContentStore::new(&LocalPath::new(base.path().join("content")));
    assert_eq!(store.list().unwrap(), Vec::<String>::new());
    let digest = store.put(b"s3cret\xff").unwrap();
    assert_eq!(store.put(b"s3cret\xff").unwrap(), digest);
    assert_eq!(store.get(&digest).unwrap().as_deref(), Some(b"s3cret\xff".as_slice()));
    assert_eq!(store.list().unwrap(), [digest.as_str()]);
    let path = store.path(&digest).unwrap();
    assert_eq!(fs::metadata(path.as_path()).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(path.parent().as_path()).unwrap().mode() & 0o777, 0o700);
    store.remove(&digest).unwrap();
    store.remove(&digest).unwrap();
    assert_eq!(store.get(&digest).unwrap(), None);
}

#[test]
fn damaged_bytes_are_not_given_and_are_mended_by_the_next_put() {
    let base = tempfile::tempdir().unwrap();
    let store = ContentStore::new(&LocalPath::new(base.path()));
    let digest = store.put(b"right").unwrap();
    fs::write(store.path(&digest).unwrap().as_path(), b"wrong").unwrap();
    assert_eq!(store.get(&digest).unwrap(), None);
    assert_eq!(store.put(b"right").unwrap(), digest);
    assert_eq!(store.get(&digest).unwrap().as_deref(), Some(b"right".as_slice()));
}

#[test]
fn only_digests_are_names() {
    let base = tempfile::tempdir().unwrap();
    let store = ContentStore::new(&LocalPath::new(base.path()));
    fs::write(base.path().join("stranger"), "x").unwrap();
    let upper = "A".repeat(64);
    for name in ["../VERSION", "", "stranger", upper.as_str()] {
        assert_eq!(store.path(name), None);
        assert_eq!(store.get(name).unwrap(), None);
        store.remove(name).unwrap();
    }
    assert_eq!(store.list().unwrap(), Vec::<String>::new());
    assert!(base.path().join("stranger").exists());
}
