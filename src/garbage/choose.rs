//! Which images may go. A rule that is in doubt keeps the image.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::garbage::verdict::{Fate, Goes, Judged, Stays};
use crate::garbage::wanted::Wanted;
use crate::model::garbage::{FetchedImage, StoredImage};
use crate::model::id::ImageId;
use crate::model::time::Timestamp;

/// Everything that a choice depends on.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// All images of the engine.
    pub stored: &'a [StoredImage],
    /// Images that this controller brought, by id.
    pub fetched: &'a BTreeMap<ImageId, FetchedImage>,
    /// Names of containers, of whomever, by the image that they have; running or not.
    pub used: &'a BTreeMap<ImageId, String>,
    /// What projects may ask for.
    pub wanted: &'a Wanted,
    /// Least age of what goes.
    pub min_age: Duration,
    /// Now.
    pub now: Timestamp,
}

/// Judges every image. What goes comes first, in the order in which it goes: what was fetched longest ago first, but an image
/// that is built upon another before that one, because engines keep a parent as long as it has children.
pub fn choose<'a>(facts: &Facts<'a>) -> Vec<Judged<'a>> {
    let mut fates: BTreeMap<&ImageId, Fate> =
        facts.stored.iter().map(|image| (&image.id, fate(facts, image))).collect();
    keep_parents(facts.stored, &mut fates);
    let (mut going, staying): (Vec<_>, Vec<_>) = facts
        .stored
        .iter()
        .filter_map(|image| Some(Judged { image, fate: fates.remove(&image.id)? }))
        .partition(|one| matches!(one.fate, Fate::Goes(_)));
    let fetched = |one: &Judged<'_>| facts.fetched.get(&one.image.id).map(|known| known.at);
    going.sort_by(|left, right| {
        (fetched(left), &left.image.id).cmp(&(fetched(right), &right.image.id))
    });
    children_first(going).into_iter().chain(staying).collect()
}

fn fate(facts: &Facts<'_>, image: &StoredImage) -> Fate {
    if let Some(container) = facts.used.get(&image.id) {
        return Fate::Stays(Stays::Used { container: container.clone() });
    }
    let Some(known) = facts.fetched.get(&image.id) else {
        return Fate::Stays(Stays::NotOurs);
    };
    if let Some((project, revision)) = facts.wanted.revision(image) {
        let (project, revision) = (project.clone(), *revision);
        return Fate::Stays(Stays::Kept { project, revision });
    }
    if let Some((project, name)) = facts.wanted.named(image) {
        return Fate::Stays(Stays::Named { project: project.clone(), name });
    }
    if let Some(name) = image.tags.iter().find(|tag| !known.names.contains(*tag)) {
        return Fate::Stays(Stays::Tagged { name: name.clone() });
    }
    // A clock that was set back makes nothing old.
    let age = facts.now.since(known.at);
    if known.at > facts.now || age < facts.min_age {
        return Fate::Stays(Stays::Young { age });
    }
    Fate::Goes(if image.tags.is_empty() { Goes::Replaced } else { Goes::Unused })
}

/// What an image that stays is built upon stays, too.
fn keep_parents(stored: &[StoredImage], fates: &mut BTreeMap<&ImageId, Fate>) {
    let parents: BTreeMap<&ImageId, &ImageId> =
        stored.iter().filter_map(|image| Some((&image.id, image.parent.as_ref()?))).collect();
    for image in stored {
        if !matches!(fates.get(&image.id), Some(Fate::Stays(_))) {
            continue;
        }
        let mut child = &image.id;
        while let Some(parent) = parents.get(child) {
            match fates.get_mut(*parent) {
                Some(fate @ Fate::Goes(_)) => {
                    *fate = Fate::Stays(Stays::Parent { of: child.clone() });
                }
                Some(Fate::Stays(_)) | None => break,
            }
            child = parent;
        }
    }
}

/// Moves each image before its parent; the order is kept otherwise.
fn children_first(going: Vec<Judged<'_>>) -> Vec<Judged<'_>> {
    let mut left: Vec<Judged<'_>> = going;
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let parents: BTreeSet<ImageId> =
            left.iter().filter_map(|one| one.image.parent.clone()).collect();
        let (ready, rest): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|one| !parents.contains(&one.image.id));
        let stuck = ready.is_empty();
        ordered.extend(ready);
        left = rest;
        if stuck {
            // A circle of parents is nothing that an engine has; the engine refuses what it must.
            ordered.append(&mut left);
        }
    }
    ordered
}
