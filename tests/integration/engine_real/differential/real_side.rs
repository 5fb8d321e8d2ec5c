//! The same sequence on the real engine, each call followed until it looks as the simulated one does, or until time is over.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, interval};

use super::known::is_known;
use super::seen::{Difference, Seen, container, event, hide, network};
use super::sequence::{Names, Op};
use crate::support_real::engine::{Engine, hang_up};
use crate::support_real::wait::eventually;

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
    events: Arc<Mutex<Vec<Value>>>,
    stream: UnixStream,
    told: usize,
    fences: usize,
    /// Whether the last call was answered with another status than the simulated one.
    parted: bool,
}

impl<'a> Side<'a> {
    async fn new(names: &'a Names) -> Self {
        let engine = Engine::connect();
        let stream = engine.open("GET", "/events", None).unwrap();
        stream.set_read_timeout(None).unwrap();
        let events = Arc::new(Mutex::new(Vec::new()));
        let (reader, sink) = (stream.try_clone().unwrap(), Arc::clone(&events));
        std::thread::spawn(move || {
            for line in BufReader::new(reader).lines().map_while(Result::ok) {
                if let Ok(event) = serde_json::from_str(&line) {
                    sink.lock().unwrap_or_else(PoisonError::into_inner).push(event);
                }
            }
        });
        let api = engine.get("/version")["ApiVersion"].as_str().unwrap().to_owned();
        let minor = api.split_once('.').unwrap().1.parse().unwrap();
        let mut side =
            Self { engine, minor, names, events, stream, told: 0, fences: 0, parted: false };
        // The engine may take a moment until it listens for us.
        side.told = side.fence().await;
        side
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
            let upto = self.fence().await;
            let events = self.since(upto);
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
        let mut world = BTreeMap::new();
        for name in self.names.all(Names::container) {
            if let Some(found) = self.find(&format!("/containers/{name}/json")) {
                world.insert(name, container(&found));
            }
        }
        for name in self.names.all(Names::network) {
            if let Some(found) = self.find(&format!("/networks/{name}")) {
                world.insert(name, network(&found));
            }
        }
        for name in self.names.all(Names::volume) {
            if self.find(&format!("/volumes/{name}")).is_some() {
                world.insert(name, json!({}));
            }
        }
        json!(world)
    }

    /// Waits until everything is told that happened so far; the number of events. A volume of our own is made and removed, and
    /// its end is the last of them; again every second, because the engine may not have listened for us yet.
    async fn fence(&mut self) -> usize {
        self.fences += 1;
        let fence = format!("{}-fence-{}", self.names.0, self.fences);
        let mut looks = 0;
        eventually("the engine tells of a fence", || {
            if looks % 20 == 0 {
                self.engine.expect("POST", "/volumes/create", Some(&json!({ "Name": fence })));
                self.engine.expect("DELETE", &format!("/volumes/{fence}"), None);
            }
            looks += 1;
            let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
            let told = events.iter().rev().any(|event| {
                event["Action"] == "destroy" && event["Actor"]["ID"] == fence.as_str()
            });
            if told { Ok(events.len()) } else { Err(format!("{} events", events.len())) }
        })
        .await
    }

    fn since(&self, upto: usize) -> BTreeMap<String, Vec<String>> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for one in events.iter().take(upto).skip(self.told) {
            if let Some((what, text)) = event(one, &self.names.0) {
                told.entry(what).or_default().push(text);
            }
        }
        told
    }
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
        hang_up(&self.stream);
    }
}
