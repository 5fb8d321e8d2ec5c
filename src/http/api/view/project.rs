//! Projects: in a few words for lists, and whole.

use serde::Serialize;

use crate::http::api::view::container::ContainerView;
use crate::http::api::view::service::{ConditionView, HoldView, ServiceView, earliest};
use crate::model::commit::Commit;
use crate::model::diagnostic::Diagnostic;
use crate::model::id::ProjectName;
use crate::model::revision::{ProjectRevision, Rollback, Verdict};
use crate::model::status::{ConditionKind, ProjectEdge, ProjectStatus, Truth};
use crate::model::time::Timestamp;

/// One project of a list.
#[derive(Debug, Serialize)]
pub(in crate::http::api) struct SummaryView<'a> {
    name: &'a ProjectName,
    source: &'a str,
    ready: String,
    reason: &'a str,
    message: &'a str,
    generation: u64,
    observed_generation: u64,
    observed_at: Option<Timestamp>,
    published_at: Timestamp,
    services: usize,
    ready_services: usize,
    holds: usize,
    next_try: Option<Timestamp>,
    revision: Option<u64>,
    commit: Option<&'a str>,
}

impl<'a> SummaryView<'a> {
    pub(in crate::http::api) fn of(status: &'a ProjectStatus) -> Self {
        let ready = status.conditions.iter().find(|one| one.kind == ConditionKind::Ready);
        let services = status.services.iter();
        let ready_services = services.filter(|service| {
            let mut conditions = service.conditions.iter();
            conditions.any(|one| one.kind == ConditionKind::Ready && one.status == Truth::True)
        });
        Self {
            name: &status.name,
            source: &status.source,
            ready: ready.map_or_else(|| "Unknown".to_owned(), |one| format!("{:?}", one.status)),
            reason: ready.map_or("", |one| one.reason.as_str()),
            message: ready.map_or("", |one| one.message.as_str()),
            generation: status.generation,
            observed_generation: status.observed_generation,
            observed_at: status.observed_at,
            published_at: status.published_at,
            services: status.services.len(),
            ready_services: ready_services.count(),
            holds: status.held.len(),
            next_try: earliest(status.held.iter(), status.services.iter()),
            revision: running(status).map(|revision| revision.number),
            commit: status.commit.as_ref().map(|commit| commit.id.as_str()),
        }
    }
}

/// One project.
#[derive(Debug, Serialize)]
pub(in crate::http::api) struct ProjectView<'a> {
    name: &'a ProjectName,
    source: &'a str,
    generation: u64,
    observed_generation: u64,
    observed_at: Option<Timestamp>,
    published_at: Timestamp,
    conditions: Vec<ConditionView<'a>>,
    holds: Vec<HoldView>,
    next_try: Option<Timestamp>,
    revision: Option<RevisionView<'a>>,
    rollback: Option<RollbackView>,
    commit: Option<&'a Commit>,
    depends_on: Vec<EdgeView<'a>>,
    findings: Vec<FindingView<'a>>,
    services: Vec<ServiceView<'a>>,
    others: Vec<ContainerView<'a>>,
    mutating_calls: u64,
}

/// The revision that is to run.
#[derive(Debug, Serialize)]
struct RevisionView<'a> {
    number: u64,
    digest: &'a str,
    since: Timestamp,
    verdict: &'static str,
    commit: Option<&'a str>,
}

/// Another revision runs than the files say.
#[derive(Debug, Serialize)]
struct RollbackView {
    from: u64,
    to: u64,
    since: Timestamp,
    cause: String,
}

/// Another project that it depends on.
#[derive(Debug, Serialize)]
struct EdgeView<'a> {
    project: &'a ProjectName,
    condition: String,
    required: bool,
    lacking: Option<&'a str>,
}

/// A finding in its manifest.
#[derive(Debug, Serialize)]
struct FindingView<'a> {
    severity: String,
    code: &'a str,
    place: Option<String>,
    field: &'a str,
    message: &'a str,
    help: Option<&'a str>,
}

impl<'a> ProjectView<'a> {
    pub(in crate::http::api) fn of(status: &'a ProjectStatus) -> Self {
        let services = status.services.iter();
        Self {
            name: &status.name,
            source: &status.source,
            generation: status.generation,
            observed_generation: status.observed_generation,
            observed_at: status.observed_at,
            published_at: status.published_at,
            conditions: ConditionView::all(&status.conditions),
            holds: status.held.iter().map(HoldView::of).collect(),
            next_try: earliest(status.held.iter(), status.services.iter()),
            revision: running(status).map(RevisionView::of),
            rollback: status.rollback.as_ref().map(RollbackView::of),
            commit: status.commit.as_ref(),
            depends_on: status.depends_on.iter().map(EdgeView::of).collect(),
            findings: status.diagnostics.iter().map(FindingView::of).collect(),
            services: services.map(|service| ServiceView::of(status, service)).collect(),
            others: status.others.iter().map(ContainerView::of).collect(),
            mutating_calls: status.mutating_calls,
        }
    }
}

/// The one that a rollback leads to, or the newest.
fn running(status: &ProjectStatus) -> Option<&ProjectRevision> {
    match &status.rollback {
        Some(rollback) => status.revisions.iter().find(|one| one.number == rollback.to),
        None => status.revisions.last(),
    }
}

impl<'a> RevisionView<'a> {
    fn of(revision: &'a ProjectRevision) -> Self {
        Self {
            number: revision.number,
            digest: &revision.digest,
            since: revision.since,
            verdict: match revision.verdict {
                Verdict::Open => "open",
                Verdict::Stable { .. } => "stable",
                Verdict::Rejected(_) => "rejected",
            },
            commit: revision.commit.as_ref().map(|commit| commit.id.as_str()),
        }
    }
}

impl RollbackView {
    fn of(rollback: &Rollback) -> Self {
        let cause = format!("{:?}", rollback.cause).to_lowercase();
        Self { from: rollback.from, to: rollback.to, since: rollback.since, cause }
    }
}

impl<'a> EdgeView<'a> {
    fn of(edge: &'a ProjectEdge) -> Self {
        Self {
            project: &edge.project,
            condition: edge.condition.to_string(),
            required: edge.required,
            lacking: edge.lacking.as_deref(),
        }
    }
}

impl<'a> FindingView<'a> {
    fn of(found: &'a Diagnostic) -> Self {
        Self {
            severity: found.severity.to_string(),
            code: &found.code,
            place: found.location.as_ref().map(ToString::to_string),
            field: &found.field,
            message: &found.message,
            help: found.help.as_deref(),
        }
    }
}
