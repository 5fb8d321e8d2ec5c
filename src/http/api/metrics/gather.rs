//! What is scraped: the published snapshot, the figures of the loop, the counters of events.

use http::StatusCode;

use crate::controller::{Figures, Snapshot};
use crate::http::api::answer::{Answer, problem, whole};
use crate::http::api::desk::ApiDesk;
use crate::http::api::health::is_ready;
use crate::http::api::metrics::process::process;
use crate::http::api::metrics::render::{OPEN_METRICS, render};
use crate::http::api::metrics::samples::Samples;
use crate::model::status::{Condition, ProjectStatus, Truth};

/// `/metrics`.
pub(in crate::http::api) async fn metrics(desk: &ApiDesk) -> Answer {
    let mut samples = Samples::default();
    let snapshot = desk.handle.snapshot();
    published(&mut samples, &snapshot);
    counted(&mut samples, &desk.handle.figures());
    samples.truth("composelet_ready", &[], is_ready(desk));
    for ((name, labels), count) in desk.counters(&snapshot) {
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        samples.whole(name, &labels, count);
    }
    for ((project, service), (at, proven)) in desk.handle.backups().await {
        let labels = [project.as_str(), service.as_str()];
        samples.instant("composelet_backup_last_success_timestamp_seconds", &labels, at);
        if let Some(at) = proven {
            samples.instant("composelet_backup_last_proven_timestamp_seconds", &labels, at);
        }
    }
    process(&mut samples);
    match render(samples) {
        Ok(text) => whole(StatusCode::OK, OPEN_METRICS, text),
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written"),
    }
}

fn published(samples: &mut Samples, snapshot: &Snapshot) {
    samples.whole("composelet_build_info", &[env!("CARGO_PKG_VERSION")], 1);
    let up = snapshot.controller.is_some() && snapshot.engine_lost.is_none();
    samples.truth("composelet_engine_up", &[], up);
    if let Some(controller) = &snapshot.controller {
        samples.instant("process_start_time_seconds", &[], controller.started_at);
    }
    for source in &*snapshot.sources {
        let name = source.name.as_str();
        samples.truth("composelet_source_synced", &[name], source.trouble.is_none());
    }
    snapshot.projects.values().for_each(|status| project(samples, status));
}

fn project(samples: &mut Samples, status: &ProjectStatus) {
    let name = status.name.as_str();
    conditions(samples, "composelet_project_condition", &[name], &status.conditions);
    samples.whole("composelet_project_generation", &[name], status.generation);
    samples.whole("composelet_project_observed_generation", &[name], status.observed_generation);
    let mut holds = std::collections::BTreeMap::new();
    for held in &status.held {
        *holds.entry(held.waiting_on.code()).or_insert(0_u64) += 1;
    }
    for (reason, count) in holds {
        samples.whole("composelet_holds", &[name, reason], count);
    }
    for service in &status.services {
        let labels = [name, service.name.as_str()];
        conditions(samples, "composelet_service_condition", &labels, &service.conditions);
        let replicas = [
            ("desired", service.replicas),
            ("running", service.running),
            ("available", service.available),
            ("ready", service.ready),
        ];
        for (state, count) in replicas {
            let labels = [name, service.name.as_str(), state];
            samples.whole("composelet_service_replicas", &labels, u64::from(count));
        }
        let restarts = service.containers.iter().map(|one| u64::from(one.restarts)).sum();
        samples.whole("composelet_service_restarts", &labels, restarts);
    }
}

/// One series for each status that a condition may have, so that a rule finds each of them.
fn conditions(
    samples: &mut Samples,
    name: &'static str,
    labels: &[&str],
    conditions: &[Condition],
) {
    for condition in conditions {
        let kind = format!("{:?}", condition.kind);
        for status in [Truth::True, Truth::False, Truth::Unknown] {
            let word = format!("{status:?}");
            let labels = [labels, &[kind.as_str(), word.as_str()]].concat();
            samples.truth(name, &labels, condition.status == status);
        }
    }
}

fn counted(samples: &mut Samples, figures: &Figures) {
    for ((project, result), count) in &figures.passes {
        samples.whole("composelet_reconcile_total", &[project.as_str(), result], *count);
    }
    samples.times("composelet_reconcile_time_seconds", &[], &figures.pass_time);
    samples.times("composelet_workqueue_queue_duration_seconds", &[], &figures.queue_time);
    samples.whole("composelet_workqueue_depth", &[], figures.queue.depth);
    samples.whole("composelet_workqueue_adds_total", &[], figures.queue.adds);
    samples.whole("composelet_workqueue_retries_total", &[], figures.queue.retries);
    samples.whole("composelet_reconcile_active_workers", &[], figures.queue.running);
    for ((call, class), times) in &figures.calls {
        samples.times("composelet_engine_request_duration_seconds", &[call, class], times);
    }
}
