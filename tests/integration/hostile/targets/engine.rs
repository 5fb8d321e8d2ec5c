//! Answers of an engine, and of the registry that speaks through it, with whatever bytes in them.

use std::collections::BTreeSet;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bollard::errors::Error;
use bollard::{ClientVersion, Docker};
use composelet::engine::{Engine, EngineEvent, ObserveRequest};
use composelet::model::id::{Installation, ProjectName};
use composelet::model::outcome::Failure;
use composelet::model::time::Timestamp;
use futures::StreamExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::sections;

/// The body of the client's requests.
type RequestBody = http_body_util::Either<
    http_body_util::Full<bytes::Bytes>,
    http_body_util::StreamBody<
        Pin<Box<dyn futures::Stream<Item = io::Result<hyper::body::Frame<bytes::Bytes>>> + Send>>,
    >,
>;

/// Longest text of a failure that may reach people, in bytes.
const LONGEST_MESSAGE: usize = 4 << 10;

/// Answers by the end of a path; everything else is 404.
type Answers = Arc<Vec<(String, Vec<u8>)>>;

struct Pipe(TokioIo<DuplexStream>);

impl Connection for Pipe {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl hyper::rt::Write for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Each section is the body for the paths that end so, `<status> <path>`; what stands before is the list of containers.
pub(crate) fn answers(data: &[u8]) {
    let (first, named) = sections(data);
    let mut answers = vec![("/containers/json".to_owned(), ok(first))];
    for (name, bytes) in named {
        let (status, path) = name.split_once(' ').unwrap_or(("200", &name));
        answers.push((path.to_owned(), answer(status, bytes)));
    }
    run(answers, |engine| async move {
        let request = ObserveRequest {
            project: Some(ProjectName::new("shop")),
            images: ["app:1".to_owned()].into(),
            networks: ["shop_default".to_owned()].into(),
            volumes: ["shop_data".to_owned()].into(),
            fresh: true,
        };
        for _ in 0..2 {
            if let Err(failure) = engine.observe(&request).await {
                presentable(&failure);
            }
        }
        if let Err(failure) = engine.host_view(&BTreeSet::new()).await {
            presentable(&failure);
        }
        let mut events = engine.events();
        // A gap, what can be read, and that it was lost: the stream always ends, so there is always an end.
        for _ in 0..64 {
            match events.next().await {
                Some(EngineEvent::Lost(why)) => {
                    text_is_presentable(&why);
                    break;
                }
                Some(_) => {}
                None => break,
            }
        }
    });
}

/// The bytes as what a pull prints, and as the tail of a container's log.
pub(crate) fn progress(data: &[u8]) {
    let answers = vec![("/images/create".to_owned(), ok(data)), ("/logs".to_owned(), ok(data))];
    run(answers, |engine| async move {
        let (sender, mut lines) = tokio::sync::mpsc::channel(1000);
        if let Err(failure) = engine.pull_image((&"shop".into(), "app:1"), None, &sender).await {
            presentable(&failure);
        }
        drop(sender);
        while let Some(line) = lines.recv().await {
            text_is_presentable(&line);
        }
        let id = composelet::model::id::ContainerId::new("abc");
        match engine.logs_tail(&id, 20).await {
            Ok(lines) => {
                assert!(lines.len() <= 20, "{} lines", lines.len());
                for line in &lines {
                    text_is_presentable(line);
                }
            }
            Err(failure) => presentable(&failure),
        }
    });
}

fn presentable(failure: &Failure) {
    text_is_presentable(&failure.message);
    let trouble = failure.pull_trouble();
    assert_eq!(trouble, failure.pull_trouble());
}

fn text_is_presentable(text: &str) {
    assert!(text.len() <= LONGEST_MESSAGE, "{} bytes of message", text.len());
    assert!(!text.contains(char::is_control), "{text:?}");
}

fn ok(body: &[u8]) -> Vec<u8> {
    answer("200", body)
}

fn answer(status: &str, body: &[u8]) -> Vec<u8> {
    let status: u16 = status.parse().ok().filter(|code| (200..600).contains(code)).unwrap_or(200);
    let mut bytes = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn run<F: Future<Output = ()>>(
    mut answers: Vec<(String, Vec<u8>)>,
    work: impl FnOnce(Engine) -> F,
) {
    let version = br#"{"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12"}"#;
    answers.push(("/version".to_owned(), ok(version)));
    answers.push(("/info".to_owned(), ok(br#"{"ID":"x","CgroupVersion":"1"}"#)));
    let answers: Answers = Arc::new(answers);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async move {
        let clock = Arc::new(|| Timestamp::from_millis(1_700_000_000_000));
        let engine = Engine::over(docker(answers), Installation::new("fuzz"), clock).await;
        match engine {
            // Paused time: whatever waits for an hour waits for ever.
            Ok(engine) => tokio::time::timeout(Duration::from_secs(3600), work(engine))
                .await
                .expect("an answer of the engine makes a call wait for ever"),
            Err(failure) => presentable(&failure),
        }
    });
}

fn docker(answers: Answers) -> Docker {
    let connector = Wire(answers);
    let client = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build::<_, RequestBody>(connector);
    let version = ClientVersion { major_version: 1, minor_version: 41 };
    let transport = move |request| {
        let answer = client.request(request);
        Box::pin(async move { answer.await.map_err(Error::from) }) as Pin<Box<_>>
    };
    Docker::connect_with_custom_transport(transport, Some("http://docker"), 60, &version).unwrap()
}

/// Opens a connection on which one prepared answer comes.
#[derive(Clone)]
struct Wire(Answers);

impl tower_service::Service<http::Uri> for Wire {
    type Response = Pipe;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<Pipe>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _address: http::Uri) -> Self::Future {
        let (near, far) = tokio::io::duplex(64 << 10);
        tokio::spawn(serve(Arc::clone(&self.0), far));
        std::future::ready(Ok(Pipe(TokioIo::new(near))))
    }
}

async fn serve(answers: Answers, mut pipe: DuplexStream) {
    let mut head = Vec::new();
    let mut piece = [0; 4096];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match pipe.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(count) => head.extend_from_slice(&piece[..count]),
        }
    }
    let head = String::from_utf8_lossy(&head);
    let target = head.split(' ').nth(1).unwrap_or("/");
    let path = target.split('?').next().unwrap_or("/");
    let missing = answer("404", br#"{"message":"no such thing"}"#);
    // The first one counts: an input can change what the engine says of itself.
    let found = answers.iter().find(|(end, _)| path.ends_with(end.as_str()));
    let bytes = found.map_or(&missing, |(_, bytes)| bytes);
    if pipe.write_all(bytes).await.is_ok() {
        pipe.shutdown().await.ok();
    }
}
