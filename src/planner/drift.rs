//! Fights: a field that somebody else changes back as often as we put it right.

use std::time::Duration;

use crate::model::field::FieldChange;
use crate::model::held::WaitingOn;
use crate::model::ledger::DriftRecord;
use crate::model::policy::Policy;
use crate::model::reason::Reason;
use crate::model::time::Timestamp;
use crate::planner::slot::SlotContext;

/// Key of a field of a replica in the ledger.
pub fn drift_key(replica: &str, change: &FieldChange) -> String {
    format!("{replica} {}", change.field)
}

/// How long a field is left alone after it was put right; the first two times not at all.
fn delay(record: &DriftRecord, key: &str, policy: &Policy) -> Duration {
    let attempt = record.count.checked_sub(2);
    attempt.map(|attempt| policy.drift.delay(attempt, key)).unwrap_or_default()
}

/// Whether a field stayed right for so long that the fight is over: the window begins where the delay ends.
pub fn is_over(record: &DriftRecord, key: &str, at: Timestamp, policy: &Policy) -> bool {
    at.since(record.last) >= policy.drift_window + delay(record, key, policy)
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
        let record = input.ledger.drift.get(&key).filter(|record| record.count >= 2)?;
        let until = record.last.plus(delay(record, &key, input.policy));
        let waiting = WaitingOn::DriftConflict { field: change.field.clone(), count: record.count };
        (until > input.now).then_some((waiting, Some(until)))
    })
}
