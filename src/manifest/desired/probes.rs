//! `x-composelet.probe` of a service, as the model has it.

use std::sync::Arc;

use super::hooks;
use crate::manifest::extension;
use crate::manifest::host_probe;
use crate::manifest::node::Node;
use crate::model::config::ContainerConfig;
use crate::model::host_probe::{Handler, HostProbes};

/// The probes of a service that is created with `config`; what its command prints is told without the values that it
/// was given.
pub(super) fn probes(service: &Node, config: &ContainerConfig) -> Option<Arc<HostProbes>> {
    let mut probes = host_probe::read(extension::probe(service)?)?;
    let HostProbes { startup, readiness, liveness } = &mut probes;
    for probe in [startup, readiness, liveness].into_iter().flatten() {
        if let Handler::Exec(command) = &mut probe.handler {
            let variables = config.environment.values().flatten().cloned();
            command.hidden = variables.chain(hooks::arguments(&command.command)).collect();
        }
    }
    Some(Arc::new(probes))
}
