//! bollard's custom transport: every request gets its own in-memory connection to a hyper server.
//!
//! bollard wants a response whose body hyper itself has read (`Incoming`), so a real HTTP/1.1
//! exchange runs over a duplex pipe. That also gives true half-sent bodies, cut streams and
//! clients that leave before the answer.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bollard::BollardRequest;
use bollard::errors::Error;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tower_service::Service;

use super::engine::SimEngine;
use super::request::{Call, Piece, Reply};
use super::router;

/// The function bollard's custom transport takes, shareable.
pub(crate) type SimTransport = Arc<dyn Fn(BollardRequest) -> TransportFuture + Send + Sync>;

/// The body of bollard's requests.
type RequestBody = http_body_util::Either<
    Full<Bytes>,
    StreamBody<Pin<Box<dyn Stream<Item = io::Result<Frame<Bytes>>> + Send>>>,
>;

/// What the transport returns.
pub(crate) type TransportFuture =
    Pin<Box<dyn Future<Output = Result<Response<Incoming>, Error>> + Send>>;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Size of the pipe in bytes, per direction: about a Unix socket's buffer.
const PIPE_BYTES: usize = 64 * 1024;

/// One side of a pipe, as hyper's client wants its connections.
pub(crate) struct Pipe(TokioIo<DuplexStream>);

impl Connection for Pipe {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl hyper::rt::Write for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Opens connections to one engine.
#[derive(Clone)]
struct Connector(SimEngine);

impl Service<Uri> for Connector {
    type Response = Pipe;
    type Error = io::Error;
    type Future = Ready<io::Result<Pipe>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _address: Uri) -> Self::Future {
        if self.0.is_down() {
            return ready(Err(io::ErrorKind::ConnectionRefused.into()));
        }
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        tokio::spawn(serve(self.0.clone(), far));
        ready(Ok(Pipe(TokioIo::new(near))))
    }
}

/// The transport of an engine. It uses the same HTTP client as bollard does over a Unix socket, one
/// connection per call, so that errors come out in the same variants.
pub(crate) fn transport(engine: &SimEngine) -> SimTransport {
    let client = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build::<_, RequestBody>(Connector(engine.clone()));
    Arc::new(move |request| {
        let answer = client.request(request);
        Box::pin(async move { answer.await.map_err(Error::from) })
    })
}

/// Serves one connection until it ends or the daemon dies.
async fn serve(engine: SimEngine, pipe: DuplexStream) {
    let mut life = engine.life();
    let service = service_fn(move |request| answer(engine.clone(), request));
    let connection = hyper::server::conn::http1::Builder::new()
        .keep_alive(false)
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(pipe), service)
        .with_upgrades();
    let born = life.borrow_and_update().incarnation;
    tokio::select! {
        biased;
        _ = life.wait_for(|life| life.incarnation != born) => {}
        _ = connection => {}
    }
}

/// Reads the request and lets the router work. The work runs in its own task, because an engine
/// finishes what it began even when the client has gone.
async fn answer(
    engine: SimEngine,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, io::Error> {
    let upgrade = hyper::upgrade::on(&mut request);
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let call = Call::new(head.method, target, head.headers, body);
    let life = engine.life();
    let born = life.borrow().incarnation;
    let api_version = engine.api_version();
    let work = tokio::spawn(engine.while_alive(born, router::handle(engine.clone(), call)));
    let reply = work.await.map_err(io::Error::other)?.unwrap_or(Reply::HangUp);
    respond(reply, upgrade, &api_version)
}

/// Builds the HTTP answer.
fn respond(
    reply: Reply,
    upgrade: hyper::upgrade::OnUpgrade,
    api_version: &str,
) -> Result<Response<Body>, io::Error> {
    let head = Response::builder()
        .header("Api-Version", api_version)
        .header("Docker-Experimental", "false")
        .header("Ostype", "linux")
        .header("Server", "Docker/20.10.24 (linux)");
    let response = match reply {
        Reply::HangUp => return Err(io::ErrorKind::ConnectionReset.into()),
        Reply::Whole(status, kind, bytes) => head
            .status(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
            .header(header::CONTENT_TYPE, kind)
            .body(Full::new(bytes).map_err(never).boxed_unsync()),
        Reply::Stream(kind, pieces) => head
            .header(header::CONTENT_TYPE, kind)
            .body(StreamBody::new(frames(pieces)).boxed_unsync()),
        Reply::Upgraded(pieces) => {
            tokio::spawn(pump(upgrade, pieces));
            head.status(StatusCode::SWITCHING_PROTOCOLS)
                .header(header::CONNECTION, "Upgrade")
                .header(header::UPGRADE, "tcp")
                .body(Full::new(Bytes::new()).map_err(never).boxed_unsync())
        }
    };
    response.map_err(io::Error::other)
}

fn never(never: Infallible) -> io::Error {
    match never {}
}

fn frames(pieces: mpsc::Receiver<Piece>) -> BoxStream<'static, io::Result<Frame<Bytes>>> {
    futures::stream::unfold(pieces, |mut pieces| async move {
        let frame = match pieces.recv().await? {
            Piece::Data(bytes) => Ok(Frame::data(bytes)),
            Piece::Cut => Err(io::ErrorKind::ConnectionReset.into()),
        };
        Some((frame, pieces))
    })
    .boxed()
}

/// Copies pieces into an upgraded connection, then closes it.
async fn pump(upgrade: hyper::upgrade::OnUpgrade, mut pieces: mpsc::Receiver<Piece>) {
    let Ok(upgraded) = upgrade.await else { return };
    let mut pipe = TokioIo::new(upgraded);
    while let Some(Piece::Data(bytes)) = pieces.recv().await {
        if pipe.write_all(&bytes).await.is_err() {
            return;
        }
    }
    // The other side may have gone; there is nobody left to tell.
    drop(pipe.shutdown().await);
}
