//! One file of a backup: checked as it passes, compressed, encrypted if asked, and on the disk when it returns.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::Receiver;

use crate::model::backup::Format;
use crate::recipes::Whole;
use crate::secrets::Sealed;

/// zstd's own default: dumps shrink to a tenth, at the speed of a disk.
const LEVEL: i32 = 3;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) plain_bytes: u64,
    pub(super) file_bytes: u64,
    pub(super) sha256: String,
}

/// Writes a file and sums up what goes into it.
struct Summing {
    file: BufWriter<File>,
    sum: Sha256,
    bytes: u64,
}

impl Write for Summing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        let part = bytes.get(..written).unwrap_or(bytes);
        self.sum.update(part);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// What the compressor writes into.
enum Sink {
    Plain(Summing),
    Sealed(Box<Sealed<Summing>>),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(output) => output.write(bytes),
            Self::Sealed(output) => output.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(output) => output.flush(),
            Self::Sealed(output) => output.flush(),
        }
    }
}

/// Writes what arrives until nobody sends any more. Blocking.
///
/// # Errors
/// What is wrong with the dump or with the disk.
pub(super) fn write(
    mut input: Receiver<Bytes>,
    file: File,
    format: &Format,
    recipients: &[String],
) -> Result<Written, String> {
    let summing = Summing { file: BufWriter::new(file), sum: Sha256::new(), bytes: 0 };
    let sink = if recipients.is_empty() {
        Sink::Plain(summing)
    } else {
        Sink::Sealed(Box::new(Sealed::new(recipients, summing).map_err(|error| disk(&error))?))
    };
    let mut whole = Whole::of(format);
    let mut encoder = zstd::Encoder::new(sink, LEVEL).map_err(|error| disk(&error))?;
    encoder.include_checksum(true).map_err(|error| disk(&error))?;
    while let Some(bytes) = input.blocking_recv() {
        whole.update(&bytes);
        encoder.write_all(&bytes).map_err(|error| disk(&error))?;
    }
    let plain_bytes = whole.end()?;
    let sink = encoder.finish().map_err(|error| disk(&error))?;
    let summing = match sink {
        Sink::Plain(summing) => summing,
        Sink::Sealed(sealed) => sealed.finish().map_err(|error| disk(&error))?,
    };
    let Summing { file, sum, bytes } = summing;
    let file = file.into_inner().map_err(|error| disk(error.error()))?;
    file.sync_all().map_err(|error| disk(&error))?;
    Ok(Written { plain_bytes, file_bytes: bytes, sha256: hexadecimal(sum) })
}

/// A digest as text.
pub(super) fn hexadecimal(sum: Sha256) -> String {
    sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn disk(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("the directory of backups is full: {error}; make room, or name another one")
        }
        _ => format!("the backup cannot be written: {error}"),
    }
}
