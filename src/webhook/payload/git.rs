//! Pushes, as forges tell of them.

use crate::model::hint::SyncHint;
use crate::webhook::fields::{Fields, Malformed};
use crate::webhook::payload::message::{Message, nothing};
use crate::webhook::payload::registry::package_of_gitea;

/// Changes of references that are looked at in one message.
const MOST_CHANGES: usize = 16;

type Read = Result<Message, Malformed>;

/// The event that a header has to name.
fn named<'e>(event: Option<&'e str>, header: &'static str) -> Result<&'e str, Malformed> {
    event.ok_or(Malformed::Missing(header))
}

fn one(hint: SyncHint) -> Message {
    Message::Hints(vec![hint])
}

/// Texts at these paths.
fn all<'f>(fields: &'f Fields, paths: &[&str]) -> Vec<&'f str> {
    paths.iter().filter_map(|path| fields.get(path)).collect()
}

/// GitHub: `push`, and packages of its container registry.
pub(super) fn github(event: Option<&str>, fields: &Fields) -> Read {
    match named(event, "X-GitHub-Event")? {
        "push" => push(fields),
        event @ ("package" | "registry_package") => package_of_github(event, fields),
        other => Ok(nothing(other)),
    }
}

/// Gitea, Forgejo and Gogs: `push`, and packages of their container registries.
pub(super) fn gitea(event: Option<&str>, fields: &Fields) -> Read {
    match named(event, "X-…-Event")? {
        "push" => push(fields),
        "package" => package_of_gitea(fields),
        other => Ok(nothing(other)),
    }
}

fn push(fields: &Fields) -> Read {
    let reference = fields.need("ref")?;
    let paths = ["clone_url", "ssh_url", "html_url", "git_url"];
    let paths = paths.map(|name| format!("repository/{name}"));
    let urls: Vec<&str> = paths.iter().filter_map(|path| fields.get(path)).collect();
    if urls.is_empty() {
        fields.need("repository/clone_url")?;
    }
    Ok(one(SyncHint::git(urls, reference, fields.get("after"))))
}

fn package_of_github(event: &str, fields: &Fields) -> Read {
    let at = |rest: &str| format!("{event}/{rest}");
    let get = |rest: &str| fields.get(&at(rest));
    let kind = get("package_type").or_else(|| get("ecosystem"));
    if kind.is_some_and(|kind| {
        !kind.eq_ignore_ascii_case("container") && !kind.eq_ignore_ascii_case("docker")
    }) {
        return Ok(Message::Nothing("a package that is no container image".to_owned()));
    }
    let tag = get("package_version/container_metadata/tag/name");
    let digest = get("package_version/container_metadata/tag/digest");
    let owner = get("namespace").or_else(|| get("owner/login"));
    let hint = match (owner, get("name")) {
        (Some(owner), Some(name)) => {
            SyncHint::image(&format!("ghcr.io/{owner}/{name}"), tag, digest)
        }
        _ => None,
    };
    hint.map(one).ok_or(Malformed::Missing("package"))
}

/// GitLab: pushes of branches and tags, also by system hooks.
pub(super) fn gitlab(event: Option<&str>, fields: &Fields) -> Read {
    let event = match named(event, "X-Gitlab-Event")? {
        "System Hook" => fields.get("event_name").unwrap_or("System Hook"),
        other => other,
    };
    if !["Push Hook", "Tag Push Hook", "push", "tag_push"].contains(&event) {
        return Ok(nothing(event));
    }
    let reference = fields.need("ref")?;
    let urls = all(
        fields,
        &[
            "project/git_http_url",
            "project/git_ssh_url",
            "project/web_url",
            "repository/git_http_url",
            "repository/git_ssh_url",
        ],
    );
    if urls.is_empty() {
        fields.need("project/git_http_url")?;
    }
    Ok(one(SyncHint::git(urls, reference, fields.any(&["checkout_sha", "after"]))))
}

/// Bitbucket Cloud: `repo:push`, with several references at once.
pub(super) fn bitbucket(event: Option<&str>, fields: &Fields) -> Read {
    match named(event, "X-Event-Key")? {
        "repo:push" => {}
        other => return Ok(nothing(other)),
    }
    let mut urls: Vec<String> =
        fields.get("repository/links/html/href").map(str::to_owned).into_iter().collect();
    if let Some(name) = fields.get("repository/full_name") {
        urls.push(format!("https://bitbucket.org/{name}.git"));
        urls.push(format!("git@bitbucket.org:{name}.git"));
    }
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let mut hints = Vec::new();
    for index in 0..MOST_CHANGES {
        let of =
            |side: &str, rest: &str| fields.get(&format!("push/changes/{index}/{side}/{rest}"));
        // What was deleted has no new side.
        let side = ["new", "old"].into_iter().find(|side| of(side, "name").is_some());
        let Some(side) = side else { break };
        let kind = if of(side, "type") == Some("tag") { "tags" } else { "heads" };
        let reference = of(side, "name").map(|name| format!("refs/{kind}/{name}"));
        let commit = of("new", "target/hash");
        hints.push(SyncHint::git(urls.iter().copied(), reference.as_deref(), commit));
    }
    several(hints, &urls, fields, "push/changes")
}

/// Bitbucket Data Center: `repo:refs_changed`.
pub(super) fn bitbucket_server(event: Option<&str>, fields: &Fields) -> Read {
    match named(event, "X-Event-Key")? {
        "repo:refs_changed" => {}
        other => return Ok(nothing(other)),
    }
    let paths = ["repository/links/clone/0/href", "repository/links/clone/1/href"];
    let urls = all(fields, &paths);
    let mut hints = Vec::new();
    for index in 0..MOST_CHANGES {
        let of = |rest: &str| fields.get(&format!("changes/{index}/{rest}"));
        let Some(reference) = of("refId").or_else(|| of("ref/id")) else { break };
        hints.push(SyncHint::git(urls.iter().copied(), Some(reference), of("toHash")));
    }
    several(hints, &urls, fields, "changes")
}

/// Hints of several changes, of which none may have come before a cut.
fn several(
    mut hints: Vec<SyncHint>,
    urls: &[&str],
    fields: &Fields,
    missing: &'static str,
) -> Read {
    if hints.is_empty() && !fields.is_cut() {
        return Err(Malformed::Missing(missing));
    }
    if hints.is_empty() {
        hints.push(SyncHint::git(urls.iter().copied(), None, None));
    }
    Ok(Message::Hints(hints))
}
