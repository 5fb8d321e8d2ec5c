//! SEAM (to be replaced by the real modules; signatures are the contract)
#![allow(missing_docs, clippy::all, clippy::pedantic, clippy::unimplemented, unused_variables)]
use std::collections::BTreeSet;
use std::time::Duration;
use futures::stream::BoxStream;
use crate::model::id::*;
use crate::model::observed::*;
use crate::model::operation::Operation;
use crate::model::outcome::Failure;
use crate::model::plan::*;
use crate::model::config::*;

/// Cheaply cloneable handle. Holds the negotiated client; re-negotiates after every reconnect.
#[derive(Clone, Debug)]
pub struct Engine;
/// Counters of the facade since it was made; `mutating` counts create/start/stop/... but no reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallCounts { pub all: u64, pub mutating: u64 }
/// What a pass wants to know beside the project's own containers.
#[derive(Clone, Debug, Default)]
pub struct ObserveRequest {
    pub project: Option<ProjectName>, pub images: BTreeSet<String>, pub networks: BTreeSet<String>, pub volumes: BTreeSet<String>,
    /// Containers whose inspection is younger than the deep-inspect period and had no event since may be taken from the cache.
    pub fresh: bool,
}
/// One event of the engine, already mapped to whom it wakes. `Gap` = (re)connected: everything must be listed again.
#[derive(Clone, Debug)]
pub enum EngineEvent { Container { project: Option<ProjectName>, id: ContainerId, action: String }, Other { project: Option<ProjectName> }, Gap, Lost(String) }
pub type BuildContext = BoxStream<'static, std::io::Result<bytes::Bytes>>;
pub type ProgressSink = tokio::sync::mpsc::Sender<String>;

impl Engine {
    /// `unix://…`, `tcp://…`, `http://…`; None = DOCKER_HOST semantics are resolved by the cli, default unix:///var/run/docker.sock
    pub async fn connect(host: &str, installation: Installation) -> Result<Self, Failure> { unimplemented!() }
    pub fn facts(&self) -> EngineFacts { unimplemented!() }
    pub fn counts(&self) -> CallCounts { unimplemented!() }
    pub async fn ping(&self) -> Result<(), Failure> { unimplemented!() }
    /// One list by label + inspect of what changed (per-container deadline), networks, volumes, images. Never fails for one container.
    pub async fn observe(&self, request: &ObserveRequest) -> Result<ObservedState, Failure> { unimplemented!() }
    /// One unfiltered list.
    pub async fn host_view(&self) -> Result<HostView, Failure> { unimplemented!() }
    /// Subscribes; the stream reconnects by itself with the crate backoff (800 ms x2 to 30 s) and yields Gap after every (re)connect, before any event.
    pub fn events(&self) -> BoxStream<'static, EngineEvent> { unimplemented!() }
    pub async fn create_network(&self, create: &CreateNetwork) -> Result<NetworkId, Failure> { unimplemented!() }
    pub async fn remove_network(&self, id: &NetworkId) -> Result<(), Failure> { unimplemented!() }
    pub async fn create_volume(&self, create: &CreateVolume) -> Result<(), Failure> { unimplemented!() }
    pub async fn create_container(&self, create: &CreateContainer) -> Result<ContainerId, Failure> { unimplemented!() }
    pub async fn connect_network(&self, container: &ContainerId, network: &NetworkId, endpoint: &Endpoint, dns_names: &[String]) -> Result<(), Failure> { unimplemented!() }
    pub async fn disconnect_network(&self, container: &ContainerId, network: &NetworkId) -> Result<(), Failure> { unimplemented!() }
    pub async fn start_container(&self, id: &ContainerId) -> Result<(), Failure> { unimplemented!() }
    pub async fn rename_container(&self, id: &ContainerId, to: &ContainerName) -> Result<(), Failure> { unimplemented!() }
    pub async fn update_container(&self, id: &ContainerId, resources: Option<&Resources>, restart: Option<&RestartPolicy>) -> Result<(), Failure> { unimplemented!() }
    pub async fn unpause_container(&self, id: &ContainerId) -> Result<(), Failure> { unimplemented!() }
    pub async fn remove_container(&self, id: &ContainerId) -> Result<(), Failure> { unimplemented!() }
    /// Deadline = grace + 30 s; the caller must not drop the future (engine bug, crates.md 1.1.5).
    pub async fn stop_container(&self, id: &ContainerId, timeout_s: Option<u64>) -> Result<(), Failure> { unimplemented!() }
    pub async fn logs_tail(&self, id: &ContainerId, lines: u32) -> Result<Vec<String>, Failure> { unimplemented!() }
    pub async fn pull_image(&self, image: &str, platform: Option<&str>, progress: &ProgressSink) -> Result<(), Failure> { unimplemented!() }
    /// `operation` is Operation::Build. Labels io.composelet.build=digest, com.docker.compose.project/service/version are set here.
    pub async fn build_image(&self, operation: &Operation, context: BuildContext, progress: &ProgressSink) -> Result<(), Failure> { unimplemented!() }
}
