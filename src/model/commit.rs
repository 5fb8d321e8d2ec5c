//! The commit of git that the files of a project come from.

use serde::{Deserialize, Serialize};

/// Digits that people are shown.
const SHORT: usize = 12;

/// A commit, as far as it is known: where a checkout only lies on the host, its id alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Object name: 40 or 64 hexadecimal digits in lower case.
    pub id: String,
    /// Name of its author, less control characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// First line of its message, less control characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

impl Commit {
    /// A commit by its object name; `None` if the text is none.
    pub fn new(id: &str) -> Option<Self> {
        let hexadecimal = id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let whole = matches!(id.len(), 40 | 64) && hexadecimal;
        whole.then(|| Self { id: id.to_owned(), author: None, subject: None })
    }

    /// The first digits of its name, for tables.
    pub fn short(&self) -> &str {
        self.id.get(..SHORT).unwrap_or(&self.id)
    }
}
