//! One connection: one request, with a deadline for each of its parts.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::http::desk::Desk;
use crate::http::receive::receive;

/// Bytes of a read: the head of a request has to fit in, and of a body no more is read ahead. It is the least that hyper
/// takes.
pub(super) const BUFFER: usize = 8 * 1024;
/// Headers of one request.
pub(super) const MOST_HEADERS: usize = 64;
/// Bytes that are read and dropped so that a client that is still writing sees the answer.
const LINGER: usize = 256 * 1024;

const TOO_SLOW: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Answers the one request of a connection. Further ones on it are not looked at: whatever was smuggled behind the first is
/// dropped.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, desk: Arc<Desk>) {
    let limits = *desk.limits();
    let service = service_fn(move |request| {
        let desk = Arc::clone(&desk);
        async move { Ok::<_, Infallible>(receive(&desk, peer.ip(), request).await) }.boxed()
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(BUFFER)
        .max_headers(MOST_HEADERS)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    let ended = poll_fn(|context| connection.poll_without_shutdown(context));
    let ended = timeout(limits.whole(), ended).await;
    let mut stream = connection.into_parts().io.into_inner();
    let slow = matches!(&ended, Ok(Err(error)) if error.is_timeout());
    // Whoever does not read is not waited for.
    drop(timeout(limits.answer_time, close(&mut stream, slow)).await);
}

/// Ends a connection so that a client that is still writing sees the answer.
pub(super) async fn close<S>(stream: &mut S, slow: bool) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if slow {
        stream.write_all(TOO_SLOW).await?;
    }
    stream.shutdown().await?;
    let mut scratch = [0; 1024];
    let mut dropped = 0;
    while dropped < LINGER {
        match stream.read(&mut scratch).await? {
            0 => break,
            more => dropped += more,
        }
    }
    Ok(())
}

/// How long nothing is accepted after a failure, such as too many open files.
pub(super) const ACCEPT_AGAIN: Duration = Duration::from_millis(200);
