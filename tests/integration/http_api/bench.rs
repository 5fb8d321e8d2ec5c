//! A simulated host with an API, and a client that writes bytes.

use std::sync::Arc;
use std::time::Duration;

use composelet::http::{ApiDesk, ApiLimits, ApiSettings, Peer, TcpSettings, Tokens, attend};
use composelet::model::secret::Secret;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_util::sync::CancellationToken;

use crate::simulation::bench::Bench;

pub(super) const READ: &str = "read-token-0123456789";
pub(super) const WRITE: &str = "write-token-0123456789";
/// Bytes that wait between the two ends of a connection.
const PIPE: usize = 4096;

pub(super) const SHOP: &str = "
services:
  db: {image: app}
  web: {image: app, depends_on: [db]}
";

pub(super) struct Api {
    pub(super) host: Bench,
    pub(super) desk: Arc<ApiDesk>,
    pub(super) cancel: CancellationToken,
}

/// What a client saw.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(super) fn of(bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let (head, body) = (head.to_lowercase(), body.to_owned());
        Self { status: status.unwrap_or(0), head, body }
    }
}

/// Both tokens, listening on loopback.
pub(super) fn settings() -> ApiSettings {
    ApiSettings {
        socket: None,
        tcp: Some(TcpSettings {
            listen: "127.0.0.1:9456".parse().unwrap(),
            tls: None,
            hosts: vec!["ops.example.com".to_owned()],
        }),
        tokens: Tokens {
            read: Some(Secret::from(READ)),
            write: Some(Secret::from(WRITE)),
            always: false,
        },
        limits: ApiLimits::default(),
    }
}

pub(super) const LOCAL: Peer = Peer::Tcp(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));
pub(super) const SOCKET: Peer = Peer::Socket(Some(1000));

impl Api {
    /// A host with the project `shop`, which has converged.
    pub(super) async fn shop(seed: u64) -> Self {
        let mut host = Bench::new(seed);
        host.write("shop", SHOP);
        host.start();
        host.converged("shop").await;
        Self::of(host, settings())
    }

    pub(super) fn of(host: Bench, settings: ApiSettings) -> Self {
        let handle = host.handle.clone().unwrap();
        let (desk, cancel) = (ApiDesk::new(settings, handle), CancellationToken::new());
        let (counting, over) = (Arc::clone(&desk), cancel.clone());
        tokio::spawn(async move { counting.count_events(over).await });
        Self { host, desk, cancel }
    }

    /// A connection.
    pub(super) fn connect(&self, peer: Peer) -> DuplexStream {
        let (client, server) = duplex(PIPE);
        let (desk, cancel) = (Arc::clone(&self.desk), self.cancel.clone());
        tokio::spawn(async move { Box::pin(attend(server, peer, desk, cancel)).await });
        client
    }

    /// Sends bytes and reads until the end.
    pub(super) async fn raw(&self, peer: Peer, bytes: &[u8]) -> Reply {
        let mut stream = self.connect(peer);
        // It may be refused before everything was read.
        drop(stream.write_all(bytes).await);
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer).await);
        let reply = Reply::of(&answer);
        super::document::judge(bytes, &reply);
        reply
    }

    /// Reads over the socket.
    pub(super) async fn get(&self, path: &str) -> Reply {
        self.raw(SOCKET, &request("GET", path, &[], "")).await
    }

    /// Writes over the socket.
    pub(super) async fn post(&self, path: &str, body: &str) -> Reply {
        let json = [("content-type", "application/json")];
        self.raw(SOCKET, &request("POST", path, &json, body)).await
    }

    /// Reads until a text has come, and gives everything that was read.
    pub(super) async fn until(stream: &mut DuplexStream, text: &str) -> String {
        let mut read = Vec::new();
        let whole = async {
            while !String::from_utf8_lossy(&read).contains(text) {
                if stream.read_buf(&mut read).await.unwrap() == 0 {
                    break;
                }
            }
        };
        drop(tokio::time::timeout(Duration::from_secs(300), whole).await);
        let read = String::from_utf8_lossy(&read).into_owned();
        assert!(read.contains(text), "never came: {text}\n{read}");
        read
    }
}

/// A request; headers of these names replace the usual ones, an empty one leaves it out.
pub(super) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let length = body.len().to_string();
    let mut usual = vec![("host", "127.0.0.1:9456")];
    if !body.is_empty() {
        usual.push(("content-length", length.as_str()));
    }
    let given = |name: &str| headers.iter().any(|(known, _)| *known == name);
    let mut all: Vec<_> = usual.into_iter().filter(|(name, _)| !given(name)).collect();
    all.extend(headers.iter().filter(|(_, value)| !value.is_empty()));
    let lines: String = all.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{method} {path} HTTP/1.1\r\n{lines}\r\n{body}").into_bytes()
}
