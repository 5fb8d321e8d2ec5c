//! Archives out of containers and into them.

use std::io;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use crate::engine::admission::Admitted;
use crate::engine::docker::connection::Client;
use crate::engine::docker::raw::{RawBody, RawRequest, encoded};
use crate::engine::failure::CallError;
use crate::model::id::ContainerId;

impl Client {
    /// A file or directory of a container as an archive, as it arrives; an item is an error with 404 if it is not there.
    pub(in crate::engine) fn archive_of(
        &self,
        id: &ContainerId,
        path: &str,
    ) -> BoxStream<'static, Result<Bytes, CallError>> {
        let target = format!("/containers/{}/archive", encoded(id.as_str()));
        self.raw(RawRequest::get(&target, &[("path", path)]))
    }

    /// Whether a path of a container leads to a directory.
    ///
    /// # Errors
    /// What the engine says, but that it is none.
    pub(in crate::engine) async fn is_directory(
        &self,
        id: &ContainerId,
        path: &str,
    ) -> Result<bool, CallError> {
        // The dot follows links, and is there in directories only.
        match self.archive_of(id, &format!("{path}/.")).try_next().await {
            Ok(_) => Ok(true),
            Err(CallError::Answer { status: 400 | 404, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Unpacks an archive into a directory of a container. `permit` is what the policy has let through.
    ///
    /// # Errors
    /// 404 without the directory, 403 if it is read-only, 400 if one kind of file would replace another.
    pub(in crate::engine) async fn unpack_into(
        &self,
        (id, directory): (&ContainerId, &str),
        archive: BoxStream<'static, io::Result<Bytes>>,
        _permit: &Admitted<serde_json::Value>,
    ) -> Result<(), CallError> {
        let path = format!("/containers/{}/archive", encoded(id.as_str()));
        let parameters = [("path", directory), ("noOverwriteDirNonDir", "true")];
        self.raw_bytes(RawRequest::put(&path, &parameters, RawBody::Tar(archive.boxed()))).await?;
        Ok(())
    }
}
