//! Files of age, binary or in ASCII armour (age-encryption.org/v1).

use std::io::Read;

use age::armor::ArmoredReader;
use age::{DecryptError, Decryptor};

use crate::secrets::failure::Failure;
use crate::secrets::keyring::Keyring;

const BINARY: &[u8] = b"age-encryption.org/";
const ARMOUR: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";

/// Whether bytes are those of a file of age.
pub(super) fn is_age(bytes: &[u8]) -> bool {
    bytes.starts_with(BINARY) || bytes.trim_ascii_start().starts_with(ARMOUR)
}

/// The plain bytes.
pub(super) fn open(bytes: &[u8], keys: &Keyring) -> Result<Vec<u8>, Failure> {
    let armoured = bytes.trim_ascii_start();
    let bytes = if armoured.starts_with(ARMOUR) { armoured } else { bytes };
    let decryptor =
        Decryptor::new_buffered(ArmoredReader::new(bytes)).map_err(|error| header(&error))?;
    if decryptor.is_scrypt() {
        return Err(Failure::Passphrase);
    }
    let mut plain = Vec::new();
    let mut reader = decryptor.decrypt(keys.identities()).map_err(|error| match error {
        DecryptError::NoMatchingKeys => Failure::NoKey(recipients(bytes)),
        _ => Failure::Damaged("its header is not what was written".to_owned()),
    })?;
    match reader.read_to_end(&mut plain) {
        Ok(_) => Ok(plain),
        Err(_) => Failure::damaged("its content is not what was encrypted"),
    }
}

fn header(error: &DecryptError) -> Failure {
    match error {
        DecryptError::UnknownFormat => {
            Failure::Unsupported("it is of a version of age that is not known here".to_owned())
        }
        _ => Failure::Damaged("its header cannot be read".to_owned()),
    }
}

/// For how many it is encrypted. The file does not say for whom.
fn recipients(bytes: &[u8]) -> String {
    let mut header = Vec::new();
    // The payload is no text: what cannot be read any more is behind the header.
    let _whole = ArmoredReader::new(bytes).read_to_end(&mut header).is_ok();
    let lines = header.split(|byte| *byte == b'\n');
    let kinds: Vec<String> = lines
        .take_while(|line| !line.starts_with(b"---"))
        .filter_map(|line| line.strip_prefix(b"-> "))
        .filter_map(|stanza| stanza.split(|byte| *byte == b' ').next())
        .map(|kind| String::from_utf8_lossy(kind).escape_debug().collect())
        // Noise, which age adds so that nobody relies on its absence.
        .filter(|kind: &String| !kind.ends_with("-grease"))
        .collect();
    match kinds.as_slice() {
        [one] => format!("one recipient ({one}), which age files do not name"),
        several => format!(
            "{} recipients ({}), which age files do not name",
            several.len(),
            several.join(", ")
        ),
    }
}
