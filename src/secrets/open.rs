//! From the bytes of a file to what it says, whatever it is encrypted with.

use std::sync::Arc;

use crate::model::content::SecretBytes;
use crate::model::encrypted::{Encrypted, Opened, Values};
use crate::secrets::failure::Failure;
use crate::secrets::keyring::Keyring;
use crate::secrets::{age_file, sops};

/// What an encrypted file says; `None` if the file is not encrypted. It is recognised by its content; of its `name` counts
/// only whether it ends like that of a document, because SOPS tells binary files from JSON so. `keys` is asked only for
/// files that are encrypted. Never panics, whatever the bytes are.
pub fn open(name: &str, bytes: &Arc<[u8]>, keys: impl FnOnce() -> Keyring) -> Option<Encrypted> {
    let open: fn(&str, &[u8], &Keyring) -> Result<Opened, Failure> =
        if age_file::is_age(bytes) { of_age } else { sops::open };
    if !age_file::is_age(bytes) && !sops::is_sops(bytes) {
        return None;
    }
    let keys = keys();
    let opened = open(name, bytes, &keys).map_err(|failure| failure.unopened(&keys));
    Some(Encrypted { read: Arc::clone(bytes), opened })
}

fn of_age(_: &str, bytes: &[u8], keys: &Keyring) -> Result<Opened, Failure> {
    let plain = age_file::open(bytes, keys)?;
    Ok(Opened { bytes: SecretBytes::new(plain), values: Values::Text })
}
