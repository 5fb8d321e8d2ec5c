//! The socket: accepts connections, so many at a time, until it is told to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::controller::EventSink;
use crate::http::connection::{ACCEPT_AGAIN, serve};
use crate::http::desk::Desk;
use crate::http::settings::{Outlets, WebhookSettings};
use crate::model::event::EventKind;

/// How often an address that is taken is tried again: a controller that stands by waits for it like for the lock.
pub(super) const BIND_AGAIN: Duration = Duration::from_secs(5);

/// A socket that listens.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    desk: Arc<Desk>,
}

impl Listener {
    /// Binds the address of the settings.
    ///
    /// # Errors
    /// It is taken, not of this host, or may not be used.
    pub async fn bind(settings: WebhookSettings, outlets: Outlets) -> io::Result<Self> {
        let socket = TcpListener::bind(settings.listen).await?;
        Ok(Self { socket, desk: Arc::new(Desk::new(settings, outlets)) })
    }

    /// The address that it has.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `cancel`; what is under way then may go on for the grace of the limits.
    pub async fn serve(self, cancel: CancellationToken) {
        let limits = *self.desk.limits();
        let slots = Arc::new(Semaphore::new(limits.connections));
        let mut running = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                biased;
                // Cancel safe: a token stays cancelled.
                () = cancel.cancelled() => break,
                // Cancel safe: a set keeps what ended. An empty one is never polled.
                Some(_) = running.join_next(), if !running.is_empty() => continue,
                // A slot that was had is given back, a connection stays in the backlog.
                accepted = async {
                    let slot = Arc::clone(&slots).acquire_owned().await;
                    (self.socket.accept().await, slot)
                } => accepted,
            };
            match accepted {
                (Ok((stream, peer)), slot) => {
                    let desk = Arc::clone(&self.desk);
                    running.spawn(async move {
                        serve(stream, peer, desk).await;
                        drop(slot);
                    });
                }
                (Err(error), _) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_AGAIN).await;
                }
            }
        }
        drop(self.socket);
        let ends = async { while running.join_next().await.is_some() {} };
        drop(timeout(limits.grace, ends).await);
    }
}

/// Binds and serves until `cancel`. An address that cannot be had is told once and tried again: it stops nothing else.
pub async fn listen(
    settings: WebhookSettings,
    outlets: Outlets,
    events: EventSink,
    cancel: CancellationToken,
) {
    let say = |text: String| events.send(outlets.clock.now(), None, EventKind::Controller(text));
    let mut told = false;
    loop {
        match Listener::bind(settings.clone(), outlets.clone()).await {
            Ok(listener) => {
                let hooks = settings.hooks.len();
                say(format!("webhooks: listening on {} for {hooks} hook(s)", settings.listen));
                return listener.serve(cancel).await;
            }
            Err(error) => {
                if !told {
                    tracing::warn!(listen = %settings.listen, %error, "webhooks cannot be received");
                    say(format!(
                        "webhooks: {} cannot be listened on: {error}; tried again every {} s",
                        settings.listen,
                        BIND_AGAIN.as_secs()
                    ));
                    told = true;
                }
            }
        }
        if timeout(BIND_AGAIN, cancel.cancelled()).await.is_ok() {
            return;
        }
    }
}
