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
    seen: Arc<Mutex<Vec<Value>>>,
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
        seen.iter().skip(mark).any(|one| text(one) == event)
    }

    /// All that were seen after the first `mark` ones, complete up to now, in words.
    pub(crate) async fn since(&self, mark: usize) -> Vec<String> {
        self.told_since(mark).await.0.iter().map(text).collect()
    }

    /// All that were seen after the first `mark` ones as the engine told them, and the place in the record behind them. They
    /// are complete up to now: a volume of our own is made and removed, and once its end is seen, everything before it was
    /// seen too. Again every second, because the engine may not have listened for us yet.
    pub(crate) async fn told_since(&self, mark: usize) -> (Vec<Value>, usize) {
        let fence = format!("{}-fence-{}", self.prefix, self.count());
        let last = format!("volume destroy {fence}");
        let mut looks = 0;
        eventually("the engine tells of the fence", || {
            if looks % 20 == 0 {
                self.engine.expect("POST", "/volumes/create", Some(&json!({ "Name": fence })));
                self.engine.expect("DELETE", &format!("/volumes/{fence}"), None);
            }
            looks += 1;
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if !seen.iter().rev().any(|event| text(event) == last) {
                return Err(format!("{} events", seen.len()));
            }
            let new = seen.iter().skip(mark).filter(|event| !text(event).contains("-fence-"));
            Ok((new.cloned().collect(), seen.len()))
        })
        .await
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

fn read(stream: UnixStream, seen: &Mutex<Vec<Value>>, prefix: &str) {
    // The head of the answer and what is no JSON is passed over.
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let event = serde_json::from_str::<Value>(&line).ok();
        if let Some(event) = event.filter(|event| is_change(event, prefix)) {
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        }
    }
}

/// The name of an object, or the id of one without.
fn name(event: &Value) -> &str {
    let actor = &event["Actor"];
    actor["Attributes"]["name"].as_str().or(actor["ID"].as_str()).unwrap_or_default()
}

/// Whether it is a change of one of our objects.
fn is_change(event: &Value, prefix: &str) -> bool {
    let action = event["Action"].as_str().unwrap_or_default();
    let project = event["Actor"]["Attributes"][PROJECT_LABEL].as_str().unwrap_or_default();
    let ours = name(event).starts_with(prefix) || project.starts_with(prefix);
    ours && !NO_CHANGE.iter().any(|start| action.starts_with(start))
}

/// `container start NAME`.
fn text(event: &Value) -> String {
    let word = |key: &str| event[key].as_str().unwrap_or_default();
    format!("{} {} {}", word("Type"), word("Action"), name(event))
}
