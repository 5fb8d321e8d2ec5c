//! Containers that we began to stop. Their end is not their own: it is neither a failure nor the end that a job is for, and
//! one that is wanted again after all is started. Noted with the plan, before the effect.

use crate::model::ledger::ProjectLedger;
use crate::model::operation::{Operation, OperationSubject};
use crate::model::plan::{Action, ContainerRef};
use crate::planner::input::PlanInput;

/// Notes what was done: a stop that was begun, or a start, whose end is its own again.
pub fn record(ledger: &mut ProjectLedger, action: &Action) {
    match action {
        Action::Begin(operation) => {
            if let Operation::Stop { container, .. } = &**operation {
                ledger.stops.insert(container.clone());
            }
        }
        Action::StartContainer { container: ContainerRef::Existing(id), .. } => {
            ledger.stops.remove(id);
        }
        _ => {}
    }
}

/// Forgets containers that are gone, and those that run although nobody stops them any more: the stop was lost, or somebody
/// else started them.
pub fn forget(input: &PlanInput<'_>, ledger: &mut ProjectLedger) {
    ledger.stops.retain(|id| {
        let stopping = input.operations.contains_key(&OperationSubject::Container(id.clone()));
        let found = input.observed.containers.iter().find(|container| container.id == *id);
        found.is_some_and(|container| stopping || !container.lifecycle.is_alive())
    });
}
