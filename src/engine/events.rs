//! The event stream: it reconnects by itself and says so.
//!
//! The engine drops events in silence (its ring holds 256, a slow reader is skipped) and a cut connection looks like
//! quiet. So events only wake; after every connection everything is listed again. The order is: note the engine's clock,
//! subscribe from that instant on, say `Gap`; what happens between the note and the subscription is replayed.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, sleep};

use crate::engine::call::Call;
use crate::engine::facade::{Engine, locked};
use crate::engine::failure::{CallError, Effect, classify, presentable};
use crate::engine::labels;
use crate::model::id::{ContainerId, ProjectName};
use crate::model::outcome::Failure;
use crate::model::time::Timestamp;

/// First delay after a cut.
const FIRST_DELAY: Duration = Duration::from_millis(800);
/// Longest delay. A try costs next to nothing, and until one succeeds nothing is healed: what ran before an engine's long
/// absence has to run again within seconds of its return.
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// A connection that stood this long makes the delays begin anew.
const GOOD_CONNECTION: Duration = Duration::from_secs(120);
/// Time between two signs of life: a connection whose other end is gone without a word tells nothing by itself.
const PING_EVERY: Duration = Duration::from_secs(10);
/// Time between two tries to tell a slow reader that it missed something.
const MAKE_GOOD_EVERY: Duration = Duration::from_secs(1);
/// Events that wait for the reader; beyond it they are dropped, and a `Gap` says so.
const BUFFER: usize = 1024;

/// Lifecycle actions of containers, networks, volumes and images. The exec family stays out: every health probe makes
/// three of those, with the command line in the action. `remove` is Podman's `destroy`.
const ACTIONS: [&str; 21] = [
    "create",
    "start",
    "restart",
    "stop",
    "kill",
    "die",
    "oom",
    "destroy",
    "remove",
    "pause",
    "unpause",
    "rename",
    "update",
    "health_status",
    "connect",
    "disconnect",
    "pull",
    "tag",
    "untag",
    "delete",
    "reload",
];

/// One event of the engine, already mapped to whom it wakes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineEvent {
    /// About a container.
    Container {
        /// Its project, if its labels claim one.
        project: Option<ProjectName>,
        /// Which.
        id: ContainerId,
        /// The engine's word, e.g. `die` or `health_status: healthy`.
        action: String,
    },
    /// About a network, a volume, an image or the daemon.
    Other {
        /// The project, if it is known.
        project: Option<ProjectName>,
    },
    /// (Re)connected, or events were lost: everything must be listed again.
    Gap,
    /// The connection is cut; the text says why. A `Gap` follows when it stands again.
    Lost(String),
}

impl Engine {
    /// Subscribes to the engine's events for as long as the stream is kept. It reconnects by itself (800 ms, doubling to
    /// 5 s) and yields [`EngineEvent::Gap`] after every (re)connection, before any event.
    pub fn events(&self) -> BoxStream<'static, EngineEvent> {
        let (sender, receiver) = channel(BUFFER);
        let engine = self.clone();
        tokio::spawn(async move {
            watch(&engine, &sender).await;
            // Nobody listens any more: from now on nobody tells of changes.
            locked(&engine.inner.cache).events_cut();
        });
        stream_of(receiver)
    }
}

fn stream_of(receiver: Receiver<EngineEvent>) -> BoxStream<'static, EngineEvent> {
    futures::stream::unfold(receiver, |mut receiver| async move {
        let event = receiver.recv().await?;
        Some((event, receiver))
    })
    .boxed()
}

/// Whether the other end of the channel is still there.
enum Reader {
    Listens,
    Gone,
}

