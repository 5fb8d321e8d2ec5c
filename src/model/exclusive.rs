//! What two containers of one service cannot both have, as far as the manifest says it (DESIGN §5, data).

use std::collections::BTreeSet;

use crate::model::config::{MountSource, NetworkMode};
use crate::model::desired::{DependencyCondition, DesiredService, RestartWhen};
use crate::model::id::ServiceName;
use crate::model::join::{Namespace, Owner};
use crate::model::secret::Secret;

/// Repositories of programs that keep data or hand out work: two at once on the same data destroy it, or do everything
/// twice.
const EXCLUSIVE_IMAGES: &[&str] = &[
    "mysql",
    "mariadb",
    "percona",
    "postgres",
    "postgresql",
    "postgis",
    "timescaledb",
    "mongo",
    "mongodb",
    "redis",
    "valkey",
    "keydb",
    "rabbitmq",
    "kafka",
    "zookeeper",
    "nats",
    "etcd",
    "consul",
    "vault",
    "elasticsearch",
    "opensearch",
    "memcached",
    "clickhouse",
    "clickhouse-server",
    "cassandra",
    "couchdb",
    "influxdb",
    "minio",
    "neo4j",
    "cockroach",
    "mssql",
    "registry",
];

/// What two containers of a service cannot both have. `joined` are the services that others share with, `shared` the sources
/// of mounts that more than one container uses.
pub fn exclusive(
    service: &DesiredService,
    (joined, shared): (&BTreeSet<ServiceName>, &BTreeSet<String>),
) -> Option<String> {
    if service.job.is_some() || service.restart.when == RestartWhen::Never {
        return Some("two versions of a job must not run at once".to_owned());
    }
    let config = &service.config;
    let fixed = config
        .ports
        .values()
        .flatten()
        .find(|binding| binding.port.parse::<u16>().is_ok_and(|port| port > 0));
    if let Some(binding) = fixed {
        return Some(format!("it publishes port {}", binding.port));
    }
    if config.network_mode == NetworkMode::Host {
        return Some("it is in the network of the host".to_owned());
    }
    let addressed = config.endpoints.iter().find(|(_, end)| {
        end.ipv4_address.is_some() || end.ipv6_address.is_some() || end.mac_address.is_some()
    });
    if let Some((name, _)) = addressed {
        return Some(format!("it has a fixed address on {name}"));
    }
    if config.mac_address.is_some() {
        return Some("it has a fixed address".to_owned());
    }
    if joined.contains(&service.name) || joins(service) {
        return Some("it shares a namespace or volumes with another container".to_owned());
    }
    if let Some(repository) =
        repository(&service.image).filter(|name| EXCLUSIVE_IMAGES.contains(name))
    {
        return Some(format!("two of {repository} must never be on the same data"));
    }
    let image = (&Vec::new(), &Vec::new());
    if is_scheduler(service, image) {
        return Some("two schedulers would do everything twice".to_owned());
    }
    lone_mount(service, shared)
}

fn joins(service: &DesiredService) -> bool {
    let config = &service.config;
    !config.volumes_from.is_empty()
        || Namespace::ALL.into_iter().any(|one| one.owner(config).is_some())
}

/// Services whose namespaces or volumes another service of the project shares.
pub fn joined<'a>(services: impl Iterator<Item = &'a DesiredService>) -> BTreeSet<ServiceName> {
    let owners = services.flat_map(|service| {
        let config = &service.config;
        let namespaces = Namespace::ALL.into_iter().filter_map(|one| one.owner(config));
        let volumes = config.volumes_from.iter().map(|one| one.from.clone());
        namespaces.chain(volumes).collect::<Vec<_>>()
    });
    let services = owners.filter_map(|owner| match owner {
        Owner::Service(name) => Some(name),
        Owner::Container(_) => None,
    });
    services.collect()
}

/// Sources of mounts that more than one container uses anyway: of several services, or of a service with several replicas. A
/// job beside a service does not make its data fit for two of it.
pub fn shared_sources<'a>(services: impl Iterator<Item = &'a DesiredService>) -> BTreeSet<String> {
    let services: Vec<&DesiredService> = services.collect();
    let completed = DependencyCondition::CompletedSuccessfully;
    let edges = services.iter().flat_map(|service| &service.depends_on);
    let awaited = edges.filter(|(_, edge)| edge.condition == completed);
    let awaited: BTreeSet<&ServiceName> = awaited.map(|(name, _)| name).collect();
    let is_job =
        |service: &&&DesiredService| service.job.is_some() || awaited.contains(&service.name);
    let mut once = BTreeSet::new();
    let mut shared = BTreeSet::new();
    for service in services.iter().filter(|service| !is_job(service)) {
        let mounts = service.config.mounts.values();
        let sources: BTreeSet<String> = mounts.filter_map(|mount| source(&mount.source)).collect();
        for source in sources {
            if service.replicas > 1 || !once.insert(source.clone()) {
                shared.insert(source);
            }
        }
    }
    shared
}

fn source(source: &MountSource) -> Option<String> {
    match source {
        MountSource::Bind { source, .. } => Some(format!("bind {}", source.display())),
        MountSource::Volume { name, .. } => Some(format!("volume {name}")),
        _ => None,
    }
}

/// A mount that is written to and that only this replica uses. An anonymous volume goes from each replica to its successor.
fn lone_mount(service: &DesiredService, shared: &BTreeSet<String>) -> Option<String> {
    let written = service.config.mounts.iter().find(|(_, mount)| {
        let lone = match &mount.source {
            MountSource::Anonymous => true,
            other => source(other).is_some_and(|source| !shared.contains(&source)),
        };
        lone && !mount.read_only
    });
    written.map(|(target, _)| format!("it alone writes to {target}"))
}

/// Last part of the name of a repository: `postgres` of `registry:5000/library/postgres:15@sha256:…`.
fn repository(image: &str) -> Option<&str> {
    let name = image.split('@').next()?.rsplit('/').next()?;
    name.split(':').next()
}

/// `celery … beat`, however it is started; `image` is what the image starts where the service says nothing.
pub fn is_scheduler(
    service: &DesiredService,
    (entrypoint, command): (&Vec<Secret>, &Vec<Secret>),
) -> bool {
    let config = &service.config;
    let entrypoint = config.entrypoint.as_ref().unwrap_or(entrypoint);
    let command = config.command.as_ref().unwrap_or(command);
    let words = entrypoint.iter().chain(command);
    let mut words = words.flat_map(|word| word.expose().split_whitespace());
    let celery = words.any(|word| word == "celery" || word.ends_with("/celery"));
    celery && words.any(|word| matches!(word, "beat" | "-B" | "--beat"))
}
