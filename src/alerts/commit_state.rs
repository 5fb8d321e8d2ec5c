//! The state of a commit as forges show it, and the request that tells them. Pure.

use std::fmt;

use serde_json::{Value, json};

use crate::model::commit::Commit;
use crate::model::git_source::ForgeKind;
use crate::model::revision::Verdict;
use crate::model::status::{Condition, ConditionKind, ProjectStatus, Truth};

/// Longest description that all forges take, in characters (GitHub REST API, commit statuses: 140).
const LONGEST: usize = 140;

/// Where the interface of the public server is; Gitea has none.
pub fn public_api(forge: ForgeKind) -> Option<&'static str> {
    match forge {
        ForgeKind::GitHub => Some("https://api.github.com"),
        ForgeKind::GitLab => Some("https://gitlab.com/api/v4"),
        ForgeKind::Gitea => None,
    }
}

/// How far a commit is on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitState {
    /// It is being rolled out.
    Pending,
    /// It runs, and all of it is Ready.
    Success,
    /// It was rejected, cannot be loaded, or will not get better by itself.
    Failure,
}

impl CommitState {
    fn word(self, forge: ForgeKind) -> &'static str {
        match (self, forge) {
            (Self::Pending, ForgeKind::GitLab) => "running",
            (Self::Pending, ForgeKind::GitHub | ForgeKind::Gitea) => "pending",
            (Self::Success, _) => "success",
            (Self::Failure, ForgeKind::GitLab) => "failed",
            (Self::Failure, ForgeKind::GitHub | ForgeKind::Gitea) => "failure",
        }
    }
}

/// The commit that a project's files come from and how far it is; `None` if no commit is known.
pub fn state_of(project: &ProjectStatus) -> Option<(&Commit, CommitState, String)> {
    let commit = project.commit.as_ref()?;
    let mut revisions = project.revisions.iter().rev();
    let own = revisions.find(|one| one.commit.as_ref().is_some_and(|known| known.id == commit.id));
    if let Some(Verdict::Rejected(failure)) = own.map(|one| &one.verdict) {
        let text = format!("rolled back: {}: {}", failure.service, failure.cause);
        return Some((commit, CommitState::Failure, text));
    }
    let condition = |kind: ConditionKind| {
        let found =
            project.conditions.iter().find(|one| one.kind == kind && one.status == Truth::True);
        found.filter(|one| one.observed_generation == project.generation)
    };
    let said = |one: &Condition| format!("{}: {}", one.reason, one.message);
    if let Some(ready) = condition(ConditionKind::Ready) {
        return Some((commit, CommitState::Success, said(ready)));
    }
    if let Some(stalled) = condition(ConditionKind::Stalled) {
        return Some((commit, CommitState::Failure, said(stalled)));
    }
    let going = condition(ConditionKind::Reconciling);
    Some((commit, CommitState::Pending, going.map_or_else(|| "being rolled out".to_owned(), said)))
}

/// A request that tells a forge.
#[derive(Clone, PartialEq, Eq)]
pub struct StatusRequest {
    /// Where to.
    pub url: String,
    /// The header that the token goes into, and what stands before it there.
    pub authorization: (&'static str, &'static str),
    /// JSON.
    pub body: Value,
}

impl fmt::Debug for StatusRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusRequest").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The request; `api` is the base of the interface, `context` the name under which the state is shown.
pub fn request(
    (forge, api, repository): (ForgeKind, &str, &str),
    (commit, state): (&Commit, CommitState),
    (context, description): (&str, &str),
) -> StatusRequest {
    let description: String =
        description.chars().filter(|letter| !letter.is_control()).take(LONGEST).collect();
    let word = state.word(forge);
    let api = api.trim_end_matches('/');
    let (url, authorization) = match forge {
        ForgeKind::GitHub => (
            format!("{api}/repos/{repository}/statuses/{}", commit.id),
            ("Authorization", "Bearer "),
        ),
        ForgeKind::Gitea => (
            format!("{api}/api/v1/repos/{repository}/statuses/{}", commit.id),
            ("Authorization", "token "),
        ),
        ForgeKind::GitLab => {
            let project = repository.replace('/', "%2F");
            (format!("{api}/projects/{project}/statuses/{}", commit.id), ("PRIVATE-TOKEN", ""))
        }
    };
    let key = if forge == ForgeKind::GitLab { "name" } else { "context" };
    StatusRequest {
        url,
        authorization,
        body: json!({"state": word, key: context, "description": description}),
    }
}
