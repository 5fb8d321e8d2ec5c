//! Removal of a volume.

use crate::engine::docker::connection::Client;
use crate::engine::docker::raw::{RawRequest, encoded};
use crate::engine::failure::CallError;

impl Client {
    /// Removes a volume.
    ///
    /// # Errors
    /// 404 if there is none, 409 while a container has it.
    pub(in crate::engine) async fn remove_volume(&self, name: &str) -> Result<(), CallError> {
        let path = format!("/volumes/{}", encoded(name));
        self.raw_bytes(RawRequest::delete(&path)).await?;
        Ok(())
    }
}
