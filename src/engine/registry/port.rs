//! What is asked of registries beside the engine.

use futures::future::BoxFuture;

use crate::model::outcome::Failure;
use crate::model::time::Timestamp;

/// Answers questions that engines have no call for.
pub trait Registry: Send + Sync + 'static {
    /// Every tag of a repository, named as in a reference without tag, in the registry's order.
    fn tags<'a>(&'a self, repository: &'a str) -> BoxFuture<'a, Result<Vec<String>, Failure>>;

    /// When the image of a digest was made, for this platform (`os/arch[/variant]`) or that of the engine; `None` if it does
    /// not say.
    fn created<'a>(
        &'a self,
        repository: &'a str,
        digest: &'a str,
        platform: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<Timestamp>, Failure>>;
}
