//! What a pass tells: history, recent actions, events, the published status.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::controller::memory::Memory;
use crate::controller::pass::Surroundings;
use crate::controller::report;
use crate::ledger::HistoryRecord;
use crate::model::event::EventKind;
use crate::model::id::ProjectName;
use crate::model::observed::ImageState;
use crate::model::outcome::PassReport;
use crate::model::status::ProjectStatus;
use crate::model::time::Timestamp;

/// A status without changes is published again after this time, so that its age says that the controller lives.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// History, recent actions and events of what was done.
pub(crate) async fn tell(
    around: &Surroundings,
    name: &ProjectName,
    memory: &mut Memory,
    (report, images): (&PassReport, &BTreeMap<String, ImageState>),
    generation: u64,
) {
    let before = memory.status.as_ref();
    let send = |kind| around.events.send(report.at, Some(name), kind);
    if before.is_none_or(|before| before.generation != generation) && generation > 0 {
        send(EventKind::Accepted { generation });
    }
    let known = before.map(|before| before.held.as_slice()).unwrap_or_default();
    for held in report.plan.waits().filter(|held| !known.contains(held)) {
        send(EventKind::Held(held.clone()));
    }
    if report.plan.nodes.is_empty() {
        return;
    }
    memory.mutating_calls += report::calls_made(report);
    if report.plan.nodes.iter().all(|node| node.reason.is_routine()) {
        return;
    }
    let actions = report::action_records(report, images);
    memory.note(&actions);
    let record =
        HistoryRecord { at: report.at, generation, plan: report.plan.to_string(), actions };
    let (store, key) = (around.ledger.clone(), name.clone());
    let appended = around.blocking.run(move || store.append_history(&key, &record)).await;
    if !matches!(appended, Ok(Ok(()))) {
        tracing::warn!(project = %name, "the history could not be written");
    }
}

/// Publishes a status that says something new, or whose age would make people wonder.
pub(crate) async fn publish(
    around: &Surroundings,
    memory: &mut Memory,
    mut status: ProjectStatus,
    now: Timestamp,
) {
    status.recent = memory.recent.iter().cloned().collect();
    status.mutating_calls = memory.mutating_calls;
    let previous = memory.status.take();
    if let Some(previous) = &previous {
        let mut same = status.clone();
        same.published_at = previous.published_at;
        same.observed_at = previous.observed_at;
        if same == *previous && now.since(previous.published_at) < HEARTBEAT {
            memory.status = Some(same);
            return;
        }
    }
    let before = previous.as_ref().map(|one| one.conditions.as_slice());
    for condition in &status.conditions {
        let same = before.is_some_and(|before| {
            before.iter().any(|one| one.kind == condition.kind && one.status == condition.status)
        });
        if !same {
            let kind = EventKind::Condition(condition.clone());
            around.events.send(now, Some(&status.name), kind);
        }
    }
    let converged = |status: &ProjectStatus| {
        status.held.iter().all(|held| held.waiting_on.is_schedule()) && is_ready(status)
    };
    if converged(&status) && !previous.as_ref().is_some_and(converged) {
        around.events.send(now, Some(&status.name), EventKind::Converged);
    }
    around.board.project(&status);
    let (store, copy) = (around.ledger.clone(), status.clone());
    let published = around.blocking.run(move || store.publish_project(&copy)).await;
    if !matches!(published, Ok(Ok(()))) {
        tracing::warn!(project = %status.name, "the status could not be published");
    }
    let kind = EventKind::Published(Box::new(status.clone()));
    around.events.send(now, Some(&status.name), kind);
    memory.status = Some(status);
}

/// Whether a status says Ready=True.
pub(crate) fn is_ready(status: &ProjectStatus) -> bool {
    use crate::model::status::{ConditionKind, Truth};
    let mut conditions = status.conditions.iter();
    conditions.any(|one| one.kind == ConditionKind::Ready && one.status == Truth::True)
}