/// Connects, reads until the connection is cut, waits, connects again; ends when nobody listens any more.
async fn watch(engine: &Engine, sender: &Sender<EngineEvent>) {
    let mut delays = delays();
    let mut attempt = 0_u64;
    loop {
        let begun = Instant::now();
        let session = session(engine, sender, attempt);
        let why = tokio::select! {
            biased;
            () = sender.closed() => return,
            end = session => match end {
                Ok(Reader::Gone) => return,
                Ok(Reader::Listens) => "the engine ended the stream".to_owned(),
                Err(failure) => failure.message,
            },
        };
        locked(&engine.inner.cache).events_cut();
        tracing::debug!(reason = why, "engine event stream lost");
        if begun.elapsed() >= GOOD_CONNECTION {
            delays.reset();
            attempt = 0;
        }
        attempt += 1;
        let delay = jittered(
            delays.next_backoff().unwrap_or(LONGEST_DELAY),
            engine.inner.installation.as_str(),
            attempt,
        );
        let wait = async {
            if sender.send(EngineEvent::Lost(why)).await.is_ok() {
                sleep(delay).await;
            }
        };
        tokio::select! {
            biased;
            () = sender.closed() => return,
            () = wait => {}
        }
    }
}

/// The delays before jitter: that is our own, so that a simulated run repeats exactly.
fn delays() -> ExponentialBackoff {
    ExponentialBackoff {
        current_interval: FIRST_DELAY,
        initial_interval: FIRST_DELAY,
        randomization_factor: 0.0,
        multiplier: 2.0,
        max_interval: LONGEST_DELAY,
        max_elapsed_time: None,
        ..ExponentialBackoff::default()
    }
}

/// The delay moved by up to a fifth either way, by a hash of key and attempt: two controllers of one engine do not come
/// back together, and a simulated run repeats exactly.
fn jittered(delay: Duration, key: &str, attempt: u64) -> Duration {
    // FNV-1a
    let hash =
        key.bytes().chain(attempt.to_le_bytes()).fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
    let percent = 80 + u32::try_from((hash >> 33) % 41).unwrap_or(20);
    delay * percent / 100
}

/// One connection, from negotiation to its end.
///
/// # Errors
/// Why it could not be made, or was cut.
async fn session(
    engine: &Engine,
    sender: &Sender<EngineEvent>,
    attempt: u64,
) -> Result<Reader, Failure> {
    if attempt > 0 {
        engine.renegotiate().await?;
    }
    let client = engine.client();
    let call = Call::read("info", 10);
    let now = engine.run(call, client.system_time()).await?;
    let since = now.as_deref().and_then(event_time);
    let mut lines = client.events(since.as_deref(), &filters());
    // The request goes out when the stream is first polled; a ping that comes back after that shows that the engine
    // takes requests, and an event that came meanwhile is kept.
    let early = tokio::select! {
        biased;
        line = lines.next() => Some(line),
        alive = engine.ping() => { alive?; None }
    };
    locked(&engine.inner.cache).events_stand();
    tracing::info!("engine event stream stands");
    if sender.send(EngineEvent::Gap).await.is_err() {
        return Ok(Reader::Gone);
    }
    let mut relay = Relay { engine, sender, lost: Lost::Nothing };
    if let Some(line) = early {
        let Some(line) = line else {
            return Ok(Reader::Listens);
        };
        relay.pass_on(&line.map_err(as_failure)?);
    }
    let alive = async {
        loop {
            sleep(PING_EVERY).await;
            if let Err(failure) = engine.ping().await {
                return failure;
            }
        }
    };
    tokio::pin!(alive);
    loop {
        tokio::select! {
            biased;
            line = lines.next() => match line {
                None => return Ok(Reader::Listens),
                Some(line) => relay.pass_on(&line.map_err(as_failure)?),
            },
            failure = &mut alive => return Err(failure),
            () = sleep(MAKE_GOOD_EVERY), if relay.lost == Lost::Some => relay.make_good(),
        }
    }
}

fn as_failure(error: CallError) -> Failure {
    classify(error, Effect::Read)
}

/// Whether events were dropped because the reader was slow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lost {
    Nothing,
    Some,
}

/// Hands events to the reader without ever waiting for it: a reader of the engine that waits is skipped by the engine.
struct Relay<'a> {
    engine: &'a Engine,
    sender: &'a Sender<EngineEvent>,
    lost: Lost,
}

