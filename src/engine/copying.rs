//! Files out of containers and into them, for people.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use serde_json::json;

use crate::engine::admission::Form;
use crate::engine::call::Call;
use crate::engine::facade::Engine;
use crate::engine::failure::{Effect, classify};
use crate::model::id::ContainerId;
use crate::model::outcome::Failure;

/// Longest time that an archive may take on its way into a container.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl Engine {
    /// A file or directory of a container as an archive. Reading is no change: no policy is asked.
    pub fn archive_of(
        &self,
        id: &ContainerId,
        path: &str,
    ) -> BoxStream<'static, Result<Bytes, Failure>> {
        let archive = self.client().archive_of(id, path);
        archive.map_err(|error| classify(error, Effect::Read)).boxed()
    }

    /// Whether a path of a container leads to a directory.
    ///
    /// # Errors
    /// `NotFound` without the container.
    pub async fn is_directory(&self, id: &ContainerId, path: &str) -> Result<bool, Failure> {
        let client = self.client();
        self.run(Call::read("stat_archive", 30), client.is_directory(id, path)).await
    }

    /// Unpacks an archive into a directory of a container, once the policy admits it as it would a command inside.
    ///
    /// # Errors
    /// `Denied` by the policy; `Forbidden` for the own container and for what is read-only; `NotFound`.
    pub async fn unpack_into(
        &self,
        (id, directory): (&ContainerId, &str),
        archive: BoxStream<'static, io::Result<Bytes>>,
    ) -> Result<(), Failure> {
        self.guard(id)?;
        let permit = self.pass_for((Form::Exec, id), json!({ "Cmd": ["cp", directory] })).await?;
        let client = self.client();
        let call = Call { deadline: LONGEST, ..Call::mutating("put_archive", 0) };
        self.run(call, client.unpack_into((id, directory), archive, &permit)).await
    }
}
