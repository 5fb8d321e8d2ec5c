//! GET from this host to a container, for probes: one connection, no redirects, no cookies, the body hardly read.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use crate::model::host_probe::{HttpGet, Scheme, TlsVerify};

/// Bytes of a body that are read, so that a server that is still writing does not see the connection go.
const BODY: usize = 10 * 1024;

/// Bytes of an answer that is wanted for its body.
const FETCHED: usize = 1024 * 1024;

/// The status of the answer. The caller sets the deadline.
///
/// # Errors
/// A sentence about the connection, TLS, or an answer that is no HTTP. It holds no value of a header.
pub(super) async fn get(address: SocketAddr, get: &HttpGet) -> Result<u16, String> {
    request_of(address, get, BODY).await.map(|(status, _)| status)
}

/// The body of the answer of a server. The caller sets the deadline.
///
/// # Errors
/// As [`get`]; or that the name is not known, or the status is not expected.
pub(super) async fn fetch(host: &str, get: &HttpGet) -> Result<Vec<u8>, String> {
    let mut addresses = tokio::net::lookup_host((host, get.port)).await.map_err(|e| chain(&e))?;
    let address = addresses.next().ok_or_else(|| format!("{host} has no address"))?;
    let (status, body) = request_of(address, get, FETCHED).await?;
    if get.expects(status) { Ok(body) } else { Err(format!("status {status}")) }
}

async fn request_of(
    address: SocketAddr,
    get: &HttpGet,
    most: usize,
) -> Result<(u16, Vec<u8>), String> {
    let stream = TcpStream::connect(address).await.map_err(|error| chain(&error))?;
    match get.scheme {
        Scheme::Http => exchange(stream, (address, get), most).await,
        Scheme::Https => {
            let connector = TlsConnector::from(config(get.tls_verify).await?);
            let name = server_name(address, get)?;
            let stream = connector.connect(name, stream).await;
            let stream = stream.map_err(|error| format!("TLS: {}", chain(&error)))?;
            exchange(stream, (address, get), most).await
        }
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    (address, get): (SocketAddr, &HttpGet),
    most: usize,
) -> Result<(u16, Vec<u8>), String> {
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| chain(&error))?;
    let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let answer = sender.send_request(request(address, get)?).await;
    let answer = answer.map_err(|error| chain(&error))?;
    let status = answer.status().as_u16();
    Ok((status, read(answer.into_body(), most).await))
}

/// At most so many bytes, more or less.
async fn read(mut body: Incoming, most: usize) -> Vec<u8> {
    let mut read = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        read.extend_from_slice(frame.data_ref().map_or(&[], Bytes::as_ref));
        if read.len() >= most {
            break;
        }
    }
    read
}

fn request(address: SocketAddr, get: &HttpGet) -> Result<Request<Empty<Bytes>>, String> {
    let plain = matches!((get.scheme, get.port), (Scheme::Http, 80) | (Scheme::Https, 443));
    let host = match &get.host {
        Some(host) if plain => host.clone(),
        Some(host) => format!("{host}:{}", get.port),
        None => address.to_string(),
    };
    let mut request = Request::get(get.path.as_str())
        .header(header::HOST, host)
        .header(header::USER_AGENT, concat!("composelet/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .body(Empty::new())
        .map_err(|error| error.to_string())?;
    for (name, value) in &get.headers {
        let value = HeaderValue::from_str(value.expose());
        if let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name.as_str()), value) {
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
    }
    Ok(request)
}

/// The name that the certificate has to be good for, and that is sent before it.
fn server_name(address: SocketAddr, get: &HttpGet) -> Result<ServerName<'static>, String> {
    match &get.host {
        Some(host) => {
            ServerName::try_from(host.clone()).map_err(|error| format!("{host}: {error}"))
        }
        None => Ok(ServerName::from(address.ip())),
    }
}

/// The TLS configuration, made once; the certificates that this host trusts are read from its files.
async fn config(verify: TlsVerify) -> Result<Arc<ClientConfig>, String> {
    static TRUSTING: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    static STRICT: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let place = match verify {
        TlsVerify::Full => &STRICT,
        TlsVerify::Skip => &TRUSTING,
    };
    if let Some(config) = place.get() {
        return Ok(Arc::clone(config));
    }
    let made = tokio::task::spawn_blocking(move || make(verify)).await;
    let made = made.map_err(|error| error.to_string())??;
    Ok(Arc::clone(place.get_or_init(|| made)))
}

fn make(verify: TlsVerify) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let config = match verify {
        TlsVerify::Full => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        TlsVerify::Skip => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

/// Takes any certificate (`tls_verify: false`); the handshake itself still has to be right.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// An error with what is behind it, each text once.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    text
}
