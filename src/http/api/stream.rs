//! `/api/v1/events`: what happens, as server-sent events. A reader that is too slow is told so and dropped; it holds nobody up.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::unfold;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at};
use tokio_util::sync::CancellationToken;

use crate::http::api::answer::{Answer, later};
use crate::http::api::desk::ApiDesk;
use crate::http::api::receive::Admitted;
use crate::http::api::routes::project;
use crate::http::api::view::EventView;
use crate::model::event::Event;
use crate::model::id::ProjectName;

/// What a reader sees first: that it is connected, and when to come again after the end.
const BEGIN: &[u8] = b"retry: 2000\n: connected\n\n";
const ALIVE: &[u8] = b": alive\n\n";
const STOPPING: &[u8] = b"event: stopping\ndata: {}\n\n";

/// Cancelled when nothing more is sent: the connection is then given the time of an answer and no more. It stands among the
/// extensions of the answer.
#[derive(Clone, Debug)]
pub(super) struct Endless(pub(super) CancellationToken);

/// Begins a stream.
pub(super) fn events(
    desk: &Arc<ApiDesk>,
    asked: &Admitted,
    cancel: CancellationToken,
) -> Result<Answer, String> {
    let only = match asked.query.get("project") {
        None => None,
        Some(name) => Some(project(name).ok_or("project: no project has such a name")?),
    };
    let limits = *desk.limits();
    let Ok(place) = Arc::clone(&desk.streams).try_acquire_owned() else {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        return Ok(later(status, "too many streams are open", limits.heart_beat));
    };
    let (frames, reader) = mpsc::channel(limits.stream_buffer.max(2));
    let (events, ended) = (desk.handle.events(), CancellationToken::new());
    let feed = Feed { desk: Arc::clone(desk), events, frames, only, cancel };
    let over = ended.clone().drop_guard();
    tokio::spawn(async move {
        feed.run(limits.heart_beat).await;
        drop((place, over));
    });
    let next = |mut reader: mpsc::Receiver<Bytes>| async move {
        let frame = reader.recv().await?;
        Some((Ok(Frame::data(frame)), reader))
    };
    let body = StreamBody::new(unfold(reader, next).boxed()).boxed_unsync();
    let mut answer = Response::new(body);
    let kind = HeaderValue::from_static("text/event-stream");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer.extensions_mut().insert(Endless(ended));
    Ok(answer)
}

/// One reader.
struct Feed {
    desk: Arc<ApiDesk>,
    events: Receiver<Arc<Event>>,
    frames: mpsc::Sender<Bytes>,
    only: Option<ProjectName>,
    cancel: CancellationToken,
}

impl Feed {
    /// Until the reader goes, is too slow, or the controller ends.
    async fn run(mut self, heart_beat: std::time::Duration) {
        let mut beats = interval_at(Instant::now() + heart_beat, heart_beat);
        let mut number = 0_u64;
        let mut next = Some(Bytes::from_static(BEGIN));
        loop {
            if let Some(frame) = next.take()
                && self.send(frame).is_err()
            {
                return;
            }
            next = tokio::select! {
                biased;
                // Cancel safe: a token stays cancelled.
                () = self.cancel.cancelled() => {
                    // The last word; nobody waits for it.
                    self.send(Bytes::from_static(STOPPING)).ok();
                    return;
                }
                // Cancel safe: a channel stays closed.
                () = self.frames.closed() => return,
                // Cancel safe: what was not returned stays in the channel.
                event = self.events.recv() => match event {
                    Ok(event) => {
                        number += 1;
                        self.frame(&event, number)
                    }
                    Err(RecvError::Lagged(missed)) => return self.give_up(missed),
                    Err(RecvError::Closed) => return,
                },
                // Cancel safe: an interval keeps its instant.
                _ = beats.tick() => Some(Bytes::from_static(ALIVE)),
            };
        }
    }

    fn frame(&self, event: &Event, number: u64) -> Option<Bytes> {
        if self.only.is_some() && event.project != self.only {
            return None;
        }
        let view = EventView::of(event)?;
        let data = serde_json::to_string(&view).ok()?;
        Some(Bytes::from(format!("id: {number}\nevent: {}\ndata: {data}\n\n", view.kind)))
    }

    /// Never waits; the last place is for saying that the reader is too slow.
    fn send(&self, frame: Bytes) -> Result<(), ()> {
        if self.frames.capacity() < 2 {
            self.give_up(0);
            return Err(());
        }
        self.frames.try_send(frame).map_err(drop)
    }

    fn give_up(&self, missed: u64) {
        self.desk.count_missed("api", missed.max(1));
        tracing::debug!(missed, "a reader of events is too slow and is dropped");
        let text = format!("event: dropped\ndata: {{\"missed\":{missed}}}\n\n");
        // A reader that is gone needs no last word.
        drop(self.frames.try_send(Bytes::from(text)));
    }
}
