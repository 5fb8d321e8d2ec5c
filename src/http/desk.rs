//! What all connections share: the hooks, what is remembered of deliveries, and where hints go.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::sync::mpsc::error::TrySendError;

use crate::http::client::network;
use crate::http::settings::{HttpLimits, Outlets, WebhookSettings};
use crate::http::verdict::Verdict;
use crate::model::hint::{Delivery, DeliveryOutcome, SyncHint};
use crate::model::time::Timestamp;
use crate::webhook::{Authentic, Bucket, Hook, Limiter, Message, ReplayCache, read};

/// Addresses whose failures are remembered.
const MOST_ADDRESSES: usize = 1024;

/// Shared by all connections.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) settings: WebhookSettings,
    pub(super) outlets: Outlets,
    /// Bodies that are read now.
    pub(super) in_flight: Semaphore,
    memory: Mutex<DeskMemory>,
}

#[derive(Debug)]
struct DeskMemory {
    hooks: BTreeMap<String, HookMemory>,
    strangers: Limiter<IpAddr>,
}

/// What is remembered of one hook.
#[derive(Debug)]
struct HookMemory {
    replays: ReplayCache,
    hints: Bucket,
}

impl Desk {
    pub(super) fn new(settings: WebhookSettings, outlets: Outlets) -> Self {
        let strangers = Limiter::new(settings.limits.failures, MOST_ADDRESSES);
        let memory = DeskMemory { hooks: BTreeMap::new(), strangers };
        let in_flight = Semaphore::new(settings.limits.in_flight);
        Self { settings, outlets, in_flight, memory: Mutex::new(memory) }
    }

    pub(super) fn limits(&self) -> &HttpLimits {
        &self.settings.limits
    }

    /// The hook of a path, and the secret at its end if it belongs there. The longer path wins.
    pub(super) fn hook<'d>(&'d self, path: &str) -> Option<(&'d Hook, Option<String>)> {
        let hooks = self.settings.hooks.iter();
        let fits = hooks.filter_map(|hook| Some((hook, hook.matches(path)?)));
        let (hook, token) = fits.max_by_key(|(hook, _)| hook.path().len())?;
        Some((hook, token.map(str::to_owned)))
    }

    /// Whether an address may go on.
    pub(super) fn admit(&self, from: IpAddr) -> Result<(), Duration> {
        let now = self.now();
        self.memory(|memory| memory.strangers.peek(&network(from), now))
    }

    /// Takes a delivery that is authentic: at most once, at most so often, and only if the controller has room for it.
    pub(super) fn take(&self, hook: &Hook, authentic: &Authentic) -> Verdict {
        let now = self.now();
        let mut verdict = self.memory(|memory| {
            let fresh = || HookMemory {
                replays: ReplayCache::default(),
                hints: Bucket::new(self.limits().hints, now),
            };
            let memory = memory.hooks.entry(hook.name().to_owned()).or_insert_with(fresh);
            if let Some(key) = authentic.replay()
                && !memory.replays.claim(key, now)
            {
                return Verdict::new(DeliveryOutcome::Duplicate, "it was here before");
            }
            let verdict = self.read(hook, authentic, &mut memory.hints);
            let may_come_again =
                matches!(verdict.outcome, DeliveryOutcome::RateLimited | DeliveryOutcome::Busy);
            if let Some(key) = authentic.replay().filter(|_| may_come_again) {
                memory.replays.release(key);
            }
            verdict
        });
        verdict.id = authentic.id().map(str::to_owned);
        verdict
    }

    fn read(&self, hook: &Hook, authentic: &Authentic, rate: &mut Bucket) -> Verdict {
        match read(hook, authentic) {
            Err(malformed) => Verdict::new(DeliveryOutcome::Malformed, &malformed),
            Ok(Message::Nothing(what)) => Verdict::new(DeliveryOutcome::Ignored, &what),
            Ok(Message::Hints(hints)) => self.send(hints, rate),
        }
    }

    /// All hints of a delivery, or none.
    fn send(&self, hints: Vec<SyncHint>, rate: &mut Bucket) -> Verdict {
        let permits = match self.outlets.hints.try_reserve_many(hints.len()) {
            Ok(permits) => permits,
            Err(TrySendError::Full(())) => {
                let why = "the controller has not taken earlier hints yet";
                return Verdict::new(DeliveryOutcome::Busy, &why).after(Duration::from_secs(10));
            }
            Err(TrySendError::Closed(())) => {
                return Verdict::new(DeliveryOutcome::Busy, "the controller is stopping");
            }
        };
        if let Err(after) = rate.take(self.now()) {
            let why = "more hints than the hook may bring in a minute";
            return Verdict::new(DeliveryOutcome::RateLimited, &why).after(after);
        }
        let told: Vec<String> = hints.iter().map(ToString::to_string).collect();
        permits.zip(hints).for_each(|(permit, hint)| permit.send(hint));
        Verdict::new(DeliveryOutcome::Accepted, &told.join(", "))
    }

    /// Counts a delivery and tells of it. A log that is slower than deliveries misses some.
    pub(super) fn conclude(&self, hook: &Hook, from: IpAddr, verdict: &Verdict) {
        let now = self.now();
        if verdict.outcome.is_failure() {
            self.memory(|memory| memory.strangers.count(network(from), now));
        }
        let delivery = Delivery {
            at: now,
            last: now,
            count: 1,
            hook: hook.name().to_owned(),
            forge: hook.forge().word().to_owned(),
            id: verdict.id.clone(),
            from: from.to_string(),
            outcome: verdict.outcome,
            reason: verdict.reason.clone(),
        };
        if self.outlets.deliveries.try_send(delivery).is_err() {
            tracing::debug!(hook = hook.name(), "a delivery is not in the log, which is too slow");
        }
    }

    fn now(&self) -> Timestamp {
        self.outlets.clock.now()
    }

    fn memory<T>(&self, with: impl FnOnce(&mut DeskMemory) -> T) -> T {
        with(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
