//! What a policy and the state of the host say to one pass over one project, for the planner.

use std::collections::BTreeMap;

use crate::model::disk::DiskPressure;
use crate::model::id::{ContainerId, ProjectName, ServiceName};
use crate::model::time::Timestamp;
use crate::model::violation::Violation;

/// What is refused, and how much may be disturbed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// Services of which something is refused, with what.
    pub services: BTreeMap<ServiceName, Vec<Violation>>,
    /// Networks, by real name.
    pub networks: BTreeMap<String, Vec<Violation>>,
    /// Volumes, by real name.
    pub volumes: BTreeMap<String, Vec<Violation>>,
    /// Containers of all projects that were replaced or removed lately: whose, and when.
    pub disrupted: BTreeMap<ContainerId, (ProjectName, Timestamp)>,
    /// A disk of the host is too full for what takes room.
    pub pressure: Option<DiskPressure>,
}
