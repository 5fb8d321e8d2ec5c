//! What labels say of a container.

use std::collections::BTreeMap;

/// The installation that the runs speak for.
const OURS: &str = "default";

/// Whether this installation made it.
pub(crate) fn is_ours(labels: &BTreeMap<String, String>) -> bool {
    let one_off = labels.get("com.docker.compose.oneoff").is_some_and(|it| it == "True");
    !one_off && labels.get("io.composelet.installation").is_some_and(|it| it == OURS)
}

/// Its project.
pub(crate) fn project(labels: &BTreeMap<String, String>) -> &str {
    labels.get("com.docker.compose.project").map_or("", String::as_str)
}

/// Its service.
pub(crate) fn service(labels: &BTreeMap<String, String>) -> &str {
    labels.get("com.docker.compose.service").map_or("", String::as_str)
}

/// The time that it was due, if it is a run of a schedule.
pub(crate) fn due(labels: &BTreeMap<String, String>) -> Option<&str> {
    labels.get("io.composelet.due").map(String::as_str)
}

/// Project, service and number.
pub(crate) fn replica(labels: &BTreeMap<String, String>) -> (String, String, String) {
    let number = labels.get("com.docker.compose.container-number");
    (project(labels).to_owned(), service(labels).to_owned(), number.cloned().unwrap_or_default())
}
