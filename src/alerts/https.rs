//! Posts JSON to a server: TLS as the host trusts it, a deadline, hardly any of the answer.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;
use tokio::time::timeout;

/// Longest time of one request.
const DEADLINE: Duration = Duration::from_secs(15);

/// A client that is made when it is needed first.
#[derive(Debug, Default)]
pub(super) struct Https(OnceCell<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>);

impl Https {
    /// Posts a text of JSON, with further headers, and wants an answer of success. Redirects are not followed.
    ///
    /// # Errors
    /// What went wrong. Neither address, headers nor body are in it: each of them may hold a secret.
    pub(super) async fn post(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<(), PostError> {
        let client = self.0.get_or_try_init(make).await.map_err(PostError::again)?;
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(url)
            .header(USER_AGENT, concat!("composelet/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| PostError::never("the secret cannot be a header"))?;
            value.set_sensitive(true);
            request = request.header(*name, value);
        }
        let request = request
            .body(Full::from(body))
            .map_err(|_| PostError::never("the address or a header is none"))?;
        let answer = timeout(DEADLINE, client.request(request)).await;
        let answer = answer
            .map_err(|_| PostError::again(format!("no answer within {} s", DEADLINE.as_secs())))?;
        let answer = answer.map_err(|error| PostError::again(chain(&error)))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        // What a client did wrong stays wrong; the rest may pass.
        let lasting = status.is_client_error()
            && !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
        Err(if lasting {
            PostError::never(status.to_string())
        } else {
            PostError::again(status.to_string())
        })
    }
}

/// Why something was not posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PostError {
    /// A sentence.
    pub(super) why: String,
    /// It may go better later.
    pub(super) passes: bool,
}

impl PostError {
    pub(super) fn again(why: impl Into<String>) -> Self {
        Self { why: why.into(), passes: true }
    }

    pub(super) fn never(why: impl Into<String>) -> Self {
        Self { why: why.into(), passes: false }
    }
}

/// An error with what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Reading the certificates that this host trusts takes a while.
async fn make() -> Result<Client<HttpsConnector<HttpConnector>, Full<Bytes>>, String> {
    let made = tokio::task::spawn_blocking(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_root_certificates(roots).with_no_client_auth())
    });
    let config =
        made.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http()
        .enable_http1()
        .build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}
