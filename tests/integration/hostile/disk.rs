//! Hostile things on the disk: links that lead in circles, pipes, devices, directories and changing files where a file is
//! expected. Nothing may block, and nothing that is there may count as missing.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use composelet::manifest::FileContent;
use composelet::model::path::LocalPath;
use composelet::source::read_path;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::cli_binary::composelet;

const SERVICE: &str = "services:\n  a:\n    image: x\n    env_file: [there]\n";

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
}

/// Runs `validate` on a project in which `make` put something in the place of `there`.
fn validate(make: impl FnOnce(&Path)) -> String {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("compose.yaml"), SERVICE).unwrap();
    make(&directory.path().join("there"));
    let run = composelet(directory.path(), &["validate", "."]);
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    run.out
}

#[test]
fn what_is_no_file_is_told_by_its_kind() {
    let kinds: [(&str, fn(&Path)); 5] = [
        ("a named pipe", fifo),
        ("is a directory", |path| fs::create_dir(path).unwrap()),
        ("a character device", |path| symlink("/dev/zero", path).unwrap()),
        ("lead in a circle", |path| symlink(path, path).unwrap()),
        ("does not exist", |path| symlink("nothing", path).unwrap()),
    ];
    for (text, make) in kinds {
        let out = validate(make);
        assert!(out.contains(text), "{text}: {out}");
    }
}

#[test]
fn the_manifest_itself_may_be_anything() {
    let kinds: [(&str, fn(&Path)); 4] = [
        ("a named pipe", fifo),
        ("is a directory", |path| fs::create_dir(path).unwrap()),
        ("a character device", |path| symlink("/dev/zero", path).unwrap()),
        ("lead in a circle", |path| symlink(path, path).unwrap()),
    ];
    for (text, make) in kinds {
        let directory = tempfile::tempdir().unwrap();
        make(&directory.path().join("compose.yaml"));
        let run = composelet(directory.path(), &["validate", "."]);
        assert!(run.out.contains(text), "{text}: {}{}", run.out, run.err);
    }
}

#[test]
fn a_file_that_is_replaced_while_it_is_read_is_whole_or_unreadable() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let versions = [vec![b'a'; 300_000], vec![b'b'; 200_000]];
    fs::write(&path, &versions[0]).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut turn = 0;
            while !done.load(Ordering::Relaxed) {
                turn += 1;
                if turn % 3 == 0 {
                    fs::write(&path, &versions[turn % 2]).unwrap();
                } else {
                    let next = directory.path().join("next");
                    fs::write(&next, &versions[turn % 2]).unwrap();
                    fs::rename(&next, &path).unwrap();
                }
            }
        });
        let looks = std::panic::catch_unwind(|| {
            for _ in 0..300 {
                match read_path(&LocalPath::new(&path)) {
                    FileContent::Bytes(bytes) => {
                        let first = bytes.first().copied();
                        assert!(
                            bytes.iter().all(|byte| Some(*byte) == first),
                            "a mixture was read"
                        );
                    }
                    FileContent::Unreadable(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        });
        done.store(true, Ordering::Relaxed);
        looks.unwrap();
    });
}
