//! Creating a container, and everything that has to be there first.

use crate::model::config::{ContainerConfig, MountSource, RestartPolicy};
use crate::model::desired::BindState;
use crate::model::feature::{Lack, SEVERAL_ENDPOINTS, lacking};
use crate::model::held::{Subject, WaitingOn};
use crate::model::id::{ContainerId, ContainerName};
use crate::model::observed::ObservedContainer;
use crate::model::path::HostPath;
use crate::model::plan::{Action, ContainerRef, CreateContainer, NodeId};
use crate::model::reason::Reason;
use crate::planner::before_checks;
use crate::planner::content;
use crate::planner::draft::{Draft, Place};
use crate::planner::images::{ImageVerdict, ImageVerdicts};
use crate::planner::networks::Networks;
use crate::planner::volumes::Volumes;
use crate::planner::world::{ServiceView, Slot, World};
use crate::planner::{joined, links, names, own};

/// What containers are built upon, as far as this plan brings it.
#[derive(Debug)]
pub struct Grounds {
    /// Networks.
    pub networks: Networks,
    /// Volumes.
    pub volumes: Volumes,
    /// Images.
    pub images: ImageVerdicts,
}

/// A container that this plan creates.
#[derive(Debug)]
pub struct Created {
    /// The node that creates it.
    pub node: NodeId,
    /// All nodes that must succeed before its start: create and connects.
    pub ready: Vec<NodeId>,
}

/// The configuration with what only this host knows: owners by id, places of files, links, inherited volumes.
fn final_config(
    world: &World<'_>,
    view: &ServiceView<'_>,
    predecessor: Option<&ObservedContainer>,
) -> Result<ContainerConfig, WaitingOn> {
    let config = joined::config(view.service.config.clone(), world.directory())?;
    let mut config = content::placed(config, world.input.facts);
    own::lend_ports(world.input, &mut config, (view.service.name.as_str(), None));
    links::add(world, view.service, &mut config);
    let donor = predecessor.or_else(|| joined::keeper(world, &view.service.name));
    Ok(inherit_anonymous(world, config, view, donor))
}

/// The configuration of a container beside the replicas, which ends by itself: a run of a schedule, a command of a person.
///
/// # Errors
/// What it waits for.
pub fn beside(world: &World<'_>, view: &ServiceView<'_>) -> Result<ContainerConfig, WaitingOn> {
    let (service, facts) = (view.service, world.input.facts);
    let missing = bind_missing(world, view).or_else(|| content::unwritten(service, facts));
    if let Some(waiting) = missing {
        return Err(waiting);
    }
    let config = joined::config(service.config.clone(), world.directory())?;
    let mut config = content::placed(config, facts);
    links::add(world, service, &mut config);
    config.restart = RestartPolicy::No;
    Ok(config)
}

