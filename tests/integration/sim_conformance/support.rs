//! What all rows need: an engine with an image, and short words for calls and their outcomes.

use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, ContainerInspectResponse, ContainerStateStatusEnum};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, StopContainerOptionsBuilder,
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

use crate::sim::{ImageSpec, SimEngine, SimOptions};

/// An engine without latencies and a client; the image `app:1` is there.
pub(super) fn engine() -> (SimEngine, Docker) {
    with_options(SimOptions::default())
}

pub(super) fn with_options(options: SimOptions) -> (SimEngine, Docker) {
    let engine = SimEngine::new(options);
    engine.add_image("app:1", &ImageSpec::new("app"));
    let docker = engine.docker();
    (engine, docker)
}

/// A create body from JSON, with the image `app:1` unless another is named.
pub(super) fn body(mut value: Value) -> ContainerCreateBody {
    let members = value.as_object_mut().unwrap();
    members.entry("Image").or_insert(json!("app:1"));
    serde_json::from_value(value).unwrap()
}

pub(super) async fn create(docker: &Docker, name: &str, value: Value) -> Result<String, Error> {
    let options = CreateContainerOptionsBuilder::new().name(name).build();
    docker.create_container(Some(options), body(value)).await.map(|made| made.id)
}

/// Creates and starts.
pub(super) async fn run(docker: &Docker, name: &str, value: Value) -> String {
    let id = create(docker, name, value).await.unwrap();
    docker.start_container(name, None).await.unwrap();
    id
}

pub(super) async fn stop(docker: &Docker, name: &str, seconds: i32) -> Result<(), Error> {
    let options = StopContainerOptionsBuilder::new().t(seconds).build();
    docker.stop_container(name, Some(options)).await
}

pub(super) async fn remove(docker: &Docker, name: &str, force: bool) -> Result<(), Error> {
    let options = RemoveContainerOptionsBuilder::new().force(force).v(true).build();
    docker.remove_container(name, Some(options)).await
}

pub(super) async fn inspect(docker: &Docker, name: &str) -> ContainerInspectResponse {
    docker.inspect_container(name, None).await.unwrap()
}

/// Status, exit code, error text.
pub(super) async fn state(docker: &Docker, name: &str) -> (ContainerStateStatusEnum, i64, String) {
    let state = inspect(docker, name).await.state.unwrap();
    (state.status.unwrap(), state.exit_code.unwrap(), state.error.unwrap())
}

/// The status of a refusal, and its text; status 0 for anything that is not an answer.
pub(super) fn refusal<T>(outcome: Result<T, Error>) -> (u16, String) {
    match outcome {
        Ok(_) => (200, String::new()),
        Err(Error::DockerResponseServerError { status_code, message }) => (status_code, message),
        Err(other) => (0, other.to_string()),
    }
}

/// Sends a request that bollard would not make; status and body of the answer.
pub(super) async fn raw(
    engine: &SimEngine,
    method: &str,
    path: &str,
    body: &'static str,
) -> (u16, String) {
    let body = http_body_util::Either::Left(Full::new(Bytes::from_static(body.as_bytes())));
    let uri = format!("http://docker{path}");
    let request = http::Request::builder().method(method).uri(uri).body(body).unwrap();
    let response = engine.transport()(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

/// The HTTP status of the latest call.
pub(super) fn last_status(engine: &SimEngine) -> u16 {
    engine.calls().last().and_then(|call| call.status).unwrap()
}

pub(super) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
