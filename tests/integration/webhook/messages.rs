//! Messages of every forge as they are documented, shortened, and the hints in them.

use composelet::webhook::{Forge, HEAD_BYTES, Hook, HookParts, Message, read};
use serde_json::{Value, json};

use super::delivery::{Delivery, SECRET, hook, parts, secret};

const COMMIT: &str = "da1560886d4f094c3e6c9ef40349f7d38b5d27d7";

/// The hints of a message as text, or what it is instead.
fn hints_of(hook: &Hook, event: &str, body: &[u8]) -> String {
    let secret = secret(hook.forge());
    let authentic = Delivery::new(hook, secret, event, body).send(hook).unwrap();
    match read(hook, &authentic) {
        Ok(Message::Hints(hints)) => {
            hints.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ")
        }
        Ok(Message::Nothing(what)) => format!("nothing: {what}"),
        Err(malformed) => format!("malformed: {malformed}"),
    }
}

fn check(forge: Forge, event: &str, body: &Value, expected: &str) {
    let told = hints_of(&hook(forge), event, body.to_string().as_bytes());
    assert_eq!(told, expected, "{forge:?} {event}");
}

fn github() -> Value {
    json!({
        "ref": "refs/heads/main", "before": "0".repeat(40), "after": COMMIT,
        "repository": {
            "id": 1, "full_name": "acme/shop", "html_url": "https://github.com/acme/shop",
            "git_url": "git://github.com/acme/shop.git", "ssh_url": "git@github.com:acme/shop.git",
            "clone_url": "https://user:pass@github.com/acme/shop.git",
        },
        "deleted": false, "commits": [{"id": COMMIT, "added": ["a"]}],
    })
}

#[test]
fn pushes_of_github() {
    let expected = "refs/heads/main of git://github.com/acme/shop.git at da1560886d4f";
    check(Forge::Github, "push", &github(), expected);
    check(Forge::Github, "ping", &json!({"zen": "x", "hook_id": 1}), "nothing: `ping` is no push");
    let mut deleted = github();
    deleted["after"] = "0".repeat(40).into();
    let expected = "refs/heads/main of git://github.com/acme/shop.git";
    check(Forge::Github, "push", &deleted, expected);
    check(Forge::Github, "push", &json!({"ref": 5}), "malformed: `ref` is missing");
    check(
        Forge::Github,
        "push",
        &json!([1]),
        "malformed: the body is no JSON object: line 1, column 0",
    );
    let package = |kind: &str| {
        json!({"action": "published", "registry_package": {
            "name": "shop", "namespace": "Acme", "package_type": kind, "package_version": {
                "container_metadata": {"tag": {"name": "1.4", "digest": format!("sha256:{}", "ab".repeat(32))}},
            },
        }})
    };
    let expected = format!("ghcr.io/acme/shop:1.4@sha256:{}", "ab".repeat(32));
    check(Forge::Github, "registry_package", &package("CONTAINER"), &expected);
    let other = "nothing: a package that is no container image";
    check(Forge::Github, "registry_package", &package("npm"), other);
}

#[test]
fn pushes_of_gitlab() {
    let push = json!({
        "object_kind": "push", "event_name": "push", "after": COMMIT, "ref": "refs/tags/v1",
        "checkout_sha": COMMIT, "project": {
            "web_url": "https://gitlab.test/acme/shop",
            "git_ssh_url": "git@gitlab.test:acme/shop.git",
            "git_http_url": "https://gitlab.test/acme/shop.git",
        },
    });
    let expected = "refs/tags/v1 of git@gitlab.test:acme/shop.git at da1560886d4f";
    for forge in [Forge::Gitlab, Forge::GitlabSigned] {
        for event in ["Push Hook", "Tag Push Hook", "System Hook"] {
            check(forge, event, &push, expected);
        }
        check(forge, "Issue Hook", &push, "nothing: `Issue Hook` is no push");
        let created = json!({"event_name": "user_create"});
        check(forge, "System Hook", &created, "nothing: `user_create` is no push");
        check(forge, "Push Hook", &json!({}), "malformed: `ref` is missing");
    }
}

