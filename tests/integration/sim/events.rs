//! The event stream: a ring of 256 in memory, filters, subscribers that may be too slow.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::clock::Stamp;
use super::engine::SimEngine;
use super::filters::{Filters, matches_pair};
use super::request::{Call, Outcome, Piece, Reply};

/// How many events the engine remembers.
pub(crate) const RING: usize = 256;
/// How many events wait for one subscriber before new ones are dropped for it, in silence.
const BACKLOG: usize = 1024;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// `container`, `network`, `volume`, `image` or `daemon`.
    pub(crate) kind: &'static str,
    /// Such as `die`, or `health_status: healthy`.
    pub(crate) action: String,
    /// Id, or name of a volume.
    pub(crate) id: String,
    /// Name, image, labels, exit code.
    pub(crate) attributes: BTreeMap<String, String>,
    /// When.
    pub(crate) stamp: Stamp,
}

impl Event {
    /// As it is told.
    pub(crate) fn json(&self) -> Value {
        let mut event = Map::new();
        if self.kind == "container" {
            event.insert("status".to_owned(), json!(self.action));
            event.insert("id".to_owned(), json!(self.id));
            event.insert("from".to_owned(), json!(self.attributes.get("image")));
        }
        event.insert("Type".to_owned(), json!(self.kind));
        event.insert("Action".to_owned(), json!(self.action));
        event.insert("Actor".to_owned(), json!({"ID": self.id, "Attributes": self.attributes}));
        event.insert("scope".to_owned(), json!("local"));
        event.insert("time".to_owned(), json!(self.stamp.seconds()));
        event.insert("timeNano".to_owned(), json!(self.stamp.0));
        Value::Object(event)
    }

    fn line(&self) -> Piece {
        let mut bytes = self.json().to_string().into_bytes();
        bytes.push(b'\n');
        Piece::Data(Bytes::from(bytes))
    }

    /// Keys are joined by "and", values of one key by "or".
    fn passes(&self, filters: &Filters) -> bool {
        filters.all(|key, values| match key {
            "type" => values.iter().any(|value| value == self.kind),
            "event" => self.passes_event(values),
            "label" => values.iter().any(|value| matches_pair(&self.attributes, value)),
            "scope" => values.iter().any(|value| value == "local"),
            "container" | "network" | "volume" | "daemon" => {
                self.kind == key && values.iter().any(|value| self.is_named(value))
            }
            "image" => {
                let image = if self.kind == "image" { "name" } else { "image" };
                let image = self.attributes.get(image).unwrap_or(&self.id);
                values.iter().any(|value| value == image || value == &self.id)
            }
            _ => false,
        })
    }

    /// Names of the family of composed actions turn the whole filter into a prefix match.
    fn passes_event(&self, values: &[String]) -> bool {
        let composed = ["health_status", "exec_create", "exec_start"];
        let prefix = values.iter().any(|value| composed.contains(&value.as_str()));
        values.iter().any(|value| {
            self.action == *value || (prefix && self.action.starts_with(value.as_str()))
        })
    }

    fn is_named(&self, value: &str) -> bool {
        self.id.starts_with(value) || self.attributes.get("name").is_some_and(|name| name == value)
    }
}

/// What goes wrong with one event on its way to the subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventFault {
    /// Nobody hears of it.
    Drop,
    /// It is told twice.
    Duplicate,
    /// All streams are cut before it, within a chunk.
    Cut,
}

#[derive(Debug)]
struct Subscriber {
    filters: Filters,
    sender: mpsc::Sender<Piece>,
}

/// The ring and who listens.
#[derive(Debug, Default)]
pub(crate) struct EventBus {
    ring: VecDeque<Event>,
    subscribers: Vec<Subscriber>,
    dropped: u64,
    published: u64,
    faults: BTreeMap<u64, EventFault>,
}

