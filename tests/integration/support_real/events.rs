//! Everything that happens to a host's objects, as the engine tells it, whoever caused it.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::support_real::engine::{Engine, PROJECT_LABEL, hang_up};
use crate::support_real::wait::eventually;

/// What the engine tells beside changes: probes, looks, health.
const NO_CHANGE: &[&str] = &["exec_", "health_status", "top", "attach", "resize", "archive-path"];

/// A record of changes to objects whose names begin with the host's prefix. It listens until it is dropped.
#[derive(Debug)]
pub(crate) struct Events {
    seen: Arc<Mutex<Vec<String>>>,
    stream: UnixStream,
    prefix: String,
    engine: Engine,
}

impl Events {
    /// Begins to listen.
    pub(crate) fn listen(engine: &Engine, prefix: &str) -> Self {
        let stream = engine.open("GET", "/events", None).unwrap();
        stream.set_read_timeout(None).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (reader, sink, wanted) =
            (stream.try_clone().unwrap(), Arc::clone(&seen), prefix.to_owned());
        std::thread::spawn(move || read(reader, &sink, &wanted));
        Self { seen, stream, prefix: prefix.to_owned(), engine: engine.clone() }
    }

    /// How many were seen so far.
    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether an event was seen after the first `mark` ones.
    pub(crate) fn saw(&self, mark: usize, event: &str) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().skip(mark).any(|one| one == event)
    }

    /// All that were seen after the first `mark` ones, complete up to now: a volume of our own is made and removed, and
    /// once its end is seen, everything before it was seen too.
    pub(crate) async fn since(&self, mark: usize) -> Vec<String> {
        let fence = format!("{}-fence-{}", self.prefix, self.count());
        self.engine.expect("POST", "/volumes/create", Some(&json!({ "Name": fence })));
        self.engine.expect("DELETE", &format!("/volumes/{fence}"), None);
        let last = format!("volume destroy {fence}");
        eventually("the engine tells of the fence", || {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.contains(&last) { Ok(()) } else { Err(format!("{} events", seen.len())) }
        })
        .await;
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().skip(mark).filter(|event| !event.contains("-fence-")).cloned().collect()
    }

    /// A place in the record; what comes later is counted from here.
    pub(crate) async fn mark(&self) -> usize {
        drop(self.since(0).await);
        self.count()
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        hang_up(&self.stream);
    }
}

fn read(stream: UnixStream, seen: &Mutex<Vec<String>>, prefix: &str) {
    // The head of the answer and what is no JSON is passed over.
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let event = serde_json::from_str::<Value>(&line).ok();
        if let Some(event) = event.and_then(|event| change(&event, prefix)) {
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        }
    }
}

/// `container start NAME`, if it is a change of one of our objects.
fn change(event: &Value, prefix: &str) -> Option<String> {
    let (kind, action) = (event["Type"].as_str()?, event["Action"].as_str()?);
    let attributes = &event["Actor"]["Attributes"];
    let name = attributes["name"].as_str().or(event["Actor"]["ID"].as_str())?;
    let project = attributes[PROJECT_LABEL].as_str().unwrap_or_default();
    let ours = name.starts_with(prefix) || project.starts_with(prefix);
    let changes = !NO_CHANGE.iter().any(|start| action.starts_with(start));
    (ours && changes).then(|| format!("{kind} {action} {name}"))
}
