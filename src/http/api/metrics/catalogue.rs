//! Every metric: docs/metrics.md says the same, which a test holds.

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Rises, and begins at 0 with the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations in buckets, in seconds.
    Histogram,
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Its name; counters end in `_total`.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family { name, kind: Kind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, kind: Kind::Gauge, labels, help }
}

const fn histogram(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family { name, kind: Kind::Histogram, labels, help }
}

/// By name.
pub const CATALOGUE: &[Family] = &[
    counter("composelet_actions_total", &["project", "action", "result"], "steps of plans"),
    gauge(
        "composelet_backup_last_proven_timestamp_seconds",
        &["project", "service"],
        "when a restore of a backup last passed its checks",
    ),
    gauge(
        "composelet_backup_last_success_timestamp_seconds",
        &["project", "service"],
        "when the last good backup ended",
    ),
    gauge("composelet_build_info", &["version"], "always 1"),
    counter(
        "composelet_drift_total",
        &["project", "service", "field"],
        "differences from the manifest that were put right",
    ),
    histogram(
        "composelet_engine_request_duration_seconds",
        &["call", "class"],
        "calls to the engine by their end",
    ),
    gauge("composelet_engine_up", &[], "1 while the engine can be asked"),
    counter(
        "composelet_events_dropped_total",
        &["listener"],
        "events that a listener was too slow for",
    ),
    counter("composelet_garbage_removed_bytes_total", &[], "bytes of what was removed"),
    counter("composelet_garbage_removed_total", &[], "images and caches that were removed"),
    gauge("composelet_holds", &["project", "reason"], "what waits, by what it waits for"),
    counter("composelet_http_requests_total", &["path", "code"], "answers of the API"),
    counter(
        "composelet_manifest_findings_total",
        &["project", "severity"],
        "findings in manifests, as told",
    ),
    counter(
        "composelet_metrics_refused_total",
        &[],
        "counts without room: more than 20000 series of counters",
    ),
    counter(
        "composelet_notifications_dropped_total",
        &["channel"],
        "messages that could not be delivered",
    ),
    counter(
        "composelet_operations_total",
        &["project", "kind", "result"],
        "long calls such as pull, build, stop",
    ),
    gauge(
        "composelet_project_condition",
        &["project", "type", "status"],
        "1 for the status that a condition has",
    ),
    gauge("composelet_project_generation", &["project"], "accepted desired states"),
    gauge("composelet_project_observed_generation", &["project"], "the one last acted upon"),
    gauge("composelet_ready", &[], "1 while /readyz says ok"),
    gauge("composelet_reconcile_active_workers", &[], "passes that run"),
    histogram("composelet_reconcile_time_seconds", &[], "passes"),
    counter("composelet_reconcile_total", &["project", "result"], "passes by their end"),
    counter(
        "composelet_restarts_total",
        &["project", "service", "reason"],
        "restarts of containers by the controller",
    ),
    counter(
        "composelet_rollouts_total",
        &["project", "result"],
        "revisions that became stable or were rejected",
    ),
    gauge(
        "composelet_service_condition",
        &["project", "service", "type", "status"],
        "1 for the status that a condition has",
    ),
    gauge(
        "composelet_service_replicas",
        &["project", "service", "state"],
        "replicas: desired, running, available, ready",
    ),
    gauge(
        "composelet_service_restarts",
        &["project", "service"],
        "restarts of its containers since they were created, by the engine too",
    ),
    gauge("composelet_source_synced", &["source"], "1 while a git source is at its newest commit"),
    counter("composelet_source_syncs_total", &["source", "result"], "looks that changed something"),
    counter("composelet_webhook_deliveries_total", &["hook", "outcome"], "deliveries"),
    counter("composelet_workqueue_adds_total", &[], "how often a project was woken"),
    gauge("composelet_workqueue_depth", &[], "projects that are due and wait for a pass"),
    histogram("composelet_workqueue_queue_duration_seconds", &[], "how long they waited"),
    counter("composelet_workqueue_retries_total", &[], "passes that failed and are tried again"),
    counter("process_cpu_seconds_total", &[], "user and system time"),
    gauge("process_open_fds", &[], "open files"),
    gauge("process_resident_memory_bytes", &[], "resident memory"),
    gauge("process_start_time_seconds", &[], "begin of the controller"),
];
