//! Whether a container may be given work: it runs, is healthy, its hooks are done, and it has stayed so for long enough.

use crate::model::ledger::{ProjectLedger, ReadinessRecord};
use crate::model::observed::{Health, Lifecycle, ObservedContainer};
use crate::model::time::Timestamp;
use crate::planner::hooks;
use crate::planner::input::PlanInput;
use crate::planner::probe;
use crate::planner::verdict;
use crate::planner::world::{ServiceView, Slot};

/// Whether a container does its work now.
pub fn is_ready(
    (input, ledger): (&PlanInput<'_>, &ProjectLedger),
    view: &ServiceView<'_>,
    container: &ObservedContainer,
) -> bool {
    is_well(ledger, container)
        && hooks::are_done(ledger, view.service, container)
        && verdict::is_good(input, view.service, container)
}

/// Whether a container runs and nothing says that it is not ready.
pub fn is_well(ledger: &ProjectLedger, container: &ObservedContainer) -> bool {
    let well = match container.health {
        Health::None | Health::Healthy => true,
        Health::Starting => probe::is_ready(ledger, container),
        Health::Unhealthy { .. } => false,
    };
    well && matches!(container.lifecycle, Lifecycle::Running { .. })
}

/// Notes since when the present run of a replica is ready (part of [`account`](super::account::account)). A run that was
/// never seen otherwise has been ready since its begin.
pub fn remember(
    view: &ServiceView<'_>,
    slot: &Slot<'_>,
    (container, input): (&ObservedContainer, &PlanInput<'_>),
    ledger: &mut ProjectLedger,
) {
    let Lifecycle::Running { started_at: run } = container.lifecycle else {
        return;
    };
    let ready = is_ready((input, ledger), view, container);
    let record = ledger.replicas.entry(slot.replica.to_string()).or_default();
    let known = record.readiness.take().filter(|known| known.run == run);
    record.readiness = match (ready, known) {
        (true, None) => None,
        (true, Some(known)) => {
            Some(ReadinessRecord { since: known.since.or(Some(input.now)), ..known })
        }
        (false, _) => Some(ReadinessRecord { run, since: None }),
    };
}

/// When the container of a slot becomes, or became, available: `monitor` after it became ready. `None`: it is not ready.
pub fn available_at(
    (input, ledger): (&PlanInput<'_>, &ProjectLedger),
    view: &ServiceView<'_>,
    slot: &Slot<'_>,
    container: &ObservedContainer,
) -> Option<Timestamp> {
    let Lifecycle::Running { started_at } = container.lifecycle else {
        return None;
    };
    if !is_ready((input, ledger), view, container) {
        return None;
    }
    let record = ledger.replicas.get(&slot.replica.to_string());
    let readiness = record.and_then(|record| record.readiness.as_ref());
    let since = readiness.filter(|known| known.run == started_at).and_then(|known| known.since);
    Some(since.unwrap_or(started_at).plus(view.service.update().monitor))
}
