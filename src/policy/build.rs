//! Builds: their network, what goes in, and whether there are any.

use crate::model::build::{Build, BuildSecret, ContextRoot, Dockerfile, NamedContext};
use crate::model::rulebook::Level;
use crate::model::violation::Rule;
use crate::policy::fields::{BUILD_PARAMETERS, CLIENT_PARAMETERS};
use crate::policy::image;
use crate::policy::judge::Judge;
use crate::policy::mounts::is_in_project;
use crate::policy::request::BuildInput;

/// Paths that a build reads, as they are written.
pub(super) fn paths(build: &Build) -> Vec<String> {
    let mut paths: Vec<String> =
        contexts(build).map(|(_, path)| path.as_path().display().to_string()).collect();
    paths.extend(dockerfile(build));
    paths.extend(secrets(build).map(|(_, path)| path.as_path().display().to_string()));
    paths
}

fn contexts(build: &Build) -> impl Iterator<Item = (&str, &crate::model::path::LocalPath)> {
    let own = build.directory().map(|path| ("build.context", path));
    let named = build.contexts.values().filter_map(|context| match context {
        NamedContext::Directory(path) => Some(("build.additional_contexts", path)),
        NamedContext::Image(_) | NamedContext::Service { .. } => None,
    });
    own.into_iter().chain(named)
}

fn secrets(build: &Build) -> impl Iterator<Item = (&str, &crate::model::path::LocalPath)> {
    build.secrets.iter().filter_map(|(id, secret)| match secret {
        BuildSecret::File(path) => Some((id.as_str(), path)),
        BuildSecret::Value(_) => None,
    })
}

/// The instructions, if they are a file that this process reads.
fn dockerfile(build: &Build) -> Option<String> {
    match (&build.dockerfile, &build.context) {
        (Dockerfile::Path(path), ContextRoot::Directory(context)) => {
            Some(context.join(path).as_path().display().to_string())
        }
        _ => None,
    }
}

pub(super) fn judge(judge: &mut Judge<'_>, input: &BuildInput<'_>) {
    let build = input.build;
    for context in build.contexts.values() {
        if let NamedContext::Image(reference) = context {
            image::judge(judge, reference);
        }
    }
    if !judge.holds(Level::Baseline) {
        return;
    }
    for parameter in &input.parameters {
        if !BUILD_PARAMETERS.contains(parameter) && !CLIENT_PARAMETERS.contains(parameter) {
            judge.refuse(Rule::UnknownField, parameter, "");
        }
    }
    let network = build.network.as_deref().filter(|mode| !matches!(*mode, "default" | "none" | ""));
    if let Some(mode) = network {
        judge.refuse(Rule::BuildNetwork, "build.network", mode);
    }
    for (field, path) in contexts(build) {
        let path = path.as_path().display().to_string();
        if !is_in_project(judge, &path) {
            judge.refuse(Rule::BuildContext, field, &path);
        }
    }
    if let Some(path) = dockerfile(build).filter(|path| !is_in_project(judge, path)) {
        judge.refuse(Rule::BuildContext, "build.dockerfile", &path);
    }
    if let ContextRoot::Remote(address) = &build.context {
        // Credentials may stand before the host.
        let shown = address.rsplit_once('@').map_or(address.as_str(), |(_, host)| host);
        judge.refuse(Rule::BuildContext, "build.context", shown);
    }
    for (id, path) in secrets(build) {
        if !is_in_project(judge, &path.as_path().display().to_string()) {
            judge.refuse(Rule::BuildSecrets, "build.secrets", id);
        }
    }
    for id in build.ssh.keys() {
        judge.refuse(Rule::BuildSecrets, "build.ssh", id);
    }
    if judge.holds(Level::Restricted) {
        judge.refuse(Rule::Build, "build", "");
    }
}
