//! A connection of our own to the engine: the client crate gives none away.

use std::path::PathBuf;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};

use crate::engine::failure::CallError;
use crate::model::observed::ApiVersion;

/// A connection that the engine handed over.
pub(in crate::engine) type Handed = TokioIo<Upgraded>;

/// Longest answer that is read of an engine that refuses, in bytes.
const REFUSAL_LIMIT: usize = 64 * 1024;

/// Where the engine listens. TLS is not spoken here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Address {
    /// A socket.
    Unix(PathBuf),
    /// Host and port.
    Tcp(String),
}

impl Address {
    /// The address that connects to `host`; `None` if sessions cannot be had there.
    pub(in crate::engine) fn of(host: &str) -> Option<Self> {
        if let Some(path) = host.strip_prefix("unix://") {
            return Some(Self::Unix(PathBuf::from(path)));
        }
        let rest = host.strip_prefix("tcp://").or_else(|| host.strip_prefix("http://"))?;
        let authority = rest.trim_end_matches('/');
        (!authority.is_empty()).then(|| Self::Tcp(authority.to_owned()))
    }

    /// Asks for a session and returns the connection on which the engine then speaks HTTP/2 to us.
    pub(super) async fn session(
        &self,
        api: ApiVersion,
        headers: &[(&'static str, String)],
    ) -> Result<Upgraded, CallError> {
        let mut request = Request::post(format!("/v{api}/session"));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::default()).map_err(|error| no(&error))?;
        self.upgraded(request, "h2c").await
    }

    /// Sends a request on a connection of its own and takes that over once the engine has changed to `protocol`.
    ///
    /// # Errors
    /// No connection; what the engine answers instead.
    pub(in crate::engine::docker) async fn upgraded(
        &self,
        request: Request<Full<Bytes>>,
        protocol: &'static str,
    ) -> Result<Upgraded, CallError> {
        match self {
            Self::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(|error| no(&error))?;
                upgraded(stream, request, protocol).await
            }
            Self::Tcp(authority) => {
                let stream = TcpStream::connect(authority).await.map_err(|error| no(&error))?;
                upgraded(stream, request, protocol).await
            }
        }
    }
}

fn no(error: &dyn std::fmt::Display) -> CallError {
    CallError::NoConnection(format!("no connection of its own to the engine: {error}"))
}

async fn upgraded<S>(
    stream: S,
    mut request: Request<Full<Bytes>>,
    protocol: &'static str,
) -> Result<Upgraded, CallError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let shake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = shake.await.map_err(|error| no(&error))?;
    // Ends with the connection, which its holder closes.
    drop(tokio::spawn(connection.with_upgrades()));
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::from_static("docker"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static(protocol));
    let response = sender.send_request(request).await.map_err(|error| no(&error))?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(refusal(response).await);
    }
    hyper::upgrade::on(response).await.map_err(|error| no(&error))
}

/// What the engine says instead of changing the protocol.
async fn refusal(response: Response<Incoming>) -> CallError {
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), REFUSAL_LIMIT).collect().await;
    let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let value: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let message = value.get("message").and_then(serde_json::Value::as_str);
    let message = message.unwrap_or("the engine does not hand the connection over").to_owned();
    CallError::Answer { status, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_go_through_sockets_and_plain_tcp() {
        let socket = Address::Unix("/var/run/docker.sock".into());
        assert_eq!(Address::of("unix:///var/run/docker.sock"), Some(socket));
        assert_eq!(Address::of("tcp://h:2375"), Some(Address::Tcp("h:2375".to_owned())));
        assert_eq!(Address::of("https://h:2376"), None);
    }
}
