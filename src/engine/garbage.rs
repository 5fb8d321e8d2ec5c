//! Images as a whole, and the removal of one that nobody needs.

use std::collections::BTreeMap;

use crate::engine::call::Call;
use crate::engine::facade::Engine;
use crate::model::garbage::StoredImage;
use crate::model::id::ImageId;
use crate::model::outcome::{Failure, FailureClass};

impl Engine {
    /// All images of the host, whoever brought them.
    ///
    /// # Errors
    /// `Unreachable` or `Engine`.
    pub async fn stored_images(&self) -> Result<Vec<StoredImage>, Failure> {
        let client = self.client();
        self.run(Call::read("list_images", 60), client.list_images()).await
    }

    /// Which images containers have, running or not, whoever they are; each with the name of one of them.
    ///
    /// # Errors
    /// `Unreachable` or `Engine`.
    pub async fn image_users(&self) -> Result<BTreeMap<ImageId, String>, Failure> {
        let client = self.client();
        let listed =
            self.run(Call::read("list_containers", 30), client.list_containers(None)).await?;
        let users = listed.iter().filter_map(|one| {
            Some((ImageId::new(one.image_id.as_deref()?), one.name().to_owned()))
        });
        Ok(users.collect())
    }

    /// Removes an image with its names; one that is gone is removed. Never forced: the engine refuses while any container
    /// has it or another image is built upon it. What it was built upon itself stays.
    ///
    /// # Errors
    /// `Conflict` while it is in use; `Engine`.
    pub async fn remove_image(&self, image: &StoredImage) -> Result<(), Failure> {
        let client = self.client();
        // By id the engine takes one name along; the others are taken away first.
        for tag in image.tags.iter().skip(1) {
            let call = Call::mutating("untag_image", 60);
            gone_is_done(self.run(call, client.untag_image(tag)).await)?;
        }
        let call = Call::mutating("remove_image", 120);
        gone_is_done(self.run(call, client.remove_image(&image.id)).await)
    }

    /// Removes what no build used lately from the build cache of the engine, whoever built, until `keep` bytes are left; tells
    /// the bytes that became free.
    ///
    /// # Errors
    /// `Engine`; `Maybe` if it takes longer than ten minutes: the engine goes on.
    pub async fn prune_build_cache(&self, keep: u64) -> Result<u64, Failure> {
        let client = self.client();
        let call = Call::mutating("prune_build_cache", 600);
        self.run(call, client.prune_build_cache(keep)).await
    }

    /// Id of the image that a reference leads to.
    ///
    /// # Errors
    /// `NotFound` if there is none; `Engine`.
    pub async fn image_id(&self, reference: &str) -> Result<ImageId, Failure> {
        let client = self.client();
        let call = Call::read("inspect_image", 10);
        let json = self.run(call, client.inspect_image(reference)).await?;
        Ok(ImageId::new(json.id))
    }
}

fn gone_is_done(result: Result<(), Failure>) -> Result<(), Failure> {
    match result {
        Err(failure) if failure.class == FailureClass::NotFound => Ok(()),
        other => other,
    }
}
