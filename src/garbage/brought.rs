//! What a pull or a build brought to the host.

use std::collections::BTreeSet;

use crate::garbage::name::{Name, listed_name};
use crate::model::garbage::{FetchedImage, ImageOrigin, StoredImage};
use crate::model::id::{ImageId, ProjectName};
use crate::model::time::Timestamp;

/// A pull or a build that ended well.
#[derive(Clone, Copy, Debug)]
pub struct Fetch<'a> {
    /// For whom.
    pub project: &'a ProjectName,
    /// What was asked for.
    pub reference: &'a str,
    /// What it leads to now.
    pub id: &'a ImageId,
    /// Which of the two it was.
    pub origin: ImageOrigin,
    /// When it ended.
    pub at: Timestamp,
}

/// What there is to remember after a fetch. `before` are the ids of all images before it, `after` is what is there now; `known`
/// is what was remembered of the image that came out.
///
/// An image that was there before is not ours, unless it was already: an engine that says *up to date* brought nothing. With
/// a new image comes what it was built upon, as far as that is new, too: steps of the classic builder, and base images.
pub fn brought(
    fetch: &Fetch<'_>,
    (before, after): (&BTreeSet<ImageId>, &[StoredImage]),
    known: Option<FetchedImage>,
) -> Vec<FetchedImage> {
    let find = |id: &ImageId| after.iter().find(|image| image.id == *id);
    if before.contains(fetch.id) {
        let again = known.zip(find(fetch.id)).map(|(mut known, image)| {
            known.names.extend(own_names(fetch.reference, image));
            FetchedImage { at: fetch.at, ..known }
        });
        return again.into_iter().collect();
    }
    let mut found: Vec<FetchedImage> = Vec::new();
    let mut next = Some(fetch.id);
    while let Some(image) = next.and_then(find).filter(|image| !before.contains(&image.id)) {
        if found.iter().any(|one| one.id == image.id) {
            break;
        }
        found.push(FetchedImage {
            id: image.id.clone(),
            names: image.tags.iter().chain(&image.digests).cloned().collect(),
            project: fetch.project.clone(),
            origin: fetch.origin,
            at: fetch.at,
        });
        next = image.parent.as_ref();
    }
    found
}

/// The names of an image that are those by which it was asked for.
fn own_names(reference: &str, image: &StoredImage) -> BTreeSet<String> {
    let names = listed_name(reference).into_iter().filter_map(|name| match name {
        Name::Tag(name) | Name::Digest(name) => Some(name),
        Name::Id(_) => None,
    });
    names.filter(|name| image.tags.contains(name) || image.digests.contains(name)).collect()
}
