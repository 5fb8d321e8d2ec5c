//! Encrypted files of values: what is opened, what is refused, and that nothing of what they say shows.

mod cases;
mod commands;
pub(crate) mod encoder;
mod loading;
mod properties;

use std::path::PathBuf;
use std::sync::Arc;

use composelet::model::encrypted::Encrypted;
use composelet::model::secret::Secret;
use composelet::secrets::{Keyring, open};

/// A file of `tests/fixtures/secrets`: made by `age-keygen` and `age` 1.1.1.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(place(name)).unwrap()
}

pub(crate) fn place(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/secrets").join(name)
}

/// The keys of these fixtures.
fn keyring(names: &[&str]) -> Keyring {
    let mut keyring = Keyring::default();
    for name in names {
        keyring.add(name, &Secret::new(String::from_utf8(fixture(name)).unwrap()));
    }
    keyring
}

fn opened(name: &str, bytes: &[u8], keys: &[&str]) -> Option<Encrypted> {
    open(name, &Arc::from(bytes), || keyring(keys))
}

/// What a file says, if it is encrypted and can be opened.
fn plain(name: &str, bytes: &[u8]) -> Result<String, String> {
    let file = opened(name, bytes, &["one.key"]).ok_or("it is not encrypted")?;
    let opened = file.opened.map_err(|unopened| unopened.why)?;
    Ok(String::from_utf8(opened.bytes.expose().to_vec()).unwrap())
}
