//! The log of deliveries: what listeners tell, kept in the state directory and told as events.

use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, timeout_at};

use crate::controller::{Blocking, EventSink};
use crate::ledger::Ledger;
use crate::model::event::EventKind;
use crate::model::hint::Delivery;
use crate::webhook::{DeliveryLog, Noted};

/// The log is written at most this often, however many deliveries come.
const WRITE_EVERY: Duration = Duration::from_secs(1);

/// Takes deliveries until nobody sends any more. A log that cannot be written stops nothing.
pub(super) async fn keep(
    mut deliveries: Receiver<Delivery>,
    ledger: Ledger,
    events: EventSink,
    hooks: Vec<String>,
) {
    let mut log = DeliveryLog::after(ledger.deliveries());
    log.keep(|name| hooks.iter().any(|hook| hook == name));
    let mut due: Option<Instant> = None;
    loop {
        let far = Instant::now() + Duration::from_hours(1);
        match timeout_at(due.unwrap_or(far), deliveries.recv()).await {
            Ok(Some(delivery)) => {
                due = due.or_else(|| Some(Instant::now() + WRITE_EVERY));
                if log.note(delivery.clone()) == Noted::New {
                    events.send(delivery.at, None, EventKind::Delivery(delivery));
                }
            }
            Ok(None) => break,
            Err(_) if due.take().is_some() => write(&ledger, &log).await,
            Err(_) => {}
        }
    }
    if due.is_some() {
        write(&ledger, &log).await;
    }
}

async fn write(ledger: &Ledger, log: &DeliveryLog) {
    let (ledger, deliveries) = (ledger.clone(), log.deliveries());
    let write = move || ledger.publish_deliveries(&deliveries);
    if !matches!(Blocking::default().run(write).await, Ok(Ok(()))) {
        tracing::warn!("the log of deliveries could not be written");
    }
}
