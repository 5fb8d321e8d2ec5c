//! The one place that makes a client: transport, API version, request modifier, and what the engine says about itself.

use std::path::Path;
use std::time::Duration;

use bollard::{BollardRequest, Docker};
use http::{HeaderValue, Uri};
use serde::Deserialize;

use crate::engine::docker::raw::RawRequest;
use crate::engine::docker::session::Address;
use crate::engine::failure::CallError;
use crate::model::engine_info::EngineInfo;
use crate::model::observed::{ApiVersion, EngineDefaults, EngineFacts};

/// Oldest API that is accepted: Docker 20.10.
pub const OLDEST_API: ApiVersion = ApiVersion::v1(41);
/// Newest API that is asked for: what later versions change is not tested.
pub const TESTED_API: ApiVersion = ApiVersion::v1(47);

/// The client's own time-out is out of the way: every call has its deadline in the facade, and the client's would cut a
/// stop in the middle of its grace.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(7 * 24 * 3600);

/// A client of the Docker API over any transport, for [`crate::engine::Engine::over`].
pub type EngineClient = Docker;

/// Makes clients for one engine.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Connector {
    docker: Docker,
    /// The address, for messages.
    host: Option<String>,
    /// Where sessions of BuildKit are opened, if they can be.
    pub(in crate::engine) address: Option<Address>,
}

/// A client; pinned to an API version once that is agreed upon.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Client {
    pub(super) docker: Docker,
    pub(super) api: Option<ApiVersion>,
}

/// What `info` tells that we read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::engine) struct Info {
    #[serde(rename = "ID")]
    id: Option<String>,
    logging_driver: Option<String>,
    default_runtime: Option<String>,
    cgroup_version: Option<String>,
    system_time: Option<String>,
}

/// What `version` tells that we read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct VersionAnswer {
    version: Option<String>,
    api_version: Option<String>,
    #[serde(rename = "MinAPIVersion")]
    min_api_version: Option<String>,
}

impl Connector {
    /// For an address: `unix://…`, `tcp://…`, `http://…`, `https://…`.
    ///
    /// # Errors
    /// If the address cannot be read, or its socket is not there yet.
    pub(in crate::engine) fn to_host(host: &str) -> Result<Self, CallError> {
        let docker = Docker::connect_with_host(host)?;
        let address = Address::of(host);
        Ok(Self { host: Some(host.to_owned()), address, ..Self::over(docker) })
    }

    /// Over a client that was made elsewhere.
    pub(in crate::engine) fn over(docker: Docker) -> Self {
        Self { docker: docker.with_timeout(CLIENT_TIMEOUT), host: None, address: None }
    }

    /// Whether the address is one of this host. A client that was made elsewhere says no address, and is taken for near.
    pub(in crate::engine) fn is_here(&self) -> bool {
        self.host.as_deref().is_none_or(is_here)
    }

    /// Agrees on an API version and asks the engine about itself.
    ///
    /// # Errors
    /// If the engine cannot be reached, or is older than 20.10, or no longer speaks our newest version.
    pub(in crate::engine) async fn negotiate(&self) -> Result<(Client, EngineFacts), CallError> {
        self.agree().await.map_err(|error| match (error, &self.host) {
            (CallError::NoConnection(why), Some(host)) => {
                CallError::NoConnection(not_reached(host, &why))
            }
            (error, _) => error,
        })
    }

    async fn agree(&self) -> Result<(Client, EngineFacts), CallError> {
        let asking = Client { docker: self.docker.clone(), api: None };
        let version: VersionAnswer = asking.raw_json(RawRequest::get("/version", &[])).await?;
        let api = agreed(version.api_version.as_deref(), version.min_api_version.as_deref())?;
        let client = Client {
            docker: self
                .docker
                .clone()
                .with_request_modifier(move |request| pin(request, Some(api))),
            api: Some(api),
        };
        let info = client.info().await?;
        let facts = EngineFacts {
            id: info.id.unwrap_or_default(),
            api,
            version: version.version.unwrap_or_default(),
            gap_ended: None,
            defaults: EngineDefaults {
                log_driver: info.logging_driver.unwrap_or_default(),
                runtime: info.default_runtime.unwrap_or_default(),
                cgroup_namespace: match info.cgroup_version.as_deref() {
                    Some("2") => "private".to_owned(),
                    _ => "host".to_owned(),
                },
            },
        };
        Ok((client, facts))
    }
}

impl Client {
    /// Asks the engine about itself.
    ///
    /// # Errors
    /// What the engine or the connection says.
    async fn info(&self) -> Result<Info, CallError> {
        self.raw_json(RawRequest::get("/info", &[])).await
    }

    /// What the engine says of itself and its host, for checks.
    ///
    /// # Errors
    /// What the engine or the connection says.
    pub(in crate::engine) async fn about(&self) -> Result<EngineInfo, CallError> {
        self.raw_json(RawRequest::get("/info", &[])).await
    }

    /// The engine's own clock, as it writes it.
    ///
    /// # Errors
    /// What the engine or the connection says.
    pub(in crate::engine) async fn system_time(&self) -> Result<Option<String>, CallError> {
        Ok(self.info().await?.system_time)
    }

    /// The agreed API version.
    pub(in crate::engine) fn api(&self) -> ApiVersion {
        self.api.unwrap_or(OLDEST_API)
    }

