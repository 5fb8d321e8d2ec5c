//! The state directory on a real file system.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use composelet::ledger::{
    FileStorage, HistoryRecord, LastGood, Ledger, LedgerError, MemoryStorage, Request, Storage,
};
use composelet::model::files::{FileContent, Files};
use composelet::model::id::ProjectName;
use composelet::model::ledger::{HostLedger, ProjectLedger, ReplicaRecord};
use composelet::model::path::LocalPath;
use composelet::model::status::{ActionRecord, ProjectStatus};
use composelet::model::time::Timestamp;
use std::os::unix::ffi::OsStrExt;

pub(crate) fn name() -> ProjectName {
    ProjectName::from("shop")
}

pub(crate) fn memory(generation: u64) -> ProjectLedger {
    ProjectLedger {
        generation,
        replicas: BTreeMap::from([("web:1".to_owned(), ReplicaRecord::default())]),
        ..ProjectLedger::default()
    }
}

pub(crate) fn open(directory: &Path) -> Ledger {
    Ledger::open(&LocalPath::new(directory)).unwrap()
}

pub(crate) fn record(generation: u64, plan: &str) -> HistoryRecord {
    HistoryRecord {
        at: Timestamp::from_millis(1_800_000_000_000),
        generation,
        plan: plan.to_owned(),
        actions: vec![ActionRecord {
            at: Timestamp::from_millis(1_800_000_000_000),
            action: "create".to_owned(),
            object: "shop-web-1".to_owned(),
            reason: "Missing".to_owned(),
            message: "it is not there".to_owned(),
            outcome: "succeeded".to_owned(),
        }],
    }
}

pub(crate) fn status(name: &str, generation: u64) -> ProjectStatus {
    ProjectStatus {
        name: ProjectName::from(name),
        source: "shop/compose.yaml".to_owned(),
        generation,
        observed_generation: generation,
        observed_at: None,
        published_at: Timestamp::from_millis(1_800_000_000_000),
        conditions: Vec::new(),
        services: Vec::new(),
        others: Vec::new(),
        held: Vec::new(),
        diagnostics: Vec::new(),
        commit: None,
        revisions: Vec::new(),
        rollback: None,
        not_kept: Vec::new(),
        drill: None,
        restore_drills: Vec::new(),
        depends_on: Vec::new(),
        recent: Vec::new(),
        mutating_calls: 0,
    }
}

#[test]
fn what_is_saved_is_loaded_by_the_next_process() {
    let base = tempfile::tempdir().unwrap();
    let directory = base.path().join("deep/state");
    let host = HostLedger {
        projects: BTreeMap::from([(name(), "shop".to_owned())]),
        confirmed: BTreeSet::from([name()]),
        gone: BTreeMap::from([(name(), Timestamp::from_millis(5))]),
        root: Some((1, 2)),
    };
    let salt = {
        let ledger = open(&directory);
        assert_eq!(ledger.load_project(&name()), (ProjectLedger::default(), None));
        assert_eq!(ledger.load_host(), (HostLedger::default(), None));
        ledger.save_project(&name(), &memory(7)).unwrap();
        ledger.save_host(&host).unwrap();
        ledger.salt().to_owned()
    };
    let ledger = open(&directory);
    assert_eq!(ledger.load_project(&name()), (memory(7), None));
    assert_eq!(ledger.load_host(), (host, None));
    assert_eq!(ledger.salt(), salt);
    assert_eq!(salt.len(), 32);
    ledger.remove_project(&name()).unwrap();
    assert_eq!(ledger.load_project(&name()), (ProjectLedger::default(), None));
    ledger.remove_project(&name()).unwrap();
}

