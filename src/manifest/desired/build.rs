//! How an image is built.

use std::collections::BTreeMap;

use super::container::{Located, hosts, ulimit};
use super::spec;
use crate::manifest::encrypted;
use crate::manifest::forms::is_remote;
use crate::manifest::node::Node;
use crate::manifest::normalise::Context;
use crate::manifest::refusal;
use crate::manifest::report::Finding;
use crate::model::build::{Build, BuildSecret, ContextRoot, Dockerfile, NamedContext};
use crate::model::desired::Refusal;
use crate::model::files::FileContent;
use crate::model::id::ServiceName;
use crate::model::path::LocalPath;
use crate::model::secret::Secret;

/// The variable that names the socket of the user's agent.
const AGENT: &str = "SSH_AUTH_SOCK";

/// The build of a service, if it has one.
pub(super) fn build(
    tree: &Node,
    spec: &spec::Service,
    located: &Located<'_>,
    context: &mut Context<'_, '_>,
) -> Option<Build> {
    let build = spec.build.as_ref()?;
    check(spec, build, located, context);
    let dockerfile = match inline(build) {
        Some(text) => Dockerfile::Inline(text),
        None => {
            Dockerfile::Path(build.dockerfile.clone().unwrap_or_else(|| "Dockerfile".to_owned()))
        }
    };
    let root = match build.context.as_str() {
        remote if is_remote(remote) => ContextRoot::Remote(remote.to_owned()),
        path => ContextRoot::Directory(LocalPath::new(path)),
    };
    Some(Build {
        dockerfile,
        target: build.target.clone().filter(|target| !target.is_empty()),
        args: build
            .args
            .iter()
            .map(|(key, value)| (key.clone(), Secret::new(value.clone())))
            .collect(),
        labels: build.labels.clone(),
        network: build.network.clone(),
        extra_hosts: hosts(&build.extra_hosts),
        pull: build.pull,
        // A filter is more than the engine can be told; without any cache the named stages are built anew, too.
        no_cache: build.no_cache || !build.no_cache_filter.is_empty(),
        cache_from: build.cache_from.clone(),
        cache_inline: build.cache_to.iter().any(|entry| is_inline(entry)),
        contexts: contexts(tree, build, context),
        secrets: secrets(tree, build, located, context),
        ssh: agents(build, context),
        ulimits: build.ulimits.iter().map(ulimit).collect(),
        tags: build.tags.iter().cloned().collect(),
        shm_size_bytes: build.shm_size.filter(|size| *size != 0),
        platform: spec.platform.clone().or_else(|| build.platforms.first().cloned()),
        ..Build::of(root)
    })
}

/// Why the service is not run because of its build, if so.
pub(super) fn refusal(spec: &spec::Service) -> Option<Refusal> {
    let build = spec.build.as_ref()?;
    let remote = is_remote(&build.context);
    let fetched = |text: &String| is_remote(text) && !text.starts_with(IMAGE);
    let refusals = [
        ("build.entitlements", refusal::BUILD_ENTITLEMENTS, !build.entitlements.is_empty()),
        ("build.privileged", refusal::BUILD_PRIVILEGED, build.privileged),
        (
            "build.platforms",
            refusal::BUILD_PLATFORMS,
            build.platforms.len() > 1 && spec.platform.is_none(),
        ),
        (
            "build.additional_contexts",
            refusal::BUILD_CONTEXT,
            build.additional_contexts.values().any(fetched),
        ),
        (
            "build.dockerfile_inline",
            refusal::BUILD_REMOTE_INLINE,
            remote && inline(build).is_some(),
        ),
        (
            "build.additional_contexts",
            refusal::BUILD_REMOTE_INLINE,
            remote && !build.additional_contexts.is_empty(),
        ),
    ];
    let found = refusals.into_iter().find(|(.., asked)| *asked);
    found.map(|(attribute, why, _)| Refusal { attribute, why })
}

/// Why a cache goes nowhere.
const CACHE_TO: &str =
    "the builders inside of the engine export their cache into the image only; write type=inline";
/// Prefix of an additional context that is an image.
const IMAGE: &str = "docker-image://";

/// Whether the cache goes into the image.
fn is_inline(entry: &str) -> bool {
    entry.split(',').any(|part| part.trim() == "type=inline")
}

/// The text of `dockerfile_inline`, if there is one.
fn inline(build: &spec::Build) -> Option<String> {
    build.dockerfile_inline.clone().filter(|text| !text.is_empty())
}

/// Additional contexts. Those of services are their images.
fn contexts(
    tree: &Node,
    build: &spec::Build,
    context: &Context<'_, '_>,
) -> BTreeMap<String, NamedContext> {
    let of = |text: &str| match (text.strip_prefix("service:"), text.strip_prefix(IMAGE)) {
        (Some(name), _) => {
            let image = tree.at(&["services", name, "image"]).and_then(Node::as_text);
            let image = image.filter(|image| !image.is_empty()).map(str::to_owned);
            NamedContext::Service {
                service: ServiceName::new(name),
                image: image.unwrap_or_else(|| format!("{}-{name}", context.name)),
            }
        }
        (None, Some(image)) => NamedContext::Image(image.to_owned()),
        (None, None) => NamedContext::Directory(LocalPath::new(text)),
    };
    build.additional_contexts.iter().map(|(name, text)| (name.clone(), of(text))).collect()
}

