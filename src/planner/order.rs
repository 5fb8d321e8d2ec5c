//! What comes first when a replica is replaced: the start of its successor, or the stop of its predecessor (DESIGN §5, data).

use std::collections::BTreeSet;

use crate::model::config::{HealthTest, MountSource, NetworkMode};
use crate::model::desired::RestartWhen;
use crate::model::id::ServiceName;
use crate::model::join::{Namespace, Owner};
use crate::model::update::UpdateOrder;
use crate::planner::world::ServiceView;

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

/// What comes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// The successor runs and is ready before the predecessor is stopped.
    StartFirst,
    /// The predecessor is gone before the successor starts, for this reason.
    StopFirst(String),
}

/// What comes first for a service whose edges to others are `joined`: those whose namespaces or volumes somebody shares.
pub fn order(
    view: &ServiceView<'_>,
    joined: &BTreeSet<ServiceName>,
    sharers: &BTreeSet<String>,
) -> Order {
    let declared = view.service.update().order;
    if declared == UpdateOrder::StopFirst {
        return Order::StopFirst("deploy.update_config says so".to_owned());
    }
    if let Some(why) = exclusive(view, joined, sharers) {
        return Order::StopFirst(why);
    }
    if declared == UpdateOrder::Auto && !tells_readiness(view) {
        return Order::StopFirst("without a health check nobody knows when it is ready".to_owned());
    }
    Order::StartFirst
}

/// Whether the service says when it is ready.
fn tells_readiness(view: &ServiceView<'_>) -> bool {
    let probes = view.service.probes.as_ref();
    if probes.is_some_and(|probes| probes.startup.is_some() || probes.readiness.is_some()) {
        return true;
    }
    let own = view.service.config.healthcheck.as_ref();
    let image = view.image.and_then(|image| image.healthcheck.as_ref());
    let test = own.map(|check| &check.test).filter(|test| **test != HealthTest::Inherit);
    let test = test.or(image.map(|check| &check.test));
    test.is_some_and(|test| !matches!(test, HealthTest::Disabled | HealthTest::Inherit))
}

/// What two containers of the service cannot both have.
fn exclusive(
    view: &ServiceView<'_>,
    joined: &BTreeSet<ServiceName>,
    sharers: &BTreeSet<String>,
) -> Option<String> {
    if view.job().is_some() || view.service.restart.when == RestartWhen::Never {
        return Some("two versions of a job must not run at once".to_owned());
    }
    let config = &view.service.config;
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
    if joined.contains(&view.service.name) || joins(view) {
        return Some("it shares a namespace or volumes with another container".to_owned());
    }
    if let Some(repository) =
        repository(&view.service.image).filter(|name| EXCLUSIVE_IMAGES.contains(name))
    {
        return Some(format!("two of {repository} must never be on the same data"));
    }
    if is_scheduler(view) {
        return Some("two schedulers would do everything twice".to_owned());
    }
    lone_mount(view, sharers)
}

fn joins(view: &ServiceView<'_>) -> bool {
    let config = &view.service.config;
    !config.volumes_from.is_empty()
        || Namespace::ALL.into_iter().any(|one| one.owner(config).is_some())
}

/// Services whose namespaces or volumes another service of the project shares.
pub fn joined(services: &[ServiceView<'_>]) -> BTreeSet<ServiceName> {
    let owners = services.iter().flat_map(|view| {
        let config = &view.service.config;
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
pub fn shared_sources(services: &[ServiceView<'_>]) -> BTreeSet<String> {
    let mut once = BTreeSet::new();
    let mut shared = BTreeSet::new();
    for view in services.iter().filter(|view| view.job().is_none()) {
        let sources: BTreeSet<String> =
            view.service.config.mounts.values().filter_map(|mount| source(&mount.source)).collect();
        for source in sources {
            if view.service.replicas > 1 || !once.insert(source.clone()) {
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
fn lone_mount(view: &ServiceView<'_>, sharers: &BTreeSet<String>) -> Option<String> {
    let config = &view.service.config;
    let written = config.mounts.iter().find(|(_, mount)| {
        let lone = match &mount.source {
            MountSource::Anonymous => true,
            other => source(other).is_some_and(|source| !sharers.contains(&source)),
        };
        lone && !mount.read_only
    });
    if let Some((target, _)) = written {
        return Some(format!("it alone writes to {target}"));
    }
    let image = view.image.into_iter().flat_map(|image| &image.volumes);
    let mut anonymous = image.filter(|target| !config.mounts.contains_key(*target));
    anonymous.next().map(|target| format!("it alone writes to {target}"))
}

/// Last part of the name of a repository: `postgres` of `registry:5000/library/postgres:15@sha256:…`.
fn repository(image: &str) -> Option<&str> {
    let name = image.split('@').next()?.rsplit('/').next()?;
    name.split(':').next()
}

/// `celery … beat`, however it is started.
fn is_scheduler(view: &ServiceView<'_>) -> bool {
    let image = view.image.map(|image| (&image.entrypoint, &image.command));
    let config = &view.service.config;
    let entrypoint = config.entrypoint.as_ref().or(image.map(|(entrypoint, _)| entrypoint));
    let command = config.command.as_ref().or(image.map(|(_, command)| command));
    let words = entrypoint.into_iter().chain(command).flatten();
    let mut words = words.flat_map(|word| word.expose().split_whitespace());
    let celery = words.any(|word| word == "celery" || word.ends_with("/celery"));
    celery && words.any(|word| matches!(word, "beat" | "-B" | "--beat"))
}
