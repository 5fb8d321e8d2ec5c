//! A registry of one small image that answers wrongly when it is told to. Loopback registries need no TLS.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use composelet::model::secret::sha256_hex;
use serde_json::json;

/// What is wrong with a repository, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Every question gets this status, with this error code of the registry's protocol.
    Status(u16, &'static str),
    /// 429 with `Retry-After`, in seconds.
    RetryAfter(u32),
    /// A layer whose bytes are not those of its digest.
    WrongDigest,
    /// A layer that ends in the middle.
    Cut,
    /// A layer whose bytes never come.
    Drip,
}

/// A registry that runs until the process ends; nobody asks it any more after its test.
#[derive(Clone, Debug)]
pub(crate) struct RegistryStub {
    port: u16,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    flaws: BTreeMap<String, Flaw>,
    /// Questions for a manifest, by repository.
    asked: BTreeMap<String, usize>,
}

struct Content {
    layer: Vec<u8>,
    config: Vec<u8>,
    manifest: Vec<u8>,
}

impl RegistryStub {
    /// Starts one on a free port.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let stub = Self { port, shared: Arc::default() };
        let serving = stub.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let stub = serving.clone();
                std::thread::spawn(move || drop(stub.serve(&stream)));
            }
        });
        stub
    }

    /// A reference to an image of a repository; every repository exists.
    pub(crate) fn image(&self, repository: &str) -> String {
        format!("127.0.0.1:{}/{repository}:1", self.port)
    }

    /// From now on this is wrong with a repository; `None` for nothing.
    pub(crate) fn set(&self, repository: &str, flaw: Option<Flaw>) {
        let mut shared = self.lock();
        match flaw {
            Some(flaw) => drop(shared.flaws.insert(repository.to_owned(), flaw)),
            None => drop(shared.flaws.remove(repository)),
        }
    }

    /// How often a manifest of the repository was asked for.
    pub(crate) fn asked(&self, repository: &str) -> usize {
        self.lock().asked.get(repository).copied().unwrap_or(0)
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, stream: &TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head)? == 0 {
                    return Ok(());
                }
            }
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let sends_body = head.starts_with("GET");
            self.answer(stream, &path, sends_body)?;
        }
    }

    fn answer(&self, mut stream: &TcpStream, path: &str, body: bool) -> std::io::Result<()> {
        let mut parts = path.trim_start_matches("/v2/").split('/');
        let (repository, kind) =
            (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let flaw = {
            let mut shared = self.lock();
            if kind == "manifests" {
                *shared.asked.entry(repository.to_owned()).or_default() += 1;
            }
            shared.flaws.get(repository).copied()
        };
        let content = content(repository);
        let digest = path.rsplit('/').next().unwrap_or_default();
        let mut plain = |status: u16, more: &str, bytes: &[u8]| {
            let length = bytes.len();
            let head = format!(
                "HTTP/1.1 {status} Status\r\nDocker-Distribution-Api-Version: registry/2.0\r\n{more}Content-Length: {length}\r\n\r\n"
            );
            stream.write_all(head.as_bytes())?;
            if body { stream.write_all(bytes) } else { Ok(()) }
        };
        let error = |code: &str| {
            json!({ "errors": [{ "code": code, "message": code.to_lowercase() }] }).to_string()
        };
        match (kind, flaw) {
            ("", _) => plain(200, "", b"{}"),
            (_, Some(Flaw::Status(status, code))) => {
                plain(status, "Content-Type: application/json\r\n", error(code).as_bytes())
            }
            (_, Some(Flaw::RetryAfter(seconds))) => {
                let head = format!("Content-Type: application/json\r\nRetry-After: {seconds}\r\n");
                plain(429, &head, error("TOOMANYREQUESTS").as_bytes())
            }
            ("manifests", _) => {
                let digest = sha256_hex([&content.manifest]);
                let head = format!(
                    "Content-Type: application/vnd.docker.distribution.manifest.v2+json\r\nDocker-Content-Digest: sha256:{digest}\r\n"
                );
                plain(200, &head, &content.manifest)
            }
            _ if digest.ends_with(&sha256_hex([&content.config])) => {
                plain(200, "", &content.config)
            }
            (_, Some(Flaw::WrongDigest)) => plain(200, "", &vec![b'x'; content.layer.len()]),
            (_, Some(Flaw::Cut | Flaw::Drip)) => {
                let head =
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.layer.len());
                stream.write_all(head.as_bytes())?;
                stream.write_all(&content.layer[..100])?;
                if flaw == Some(Flaw::Drip) {
                    // Until the client goes.
                    std::io::Read::read(&mut stream, &mut [0; 1])?;
                }
                stream.shutdown(std::net::Shutdown::Both)
            }
            _ => plain(200, "", &content.layer),
        }
    }
}

/// An image of the repository's own: a layer with one file. It cannot run; that is no matter of the registry.
fn content(repository: &str) -> Content {
    let mut tar = tar::Builder::new(Vec::new());
    let text = format!("{repository}\n");
    let mut header = tar::Header::new_gnu();
    header.set_size(u64::try_from(text.len()).unwrap());
    header.set_mode(0o644);
    header.set_cksum();
    tar.append_data(&mut header, "name", text.as_bytes()).unwrap();
    let layer = tar.into_inner().unwrap();
    let diff = sha256_hex([&layer]);
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": { "Cmd": ["/name"] },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{diff}")] },
    })
    .to_string()
    .into_bytes();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": config.len(), "digest": format!("sha256:{}", sha256_hex([&config])),
        },
        "layers": [{
            "mediaType": "application/vnd.docker.image.rootfs.diff.tar",
            "size": layer.len(), "digest": format!("sha256:{diff}"),
        }],
    })
    .to_string()
    .into_bytes();
    Content { layer, config, manifest }
}
