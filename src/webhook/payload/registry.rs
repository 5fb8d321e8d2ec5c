//! Pushes of images, as registries tell of them.

use crate::model::hint::SyncHint;
use crate::webhook::fields::{Fields, Malformed};
use crate::webhook::hook::Hook;
use crate::webhook::payload::message::{Message, nothing};

/// Images that are looked for in one message.
const MOST_IMAGES: usize = 16;

type Read = Result<Message, Malformed>;

fn image(name: &str, tag: Option<&str>, digest: Option<&str>, missing: &'static str) -> Read {
    let hint = SyncHint::image(name, tag, digest).ok_or(Malformed::Missing(missing))?;
    Ok(Message::Hints(vec![hint]))
}

/// The name of a repository with its registry: as the settings call it, else as it calls itself.
fn full(hook: &Hook, host: Option<&str>, name: &str) -> Option<String> {
    let host = hook.registry().or(host)?;
    Some(format!("{host}/{name}"))
}

/// Docker Hub: `repository.repo_name`, `push_data.tag`.
pub(super) fn docker_hub(fields: &Fields) -> Read {
    let name =
        fields.get("repository/repo_name").ok_or(Malformed::Missing("repository.repo_name"))?;
    image(&format!("docker.io/{name}"), fields.get("push_data/tag"), None, "repository.repo_name")
}

/// Quay: `docker_url`, `updated_tags`.
pub(super) fn quay(hook: &Hook, fields: &Fields) -> Read {
    let name = match (hook.registry(), fields.get("repository")) {
        (Some(host), Some(name)) => Some(format!("{host}/{name}")),
        _ => fields.get("docker_url").map(str::to_owned),
    };
    let name = name.ok_or(Malformed::Missing("docker_url"))?;
    let tags = (0..MOST_IMAGES).map_while(|index| fields.get(&format!("updated_tags/{index}")));
    let hints: Vec<_> = tags.filter_map(|tag| SyncHint::image(&name, Some(tag), None)).collect();
    if hints.is_empty() {
        return image(&name, None, None, "docker_url");
    }
    Ok(Message::Hints(hints))
}

/// Azure Container Registry: `action`, `request.host`, `target`.
pub(super) fn acr(hook: &Hook, fields: &Fields) -> Read {
    match fields.get("action") {
        Some("push") => {}
        Some(other) => return Ok(nothing(other)),
        None => return Err(Malformed::Missing("action")),
    }
    // The target comes first; the host may lie behind a cut.
    let name = fields.get("target/repository").ok_or(Malformed::Missing("target.repository"))?;
    let name = full(hook, fields.get("request/host"), name);
    let name = name.ok_or(Malformed::Missing("request.host"))?;
    image(&name, fields.get("target/tag"), fields.get("target/digest"), "target.repository")
}

/// Harbor: `type`, `event_data.resources`.
pub(super) fn harbor(hook: &Hook, fields: &Fields) -> Read {
    match fields.get("type") {
        Some("PUSH_ARTIFACT" | "pushImage") => {}
        Some(other) => return Ok(nothing(other)),
        None => return Err(Malformed::Missing("type")),
    }
    let mut hints = Vec::new();
    for index in 0..MOST_IMAGES {
        let of = |rest: &str| fields.get(&format!("event_data/resources/{index}/{rest}"));
        let Some(url) = of("resource_url") else { break };
        let name = match (hook.registry(), url.split_once('/')) {
            (Some(host), Some((_, name))) => format!("{host}/{name}"),
            _ => url.to_owned(),
        };
        hints.extend(SyncHint::image(&name, of("tag"), of("digest")));
    }
    some(hints, "event_data.resources")
}

/// Nexus: `component`. It does not say which host its images are pulled from.
pub(super) fn nexus(hook: &Hook, fields: &Fields) -> Read {
    if fields.get("component/format").is_some_and(|format| format != "docker") {
        return Ok(Message::Nothing("a component that is no container image".to_owned()));
    }
    match fields.get("action") {
        Some("CREATED" | "UPDATED") => {}
        other => return Ok(nothing(other.unwrap_or("no action"))),
    }
    let name = fields.get("component/name").ok_or(Malformed::Missing("component.name"))?;
    let name = full(hook, None, name).ok_or(Malformed::Missing("component.name"))?;
    image(&name, fields.get("component/version"), None, "component.name")
}

/// Notifications of Distribution: a list of events, of which pushes with a tag count.
pub(super) fn distribution(hook: &Hook, fields: &Fields) -> Read {
    let mut hints = Vec::new();
    let mut seen = false;
    for index in 0..MOST_IMAGES {
        let of = |rest: &str| fields.get(&format!("events/{index}/{rest}"));
        let Some(action) = of("action") else { break };
        seen = true;
        let name = of("target/repository").and_then(|name| full(hook, of("request/host"), name));
        if let ("push", Some(name), Some(tag)) = (action, name, of("target/tag")) {
            hints.extend(SyncHint::image(&name, Some(tag), of("target/digest")));
        }
    }
    match (seen, hints.is_empty()) {
        (false, _) => Err(Malformed::Missing("events")),
        (true, true) => Ok(Message::Nothing("no push of a tag".to_owned())),
        (true, false) => Ok(Message::Hints(hints)),
    }
}

/// Packages of Gitea and Forgejo; the registry is the host of the forge.
pub(super) fn package_of_gitea(fields: &Fields) -> Read {
    if fields.get("package/type").is_some_and(|kind| kind != "container") {
        return Ok(Message::Nothing("a package that is no container image".to_owned()));
    }
    if fields.get("action").is_some_and(|action| action != "created") {
        return Ok(nothing("package"));
    }
    let url = fields.get("package/html_url").and_then(|url| url.split_once("://"));
    let host = url.and_then(|(_, rest)| rest.split('/').next());
    let owner = fields.any(&["package/owner/login", "package/owner/username"]);
    let (Some(host), Some(owner), Some(name)) = (host, owner, fields.get("package/name")) else {
        return Err(Malformed::Missing("package"));
    };
    image(&format!("{host}/{owner}/{name}"), fields.get("package/version"), None, "package")
}

fn some(hints: Vec<SyncHint>, missing: &'static str) -> Read {
    if hints.is_empty() { Err(Malformed::Missing(missing)) } else { Ok(Message::Hints(hints)) }
}
