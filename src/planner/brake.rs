//! The brake: when the engine's own restarts come too fast, its policy is taken away and the controller owns the delay.

use crate::model::config::RestartPolicy;
use crate::model::desired::DesiredProject;
use crate::model::ledger::ReplicaRecord;
use crate::model::observed::{Lifecycle, ObservedContainer};
use crate::model::plan::{Action, Plan};
use crate::model::reason::Reason;
use crate::planner::draft::{Draft, Place};
use crate::planner::input::PlanInput;
use crate::planner::own;
use crate::planner::slot::SlotContext;
use crate::planner::stopped::stopped;
use crate::planner::world::{Slot, World};

/// Puts the brake on, or gives the engine's policy back after a good run or a good end. The comparison of fields expects
/// `no` while the ledger has the brake, so that the two never argue.
pub fn plan_brake(context: SlotContext<'_, '_>, draft: &mut Draft<'_>) {
    let Some(current) = &context.slot.current else {
        return;
    };
    let container = current.container;
    let declared = &context.view.service.config.restart;
    let (Some(record), false) = (context.record(), *declared == RestartPolicy::No) else {
        return;
    };
    let input = context.world.input;
    if own::is_own(input, container) {
        return;
    }
    let place = |subject| Place { subject, after: Vec::new() };
    match &record.brake {
        None if too_fast(record, container, input) => {
            let restarts = u32::try_from(record.engine_restarts.len()).unwrap_or(u32::MAX);
            let action = set_policy(container, RestartPolicy::No);
            draft.push(place(&context.subject()), action, Reason::Brake { restarts });
        }
        Some(brake) if brake.container == container.id && is_over(context, record, container) => {
            let action = set_policy(container, declared.clone());
            draft.push(place(&context.subject()), action, Reason::BrakeReleased);
        }
        _ => {}
    }
}

fn too_fast(record: &ReplicaRecord, container: &ObservedContainer, input: &PlanInput<'_>) -> bool {
    let recent = record.engine_restarts.iter();
    let recent = recent.filter(|at| input.now.since(**at) < input.policy.brake_window).count();
    let restarts = usize::try_from(input.policy.brake_restarts).unwrap_or(usize::MAX);
    container.lifecycle.is_alive() && recent >= restarts
}

/// Whether the container runs well again, or has ended and is not started any more.
fn is_over(
    context: SlotContext<'_, '_>,
    record: &ReplicaRecord,
    container: &ObservedContainer,
) -> bool {
    let ended = matches!(container.lifecycle, Lifecycle::Exited(_));
    ended && context.view.completed(Some(record))
        || ran_well(record, container, context.world.input)
}

fn ran_well(record: &ReplicaRecord, container: &ObservedContainer, input: &PlanInput<'_>) -> bool {
    let Lifecycle::Running { started_at } = container.lifecycle else {
        return false;
    };
    record.failures == 0 && input.now.since(started_at) >= input.policy.crash_reset
}

fn set_policy(container: &ObservedContainer, policy: RestartPolicy) -> Action {
    Action::UpdateContainer {
        container: container.id.clone(),
        name: container.name.clone(),
        resources: None,
        restart: Some(policy),
    }
}

/// What the controller does before it ends: every braked container gets the policy of its manifest back, so that the host
/// is never worse off without the controller than under plain Docker.
pub fn release_brakes(input: &PlanInput<'_>, desired: &DesiredProject) -> Plan {
    let mut draft = Draft::new(input);
    let world = World::new(input, desired);
    let memory = (input.ledger, input.now);
    // What a person stopped stays down, also when the engine begins anew.
    let down = |service| stopped(memory, service).is_some();
    if down(None) {
        return draft.finish(input.project);
    }
    for view in world.services.iter().filter(|view| !down(Some(&view.service.name))) {
        for slot in &view.slots {
            release(&mut draft, slot, input, &view.service.config.restart);
        }
    }
    draft.finish(input.project)
}

fn release(
    draft: &mut Draft<'_>,
    slot: &Slot<'_>,
    input: &PlanInput<'_>,
    declared: &RestartPolicy,
) {
    let record = input.ledger.replicas.get(&slot.replica.to_string());
    let brake = record.and_then(|record| record.brake.as_ref());
    let braked = slot
        .current
        .iter()
        .find(|one| brake.is_some_and(|brake| brake.container == one.container.id));
    if let Some(one) = braked {
        let subject = crate::model::held::Subject::Replica(slot.replica.clone());
        let action = set_policy(one.container, declared.clone());
        draft.push(Place { subject: &subject, after: Vec::new() }, action, Reason::BrakeReleased);
    }
}
