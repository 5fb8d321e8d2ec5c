//! What all connections of the API share.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::controller::Handle;
use crate::http::api::authority::{Access, Peer};
use crate::http::api::settings::{ApiLimits, ApiSettings};
use crate::http::client::network;
use crate::webhook::{Bucket, Limiter};

/// Addresses that are remembered.
const MOST_ADDRESSES: usize = 1024;

/// Shared by all connections.
#[derive(Debug)]
pub struct ApiDesk {
    pub(super) settings: ApiSettings,
    pub(super) handle: Handle,
    /// Streams of events that run.
    pub(super) streams: Arc<Semaphore>,
    memory: Mutex<Memory>,
}

#[derive(Debug)]
struct Memory {
    reads: Limiter<IpAddr>,
    failures: Limiter<IpAddr>,
    writes: Bucket,
}

impl ApiDesk {
    /// A desk of a controller.
    pub fn new(settings: ApiSettings, handle: Handle) -> Arc<Self> {
        let limits = settings.limits;
        let memory = Memory {
            reads: Limiter::new(limits.reads, MOST_ADDRESSES),
            failures: Limiter::new(limits.failures, MOST_ADDRESSES),
            writes: Bucket::new(limits.writes, handle.now()),
        };
        let streams = Arc::new(Semaphore::new(limits.streams));
        Arc::new(Self { settings, handle, streams, memory: Mutex::new(memory) })
    }

    pub(super) fn limits(&self) -> &ApiLimits {
        &self.settings.limits
    }

    /// Names that this host has for clients over TCP.
    pub(super) fn hosts(&self) -> &[String] {
        self.settings.tcp.as_ref().map(|tcp| tcp.hosts.as_slice()).unwrap_or_default()
    }

    /// Whether an address may ask now. Whoever may open the socket could do worse than ask often.
    pub(super) fn pace(&self, peer: Peer, access: Access) -> Result<(), Duration> {
        let Peer::Tcp(address) = peer else { return Ok(()) };
        let (now, address) = (self.handle.now(), network(address));
        self.memory(|memory| {
            if access != Access::Open {
                memory.failures.peek(&address, now)?;
            }
            memory.reads.peek(&address, now)?;
            memory.reads.count(address, now);
            Ok(())
        })
    }

    /// Whether anybody may write now.
    pub(super) fn pace_write(&self) -> Result<(), Duration> {
        let now = self.handle.now();
        self.memory(|memory| memory.writes.take(now))
    }

    /// A token was wrong.
    pub(super) fn count_failure(&self, peer: Peer) {
        let Peer::Tcp(address) = peer else { return };
        let now = self.handle.now();
        self.memory(|memory| memory.failures.count(network(address), now));
    }

    fn memory<T>(&self, with: impl FnOnce(&mut Memory) -> T) -> T {
        with(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
