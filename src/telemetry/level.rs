//! How important an event is.

use crate::model::diagnostic::Severity;
use crate::model::event::{Event, EventKind};
use crate::model::outcome::NodeOutcome;
use crate::telemetry::setup::Level;

/// The level of an event: failures are warnings, notes on manifests are detail.
pub fn level_of(event: &Event) -> Level {
    match &event.kind {
        EventKind::Action {
            outcome: NodeOutcome::Failed(_) | NodeOutcome::MaybeDone(_), ..
        }
        | EventKind::OperationEnded { result: Err(_), .. }
        | EventKind::SyncFailed { .. }
        | EventKind::NotificationDropped { .. }
        | EventKind::Noted(_) => Level::Warn,
        EventKind::Diagnosed(found) => {
            let worst = found.iter().map(|found| found.severity).max();
            if worst > Some(Severity::Note) { Level::Warn } else { Level::Debug }
        }
        EventKind::Delivery(delivery) if delivery.outcome.status() >= 400 => Level::Warn,
        EventKind::Published(_) => Level::Debug,
        _ => Level::Info,
    }
}
