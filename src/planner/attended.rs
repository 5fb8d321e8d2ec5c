//! The container of a one-off command that a person runs and watches: the service's own, beside its replicas and unknown to
//! the loop. Nothing is brought for it: what is missing is told.

use std::collections::BTreeMap;

use crate::model::config::{ContainerConfig, Endpoint, MountSource};
use crate::model::desired::DesiredProject;
use crate::model::feature::SEVERAL_ENDPOINTS;
use crate::model::id::{ContainerName, ImageId, NetworkId, ReplicaId, ServiceName};
use crate::model::plan::CreateContainer;
use crate::model::secret::Secret;
use crate::planner::create::{beside, primary_network};
use crate::planner::draft::rotate;
use crate::planner::input::PlanInput;
use crate::planner::names;
use crate::planner::networks::elect;
use crate::planner::world::{ServiceView, World};

/// What the person wants of it.
#[derive(Clone, Debug, Default)]
pub struct Attended {
    /// Ends its name, so that two of them have room: 12 hexadecimal digits.
    pub slug: String,
    /// Instead of the service's command.
    pub command: Option<Vec<Secret>>,
    /// Instead of the service's entrypoint.
    pub entrypoint: Option<Vec<Secret>>,
    /// Variables beside and above the service's.
    pub environment: BTreeMap<String, Secret>,
    /// As this user.
    pub user: Option<String>,
    /// In this directory.
    pub working_dir: Option<String>,
    /// It publishes the service's ports; replicas that run have them.
    pub ports: bool,
    /// It has a terminal.
    pub terminal: bool,
}

/// How it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttendedContainer {
    /// The container.
    pub create: CreateContainer,
    /// Networks that it is attached to before its start.
    pub connect: Vec<(NetworkId, Endpoint)>,
}

/// Plans the container of a one-off command.
///
/// # Errors
/// What is not there: the service, its image, a network, a volume, a file, whom it shares with.
pub fn attended(
    input: &PlanInput<'_>,
    desired: &DesiredProject,
    service: &ServiceName,
    wish: &Attended,
) -> Result<AttendedContainer, String> {
    let world = World::new(input, desired);
    let view = world.services.iter().find(|view| view.service.name == *service);
    let view = view.ok_or_else(|| format!("{} has no service `{service}`", desired.name))?;
    let (Some(image_id), Some(revision)) = (view.image_id().cloned(), view.revision()) else {
        return Err(format!("the image {} is not there yet", view.service.image));
    };
    let mut config = config(&world, view, wish)?;
    rotate(input, &mut config);
    let connect = connects(&world, &config)?;
    let create = CreateContainer {
        replica: ReplicaId::new(service.clone(), 0),
        name: ContainerName::new(format!("{}-{service}-run-{}", desired.name, wish.slug)),
        image: view.service.image.clone(),
        labels: labels(&world, view, &image_id, wish),
        image_id,
        primary_network: primary_network(&config),
        dns_names: Vec::new(),
        config,
        revision,
    };
    Ok(AttendedContainer { create, connect })
}

fn labels(
    world: &World<'_>,
    view: &ServiceView<'_>,
    image: &ImageId,
    wish: &Attended,
) -> BTreeMap<String, String> {
    let (desired, policy) = (world.desired, world.input.policy);
    names::one_off_labels(desired, view.service, (image, &wish.slug), policy)
}

/// The service's configuration as the person wants it, without what only one container can have.
fn config(
    world: &World<'_>,
    view: &ServiceView<'_>,
    wish: &Attended,
) -> Result<ContainerConfig, String> {
    let mut config = beside(world, view).map_err(|waiting| waiting.to_string())?;
    for mount in config.mounts.values() {
        if let MountSource::Volume { name, .. } = &mount.source
            && !world.input.observed.volumes.contains_key(name)
        {
            return Err(format!("the volume {name} is not there yet"));
        }
    }
    config.mac_address = None;
    for endpoint in config.endpoints.values_mut() {
        // Names lead to replicas; addresses are theirs.
        endpoint.aliases.clear();
        (endpoint.ipv4_address, endpoint.ipv6_address) = (None, None);
        endpoint.link_local_ips.clear();
        endpoint.mac_address = None;
    }
    if !wish.ports {
        config.ports.clear();
    }
    (config.tty, config.stdin_open) = (wish.terminal, true);
    if wish.entrypoint.is_some() {
        config.entrypoint.clone_from(&wish.entrypoint);
        // The service's command was written for the service's entrypoint.
        config.command = Some(Vec::new());
    }
    if wish.command.is_some() {
        config.command.clone_from(&wish.command);
    }
    let more = wish.environment.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
    config.environment.extend(more);
    config.user = wish.user.clone().or(config.user);
    config.working_dir = wish.working_dir.clone().or(config.working_dir);
    Ok(config)
}

/// Its networks, all of which have to be there, without those that go into the create.
fn connects(
    world: &World<'_>,
    config: &ContainerConfig,
) -> Result<Vec<(NetworkId, Endpoint)>, String> {
    let primary = config.primary_network();
    let later = world.input.observed.engine.api < SEVERAL_ENDPOINTS;
    let mut connect = Vec::new();
    for (name, endpoint) in &config.endpoints {
        let network = elect(world.input, name);
        let network = network.ok_or_else(|| format!("the network {name} is not there yet"))?;
        if later && Some(name) != primary {
            connect.push((network.id.clone(), endpoint.clone()));
        }
    }
    Ok(connect)
}
