//! Files on their way to BuildKit (`moby.filesync.v1.FileSync/DiffCopy`): a list first, then what it asks for of it. What the
//! engine has from an earlier build, by size, time and mode, is not sent again.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use prost::Message;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::spawn_blocking;

use super::grpc::{Replies, Status};
use super::proto::{Packet, PacketType, Stat};
use crate::engine::build_input::{BuildInput, InputFile, InputKind};

/// Size of a piece, bytes.
const PIECE_BYTES: usize = 32 << 10;
/// Packets that wait for the engine at a time.
const PACKETS_AHEAD: usize = 16;

/// Bits of Go's `os.FileMode`.
const DIRECTORY: u32 = 1 << 31;
const LINK: u32 = 1 << 27;
const SET_BITS: [(u32, u32); 3] = [(0o4000, 1 << 23), (0o2000, 1 << 22), (0o1000, 1 << 20)];

/// Name under which the instructions travel.
pub(in crate::engine) const DOCKERFILE: &str = "Dockerfile";

type Sent = Result<Vec<u8>, Status>;

/// Serves one directory: `context` or `dockerfile`.
pub(super) fn diff_copy(
    directory: &str,
    input: Arc<dyn BuildInput>,
    requests: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
) -> Replies {
    let (sender, waiting) = channel(PACKETS_AHEAD);
    let directory = directory.to_owned();
    let work = async move {
        if let Err(status) = serve(&directory, input, requests, &sender).await {
            // Nobody listens: the engine hung up.
            sender.send(Err(status)).await.ok();
        }
    };
    beside(work, waiting)
}

/// What `work` sends; dropping the stream ends the work.
pub(super) fn beside(
    work: impl Future<Output = ()> + Send + 'static,
    waiting: Receiver<Sent>,
) -> Replies {
    let worker = futures::stream::once(work).filter_map(|()| async { None::<Sent> });
    let replies = futures::stream::unfold(waiting, |mut waiting| async move {
        waiting.recv().await.map(|packet| (packet, waiting))
    });
    futures::stream::select(worker, replies).boxed()
}

async fn serve(
    directory: &str,
    input: Arc<dyn BuildInput>,
    requests: impl Stream<Item = std::io::Result<Bytes>> + Send,
    out: &Sender<Sent>,
) -> Result<(), Status> {
    let context = directory == "context";
    let listed =
        spawn_blocking(move || if context { input.files() } else { instructions(&*input) });
    let listed = listed.await.map_err(|error| Status::internal(&error))?;
    let files = with_parents(listed.map_err(|error| Status::internal(&error))?);
    for file in &files {
        send(out, packet(PacketType::Stat, Some(stat(file)))).await?;
    }
    send(out, packet(PacketType::Stat, None)).await?;
    let mut requests = std::pin::pin!(requests);
    while let Some(request) = requests.next().await {
        let request = request.map_err(|error| Status::internal(&error))?;
        let request = Packet::decode(request).map_err(|error| Status::internal(&error))?;
        match request.kind() {
            PacketType::Request => {
                let index = usize::try_from(request.id).unwrap_or(usize::MAX);
                let file = files.get(index).ok_or_else(|| Status::not_found("no such file"))?;
                pieces(file, request.id, out).await?;
            }
            PacketType::Finished => {
                return send(out, packet(PacketType::Finished, None)).await;
            }
            PacketType::Failed => return Ok(()),
            PacketType::Stat | PacketType::Data => {}
        }
    }
    Ok(())
}

fn packet(kind: PacketType, stat: Option<Stat>) -> Packet {
    Packet { kind: kind.into(), stat, id: 0, data: Vec::new() }
}

async fn send(out: &Sender<Sent>, packet: Packet) -> Result<(), Status> {
    let gone = |_| Status::internal(&"the engine hung up");
    out.send(Ok(packet.encode_to_vec())).await.map_err(gone)
}

/// The bytes of a file, and an empty piece that ends it.
async fn pieces(file: &InputFile, id: u32, out: &Sender<Sent>) -> Result<(), Status> {
    let (open, out, path) = (Arc::clone(&file.open), out.clone(), file.path.clone());
    let read = spawn_blocking(move || {
        let mut reader = open()?;
        let mut buffer = vec![0; PIECE_BYTES];
        loop {
            let read = reader.read(&mut buffer)?;
            let data = buffer.get(..read).unwrap_or_default().to_vec();
            let last = data.is_empty();
            let packet = Packet { kind: PacketType::Data.into(), stat: None, id, data };
            let sent = out.blocking_send(Ok(packet.encode_to_vec()));
            if last || sent.is_err() {
                return Ok::<(), std::io::Error>(());
            }
        }
    });
    let read = read.await.map_err(|error| Status::internal(&error))?;
    read.map_err(|error| Status::internal(&format!("{}: {error}", path.display())))
}

