//! Pull and build: streams that must be read to their end to know how they went.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use http::{HeaderName, HeaderValue};
use serde_json::Value;
use tokio::sync::mpsc::Sender;
use tokio::time::timeout;

use crate::engine::admission::Admitted;
use crate::engine::credentials::RegistryLogin;
use crate::engine::docker::connection::Client;
use crate::engine::docker::raw::{RawBody, RawRequest, encoded};
use crate::engine::docker::steps::Steps;
use crate::engine::failure::{CallError, presentable};

/// Longest line of progress, in characters.
const LINE_LIMIT: usize = 200;

/// A build, as the API takes it: names of parameters with their values.
pub(in crate::engine) struct BuildRequest {
    /// Parameters of the query, in order.
    pub(in crate::engine) parameters: Vec<(&'static str, String)>,
    /// The context, if it is sent with the request.
    pub(in crate::engine) context: Option<BoxStream<'static, std::io::Result<Bytes>>>,
    /// Logins for the registries of base images, by host, as the JSON of `X-Registry-Config`.
    pub(in crate::engine) logins: Vec<(String, RegistryLogin)>,
}

impl Client {
    /// Fetches an image. Fails after `idle` without a sign of progress.
    ///
    /// # Errors
    /// What the registry or the engine says, in the status or within the stream.
    pub(in crate::engine) async fn pull_image(
        &self,
        name: &Admitted<String>,
        platform: Option<&str>,
        login: Option<&RegistryLogin>,
        watch: &Progress<'_>,
    ) -> Result<(), CallError> {
        let (repository, tag) = split_reference(name.get());
        let mut parameters = vec![("fromImage", repository), ("tag", tag)];
        parameters.extend(platform.map(|platform| ("platform", platform)));
        let mut request = RawRequest::post("/images/create", &parameters, RawBody::Empty);
        if let Some(login) = login {
            request = with_credentials(request, "x-registry-auth", &login.to_json())?;
        }
        watch.to_the_end(self.raw_lines(request), &mut Steps::default()).await
    }

    /// Builds an image. Fails after `idle` without a sign of progress.
    ///
    /// # Errors
    /// What the engine says; the line of a failed step comes within the stream.
    pub(in crate::engine) async fn build_image(
        &self,
        build: Admitted<BuildRequest>,
        watch: &Progress<'_>,
        steps: &mut Steps,
    ) -> Result<(), CallError> {
        let build = build.into_inner();
        let parameters: Vec<(&str, &str)> =
            build.parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let body = build.context.map_or(RawBody::Empty, RawBody::Tar);
        let mut request = RawRequest::post("/build", &parameters, body);
        if !build.logins.is_empty() {
            let logins: Value =
                build.logins.iter().map(|(host, login)| (host.clone(), login.to_json())).collect();
            request = with_credentials(request, "x-registry-config", &logins)?;
        }
        watch.to_the_end(self.raw_lines(request), steps).await
    }

    /// Digest of what a reference means in its registry; nothing is fetched (API 1.30).
    ///
    /// # Errors
    /// What the registry says, as the engine passes it on.
    pub(in crate::engine) async fn registry_digest(
        &self,
        reference: &str,
        login: Option<&RegistryLogin>,
    ) -> Result<String, CallError> {
        // The name is a path of its own: its slashes stay.
        let path: Vec<String> = reference.split('/').map(encoded).collect();
        let mut request = RawRequest::get(&format!("/distribution/{}/json", path.join("/")), &[]);
        if let Some(login) = login {
            request = with_credentials(request, "x-registry-auth", &login.to_json())?;
        }
        let answer: Value = self.raw_json(request).await?;
        let digest = answer.pointer("/Descriptor/digest").and_then(Value::as_str);
        let digest = digest.filter(|digest| digest.contains(':'));
        digest
            .map(str::to_owned)
            .ok_or_else(|| CallError::Unreadable("the registry told no digest".to_owned()))
    }

    /// Registries that the engine is told to reach without TLS, by host.
    ///
    /// # Errors
    /// What the engine says.
    pub(in crate::engine) async fn insecure_registries(&self) -> Result<Vec<String>, CallError> {
        let answer: Value = self.raw_json(RawRequest::get("/info", &[])).await?;
        let known = answer.pointer("/RegistryConfig/IndexConfigs").and_then(Value::as_object);
        let insecure =
            |config: &Value| config.get("Secure").and_then(Value::as_bool) == Some(false);
        let hosts = known.into_iter().flatten().filter(|(_, config)| insecure(config));
        Ok(hosts.map(|(host, _)| host.clone()).collect())
    }

