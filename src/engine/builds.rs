//! Builds, as the facade offers them: by BuildKit with a session, or by the classic builder with an archive.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use serde_json::json;

use crate::engine::build_input::{BuildInput, BuildInputs};
use crate::engine::call::Call;
use crate::engine::credentials::{RegistryLogin, registry_of};
use crate::engine::docker::{
    Address, Answers, BuildRequest, DOCKERFILE, FindLogin, Progress, Session, Steps,
};
use crate::engine::facade::Engine;
use crate::engine::failure::{CallError, Effect, classify};
use crate::engine::images::ProgressSink;
use crate::engine::labels;
use crate::model::build::{Build, Builder, ContextRoot};
use crate::model::id::ProjectName;
use crate::model::operation::Operation;
use crate::model::outcome::{Failure, FailureClass};
use crate::model::secret::sha256_hex;

/// Longest silence of a build: one `RUN` step may be silent for long.
const BUILD_IDLE: Duration = Duration::from_secs(600);
/// Longest time until a session is open.
const SESSION_LIMIT: Duration = Duration::from_secs(10);

/// One image to build.
struct Order<'a> {
    whose: (&'a ProjectName, &'a str),
    image: &'a str,
    build: &'a Build,
    digest: &'a str,
    labels: serde_json::Map<String, serde_json::Value>,
}

impl Engine {
    /// Builds an image. `operation` is [`Operation::Build`]. The image gets the labels of identity. Directories among the
    /// additional contexts become images first, which are removed in the end. No total deadline; 10 min without progress
    /// fail it. Dropping the future gives the build up.
    ///
    /// # Errors
    /// `Engine` with the failed step, its line and its last output; `Invalid` for another operation, or for keys that no
    /// builder of this engine honours together; `Maybe` if it was cut; `Denied` by the policy.
    pub async fn build_image(
        &self,
        operation: &Operation,
        inputs: &dyn BuildInputs,
        progress: &ProgressSink,
    ) -> Result<(), Failure> {
        let Operation::Build { image, project, service, directory, build, digest } = operation
        else {
            return Err(refused(format!("{operation} is no build")));
        };
        let mut identity: serde_json::Map<_, _> =
            build.labels.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        identity.extend([
            (labels::PROJECT.to_owned(), json!(project.to_string())),
            (labels::SERVICE.to_owned(), json!(service.to_string())),
            (labels::VERSION.to_owned(), json!(env!("CARGO_PKG_VERSION"))),
            (labels::BUILD.to_owned(), json!(digest)),
        ]);
        let place = directory.display().to_string();
        let whose = (project, place.as_str());
        let mut made = Vec::new();
        let mut result = Ok(());
        for (name, path, tag) in build.directories(digest) {
            drop(progress.try_send(format!("additional context {name}")));
            let directory = Build::of_directory(path);
            let (labels, build) = (serde_json::Map::new(), &directory);
            let order = Order { whose, image: &tag, build, digest: &tag, labels };
            result = self.build_one(order, inputs, progress).await;
            made.push(tag);
            if let Err(failure) = &mut result {
                failure.message = format!("additional context {name}: {}", failure.message);
                break;
            }
        }
        if result.is_ok() {
            let order = Order { whose, image, build, digest, labels: identity };
            result = self.build_one(order, inputs, progress).await;
        }
        for tag in made {
            self.forget_image(&tag).await;
        }
        result
    }

    /// Takes a tag away; the layers stay as long as something is built upon them. What cannot be removed is left.
    async fn forget_image(&self, tag: &str) {
        let call = Call::mutating("untag_image", 30);
        self.run(call, self.client().untag_image(tag)).await.ok();
    }

    async fn build_one(
        &self,
        mut order: Order<'_>,
        inputs: &dyn BuildInputs,
        progress: &ProgressSink,
    ) -> Result<(), Failure> {
        let input = inputs.of(order.build, order.digest);
        let api = self.client().api();
        let address = self.inner.connector.address.clone();
        let mut builder = order.build.builder(api, address.is_some()).map_err(refused)?;
        let mut session = None;
        if let (Builder::BuildKit, Some(address)) = (builder, &address) {
            match self.open_session(address, &order, &input).await {
                Ok(open) => session = Some(open),
                Err(failure) if failure.class == FailureClass::Unreachable => return Err(failure),
                // An engine without BuildKit, such as Podman.
                Err(_) => builder = order.build.builder(api, false).map_err(refused)?,
            }
        }
        if builder == Builder::Classic {
            let word = json!(builder.word());
            order.labels.insert(labels::IMAGE_BUILDER.to_owned(), word);
        }
        let request = self.request(&order, &input, session.as_ref()).await;
        let whose = (order.whose.0, Some(order.whose.1));
        let request = self.pass_build(whose, order.build, request).await?;
        let mut steps = Steps::hiding(&order.build.args);
        let client = self.client();
        let watch = Progress { sink: progress, idle: BUILD_IDLE };
        let call = Call::mutating("build_image", 0);
        let work = client.build_image(request, &watch, &mut steps);
        let result = self.inner.switchboard.watched(call, work.boxed()).await;
        match result {
            Err(failure) if failure.class == FailureClass::Engine => {
                Err(explained(failure, &steps, &order, input).await)
            }
            other => other,
        }
    }