#[test]
fn directories_are_0700_and_files_0600() {
    let base = tempfile::tempdir().unwrap();
    let directory = base.path().join("state");
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, PermissionsExt::from_mode(0o755)).unwrap();
    let ledger = open(&directory);
    ledger.save_project(&name(), &memory(1)).unwrap();
    ledger.append_history(&name(), &record(1, "")).unwrap();
    ledger.publish_project(&status("shop", 1)).unwrap();
    ledger.submit(&Request::Confirm { project: None }).unwrap();
    let _lock = ledger.try_lock().unwrap().unwrap();
    let mut todo = vec![directory];
    let mut files = 0;
    while let Some(path) = todo.pop() {
        let metadata = fs::metadata(&path).unwrap();
        let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(metadata.mode() & 0o777, expected, "{}", path.display());
        files += usize::from(metadata.is_file());
        if metadata.is_dir() {
            todo.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    assert_eq!(
        files, 7,
        "VERSION, salt, lock, project, history, status, request; no temporary file"
    );
}

#[test]
fn newer_and_foreign_directories_are_refused() {
    let base = tempfile::tempdir().unwrap();
    let newer = base.path().join("newer");
    drop(open(&newer));
    fs::write(newer.join("VERSION"), "2\n").unwrap();
    let error = Ledger::open(&LocalPath::new(&newer)).unwrap_err();
    assert!(matches!(error, LedgerError::NewerVersion { found: 2, known: 1 }));
    assert!(error.to_string().contains("run the version that wrote it"), "{error}");
    fs::write(newer.join("VERSION"), "soup").unwrap();
    let error = Ledger::open(&LocalPath::new(&newer)).unwrap_err();
    assert!(matches!(error, LedgerError::BadVersion { .. }), "{error}");

    let foreign = base.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("thesis.txt"), "x").unwrap();
    let error = Ledger::open(&LocalPath::new(&foreign)).unwrap_err();
    assert!(matches!(error, LedgerError::Foreign { .. }), "{error}");
    assert_eq!(fs::read_dir(&foreign).unwrap().count(), 1, "nothing was put into it");

    let disk = base.path().join("disk");
    fs::create_dir_all(disk.join("lost+found")).unwrap();
    drop(open(&disk));
}

#[test]
fn a_command_that_only_looks_creates_nothing() {
    let base = tempfile::tempdir().unwrap();
    let directory = LocalPath::new(base.path().join("state"));
    let error = Ledger::open_existing(&directory).unwrap_err();
    assert!(matches!(error, LedgerError::Missing { .. }), "{error}");
    assert!(!directory.as_path().exists());
    drop(Ledger::open(&directory).unwrap());
    drop(Ledger::open_existing(&directory).unwrap());
}

/// Row 10 of the fault catalogue: whatever happened to a file, it is old, new, or set aside.
#[test]
fn a_damaged_file_is_set_aside_at_every_length_and_byte() {
    let storage = MemoryStorage::new();
    let ledger = Ledger::open_with(storage.clone()).unwrap();
    ledger.save_project(&name(), &memory(7)).unwrap();
    let path = "projects/shop.json";
    let whole = storage.read(path).unwrap();
    let mut damages: Vec<Vec<u8>> = (0..whole.len()).map(|end| whole[..end].to_vec()).collect();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x04;
        damages.push(flipped);
    }
    for (number, damaged) in damages.iter().enumerate() {
        storage.plant(path, damaged);
        let (loaded, note) = ledger.load_project(&name());
        assert_eq!(loaded, ProjectLedger::default(), "damage {number}");
        let note = note.unwrap();
        let aside = format!("shop.json.corrupt-{}", (number + 1).min(9));
        assert!(note.contains("was corrupt") && note.contains(&aside), "{note}");
        assert_eq!(ledger.load_project(&name()), (ProjectLedger::default(), None));
    }
    assert_eq!(storage.list("projects").unwrap().len(), 9, "the number kept is limited");
    ledger.save_project(&name(), &memory(8)).unwrap();
    assert_eq!(ledger.load_project(&name()), (memory(8), None));
}

#[test]
fn fields_that_an_older_version_did_not_write_have_their_defaults() {
    let storage = MemoryStorage::new();
    let ledger = Ledger::open_with(storage.clone()).unwrap();
    let body = r#"{"generation": 3, "field_of_later": [1]}"#;
    let seal = composelet::model::secret::sha256_hex([body]);
    storage.plant("projects/shop.json", format!("sha256:{seal}\n{body}\n").as_bytes());
    let expected = ProjectLedger { generation: 3, ..ProjectLedger::default() };
    assert_eq!(ledger.load_project(&name()), (expected, None));
}