/// Secrets by id: the target if there is one. Owner and permission bits are those of the `RUN` step's mount.
fn secrets(
    tree: &Node,
    build: &spec::Build,
    located: &Located<'_>,
    context: &mut Context<'_, '_>,
) -> BTreeMap<String, BuildSecret> {
    let mut out = BTreeMap::new();
    for (index, mount) in build.secrets.iter().enumerate() {
        let Some(definition) = tree.at(&["secrets", &mount.source]) else {
            continue;
        };
        let target = mount.target.as_deref().filter(|target| !target.is_empty());
        let id = target.unwrap_or(&mount.source).to_owned();
        let text = |key: &str| definition.get(key).and_then(Node::as_text).map(str::to_owned);
        let secret = if let Some(path) = text("file") {
            let field = format!("{}.build.secrets[{index}]", located.field);
            let Some(secret) = file_secret(LocalPath::new(path), &field, context) else {
                continue;
            };
            secret
        } else if let Some(variable) = text("environment") {
            let Some(value) = context.environment.get(&variable) else {
                let field = format!("{}.build.secrets[{index}]", located.field);
                let message = format!(
                    "secrets.{} is the variable {variable}, which is not set",
                    mount.source
                );
                let finding = Finding::error("required-variable", &field, message)
                    .at(definition.place)
                    .help(format!("set {variable} in the project's .env"));
                context.report.add(finding);
                continue;
            };
            BuildSecret::Value(Secret::new(&*value))
        } else {
            continue;
        };
        out.insert(id, secret);
    }
    out
}

/// A file, which is read when the build asks for it; of an encrypted one what it says. `None` after an error.
fn file_secret(path: LocalPath, field: &str, context: &mut Context<'_, '_>) -> Option<BuildSecret> {
    // A look only: a changed secret builds nothing anew, and is no other version.
    let Some(FileContent::Encrypted(file)) = context.files.list(&path) else {
        return Some(BuildSecret::File(path));
    };
    let plain = encrypted::opened(&path, file, field, context.report)?;
    if let Ok(text) = std::str::from_utf8(plain.bytes.expose()) {
        return Some(BuildSecret::Value(Secret::new(text)));
    }
    let message = format!("{} holds something else than text", path.display());
    let help = "an encrypted secret of a build is text in UTF-8; use base64 for anything else";
    context.report.add(Finding::error("encrypted-file", field, message).help(help));
    None
}

/// Agents by id. Without a path it is the user's own, if the settings let its variable in.
fn agents(
    build: &spec::Build,
    context: &mut Context<'_, '_>,
) -> BTreeMap<String, Option<LocalPath>> {
    let mut out = BTreeMap::new();
    for entry in &build.ssh {
        let (id, path) = match entry.split_once('=') {
            Some((id, path)) => (id, Some(path.to_owned())),
            None => (entry.as_str(), context.environment.get(AGENT).map(|path| path.to_string())),
        };
        let path = path.filter(|path| path.starts_with('/')).map(LocalPath::new);
        out.insert(id.to_owned(), path);
    }
    out
}

/// What excludes each other, and what is not there.
fn check(
    spec: &spec::Service,
    build: &spec::Build,
    located: &Located<'_>,
    context: &mut Context<'_, '_>,
) {
    let node = located.node.get("build").unwrap_or(located.node);
    let field = format!("{}.build", located.field);
    let mut error = |code: &'static str, key: &str, message: &str, help: &str| {
        let place = node.get(key).map_or(node.place, |node| node.place);
        let path = format!("{field}.{key}");
        context.report.add(Finding::error(code, &path, message).at(place).help(help));
    };
    if inline(build).is_some() && build.dockerfile.is_some() {
        error(
            "exclusive-keys",
            "dockerfile",
            "dockerfile and dockerfile_inline exclude each other",
            "remove one of the two",
        );
    }
    if let (Some(wanted), false) = (&spec.platform, build.platforms.is_empty())
        && !build.platforms.contains(wanted)
    {
        error("platforms", "platforms", "platforms does not hold the service's platform", "add it");
    }
    if build.cache_to.iter().any(|entry| !is_inline(entry)) {
        let path = format!("{field}.cache_to");
        let place = node.get("cache_to").map_or(node.place, |node| node.place);
        let message = format!("{path} has no effect");
        let finding = Finding::note("no-effect", &path, message).at(place);
        context.report.add(finding.help(CACHE_TO));
    }
    let Some(refused) = refusal(spec) else {
        return;
    };
    // What the table of keys knows is pointed out there.
    let key = refused.attribute.trim_start_matches("build.");
    if matches!(key, "entitlements" | "privileged") {
        return;
    }
    let path = format!("{field}.{key}");
    let place = node.get(key).map_or(node.place, |node| node.place);
    let message = format!("this service is not run because of {key}");
    let finding = Finding::warning("not-run", &path, message).at(place).help(refused.why);
    context.report.add(finding);
}
