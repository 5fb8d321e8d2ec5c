//! Sending a build context: a tar archive that is made while it is sent and never lies in memory as a whole.

use std::cell::Cell;
use std::fs::Metadata;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::model::build::Build;
use crate::source::context::{Entry, Instructions, Listing, list};
use crate::source::file::open_same;

/// Size of a piece, bytes.
const PIECE_BYTES: usize = 64 << 10;

/// Pieces that wait for the engine at a time.
const PIECES_AHEAD: usize = 8;

/// Streams the context as a tar archive, `.dockerignore` applied: sorted, owned by 0:0, modification times kept, links as
/// links. Instructions from outside of the context are in it under [`Build::dockerfile_name`]. The disk is read on the
/// blocking pool of the tokio runtime that polls the stream; dropping the stream ends the reading.
///
/// An item is an error if the context cannot be read or a file shrinks while it is sent; the stream ends after it.
pub fn context_archive(build: &Build, digest: &str) -> BoxStream<'static, io::Result<Bytes>> {
    let (build, digest) = (build.clone(), digest.to_owned());
    stream::once(async move {
        let (pieces, waiting) = channel(PIECES_AHEAD);
        let _detached = tokio::task::spawn_blocking(move || produce((&build, &digest), &pieces));
        stream::unfold(Some(waiting), next_piece)
    })
    .flatten()
    .boxed()
}

/// What travels from the reader to the stream.
enum Piece {
    Bytes(Bytes),
    Failed(io::Error),
    /// The archive is whole. Without it the reader died, and an archive that ends early must not look whole.
    End,
}

async fn next_piece(
    waiting: Option<Receiver<Piece>>,
) -> Option<(io::Result<Bytes>, Option<Receiver<Piece>>)> {
    let mut waiting = waiting?;
    match waiting.recv().await {
        Some(Piece::Bytes(bytes)) => Some((Ok(bytes), Some(waiting))),
        Some(Piece::End) => None,
        Some(Piece::Failed(error)) => Some((Err(error), None)),
        None => Some((Err(io::Error::other("reading the build context broke off")), None)),
    }
}

fn produce(build: (&Build, &str), pieces: &Sender<Piece>) {
    let end = match pack(build, pieces) {
        Ok(()) => Piece::End,
        Err(error) => Piece::Failed(error),
    };
    // Nobody listens: the engine hung up, and the stream with it.
    pieces.blocking_send(end).ok();
}

fn pack((build, digest): (&Build, &str), pieces: &Sender<Piece>) -> io::Result<()> {
    let listing = list(build, &|_| false).map_err(io::Error::other)?.with_rules();
    let open = Cell::new(true);
    let output = PieceWriter { pieces, open: &open };
    let mut archive = Builder::new(BufWriter::with_capacity(PIECE_BYTES, output));
    let packed = fill(&mut archive, (build, digest), &listing);
    // A dropped archive writes its end; after a failure it must not look whole.
    open.set(packed.is_ok());
    packed?;
    archive.into_inner()?.flush()
}

fn fill<W: Write>(
    archive: &mut Builder<W>,
    (build, digest): (&Build, &str),
    listing: &Listing,
) -> io::Result<()> {
    let replaced = replacements((build, digest), listing)?;
    for entry in &listing.entries {
        if !replaced.iter().any(|(name, _)| Path::new(name) == entry.path) {
            append(archive, &listing.root, entry)?;
        }
    }
    for (name, bytes) in replaced {
        let mut header = header(EntryType::Regular, 0o644, 0);
        header.set_size(u64::try_from(bytes.len()).map_err(io::Error::other)?);
        archive.append_data(&mut header, name, bytes.as_slice())?;
    }
    Ok(())
}

/// Files that are sent with other bytes than lie in the context: instructions from outside or with stages of additional
/// contexts, and, for those from outside, a `.dockerignore` that names them, so that the engine takes both out again before
/// `COPY . .` sees them.
fn replacements(
    (build, digest): (&Build, &str),
    listing: &Listing,
) -> io::Result<Vec<(String, Vec<u8>)>> {
    let Instructions { name, bytes } = &listing.instructions;
    if bytes.is_none() && build.contexts.is_empty() {
        return Ok(Vec::new());
    }
    let text = listing.text().map_err(io::Error::other)?;
    let mut replaced = vec![(name.clone(), build.with_stages(&text, digest).into_bytes())];
    let in_context = listing.entries.iter().any(|entry| entry.path == Path::new(name));
    if !in_context {
        let path = listing.root.join(".dockerignore");
        let mut ignore = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => b".dockerignore".to_vec(),
            Err(error) => return Err(error),
        };
        ignore.extend(format!("\n{name}\n").bytes());
        replaced.push((".dockerignore".to_owned(), ignore));
    }
    Ok(replaced)
}

fn append<W: Write>(archive: &mut Builder<W>, root: &Path, entry: &Entry) -> io::Result<()> {
    let metadata = &entry.metadata;
    let mode = metadata.permissions().mode() & 0o7777;
    let mtime = u64::try_from(metadata.mtime()).unwrap_or(0);
    if let Some(target) = &entry.link {
        let mut header = header(EntryType::Symlink, 0o777, mtime);
        return archive.append_link(&mut header, &entry.path, target);
    }
    if metadata.is_dir() {
        let mut header = header(EntryType::Directory, mode, mtime);
        return archive.append_data(&mut header, &entry.path, io::empty());
    }
    let full = root.join(&entry.path);
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", full.display()));
    let Some((file, now)) = open(&full, metadata).map_err(named)? else {
        // It went away or became something else since it was listed; the next build sees the new state.
        return Ok(());
    };
    let mut header = header(EntryType::Regular, mode, mtime);
    header.set_size(now.len());
    let mut exact = Exact { file, left: now.len() };
    archive.append_data(&mut header, &entry.path, &mut exact).map_err(named)
}

/// Reads a listed file to the end that it has when it is opened; `None` if it is no regular file any more.
pub(super) fn reader(path: &Path, listed: &Metadata) -> io::Result<Option<Box<dyn Read + Send>>> {
    let found = open(path, listed)?;
    Ok(found.map(|(file, now)| Box::new(Exact { file, left: now.len() }) as _))
}

/// Opens a listed file, also if it was written to since; `None` if it is no regular file any more.
fn open(path: &Path, listed: &Metadata) -> io::Result<Option<(std::fs::File, Metadata)>> {
    let mut expected = listed.clone();
    for _ in 0..3 {
        match open_same(path, &expected) {
            Ok(Some(file)) => return Ok(Some((file, expected))),
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
        expected = match std::fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_file() => metadata,
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
    }
    Err(io::Error::other("it keeps changing"))
}

fn header(kind: EntryType, mode: u32, mtime: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(mtime);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    header
}

/// Exactly as many bytes as the header promised: growth is cut off, shrinking is an error, never a shifted archive.
pub(super) struct Exact {
    /// The file.
    pub(super) file: std::fs::File,
    /// Bytes that are still to come.
    pub(super) left: u64,
}

impl Read for Exact {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = (&mut self.file).take(self.left).read(buffer)?;
        if read == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::Error::other("it shrank while it was sent"));
        }
        self.left -= u64::try_from(read).map_err(io::Error::other)?;
        Ok(read)
    }
}

struct PieceWriter<'a> {
    pieces: &'a Sender<Piece>,
    open: &'a Cell<bool>,
}

impl Write for PieceWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.open.get() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.pieces
            .blocking_send(Piece::Bytes(Bytes::copy_from_slice(bytes)))
            .map_err(|_closed| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
