//! One controller per state directory, one per engine and installation.

use composelet::ledger::{FileStorage, Ledger, Loss, MemoryStorage};
use composelet::model::id::Installation;
use composelet::model::path::LocalPath;

fn ledger(base: &tempfile::TempDir, state: &str) -> Ledger {
    let at = |name: &str| LocalPath::new(base.path().join(name));
    Ledger::open_with(FileStorage::new(&at(state)).with_host_locks(&at("run"))).unwrap()
}

#[test]
fn a_state_directory_has_one_holder() {
    let base = tempfile::tempdir().unwrap();
    let (one, two) = (ledger(&base, "state"), ledger(&base, "state"));
    let lock = one.try_lock().unwrap().unwrap();
    assert!(two.try_lock().unwrap().is_none());
    assert!(one.try_lock().unwrap().is_none(), "not twice either");
    assert_eq!(two.lock_holder(), Some(std::process::id()));
    drop(lock);
    assert!(two.try_lock().unwrap().is_some());
}

#[test]
fn an_engine_has_one_holder_per_installation_whatever_the_state_directory() {
    let base = tempfile::tempdir().unwrap();
    let (one, two) = (ledger(&base, "one"), ledger(&base, "two"));
    let (ours, others) = (Installation::from("default"), Installation::from("../staging"));
    let lock = one.try_lock_engine("ABCD:1", &ours).unwrap().unwrap();
    assert!(two.try_lock_engine("ABCD:1", &ours).unwrap().is_none());
    assert!(two.try_lock_engine("ABCD:1", &others).unwrap().is_some());
    assert!(two.try_lock_engine("ABCD:2", &ours).unwrap().is_some());
    drop(lock);
    assert!(two.try_lock_engine("ABCD:1", &ours).unwrap().is_some());
    assert_eq!(std::fs::read_dir(base.path().join("run")).unwrap().count(), 3);
}

#[test]
fn a_lock_is_not_taken_through_a_link() {
    let base = tempfile::tempdir().unwrap();
    let ledger = ledger(&base, "state");
    std::fs::write(base.path().join("victim"), "precious").unwrap();
    std::os::unix::fs::symlink("../victim", base.path().join("state/lock")).unwrap();
    assert!(ledger.try_lock().is_err());
    assert_eq!(std::fs::read(base.path().join("victim")).unwrap(), b"precious");
}

#[test]
fn the_storage_in_memory_locks_alike() {
    let storage = MemoryStorage::new();
    let one = Ledger::open_with(storage.clone()).unwrap();
    let two = Ledger::open_with(storage.beside()).unwrap();
    let installation = Installation::from("default");
    let lock = one.try_lock().unwrap().unwrap();
    assert!(one.try_lock().unwrap().is_none());
    assert!(two.try_lock().unwrap().is_some(), "another state directory");
    let engine = one.try_lock_engine("E", &installation).unwrap().unwrap();
    assert!(two.try_lock_engine("E", &installation).unwrap().is_none());
    let next = Ledger::open_with(storage.reboot(Loss::Process)).unwrap();
    assert!(next.try_lock().unwrap().is_some(), "the end of a process frees its locks");
    assert!(next.try_lock_engine("E", &installation).unwrap().is_none(), "this guard still lives");
    drop((lock, engine));
    assert!(next.try_lock_engine("E", &installation).unwrap().is_some());
}
