//! Readiness at the speed of the service: while something waits for a service to be healthy, its own health command is asked
//! at short intervals, for the engine asks only once an interval (DESIGN §5, ready).
//!
//! The declared check stays as it is written and goes on judging; what is found here only opens the way for those that wait.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::model::config::{HealthTest, Protocol};
use crate::model::desired::DependencyCondition;
use crate::model::held::Subject;
use crate::model::hook::HookCommand;
use crate::model::id::{ContainerId, ServiceName};
use crate::model::ledger::{ProbeRecord, ProjectLedger};
use crate::model::observed::{ContainerDetail, Health, Lifecycle, ObservedContainer};
use crate::model::operation::{Operation, OperationSubject};
use crate::model::outcome::OperationReport;
use crate::model::plan::Action;
use crate::model::probe::Readiness;
use crate::model::reason::Reason;
use crate::model::time::Timestamp;
use crate::model::verdict::Asker;
use crate::planner::draft::{Draft, Place};
use crate::planner::slot::SlotContext;
use crate::planner::world::{ServiceView, World};

/// Longest run of a health command that says no time (Docker's default).
const TIMEOUT: Duration = Duration::from_secs(30);

/// Begin of the run of a container that the engine has not judged yet.
fn undecided(container: &ObservedContainer) -> Option<Timestamp> {
    match (&container.lifecycle, &container.health) {
        (Lifecycle::Running { started_at }, Health::Starting) => Some(*started_at),
        _ => None,
    }
}

/// Notes which run answers are about (part of [`account`](super::account::account)).
pub fn remember(container: &ObservedContainer, ledger: &mut ProjectLedger) {
    let Some(run) = undecided(container) else {
        ledger.probes.remove(&container.id);
        return;
    };
    if ledger.probes.get(&container.id).is_none_or(|record| record.run != run) {
        ledger.probes.insert(container.id.clone(), ProbeRecord { run, ..ProbeRecord::default() });
    }
}

/// Whether a container was found ready in its present run, before the engine has judged it.
pub fn is_ready(ledger: &ProjectLedger, container: &ObservedContainer) -> bool {
    let record = ledger.probes.get(&container.id);
    record.is_some_and(|record| record.ready && Some(record.run) == undecided(container))
}

/// Asks a container that somebody waits for.
pub fn plan_probe(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    container: &ObservedContainer,
) {
    if undecided(container).is_none() {
        return;
    }
    let beside = context.slot.old.iter().any(|old| old.container.lifecycle.is_alive());
    let reason = match waiting(context.world, &context.view.service.name) {
        Some(by) => Reason::Awaited { by },
        None if beside || !context.rollout.is_over() => Reason::RolloutAwaits,
        None => return,
    };
    ask(draft, container, &context.subject(), reason);
}

/// Begins to ask a container that the engine has not judged yet, unless it is known to be ready or cannot be asked.
pub fn ask(
    draft: &mut Draft<'_>,
    container: &ObservedContainer,
    subject: &Subject,
    reason: Reason,
) {
    let input = draft.input();
    if undecided(container).is_none() || is_ready(input.ledger, container) {
        return;
    }
    let Some(readiness) = container.detail.known().and_then(|detail| readiness(detail)) else {
        return;
    };
    // Whether ports accept cannot be found out from another host: the declared check decides.
    if !readiness.ports.is_empty() && input.verdicts.asker == Asker::Elsewhere {
        return;
    }
    if draft.key_backs_off(&probe_key(&container.id), subject) {
        return;
    }
    let operation = Operation::Probe {
        container: container.id.clone(),
        name: container.name.clone(),
        readiness: Box::new(readiness),
    };
    let place = Place { subject, after: Vec::new() };
    draft.push(place, Action::Begin(Box::new(operation)), reason);
}

/// A service that waits for `name` to be healthy.
fn waiting(world: &World<'_>, name: &ServiceName) -> Option<ServiceName> {
    let waits = |view: &&ServiceView<'_>| {
        let edge = view.service.depends_on.get(name);
        let healthy = edge.is_some_and(|edge| edge.condition == DependencyCondition::Healthy);
        healthy
            && view.slots.iter().any(|slot| {
                slot.current.as_ref().is_none_or(|one| {
                    !one.container.lifecycle.is_alive() || !one.conformity.keeps()
                })
            })
    };
    world.services.iter().find(waits).map(|view| view.service.name.clone())
}

/// What to ask; `None` if the health check is none that can be asked, or exposed ports cannot be reached from here.
fn readiness(detail: &ContainerDetail) -> Option<Readiness> {
    let check = detail.config.healthcheck.as_ref()?;
    let command = match &check.test {
        HealthTest::Exec(words) if !words.is_empty() => words.clone(),
        HealthTest::Shell(line) => vec!["/bin/sh".into(), "-c".into(), line.clone()],
        HealthTest::Exec(_) | HealthTest::Inherit | HealthTest::Disabled => return None,
    };
    let numbers: Vec<u16> = detail
        .config
        .expose
        .iter()
        .filter(|port| port.protocol == Protocol::Tcp)
        .map(|port| port.port)
        .collect();
    let addresses = detail.endpoints.values().filter_map(|end| end.ip.as_ref()?.parse().ok());
    let address: Option<IpAddr> = addresses.into_iter().next();
    if address.is_none() && !numbers.is_empty() {
        return None;
    }
    let ports = numbers.into_iter().filter_map(|port| Some(SocketAddr::new(address?, port)));
    Some(Readiness {
        check: HookCommand { command, ..HookCommand::default() },
        timeout: check.timeout.filter(|time| !time.is_zero()).unwrap_or(TIMEOUT),
        ports: ports.collect(),
    })
}

/// Notes that a run is asked, or is no longer.
pub fn asked(ledger: &mut ProjectLedger, operation: &Operation, asked: bool) {
    if let Operation::Probe { container, .. } = operation
        && let Some(record) = ledger.probes.get_mut(container)
    {
        record.asked = asked;
    }
}

/// What came of asking. An answer about a run that is over says nothing about the present one.
pub fn record_end(ledger: &mut ProjectLedger, report: &OperationReport) {
    let OperationSubject::Probe(container) = &report.subject else {
        return;
    };
    if let Some(record) = ledger.probes.get_mut(container).filter(|record| record.asked) {
        record.asked = false;
        record.ready = report.result.is_ok();
    }
}

/// Key under which questions that the engine refused are counted.
pub fn probe_key(container: &ContainerId) -> String {
    format!("probe:{container}")
}
