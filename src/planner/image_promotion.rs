//! Images that people move from one project to another, and images that failed.

use std::collections::BTreeMap;

use crate::model::desired::DesiredProject;
use crate::model::id::{ImageId, ProjectName, ServiceName};
use crate::model::image_update::{
    ImageSource, ImageUpdateRecord, ImageUpdateWait, MOST_REJECTED, ResolvedImage,
};
use crate::model::ledger::ProjectLedger;
use crate::model::revision::{ProjectRevision, Rollback, RollbackCause, ServiceRevision, Verdict};
use crate::model::time::Timestamp;

/// Images by service, for a promotion.
pub type PromotedImages = BTreeMap<ServiceName, ImageId>;

/// What is to be known of an image by id that runs instead of a reference.
pub fn kept(service: &ServiceName, image: &ResolvedImage) -> ImageUpdateWait {
    ImageUpdateWait::Kept { service: service.clone(), image: image.clone() }
}

/// The revision of a project that is stable and runs, and its images of the services that `to` has as well; `only` these, if
/// any are named.
///
/// # Errors
/// Why its images cannot be promoted.
pub fn promotable(
    (from, ledger): (&ProjectName, &ProjectLedger),
    to: &DesiredProject,
    only: &[ServiceName],
) -> Result<(u64, PromotedImages), String> {
    if let Some(rollback) = &ledger.rollback {
        return Err(format!(
            "{from} is not stable: revision {} runs instead of {}, which the files say",
            rollback.to, rollback.from
        ));
    }
    let last = ledger.history.back().filter(|last| last.digest == ledger.digest);
    let Some(last) = last else {
        return Err(format!("{from} is not stable: what its files say does not run yet"));
    };
    match &last.verdict {
        Verdict::Stable { .. } => {}
        Verdict::Open => {
            return Err(format!(
                "{from} is not stable: revision {} is still being rolled out",
                last.number
            ));
        }
        Verdict::Rejected(failure) => {
            return Err(format!(
                "{from} is not stable: revision {} failed ({}: {})",
                last.number, failure.service, failure.cause
            ));
        }
    }
    let shared = shared((from, last), to, only)?;
    Ok((last.number, shared))
}

fn shared(
    (from, last): (&ProjectName, &ProjectRevision),
    to: &DesiredProject,
    only: &[ServiceName],
) -> Result<PromotedImages, String> {
    for name in only {
        if !last.services.contains_key(name) {
            return Err(format!("{from} runs no service {name}"));
        }
        if !to.services.contains_key(name) {
            return Err(format!("the service {name} has no counterpart in {}", to.name));
        }
    }
    let wanted = |name: &ServiceName| only.is_empty() || only.contains(name);
    let services = last.services.iter().filter(|(name, _)| wanted(name));
    let shared: PromotedImages = services
        .filter(|(name, _)| to.services.contains_key(*name))
        .map(|(name, service)| (name.clone(), service.image_id.clone()))
        .collect();
    if shared.is_empty() {
        return Err(format!("no service of {from} has a counterpart in {}", to.name));
    }
    Ok(shared)
}

/// Gives images to the services of a project. `images` has each service's reference as the files write it, too.
///
/// # Errors
/// A version runs that a person wants.
pub fn promote_images(
    ledger: &mut ProjectLedger,
    images: &BTreeMap<ServiceName, (String, ImageId)>,
    (from, revision): (&ProjectName, u64),
    since: Timestamp,
) -> Result<(), String> {
    if let Some(Rollback { to, cause: RollbackCause::Person, .. }) = &ledger.rollback {
        return Err(format!(
            "revision {to} runs by hand; `composelet resume` it first, or the promotion would have no effect"
        ));
    }
    for (name, (written, id)) in images {
        let record = ledger.image_updates.entry(name.clone()).or_default();
        if record.image != *written {
            *record = ImageUpdateRecord { image: written.clone(), ..ImageUpdateRecord::default() };
        }
        let source = ImageSource::Promotion { from: from.clone(), revision };
        let promoted = ResolvedImage { reference: id.to_string(), since, source };
        record.before = record.running.replace(promoted);
    }
    Ok(())
}

/// A version failed: what moved since the one before is not tried again. If the service that failed moved, that one alone
/// is to blame; else all that moved are. An edit that came with it is to blame for itself.
pub fn reject(
    ledger: &mut ProjectLedger,
    (from, to): (&ProjectRevision, &ProjectRevision),
    failed: &ServiceName,
) {
    if from.digest != to.digest {
        return;
    }
    let image = |revision: &ProjectRevision, name: &ServiceName| -> Option<String> {
        revision.services.get(name).map(|service: &ServiceRevision| service.image.clone())
    };
    let moved = |name: &ServiceName, record: &ImageUpdateRecord| {
        let tried = image(from, name);
        let running = record.running.as_ref().map(|running| &running.reference);
        tried.is_some() && tried.as_ref() == running && tried != image(to, name)
    };
    let records = ledger.image_updates.iter();
    let all: Vec<ServiceName> =
        records.filter(|(name, one)| moved(name, one)).map(|(name, _)| name.clone()).collect();
    let alone = all.contains(failed);
    for name in all.iter().filter(|name| !alone || *name == failed) {
        let Some(record) = ledger.image_updates.get_mut(name) else { continue };
        record.rejected.extend(record.running.take());
        let surplus = record.rejected.len().saturating_sub(MOST_REJECTED);
        record.rejected.drain(..surplus);
        record.running = record.before.take();
    }
}

/// Whether a project that went back because of its images wants just what it went back to: then nothing new came up.
pub fn went_back(
    ledger: &ProjectLedger,
    services: &BTreeMap<ServiceName, ServiceRevision>,
) -> bool {
    let Some(Rollback { from, to, cause: RollbackCause::Failure, .. }) = &ledger.rollback else {
        return false;
    };
    let find = |number| ledger.history.iter().find(|one| one.number == number);
    let (Some(from), Some(to)) = (find(*from), find(*to)) else { return false };
    let rejected = ledger.image_updates.iter().any(|(name, record)| {
        let tried = from.services.get(name).map(|service| &service.image);
        record.rejected.iter().any(|one| Some(&one.reference) == tried)
    });
    rejected && to.services == *services
}

/// Another chance for the images of the version that was rejected last.
pub fn retry(ledger: &mut ProjectLedger) {
    let Some(last) = ledger.history.back() else { return };
    for (name, record) in &mut ledger.image_updates {
        let tried = last.services.get(name).map(|service| &service.image);
        let found = record.rejected.iter().position(|one| Some(&one.reference) == tried);
        if let Some(at) = found {
            let again = record.rejected.remove(at);
            record.before = record.running.replace(again);
        }
    }
}

/// A person wants what the files say instead of an image by id, and gives what failed another chance.
pub fn release(ledger: &mut ProjectLedger, service: Option<&ServiceName>) {
    let records = ledger.image_updates.iter_mut();
    for (_, record) in records.filter(|(name, _)| service.is_none_or(|one| one == *name)) {
        let by_id =
            |image: &ResolvedImage| image.reference.starts_with(super::image_updates::BY_ID);
        if record.running.as_ref().is_some_and(by_id) {
            record.running = record.before.take().filter(|before| !by_id(before));
        }
        record.rejected.clear();
    }
}