impl EventBus {
    /// Stores an event and sends it on.
    pub(crate) fn publish(
        &mut self,
        kind: &'static str,
        action: &str,
        id: &str,
        attributes: BTreeMap<String, String>,
        stamp: Stamp,
    ) {
        let event = Event { kind, action: action.to_owned(), id: id.to_owned(), attributes, stamp };
        self.published += 1;
        match self.faults.remove(&self.published) {
            None => self.tell(&event),
            Some(EventFault::Drop) => {}
            Some(EventFault::Duplicate) => {
                self.tell(&event);
                self.tell(&event);
            }
            Some(EventFault::Cut) => {
                for subscriber in self.subscribers.drain(..) {
                    drop(subscriber.sender.try_send(Piece::Cut));
                }
            }
        }
        self.ring.push_back(event);
        if self.ring.len() > RING {
            self.ring.pop_front();
        }
    }

    fn tell(&mut self, event: &Event) {
        let mut dropped = 0;
        self.subscribers.retain(|subscriber| {
            if !event.passes(&subscriber.filters) {
                return !subscriber.sender.is_closed();
            }
            match subscriber.sender.try_send(event.line()) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    dropped += 1;
                    true
                }
                Err(mpsc::error::TrySendError::Closed(_)) => false,
            }
        });
        self.dropped += dropped;
    }

    /// The n-th event of the run, from 1, goes wrong.
    pub(crate) fn fault(&mut self, number: u64, fault: EventFault) {
        self.faults.insert(number, fault);
    }

    /// No event goes wrong any more.
    pub(crate) fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// Events so far.
    pub(crate) fn published(&self) -> u64 {
        self.published
    }

    /// Events that slow subscribers missed.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The remembered events, oldest first.
    pub(crate) fn ring(&self) -> impl Iterator<Item = &Event> {
        self.ring.iter()
    }

    /// Open subscriptions.
    pub(crate) fn subscribers(&self) -> usize {
        self.subscribers.iter().filter(|subscriber| !subscriber.sender.is_closed()).count()
    }

    /// Ends every stream; the ring stays.
    pub(crate) fn close_streams(&mut self) {
        self.subscribers.clear();
    }

    /// Forgets everything, as a new daemon process does.
    pub(crate) fn forget(&mut self) {
        self.subscribers.clear();
        self.ring.clear();
    }

    fn subscribe(
        &mut self,
        filters: Filters,
        since: Option<Stamp>,
    ) -> (mpsc::Receiver<Piece>, mpsc::WeakSender<Piece>) {
        let (sender, receiver) = mpsc::channel(BACKLOG);
        if let Some(since) = since {
            let old = self.ring.iter().filter(|it| it.stamp >= since && it.passes(&filters));
            for event in old {
                // The channel holds four times the ring.
                drop(sender.try_send(event.line()));
            }
        }
        let weak = sender.downgrade();
        self.subscribers.push(Subscriber { filters, sender });
        (receiver, weak)
    }

    fn end(&mut self, subscription: &mpsc::WeakSender<Piece>) {
        if let Some(sender) = subscription.upgrade() {
            self.subscribers.retain(|it| !it.sender.same_channel(&sender));
        }
    }
}

/// `GET /events`
pub(crate) fn stream(engine: &SimEngine, call: &Call) -> Outcome {
    const KEYS: [&str; 9] =
        ["type", "event", "label", "container", "image", "network", "volume", "daemon", "scope"];
    let filters = Filters::parse(call.param("filters"), &KEYS)?;
    let since = parse_time(call.param("since"));
    let until = parse_time(call.param("until"));
    let receiver = engine.with(|world| {
        let now = world.clock.now();
        let (receiver, subscription) = world.events.subscribe(filters, since);
        match until.map(|until| until.since(now)) {
            None => {}
            Some(left) if left.is_zero() => world.events.end(&subscription),
            Some(left) => world.spawn(move |engine| async move {
                tokio::time::sleep(left).await;
                engine.with(|world| world.events.end(&subscription));
            }),
        }
        receiver
    });
    Ok(Reply::Stream("application/json", receiver))
}

/// Seconds, optionally with a fraction.
fn parse_time(text: &str) -> Option<Stamp> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: u64 = seconds.parse().ok()?;
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let nanos: u64 = digits.parse().ok()?;
    Some(Stamp(seconds.saturating_mul(1_000_000_000).saturating_add(nanos)))
}
