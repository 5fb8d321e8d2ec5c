//! `x-composelet.probe` of a service, as the model has it.

use std::sync::Arc;

use super::hooks;
use crate::manifest::before_checks;
use crate::manifest::checks;
use crate::manifest::extension;
use crate::manifest::host_probe;
use crate::manifest::node::Node;
use crate::model::after_check::{AfterCheck, Asks};
use crate::model::before_check::BeforeCheck;
use crate::model::config::ContainerConfig;
use crate::model::host_probe::{Handler, HostProbes};

/// The probes of a service that is created with `config`; what its command prints is told without the values that it
/// was given.
pub(super) fn probes(service: &Node, config: &ContainerConfig) -> Option<Arc<HostProbes>> {
    let mut probes = host_probe::read(extension::probe(service)?)?;
    let HostProbes { startup, readiness, liveness } = &mut probes;
    for probe in [startup, readiness, liveness].into_iter().flatten() {
        hide(&mut probe.handler, config);
    }
    Some(Arc::new(probes))
}

/// The checks after a rollout of a service that runs `image`, those that the project has for it included.
pub(super) fn checks(
    tree: &Node,
    (name, service): (&str, &Node),
    image: &str,
    config: &ContainerConfig,
) -> Vec<AfterCheck> {
    let own = extension::checks(service).map(|word| checks::read(word, None, image));
    let of_project = extension::checks(tree).map(|word| checks::read(word, Some(name), image));
    let mut checks: Vec<_> = own.into_iter().chain(of_project).flatten().collect();
    for check in &mut checks {
        match &mut check.asks {
            Asks::Replica(handler) => hide(Arc::make_mut(handler), config),
            Asks::OneOff(step) => {
                let own = step.run.environment.values().flatten();
                let variables = own.chain(config.environment.values().flatten()).cloned();
                step.run.hidden = variables.chain(hooks::arguments(&step.run.command)).collect();
            }
        }
    }
    checks
}

/// The checks before a rollout of a service, those that the project has for it included.
pub(super) fn before(
    tree: &Node,
    (name, service): (&str, &Node),
    config: &ContainerConfig,
) -> Vec<BeforeCheck> {
    let own = extension::checks(service).map(|word| before_checks::read(word, None));
    let of_project = extension::checks(tree).map(|word| before_checks::read(word, Some(name)));
    let mut checks: Vec<_> = own.into_iter().chain(of_project).flatten().collect();
    for check in &mut checks {
        let own = config.environment.values().flatten().filter(|_| check.image.is_none());
        let variables = check.environment.values().chain(own).cloned();
        check.hidden = variables.chain(hooks::arguments(&check.command)).collect();
    }
    checks
}

fn hide(handler: &mut Handler, config: &ContainerConfig) {
    if let Handler::Exec(command) = handler {
        let variables = config.environment.values().flatten().cloned();
        command.hidden = variables.chain(hooks::arguments(&command.command)).collect();
    }
}