    async fn open_session(
        &self,
        address: &Address,
        order: &Order<'_>,
        input: &Arc<dyn BuildInput>,
    ) -> Result<Session, Failure> {
        let engine = self.clone();
        let login: FindLogin = Box::new(move |host| {
            let engine = engine.clone();
            async move { engine.login(registry_of(&format!("{host}/x"))).await.ok().flatten() }
                .boxed()
        });
        let place = match &order.build.context {
            ContextRoot::Directory(path) => path.display().to_string(),
            ContextRoot::Remote(address) => address.clone(),
        };
        let installation = self.inner.installation.to_string();
        let answers = Answers {
            input: Arc::clone(input),
            secrets: order.build.secrets.clone(),
            agents: order.build.ssh.clone(),
            login,
            shared_key: sha256_hex([installation.as_str(), "\0", &place]),
        };
        let client = self.client();
        let open = Session::open(address, client.api(), answers);
        let open = async {
            let late = |_| CallError::NoConnection("no session within 10 s".to_owned());
            tokio::time::timeout(SESSION_LIMIT, open).await.map_err(late)?
        };
        self.inner.switchboard.watched(Call::read("open_session", 0), open.boxed()).await
    }

    async fn request(
        &self,
        order: &Order<'_>,
        input: &Arc<dyn BuildInput>,
        session: Option<&Session>,
    ) -> BuildRequest {
        let mut parameters = parameters(order);
        let remote = match (&order.build.context, session) {
            (ContextRoot::Remote(address), _) => Some(address.clone()),
            (ContextRoot::Directory(_), Some(_)) => Some("client-session".to_owned()),
            (ContextRoot::Directory(_), None) => None,
        };
        let dockerfile = match remote.as_deref() {
            Some("client-session") => DOCKERFILE.to_owned(),
            _ => order.build.dockerfile_name(),
        };
        parameters.push(("dockerfile", dockerfile));
        let context = remote.is_none().then(|| input.archive());
        parameters.extend(remote.map(|remote| ("remote", remote)));
        let logins = match session {
            Some(session) => {
                parameters.push(("version", "2".to_owned()));
                parameters.push(("session", session.id.clone()));
                Vec::new()
            }
            None => self.build_logins(order.build).await,
        };
        BuildRequest { parameters, context, logins }
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

fn refused(text: String) -> Failure {
    classify(CallError::Refused(text), Effect::Mutating)
}

/// The failure with the step that failed.
async fn explained(
    mut failure: Failure,
    steps: &Steps,
    order: &Order<'_>,
    input: Arc<dyn BuildInput>,
) -> Failure {
    let text = match order.build.directory() {
        Some(_) => tokio::task::spawn_blocking(move || input.instructions().ok()).await,
        None => Ok(None),
    };
    let stages = order.build.contexts.len();
    failure.message = steps.explain(&failure.message, text.ok().flatten().as_deref(), stages);
    failure
}

/// Parameters of the build call for both builders. `forcerm` also removes the container of a step that failed.
fn parameters(order: &Order<'_>) -> Vec<(&'static str, String)> {
    let build = order.build;
    let flag = |set: bool| if set { "1" } else { "0" }.to_owned();
    let mut parameters = vec![
        ("t", order.image.to_owned()),
        ("rm", flag(true)),
        ("forcerm", flag(true)),
        ("nocache", flag(build.no_cache)),
        ("labels", json!(order.labels).to_string()),
    ];
    parameters.extend(build.tags.iter().map(|tag| ("t", tag.clone())));
    if build.pull {
        parameters.push(("pull", flag(true)));
    }
    let mut arguments: serde_json::Map<String, serde_json::Value> =
        build.args.iter().map(|(name, value)| (name.clone(), json!(value.expose()))).collect();
    if build.cache_inline {
        arguments.insert("BUILDKIT_INLINE_CACHE".to_owned(), json!("1"));
    }
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
    if !build.ulimits.is_empty() {
        let limits: Vec<_> = build
            .ulimits
            .iter()
            .map(|(name, limit)| json!({"Name": name, "Soft": limit.soft, "Hard": limit.hard}))
            .collect();
        parameters.push(("ulimits", json!(limits).to_string()));
    }
    let optional = [
        ("target", build.target.clone()),
        ("networkmode", build.network.clone()),
        ("platform", build.platform.clone()),
        ("shmsize", build.shm_size_bytes.map(|bytes| bytes.to_string())),
    ];
    parameters.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
    parameters
}
