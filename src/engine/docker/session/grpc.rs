//! The framing of gRPC over HTTP/2: five bytes before each message, the status in the trailers.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, BodyStream, StreamBody};
use hyper::body::{Body, Frame};
use prost::Message;

/// Largest message, in bytes; BuildKit's own limit.
const MESSAGE_LIMIT: usize = 16 << 20;

/// Body of an answer.
pub(super) type Reply = UnsyncBoxBody<Bytes, io::Error>;
/// Encoded messages, or why there are no more.
pub(super) type Replies = BoxStream<'static, Result<Vec<u8>, Status>>;

/// Why a call failed. The text must hold nothing secret: the engine shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    code: u8,
    message: String,
}

impl Status {
    /// There is no such thing.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self { code: 5, message: message.into() }
    }

    /// Something broke here.
    pub(super) fn internal(error: &dyn std::fmt::Display) -> Self {
        Self { code: 13, message: error.to_string() }
    }

    /// Nobody speaks that here.
    pub(super) fn unimplemented() -> Self {
        Self { code: 12, message: "unknown method".to_owned() }
    }

    fn trailers(&self) -> HeaderMap {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from(u16::from(self.code)));
        let text: String =
            self.message.chars().map(|c| if c.is_ascii_graphic() { c } else { ' ' }).collect();
        let text = text.replace('%', " ");
        if let Ok(text) = HeaderValue::try_from(text) {
            trailers.insert("grpc-message", text);
        }
        trailers
    }
}

/// The messages of a request as they arrive; it ends with the body.
pub(super) fn messages<B>(body: B) -> impl Stream<Item = io::Result<Bytes>> + Send
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static>
        + Send
        + Unpin
        + 'static,
{
    let body = BodyStream::new(body);
    stream::try_unfold((body, BytesMut::new()), |(mut body, mut rest)| async move {
        loop {
            if let Some(message) = split(&mut rest)? {
                return Ok(Some((message, (body, rest))));
            }
            match body.next().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        rest.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => return Err(io::Error::other(error)),
                None if rest.is_empty() => return Ok(None),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    })
}

/// The first whole message.
fn split(rest: &mut BytesMut) -> io::Result<Option<Bytes>> {
    let Some((head, _)) = rest.split_at_checked(5) else {
        return Ok(None);
    };
    let mut head = head;
    let compressed = head.get_u8() != 0;
    let length = usize::try_from(head.get_u32()).unwrap_or(usize::MAX);
    if compressed || length > MESSAGE_LIMIT {
        return Err(io::Error::other("a message that cannot be read"));
    }
    if rest.len() < 5 + length {
        return Ok(None);
    }
    rest.advance(5);
    Ok(Some(rest.split_to(length).freeze()))
}

/// The only message of a request.
pub(super) async fn message<M: Message + Default, B>(body: B) -> Result<M, Status>
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync + 'static>
        + Send
        + Unpin
        + 'static,
{
    let mut messages = std::pin::pin!(messages(body));
    let bytes = match messages.next().await {
        Some(Ok(bytes)) => bytes,
        Some(Err(error)) => return Err(Status::internal(&error)),
        None => Bytes::new(),
    };
    M::decode(bytes).map_err(|error| Status::internal(&error))
}

/// One encoded message.
pub(super) fn one(message: &impl Message) -> Replies {
    stream::iter([Ok(message.encode_to_vec())]).boxed()
}

/// An answer.
pub(super) fn reply(replies: Replies) -> Response<Reply> {
    let frames = stream::unfold(Some(replies), |replies| async move {
        let mut replies = replies?;
        let (frame, left) = match replies.next().await {
            Some(Ok(message)) => (Frame::data(framed(&message)), Some(replies)),
            Some(Err(status)) => (Frame::trailers(status.trailers()), None),
            None => {
                let fine = Status { code: 0, message: String::new() };
                (Frame::trailers(fine.trailers()), None)
            }
        };
        Some((Ok::<_, io::Error>(frame), left))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(http::header::CONTENT_TYPE, grpc);
    response
}

/// A message with its prefix.
pub(super) fn framed(message: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(5 + message.len());
    out.put_u8(0);
    out.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    out.extend_from_slice(message);
    out.freeze()
}
