//! What the listener is told by the settings, and where it sends what it hears.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::controller::Clock;
use crate::model::hint::{Delivery, SyncHint};
use crate::webhook::{Hook, Rate};

/// Webhooks in.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// Where to listen. Plain HTTP: who wants TLS puts a proxy in front.
    pub listen: SocketAddr,
    /// The hooks; their paths differ.
    pub hooks: Vec<Hook>,
    /// Proxies whose word on the client's address counts, beside those on this host.
    pub trusted_proxies: Vec<IpAddr>,
    /// Limits.
    pub limits: HttpLimits,
}

/// Limits of the listener (docs/webhooks.md).
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// Connections at a time; others wait to be accepted.
    pub connections: usize,
    /// Bodies that are read at a time; others wait, for as long as a body may take.
    pub in_flight: usize,
    /// Bytes of a body.
    pub body: u64,
    /// How long the head of a request may take.
    pub head_time: Duration,
    /// How long a body may take.
    pub body_time: Duration,
    /// How long a client may take to see the answer.
    pub answer_time: Duration,
    /// How long requests under way may go on when the process stops.
    pub grace: Duration,
    /// Hints that one hook may bring.
    pub hints: Rate,
    /// Deliveries from one address that may be refused before it has to wait.
    pub failures: Rate,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connections: 64,
            in_flight: 8,
            body: 1 << 20,
            head_time: Duration::from_secs(5),
            body_time: Duration::from_secs(10),
            answer_time: Duration::from_secs(2),
            grace: Duration::from_secs(2),
            hints: Rate::per_minute(30),
            failures: Rate::per_minute(60),
        }
    }
}

impl HttpLimits {
    /// How long one connection may take in all.
    pub(super) fn whole(&self) -> Duration {
        // A body may wait for its turn for as long as it may take.
        self.head_time + 2 * self.body_time + self.answer_time
    }
}

/// Where the listener sends what it hears. It waits for nobody: what does not fit is refused or not told.
#[derive(Clone)]
pub struct Outlets {
    /// To the controller.
    pub hints: mpsc::Sender<SyncHint>,
    /// To the log of deliveries.
    pub deliveries: mpsc::Sender<Delivery>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for Outlets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlets").finish_non_exhaustive()
    }
}
