//! The client: https, redirects without the login, tokens; plain http for loopback and where the engine is told so.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, LINK, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::engine::credentials::registry_of;
use crate::engine::docker::encoded;
use crate::engine::facade::Engine;
use crate::engine::failure::{CallError, Effect, classify};
use crate::engine::registry::auth::{Challenge, TokenAnswer, basic, bearer};
use crate::engine::registry::pages::{self, TagList};
use crate::engine::registry::port::Registry;
use crate::model::outcome::Failure;
use crate::model::time::Timestamp;

/// Longest time of one request.
const DEADLINE: Duration = Duration::from_secs(30);
/// Longest answer, in bytes.
const ANSWER_LIMIT: usize = 4 * 1024 * 1024;
/// Most redirects of one request.
const REDIRECTS: usize = 5;
/// Tags that are asked for at once, and most pages of one list.
const PAGE: usize = 1000;
/// See [`PAGE`].
const MOST_PAGES: usize = 50;
/// Where Docker Hub's repositories are.
const HUB: &str = "registry-1.docker.io";
/// Manifests and lists of them, of Docker and OCI.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

type Http = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Asks registries over the network, with the logins of the Docker configuration.
pub struct RegistryClient {
    engine: Engine,
    http: OnceCell<Http>,
}

impl fmt::Debug for RegistryClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryClient").finish_non_exhaustive()
    }
}

/// A conversation about one repository.
struct Session<'a> {
    client: &'a RegistryClient,
    http: &'a Http,
    /// `host[:port]`
    authority: String,
    /// Name within the registry.
    path: String,
    scheme: &'static str,
    login: Option<(String, String)>,
    authorization: Option<HeaderValue>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl RegistryClient {
    /// Nothing is asked before it is needed.
    pub fn new(engine: Engine) -> Self {
        Self { engine, http: OnceCell::new() }
    }

    async fn session(&self, repository: &str) -> Result<Session<'_>, CallError> {
        let http = self.http.get_or_try_init(make).await?;
        let (authority, path) = place(repository);
        let login = self.engine.login(registry_of(repository)).await.ok().flatten();
        let login = login.map(|login| login.to_pair());
        let (scheme, authorization) = ("https", None);
        Ok(Session { client: self, http, authority, path, scheme, login, authorization })
    }

    /// Whether a registry may be asked without TLS: on this host, or by the engine's configuration.
    async fn may_be_plain(&self, authority: &str) -> bool {
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let loopback = host == "localhost"
            || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        if loopback {
            return true;
        }
        let known = self.engine.insecure_registries().await.unwrap_or_default();
        known.iter().any(|one| one == authority)
    }
}

/// Host and path of a repository, as a client of the registry needs them.
fn place(repository: &str) -> (String, String) {
    let first = repository.split_once('/');
    match first {
        Some(("docker.io" | "index.docker.io", path)) => hub(path),
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
            (host.to_owned(), path.to_owned())
        }
        _ => hub(repository),
    }
}

fn hub(path: &str) -> (String, String) {
    let path = if path.contains('/') { path.to_owned() } else { format!("library/{path}") };
    (HUB.to_owned(), path)
}

/// Reading the certificates that this host trusts takes a while.
async fn make() -> Result<Http, CallError> {
    let made = tokio::task::spawn_blocking(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_root_certificates(roots).with_no_client_auth())
    });
    let refused = |text: String| CallError::Refused(text);
    let config = made.await.map_err(|error| refused(error.to_string()))?;
    let config = config.map_err(|error| refused(error.to_string()))?;
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http()
        .enable_http1()
        .build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

