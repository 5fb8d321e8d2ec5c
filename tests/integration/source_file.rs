//! Reading single paths.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};

use composelet::model::files::FileContent;
use composelet::model::path::LocalPath;
use composelet::source::{MAX_FILE_BYTES, read_path, read_path_within};
use rustix::fs::{CWD, FileType, Mode, mknodat};

fn bytes(text: &[u8]) -> FileContent {
    FileContent::Bytes(text.into())
}

#[test]
fn files_directories_and_nothing() {
    let base = tempfile::tempdir().unwrap();
    let at = |name: &str| LocalPath::new(base.path().join(name));
    fs::write(base.path().join("file"), b"a\xff\n").unwrap();
    fs::write(base.path().join("empty"), b"").unwrap();
    fs::create_dir(base.path().join("directory")).unwrap();
    for name in ["b", "a", ".c"] {
        fs::write(base.path().join("directory").join(name), b"").unwrap();
    }
    assert_eq!(read_path(&at("file")), bytes(b"a\xff\n"));
    assert_eq!(read_path(&at("empty")), bytes(b""));
    let names = [".c", "a", "b"].map(str::to_owned).to_vec();
    assert_eq!(read_path(&at("directory")), FileContent::Directory(names));
    assert_eq!(read_path(&at("nothing")), FileContent::Missing);
    assert_eq!(read_path(&at("no/such/directory")), FileContent::Missing);
    assert_eq!(read_path(&at("file/below")), FileContent::Missing);
}

#[test]
fn the_limit_is_one_mebibyte() {
    let base = tempfile::tempdir().unwrap();
    let path = LocalPath::new(base.path().join("big"));
    let file = fs::File::create(path.as_path()).unwrap();
    for (size, fits) in
        [(MAX_FILE_BYTES - 1, true), (MAX_FILE_BYTES, true), (MAX_FILE_BYTES + 1, false)]
    {
        file.set_len(size).unwrap();
        match read_path(&path) {
            FileContent::Bytes(bytes) => assert!(fits && bytes.len() as u64 == size),
            FileContent::TooLarge(found) => assert!(!fits && found == size),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(read_path_within(&path, 10), FileContent::TooLarge(MAX_FILE_BYTES + 1));
}

#[test]
fn pipes_sockets_and_devices_are_not_opened() {
    let base = tempfile::tempdir().unwrap();
    let pipe = base.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let socket = base.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    let link = base.path().join("link");
    symlink(&pipe, &link).unwrap();
    for (path, kind) in [
        (pipe.as_path(), "a named pipe"),
        (link.as_path(), "a named pipe"),
        (socket.as_path(), "a socket"),
        (std::path::Path::new("/dev/zero"), "a character device"),
    ] {
        let expected = FileContent::NotRegular(kind.to_owned());
        assert_eq!(read_path(&LocalPath::new(path)), expected, "{}", path.display());
    }
}

#[test]
fn links_are_followed_and_dangling_ones_are_not_missing() {
    let base = tempfile::tempdir().unwrap();
    let at = |name: &str| LocalPath::new(base.path().join(name));
    fs::write(base.path().join("target"), "x").unwrap();
    symlink("target", base.path().join("link")).unwrap();
    symlink("nothing", base.path().join("dangling")).unwrap();
    symlink("circle", base.path().join("circle")).unwrap();
    assert_eq!(read_path(&at("link")), bytes(b"x"));
    assert_eq!(
        read_path(&at("dangling")),
        FileContent::Unreadable("it is a link to nothing, which does not exist".to_owned())
    );
    assert_eq!(
        read_path(&at("circle")),
        FileContent::Unreadable("its links lead in a circle".to_owned())
    );
}

#[test]
fn a_replaced_file_is_read_afresh() {
    let base = tempfile::tempdir().unwrap();
    let path = LocalPath::new(base.path().join("app.yml"));
    fs::write(path.as_path(), "old").unwrap();
    assert_eq!(read_path(&path), bytes(b"old"));
    let mut next = tempfile::NamedTempFile::new_in(base.path()).unwrap();
    next.write_all(b"new").unwrap();
    next.persist(path.as_path()).unwrap();
    assert_eq!(read_path(&path), bytes(b"new"));
}

/// A writer that appends and truncates all the time: every reading is one of the lengths that it made, or is refused.
#[test]
fn a_file_under_writing_is_never_a_mixture_of_lengths() {
    let base = tempfile::tempdir().unwrap();
    let path = LocalPath::new(base.path().join("app.yml"));
    fs::write(path.as_path(), "").unwrap();
    let stop = AtomicBool::new(false);
    let wrong = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = fs::OpenOptions::new().append(true).open(path.as_path()).unwrap();
            while !stop.load(Ordering::Relaxed) {
                if file.metadata().unwrap().len() > 100_000 {
                    file.set_len(0).unwrap();
                }
                // Eight bytes lie in one page, so that the kernel does not tear them itself.
                file.write_all(b"01234567").unwrap();
            }
        });
        let wrong = (0..500).map(|_| read_path(&path)).find(|content| match content {
            FileContent::Bytes(bytes) => bytes.chunks(8).any(|chunk| chunk != b"01234567"),
            FileContent::Unreadable(why) => why != "it changed while it was read",
            _ => true,
        });
        // Asserting comes after the end of the writer, or a failure would wait for it for ever.
        stop.store(true, Ordering::Relaxed);
        wrong
    });
    assert_eq!(wrong, None);
}
