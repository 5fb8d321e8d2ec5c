//! Findings in manifests, as people read them.

use crate::cli::output::{BAD, GOOD, styled};
use crate::manifest;
use crate::model::diagnostic::Diagnostic;

/// One finding with its line, its help and what happens meanwhile, and an empty line after it.
pub(super) fn render(found: &Diagnostic) -> String {
    format!("{}\n\n", manifest::render(found, true).trim_end())
}

/// A good word.
pub(super) fn good(word: &str) -> String {
    styled(GOOD, word)
}

/// A bad word.
pub(super) fn bad(word: &str) -> String {
    styled(BAD, word)
}
