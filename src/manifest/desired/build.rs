//! How an image is built.

use super::container::{Located, hosts};
use super::spec;
use crate::manifest::forms::is_remote;
use crate::manifest::normalise::Context;
use crate::manifest::report::Finding;
use crate::model::desired::{Build, Dockerfile};
use crate::model::path::LocalPath;
use crate::model::secret::Secret;

/// The build of a service, if it has one.
pub(super) fn build(
    spec: &spec::Service,
    located: &Located<'_>,
    context: &mut Context<'_, '_>,
) -> Option<Build> {
    let build = spec.build.as_ref()?;
    check(spec, build, located, context);
    let inline = inline(build);
    Some(Build {
        context: LocalPath::new(&build.context),
        dockerfile: match inline {
            Some(text) => Dockerfile::Inline(text),
            None => Dockerfile::Path(
                build.dockerfile.clone().unwrap_or_else(|| "Dockerfile".to_owned()),
            ),
        },
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
        no_cache: build.no_cache,
        cache_from: build.cache_from.clone(),
        tags: build.tags.iter().cloned().collect(),
        shm_size_bytes: build.shm_size.filter(|size| *size != 0),
        platform: spec.platform.clone().or_else(|| build.platforms.first().cloned()),
    })
}

/// The text of `dockerfile_inline`, if there is one.
fn inline(build: &spec::Build) -> Option<String> {
    build.dockerfile_inline.clone().filter(|text| !text.is_empty())
}

/// What excludes each other, and what the classic builder cannot do.
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
    if is_remote(&build.context) {
        error(
            "not-built-yet",
            "context",
            "remote build contexts are not built yet",
            "clone it and name the directory",
        );
    }
    if inline(build).is_some() && build.dockerfile.is_some() {
        error(
            "exclusive-keys",
            "dockerfile",
            "dockerfile and dockerfile_inline exclude each other",
            "remove one of the two",
        );
    }
    let platform = spec.platform.as_ref();
    if let (Some(wanted), false) = (platform, build.platforms.is_empty())
        && !build.platforms.contains(wanted)
    {
        error("platforms", "platforms", "platforms does not hold the service's platform", "add it");
    }
    if build.platforms.len() > 1 && platform.is_none() {
        error(
            "not-built-yet",
            "platforms",
            "an image for several platforms is not built yet",
            "name one, or set platform",
        );
    }
}
