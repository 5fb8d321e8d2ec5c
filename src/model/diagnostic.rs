//! What is wrong with a manifest, where, and what to do.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::path::LocalPath;

/// One finding in one manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Stable short name such as `unknown-key`; documentation and tests refer to it.
    pub code: String,
    /// Where it stands; `None` only if the finding has no place in a file.
    pub location: Option<Location>,
    /// Dotted path of the field, e.g. `services.web.ports[0]`.
    pub field: String,
    /// What was found, in the words of the file before interpolation, so that no secret shows.
    pub message: String,
    /// What is allowed, or what to do.
    pub help: Option<String>,
    /// What happens meanwhile, e.g. that the last good version goes on running.
    pub meanwhile: Option<String>,
    /// Further places that belong to it, e.g. the first of two equal keys.
    pub related: Vec<(Location, String)>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Note,
    /// The project runs, but not as the file seems to say.
    Warning,
    /// The project is held at its last good version.
    Error,
}

/// A place in a file, with the line itself, so that it can be shown when the file has changed since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The file.
    pub file: LocalPath,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// The text of the line, without its end; bounded to 200 characters.
    pub text: String,
    /// Number of characters to underline, at least 1.
    pub width: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}