#[test]
fn a_full_disk_leaves_the_old_file() {
    let storage = MemoryStorage::new();
    let ledger = Ledger::open_with(storage.clone()).unwrap();
    ledger.save_project(&name(), &memory(1)).unwrap();
    ledger.append_history(&name(), &record(1, "one")).unwrap();
    storage.fail_writes(Some(std::io::ErrorKind::StorageFull));
    let error = ledger.save_project(&name(), &memory(2)).unwrap_err();
    assert!(error.to_string().contains("make room"), "{error}");
    ledger.append_history(&name(), &record(2, "two")).unwrap_err();
    ledger.submit(&Request::Confirm { project: None }).unwrap_err();
    assert_eq!(ledger.load_project(&name()), (memory(1), None));
    storage.fail_writes(None);
    ledger.append_history(&name(), &record(3, "three")).unwrap();
    assert_eq!(ledger.history(&name(), 9), [record(1, "one"), record(3, "three")]);
    assert_eq!(ledger.take_requests(), []);
    assert_eq!(storage.list("projects").unwrap(), ["shop.json"], "no half file stays");
}

#[test]
fn names_that_lead_out_are_refused() {
    let ledger = Ledger::open_with(MemoryStorage::new()).unwrap();
    for name in ["../host", "", "a/b", ".", "a.b", &"x".repeat(300)] {
        let name = ProjectName::from(name);
        assert!(matches!(ledger.save_project(&name, &memory(1)), Err(LedgerError::Name { .. })));
        assert!(ledger.load_project(&name).1.is_some());
        assert!(ledger.answer(name.as_str(), "").is_err());
        assert_eq!(ledger.take_answer(name.as_str()), None);
        assert_eq!(ledger.load_last_good(&name), None);
    }
}

#[test]
fn last_good_files_keep_every_byte() {
    let base = tempfile::tempdir().unwrap();
    let ledger = open(base.path());
    let odd = LocalPath::new(std::ffi::OsStr::from_bytes(b"/r/\xff.env"));
    let good = LastGood {
        entry: "shop".to_owned(),
        digest: "d".to_owned(),
        saved_at: Timestamp::from_millis(1),
        files: Files::from([
            (LocalPath::new("/r/a.yml"), FileContent::Bytes(b"services: {}\n".as_slice().into())),
            (odd, FileContent::Bytes([0xff, 0x00, 0x0a].as_slice().into())),
            (LocalPath::new("/r/.env"), FileContent::Missing),
            (LocalPath::new("/r"), FileContent::Directory(vec!["a.yml".to_owned()])),
            (LocalPath::new("/r/p"), FileContent::NotRegular("a named pipe".to_owned())),
            (LocalPath::new("/r/big"), FileContent::TooLarge(1 << 40)),
            (LocalPath::new("/r/x"), FileContent::Unreadable("why".to_owned())),
        ]),
    };
    assert_eq!(ledger.load_last_good(&name()), None);
    ledger.save_last_good(&name(), &good).unwrap();
    let ledger = open(base.path());
    assert_eq!(ledger.load_last_good(&name()), Some(good));
    assert_eq!(ledger.last_good_names(), [name()]);
    fs::write(base.path().join("last-good/shop.json"), "half").unwrap();
    assert_eq!(ledger.load_last_good(&name()), None);
    assert_eq!(ledger.last_good_names(), Vec::<ProjectName>::new());
    ledger.remove_project(&name()).unwrap();
}

#[test]
fn what_a_cut_off_write_left_is_swept_by_the_next_holder_of_the_lock() {
    let base = tempfile::tempdir().unwrap();
    let ledger = open(base.path());
    for left in [".tmp-1-1-host.json", "projects/.tmp-1-2-shop.json", "requests/.tmp-1-3-x.json"] {
        fs::write(base.path().join(left), "half").unwrap();
    }
    drop(ledger.try_lock().unwrap());
    assert!(!base.path().join(".tmp-1-1-host.json").exists());
    assert!(!base.path().join("projects/.tmp-1-2-shop.json").exists());
    assert!(base.path().join("requests/.tmp-1-3-x.json").exists(), "a command may be writing it");
    assert_eq!(ledger.take_requests(), []);
}

#[test]
fn the_file_storage_says_where_it_is() {
    let base = tempfile::tempdir().unwrap();
    let storage = FileStorage::new(&LocalPath::new(base.path()));
    assert_eq!(storage.place(), base.path().display().to_string());
    let ledger = Ledger::open_with(storage).unwrap();
    assert_eq!(ledger.requests_directory(), LocalPath::new(base.path().join("requests")));
    assert_eq!(ledger.content_directory(), LocalPath::new(base.path().join("content")));
}
