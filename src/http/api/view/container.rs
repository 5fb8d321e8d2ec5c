//! Containers. What a program wrote into its log is not shown: nobody knows what is in it.

use serde::Serialize;

use crate::model::status::ContainerStatus;
use crate::model::time::Timestamp;

/// One container.
#[derive(Debug, Serialize)]
pub(super) struct ContainerView<'a> {
    name: &'a str,
    id: &'a str,
    number: Option<u32>,
    state: &'a str,
    health: &'a str,
    failures: u32,
    restarts: u32,
    since: Option<Timestamp>,
    next_try: Option<Timestamp>,
    exit_code: Option<i64>,
    ports: &'a [String],
    drift: &'a [String],
    notes: &'a [String],
}

impl<'a> ContainerView<'a> {
    pub(super) fn of(status: &'a ContainerStatus) -> Self {
        Self {
            name: &status.name,
            id: &status.id,
            number: status.number,
            state: &status.state,
            health: &status.health,
            failures: status.failures,
            restarts: status.restarts,
            since: status.since,
            next_try: next_try(status),
            exit_code: status.exit_code,
            ports: &status.ports,
            drift: &status.drift,
            notes: &status.notes,
        }
    }
}

/// The next try of a container that waits for one; one that runs does not.
pub(super) fn next_try(status: &ContainerStatus) -> Option<Timestamp> {
    status.next_try.filter(|_| status.state != "running")
}
