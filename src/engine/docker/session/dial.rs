//! A connection of our own to the engine: the client crate gives none away.

use std::path::PathBuf;

use http::header::{CONNECTION, HOST, UPGRADE};
use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};

use crate::engine::failure::CallError;
use crate::model::observed::ApiVersion;

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
        match self {
            Self::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(|error| no(&error))?;
                upgraded(stream, api, headers).await
            }
            Self::Tcp(authority) => {
                let stream = TcpStream::connect(authority).await.map_err(|error| no(&error))?;
                upgraded(stream, api, headers).await
            }
        }
    }
}

fn no(error: &dyn std::fmt::Display) -> CallError {
    CallError::NoConnection(format!("no session with the engine: {error}"))
}

async fn upgraded<S>(
    stream: S,
    api: ApiVersion,
    headers: &[(&'static str, String)],
) -> Result<Upgraded, CallError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let shake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = shake.await.map_err(|error| no(&error))?;
    // Ends with the connection, which the session's end closes.
    drop(tokio::spawn(connection.with_upgrades()));
    let mut request = Request::post(format!("/v{api}/session"))
        .header(HOST, "docker")
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "h2c");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(Empty::<bytes::Bytes>::new()).map_err(|error| no(&error))?;
    let response = sender.send_request(request).await.map_err(|error| no(&error))?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let status = response.status().as_u16();
        let message = "the engine opens no session for BuildKit".to_owned();
        return Err(CallError::Answer { status, message });
    }
    hyper::upgrade::on(response).await.map_err(|error| no(&error))
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
