//! A listener with a few hooks, and a client that writes bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use composelet::controller::SystemClock;
use composelet::http::{HttpLimits, Listener, Outlets, WebhookSettings};
use composelet::model::hint::{Delivery, DeliveryOutcome, SyncHint};
use composelet::model::secret::Secret;
use composelet::webhook::{Algorithm, Forge, Hook, HookParts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::webhook::delivery::{code, hex};

pub(super) const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(super) const PUSH: &str =
    r#"{"ref":"refs/heads/main","repository":{"clone_url":"https://h/a.git"}}"#;
/// Longest time that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Bench {
    pub(super) address: SocketAddr,
    pub(super) hints: mpsc::Receiver<SyncHint>,
    pub(super) deliveries: mpsc::Receiver<Delivery>,
    pub(super) cancel: CancellationToken,
    pub(super) serving: JoinHandle<()>,
}

/// What a client saw.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) text: String,
}

impl Bench {
    pub(super) async fn new() -> Self {
        Self::with(HttpLimits::default(), 16).await
    }

    /// With limits, and room for so many hints.
    pub(super) async fn with(limits: HttpLimits, room: usize) -> Self {
        let hook = |name: &str, forge| {
            Hook::new(HookParts {
                name: name.to_owned(),
                path: None,
                forge,
                secrets: vec![Secret::from(SECRET)],
                source: None,
                header: None,
                prefix: None,
                algorithm: None,
                registry: None,
            })
        };
        let settings = WebhookSettings {
            listen: "127.0.0.1:0".parse().unwrap(),
            hooks: vec![
                hook("shop", Forge::Github).unwrap(),
                hook("hub", Forge::DockerHub).unwrap(),
                hook("hub.more", Forge::Token).unwrap(),
            ],
            trusted_proxies: Vec::new(),
            limits,
        };
        let (hints, heard) = mpsc::channel(room);
        let (deliveries, log) = mpsc::channel(1024);
        let clock = Arc::new(SystemClock::start());
        let outlets = Outlets { hints, deliveries, clock };
        let listener = Listener::bind(settings, outlets).await.unwrap();
        let address = listener.address().unwrap();
        let cancel = CancellationToken::new();
        let serving = tokio::spawn(listener.serve(cancel.clone()));
        Self { address, hints: heard, deliveries: log, cancel, serving }
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes and reads until the end.
    pub(super) async fn raw(&self, bytes: &[u8]) -> Reply {
        let mut stream = self.connect().await;
        // The listener may refuse before it has read everything.
        drop(stream.write_all(bytes).await);
        reply(stream).await
    }

    /// A right delivery of a push.
    pub(super) async fn push(&self, body: &str) -> Reply {
        self.raw(&signed("/hooks/shop", body, &[])).await
    }

    /// The next delivery in the log.
    pub(super) async fn logged(&mut self) -> (DeliveryOutcome, String) {
        let next = timeout(PATIENCE, self.deliveries.recv()).await.unwrap().unwrap();
        (next.outcome, next.reason)
    }

    /// How many hints came so far.
    pub(super) fn heard(&mut self) -> usize {
        std::iter::from_fn(|| self.hints.try_recv().ok()).count()
    }
}

/// Reads an answer to its end.
pub(super) async fn reply(mut stream: TcpStream) -> Reply {
    let mut bytes = Vec::new();
    // A connection that is cut after the answer is none of our business.
    drop(
        timeout(PATIENCE, stream.read_to_end(&mut bytes))
            .await
            .expect("the listener answers in time"),
    );
    let text = String::from_utf8(bytes).unwrap();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    Reply { status: status.unwrap_or(0), text }
}

pub(super) fn signature(body: &str) -> String {
    format!("sha256={}", hex(&code(Algorithm::Sha256, SECRET.as_bytes(), body.as_bytes())))
}

/// A request with a body.
pub(super) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: h\r\n");
    for (name, value) in headers {
        text = format!("{text}{name}: {value}\r\n");
    }
    format!("{text}\r\n{body}").into_bytes()
}

/// A push of GitHub; `headers` come on top, and instead of those of the same name.
pub(super) fn signed(path: &str, body: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let (signature, length) = (signature(body), body.len().to_string());
    let usual = [
        ("content-type", "application/json"),
        ("content-length", length.as_str()),
        ("x-github-event", "push"),
        ("x-github-delivery", "72d3162e"),
        ("x-hub-signature-256", signature.as_str()),
    ];
    let given = |name: &str| headers.iter().any(|(known, _)| *known == name);
    let mut all: Vec<_> = usual.into_iter().filter(|(name, _)| !given(name)).collect();
    // An empty one is one that is left out.
    all.extend(headers.iter().filter(|(_, value)| !value.is_empty()));
    request("POST", path, &all, body)
}
