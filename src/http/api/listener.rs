//! The sockets of the API: a Unix socket beside the state, and TCP if the settings ask for it.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::controller::Handle;
use crate::http::api::authority::Peer;
use crate::http::api::connection::attend;
use crate::http::api::desk::ApiDesk;
use crate::http::api::settings::{ApiSettings, TcpSettings};
use crate::http::api::tls::TlsSettings;
use crate::http::connection::ACCEPT_AGAIN;
use crate::http::listener::BIND_AGAIN;
use crate::model::path::LocalPath;

/// Serves the API of a controller from when it has the lock of the state directory until `cancel`. A socket that cannot be had
/// is told once and tried again: it stops nothing else.
pub async fn listen_api(settings: ApiSettings, handle: Handle, cancel: CancellationToken) {
    let mut published = handle.published();
    let desk = ApiDesk::new(settings, handle);
    let mut sockets = JoinSet::new();
    let (counting, over) = (Arc::clone(&desk), cancel.clone());
    sockets.spawn(async move { counting.count_events(over).await });
    let leads = published.wait_for(|snapshot| snapshot.controller.is_some());
    tokio::select! {
        biased;
        // Cancel safe: a token stays cancelled, and what was published stays so.
        () = cancel.cancelled() => return,
        _ = leads => {}
    }
    let unix = desk.settings.socket.clone().map(Place::Unix);
    let tcp = desk.settings.tcp.clone().map(Place::Tcp);
    for place in unix.into_iter().chain(tcp) {
        sockets.spawn(keep(place, Arc::clone(&desk), cancel.clone()));
    }
    while sockets.join_next().await.is_some() {}
}

/// Where to listen.
#[derive(Clone, Debug)]
enum Place {
    Unix(LocalPath),
    Tcp(TcpSettings),
}

/// A socket that listens.
enum Socket {
    Unix(UnixListener),
    Tcp(TcpListener, Option<TlsSettings>),
}

/// A connection that came in.
enum Accepted {
    Unix(UnixStream),
    Tcp(TcpStream, SocketAddr, Option<TlsSettings>),
}

impl Place {
    async fn bind(&self) -> io::Result<Socket> {
        match self {
            Self::Unix(path) => bind_unix(path.as_path()).map(Socket::Unix),
            Self::Tcp(tcp) => {
                let socket = TcpListener::bind(tcp.listen).await?;
                Ok(Socket::Tcp(socket, tcp.tls.clone()))
            }
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Unix(path) => path.display().to_string(),
            Self::Tcp(tcp) => tcp.listen.to_string(),
        }
    }
}

/// Takes the place of a socket that an earlier process left, and of nothing else. Others of this host may not open it.
fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    match std::fs::symlink_metadata(path) {
        Ok(there) if there.file_type().is_socket() => std::fs::remove_file(path)?,
        Ok(_) => {
            let text = "something that is no socket is there";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        Err(_) => {}
    }
    let socket = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(socket)
}

async fn keep(place: Place, desk: Arc<ApiDesk>, cancel: CancellationToken) {
    let mut told = false;
    loop {
        match place.bind().await {
            Ok(socket) => {
                tracing::info!(place = place.text(), "the API listens");
                serve(&socket, &desk, &cancel).await;
                drop(socket);
                if let Place::Unix(path) = &place {
                    // Best effort: the next process takes its place anyway.
                    drop(std::fs::remove_file(path.as_path()));
                }
                return;
            }
            Err(error) if !told => {
                let text = place.text();
                tracing::warn!(place = text, %error, "the API cannot listen; trying again");
                desk.handle.say(format!(
                    "API: {text} cannot be listened on: {error}; tried again every {} s",
                    BIND_AGAIN.as_secs()
                ));
                told = true;
            }
            Err(_) => {}
        }
        if timeout(BIND_AGAIN, cancel.cancelled()).await.is_ok() {
            return;
        }
    }
}

async fn serve(socket: &Socket, desk: &Arc<ApiDesk>, cancel: &CancellationToken) {
    let slots = Arc::new(Semaphore::new(desk.limits().connections));
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
                (accept(socket).await, slot)
            } => accepted,
        };
        match accepted {
            (Ok(accepted), slot) => {
                let (desk, cancel) = (Arc::clone(desk), cancel.clone());
                running.spawn(async move {
                    converse(accepted, desk, cancel).await;
                    drop(slot);
                });
            }
            (Err(error), _) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_AGAIN).await;
            }
        }
    }
    let ends = async { while running.join_next().await.is_some() {} };
    drop(timeout(desk.limits().grace, ends).await);
}

async fn accept(socket: &Socket) -> io::Result<Accepted> {
    match socket {
        Socket::Unix(socket) => socket.accept().await.map(|(stream, _)| Accepted::Unix(stream)),
        Socket::Tcp(socket, tls) => {
            let (stream, peer) = socket.accept().await?;
            Ok(Accepted::Tcp(stream, peer, tls.clone()))
        }
    }
}

async fn converse(accepted: Accepted, desk: Arc<ApiDesk>, cancel: CancellationToken) {
    match accepted {
        Accepted::Unix(stream) => {
            let uid = stream.peer_cred().ok().map(|peer| peer.uid());
            Box::pin(attend(stream, Peer::Socket(uid), desk, cancel)).await;
        }
        Accepted::Tcp(stream, peer, None) => {
            Box::pin(attend(stream, Peer::Tcp(peer.ip()), desk, cancel)).await;
        }
        Accepted::Tcp(stream, peer, Some(tls)) => {
            let handshake = tls.acceptor.accept(stream);
            // Who does not speak TLS is not answered.
            if let Ok(Ok(stream)) = timeout(desk.limits().head_time, handshake).await {
                Box::pin(attend(stream, Peer::Tcp(peer.ip()), desk, cancel)).await;
            }
        }
    }
}
