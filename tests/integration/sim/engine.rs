//! The handle of the simulated engine.

use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bollard::errors::Error;
use bollard::{ClientVersion, Docker};
use tokio::sync::{Notify, watch};

use super::latency::Op;
use super::transport::{self, SimTransport};
use super::world::World;

/// How the engine is set up.
#[derive(Debug, Clone)]
pub(crate) struct SimOptions {
    /// Fixes identifiers and latencies.
    pub(crate) seed: u64,
    /// Newest API version the engine speaks, such as `1.41`.
    pub(crate) api_version: String,
    /// Whether calls take the time that was measured on a real engine, or none.
    pub(crate) latency: bool,
}

impl Default for SimOptions {
    fn default() -> Self {
        Self { seed: 1, api_version: "1.41".to_owned(), latency: false }
    }
}

impl SimOptions {
    /// The default options with this seed.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }
}

/// What the daemon process is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Answers.
    Up,
    /// Accepts connections and answers nothing (SIGSTOP).
    Frozen,
    /// Refuses connections.
    Down,
}

/// Life of the daemon process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life {
    /// Counts daemon processes. Work that belongs to an older one is dropped where it stands.
    pub(crate) incarnation: u64,
    /// What the current process does.
    pub(crate) mode: Mode,
}

struct Inner {
    world: Mutex<World>,
    life: watch::Sender<Life>,
    deaths: Notify,
    options: SimOptions,
}

/// A Docker engine in memory, under tokio's clock. Clones are handles of the same engine.
///
/// It must be made inside a tokio runtime; with a paused clock every run is the same.
#[derive(Clone)]
pub(crate) struct SimEngine {
    inner: Arc<Inner>,
}

impl fmt::Debug for SimEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimEngine").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

/// A handle that does not keep the engine alive.
#[derive(Clone)]
pub(crate) struct WeakEngine(Weak<Inner>);

impl WeakEngine {
    /// The engine, if anybody still holds it.
    pub(crate) fn upgrade(&self) -> Option<SimEngine> {
        self.0.upgrade().map(|inner| SimEngine { inner })
    }
}

impl SimEngine {
    /// A fresh engine: no images, the three predefined networks, nothing else.
    pub(crate) fn new(options: SimOptions) -> Self {
        let inner = Arc::new_cyclic(|weak: &Weak<Inner>| Inner {
            world: Mutex::new(World::new(&options, WeakEngine(Weak::clone(weak)))),
            life: watch::Sender::new(Life { incarnation: 1, mode: Mode::Up }),
            deaths: Notify::new(),
            options,
        });
        Self { inner }
    }

    /// A bollard client of this engine, with a timeout of 120 s (bollard's default).
    #[expect(clippy::expect_used, reason = "a test bench ends the test that it can not serve")]
    pub(crate) fn docker(&self) -> Docker {
        self.docker_with_timeout(120).expect("a client over a custom transport does no I/O")
    }

    /// A client of the controller with this number, so that the journal tells controllers apart.
    ///
    /// # Panics
    /// Never: a client over a custom transport does no I/O.
    #[expect(clippy::expect_used, reason = "a test bench ends the test that it can not serve")]
    pub(crate) fn docker_of(&self, client: u32) -> Docker {
        let transport = self.transport();
        let version = ClientVersion { major_version: 1, minor_version: 41 };
        let mark = http::HeaderValue::from(client);
        Docker::connect_with_custom_transport(
            move |mut request: bollard::BollardRequest| {
                request.headers_mut().insert(super::journal::CLIENT, mark.clone());
                transport(request)
            },
            Some("http://docker"),
            120,
            &version,
        )
        .expect("a client over a custom transport does no I/O")
    }

    /// A fault kills this controller: whoever holds it hears of it by [`SimEngine::client_died`].
    pub(crate) fn client_dies(&self, client: u32) {
        self.with(|world| world.journal.dying.insert(client));
        self.inner.deaths.notify_one();
    }

    /// Waits for the next controller that a fault kills.
    pub(crate) async fn client_died(&self) -> u32 {
        loop {
            let dying = self.with(|world| world.journal.dying.pop_first());
            if let Some(client) = dying {
                return client;
            }
            self.inner.deaths.notified().await;
        }
    }

    /// A bollard client whose calls wait at most `seconds` for the head of an answer.
    ///
    /// # Errors
    /// Those of bollard's constructor (none known for a custom transport).
    pub(crate) fn docker_with_timeout(&self, seconds: u64) -> Result<Docker, Error> {
        let transport = self.transport();
        let version = ClientVersion { major_version: 1, minor_version: 41 };
        Docker::connect_with_custom_transport(
            move |request| transport(request),
            Some("http://docker"),
            seconds,
            &version,
        )
    }

    /// The function from request to response that bollard's custom transport takes.
    pub(crate) fn transport(&self) -> SimTransport {
        transport::transport(self)
    }

    /// Newest API version spoken.
    pub(crate) fn api_version(&self) -> String {
        self.inner.options.api_version.clone()
    }

    /// Works on the state. The lock is never held across an await.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        // A panic in a test while the lock is held must not hide the first failure.
        let mut world = self.inner.world.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut world)
    }

    /// Follows the life of the daemon process.
    pub(crate) fn life(&self) -> watch::Receiver<Life> {
        self.inner.life.subscribe()
    }

    /// Changes the life of the daemon process.
    pub(crate) fn set_life(&self, change: impl FnOnce(&mut Life)) {
        self.inner.life.send_modify(change);
    }

    /// Whether connections are refused.
    pub(crate) fn is_down(&self) -> bool {
        self.inner.life.borrow().mode == Mode::Down
    }

    /// Waits until the daemon runs.
    pub(crate) async fn awake(&self) {
        // The sender lives in `self`, so waiting can not fail.
        drop(self.life().wait_for(|life| life.mode == Mode::Up).await);
    }

    /// Runs `work` unless the daemon process `born` ends first.
    pub(crate) fn while_alive<W: Future>(
        &self,
        born: u64,
        work: W,
    ) -> impl Future<Output = Option<W::Output>> + use<W> {
        let mut life = self.life();
        async move {
            tokio::select! {
                biased;
                _ = life.wait_for(|life| life.incarnation != born) => None,
                done = work => Some(done),
            }
        }
    }

    /// Takes the time that such a call takes on a real engine; none with latency off.
    pub(crate) async fn latency(&self, op: Op) {
        if !self.inner.options.latency {
            return;
        }
        let time = self.with(|world| op.draw(&mut world.random));
        tokio::time::sleep(time).await;
    }

    /// Takes the time of a call, and at least `least` even with latency off.
    pub(crate) async fn at_least(&self, op: Op, least: Duration) {
        tokio::time::sleep(least).await;
        self.latency(op).await;
    }

    /// Waits for ever if this container is wedged (see [`SimEngine::wedge`]).
    pub(crate) async fn unless_wedged(&self, reference: &str) {
        let wedged = self.with(|world| world.container(reference).is_ok_and(|it| it.wedged));
        if wedged {
            pending::<()>().await;
        }
    }
}
