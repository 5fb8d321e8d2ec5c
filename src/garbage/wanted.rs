//! What projects run, may run again, or are about to run.

use std::collections::BTreeMap;

use crate::garbage::name::{Name, listed_name};
use crate::model::build::Build;
use crate::model::desired::DesiredProject;
use crate::model::garbage::StoredImage;
use crate::model::id::{ImageId, ProjectName};
use crate::model::image_update::ImageUpdateRecord;
use crate::model::ledger::ProjectLedger;

/// Images that somebody may ask for, and who.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// By name.
    names: BTreeMap<Name, ProjectName>,
    /// By id: those of kept revisions, with the number of the project's revision if it has one.
    kept: BTreeMap<ImageId, (ProjectName, Option<u64>)>,
}

impl Wanted {
    /// Wants whatever the files of a project name: images that run, that are mounted, and those of steps and checks.
    pub fn project(&mut self, project: &DesiredProject) {
        for service in project.services.values() {
            for reference in service.images().chain(service.check_images()) {
                self.name(reference, &project.name);
            }
            // A build may take the image of another as a context, or one that is named here.
            let contexts = service.build.iter().flat_map(Build::service_contexts);
            contexts.for_each(|(_, image)| self.name(image, &project.name));
        }
    }

    /// Wants the images of the revisions that a project may go back to, and what it found in registries.
    pub fn ledger(&mut self, name: &ProjectName, ledger: &ProjectLedger) {
        for revision in &ledger.history {
            for service in revision.services.values() {
                let keeper = (name.clone(), Some(revision.number));
                self.kept.insert(service.image_id.clone(), keeper);
            }
        }
        for revision in ledger.revisions.values().flatten() {
            let keeper = (name.clone(), None);
            self.kept.entry(revision.id.clone()).or_insert(keeper);
        }
        let moving = ledger.image_updates.values().flat_map(references);
        ledger.images.keys().map(String::as_str).chain(moving).for_each(|one| self.name(one, name));
    }

    /// Wants an image by a reference.
    pub fn name(&mut self, reference: &str, project: &ProjectName) {
        for name in listed_name(reference) {
            self.names.entry(name).or_insert_with(|| project.clone());
        }
    }

    /// The project whose kept revision has this image, with its number.
    pub fn revision(&self, image: &StoredImage) -> Option<&(ProjectName, Option<u64>)> {
        self.kept.get(&image.id)
    }

    /// The project that names this image, and the name.
    pub fn named(&self, image: &StoredImage) -> Option<(&ProjectName, String)> {
        let tags = image.tags.iter().map(|tag| Name::Tag(tag.clone()));
        let digests = image.digests.iter().map(|digest| Name::Digest(digest.clone()));
        let by_name = tags.chain(digests).find_map(|name| Some((self.names.get(&name)?, name)));
        if let Some((project, Name::Tag(name) | Name::Digest(name) | Name::Id(name))) = by_name {
            return Some((project, name));
        }
        let digits = image.id.as_str().strip_prefix("sha256:").unwrap_or(image.id.as_str());
        self.names.iter().find_map(|(name, project)| match name {
            Name::Id(start) if digits.starts_with(start.as_str()) => Some((project, start.clone())),
            _ => None,
        })
    }
}

/// What a service that follows its registry runs, ran before, or may take. Base images are fetched by builds alone.
fn references(record: &ImageUpdateRecord) -> impl Iterator<Item = &str> {
    let ran = record.running.iter().chain(&record.before);
    let found = record.found.iter().filter(|_| !record.follows_base());
    ran.map(|one| one.reference.as_str()).chain(found.map(|one| one.reference.as_str()))
}
