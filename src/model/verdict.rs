//! What host probes found: verdicts on runs of containers, an input of the planner that the ledger does not keep.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::model::host_probe::{HostProbes, ProbeKind};
use crate::model::id::{ContainerId, ContainerName};
use crate::model::time::Timestamp;

/// Everything that is known from asking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// Who asks.
    pub asker: Asker,
    /// By container; one about another run than the present one says nothing.
    pub runs: BTreeMap<ContainerId, RunVerdict>,
}

/// From where containers are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asker {
    /// From the host of the engine: addresses of containers can be reached.
    #[default]
    Host,
    /// From another host: only the engine can be reached, and nothing may be dialled.
    Elsewhere,
    /// Nobody asks, as in a preview: every run is taken for good.
    Nobody,
}

/// What is known of one run of one container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunVerdict {
    /// Begin of the run.
    pub run: Timestamp,
    /// By probe; one that is not here was not asked yet.
    pub probes: BTreeMap<ProbeKind, ProbeVerdict>,
}

/// What is known from one probe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeVerdict {
    /// The verdict.
    pub state: ProbeState,
    /// The last failure, or why it could not be asked; empty if there was none since it was good. Holds no secret.
    pub error: String,
}

/// A verdict; it changes when a threshold is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProbeState {
    /// No threshold was reached in this run.
    #[default]
    Pending,
    /// As often good in a row as `success_threshold` says.
    Passing,
    /// As often failed in a row as `failure_threshold` says.
    Failing {
        /// Failures in a row at that moment.
        streak: u32,
    },
}

/// A run that is to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeTarget {
    /// The container.
    pub container: ContainerId,
    /// Its name, for people.
    pub name: ContainerName,
    /// Begin of its run.
    pub run: Timestamp,
    /// Whether it is asked now.
    pub activity: ProbeActivity,
    /// Where its ports are reached from the host, if they are.
    pub address: Option<IpAddr>,
    /// What is asked.
    pub probes: Arc<HostProbes>,
}

/// Whether a run is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeActivity {
    /// It is.
    Asked,
    /// It is suspended or being stopped: the verdict stands as it is.
    Resting,
}
