//! Files that are encrypted where they lie: as they were read, and what they say to whoever has the key.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::content::SecretBytes;
use crate::model::secret::Secret;

/// An encrypted file. What is kept on disk is `read`; what it says lives in memory only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encrypted {
    /// The bytes of the file.
    pub read: Arc<[u8]>,
    /// What it says, or why it cannot be read.
    pub opened: Result<Opened, Unopened>,
}

/// What an encrypted file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The plain file.
    pub bytes: SecretBytes,
    /// What it means as a file of variables.
    pub values: Values,
}

/// What a plain file means as a file of variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// It is a text with one assignment a line.
    Text,
    /// It is a document of YAML or JSON whose values are these, to be taken as they are.
    Pairs(BTreeMap<String, Secret>),
    /// It is a document of YAML or JSON with lists, or mappings in mappings: no variables.
    Nested,
}

/// Why an encrypted file cannot be read. Neither text holds anything of what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unopened {
    /// What is wrong; it goes on after the name of the file.
    pub why: String,
    /// What to do.
    pub help: String,
}
