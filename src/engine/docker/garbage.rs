//! The list of images, the removal of one, and the build cache.

use serde::Deserialize;

use crate::engine::docker::connection::Client;
use crate::engine::docker::raw::{RawBody, RawRequest, encoded};
use crate::engine::failure::CallError;
use crate::model::garbage::StoredImage;
use crate::model::id::ImageId;

/// What engines write for no name.
const NO_NAME: &str = "<none>";

/// An entry of the list. Engines write `null` for an empty list of names, or one name that says that there is none.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImageSummaryJson {
    id: String,
    #[serde(default)]
    parent_id: Option<String>,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    repo_digests: Option<Vec<String>>,
    #[serde(default)]
    size: i64,
}

/// What a prune tells.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PrunedJson {
    #[serde(default)]
    space_reclaimed: u64,
}

impl Client {
    /// All images, steps of the classic builder included.
    ///
    /// # Errors
    /// What the engine or the connection says, or if the answer is not a list of images.
    pub(in crate::engine) async fn list_images(&self) -> Result<Vec<StoredImage>, CallError> {
        let request = RawRequest::get("/images/json", &[("all", "true")]);
        let entries: Option<Vec<ImageSummaryJson>> = self.raw_json(request).await?;
        Ok(entries.into_iter().flatten().map(stored).collect())
    }

    /// Removes an image, never forced, and nothing beside it: what it was built upon stays.
    ///
    /// # Errors
    /// 404 if there is none; 409 while a container has it, another is built upon it, or it has several names.
    pub(in crate::engine) async fn remove_image(&self, id: &ImageId) -> Result<(), CallError> {
        let path = format!("/images/{}", encoded(id.as_str()));
        let request = RawRequest::delete(&path).with_query(&[("noprune", "true")]);
        self.raw_bytes(request).await?;
        Ok(())
    }

    /// Removes from the build cache until `keep` bytes are left.
    ///
    /// # Errors
    /// What the engine says.
    pub(in crate::engine) async fn prune_build_cache(&self, keep: u64) -> Result<u64, CallError> {
        let keep = keep.to_string();
        // API 1.48 gave the parameter another name; engines pass over what they do not know.
        let parameters = [("keep-storage", keep.as_str()), ("reserved-space", keep.as_str())];
        let request = RawRequest::post("/build/prune", &parameters, RawBody::Empty);
        let pruned: PrunedJson = self.raw_json(request).await?;
        Ok(pruned.space_reclaimed)
    }
}

fn stored(json: ImageSummaryJson) -> StoredImage {
    let named = |names: Option<Vec<String>>| {
        names.into_iter().flatten().filter(|name| !name.contains(NO_NAME)).collect()
    };
    StoredImage {
        id: ImageId::new(json.id),
        parent: json.parent_id.filter(|id| !id.is_empty()).map(ImageId::new),
        tags: named(json.repo_tags),
        digests: named(json.repo_digests),
        size: u64::try_from(json.size).unwrap_or_default(),
    }
}
