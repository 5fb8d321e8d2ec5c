//! Asking a container until it is ready.

use std::net::SocketAddr;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::controller::host_get;
use crate::engine::Engine;
use crate::model::host_probe::HttpGet;
use crate::model::id::ContainerId;
use crate::model::outcome::{Failure, FailureClass};
use crate::model::probe::Readiness;

/// Shortest pause between two questions: a command that starts a client costs tens of milliseconds of processor.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Between the two, this part of the time since the first question: so much later than it is ready it is found so.
const PAUSE_PART: u32 = 6;
/// The two good answers lie at least this far apart: an application may be up for a moment before it restarts.
const APART: Duration = Duration::from_secs(1);
/// Nobody is asked for longer than this in one go: the progress deadline of the design.
const LONGEST: Duration = Duration::from_secs(600);
/// Time that a port on this host has to accept.
const ACCEPT: Duration = Duration::from_millis(500);

/// Whether something listens.
pub trait Dial: Send + Sync + 'static {
    /// Whether a TCP connection to this address is accepted now.
    fn accepts(&self, address: SocketAddr) -> BoxFuture<'_, bool>;

    /// Opens a TCP connection and closes it again; the caller sets the deadline.
    ///
    /// # Errors
    /// Why there was none.
    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, Result<(), String>>;

    /// The status of the answer to a GET; the caller sets the deadline.
    ///
    /// # Errors
    /// Why there was none.
    fn get<'a>(
        &'a self,
        address: SocketAddr,
        get: &'a HttpGet,
    ) -> BoxFuture<'a, Result<u16, String>>;

    /// The body of the answer to a GET of a server, by name or address, at most 1 MiB; the caller sets the deadline.
    ///
    /// # Errors
    /// Why there was none, or that its status is none of those that are expected.
    fn fetch<'a>(
        &'a self,
        host: &'a str,
        get: &'a HttpGet,
    ) -> BoxFuture<'a, Result<Vec<u8>, String>>;
}

/// The network of this host.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostDial;

impl Dial for HostDial {
    fn accepts(&self, address: SocketAddr) -> BoxFuture<'_, bool> {
        timeout(ACCEPT, TcpStream::connect(address))
            .map(|connected| matches!(connected, Ok(Ok(_))))
            .boxed()
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, Result<(), String>> {
        TcpStream::connect(address)
            .map(|connected| connected.map(drop).map_err(|error| host_get::chain(&error)))
            .boxed()
    }

    fn get<'a>(
        &'a self,
        address: SocketAddr,
        get: &'a HttpGet,
    ) -> BoxFuture<'a, Result<u16, String>> {
        host_get::get(address, get).boxed()
    }

    fn fetch<'a>(
        &'a self,
        host: &'a str,
        get: &'a HttpGet,
    ) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        host_get::fetch(host, get).boxed()
    }
}

/// Asks at growing intervals until two answers in a row are good.
///
/// # Errors
/// Those of the engine when the command cannot be run, e.g. because the container does not run any more; `Maybe` after 10 min.
pub(crate) async fn until_ready(
    engine: &Engine,
    dial: &dyn Dial,
    container: &ContainerId,
    readiness: &Readiness,
) -> Result<(), Failure> {
    let first = Instant::now();
    let mut good_since: Option<Instant> = None;
    while first.elapsed() < LONGEST {
        let begin = Instant::now();
        // A question that is longer than what is left ends with it.
        let time = readiness.timeout.min(LONGEST.saturating_sub(first.elapsed()));
        let good = engine.probe(container, &readiness.check, time).await?
            && all_accept(dial, &readiness.ports).await;
        good_since = good_since.filter(|_| good);
        match good_since {
            Some(since) if begin >= since + APART => return Ok(()),
            Some(since) => sleep_until(since + APART).await,
            None if good => {
                let now = Instant::now();
                good_since = Some(now);
                sleep_until(now + APART).await;
            }
            None => {
                let part = first.elapsed() / PAUSE_PART;
                sleep(part.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)).await;
            }
        }
    }
    let message = format!("not ready within {} s", LONGEST.as_secs());
    Err(Failure { class: FailureClass::Maybe, message })
}

async fn all_accept(dial: &dyn Dial, ports: &[SocketAddr]) -> bool {
    for port in ports {
        if !dial.accepts(*port).await {
            return false;
        }
    }
    true
}
