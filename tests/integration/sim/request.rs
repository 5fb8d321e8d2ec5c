//! What goes into a handler and what comes out of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// One request, read to its end, with the version prefix taken off.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// HTTP method.
    pub(crate) method: Method,
    /// Path without the version prefix, percent-decoded.
    pub(crate) path: String,
    /// Query parameters in order; a key may come several times (`t` of a build).
    pub(crate) query: BTreeMap<String, Vec<String>>,
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// Whole body.
    pub(crate) body: Bytes,
    /// Asked API version, if the path had one.
    pub(crate) version: Option<String>,
}

impl Call {
    /// Takes a request target apart.
    pub(crate) fn new(method: Method, target: &str, headers: HeaderMap, body: Bytes) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (version, path) = split_version(path);
        let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let values = parameters.entry(decode(key)).or_default();
            values.push(decode(value));
        }
        Self { method, path: decode(path), query: parameters, headers, body, version }
    }

    /// First value of a query parameter, or the empty string.
    pub(crate) fn param(&self, key: &str) -> &str {
        self.query.get(key).and_then(|values| values.first()).map_or("", String::as_str)
    }

    /// A boolean as the engine reads it: absent, empty, 0, no, false and none are false.
    pub(crate) fn flag(&self, key: &str) -> bool {
        let value = self.param(key).trim().to_ascii_lowercase();
        !matches!(value.as_str(), "" | "0" | "no" | "false" | "none")
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// 500, as engine 20.10 answers to a body that is not JSON.
    pub(crate) fn json(&self) -> Result<Value, ApiError> {
        if self.body.is_empty() {
            return Err(ApiError::new(500, "EOF"));
        }
        serde_json::from_slice(&self.body).map_err(|error| ApiError::new(500, error.to_string()))
    }
}

/// `/v1.41/info` is version 1.41 and `/info`; `/volumes/x` has no version.
fn split_version(path: &str) -> (Option<String>, &str) {
    let Some(rest) = path.strip_prefix("/v") else {
        return (None, path);
    };
    let (version, tail) = rest.split_once('/').unwrap_or((rest, ""));
    let digits = version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !digits || version.is_empty() {
        return (None, path);
    }
    (Some(version.to_owned()), rest.get(rest.len() - tail.len() - 1..).unwrap_or("/"))
}

/// Percent and plus decoding; a broken escape stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digits: Vec<u8> = bytes.by_ref().take(2).collect();
                let value = std::str::from_utf8(&digits)
                    .ok()
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok());
                if let Some(value) = value {
                    out.push(value);
                } else {
                    out.push(b'%');
                    out.extend(digits);
                }
            }
            other => out.push(other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A refusal: HTTP status and the text under `message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// HTTP status, 400 and above.
    pub(crate) status: u16,
    /// Text for people.
    pub(crate) message: String,
}

impl ApiError {
    /// An error with this status and text.
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}

/// A piece of a streamed body; `Cut` breaks the connection inside the body.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    /// Bytes to send.
    Data(Bytes),
    /// Break the connection here.
    Cut,
}

/// An answer.
#[derive(Debug)]
pub(crate) enum Reply {
    /// Status, content type, whole body.
    Whole(u16, &'static str, Bytes),
    /// A body that grows until the sender is dropped.
    Stream(&'static str, mpsc::Receiver<Piece>),
    /// 101, then raw bytes (exec attach).
    Upgraded(mpsc::Receiver<Piece>),
    /// No answer: the connection is closed.
    HangUp,
}

impl Reply {
    /// No body.
    pub(crate) fn empty(status: u16) -> Self {
        Self::Whole(status, "application/json", Bytes::new())
    }

    /// A JSON body.
    pub(crate) fn json(status: u16, value: &impl Serialize) -> Self {
        let mut body = serde_json::to_vec(value).unwrap_or_default();
        body.push(b'\n');
        Self::Whole(status, "application/json", body.into())
    }

    /// A plain text body.
    pub(crate) fn text(status: u16, text: &'static str) -> Self {
        Self::Whole(status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
    }

    /// HTTP status of the answer; 0 for a closed connection.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Whole(status, _, _) => *status,
            Self::Stream(_, _) => 200,
            Self::Upgraded(_) => 101,
            Self::HangUp => 0,
        }
    }
}

impl From<ApiError> for Reply {
    fn from(error: ApiError) -> Self {
        Self::json(error.status, &json!({ "message": error.message }))
    }
}

/// What every handler returns.
pub(crate) type Outcome = Result<Reply, ApiError>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_taken_apart() {
        let call =
            Call::new(Method::GET, "/v1.41/a%2Fb?t=1&t=2&x=%7B+", HeaderMap::new(), Bytes::new());
        assert_eq!(call.version.as_deref(), Some("1.41"));
        assert_eq!(call.path, "/a/b");
        assert_eq!(call.query["t"], ["1", "2"]);
        assert_eq!(call.param("x"), "{ ");
        let plain = Call::new(Method::GET, "/volumes/v1", HeaderMap::new(), Bytes::new());
        assert_eq!((plain.version, plain.path.as_str()), (None, "/volumes/v1"));
    }
}