impl Session<'_> {
    /// Asks for a path of the registry, and logs in if that is wanted.
    async fn get(&mut self, path: &str, accept: &'static str) -> Result<Answer, CallError> {
        let answer = match self.follow(path, accept).await {
            Err(CallError::NoConnection(_))
                if self.scheme == "https" && self.client.may_be_plain(&self.authority).await =>
            {
                self.scheme = "http";
                self.follow(path, accept).await?
            }
            other => other?,
        };
        let challenge = answer.headers.get(WWW_AUTHENTICATE).and_then(|one| one.to_str().ok());
        let challenge = challenge.and_then(Challenge::parse);
        let answer = match challenge {
            Some(challenge) if answer.status == StatusCode::UNAUTHORIZED => {
                self.authorization = self.authorize(challenge).await?;
                self.follow(path, accept).await?
            }
            _ => answer,
        };
        if answer.status.is_success() { Ok(answer) } else { Err(refused(&answer)) }
    }

    async fn json<T: DeserializeOwned>(
        &mut self,
        path: &str,
        accept: &'static str,
    ) -> Result<T, CallError> {
        read(&self.get(path, accept).await?)
    }

    /// Follows redirects, as registries send them for blobs. The login goes to nobody else.
    async fn follow(&self, path: &str, accept: &'static str) -> Result<Answer, CallError> {
        let mut uri = uri(&format!("{}://{}{path}", self.scheme, self.authority))?;
        for _ in 0..=REDIRECTS {
            let own = uri.authority().is_some_and(|one| one.as_str() == self.authority)
                && uri.scheme_str() == Some(self.scheme);
            let mut request = Request::builder().method(Method::GET).uri(uri.clone());
            request = request.header(ACCEPT, accept);
            if let Some(header) = self.authorization.as_ref().filter(|_| own) {
                request = request.header(AUTHORIZATION, header);
            }
            let answer = exchange(self.http, request, Bytes::new()).await?;
            let location = answer.headers.get(LOCATION).and_then(|one| one.to_str().ok());
            match location {
                Some(location) if answer.status.is_redirection() => {
                    uri = redirected(&uri, location)?;
                }
                _ => return Ok(answer),
            }
        }
        Err(CallError::Unreadable("the registry sends from one place to the next".to_owned()))
    }

    async fn authorize(&self, challenge: Challenge) -> Result<Option<HeaderValue>, CallError> {
        let (realm, service) = match challenge {
            Challenge::Basic => return Ok(self.login.as_ref().and_then(basic)),
            Challenge::Bearer { realm, service } => (realm, service),
        };
        if !realm.starts_with("https://") && self.scheme == "https" {
            let text = "the registry asks for a login without TLS".to_owned();
            return Err(CallError::Refused(text));
        }
        let (service, scope) =
            (encoded(&service), encoded(&format!("repository:{}:pull", self.path)));
        let asked = format!("service={service}&scope={scope}");
        let (request, body) = match &self.login {
            // An identity token is given for a token of this repository.
            Some((user, token)) if user.is_empty() => {
                let form = format!(
                    "grant_type=refresh_token&client_id=composelet&{asked}&refresh_token={}",
                    encoded(token)
                );
                let request = Request::builder().method(Method::POST).uri(uri(&realm)?);
                let kind = "application/x-www-form-urlencoded";
                (request.header(CONTENT_TYPE, kind), Bytes::from(form))
            }
            login => {
                let joint = if realm.contains('?') { '&' } else { '?' };
                let request = Request::builder().uri(uri(&format!("{realm}{joint}{asked}"))?);
                match login.as_ref().and_then(basic) {
                    Some(header) => (request.header(AUTHORIZATION, header), Bytes::new()),
                    None => (request, Bytes::new()),
                }
            }
        };
        let answer = exchange(self.http, request, body).await?;
        if !answer.status.is_success() {
            return Err(refused(&answer));
        }
        let token: TokenAnswer = read(&answer)?;
        Ok(token.token().as_deref().and_then(bearer))
    }

    async fn tags(&mut self) -> Result<Vec<String>, CallError> {
        let mut path = format!("/v2/{}/tags/list?n={PAGE}", self.path);
        let mut tags = Vec::new();
        for _ in 0..MOST_PAGES {
            let answer = self.get(&path, "application/json").await?;
            let page: TagList = read(&answer)?;
            tags.extend(page.tags.unwrap_or_default());
            let link = answer.headers.get(LINK).and_then(|link| link.to_str().ok());
            match link.and_then(|link| pages::next(link, &self.authority)) {
                Some(next) => path = next,
                None => return Ok(tags),
            }
        }
        let most = PAGE * MOST_PAGES;
        Err(CallError::Unreadable(format!("the repository has more than {most} tags")))
    }

    async fn created(
        &mut self,
        digest: &str,
        (os, arch): (&str, &str),
    ) -> Result<Option<Timestamp>, CallError> {
        let manifest = |digest: &str, path: &str| format!("/v2/{path}/manifests/{digest}");
        let mut found: Value = self.json(&manifest(digest, &self.path), MANIFESTS).await?;
        if let Some(list) = found.get("manifests").and_then(Value::as_array) {
            let is = |one: &Value, key: &str, value: &str| {
                one.pointer(&format!("/platform/{key}")).and_then(Value::as_str) == Some(value)
            };
            let fits = |one: &&Value| is(one, "os", os) && is(one, "architecture", arch);
            let one = list.iter().find(fits).and_then(|one| one.get("digest"));
            let Some(digest) = one.and_then(Value::as_str) else { return Ok(None) };
            found = self.json(&manifest(digest, &self.path), MANIFESTS).await?;
        }
        let Some(config) = found.pointer("/config/digest").and_then(Value::as_str) else {
            return Ok(None);
        };
        let blob = format!("/v2/{}/blobs/{config}", self.path);
        let config: Value = self.json(&blob, "*/*").await?;
        let created = config.get("created").and_then(Value::as_str);
        Ok(created.and_then(Timestamp::parse_rfc3339))
    }
}

