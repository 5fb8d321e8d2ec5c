//! The evidence of one run that failed, kept before its container is restarted or replaced.

use serde::{Deserialize, Serialize};

use crate::model::id::{ContainerId, ServiceName};
use crate::model::revision::Evidence;
use crate::model::time::Timestamp;

/// Log lines that are kept of one run.
pub const BUNDLE_LINES: usize = 100;

/// What is kept of one run. Known secrets of the project were taken out of its texts (invariant 17).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceBundle {
    /// When it was kept.
    pub at: Timestamp,
    /// The service.
    pub service: ServiceName,
    /// Name of the container.
    pub name: String,
    /// Its id.
    pub container: ContainerId,
    /// What the engine said of it: state, exit code, health probes.
    pub evidence: Evidence,
    /// Its last log lines, oldest first; at most [`BUNDLE_LINES`] of at most 500 characters.
    pub log: Vec<String>,
}

impl EvidenceBundle {
    /// Tells one run from another: the container and the begin of the run.
    pub fn run(container: &ContainerId, started_at: Option<Timestamp>) -> String {
        let start = started_at.map_or(0, Timestamp::as_millis);
        format!("{}-{start}", container.as_str().chars().take(12).collect::<String>())
    }
}
