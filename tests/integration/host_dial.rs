//! Connections from this host, as probes make them: plain and over TLS, to servers of the test's own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use composelet::controller::{Dial, HostDial};
use composelet::model::host_probe::{HttpGet, Scheme, StatusRange, TlsVerify};
use composelet::model::secret::Secret;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::support_real::wait::{eventually, hold};
use crate::tls::self_signed;

/// The request that a server got.
type Heard = Arc<Mutex<String>>;

/// A server that gives everybody this answer, over TLS with a certificate of its own if it is asked to.
async fn server(answer: &'static str, scheme: Scheme) -> (SocketAddr, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Heard::default();
    let copy = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            match scheme {
                Scheme::Http => serve(stream, answer, &copy).await,
                Scheme::Https => {
                    // Who does not trust us hangs up.
                    if let Ok(stream) = self_signed("shop.test").0.accept(stream).await {
                        let name = stream.get_ref().1.server_name().unwrap_or("-").to_owned();
                        serve(stream, answer, &copy).await;
                        copy.lock().unwrap().extend(["sni ", &name, "\n"]);
                    }
                }
            }
        }
    });
    (address, heard)
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str, heard: &Heard) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    heard.lock().unwrap().push_str(&String::from_utf8_lossy(&request));
    drop(stream.write_all(answer.as_bytes()).await);
    drop(stream.shutdown().await);
}

fn get(address: SocketAddr) -> HttpGet {
    HttpGet {
        scheme: Scheme::Http,
        host: None,
        port: address.port(),
        path: "/up?deep=1".to_owned(),
        headers: vec![("X-Token".to_owned(), Secret::from("hunter2"))],
        expect: vec![StatusRange::SUCCESS],
        tls_verify: TlsVerify::Full,
    }
}

#[tokio::test]
async fn the_status_is_that_of_the_first_answer() {
    let (address, heard) = server("HTTP/1.1 204 No Content\r\n\r\n", Scheme::Http).await;
    assert_eq!(HostDial.get(address, &get(address)).await, Ok(204));
    let request = heard.lock().unwrap().to_ascii_lowercase();
    assert!(request.starts_with("get /up?deep=1 http/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("\r\nhost: {address}\r\n")), "{request}");
    assert!(request.contains("\r\nx-token: hunter2\r\n"), "{request}");
    assert!(request.contains("\r\nuser-agent: composelet/"), "{request}");

    let moved = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let (address, _) = server(moved, Scheme::Http).await;
    assert_eq!(HostDial.get(address, &get(address)).await, Ok(302), "it is not followed");
}

#[tokio::test]
async fn a_host_of_its_own_may_have_other_names() {
    let (address, heard) = server("HTTP/1.0 200 OK\r\n\r\nwell", Scheme::Http).await;
    let named = HttpGet { host: Some("shop.test".to_owned()), ..get(address) };
    assert_eq!(HostDial.get(address, &named).await, Ok(200));
    let request = heard.lock().unwrap().to_ascii_lowercase();
    assert!(request.contains(&format!("\r\nhost: shop.test:{}\r\n", address.port())), "{request}");
}

#[tokio::test]
async fn what_is_no_answer_is_told_without_headers() {
    let (address, _) = server("220 mail.test ESMTP\r\n", Scheme::Http).await;
    let error = HostDial.get(address, &get(address)).await.unwrap_err();
    assert!(!error.is_empty() && !error.contains("hunter2"), "{error}");
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    assert_eq!(HostDial.connect(address).await, Ok(()), "the queue of the kernel accepts");
    let (get, short) = (get(address), Duration::from_millis(200));
    assert!(timeout(short, HostDial.get(address, &get)).await.is_err(), "the caller ends it");
    drop(silent);
    // A process that another test is about to begin has a copy of the listener until it is another program.
    let gone = || std::net::TcpStream::connect(address).is_err();
    eventually("nobody listens", || hold(gone(), || "somebody listens".to_owned())).await;
    let error = HostDial.connect(address).await.unwrap_err();
    assert!(error.contains("refused"), "{error}");
    let error = HostDial.get(address, &get).await.unwrap_err();
    assert!(error.contains("refused"), "{error}");
}

/// A server that goes on writing is not listened to for ever.
#[tokio::test]
async fn a_long_body_is_not_read_to_its_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        while stream.write_all(&[b'x'; 1024]).await.is_ok() {}
    });
    let answer = timeout(Duration::from_secs(10), HostDial.get(address, &get(address))).await;
    assert_eq!(answer.unwrap(), Ok(200));
}

#[tokio::test]
async fn a_certificate_that_nobody_signed_is_refused_unless_any_will_do() {
    let (address, heard) = server("HTTP/1.1 200 OK\r\n\r\n", Scheme::Https).await;
    let strict =
        HttpGet { scheme: Scheme::Https, host: Some("shop.test".to_owned()), ..get(address) };
    let error = HostDial.get(address, &strict).await.unwrap_err();
    assert!(error.starts_with("TLS: ") && error.contains("certificate"), "{error}");
    assert_eq!(*heard.lock().unwrap(), "", "nothing was sent to it");
    let trusting = HttpGet { tls_verify: TlsVerify::Skip, ..strict.clone() };
    assert_eq!(HostDial.get(address, &trusting).await, Ok(200));
    assert!(heard.lock().unwrap().contains("sni shop.test\n"), "{:?}", heard.lock().unwrap());
    let by_address = HttpGet { host: None, ..trusting };
    assert_eq!(HostDial.get(address, &by_address).await, Ok(200));
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = plain.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let error = HostDial.get(address, &strict).await.unwrap_err();
    assert!(error.starts_with("TLS: "), "{error}");
}
