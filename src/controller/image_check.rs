//! What a registry offers for a service: tags by its own API, digests through the engine.

use crate::engine::{Engine, Registry};
use crate::model::image_update::{
    FoundImages, ImageCandidate, ImageQuery, UpdatePolicy, name_and_tag,
};
use crate::model::outcome::{Failure, FailureClass};
use crate::model::time::Timestamp;
use crate::source::{BuildFiles, bases};
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
    let known = match &query.policy {
        UpdatePolicy::Base => return check_bases(engine, registry, query).await,
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

/// What the base images of a built one are now: one candidate for all of them, as old as the youngest.
async fn check_bases(
    engine: &Engine,
    registry: &dyn Registry,
    query: &ImageQuery,
) -> Result<FoundImages, Failure> {
    let mut found = Vec::new();
    let mut created = None;
    for base in read_bases(query).await? {
        let (name, tag) = name_and_tag(&base);
        let digest = engine.registry_digest(&format!("{name}:{tag}")).await?;
        if query.ages {
            let platform = query.platform.as_deref();
            created = created.max(registry.created(name, &digest, platform).await?);
        }
        found.push((tag.to_owned(), format!("{name}:{tag}@{digest}")));
    }
    let (tags, references): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let candidate = ImageCandidate {
        tag: tags.join(", "),
        reference: references.join(", "),
        created,
        seen: Timestamp::default(),
    };
    let candidates = if references.is_empty() { Vec::new() } else { vec![candidate] };
    Ok(FoundImages { policy: query.policy.to_string(), candidates })
}

/// The references in the Dockerfile of a build.
async fn read_bases(query: &ImageQuery) -> Result<Vec<String>, Failure> {
    let invalid = |message: String| Failure { class: FailureClass::Invalid, message };
    let Some(build) = query.build.clone() else {
        return Err(invalid(format!("{} is not built here", query.image)));
    };
    let read = move || {
        let text = BuildFiles::new(&build, "").instructions()?;
        Ok::<_, std::io::Error>(bases(&text, &build))
    };
    let read = tokio::task::spawn_blocking(read).await;
    let read = read.map_err(|error| invalid(error.to_string()))?;
    read.map_err(|error| invalid(format!("the Dockerfile of {}: {error}", query.image)))
}
