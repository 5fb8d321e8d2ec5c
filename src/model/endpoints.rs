//! What a proxy does when the containers behind it change (`x-composelet.on_endpoints_change`).

use std::collections::BTreeSet;

use crate::model::id::ServiceName;
use crate::model::secret::Secret;

/// What a proxy does when the containers behind it change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointsChange {
    /// The services behind it; empty: all that it depends on.
    pub services: BTreeSet<ServiceName>,
    /// A command that is run in it, with the addresses in its environment; empty: none.
    pub command: Vec<Secret>,
    /// The signal that it gets, after the command if there is one.
    pub signal: Option<String>,
}