/// A time that changes with the text: the engine asks again for a file only if its size or time is another than before.
fn time_of(text: &[u8]) -> i64 {
    let mut time = [0; 8];
    for (byte, digest) in time.iter_mut().zip(Sha256::digest(text)) {
        *byte = digest;
    }
    // Nanoseconds of some day within 36 years after 1970.
    i64::from_le_bytes(time) >> 3 & (i64::MAX >> 3)
}

/// The instructions as the only file of their directory.
fn instructions(input: &dyn BuildInput) -> std::io::Result<Vec<InputFile>> {
    let text: Bytes = input.instructions()?.into();
    Ok(vec![InputFile {
        path: PathBuf::from(DOCKERFILE),
        kind: InputKind::File(u64::try_from(text.len()).unwrap_or(u64::MAX)),
        mode: 0o644,
        modified_ns: time_of(&text),
        open: Arc::new(move || {
            let reader: Box<dyn Read + Send> = Box::new(std::io::Cursor::new(text.clone()));
            Ok(reader)
        }),
    }])
}

/// The list with the directories that `.dockerignore` leaves out although something below is brought back.
fn with_parents(files: Vec<InputFile>) -> Vec<InputFile> {
    let mut out: Vec<InputFile> = Vec::new();
    for file in files {
        let parents: Vec<&Path> =
            file.path.ancestors().skip(1).filter(|path| !path.as_os_str().is_empty()).collect();
        for parent in parents.into_iter().rev() {
            if out.iter().rev().take_while(|file| file.path >= *parent).all(|f| f.path != *parent) {
                out.push(directory(parent));
            }
        }
        out.push(file);
    }
    out
}

fn directory(path: &Path) -> InputFile {
    InputFile {
        path: path.to_path_buf(),
        kind: InputKind::Directory,
        mode: 0o755,
        modified_ns: 0,
        open: Arc::new(|| Ok(Box::new(std::io::empty()))),
    }
}

fn stat(file: &InputFile) -> Stat {
    let special = SET_BITS.iter().filter(|(bit, _)| file.mode & bit != 0);
    let bits = special.fold(file.mode & 0o777, |mode, (_, bit)| mode | bit);
    let (mode, size, link) = match &file.kind {
        InputKind::File(size) => (bits, i64::try_from(*size).unwrap_or(i64::MAX), String::new()),
        InputKind::Directory => (bits | DIRECTORY, 0, String::new()),
        InputKind::Link(target) => (0o777 | LINK, 0, target.to_string_lossy().into_owned()),
    };
    let path = file.path.to_string_lossy().into_owned();
    // All belongs to root, as in an archive.
    Stat { path, mode, size, modified: file.modified_ns, link }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_that_were_left_out_are_there_for_what_lies_below() {
        let file =
            |path: &str| InputFile { kind: InputKind::File(0), ..directory(Path::new(path)) };
        let listed = vec![directory(Path::new("a")), file("a/x"), file("b/c/y"), file("b-d")];
        let paths: Vec<String> =
            with_parents(listed).iter().map(|file| file.path.display().to_string()).collect();
        assert_eq!(paths, ["a", "a/x", "b", "b/c", "b/c/y", "b-d"]);
    }

    #[test]
    fn another_text_has_another_time() {
        assert_ne!(time_of(b"ENV A=1"), time_of(b"ENV A=2"));
        assert!(time_of(b"x") >= 0);
    }

    #[test]
    fn modes_are_those_of_go() {
        let mut file = directory(Path::new("d"));
        assert_eq!(stat(&file).mode, 0o755 | 1 << 31);
        file.kind = InputKind::File(7);
        file.mode = 0o4755;
        assert_eq!((stat(&file).mode, stat(&file).size), (0o755 | 1 << 23, 7));
        file.kind = InputKind::Link("x".into());
        assert_eq!((stat(&file).mode, stat(&file).link.as_str()), (0o777 | 1 << 27, "x"));
    }
}
