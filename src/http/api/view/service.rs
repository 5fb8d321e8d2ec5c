//! Services, with the conditions and holds that projects have too.

use serde::Serialize;

use crate::http::api::view::container::{ContainerView, next_try};
use crate::model::held::Held;
use crate::model::id::ProjectName;
use crate::model::status::{Condition, ProjectStatus, ServiceStatus};
use crate::model::time::Timestamp;

/// A condition in the words of Kubernetes' API conventions.
#[derive(Debug, Serialize)]
pub(super) struct ConditionView<'a> {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: &'a str,
    message: &'a str,
    since: Timestamp,
    observed_generation: u64,
}

impl<'a> ConditionView<'a> {
    pub(super) fn all(conditions: &'a [Condition]) -> Vec<Self> {
        let each = conditions.iter().map(|condition| Self {
            kind: format!("{:?}", condition.kind),
            status: format!("{:?}", condition.status),
            reason: &condition.reason,
            message: &condition.message,
            since: condition.last_transition,
            observed_generation: condition.observed_generation,
        });
        each.collect()
    }
}

/// What does not happen yet, what it waits for, and until when.
#[derive(Debug, Serialize)]
pub(super) struct HoldView {
    subject: String,
    reason: &'static str,
    message: String,
    until: Option<Timestamp>,
}

impl HoldView {
    pub(super) fn of(held: &Held) -> Self {
        Self {
            subject: held.subject.to_string(),
            reason: held.waiting_on.code(),
            message: held.waiting_on.to_string(),
            until: held.until,
        }
    }
}

/// When something that waits is tried again by itself. The next run of a schedule is nothing that waits.
pub(super) fn earliest<'a>(
    holds: impl Iterator<Item = &'a Held>,
    services: impl Iterator<Item = &'a ServiceStatus>,
) -> Option<Timestamp> {
    let holds = holds.filter(|held| !held.waiting_on.is_schedule()).filter_map(|held| held.until);
    let tries = services.flat_map(|service| service.containers.iter().filter_map(next_try));
    holds.chain(tries).min()
}

/// Counts of replicas.
#[derive(Debug, Serialize)]
struct ReplicasView {
    desired: u32,
    running: u32,
    available: u32,
    ready: u32,
}

/// One service.
#[derive(Debug, Serialize)]
pub(in crate::http::api) struct ServiceView<'a> {
    project: &'a ProjectName,
    name: &'a str,
    image: &'a str,
    image_id: Option<&'a str>,
    digest: Option<&'a str>,
    revision: Option<&'a str>,
    generation: u64,
    observed_generation: u64,
    commit: Option<&'a str>,
    replicas: ReplicasView,
    conditions: Vec<ConditionView<'a>>,
    holds: Vec<HoldView>,
    next_try: Option<Timestamp>,
    containers: Vec<ContainerView<'a>>,
}

impl<'a> ServiceView<'a> {
    pub(in crate::http::api) fn of(project: &'a ProjectStatus, service: &'a ServiceStatus) -> Self {
        let image = service.image_is.as_ref();
        Self {
            project: &project.name,
            name: service.name.as_str(),
            image: &service.image,
            image_id: image.map(|image| image.id.as_str()),
            digest: image.and_then(|image| image.digest.as_deref()),
            revision: service.revision.as_deref(),
            generation: project.generation,
            observed_generation: project.observed_generation,
            commit: project.commit.as_ref().map(|commit| commit.id.as_str()),
            replicas: ReplicasView {
                desired: service.replicas,
                running: service.running,
                available: service.available,
                ready: service.ready,
            },
            conditions: ConditionView::all(&service.conditions),
            holds: project.held_of(service).map(HoldView::of).collect(),
            next_try: earliest(project.held_of(service), std::iter::once(service)),
            containers: service.containers.iter().map(ContainerView::of).collect(),
        }
    }
}
