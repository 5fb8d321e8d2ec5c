//! What is counted of the event stream, for metrics.

use std::collections::BTreeMap;

use crate::model::event::{Event, EventKind};
use crate::model::id::ProjectName;
use crate::model::outcome::NodeOutcome;
use crate::model::plan::{Action, PlanNode, StartBudget};
use crate::model::reason::Reason;
use crate::model::revision::{ProjectRevision, Verdict};
use crate::model::status::ProjectStatus;

/// Series that are kept at most: a name that somebody else chooses must not fill the memory.
const MOST_SERIES: usize = 20_000;

/// A counter and the values of its labels, in the order of the catalogue of metrics. The project comes first where there is one.
pub type Series = (&'static str, Vec<String>);

/// Counters by name and labels.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    series: BTreeMap<Series, u64>,
    /// How each revision stood when it was last published.
    verdicts: BTreeMap<ProjectName, BTreeMap<u64, &'static str>>,
    /// What had no room.
    refused: u64,
}

impl Counters {
    /// Takes an event.
    pub fn note(&mut self, event: &Event) {
        let project = event.project.as_ref().map_or("", ProjectName::as_str);
        match &event.kind {
            EventKind::Action { node, outcome } => self.action(project, node, outcome),
            EventKind::OperationEnded { kind, result, .. } => {
                let result = if result.is_ok() { "success" } else { "failure" };
                self.add("composelet_operations_total", &[project, kind, result], 1);
            }
            EventKind::Published(status) => self.published(status),
            EventKind::Synced { source, .. } => {
                self.add("composelet_source_syncs_total", &[source.as_str(), "success"], 1);
            }
            EventKind::SyncFailed { source, .. } => {
                self.add("composelet_source_syncs_total", &[source.as_str(), "failure"], 1);
            }
            EventKind::NotificationDropped { channel, .. } => {
                self.add("composelet_notifications_dropped_total", &[channel], 1);
            }
            EventKind::Delivery(delivery) => {
                let labels = [delivery.hook.as_str(), delivery.outcome.word()];
                self.add("composelet_webhook_deliveries_total", &labels, delivery.count.into());
            }
            EventKind::Collected { bytes, .. } => {
                self.add("composelet_garbage_removed_total", &[], 1);
                self.add("composelet_garbage_removed_bytes_total", &[], *bytes);
            }
            EventKind::Diagnosed(found) => {
                for one in found {
                    let severity = one.severity.to_string();
                    self.add("composelet_manifest_findings_total", &[project, &severity], 1);
                }
            }
            _ => {}
        }
    }

    /// A listener missed events.
    pub fn missed(&mut self, listener: &str, events: u64) {
        self.add("composelet_events_dropped_total", &[listener], events);
    }

    /// The counters, those that had no room among them.
    pub fn all(&self) -> BTreeMap<Series, u64> {
        let mut all = self.series.clone();
        all.insert(("composelet_metrics_refused_total", Vec::new()), self.refused);
        all
    }

    /// Forgets projects that are not there any more; those without a project stay.
    pub fn keep(&mut self, is_there: impl Fn(&str) -> bool) {
        self.series.retain(|(name, labels), _| {
            let of_project = PROJECT_FIRST.contains(name);
            !of_project || labels.first().is_none_or(|name| name.is_empty() || is_there(name))
        });
        self.verdicts.retain(|name, _| is_there(name.as_str()));
    }

    fn add(&mut self, name: &'static str, labels: &[&str], by: u64) {
        let key = (name, labels.iter().map(|label| (*label).to_owned()).collect());
        if self.series.len() >= MOST_SERIES && !self.series.contains_key(&key) {
            self.refused = self.refused.saturating_add(1);
            return;
        }
        let count = self.series.entry(key).or_default();
        *count = count.saturating_add(by);
    }

    fn action(&mut self, project: &str, node: &PlanNode, outcome: &NodeOutcome) {
        let result = match outcome {
            NodeOutcome::Succeeded(_) => "success",
            NodeOutcome::Failed(_) => "failure",
            NodeOutcome::MaybeDone(_) => "maybe",
            NodeOutcome::Skipped(_) => "skipped",
        };
        let labels = [project, node.action.kind(), result];
        self.add("composelet_actions_total", &labels, 1);
        let service = node.group.as_ref().map_or("", |replica| replica.service.as_str());
        let is_restart =
            matches!(&node.action, Action::StartContainer { budget: StartBudget::Restart, .. });
        if is_restart && result == "success" {
            let labels = [project, service, node.reason.code()];
            self.add("composelet_restarts_total", &labels, 1);
        }
        if let (Reason::Drift(changes), "success") = (&node.reason, result) {
            for change in changes {
                let field = change.field.split(['.', '[']).next().unwrap_or_default();
                self.add("composelet_drift_total", &[project, service, field], 1);
            }
        }
    }

    /// A rollout ends when the verdict on its revision does. What stood at the first look ended before.
    fn published(&mut self, status: &ProjectStatus) {
        let now: BTreeMap<u64, &'static str> =
            status.revisions.iter().map(|one| (one.number, word(one))).collect();
        if let Some(before) = self.verdicts.insert(status.name.clone(), now.clone()) {
            for (number, verdict) in now {
                if verdict != "open" && before.get(&number).is_none_or(|before| *before == "open") {
                    let labels = [status.name.as_str(), verdict];
                    self.add("composelet_rollouts_total", &labels, 1);
                }
            }
        }
    }
}

/// Counters whose first label is a project.
const PROJECT_FIRST: [&str; 6] = [
    "composelet_actions_total",
    "composelet_drift_total",
    "composelet_manifest_findings_total",
    "composelet_operations_total",
    "composelet_restarts_total",
    "composelet_rollouts_total",
];

fn word(revision: &ProjectRevision) -> &'static str {
    match revision.verdict {
        Verdict::Open => "open",
        Verdict::Stable { .. } => "stable",
        Verdict::Rejected(_) => "rejected",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

    fn ended(number: usize) -> Event {
        let kind = EventKind::OperationEnded {
            subject: crate::model::operation::OperationSubject::Image("a".to_owned()),
            kind: "pull",
            result: Ok(()),
        };
        let project = Some(ProjectName::new(format!("p{number}")));
        Event { at: Timestamp::from_millis(0), project, kind }
    }

    #[test]
    fn series_have_a_limit_and_reaching_it_is_counted() {
        let mut counters = Counters::default();
        (0..MOST_SERIES + 7).for_each(|number| counters.note(&ended(number)));
        counters.note(&ended(0));
        let all = counters.all();
        let of = |number: &str| {
            let labels = [number, "pull", "success"].map(str::to_owned).to_vec();
            all.get(&("composelet_operations_total", labels)).copied()
        };
        assert_eq!((of("p0"), of("p20006")), (Some(2), None));
        assert_eq!(all.get(&("composelet_metrics_refused_total", Vec::new())), Some(&7));
        counters.keep(|name| name == "p3");
        assert_eq!(counters.all().len(), 2);
    }
}
