//! Requests whose answer we decode ourselves, over the client's own transport.
//!
//! The client decodes a whole list or nothing, ends an event stream at the first value it does not know, and writes
//! bodies (environment included) to the debug log. It has no call for a request of one's own; but a request modifier may
//! replace everything about a request, so one call that returns plain bytes serves for all.

use std::io;
use std::sync::{Mutex, PoisonError};

use bollard::{BollardRequest, body_full, body_try_stream};
use bytes::{Bytes, BytesMut};
use futures::future::ready;
use futures::stream::{BoxStream, once};
use futures::{Stream, StreamExt, TryStreamExt};
use http::header::CONTENT_TYPE;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, Uri};
use serde::de::DeserializeOwned;

use crate::engine::docker::connection::{Client, pin};
use crate::engine::failure::CallError;

/// Longest answer of a unary call, in bytes: an unfiltered list of some thousand containers.
const ANSWER_LIMIT: usize = 64 * 1024 * 1024;
/// Longest line of a stream of JSON lines, in bytes.
const LINE_LIMIT: usize = 1024 * 1024;

/// Body of a request.
pub(super) enum RawBody {
    /// None.
    Empty,
    /// JSON text.
    Json(Vec<u8>),
    /// A tar stream.
    Tar(BoxStream<'static, io::Result<Bytes>>),
}

/// A request of our own.
pub(super) struct RawRequest {
    method: Method,
    target: String,
    body: RawBody,
    header: Option<(HeaderName, HeaderValue)>,
}

impl RawRequest {
    /// Asks for a path; `parameters` are encoded into the query.
    pub(super) fn get(path: &str, parameters: &[(&str, &str)]) -> Self {
        Self {
            method: Method::GET,
            target: format!("{path}{}", query(parameters)),
            body: RawBody::Empty,
            header: None,
        }
    }

    /// Sends a body to a path.
    pub(super) fn post(path: &str, parameters: &[(&str, &str)], body: RawBody) -> Self {
        Self { method: Method::POST, body, ..Self::get(path, parameters) }
    }

    /// Puts a body in a place.
    pub(super) fn put(path: &str, parameters: &[(&str, &str)], body: RawBody) -> Self {
        Self { method: Method::PUT, body, ..Self::get(path, parameters) }
    }

    /// Removes what is at a path.
    pub(super) fn delete(path: &str) -> Self {
        Self { method: Method::DELETE, ..Self::get(path, &[]) }
    }

    /// Adds a query; `parameters` are encoded.
    pub(super) fn with_query(mut self, parameters: &[(&str, &str)]) -> Self {
        self.target.push_str(&query(parameters));
        self
    }

    /// Adds a header.
    pub(super) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }
}

impl Client {
    /// Sends a request; the answer comes as it arrives. Nothing is sent before the stream is polled.
    pub(super) fn raw(&self, request: RawRequest) -> BoxStream<'static, Result<Bytes, CallError>> {
        let Ok(target) = request.target.parse::<PathAndQuery>() else {
            // A query above 64 KiB, for one: build arguments and labels travel in it.
            let text = "the request is too long for the engine".to_owned();
            return once(ready(Err(CallError::Refused(text)))).boxed();
        };
        let (api, method, header) = (self.api, request.method, request.header);
        let content_type = match request.body {
            RawBody::Tar(_) => HeaderValue::from_static("application/x-tar"),
            RawBody::Empty | RawBody::Json(_) => HeaderValue::from_static("application/json"),
        };
        let body = Mutex::new(Some(match request.body {
            RawBody::Empty => body_full(Bytes::new()),
            // As a stream, because the client writes bodies that it holds as a whole to its trace log.
            RawBody::Json(text) => body_try_stream(once(ready(Ok(Bytes::from(text))))),
            RawBody::Tar(stream) => body_try_stream(stream),
        }));
        let modifier = move |mut request: BollardRequest| {
            *request.method_mut() = method.clone();
            let mut parts = request.uri().clone().into_parts();
            parts.path_and_query = Some(target.clone());
            if let Ok(uri) = Uri::from_parts(parts) {
                *request.uri_mut() = uri;
            }
            let mut body = body.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(body) = body.take() {
                *request.body_mut() = body;
            }
            let headers = request.headers_mut();
            headers.insert(CONTENT_TYPE, content_type.clone());
            if let Some((name, value)) = header.clone() {
                headers.insert(name, value);
            }
            pin(request, api)
        };
        let docker = self.docker.clone().with_request_modifier(modifier);
        docker.export_container("").map_err(CallError::from).boxed()
    }

    /// Sends a request and collects its answer.
    ///
    /// # Errors
    /// What the engine or the connection says; an answer above 64 MiB is unreadable.
    pub(super) async fn raw_bytes(&self, request: RawRequest) -> Result<Bytes, CallError> {
        let mut stream = self.raw(request);
        let mut answer = BytesMut::new();
        while let Some(chunk) = stream.try_next().await? {
            if answer.len() + chunk.len() > ANSWER_LIMIT {
                return Err(CallError::Unreadable("the answer is too long".to_owned()));
            }
            answer.extend_from_slice(&chunk);
        }
        Ok(answer.freeze())
    }

    /// Sends a request and decodes its answer.
    ///
    /// # Errors
    /// As above, and if the answer is not what was expected.
    pub(super) async fn raw_json<T: DeserializeOwned>(
        &self,
        request: RawRequest,
    ) -> Result<T, CallError> {
        let answer = self.raw_bytes(request).await?;
        serde_json::from_slice(&answer).map_err(|error| unreadable(&error))
    }

    /// Sends a request whose answer is a stream of JSON lines.
    pub(super) fn raw_lines(
        &self,
        request: RawRequest,
    ) -> BoxStream<'static, Result<serde_json::Value, CallError>> {
        json_lines(self.raw(request)).boxed()
    }
}

