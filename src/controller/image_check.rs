//! What a registry offers for a service: tags by its own API, digests through the engine.

use crate::engine::{Engine, Registry};
use crate::model::image_update::{
    FoundImages, ImageCandidate, ImageQuery, UpdatePolicy, name_and_tag,
};
use crate::model::outcome::Failure;
use crate::model::time::Timestamp;
use crate::tags;

/// Asks for the candidates of a query, best first. Nothing is fetched but small JSON.
///
/// # Errors
/// As for a pull; a tag that went between the list and its digest fails the look, which is made again.
pub(super) async fn check_image(
    engine: &Engine,
    registry: &dyn Registry,
    query: &ImageQuery,
) -> Result<FoundImages, Failure> {
    let (name, _) = name_and_tag(&query.image);
    let known = match query.policy {
        UpdatePolicy::Digest => Vec::new(),
        UpdatePolicy::Semver { .. } | UpdatePolicy::Pattern { .. } => registry.tags(name).await?,
    };
    let mut candidates = Vec::new();
    for tag in tags::candidates(&known, query) {
        let digest = engine.registry_digest(&format!("{name}:{tag}")).await?;
        let created = if query.ages {
            registry.created(name, &digest, query.platform.as_deref()).await?
        } else {
            None
        };
        let reference = format!("{name}:{tag}@{digest}");
        candidates.push(ImageCandidate { tag, reference, created, seen: Timestamp::default() });
    }
    Ok(FoundImages { policy: query.policy.to_string(), candidates })
}
