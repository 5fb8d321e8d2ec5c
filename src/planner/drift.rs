//! Fights: a field that somebody else changes back as often as we put it right.

use crate::model::field::FieldChange;
use crate::model::held::WaitingOn;
use crate::model::reason::Reason;
use crate::model::time::Timestamp;
use crate::planner::slot::SlotContext;

/// Key of a field of a replica in the ledger.
pub fn drift_key(replica: &str, change: &FieldChange) -> String {
    format!("{replica} {}", change.field)
}

/// Whether a change of `reason` has to wait, because the same field was put right more than once lately.
pub fn conflict(
    context: SlotContext<'_, '_>,
    reason: &Reason,
) -> Option<(WaitingOn, Option<Timestamp>)> {
    let Reason::Drift(changes) = reason else {
        return None;
    };
    let input = context.world.input;
    let replica = context.slot.replica.to_string();
    changes.iter().find_map(|change| {
        let key = drift_key(&replica, change);
        let record = input.ledger.drift.get(&key)?;
        if record.count < 2 || input.now.since(record.last) >= input.policy.drift_window {
            return None;
        }
        let until = record.last.plus(input.policy.drift.delay(record.count - 2, &key));
        let waiting = WaitingOn::DriftConflict { field: change.field.clone(), count: record.count };
        (until > input.now).then_some((waiting, Some(until)))
    })
}