/// A decoding error without any content of the answer: serde's text may quote a value.
fn unreadable(error: &serde_json::Error) -> CallError {
    let kind = error.classify();
    CallError::Unreadable(format!(
        "unreadable answer of the engine ({kind:?} error at line {}, column {})",
        error.line(),
        error.column()
    ))
}

/// Splits a stream of bytes into JSON values, one a line.
fn json_lines(
    chunks: impl Stream<Item = Result<Bytes, CallError>> + Send + Unpin,
) -> impl Stream<Item = Result<serde_json::Value, CallError>> {
    futures::stream::try_unfold((chunks, BytesMut::new()), |(mut chunks, mut rest)| async move {
        loop {
            if let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
                let line = rest.split_to(at + 1);
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                let value = serde_json::from_slice(&line).map_err(|error| unreadable(&error))?;
                return Ok(Some((value, (chunks, rest))));
            }
            if rest.len() > LINE_LIMIT {
                return Err(CallError::Unreadable("a line is too long".to_owned()));
            }
            match chunks.try_next().await? {
                Some(chunk) => rest.extend_from_slice(&chunk),
                None if rest.iter().all(u8::is_ascii_whitespace) => return Ok(None),
                None => rest.extend_from_slice(b"\n"),
            }
        }
    })
}

/// The query of `parameters`, with its question mark; empty if there are none.
fn query(parameters: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in parameters {
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(&encoded(name));
        text.push('=');
        text.push_str(&encoded(value));
    }
    text
}

/// Percent-encoding of everything that is not unreserved (RFC 3986 §2.3).
pub(in crate::engine) fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => {
                out.push('%');
                for half in [byte >> 4, byte & 15] {
                    let digit = char::from_digit(u32::from(half), 16).unwrap_or('0');
                    out.push(digit.to_ascii_uppercase());
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_encoded() {
        assert_eq!(query(&[]), "");
        let text = query(&[("all", "true"), ("filters", "{\"a\":[\"b c\"]}")]);
        assert_eq!(text, "?all=true&filters=%7B%22a%22%3A%5B%22b%20c%22%5D%7D");
    }

    #[tokio::test]
    async fn lines_come_whole_however_they_were_cut() {
        let chunks = ["{\"a\"", ":1}\r\n\n{\"b\":2}", "\n{\"c\":3}"];
        let chunks = futures::stream::iter(chunks.map(|chunk| Ok(Bytes::from(chunk))));
        let values: Vec<_> = json_lines(chunks).try_collect().await.unwrap();
        let keys: Vec<String> = values.iter().map(ToString::to_string).collect();
        assert_eq!(keys, ["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"]);
    }

    #[tokio::test]
    async fn a_broken_line_is_an_error_without_its_content() {
        let chunks = futures::stream::iter([Ok(Bytes::from("{\"password\": hunter2}\n"))]);
        let result: Result<Vec<_>, _> = json_lines(chunks).try_collect().await;
        assert!(matches!(result, Err(CallError::Unreadable(text)) if !text.contains("hunter2")));
    }
}
