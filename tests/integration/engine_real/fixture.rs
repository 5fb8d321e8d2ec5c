//! Containers on a real engine for the tests of the adapter: made under names of their own, removed at the end.

#![expect(clippy::expect_used, clippy::print_stderr, reason = "helpers of tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use composelet::engine::{Engine, ObserveRequest, labels};
use composelet::model::canonical::canonical;
use composelet::model::config::{ContainerConfig, ContainerPort, Protocol};
use composelet::model::desired::{NetworkConfig, Subnet};
use composelet::model::id::{
    ContainerId, ContainerName, ImageId, Installation, NetworkId, ProjectName, ReplicaId, Revision,
    ServiceName,
};
use composelet::model::observed::{
    EngineFacts, ImageState, ObservedContainer, ObservedImage, ObservedState,
};
use composelet::model::plan::{CreateContainer, CreateNetwork};

/// Image that the tests run: a static busybox.
pub(crate) const IMAGE: &str = "composelet-test/busybox:1";

/// Address of the engine: the one that `DOCKER_HOST` names, as for the `docker` beside it, or the usual one.
fn host() -> String {
    let named = std::env::var("DOCKER_HOST").unwrap_or_default();
    if named.is_empty() { "unix:///var/run/docker.sock".to_owned() } else { named }
}

/// A connection, or `None` (with a word on standard error) where there is no engine or not the image.
pub(crate) async fn engine() -> Option<(Engine, ObservedImage)> {
    let engine = match Engine::connect(&host(), Installation::new("eng")).await {
        Ok(engine) => engine,
        Err(failure) => {
            eprintln!("skipped: no engine: {}", failure.message);
            return None;
        }
    };
    let request = ObserveRequest {
        project: Some(ProjectName::new("eng-none")),
        images: [IMAGE.to_owned()].into(),
        ..ObserveRequest::default()
    };
    let seen = engine.observe(&request).await.expect("observe");
    let image = seen.images.get(IMAGE).and_then(ImageState::present);
    if image.is_none() {
        eprintln!("skipped: no image {IMAGE}");
    }
    Some((engine, image?.clone()))
}

/// A project of one test; what carries its label goes when it is dropped.
pub(crate) struct Project {
    pub(crate) name: ProjectName,
}

impl Project {
    pub(crate) fn new(test: &str) -> Self {
        let project = Self { name: ProjectName::new(format!("eng-{test}")) };
        project.clear();
        project
    }

    /// Removes what carries the label. The docker command line does it: the facade never forces.
    fn clear(&self) {
        let label = format!("label={}={}", labels::PROJECT, self.name);
        for (list, remove) in [
            (vec!["ps", "-aq"], vec!["rm", "-fv"]),
            (vec!["network", "ls", "-q"], vec!["network", "rm"]),
            (vec!["volume", "ls", "-q"], vec!["volume", "rm"]),
        ] {
            let found = Command::new("docker")
                .args(list)
                .args(["--filter", &label])
                .output()
                .expect("docker");
            for id in String::from_utf8_lossy(&found.stdout).split_whitespace() {
                drop(Command::new("docker").args(&remove).arg(id).output());
            }
        }
    }

    pub(crate) fn labels(&self, service: &str) -> BTreeMap<String, String> {
        [
            (labels::PROJECT, self.name.as_str()),
            (labels::SERVICE, service),
            (labels::CONTAINER_NUMBER, "1"),
            (labels::ONE_OFF, "False"),
            (labels::INSTALLATION, "eng"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// A create of service `web` under its usual name.
    pub(crate) fn create(&self, image: &ObservedImage, config: ContainerConfig) -> CreateContainer {
        let name = format!("{}-web-1", self.name);
        CreateContainer {
            volumes_from: None,
            replica: ReplicaId::new(ServiceName::new("web"), 1),
            name: ContainerName::new(name.clone()),
            image: IMAGE.to_owned(),
            image_id: image.id.clone().unwrap_or(ImageId::new("")),
            primary_network: config.endpoints.keys().next().cloned(),
            config,
            labels: self.labels("web"),
            dns_names: vec!["web".to_owned(), name],
            revision: Revision::new("r1"),
        }
    }

    pub(crate) async fn observe(&self, engine: &Engine) -> ObservedState {
        let request =
            ObserveRequest { project: Some(self.name.clone()), ..ObserveRequest::default() };
        engine.observe(&request).await.expect("observe")
    }

    pub(crate) async fn only(&self, engine: &Engine) -> ObservedContainer {
        let mut containers = self.observe(engine).await.containers;
        assert_eq!(containers.len(), 1, "one container is expected");
        containers.remove(0)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A container that sleeps until it is asked to stop.
pub(crate) fn sleeper() -> ContainerConfig {
    ContainerConfig {
        command: Some(vec![
            "sh".into(),
            "-c".into(),
            "trap 'exit 0' TERM; while :; do sleep 0.1; done".into(),
        ]),
        ..ContainerConfig::default()
    }
}

/// `docker` as a person would type it.
pub(crate) fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().expect("docker");
    assert!(
        output.status.success(),
        "docker {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The id as text.
pub(crate) fn raw(id: &ContainerId) -> &str {
    id.as_str()
}

/// The configuration over the image's defaults, as a comparison expects it.
pub(crate) fn over_image(
    mut config: ContainerConfig,
    image: &ObservedImage,
    facts: &EngineFacts,
) -> ContainerConfig {
    if config.command.is_none() && config.entrypoint.is_none() {
        config.command = Some(image.command.clone());
    }
    if config.entrypoint.is_none() {
        config.entrypoint = Some(image.entrypoint.clone());
    }
    for (name, value) in &image.environment {
        config.environment.entry(name.clone()).or_insert(Some(value.clone()));
    }
    for (name, value) in &image.labels {
        config.labels.entry(name.clone()).or_insert(value.clone());
    }
    config.expose.extend(image.expose.clone());
    canonical(config, facts)
}

pub(crate) fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

pub(crate) fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

pub(crate) fn port(port: u16, protocol: Protocol) -> ContainerPort {
    ContainerPort { port, protocol }
}

/// A network of the project.
pub(crate) async fn network(
    engine: &Engine,
    project: &Project,
    name: &str,
    subnet: &str,
) -> NetworkId {
    let create = CreateNetwork {
        name: name.into(),
        config: NetworkConfig {
            subnets: vec![Subnet { subnet: Some(subnet.into()), ..Subnet::default() }],
            ..NetworkConfig::default()
        },
        labels: project.labels("web"),
    };
    engine.create_network(&create).await.expect("network")
}
