//! Reads a file of a backup back: its length and checksum, and what it holds as far as the keys go.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::Sender;

use crate::backup::writer::hexadecimal;
use crate::model::backup_set::Member;
use crate::recipes::Whole;
use crate::secrets::{Keyring, unseal};

const PIECE: usize = 256 * 1024;

/// How far a file was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Its bytes are those that were written, and the dump in it is whole.
    Whole,
    /// Its bytes are those that were written; nobody here has a key to look inside.
    Sealed,
}

/// Reads a file of a backup in `directory`. With `output` what it holds is sent there, after the file was checked once.
/// Blocking.
///
/// # Errors
/// What is wrong with it.
pub fn read_back(
    directory: &Path,
    member: &Member,
    keys: Option<&Keyring>,
    output: Option<&Sender<Bytes>>,
) -> Result<Trust, String> {
    let path = directory.join(&member.file);
    checksum(&path, member)?;
    let file = File::open(&path).map_err(|error| unreadable(&error))?;
    match (member.recipients, keys) {
        (0, _) => inside(file, member, output)?,
        (_, Some(keys)) => inside(unseal(keys, file)?, member, output)?,
        (_, None) => return Ok(Trust::Sealed),
    }
    Ok(Trust::Whole)
}

fn checksum(path: &Path, member: &Member) -> Result<(), String> {
    let mut file = File::open(path).map_err(|error| unreadable(&error))?;
    let (mut sum, mut bytes, mut piece) = (Sha256::new(), 0_u64, vec![0; PIECE]);
    loop {
        let count = file.read(&mut piece).map_err(|error| unreadable(&error))?;
        if count == 0 {
            break;
        }
        sum.update(piece.get(..count).unwrap_or_default());
        bytes += count as u64;
    }
    if bytes != member.file_bytes {
        return Err(format!(
            "{} has {bytes} bytes, {} were written",
            member.file, member.file_bytes
        ));
    }
    if hexadecimal(sum) != member.sha256 {
        return Err(format!("the checksum of {} is not the one that was written", member.file));
    }
    Ok(())
}

/// Reads the dump itself, and sends it on.
fn inside(input: impl Read, member: &Member, output: Option<&Sender<Bytes>>) -> Result<(), String> {
    let mut decoder =
        zstd::Decoder::new(BufReader::new(input)).map_err(|error| unreadable(&error))?;
    let mut whole = Whole::of(&member.format);
    let mut piece = vec![0; PIECE];
    loop {
        let count = decoder.read(&mut piece).map_err(|error| unreadable(&error))?;
        if count == 0 {
            break;
        }
        let bytes = piece.get(..count).unwrap_or_default();
        whole.update(bytes);
        if let Some(output) = output
            && output.blocking_send(Bytes::copy_from_slice(bytes)).is_err()
        {
            return Err("the command inside the container ended before it had read all".to_owned());
        }
    }
    let bytes = whole.end()?;
    if bytes != member.plain_bytes {
        return Err(format!(
            "{} holds {bytes} bytes, {} were written",
            member.file, member.plain_bytes
        ));
    }
    Ok(())
}

fn unreadable(error: &io::Error) -> String {
    format!("it cannot be read: {error}")
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret;
    use age::x25519::Identity;
    use tokio::sync::mpsc::channel;

    use super::*;
    use crate::backup::writer::write;
    use crate::model::backup::Format;
    use crate::model::id::ServiceName;
    use crate::model::secret::Secret;

    const DUMP: &[u8] = b"INSERT INTO a VALUES ('hunter2hunter2');\n-- end\n";

    /// Writes the dump into `directory` for these keys.
    fn written(directory: &Path, recipients: &[String]) -> Member {
        let format = Format::Plain { ends_with: Some("-- end".to_owned()) };
        let (sender, receiver) = channel(4);
        sender.try_send(Bytes::from_static(DUMP)).unwrap();
        drop(sender);
        let file = File::create(directory.join("own.dump.zst")).unwrap();
        let written = write(receiver, file, &format, recipients).unwrap();
        Member {
            service: ServiceName::from("own"),
            volume: None,
            revision: None,
            image: "own".to_owned(),
            format,
            file: "own.dump.zst".to_owned(),
            file_bytes: written.file_bytes,
            plain_bytes: written.plain_bytes,
            sha256: written.sha256,
            recipients: u32::try_from(recipients.len()).unwrap(),
            notes: Vec::new(),
            proven: None,
        }
    }

    fn keyring(key: &Identity) -> Keyring {
        let mut keys = Keyring::default();
        keys.add("a test", &Secret::new(key.to_string().expose_secret()));
        keys
    }

    #[test]
    fn what_was_written_is_read_back_and_a_change_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let member = written(directory.path(), &[]);
        let (sender, mut receiver) = channel(4);
        let trust = read_back(directory.path(), &member, None, Some(&sender));
        assert_eq!(trust, Ok(Trust::Whole));
        assert_eq!(receiver.try_recv().unwrap(), DUMP);
        let path = directory.path().join(&member.file);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[9] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(read_back(directory.path(), &member, None, None).unwrap_err().contains("checksum"));
        std::fs::write(&path, &bytes[..10]).unwrap();
        assert!(read_back(directory.path(), &member, None, None).unwrap_err().contains("bytes"));
    }

    #[test]
    fn only_who_has_a_key_looks_inside() {
        let directory = tempfile::tempdir().unwrap();
        let (key, other) = (Identity::generate(), Identity::generate());
        let member = written(directory.path(), &[key.to_public().to_string()]);
        let bytes = std::fs::read(directory.path().join(&member.file)).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"));
        let read = |keys: Option<&Keyring>| read_back(directory.path(), &member, keys, None);
        assert_eq!(read(None), Ok(Trust::Sealed));
        assert_eq!(read(Some(&keyring(&key))), Ok(Trust::Whole));
        assert!(read(Some(&keyring(&other))).unwrap_err().contains("none of the keys"));
    }

    #[test]
    fn what_is_no_key_is_refused_before_anything_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let (_sender, receiver) = channel(1);
        let file = File::create(directory.path().join("a")).unwrap();
        let format = Format::Plain { ends_with: None };
        let error = write(receiver, file, &format, &["age1nonsense".to_owned()]).unwrap_err();
        assert!(error.contains("is no key of age"), "{error}");
    }
}
