//! Evidence of failed runs, as `describe --evidence` shows it.

use crate::cli::output::{BOLD, append, styled};
use crate::cli::{revisions, view};
use crate::model::bundle::EvidenceBundle;
use crate::model::time::Timestamp;

/// The bundles, oldest first.
pub(super) fn text<'a>(
    bundles: impl Iterator<Item = &'a EvidenceBundle>,
    now: Timestamp,
) -> String {
    let mut text = format!("\n{}\n", styled(BOLD, "Evidence of failed runs (newest last)"));
    let mut any = false;
    for bundle in bundles {
        any = true;
        let age = view::age(now, Some(bundle.at));
        append(
            &mut text,
            &format!("  {} {age} ago: {}\n", bundle.name, revisions::said(&bundle.evidence)),
        );
        for check in &bundle.evidence.health {
            append(&mut text, &format!("    check: {}\n", revisions::checked(check)));
        }
        for line in &bundle.log {
            append(&mut text, &format!("    | {line}\n"));
        }
    }
    if !any {
        append(&mut text, "  none is kept\n");
    }
    text
}
