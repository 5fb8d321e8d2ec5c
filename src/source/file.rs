//! Reading one path as the manifest loader asks for it.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;

use crate::model::files::FileContent;
use crate::model::path::LocalPath;

/// Largest file that is read, in bytes (1 MiB).
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// Most names that a directory listing may have.
pub const MAX_DIRECTORY_ENTRIES: usize = 100_000;

/// What lies at a path, links followed.
pub(super) enum Looked {
    /// Nothing.
    Missing,
    /// Something, with its metadata.
    There(Metadata),
    /// Something that cannot be looked at; the text says why.
    Unreadable(String),
}

/// Reads one path, links followed, files up to [`MAX_FILE_BYTES`]. Blocking.
pub fn read_path(path: &LocalPath) -> FileContent {
    read_path_within(path, MAX_FILE_BYTES)
}

/// Reads one path, links followed, files up to `max_bytes`. Blocking.
///
/// A file is read only while its size, times and inode stand still; after one retry a file that keeps changing is
/// `Unreadable`. Named pipes, sockets and devices are never opened. A link to nothing is `Unreadable`: a link that is being
/// swapped is no removal.
pub fn read_path_within(path: &LocalPath, max_bytes: u64) -> FileContent {
    let mut content = FileContent::Missing;
    for _ in 0..2 {
        match read_once(path.as_path(), max_bytes) {
            Ok(Some(found)) => return found,
            Ok(None) => {
                content = FileContent::Unreadable("it changed while it was read".to_owned());
            }
            Err(error) => content = FileContent::Unreadable(describe(&error)),
        }
    }
    content
}

/// One try; `None` is a file that changed meanwhile.
fn read_once(path: &Path, max_bytes: u64) -> io::Result<Option<FileContent>> {
    let before = match look(path) {
        Looked::Missing => return Ok(Some(FileContent::Missing)),
        Looked::Unreadable(why) => return Ok(Some(FileContent::Unreadable(why))),
        Looked::There(metadata) => metadata,
    };
    if before.is_dir() {
        return list(path).map(Some);
    }
    if !before.is_file() {
        return Ok(Some(FileContent::NotRegular(kind(&before).to_owned())));
    }
    if before.len() > max_bytes {
        return Ok(Some(FileContent::TooLarge(before.len())));
    }
    Ok(read_stable(path, &before)?.map(|bytes| FileContent::Bytes(Arc::from(bytes))))
}

/// The bytes of the regular file that `before` describes, or `None` if it is not the same file before, while and after it
/// is read. Opening cannot block, even if a pipe took the place of the file since.
pub(super) fn read_stable(path: &Path, before: &Metadata) -> io::Result<Option<Vec<u8>>> {
    let Some(mut file) = open_same(path, before)? else {
        return Ok(None);
    };
    let mut bytes = Vec::with_capacity(usize::try_from(before.len()).unwrap_or(0));
    // One byte more than expected shows growth without reading a file that grows for ever.
    Read::by_ref(&mut file).take(before.len() + 1).read_to_end(&mut bytes)?;
    let whole = u64::try_from(bytes.len()).is_ok_and(|length| length == before.len());
    Ok((whole && stamp(&file.metadata()?) == stamp(before)).then_some(bytes))
}

/// Opens the regular file that `expected` describes; `None` if something else lies there now.
pub(super) fn open_same(path: &Path, expected: &Metadata) -> io::Result<Option<File>> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    Ok((stamp(&file.metadata()?) == stamp(expected)).then_some(file))
}

/// What changes when a file does: device, inode, size, modification and change time in nanoseconds.
pub(super) type Stamp = (u64, u64, u64, i128, i128);

pub(super) fn stamp(metadata: &Metadata) -> Stamp {
    let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    (
        metadata.dev(),
        metadata.ino(),
        metadata.len(),
        nanos(metadata.mtime(), metadata.mtime_nsec()),
        nanos(metadata.ctime(), metadata.ctime_nsec()),
    )
}

/// Looks at a path, links followed.
pub(super) fn look(path: &Path) -> Looked {
    match std::fs::metadata(path) {
        Ok(metadata) => Looked::There(metadata),
        Err(error) if absent(&error) => match std::fs::symlink_metadata(path) {
            Ok(_) => Looked::Unreadable(dangling(path)),
            Err(error) if absent(&error) => Looked::Missing,
            Err(error) => Looked::Unreadable(describe(&error)),
        },
        Err(error) => Looked::Unreadable(describe(&error)),
    }
}

/// Whether the error says that nothing is there. A component that is no directory has nothing below it either.
pub(super) fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn dangling(path: &Path) -> String {
    match std::fs::read_link(path) {
        Ok(target) => format!("it is a link to {}, which does not exist", target.display()),
        Err(_) => "it is a link to something that does not exist".to_owned(),
    }
}

/// An error of the operating system in words.
pub(super) fn describe(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::PermissionDenied {
        return "permission denied; give the controller the right to read it".to_owned();
    }
    match rustix::io::Errno::from_io_error(error) {
        Some(rustix::io::Errno::LOOP) => "its links lead in a circle".to_owned(),
        _ => error.to_string(),
    }
}

/// What a thing that is neither file nor directory is called.
pub(super) fn kind(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_block_device() {
        "a block device"
    } else if kind.is_char_device() {
        "a character device"
    } else {
        "not a regular file"
    }
}

fn list(path: &Path) -> io::Result<FileContent> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path)? {
        if names.len() == MAX_DIRECTORY_ENTRIES {
            return Ok(FileContent::Unreadable(format!(
                "it has more than {MAX_DIRECTORY_ENTRIES} entries"
            )));
        }
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(FileContent::Directory(names))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_is_another_one_by_now_is_not_read() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("file");
        fs::write(&path, "one").unwrap();
        let before = fs::metadata(&path).unwrap();
        assert_eq!(read_stable(&path, &before).unwrap().as_deref(), Some(b"one".as_slice()));
        fs::write(&path, "longer").unwrap();
        assert_eq!(read_stable(&path, &before).unwrap(), None);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(read_stable(&path, &before).unwrap(), None);
    }

    /// Opening a pipe without a writer waits for ever, unless it is opened as here.
    #[test]
    fn a_pipe_in_the_place_of_a_file_does_not_block() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("file");
        fs::write(&path, "one").unwrap();
        let before = fs::metadata(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert_eq!(read_stable(&path, &before).unwrap(), None);
    }
}
