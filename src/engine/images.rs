//! Pulls, as the facade offers them, and logins.

use std::time::Duration;

use crate::engine::call::Call;
use crate::engine::credentials::{RegistryLogin, login, registry_of};
use crate::engine::docker::Progress;
use crate::engine::facade::{Engine, Logins};
use crate::model::id::ProjectName;
use crate::model::outcome::{Failure, PullTrouble};

/// Gets lines of progress for people. When it is full, lines are lost; the operation never waits for it.
pub type ProgressSink = tokio::sync::mpsc::Sender<String>;

/// Longest silence of a pull.
const PULL_IDLE: Duration = Duration::from_secs(60);
impl Engine {
    /// Fetches an image for a project with the login that the Docker configuration has for its registry. No total deadline; 60 s
    /// without progress fail it.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, `Engine` as the registry says; `Maybe` if it was cut; `Denied` by the policy.
    pub async fn pull_image(
        &self,
        (project, image): (&ProjectName, &str),
        platform: Option<&str>,
        progress: &ProgressSink,
    ) -> Result<(), Failure> {
        let admitted = self.pass_pull(project, image).await?;
        let found = self.login(registry_of(image)).await;
        let login = found.as_ref().ok().and_then(Option::as_ref);
        let client = self.client();
        let watch = Progress { sink: progress, idle: PULL_IDLE };
        let work = client.pull_image(&admitted, platform, login, &watch);
        let call = Call::mutating("pull_image", 0);
        let pulled = self.inner.switchboard.watched(call, work).await;
        pulled.map_err(|failure| refused_as_nobody(failure, found.err()))
    }

    /// Digest of what a reference means in its registry, asked through the engine, within 30 s; nothing is fetched.
    ///
    /// # Errors
    /// As for a pull.
    pub async fn registry_digest(&self, reference: &str) -> Result<String, Failure> {
        let found = self.login(registry_of(reference)).await;
        let login = found.as_ref().ok().and_then(Option::as_ref);
        let client = self.client();
        let call = Call::read("registry_digest", 30);
        let asked = self.run(call, client.registry_digest(reference, login)).await;
        asked.map_err(|failure| refused_as_nobody(failure, found.err()))
    }

    /// Hosts of registries that the engine reaches without TLS, because its configuration says so.
    ///
    /// # Errors
    /// `Unreachable` or `Engine`.
    pub async fn insecure_registries(&self) -> Result<Vec<String>, Failure> {
        let client = self.client();
        self.run(Call::read("info", 10), client.insecure_registries()).await
    }

    pub(super) async fn login(&self, registry: &str) -> Result<Option<RegistryLogin>, String> {
        match self.inner.logins {
            Logins::DockerConfig => login(registry).await,
            Logins::Nowhere => Ok(None),
        }
    }
}

/// A registry that refuses nobody in particular: why there was no login belongs to the text.
fn refused_as_nobody(mut failure: Failure, trouble: Option<String>) -> Failure {
    let refused = matches!(failure.pull_trouble(), PullTrouble::Unauthorized | PullTrouble::Denied);
    if let Some(trouble) = trouble.filter(|_| refused) {
        failure.message = format!("{}; {trouble}", failure.message);
    }
    failure
}