#[test]
fn pushes_of_gitea_and_its_kin() {
    let push = json!({
        "ref": "refs/heads/main", "after": COMMIT, "commits": [],
        "repository": {"clone_url": "https://git.test/acme/shop.git", "html_url": "https://git.test/acme/shop"},
    });
    let package = json!({"action": "created", "package": {
        "type": "container", "name": "shop", "version": "latest", "owner": {"login": "acme"},
        "html_url": "https://git.test:3000/acme/-/packages/container/shop/latest",
    }});
    for forge in [Forge::Gitea, Forge::Forgejo, Forge::Gogs] {
        let expected = "refs/heads/main of https://git.test/acme/shop at da1560886d4f";
        check(forge, "push", &push, expected);
        check(forge, "package", &package, "git.test:3000/acme/shop:latest");
        check(forge, "release", &push, "nothing: `release` is no push");
        let bare = json!({"ref": "refs/heads/main", "repository": {}});
        check(forge, "push", &bare, "malformed: `repository/clone_url` is missing");
    }
}

#[test]
fn pushes_of_bitbucket() {
    let cloud = json!({
        "push": {"changes": [
            {"new": {"type": "branch", "name": "main", "target": {"hash": COMMIT}}, "old": null},
            {"new": null, "old": {"type": "tag", "name": "v1", "target": {"hash": COMMIT}}},
        ]},
        "repository": {"full_name": "acme/shop", "links": {"html": {"href": "https://bitbucket.org/acme/shop"}}},
    });
    let expected = "refs/heads/main of git@bitbucket.org:acme/shop.git at da1560886d4f | \
                    refs/tags/v1 of git@bitbucket.org:acme/shop.git";
    check(Forge::Bitbucket, "repo:push", &cloud, expected);
    check(
        Forge::Bitbucket,
        "repo:push",
        &json!({"push": {}}),
        "malformed: `push/changes` is missing",
    );
    check(Forge::Bitbucket, "repo:fork", &cloud, "nothing: `repo:fork` is no push");
    let server = json!({
        "eventKey": "repo:refs_changed",
        "repository": {"slug": "shop", "links": {"clone": [
            {"href": "ssh://git@bitbucket.test:7999/acme/shop.git", "name": "ssh"},
            {"href": "https://bitbucket.test/scm/acme/shop.git", "name": "http"},
        ]}},
        "changes": [{"refId": "refs/heads/main", "toHash": COMMIT, "type": "UPDATE"}],
    });
    let expected = "refs/heads/main of https://bitbucket.test/scm/acme/shop.git at da1560886d4f";
    check(Forge::BitbucketServer, "repo:refs_changed", &server, expected);
    let ping = "nothing: `diagnostics:ping` is no push";
    check(Forge::BitbucketServer, "diagnostics:ping", &json!({"test": true}), ping);
}

