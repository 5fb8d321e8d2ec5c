//! Pull and build, as the facade offers them.

use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::json;

use crate::engine::call::Call;
use crate::engine::credentials::{RegistryLogin, login, registry_of};
use crate::engine::docker::{BuildRequest, Progress};
use crate::engine::facade::{Engine, Logins};
use crate::engine::failure::{CallError, Effect, classify};
use crate::engine::labels;
use crate::model::desired::{Build, Dockerfile};
use crate::model::operation::Operation;
use crate::model::outcome::{Failure, PullTrouble};

/// The build context as a tar stream, filtered by `.dockerignore` already.
pub type BuildContext = BoxStream<'static, io::Result<Bytes>>;
/// Gets lines of progress for people. When it is full, lines are lost; the operation never waits for it.
pub type ProgressSink = tokio::sync::mpsc::Sender<String>;

/// Longest silence of a pull.
const PULL_IDLE: Duration = Duration::from_secs(60);
/// Longest silence of a build: one `RUN` step may be silent for long.
const BUILD_IDLE: Duration = Duration::from_secs(600);
/// Name of an inline Dockerfile within the context.
const INLINE_DOCKERFILE: &str = ".composelet.dockerfile";

impl Engine {
    /// Fetches an image with the login that the Docker configuration has for its registry. No total deadline; 60 s
    /// without progress fail it.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, `Engine` as the registry says; `Maybe` if it was cut.
    pub async fn pull_image(
        &self,
        image: &str,
        platform: Option<&str>,
        progress: &ProgressSink,
    ) -> Result<(), Failure> {
        let found = self.login(registry_of(image)).await;
        let login = found.as_ref().ok().and_then(Option::as_ref);
        let client = self.client();
        let watch = Progress { sink: progress, idle: PULL_IDLE };
        let work = client.pull_image(image, platform, login, &watch);
        let call = Call::mutating("pull_image", 0);
        let pulled = self.inner.switchboard.watched(call, work).await;
        pulled.map_err(|failure| refused_as_nobody(failure, found.err()))
    }

    /// Builds an image with the engine's own builder. `operation` is [`Operation::Build`]. The image gets the labels of
    /// identity. No total deadline; 10 min without progress fail it.
    ///
    /// # Errors
    /// `Engine` with the failed step's text, `Invalid` for another operation; `Maybe` if it was cut.
    pub async fn build_image(
        &self,
        operation: &Operation,
        context: BuildContext,
        progress: &ProgressSink,
    ) -> Result<(), Failure> {
        let Operation::Build { image, project, service, build, digest } = operation else {
            let error = CallError::Refused(format!("{operation} is no build"));
            return Err(classify(error, Effect::Mutating));
        };
        let mut identity = build.labels.clone();
        identity.extend([
            (labels::PROJECT.to_owned(), project.to_string()),
            (labels::SERVICE.to_owned(), service.to_string()),
            (labels::VERSION.to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            (labels::IMAGE_BUILDER.to_owned(), "classic".to_owned()),
            (labels::BUILD.to_owned(), digest.clone()),
        ]);
        let refused = |text| classify(CallError::Refused(text), Effect::Mutating);
        let mut parameters = parameters(image, build).map_err(refused)?;
        parameters.push(("labels", json!(identity).to_string()));
        let context = match &build.dockerfile {
            Dockerfile::Path(_) => context,
            Dockerfile::Inline(text) => with_inline(text, context).map_err(|error| {
                classify(CallError::Refused(error.to_string()), Effect::Mutating)
            })?,
        };
        let request = BuildRequest { parameters, context, logins: self.build_logins(build).await };
        let client = self.client();
        let watch = Progress { sink: progress, idle: BUILD_IDLE };
        let call = Call::mutating("build_image", 0);
        let work = client.build_image(request, &watch);
        self.inner.switchboard.watched(call, work).await
    }

    async fn login(&self, registry: &str) -> Result<Option<RegistryLogin>, String> {
        match self.inner.logins {
            Logins::DockerConfig => login(registry).await,
            Logins::Nowhere => Ok(None),
        }
    }

    /// Logins for Docker's own registry and those of the images whose layers may be reused: which base images a
    /// Dockerfile names is known only to the engine.
    async fn build_logins(&self, build: &Build) -> Vec<(String, RegistryLogin)> {
        let mut registries = vec![registry_of("")];
        for image in &build.cache_from {
            let registry = registry_of(image);
            if !registries.contains(&registry) {
                registries.push(registry);
            }
        }
        let mut logins = Vec::new();
        for registry in registries {
            if let Ok(Some(login)) = self.login(registry).await {
                logins.push((registry.to_owned(), login));
            }
        }
        logins
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

/// Name of the Dockerfile within the context.
///
/// # Errors
/// An absolute path that does not lie in the context.
fn dockerfile(build: &Build) -> Result<String, String> {
    let path = match &build.dockerfile {
        Dockerfile::Inline(_) => return Ok(INLINE_DOCKERFILE.to_owned()),
        Dockerfile::Path(path) => Path::new(path),
    };
    if path.is_relative() {
        return Ok(path.display().to_string());
    }
    match path.strip_prefix(build.context.as_path()) {
        Ok(inside) => Ok(inside.display().to_string()),
        Err(_) => Err(format!(
            "the Dockerfile {} does not lie in the build context {}",
            path.display(),
            build.context.display()
        )),
    }
}

/// Parameters of the build call. `forcerm` also removes the container of a step that failed.
///
/// # Errors
/// As [`dockerfile`].
fn parameters(image: &str, build: &Build) -> Result<Vec<(&'static str, String)>, String> {
    let flag = |set: bool| if set { "1" } else { "0" }.to_owned();
    let mut parameters = vec![
        ("t", image.to_owned()),
        ("rm", flag(true)),
        ("forcerm", flag(true)),
        ("nocache", flag(build.no_cache)),
    ];
    parameters.extend(build.tags.iter().map(|tag| ("t", tag.clone())));
    parameters.push(("dockerfile", dockerfile(build)?));
    if build.pull {
        parameters.push(("pull", flag(true)));
    }
    let arguments: serde_json::Map<String, serde_json::Value> =
        build.args.iter().map(|(name, value)| (name.clone(), json!(value.expose()))).collect();
    if !arguments.is_empty() {
        parameters.push(("buildargs", json!(arguments).to_string()));
    }
    if !build.cache_from.is_empty() {
        parameters.push(("cachefrom", json!(build.cache_from).to_string()));
    }
    if !build.extra_hosts.is_empty() {
        let hosts: Vec<&str> = build.extra_hosts.iter().map(String::as_str).collect();
        parameters.push(("extrahosts", hosts.join(",")));
    }
    let optional = [
        ("target", build.target.clone()),
        ("networkmode", build.network.clone()),
        ("platform", build.platform.clone()),
        ("shmsize", build.shm_size_bytes.map(|bytes| bytes.to_string())),
    ];
    parameters.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
    Ok(parameters)
}

/// The context with one more file in front: a tar archive goes on where another one's last entry ends.
fn with_inline(text: &str, context: BuildContext) -> io::Result<BuildContext> {
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_path(INLINE_DOCKERFILE)?;
    header.set_cksum();
    let mut entry = header.as_bytes().to_vec();
    entry.extend_from_slice(text.as_bytes());
    entry.resize(entry.len().next_multiple_of(512), 0);
    let entry = Bytes::from(entry);
    Ok(futures::stream::once(async { Ok(entry) }).chain(context).boxed())
}