impl Relay<'_> {
    fn pass_on(&mut self, line: &Value) {
        let Some(mut event) = event_of(line) else {
            return;
        };
        {
            let mut cache = locked(&self.engine.inner.cache);
            for id in touched(line) {
                // A network's event carries no labels: the container that came or went tells whom to wake.
                if let EngineEvent::Other { project: project @ None } = &mut event {
                    *project = cache.project(&id).cloned();
                }
                cache.invalidate(&id);
            }
        }
        self.make_good();
        if self.lost == Lost::Some || self.sender.try_send(event).is_err() {
            self.lost = Lost::Some;
        }
    }

    /// Tells of dropped events as soon as there is room.
    fn make_good(&mut self) {
        if self.lost == Lost::Some && self.sender.try_send(EngineEvent::Gap).is_ok() {
            tracing::warn!("engine events were dropped; everything is listed again");
            self.lost = Lost::Nothing;
        }
    }
}

fn filters() -> Value {
    json!({
        "type": ["container", "network", "volume", "image", "daemon"],
        "event": ACTIONS,
    })
}

/// The engine's clock as the parameter `since`: seconds with a fraction. The engine's text has an instant in
/// nanoseconds; rounding down to milliseconds replays a little more.
fn event_time(text: &str) -> Option<String> {
    let millis = Timestamp::parse_rfc3339(text)?.as_millis();
    Some(format!("{}.{:03}000000", millis / 1000, millis % 1000))
}

/// The event of a line; `None` for what we do not follow.
fn event_of(line: &Value) -> Option<EngineEvent> {
    let text = |path: &str| line.pointer(path).and_then(Value::as_str);
    let action = text("/Action").or(text("/status"))?;
    if action.starts_with("exec_") {
        return None;
    }
    let project = line
        .pointer("/Actor/Attributes")
        .and_then(|attributes| attributes.get(labels::PROJECT))
        .and_then(Value::as_str)
        .map(ProjectName::new);
    match text("/Type") {
        Some("container") => Some(EngineEvent::Container {
            project,
            id: ContainerId::new(text("/Actor/ID")?),
            action: presentable(action, 100),
        }),
        Some(_) => Some(EngineEvent::Other { project }),
        None => None,
    }
}

/// Containers of which this line says that they changed: a network's event names the container that was attached.
fn touched(line: &Value) -> Vec<ContainerId> {
    let about_container = line.get("Type").and_then(Value::as_str) == Some("container");
    let own = line.pointer("/Actor/ID").filter(|_| about_container);
    let attached = line.pointer("/Actor/Attributes/container");
    [own, attached].into_iter().flatten().filter_map(Value::as_str).map(ContainerId::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_events() {
        let line = json!({
            "Type": "container", "Action": "health_status: healthy",
            "Actor": {"ID": "abc", "Attributes": {"com.docker.compose.project": "shop"}}
        });
        let event = EngineEvent::Container {
            project: Some(ProjectName::new("shop")),
            id: ContainerId::new("abc"),
            action: "health_status: healthy".into(),
        };
        assert_eq!(event_of(&line), Some(event));
        assert_eq!(touched(&line), [ContainerId::new("abc")]);
        let exec = json!({"Type": "container", "Action": "exec_create: sh", "Actor": {"ID": "a"}});
        assert_eq!(event_of(&exec), None);
        let connect = json!({
            "Type": "network", "Action": "connect",
            "Actor": {"ID": "net", "Attributes": {"container": "abc", "name": "n"}}
        });
        assert_eq!(event_of(&connect), Some(EngineEvent::Other { project: None }));
        assert_eq!(touched(&connect), [ContainerId::new("abc")]);
        let pod = json!({"Type": "pod", "Action": "create", "Actor": {"ID": "p"}});
        assert_eq!(event_of(&pod), Some(EngineEvent::Other { project: None }));
    }

    #[test]
    fn the_engines_clock_becomes_since() {
        let since = event_time("2026-11-21T23:52:07.334577049Z");
        assert_eq!(since.as_deref(), Some("1795305127.334000000"));
    }

    #[test]
    fn delays_grow_to_their_limit() {
        let mut delays = delays();
        let grown: Vec<Duration> = (0..8).filter_map(|_| delays.next_backoff()).collect();
        assert_eq!(grown[0], FIRST_DELAY);
        assert_eq!(grown[1], FIRST_DELAY * 2);
        assert_eq!(grown[7], LONGEST_DELAY);
        for attempt in 0..100 {
            let delay = jittered(Duration::from_secs(10), "default", attempt);
            assert!(delay >= Duration::from_secs(8) && delay <= Duration::from_secs(12));
        }
    }
}
