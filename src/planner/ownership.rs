//! Whose a container is (DESIGN §5, ownership).

use crate::model::id::{Installation, ProjectName};
use crate::model::ledger::ProjectLedger;
use crate::model::observed::{Claim, ObservedContainer};
use crate::model::path::HostPath;

/// Whose a container is. Only `Ours` may be stopped, renamed or removed (invariant 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Claimed by this project and made by this installation, or adopted.
    Ours,
    /// Made by Compose for this project, with no label of any installation.
    Adoptable,
    /// Everything else: one-offs, other installations, other projects.
    Foreign,
}

/// Decides by labels, and by the ledger for what was adopted before.
pub fn ownership(
    container: &ObservedContainer,
    project: &ProjectName,
    installation: &Installation,
    ledger: &ProjectLedger,
) -> Ownership {
    let claim = &container.claim;
    if claim.project.as_ref() != Some(project)
        || planted!("one-offs-are-ours", claim.one_off, false)
        || claim.service.is_none()
    {
        return Ownership::Foreign;
    }
    match &claim.installation {
        Some(other) if planted!("strangers-are-ours", other == installation, true) => {
            Ownership::Ours
        }
        None if ledger.adopted.contains(&container.id) => Ownership::Ours,
        None if claim.compose_hash.is_some() => Ownership::Adoptable,
        Some(_) | None => Ownership::Foreign,
    }
}

/// Whether the files that Compose made a container from lie in the project's own directory: then it is the same project
/// that moved over, and is adopted by itself.
pub fn made_from(claim: &Claim, directory: &HostPath) -> bool {
    let Some(files) = &claim.config_files else {
        return false;
    };
    let inside = |file: &str| std::path::Path::new(file).starts_with(directory.as_path());
    !files.is_empty() && files.split(',').all(inside)
}
