//! The same sequence on the real engine, each call followed until it looks as the simulated one does, or until time is over.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{Instant, interval};

use super::known::is_known;
use super::seen::{Difference, Seen, event, hide, looks};
use super::sequence::{Names, Op};
use crate::support_real::engine::Engine;
use crate::support_real::events::Events;

/// How long the real engine may take to come to rest on a busy machine.
const WITHIN: Duration = Duration::from_secs(8);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The first call after which the engines differ, and how.
#[derive(Debug)]
pub(super) struct Broken {
    /// Index of the call.
    pub(super) at: usize,
    /// What differs.
    pub(super) differences: Vec<Difference>,
}

/// Makes the calls and compares after each. What the sequence made is removed, also when this fails.
pub(super) async fn replay(sequence: &[Op], names: &Names, expected: &[Seen]) -> Option<Broken> {
    let mut side = Side::new(names).await;
    for (at, (op, expected)) in sequence.iter().zip(expected).enumerate() {
        let differences = side.take(op, expected).await;
        if !differences.is_empty() {
            return Some(Broken { at, differences });
        }
        if side.parted {
            // For a known reason one of them did it and the other did not.
            return None;
        }
    }
    None
}

struct Side<'a> {
    engine: Engine,
    /// Of its API, 1.x.
    minor: u32,
    names: &'a Names,
    events: Events,
    /// The place in the record of events up to which they are compared.
    told: usize,
    /// Whether the last call was answered with another status than the simulated one.
    parted: bool,
}

impl<'a> Side<'a> {
    async fn new(names: &'a Names) -> Self {
        let engine = Engine::connect();
        let events = Events::listen(&engine, &names.0);
        let told = events.mark().await;
        let api = engine.get("/version")["ApiVersion"].as_str().unwrap().to_owned();
        let minor = api.split_once('.').unwrap().1.parse().unwrap();
        Self { engine, minor, names, events, told, parted: false }
    }

    async fn take(&mut self, op: &Op, expected: &Seen) -> Vec<Difference> {
        let request = op.request(self.names);
        let answer =
            self.engine.call(request.method, &request.path, request.body.as_ref()).unwrap();
        let body: Value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
        self.parted = answer.status != expected.status;
        let message = hide(body["message"].as_str().unwrap_or_default());
        let deadline = Instant::now() + WITHIN;
        let mut ticks = interval(LOOK_EVERY);
        loop {
            ticks.tick().await;
            let world = self.world();
            let (events, upto) = self.events.told_since(self.told).await;
            let events = by_object(&events);
            let seen = Seen { status: answer.status, message: message.clone(), world, events };
            let mut differences = expected.differences(&seen);
            differences.retain(|one| !is_known(one, op, self.minor));
            if differences.is_empty()
                || Instant::now() >= deadline
                || answer.status != expected.status
            {
                self.told = upto;
                return differences;
            }
        }
    }

    /// Also what has a name that two have is as if it were not there, as on the simulated side.
    fn find(&self, path: &str) -> Option<Value> {
        let answer = self.engine.call("GET", path, None).unwrap();
        serde_json::from_str(&answer.body).ok().filter(|_| answer.status == 200)
    }

    fn world(&self) -> Value {
        let found = looks(self.names).filter_map(|look| {
            let found = self.find(&look.path)?;
            Some((look.name, (look.picture)(&found)))
        });
        Value::Object(found.collect::<Map<_, _>>())
    }
}

fn by_object(events: &[Value]) -> BTreeMap<String, Vec<String>> {
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (what, text) in events.iter().filter_map(event) {
        told.entry(what).or_default().push(text);
    }
    told
}

impl Drop for Side<'_> {
    fn drop(&mut self) {
        for name in self.names.all(Names::container) {
            drop(self.engine.call("POST", &format!("/containers/{name}/unpause"), None));
            drop(self.engine.call("DELETE", &format!("/containers/{name}?force=1&v=1"), None));
        }
        // More than one may have a name.
        let networks = self.find("/networks").unwrap_or_default();
        for network in networks.as_array().into_iter().flatten() {
            if network["Name"].as_str().is_some_and(|name| name.starts_with(&self.names.0)) {
                let id = network["Id"].as_str().unwrap_or_default();
                drop(self.engine.call("DELETE", &format!("/networks/{id}"), None));
            }
        }
        for name in self.names.all(Names::volume) {
            drop(self.engine.call("DELETE", &format!("/volumes/{name}"), None));
        }
    }
}
