//! What all connections of the API share.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::controller::{Handle, Snapshot};
use crate::http::api::authority::{Access, Peer};
use crate::http::api::settings::{ApiLimits, ApiSettings};
use crate::http::client::network;
use crate::model::id::ProjectName;
use crate::telemetry::{Counters, Series};
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
    counters: Counters,
    /// Answers by path of the table and status.
    answers: BTreeMap<(&'static str, u16), u64>,
}

impl ApiDesk {
    /// A desk of a controller.
    pub fn new(settings: ApiSettings, handle: Handle) -> Arc<Self> {
        let limits = settings.limits;
        let memory = Memory {
            reads: Limiter::new(limits.reads, MOST_ADDRESSES),
            failures: Limiter::new(limits.failures, MOST_ADDRESSES),
            writes: Bucket::new(limits.writes, handle.now()),
            counters: Counters::default(),
            answers: BTreeMap::new(),
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

    /// When a write may come again.
    pub(super) fn write_again(&self) -> Duration {
        let now = self.handle.now();
        self.memory(|memory| memory.writes.peek(now).err().unwrap_or_default())
    }

    /// Counts events for metrics until `cancel`, or until nobody sends any more.
    pub async fn count_events(&self, cancel: CancellationToken) {
        let mut events = self.handle.events();
        loop {
            let event = tokio::select! {
                biased;
                // Cancel safe: a token stays cancelled.
                () = cancel.cancelled() => return,
                // Cancel safe: what was not returned stays in the channel.
                event = events.recv() => event,
            };
            match event {
                Ok(event) => self.memory(|memory| memory.counters.note(&event)),
                Err(RecvError::Lagged(missed)) => self.count_missed("metrics", missed),
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// A listener of events missed some.
    pub(super) fn count_missed(&self, listener: &str, events: u64) {
        self.memory(|memory| memory.counters.missed(listener, events));
    }

    /// An answer was given.
    pub(super) fn count_answer(&self, path: &'static str, status: StatusCode) {
        self.memory(|memory| {
            *memory.answers.entry((path, status.as_u16())).or_default() += 1;
        });
    }

    /// What was counted, without projects that are gone.
    pub(super) fn counters(&self, snapshot: &Snapshot) -> BTreeMap<Series, u64> {
        let is_there = |name: &str| snapshot.projects.contains_key(&ProjectName::from(name));
        self.memory(|memory| {
            memory.counters.keep(is_there);
            let mut all = memory.counters.all();
            for ((path, code), count) in &memory.answers {
                let labels = vec![(*path).to_owned(), code.to_string()];
                all.insert(("composelet_http_requests_total", labels), *count);
            }
            all
        })
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
