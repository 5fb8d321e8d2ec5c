//! Encrypted files are opened between the reading and the loader. What they say stays in memory: what is kept of a version
//! are the bytes as they were read.

use std::fmt;

use crate::model::files::FileContent;
use crate::model::path::LocalPath;
use crate::model::secret::{Secret, sha256_hex};
use crate::model::secret_place::SecretPlace;
use crate::secrets::{self, Keyring};
use crate::source::read_path_within;

/// Largest file of keys, in bytes.
const MOST_KEY_BYTES: u64 = 1 << 16;

/// Opens encrypted files with keys that are read anew each time, so that they may be changed.
#[derive(Clone, Debug, Default)]
pub struct Decryption {
    keys: Vec<SecretPlace>,
}

/// One place of keys, as it was read.
struct Key {
    place: String,
    text: Result<Secret, String>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Decryption {
    /// With the keys at these places (`secrets.age_keys` of the settings).
    pub fn new(keys: Vec<SecretPlace>) -> Self {
        Self { keys }
    }

    /// What the loader is shown of a file: of an encrypted one what it says, or why it cannot be opened. Blocking.
    pub fn opened(&self, path: &LocalPath, content: FileContent) -> FileContent {
        let FileContent::Bytes(bytes) = &content else { return content };
        match secrets::open(path.file_name(), bytes, || self.keyring()) {
            Some(file) => FileContent::Encrypted(file.into()),
            None => content,
        }
    }

    /// What the keys are now: a digest that changes with any of them. Blocking.
    pub fn state(&self) -> String {
        let parts = self.keys.iter().map(read).map(|key| match key.text {
            Ok(text) => sha256_hex([key.place.as_str(), "\0", text.expose()]),
            Err(why) => sha256_hex([key.place.as_str(), "\0\0", &why]),
        });
        sha256_hex(parts)
    }

    /// The keys as they are now, and what is wrong with those that cannot be had. Blocking.
    pub fn keyring(&self) -> Keyring {
        let mut keyring = Keyring::default();
        for key in self.keys.iter().map(read) {
            match key.text {
                Ok(text) => keyring.add(&key.place, &text),
                Err(why) => keyring.add_problem(format!("{} {why}", key.place)),
            }
        }
        keyring
    }
}

fn read(place: &SecretPlace) -> Key {
    let text = match place {
        SecretPlace::File(path) => match read_path_within(path, MOST_KEY_BYTES) {
            FileContent::Bytes(bytes) => Ok(Secret::new(String::from_utf8_lossy(&bytes))),
            FileContent::Missing => Err("does not exist".to_owned()),
            FileContent::Unreadable(why) => Err(format!("cannot be read: {why}")),
            _ => Err("is no file of keys".to_owned()),
        },
        SecretPlace::Env(name) => {
            std::env::var(name).map(Secret::new).map_err(|_| "is not set".to_owned())
        }
    };
    Key { place: place.place(), text }
}
