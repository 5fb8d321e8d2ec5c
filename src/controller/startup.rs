//! Before the loop: the right to act, and the engine.

use std::sync::Arc;
use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff as _;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::controller::board::Board;
use crate::controller::clock::Clock;
use crate::controller::events::EventSink;
use crate::controller::jitter::jittered;
use crate::controller::own::Teller;
use crate::controller::settings::{Mode, RunEnd, Settings};
use crate::engine::Engine;
use crate::ledger::{Ledger, LedgerError, LedgerLock};
use crate::model::event::EventKind;
use crate::model::outcome::Failure;
use crate::model::status::ControllerStatus;
use crate::model::time::Timestamp;

/// How often a controller that stands by looks whether the lock is free.
const STAND_BY: Duration = Duration::from_secs(1);
/// Longest delay between two tries to reach the engine.
const RECONNECT_CAP: Duration = Duration::from_secs(5);

/// Connects to the engine; called again and again until it succeeds.
pub type Connector =
    Arc<dyn Fn() -> BoxFuture<'static, Result<Engine, Failure>> + Send + Sync + 'static>;

/// What everything before the loop needs.
pub(crate) struct Startup<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) ledger: &'a Ledger,
    pub(crate) board: &'a Board,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) events: &'a EventSink,
    pub(crate) cancel: &'a CancellationToken,
    /// Tells how this instance is, in a container.
    pub(crate) teller: Option<&'a Teller>,
    pub(crate) started_at: Timestamp,
}

/// A step, or the end of the run before it was reached.
pub(crate) enum Step<T> {
    Ready(T),
    End(RunEnd),
}

impl Startup<'_> {
    /// The lock of the state directory. A second controller stands by until it is free; `--once` does not wait.
    pub(crate) async fn lock_state(&self) -> Result<Step<LedgerLock>, LedgerError> {
        let patience = self.teller.map_or(Duration::ZERO, |teller| teller.instance.patience);
        let until = tokio::time::Instant::now() + patience;
        while tokio::time::Instant::now() < until {
            self.tell_instance("standing by");
            if self.stopped_within(STAND_BY).await {
                return Ok(Step::End(RunEnd::Stopped));
            }
        }
        self.lock("the state directory", || self.ledger.try_lock()).await
    }

    /// The lock per engine and installation: two state directories must not drive one engine.
    pub(crate) async fn lock_engine(
        &self,
        engine: &Engine,
    ) -> Result<Step<LedgerLock>, LedgerError> {
        let known = engine.facts().id;
        let id = planted!("two-act", known, format!("{known}{}", self.started_at));
        let installation = &self.settings.policy.installation;
        self.lock("this engine", || {
            let lock = self.ledger.try_lock_engine(&id, installation);
            if matches!(lock, Ok(None)) {
                self.publish("standing by", "another controller acts on this engine");
            }
            lock
        })
        .await
    }

    async fn lock(
        &self,
        what: &str,
        try_lock: impl Fn() -> Result<Option<LedgerLock>, LedgerError>,
    ) -> Result<Step<LedgerLock>, LedgerError> {
        let mut said = None;
        loop {
            if let Some(lock) = try_lock()? {
                if said.is_some() {
                    self.say(format!("the lock of {what} is free: taking over"));
                }
                return Ok(Step::Ready(lock));
            }
            if let Mode::Once(_) = self.settings.mode {
                return Ok(Step::End(RunEnd::LockHeld));
            }
            if said.is_none() {
                let text = format!("standing by: another controller holds the lock of {what}");
                tracing::info!(what, "standing by: another controller holds the lock");
                self.say(text.clone());
                said = Some(text);
            }
            self.tell_instance("standing by");
            if self.stopped_within(STAND_BY).await {
                return Ok(Step::End(RunEnd::Stopped));
            }
        }
    }

    fn tell_instance(&self, role: &str) {
        if let Some(teller) = self.teller {
            teller.tell(role);
        }
    }

    /// The engine, however long it takes: 800 ms × 2 to 5 s between tries. A reason is told
    /// once, not at every try.
    pub(crate) async fn connect(&self, connector: &Connector) -> Step<Engine> {
        let mut backoff = ExponentialBackoff {
            initial_interval: Duration::from_millis(800),
            current_interval: Duration::from_millis(800),
            multiplier: 2.0,
            max_interval: RECONNECT_CAP,
            randomization_factor: 0.0,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        let mut tries = 0_u32;
        let begin = tokio::time::Instant::now();
        let mut said = String::new();
        loop {
            let connected = tokio::select! {
                biased;
                // Cancel safe: a token stays cancelled.
                () = self.cancel.cancelled() => return Step::End(RunEnd::Stopped),
                // Dropping it closes the connection; nothing was asked of the engine yet.
                connected = connector() => connected,
            };
            let failure = match connected {
                Ok(engine) => {
                    let facts = engine.facts();
                    let text = format!("connected to {} (API {})", facts.version, facts.api);
                    self.tell(EventKind::Engine(text));
                    return Step::Ready(engine);
                }
                Err(failure) => failure,
            };
            let text = format!("unreachable: {}", failure.message);
            self.publish("acting", &text);
            if text != said {
                tracing::warn!(error = %failure.message, "the engine cannot be reached; trying again");
                self.tell(EventKind::Engine(text.clone()));
                said = text;
            }
            let delay = backoff.next_backoff().unwrap_or(RECONNECT_CAP);
            let delay = jittered(delay, 20, "engine", tries).min(RECONNECT_CAP);
            tries = tries.saturating_add(1);
            if let Mode::Once(once) = self.settings.mode
                && begin.elapsed() + delay > once.timeout
            {
                return Step::End(RunEnd::TimedOut);
            }
            if self.stopped_within(delay).await {
                return Step::End(RunEnd::Stopped);
            }
        }
    }

    async fn stopped_within(&self, time: Duration) -> bool {
        tokio::time::timeout(time, self.cancel.cancelled()).await.is_ok()
    }

    fn say(&self, text: String) {
        self.tell(EventKind::Controller(text));
    }

    fn tell(&self, kind: EventKind) {
        self.events.send(self.clock.now(), None, kind);
    }

    fn publish(&self, role: &str, engine: &str) {
        let status = ControllerStatus {
            installation: self.settings.policy.installation.to_string(),
            pid: std::process::id(),
            started_at: self.started_at,
            published_at: self.clock.now(),
            role: role.to_owned(),
            engine: engine.to_owned(),
            desired_state: self.settings.desired_state.display().to_string(),
            watch: String::new(),
            mutating_calls: 0,
            calls: 0,
            passes: 0,
            operations: Vec::new(),
            held: Vec::new(),
            diagnostics: Vec::new(),
        };
        self.board.beat(status.published_at);
        self.board.controller(&status, Some(engine.to_owned()));
        if self.ledger.publish_controller(&status).is_err() {
            tracing::warn!("the status of the controller could not be published");
        }
    }
}