    /// A sign of life.
    ///
    /// # Errors
    /// What the engine or the connection says.
    pub(in crate::engine) async fn ping(&self) -> Result<(), CallError> {
        self.raw_bytes(RawRequest::get("/_ping", &[])).await?;
        Ok(())
    }
}

/// The version to use: the engine's newest, at most the newest that is tested.
fn agreed(newest: Option<&str>, oldest: Option<&str>) -> Result<ApiVersion, CallError> {
    let Some(newest) = newest.and_then(parse_version) else {
        let text = "the engine does not say which API it speaks";
        return Err(CallError::Refused(text.to_owned()));
    };
    let api = newest.min(TESTED_API);
    if api < OLDEST_API {
        return Err(CallError::Refused(format!(
            "the engine speaks API {newest}; at least {OLDEST_API} (Docker 20.10) is needed"
        )));
    }
    match oldest.and_then(parse_version) {
        Some(oldest) if oldest > api => Err(CallError::Refused(format!(
            "the engine accepts API {oldest} and later; this version of composelet speaks up to {TESTED_API}"
        ))),
        _ => Ok(api),
    }
}

/// Why nothing answers at an address, and what to do about it.
fn not_reached(host: &str, why: &str) -> String {
    let socket = host.strip_prefix("unix://").map(Path::new);
    if socket.is_some_and(Path::is_dir) {
        format!(
            "{host} is a directory and no socket: an engine makes one for a bind mount of a socket that is not there; remove it and start the engine"
        )
    } else if why.contains("ermission denied") {
        format!(
            "no permission to open {host}: run composelet as root, or as a member of the group that owns the socket"
        )
    } else {
        format!("no engine answers at {host}: {why}")
    }
}

fn is_here(host: &str) -> bool {
    match host.split_once("://") {
        Some(("unix" | "npipe", _)) | None => true,
        Some(("ssh", _)) => false,
        Some(_) => {
            let uri: Option<Uri> = host.replacen("tcp://", "http://", 1).parse().ok();
            let name = uri.as_ref().and_then(Uri::host).unwrap_or_default();
            let address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
            name == "localhost" || address.is_ok_and(|address| address.is_loopback())
        }
    }
}

/// Reads `1.41`.
fn parse_version(text: &str) -> Option<ApiVersion> {
    let (major, minor) = text.trim_start_matches('v').split_once('.')?;
    Some(ApiVersion { major: major.parse().ok()?, minor: minor.parse().ok()? })
}

/// Puts two habits of the client right. It drops the version prefix, so that the engine answers in its own newest API;
/// and it encodes registry credentials in the standard base64 alphabet where the engine reads the URL-safe one and, if
/// that fails, pulls as nobody without a word.
pub(super) fn pin(mut request: BollardRequest, api: Option<ApiVersion>) -> BollardRequest {
    if let Some(uri) = api.and_then(|api| pinned(request.uri(), api)) {
        *request.uri_mut() = uri;
    }
    for name in ["x-registry-auth", "x-registry-config"] {
        let url_safe = request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(|value| value.replace('+', "-").replace('/', "_"));
        if let Some(Ok(value)) = url_safe.map(HeaderValue::try_from) {
            request.headers_mut().insert(name, value);
        }
    }
    request
}

/// The address with a version prefix; `None` if it has one, should the client learn to send it.
fn pinned(uri: &Uri, api: ApiVersion) -> Option<Uri> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    if path.starts_with("/v1.") {
        return None;
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(format!("/v{api}{path}").parse().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_the_lower_of_both() {
        let api = |newest, oldest| agreed(newest, oldest).map_err(|_| ());
        assert_eq!(api(Some("1.41"), Some("1.12")), Ok(ApiVersion::v1(41)));
        assert_eq!(api(Some("1.54"), Some("1.40")), Ok(TESTED_API));
        assert_eq!(api(Some("1.54"), Some("1.48")), Err(()));
        assert_eq!(api(Some("1.40"), None), Err(()));
        assert_eq!(api(Some("one"), None), Err(()));
        assert_eq!(api(None, None), Err(()));
    }

    #[test]
    fn an_engine_on_another_host_is_told_from_one_on_this() {
        for here in [
            "unix:///var/run/docker.sock",
            "tcp://127.0.0.1:2375",
            "http://localhost:2375",
            "tcp://[::1]:2375",
        ] {
            assert!(is_here(here), "{here}");
        }
        for there in
            ["tcp://10.0.0.7:2376", "https://docker.test:2376", "ssh://root@docker.test", "tcp://"]
        {
            assert!(!is_here(there), "{there}");
        }
    }

    #[test]
    fn path_is_pinned_once() {
        let api = ApiVersion::v1(41);
        let uri: Uri = "http://2f7661/containers/json?all=true".parse().unwrap();
        let once = pinned(&uri, api).unwrap();
        assert_eq!(once, "http://2f7661/v1.41/containers/json?all=true");
        assert_eq!(pinned(&once, api), None);
    }

    #[test]
    fn credentials_get_the_url_safe_alphabet() {
        let mut request: BollardRequest =
            http::Request::new(bollard::body_full(bytes::Bytes::new()));
        let header = HeaderValue::from_static("ab+/cd==");
        request.headers_mut().insert("x-registry-auth", header);
        let request = pin(request, None);
        assert_eq!(request.headers()["x-registry-auth"], "ab-_cd==");
    }
}
