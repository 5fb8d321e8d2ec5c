//! The log of deliveries, published for readers like a status.

use crate::ledger::error::LedgerError;
use crate::ledger::open::Ledger;
use crate::model::hint::Delivery;

const WEBHOOKS: &str = "status/webhooks.json";

impl Ledger {
    /// Publishes the last deliveries. The caller bounds them.
    ///
    /// # Errors
    /// As [`Ledger::publish_project`].
    pub fn publish_deliveries(&self, deliveries: &[Delivery]) -> Result<(), LedgerError> {
        self.publish(WEBHOOKS, &deliveries)
    }

    /// The deliveries that were published; none if there is no log, or it cannot be read.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.published(WEBHOOKS).unwrap_or_default()
    }
}
