//! Posts JSON to a server: TLS as the host trusts it, a deadline, hardly any of the answer.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request};
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
    /// Posts a text of JSON, with one further header, and wants an answer of success. Redirects are not followed.
    ///
    /// # Errors
    /// A sentence. Neither header nor body is in it.
    pub(super) async fn post(
        &self,
        url: &str,
        header: (&str, &str),
        body: String,
    ) -> Result<(), String> {
        let client = self.0.get_or_try_init(make).await?;
        let mut value = HeaderValue::from_str(header.1)
            .map_err(|_| "the token cannot be a header".to_owned())?;
        value.set_sensitive(true);
        let request = Request::builder()
            .method(Method::POST)
            .uri(url)
            .header(USER_AGENT, concat!("composelet/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json")
            .header(header.0, value)
            .body(Full::from(body))
            .map_err(|error| format!("{url}: {error}"))?;
        let answer = timeout(DEADLINE, client.request(request)).await;
        let answer =
            answer.map_err(|_| format!("{url}: no answer within {} s", DEADLINE.as_secs()))?;
        let answer = answer.map_err(|error| format!("{url}: {error}"))?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(format!("{url}: {}", answer.status()))
        }
    }
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
