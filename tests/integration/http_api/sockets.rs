//! Real sockets: who may open the file, what is in its place, TLS.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use composelet::http::{ApiSettings, TcpSettings, TlsSettings, listen_api};
use composelet::model::path::LocalPath;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

use super::bench::{Reply, SHOP, request, settings};
use crate::simulation::bench::Bench;

async fn ask(path: &Path) -> Option<Reply> {
    let mut stream = UnixStream::connect(path).await.ok()?;
    stream.write_all(&request("GET", "/api/v1/version", &[], "")).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    Some(Reply::of(&answer))
}

async fn answered(path: &Path) -> Reply {
    for _ in 0..2000 {
        if let Some(reply) = ask(path).await {
            return reply;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody listens on {}", path.display());
}

#[tokio::test]
async fn the_socket_is_its_owners_and_goes_with_the_controller() {
    let mut host = Bench::new(9751);
    host.write("shop", SHOP);
    host.start();
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("api.sock");
    let settings = || ApiSettings { socket: Some(LocalPath::new(path.clone())), ..settings() };
    let only_socket = || ApiSettings { tcp: None, ..settings() };
    // What a process that was killed left behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let cancel = CancellationToken::new();
    let handle = host.handle.clone().unwrap();
    let serving = tokio::spawn(listen_api(only_socket(), handle.clone(), cancel.clone()));
    let reply = answered(&path).await;
    assert_eq!((reply.status, reply.json()["api"].as_str()), (200, Some("v1")), "{reply:?}");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    cancel.cancel();
    serving.await.unwrap();
    assert!(!path.exists(), "it takes its socket away");

    // Something else is never taken away.
    std::fs::write(&path, "data").unwrap();
    let cancel = CancellationToken::new();
    let serving = tokio::spawn(listen_api(only_socket(), handle, cancel.clone()));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "data");
    cancel.cancel();
    serving.await.unwrap();
    host.stop().await;
}

#[tokio::test]
async fn over_tls_a_client_that_trusts_the_certificate_is_answered() {
    let mut host = Bench::new(9752);
    host.write("shop", SHOP);
    host.start();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let cert = pem("CERTIFICATE", made.cert.der());
    let key = pem("PRIVATE KEY", &made.signing_key.serialize_der());
    let tls = TlsSettings::from_pem(cert.as_bytes(), key.as_bytes()).unwrap();
    for (cert, key) in [("", key.as_str()), (cert.as_str(), ""), (&cert, &cert), ("x", "y")] {
        let error = TlsSettings::from_pem(cert.as_bytes(), key.as_bytes()).unwrap_err();
        assert!(!error.to_string().contains("BEGIN"), "{error}");
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut settings = settings();
    settings.tokens.read = None;
    settings.tcp = Some(TcpSettings { listen: free, tls: Some(tls), hosts: Vec::new() });
    let cancel = CancellationToken::new();
    let handle = host.handle.clone().unwrap();
    let serving = tokio::spawn(listen_api(settings, handle, cancel.clone()));
    let reply = over_tls(free, made.cert.der().clone()).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    // Plain HTTP is not answered, and hurts nobody.
    let mut plain = tokio::net::TcpStream::connect(free).await.unwrap();
    plain.write_all(&request("GET", "/livez", &[], "")).await.unwrap();
    let mut answer = Vec::new();
    drop(plain.read_to_end(&mut answer).await);
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1"));
    assert_eq!(over_tls(free, made.cert.der().clone()).await.status, 200);
    cancel.cancel();
    serving.await.unwrap();
    host.stop().await;
}

fn pem(kind: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
}

async fn over_tls(
    address: std::net::SocketAddr,
    trusted: rustls::pki_types::CertificateDer<'static>,
) -> Reply {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    for _ in 0..2000 {
        if let Ok(stream) = tokio::net::TcpStream::connect(address).await {
            let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
            let mut stream = connector.connect(name, stream).await.unwrap();
            stream.write_all(&request("GET", "/api/v1/version", &[], "")).await.unwrap();
            let mut answer = Vec::new();
            drop(stream.read_to_end(&mut answer).await);
            return Reply::of(&answer);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody listens on {address}");
}