/// Plans the container of a slot under `name`. `None`: something it needs is not there; the hold says what.
pub fn create(
    (world, grounds): (&World<'_>, &Grounds),
    draft: &mut Draft<'_>,
    (view, slot): (&ServiceView<'_>, &Slot<'_>),
    name: &ContainerName,
    predecessor: Option<&ObservedContainer>,
    reason: &Reason,
) -> Option<Created> {
    let subject = Subject::Replica(slot.replica.clone());
    let image_id = view.image_id().filter(|_| are_usable(grounds, view))?.clone();
    let revision = view.revision().filter(|_| before_checks::let_through(world, view))?;
    if let Some(waiting) = obstacle(world, view, (name, slot)) {
        draft.hold(subject, waiting, None);
        return None;
    }
    if is_refused(world, view) {
        return None;
    }
    let after = foundations(grounds, &view.service.config)?;
    let config = match final_config(world, view, predecessor) {
        Ok(config) => config,
        Err(waiting) => {
            draft.hold(subject, waiting, None);
            return None;
        }
    };
    let primary = primary_network(&config);
    let policy = world.input.policy;
    let create = CreateContainer {
        replica: slot.replica.clone(),
        name: name.clone(),
        image: view.service.image.clone(),
        labels: names::container_labels(
            world.desired,
            view.service,
            &slot.replica,
            image_id.as_str(),
            &revision,
            (&joined::hash(view.service, &world.owners), policy),
        ),
        image_id,
        primary_network: primary.clone(),
        dns_names: dns_names(world, view, slot),
        config,
        revision,
    };
    let container_name = create.name.clone();
    let action = Action::CreateContainer(Box::new(create));
    let node = draft.push(Place { subject: &subject, after }, action, reason.clone())?;
    let mut ready = vec![node];
    if world.input.observed.engine.api < SEVERAL_ENDPOINTS {
        let dns_names = dns_names(world, view, slot);
        let endpoints = links::endpoints(world, view.service);
        let rest = endpoints.iter().filter(|(name, _)| Some(*name) != primary.as_ref());
        for (name, endpoint) in rest {
            let action = Action::ConnectNetwork {
                container: ContainerRef::CreatedBy(node),
                container_name: container_name.clone(),
                network: grounds.networks.get(name)?.network.clone(),
                name: name.clone(),
                endpoint: Box::new(endpoint.clone()),
                dns_names: dns_names.clone(),
            };
            let place = Place { subject: &subject, after: vec![node] };
            ready.push(draft.push(place, action, reason.clone())?);
        }
    }
    Some(Created { node, ready })
}

/// Whether the images that it runs and mounts may be used.
pub fn are_usable(grounds: &Grounds, view: &ServiceView<'_>) -> bool {
    let mut images = view.service.images();
    images.all(|image| grounds.images.get(image) == Some(&ImageVerdict::Usable))
}

/// What is in the way of a create, beside what this plan brings.
fn obstacle(
    world: &World<'_>,
    view: &ServiceView<'_>,
    (name, slot): (&ContainerName, &Slot<'_>),
) -> Option<WaitingOn> {
    name_holder(world, name, slot)
        .or_else(|| bind_missing(world, view))
        .or_else(|| link_missing(world, view))
        .or_else(|| content::unwritten(view.service, world.input.facts))
}

/// Nodes that make the networks and volumes of `config`; `None` if one of them is blocked.
pub fn foundations(grounds: &Grounds, config: &ContainerConfig) -> Option<Vec<NodeId>> {
    let mut after = Vec::new();
    for name in config.endpoints.keys() {
        after.extend(grounds.networks.get(name)?.after.iter().copied());
    }
    for mount in config.mounts.values() {
        if let MountSource::Volume { name, .. } = &mount.source {
            after.extend(grounds.volumes.get(name)?.iter().copied());
        }
    }
    after.sort_unstable();
    after.dedup();
    Some(after)
}

/// Names by which a replica is found on each of its networks, beside declared aliases.
pub fn dns_names(world: &World<'_>, view: &ServiceView<'_>, slot: &Slot<'_>) -> Vec<String> {
    let name = names::container_name(world.desired, view.service, slot.replica.number);
    vec![name.to_string(), view.service.name.to_string()]
}

/// Highest priority first, then by name (Compose Specification, networks.priority).
pub fn primary_network(config: &ContainerConfig) -> Option<String> {
    config.primary_network().cloned()
}

/// Anonymous volumes are inherited by destination, so that a replacement loses no data (invariant 5). What comes from a
/// container that the successor takes its volumes from goes on coming from there.
fn inherit_anonymous(
    world: &World<'_>,
    mut config: ContainerConfig,
    view: &ServiceView<'_>,
    predecessor: Option<&ObservedContainer>,
) -> ContainerConfig {
    let Some(detail) = predecessor.and_then(|container| container.detail.known()) else {
        return config;
    };
    let image_volumes = view.image.into_iter().flat_map(|image| image.volumes.iter());
    let declared = config.mounts.iter().filter(|(_, mount)| mount.source == MountSource::Anonymous);
    let declared: Vec<String> = declared.map(|(target, _)| target.clone()).collect();
    let undeclared = image_volumes.filter(|target| {
        !config.mounts.contains_key(*target) && !joined::is_given(world, &config, target)
    });
    let targets: Vec<String> = undeclared.cloned().chain(declared).collect();
    for target in targets {
        let Some(volume) = detail.volumes.get(&target) else {
            continue;
        };
        let read_only = config.mounts.get(&target).is_some_and(|mount| mount.read_only);
        config.mounts.insert(target, joined::inherited(volume, read_only));
    }
    config
}

/// A container that holds the wanted name and is no part of this slot.
fn name_holder(world: &World<'_>, name: &ContainerName, slot: &Slot<'_>) -> Option<WaitingOn> {
    let holder = world.input.host.names.get(name)?;
    let own =
        |id: &ContainerId| slot.current.iter().chain(&slot.old).any(|one| one.container.id == *id);
    (!own(&holder.container)).then(|| WaitingOn::NameHeldByUnmanaged { name: name.clone() })
}

/// Whether the engine is too old for something without which the container would see other data or another network than it
/// should. The hold of the service says what.
fn is_refused(world: &World<'_>, view: &ServiceView<'_>) -> bool {
    let mut lacking = lacking(&view.service.config, world.input.observed.engine.api);
    lacking.any(|feature| feature.lack == Lack::Refused)
}

/// A linked container that is not there: the engine would refuse the start. Manifests may also tell an id.
fn link_missing(world: &World<'_>, view: &ServiceView<'_>) -> Option<WaitingOn> {
    let names = &world.input.host.names;
    let known = |target: &str| {
        names.contains_key(&ContainerName::new(target))
            || names.values().any(|holder| holder.container.as_str().starts_with(target))
    };
    let mut links = view.service.config.external_links.iter();
    links.find_map(|link| {
        let target = link.split(':').next().unwrap_or_default();
        (!known(target)).then(|| WaitingOn::LinkedContainerMissing(ContainerName::new(target)))
    })
}

/// A missing bind source that looks like a file would become a root-owned directory: it is held instead.
pub fn bind_missing(world: &World<'_>, view: &ServiceView<'_>) -> Option<WaitingOn> {
    view.service.config.mounts.values().find_map(|mount| {
        let MountSource::Bind { source, create_host_path, .. } = &mount.source else {
            return None;
        };
        let missing = world.input.facts.binds.get(source) == Some(&BindState::Missing);
        (missing && (looks_like_file(source) || !create_host_path))
            .then(|| WaitingOn::BindSourceMissing(source.display().to_string()))
    })
}

fn looks_like_file(path: &HostPath) -> bool {
    path.as_path().extension().is_some()
}
