//! What the API is told by the settings.

use std::net::SocketAddr;
use std::time::Duration;

use crate::http::api::authority::Tokens;
use crate::http::api::tls::TlsSettings;
use crate::model::path::LocalPath;
use crate::webhook::Rate;

/// The API.
#[derive(Clone, Debug, Default)]
pub struct ApiSettings {
    /// The Unix socket, if there is one.
    pub socket: Option<LocalPath>,
    /// The TCP socket, if there is one.
    pub tcp: Option<TcpSettings>,
    /// Who may do what over TCP.
    pub tokens: Tokens,
    /// Limits.
    pub limits: ApiLimits,
}

/// Listening on TCP.
#[derive(Clone, Debug)]
pub struct TcpSettings {
    /// Where. Beyond loopback the settings have to have `tls` and a token: whoever makes them sees to that.
    pub listen: SocketAddr,
    /// Certificate and key; `None` is plain HTTP.
    pub tls: Option<TlsSettings>,
    /// Names that the host has for its clients, beside its addresses and `localhost`.
    pub hosts: Vec<String>,
}

impl TcpSettings {
    /// Whether only this host can reach it.
    pub fn is_local(&self) -> bool {
        self.listen.ip().to_canonical().is_loopback()
    }
}

/// Limits of the API (docs/api.md).
#[derive(Clone, Copy, Debug)]
pub struct ApiLimits {
    /// Connections at a time, on each socket; others wait to be accepted.
    pub connections: usize,
    /// Streams of events at a time.
    pub streams: usize,
    /// Frames that may wait for the reader of a stream.
    pub stream_buffer: usize,
    /// Bytes of a body.
    pub body: usize,
    /// How long the head of a request may take; also a TLS handshake.
    pub head_time: Duration,
    /// How long a body may take.
    pub body_time: Duration,
    /// How long a client may take to see the answer, and the reader of a stream to see its end.
    pub answer_time: Duration,
    /// Time between two signs of life of a stream.
    pub heart_beat: Duration,
    /// How long requests under way may go on when the process stops.
    pub grace: Duration,
    /// Age of the loop's last turn from which on it counts as stuck.
    pub stuck_after: Duration,
    /// Reads from one address.
    pub reads: Rate,
    /// Writes of everybody.
    pub writes: Rate,
    /// Requests from one address that may be refused for their token before it has to wait.
    pub failures: Rate,
}

impl Default for ApiLimits {
    fn default() -> Self {
        Self {
            connections: 64,
            streams: 16,
            stream_buffer: 256,
            body: 64 << 10,
            head_time: Duration::from_secs(5),
            body_time: Duration::from_secs(10),
            answer_time: Duration::from_secs(10),
            heart_beat: Duration::from_secs(15),
            grace: Duration::from_secs(2),
            stuck_after: Duration::from_secs(60),
            reads: Rate::per_minute(1200),
            writes: Rate::per_minute(60),
            failures: Rate::per_minute(60),
        }
    }
}

impl ApiLimits {
    /// How long a request may take in all.
    pub(super) fn whole(&self) -> Duration {
        self.head_time + self.body_time + self.answer_time
    }
}