    /// Takes a tag from an image, and removes it with its last one.
    ///
    /// # Errors
    /// 404 if there is none, 409 while it is used.
    pub(in crate::engine) async fn untag_image(&self, tag: &str) -> Result<(), CallError> {
        let path = format!("/images/{}", encoded(tag));
        self.raw_bytes(RawRequest::delete(&path)).await?;
        Ok(())
    }
}

/// Adds credentials as a header, in the URL-safe base64 alphabet that engines read.
fn with_credentials(
    request: RawRequest,
    name: &'static str,
    value: &Value,
) -> Result<RawRequest, CallError> {
    let mut header = HeaderValue::try_from(URL_SAFE.encode(value.to_string()))
        .map_err(|_| CallError::Refused("unusable registry credentials".to_owned()))?;
    header.set_sensitive(true);
    Ok(request.with_header(HeaderName::from_static(name), header))
}

/// Repository and tag or digest of a reference; without either the tag is `latest`, because an engine that is given none
/// fetches every tag there is.
fn split_reference(name: &str) -> (&str, &str) {
    if let Some((repository, digest)) = name.split_once('@') {
        return (repository, digest);
    }
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, "latest"),
    }
}

/// Watches over a stream of progress.
pub(in crate::engine) struct Progress<'a> {
    /// Gets lines for people; a full channel loses lines, it never delays the stream.
    pub(in crate::engine) sink: &'a Sender<String>,
    /// Longest time without any line.
    pub(in crate::engine) idle: Duration,
}

impl Progress<'_> {
    /// Reads to the end.
    async fn to_the_end(
        &self,
        mut lines: BoxStream<'static, Result<Value, CallError>>,
        steps: &mut Steps,
    ) -> Result<(), CallError> {
        loop {
            let Ok(next) = timeout(self.idle, lines.try_next()).await else {
                let seconds = self.idle.as_secs();
                return Err(CallError::Cut(format!("no progress for {seconds} s")));
            };
            let Some(line) = next? else {
                return Ok(());
            };
            if let Some(error) = error_of(&line) {
                // What follows an error line is nothing, but the engine waits until it is read.
                while let Ok(Some(_)) = timeout(self.idle, lines.next()).await {}
                return Err(CallError::InStream(error));
            }
            for text in steps.read(&line).into_iter().chain(text_of(&line)) {
                drop(self.sink.try_send(text));
            }
        }
    }
}

fn error_of(line: &Value) -> Option<String> {
    let detail = line.pointer("/errorDetail/message");
    let text = detail.or_else(|| line.get("error"))?;
    text.as_str().map(str::to_owned)
}

/// A line for people: `layer: status (done of total)`, or a line of the build's output.
fn text_of(line: &Value) -> Option<String> {
    let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or("");
    let raw = match (text("id"), text("status")) {
        ("", "") => text("stream").to_owned(),
        ("", status) => status.to_owned(),
        (id, status) => format!("{id}: {status} {}", text("progress")),
    };
    let shown = presentable(&raw, LINE_LIMIT);
    (!shown.is_empty()).then_some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_are_split() {
        let table = [
            ("nginx", ("nginx", "latest")),
            ("nginx:1.27", ("nginx", "1.27")),
            ("localhost:5000/a/b", ("localhost:5000/a/b", "latest")),
            ("localhost:5000/a:2", ("localhost:5000/a", "2")),
            ("a@sha256:00", ("a", "sha256:00")),
        ];
        for (name, parts) in table {
            assert_eq!(split_reference(name), parts, "{name}");
        }
    }

    #[tokio::test]
    async fn an_error_inside_a_stream_is_an_error() {
        let (sink, mut lines) = tokio::sync::mpsc::channel(8);
        let progress = Progress { sink: &sink, idle: Duration::from_secs(1) };
        let stream = futures::stream::iter([
            Ok(json!({"stream": "Step 1/2 : FROM scratch\n"})),
            Ok(json!({"id": "a", "status": "Downloading", "progress": "[=>  ]"})),
            Ok(json!({"errorDetail": {"message": "it broke"}, "error": "it broke"})),
        ]);
        let result = progress.to_the_end(stream.boxed(), &mut Steps::default()).await;
        assert_eq!(result, Err(CallError::InStream("it broke".into())));
        assert_eq!(lines.recv().await.as_deref(), Some("Step 1/2 : FROM scratch"));
        assert_eq!(lines.recv().await.as_deref(), Some("a: Downloading [=>  ]"));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_cut() {
        let (sink, _lines) = tokio::sync::mpsc::channel(8);
        let progress = Progress { sink: &sink, idle: Duration::from_secs(60) };
        let result =
            progress.to_the_end(futures::stream::pending().boxed(), &mut Steps::default()).await;
        assert_eq!(result, Err(CallError::Cut("no progress for 60 s".into())));
    }
}
