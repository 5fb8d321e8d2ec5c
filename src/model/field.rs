//! One changed field, in a form that may be shown.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a change of a field asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldClass {
    /// The engine can change it while the container runs.
    Live,
    /// Networks are attached and detached while the container runs.
    Attach,
    /// The container has to be replaced.
    Recreate,
}

/// A field whose desired and observed values differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FieldChange {
    /// Name in the field table, with the key of a map: `environment.DEBUG`, `resources.memory`.
    pub field: String,
    /// What it asks for.
    pub class: FieldClass,
    /// What the container has.
    pub old: Shown,
    /// What the manifest wants.
    pub new: Shown,
}

/// A value as it may be shown: values that can be secrets only as salted digests (invariant 17).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shown {
    /// Not set.
    Absent,
    /// The value.
    Text(String),
    /// A salted digest of the value.
    Digest(String),
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("(unset)"),
            Self::Text(text) => f.write_str(text),
            Self::Digest(digest) => write!(f, "(hidden #{digest})"),
        }
    }
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.field, self.old, self.new)
    }
}