#[test]
fn pushes_to_registries() {
    let hub = json!({"push_data": {"tag": "1.4"}, "repository": {"repo_name": "acme/shop"}});
    check(Forge::DockerHub, "", &hub, "docker.io/acme/shop:1.4");
    check(Forge::DockerHub, "", &json!({}), "malformed: `repository.repo_name` is missing");
    let quay = json!({"docker_url": "quay.io/acme/shop", "updated_tags": ["1", "latest"]});
    check(Forge::Quay, "", &quay, "quay.io/acme/shop:1 | quay.io/acme/shop:latest");
    let acr = json!({"action": "push", "target": {"repository": "shop", "tag": "1"}, "request": {"host": "acme.azurecr.io"}});
    check(Forge::Acr, "", &acr, "acme.azurecr.io/shop:1");
    check(Forge::Acr, "", &json!({"action": "ping"}), "nothing: `ping` is no push");
    let harbor = json!({"type": "PUSH_ARTIFACT", "event_data": {"resources": [
        {"tag": "1", "resource_url": "harbor.test/acme/shop:1"},
    ]}});
    check(Forge::Harbor, "", &harbor, "harbor.test/acme/shop:1");
    check(
        Forge::Harbor,
        "",
        &json!({"type": "PULL_ARTIFACT"}),
        "nothing: `PULL_ARTIFACT` is no push",
    );
    let nexus = json!({"action": "CREATED", "repositoryName": "docker",
        "component": {"format": "docker", "name": "acme/shop", "version": "1"}});
    check(Forge::Nexus, "", &nexus, "nexus.test/acme/shop:1");
    let target = |tag: Value| json!({"repository": "acme/shop", "tag": tag});
    let event = |action: &str, tag: Value| json!({"action": action, "target": target(tag), "request": {"host": "registry:5000"}});
    let events = json!({"events": [event("push", "1".into()), event("push", Value::Null), event("pull", "2".into())]});
    check(Forge::Registry, "", &events, "registry:5000/acme/shop:1");
    let pull = json!({"events": [event("pull", "2".into())]});
    check(Forge::Registry, "", &pull, "nothing: no push of a tag");
    let named =
        HookParts { registry: Some("reg.test".to_owned()), ..parts(Forge::Registry, &[SECRET]) };
    let told = hints_of(&Hook::new(named).unwrap(), "", events.to_string().as_bytes());
    assert_eq!(told, "reg.test/acme/shop:1");
}

#[test]
fn messages_of_our_own() {
    for forge in [Forge::Hmac, Forge::Token] {
        check(forge, "", &json!({"image": "nginx:1.27"}), "docker.io/library/nginx:1.27");
        let git = json!({"url": "https://h/a.git", "ref": "refs/heads/main"});
        check(forge, "", &git, "refs/heads/main of https://h/a.git");
        check(forge, "", &json!({}), "malformed: `url` or `image` is missing");
        let only = HookParts { source: Some("shop".to_owned()), ..parts(forge, &[SECRET]) };
        let told = hints_of(&Hook::new(only).unwrap(), "", b"{}");
        assert_eq!(told, "some reference of the git source shop");
    }
}

/// Of a body that is larger than what is kept, what comes first counts.
#[test]
fn a_large_body_is_still_a_hint() {
    let mut large = github().to_string();
    let files = format!("\"{}\",", "f".repeat(60)).repeat(20_000);
    large.truncate(large.len() - 1);
    large = format!("{large},\"files\":[{files}\"\"]}}");
    assert!(large.len() > 1_000_000);
    // `serde_json` sorts keys, so `commits` of one file comes first, as with GitHub nothing large does.
    let expected = "refs/heads/main of git://github.com/acme/shop.git at da1560886d4f";
    assert_eq!(hints_of(&hook(Forge::Github), "push", large.as_bytes()), expected);

    // Gitea sends the commits first: the repository lies behind the cut.
    let commits = format!("{{\"added\":[{files}\"\"]}}");
    let body = format!(
        "{{\"ref\":\"refs/heads/main\",\"after\":\"{COMMIT}\",\"commits\":[{commits}],\
         \"repository\":{{\"clone_url\":\"https://git.test/a\"}}}}"
    );
    let told = hints_of(&hook(Forge::Gitea), "push", body.as_bytes());
    assert_eq!(told, "refs/heads/main of some repository at da1560886d4f");
    let only = HookParts { source: Some("shop".to_owned()), ..parts(Forge::Gitea, &[SECRET]) };
    let told = hints_of(&Hook::new(only).unwrap(), "push", body.as_bytes());
    assert_eq!(told, "refs/heads/main of the git source shop at da1560886d4f");
    let blank = " ".repeat(HEAD_BYTES);
    let told = hints_of(&hook(Forge::Gitea), "push", format!("{blank}nonsense").as_bytes());
    assert_eq!(told, "some reference of some repository", "nothing of it is known to be wrong");
}
