//! What a hint about an image makes due: looks at registries that would have come by their interval.

use std::collections::BTreeSet;

use crate::model::desired::{DesiredProject, PullPolicy};
use crate::model::hint::SyncHint;
use crate::model::image_update::{ImageUpdateRecord, UpdatePolicy};
use crate::model::ledger::ProjectLedger;

/// What of a project a hint is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Concerned {
    /// References whose `pull_policy` looks again once in a while.
    pub pulled: BTreeSet<String>,
    /// References whose `pull_policy` looks once per version.
    pub resolved: BTreeSet<String>,
    /// A service follows the image, or base images that only its memory knows.
    pub follows: bool,
}

impl Concerned {
    /// Whether the hint is about anything of the project.
    pub fn is_any(&self) -> bool {
        self.follows || !self.pulled.is_empty() || !self.resolved.is_empty()
    }
}

/// What of a project a hint is about. A service whose image stays until it is missing is none of it.
pub fn concerned(desired: &DesiredProject, hint: &SyncHint) -> Concerned {
    let mut found = Concerned::default();
    for service in desired.services.values() {
        let policy = service.image_update.as_ref().map(|update| &update.policy);
        found.follows |= match policy {
            None => false,
            Some(UpdatePolicy::Base) => true,
            Some(UpdatePolicy::Digest) => hint.concerns(&service.image, false),
            Some(_) => hint.concerns(&service.image, true),
        };
        if !hint.concerns(&service.image, false) {
            continue;
        }
        match service.pull_policy {
            PullPolicy::Every(_) => found.pulled.insert(service.image.clone()),
            PullPolicy::Always => found.resolved.insert(service.image.clone()),
            PullPolicy::Missing | PullPolicy::Never | PullPolicy::Build => continue,
        };
    }
    found
}

/// The memory after a hint: what it is about is looked at by the next pass, also within a back-off. What was found, what
/// failed and what is too young stays as it is.
pub fn look_again(ledger: &mut ProjectLedger, hint: &SyncHint, concerned: &Concerned) {
    for record in ledger.image_updates.values_mut().filter(|record| is_about(record, hint)) {
        record.checked = None;
        record.next_try = None;
    }
    for (reference, record) in &mut ledger.images {
        if concerned.pulled.contains(reference) {
            record.checked = None;
            record.next_try = None;
        }
        if concerned.resolved.contains(reference) {
            "hinted".clone_into(&mut record.checked_for);
            record.next_try = None;
        }
    }
}

fn is_about(record: &ImageUpdateRecord, hint: &SyncHint) -> bool {
    if record.follows_base() {
        let found = record.found.iter().map(|candidate| candidate.reference.as_str());
        let mut known = found.chain(record.base.as_deref());
        // Nothing is known before the first look, which is due anyway.
        return known.any(|bases| bases.split(", ").any(|base| hint.concerns(base, false)));
    }
    hint.concerns(&record.image, record.policy != UpdatePolicy::Digest.to_string())
}