/// Where a redirect leads: never from TLS to none.
fn redirected(from: &Uri, location: &str) -> Result<Uri, CallError> {
    if location.starts_with('/') && !location.starts_with("//") {
        let (scheme, authority) = (from.scheme_str().unwrap_or("https"), from.authority());
        let authority = authority.map(ToString::to_string).unwrap_or_default();
        return uri(&format!("{scheme}://{authority}{location}"));
    }
    if from.scheme_str() == Some("https") && !location.starts_with("https://") {
        return Err(CallError::Refused("the registry leads to a place without TLS".to_owned()));
    }
    uri(location)
}

fn uri(text: &str) -> Result<Uri, CallError> {
    text.parse().map_err(|_| CallError::Refused("the registry cannot be addressed".to_owned()))
}

async fn exchange(
    http: &Http,
    request: http::request::Builder,
    body: Bytes,
) -> Result<Answer, CallError> {
    let agent = concat!("composelet/", env!("CARGO_PKG_VERSION"));
    let request = request.header(http::header::USER_AGENT, agent).body(Full::new(body));
    let request = request.map_err(|error| CallError::Refused(error.to_string()))?;
    let whole = async {
        let answer = http.request(request).await.map_err(|error| {
            let text = chain(&error);
            if error.is_connect() { CallError::NoConnection(text) } else { CallError::Cut(text) }
        })?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_LIMIT).collect().await;
        let body = body.map_err(|error| CallError::Unreadable(chain(&*error)))?.to_bytes();
        Ok(Answer { status: head.status, headers: head.headers, body })
    };
    let seconds = DEADLINE.as_secs();
    timeout(DEADLINE, whole).await.unwrap_or_else(|_| {
        Err(CallError::NoConnection(format!("the registry gave no answer within {seconds} s")))
    })
}

fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, CallError> {
    serde_json::from_slice(&answer.body)
        .map_err(|error| CallError::Unreadable(format!("the registry's answer: {error}")))
}

/// What the registry says, with how long it wants to be left alone.
fn refused(answer: &Answer) -> CallError {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = body.pointer("/errors/0/message").or_else(|| body.get("details"));
    let text = text.and_then(Value::as_str).unwrap_or("");
    let reason = answer.status.canonical_reason().unwrap_or("");
    let mut message = format!("the registry answered {} {reason}", answer.status.as_u16());
    if !text.is_empty() {
        message = format!("{message}: {text}");
    }
    if let Some(wait) = answer.headers.get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()) {
        message = format!("{message}; retry-after: {wait}");
    }
    CallError::Answer { status: answer.status.as_u16(), message }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

impl Registry for RegistryClient {
    fn tags<'a>(&'a self, repository: &'a str) -> BoxFuture<'a, Result<Vec<String>, Failure>> {
        async move {
            let mut session = self.session(repository).await?;
            session.tags().await
        }
        .map(|result| result.map_err(|error| classify(error, Effect::Read)))
        .boxed()
    }

    fn created<'a>(
        &'a self,
        repository: &'a str,
        digest: &'a str,
        platform: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<Timestamp>, Failure>> {
        async move {
            let mut session = self.session(repository).await?;
            let asked = platform.unwrap_or_default();
            let mut parts = asked.split('/').filter(|part| !part.is_empty());
            let here = match std::env::consts::ARCH {
                "x86_64" => "amd64",
                "aarch64" => "arm64",
                other => other,
            };
            let (os, arch) = (parts.next().unwrap_or("linux"), parts.next().unwrap_or(here));
            session.created(digest, (os, arch)).await
        }
        .map(|result| result.map_err(|error| classify(error, Effect::Read)))
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_repositories() {
        let table = [
            ("nginx", HUB, "library/nginx"),
            ("a/b", HUB, "a/b"),
            ("docker.io/a/b", HUB, "a/b"),
            ("ghcr.io/a/b", "ghcr.io", "a/b"),
            ("localhost:5000/a", "localhost:5000", "a"),
        ];
        for (repository, host, path) in table {
            assert_eq!(place(repository), (host.to_owned(), path.to_owned()), "{repository}");
        }
    }

    #[test]
    fn a_redirect_never_leaves_tls() {
        let from: Uri = "https://reg.test/v2/a".parse().unwrap();
        let to = |location| redirected(&from, location).map(|uri| uri.to_string());
        assert_eq!(to("/b").unwrap(), "https://reg.test/b");
        assert_eq!(to("https://cdn.test/b").unwrap(), "https://cdn.test/b");
        assert!(to("http://cdn.test/b").is_err());
        assert!(to("//cdn.test/b").is_err());
    }
}
