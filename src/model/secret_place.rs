//! Where a secret is kept that the settings name and do not hold.

use crate::model::path::LocalPath;

/// Where a secret is kept: read anew each time, so that it may be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretPlace {
    /// A file; white space at its end does not count.
    File(LocalPath),
    /// A variable of the controller's environment.
    Env(String),
}

impl SecretPlace {
    /// Where that is, for messages.
    pub fn place(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Env(name) => format!("${name}"),
        }
    }
}
