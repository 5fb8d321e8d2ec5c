//! Findings in manifests, as people read them.

use crate::cli::output::{BAD, DIM, WARN, append, styled};
use crate::model::diagnostic::{Diagnostic, Severity};

/// One finding with its place, its help and what happens meanwhile.
pub(super) fn render(found: &Diagnostic) -> String {
    let style = match found.severity {
        Severity::Error => BAD,
        Severity::Warning => WARN,
        Severity::Note => DIM,
    };
    let head = styled(style, &format!("{}[{}]", found.severity, found.code));
    let place = found
        .location
        .as_ref()
        .map(|location| format!("{location}: "));
    let mut text = format!(
        "{}{head}: {}: {}\n",
        place.unwrap_or_default(),
        found.field,
        found.message
    );
    for line in [&found.help, &found.meanwhile].into_iter().flatten() {
        append(&mut text, &format!("  {} {line}\n", styled(DIM, "=")));
    }
    text
}
