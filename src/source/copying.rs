//! Files between this host and a container, as the archives that the engine gives and takes. Names follow `docker cp`: what
//! goes into a directory keeps its name, anything else gets the name that was asked for.

use std::fs::{self, Metadata};
use std::io::{self, Read, Write};
use std::path::Path;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use tar::{Archive, Builder, EntryType, Header};
use tokio::io::duplex;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::io::{ReaderStream, StreamReader, SyncIoBridge};

use crate::source::archive::Exact;

/// Bytes on their way between disk and engine.
const BUFFER: usize = 256 * 1024;

/// Streams a file or directory as an archive in which it is called `name` and belongs to root. The task ends with what went
/// wrong: the stream then ends early.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn pack(
    path: &Path,
    name: &str,
) -> (BoxStream<'static, io::Result<Bytes>>, JoinHandle<io::Result<()>>) {
    let (write, read) = duplex(BUFFER);
    let (path, name) = (path.to_path_buf(), name.to_owned());
    let write = SyncIoBridge::new(write);
    let packing = spawn_blocking(move || {
        let mut archive = Builder::new(write);
        append(&mut archive, &path, Path::new(&name))?;
        archive.into_inner()?.flush()
    });
    (ReaderStream::with_capacity(read, BUFFER).boxed(), packing)
}

fn append<W: Write>(archive: &mut Builder<W>, path: &Path, name: &Path) -> io::Result<()> {
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let metadata = fs::symlink_metadata(path).map_err(named)?;
    let mut header = header(&metadata);
    if metadata.is_symlink() {
        header.set_size(0);
        let target = fs::read_link(path).map_err(named)?;
        return archive.append_link(&mut header, name, target);
    }
    if metadata.is_dir() {
        header.set_size(0);
        archive.append_data(&mut header, name, io::empty())?;
        let mut entries = fs::read_dir(path).map_err(named)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            append(archive, &entry.path(), &name.join(entry.file_name()))?;
        }
        return Ok(());
    }
    if !metadata.is_file() {
        // Sockets, pipes and devices have no content to copy.
        return Ok(());
    }
    let file = fs::File::open(path).map_err(named)?;
    let size = file.metadata().map_err(named)?.len();
    header.set_size(size);
    archive.append_data(&mut header, name, &mut Exact { file, left: size }).map_err(named)
}

fn header(metadata: &Metadata) -> Header {
    let mut header = Header::new_gnu();
    header.set_metadata(metadata);
    header.set_uid(0);
    header.set_gid(0);
    if metadata.is_symlink() {
        header.set_entry_type(EntryType::Symlink);
    }
    header
}

/// Unpacks an archive of one file or directory: into `destination` if that is a directory, else under that name. Nothing is
/// written outside of it, whatever the archive says, and no file gets an owner or a set-user-id bit. Blocking parts run on
/// the pool of the runtime.
///
/// # Errors
/// The archive cannot be read, the directory around the destination is not there, or it cannot be written.
pub async fn unpack<E>(
    archive: impl Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
    destination: &Path,
) -> io::Result<()>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    let archive = archive.map(|piece| piece.map_err(io::Error::other));
    let read = SyncIoBridge::new(Box::pin(StreamReader::new(archive)));
    let destination = destination.to_path_buf();
    spawn_blocking(move || extract(read, &destination)).await.map_err(io::Error::other)?
}

fn extract(read: impl Read, destination: &Path) -> io::Result<()> {
    let mut archive = Archive::new(read);
    // A container must not plant a program that runs as root for everybody.
    archive.set_preserve_permissions(false);
    archive.set_preserve_ownerships(false);
    if destination.is_dir() {
        return archive.unpack(destination);
    }
    let parent = destination.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    let aside = tempfile::Builder::new().prefix(".composelet-").tempdir_in(parent)?;
    archive.unpack(aside.path())?;
    let mut found = fs::read_dir(aside.path())?.collect::<io::Result<Vec<_>>>()?;
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => fs::rename(only.path(), destination),
        _ => Err(io::Error::other("the archive does not hold one file or directory")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(fill: impl FnOnce(&mut Builder<Vec<u8>>)) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        fill(&mut builder);
        builder.into_inner().unwrap()
    }

    fn file(builder: &mut Builder<Vec<u8>>, name: &str, mode: u32) {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(mode);
        header.set_size(2);
        // As a hostile program writes it: the builder would refuse some of these names.
        let field = &mut header.as_gnu_mut().unwrap().name;
        field[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, b"hi".as_slice()).unwrap();
    }

    #[tokio::test]
    async fn a_directory_goes_in_and_out_as_it_is() {
        use std::os::unix::fs::PermissionsExt;
        let here = tempfile::tempdir().unwrap();
        let from = here.path().join("from");
        fs::create_dir_all(from.join("deep")).unwrap();
        fs::write(from.join("deep/text"), "hello").unwrap();
        fs::set_permissions(from.join("deep/text"), fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("deep/text", from.join("link")).unwrap();
        let round = async |to: &Path, name: &str| {
            let (stream, packing) = pack(&from, name);
            unpack(stream, to).await.unwrap();
            packing.await.unwrap().unwrap();
        };
        // Another name, where nothing is; the own one, into what is there.
        round(&here.path().join("to"), "anything").await;
        assert_eq!(fs::read_to_string(here.path().join("to/link")).unwrap(), "hello");
        let mode = fs::metadata(here.path().join("to/deep/text")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        round(&here.path().join("to"), "from").await;
        assert_eq!(fs::read_to_string(here.path().join("to/from/deep/text")).unwrap(), "hello");
        let missing = pack(&from.join("nothing"), "a").1.await.unwrap().unwrap_err();
        assert!(missing.to_string().contains("nothing"), "{missing}");
        assert!(extract(io::empty(), &here.path().join("none")).is_err());
    }

    #[test]
    fn nothing_leaves_the_destination() {
        use std::os::unix::fs::PermissionsExt;
        let here = tempfile::tempdir().unwrap();
        let (to, outside) = (here.path().join("to"), here.path().join("outside"));
        fs::create_dir(&to).unwrap();
        fs::create_dir(&outside).unwrap();
        let climbs = archive(|builder| file(builder, "../outside/a", 0o644));
        extract(climbs.as_slice(), &to).ok();
        let linked = archive(|builder| {
            let mut header = Header::new_gnu();
            header.set_entry_type(EntryType::Symlink);
            header.set_size(0);
            builder.append_link(&mut header, "door", &outside).unwrap();
            file(builder, "door/a", 0o644);
        });
        extract(linked.as_slice(), &to).ok();
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
        let privileged = archive(|builder| file(builder, "su", 0o4755));
        extract(privileged.as_slice(), &to).unwrap();
        let mode = fs::metadata(to.join("su")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7000, 0, "{mode:o}");
    }
}
