//! What is read from the published snapshot.

use http::StatusCode;
use serde_json::json;

use crate::http::api::answer::{Answer, json as reply, problem, whole};
use crate::http::api::desk::ApiDesk;
use crate::http::api::query::Query;
use crate::http::api::view::{HistoryView, ProjectView, ServiceView, SummaryView, VersionView};
use crate::model::id::{ProjectName, ServiceName};

/// Records of the history that are given unless more are asked for, and at most.
const HISTORY: usize = 20;
const MOST_HISTORY: usize = 500;

/// What every route takes and gives; the tests hold every answer against it.
const DOCUMENT: &str = include_str!("openapi.json");

/// `/api/v1/openapi.json`.
pub(super) fn document() -> Answer {
    whole(StatusCode::OK, "application/json", DOCUMENT)
}

/// `/api/v1/version`.
pub(super) fn version(desk: &ApiDesk) -> Answer {
    reply(StatusCode::OK, &VersionView::of(&desk.handle.snapshot()))
}

/// `/api/v1/projects`: each in a few words.
pub(super) fn projects(desk: &ApiDesk) -> Answer {
    let snapshot = desk.handle.snapshot();
    let projects: Vec<_> = snapshot.projects.values().map(|one| SummaryView::of(one)).collect();
    reply(StatusCode::OK, &json!({ "projects": projects }))
}

/// `/api/v1/projects/{project}`.
pub(super) fn project(desk: &ApiDesk, name: &ProjectName) -> Answer {
    match desk.handle.snapshot().projects.get(name) {
        Some(status) => reply(StatusCode::OK, &ProjectView::of(status)),
        None => no_project(name),
    }
}

/// `/api/v1/projects/{project}/services/{service}`.
pub(super) fn service(desk: &ApiDesk, project: &ProjectName, name: &ServiceName) -> Answer {
    let snapshot = desk.handle.snapshot();
    let Some(status) = snapshot.projects.get(project) else { return no_project(project) };
    match status.services.iter().find(|service| service.name == *name) {
        Some(service) => reply(StatusCode::OK, &ServiceView::of(status, service)),
        None => {
            problem(StatusCode::NOT_FOUND, &format!("project {project} has no service `{name}`"))
        }
    }
}

/// `/api/v1/projects/{project}/history`.
pub(super) async fn history(
    desk: &ApiDesk,
    name: &ProjectName,
    query: &Query,
) -> Result<Answer, String> {
    let last = query.number("last", 1..=MOST_HISTORY, HISTORY)?;
    let records = desk.handle.history(name, last).await;
    if records.is_empty() && !desk.handle.snapshot().projects.contains_key(name) {
        return Ok(no_project(name));
    }
    let records: Vec<_> = records.iter().map(HistoryView::of).collect();
    Ok(reply(StatusCode::OK, &json!({ "records": records })))
}

pub(super) fn no_project(name: &ProjectName) -> Answer {
    problem(StatusCode::NOT_FOUND, &format!("there is no project `{name}`"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use http_body_util::BodyExt;
    use serde_json::Value;
    use tokio::time::Instant;

    use super::*;
    use crate::controller::{Blocking, Board, EventSink, Handle, SystemClock};
    use crate::http::api::settings::ApiSettings;
    use crate::ledger::{Ledger, MemoryStorage};
    use crate::model::status::{ProjectStatus, ServiceStatus};

    fn status(number: usize) -> ProjectStatus {
        let service = |number: usize| -> ServiceStatus {
            serde_json::from_value(json!({
                "name": format!("s{number}"), "image": "app", "revision": "0123456789ab",
                "replicas": 2, "running": 2, "ready": 2, "conditions": [], "containers": [],
            }))
            .unwrap()
        };
        let services: Vec<_> = (0..5).map(service).collect();
        serde_json::from_value(json!({
            "name": format!("p{number:03}"), "source": "p", "generation": 1,
            "observed_generation": 1, "observed_at": null,
            "published_at": "2026-01-31T08:00:00Z", "conditions": [], "services": services,
            "others": [], "held": [], "diagnostics": [], "recent": [], "mutating_calls": 0,
        }))
        .unwrap()
    }

    /// A desk of a controller that has published so many projects.
    fn desk(projects: usize) -> Arc<ApiDesk> {
        let board = Board::default();
        (0..projects).for_each(|number| board.project(&status(number)));
        let handle = Handle {
            board,
            ledger: Ledger::open_with(MemoryStorage::new()).unwrap(),
            clock: Arc::new(SystemClock::start()),
            events: EventSink::default(),
            blocking: Blocking::Inline,
        };
        ApiDesk::new(ApiSettings::default(), handle)
    }

    async fn body(answer: Answer) -> Value {
        assert_eq!(answer.status(), StatusCode::OK);
        serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    #[tokio::test]
    async fn two_hundred_projects_are_one_list_that_is_made_at_once() {
        let desk = desk(200);
        let begun = Instant::now();
        let list = body(projects(&desk)).await;
        let took = begun.elapsed();
        assert_eq!(list["projects"].as_array().unwrap().len(), 200);
        assert!(took < Duration::from_secs(2), "{took:?}");
        let one = body(project(&desk, &"p199".into())).await;
        assert_eq!(one["services"].as_array().unwrap().len(), 5);
    }
}
