//! `x-composelet.strategy` as the model has it, and what cannot go with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::hooks;
use crate::manifest::extension;
use crate::manifest::node::Node;
use crate::manifest::report::{Finding, Report};
use crate::manifest::strategy::Replacement;
use crate::model::analysis::Measure;
use crate::model::config::ContainerConfig;
use crate::model::desired::DesiredService;
use crate::model::exclusive;
use crate::model::host_probe::Handler;
use crate::model::id::ServiceName;
use crate::model::strategy::{Step, Strategy};
use crate::model::update::UpdateOrder;

/// The steps of a service that is created with `config`; what its commands print is told without the values that it was given.
pub(super) fn strategy(
    replacement: Option<Replacement>,
    config: &ContainerConfig,
) -> Option<Arc<Strategy>> {
    let Some(Replacement::Progressive(mut strategy)) = replacement else {
        return None;
    };
    let steps = strategy.steps.iter_mut().filter_map(|step| match step {
        Step::Analysis(checks) => Some(checks),
        Step::Replicas(_) | Step::Weight(_) | Step::Pause(_) | Step::Confirm => None,
    });
    for check in steps.chain([&mut strategy.background]).flatten() {
        if let Measure::Ask(Handler::Exec(command)) = &mut check.measure {
            let variables = config.environment.values().flatten().cloned();
            command.hidden = variables.chain(hooks::arguments(&command.command)).collect();
        }
    }
    Some(Arc::new(strategy))
}

/// Refuses steps of a service of which two containers cannot run at once, as far as the file shows it.
pub(super) fn check(
    tree: &Node,
    services: &BTreeMap<ServiceName, DesiredService>,
    report: &mut Report,
) {
    let joined = exclusive::joined(services.values());
    let shared = exclusive::shared_sources(services.values());
    for service in services.values() {
        let Some(strategy) = &service.strategy else { continue };
        let name = service.name.as_str();
        let word = tree.at(&["services", name, extension::KEY, "strategy"]);
        let Some(word) = word else { continue };
        let field = format!("services.{name}.{}.strategy", extension::KEY);
        let stop_first = service.update().order == UpdateOrder::StopFirst;
        let why = if stop_first {
            Some("deploy.update_config.order is stop-first".to_owned())
        } else {
            exclusive::exclusive(service, (&joined, &shared))
        };
        let Some(why) = why else { continue };
        let message = format!("{} needs two containers at once, but {why}", strategy.kind);
        let finding = Finding::error("strategy-exclusive", &field, message).at(word.place);
        report.add(finding.help(if stop_first {
            "remove order, or use rolling or recreate"
        } else {
            "use rolling or recreate, or put a proxy in front that has what only one can have"
        }));
    }
}
