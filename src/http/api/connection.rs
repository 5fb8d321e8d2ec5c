//! One connection: one request, with a deadline for each of its parts; a stream of events lasts as long as it is read.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::http::api::authority::Peer;
use crate::http::api::desk::ApiDesk;
use crate::http::api::receive::receive;
use crate::http::api::stream::Endless;
use crate::http::connection::{BUFFER, MOST_HEADERS, close};

/// Answers the one request of a connection, whatever it runs over. `cancel` ends streams.
pub async fn attend<S>(stream: S, peer: Peer, desk: Arc<ApiDesk>, cancel: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let limits = *desk.limits();
    let endless = Arc::new(OnceLock::new());
    let noted = Arc::clone(&endless);
    let service = service_fn(move |request| {
        let (desk, noted, cancel) = (Arc::clone(&desk), Arc::clone(&noted), cancel.clone());
        async move {
            let answer = Box::pin(receive(&desk, peer, request, cancel)).await;
            if let Some(Endless(ended)) = answer.extensions().get() {
                drop(noted.set(ended.clone()));
            }
            Ok::<_, Infallible>(answer)
        }
        .boxed()
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(BUFFER)
        .max_headers(MOST_HEADERS)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    let cut = async {
        sleep(limits.whole()).await;
        if let Some(ended) = endless.get() {
            ended.cancelled().await;
            sleep(limits.answer_time).await;
        }
    };
    let slow = tokio::select! {
        biased;
        ended = poll_fn(|context| connection.poll_without_shutdown(context)) => {
            matches!(&ended, Err(error) if error.is_timeout())
        }
        () = cut => false,
    };
    let mut stream = connection.into_parts().io.into_inner();
    // Whoever does not read is not waited for.
    drop(timeout(limits.answer_time, close(&mut stream, slow)).await);
}
