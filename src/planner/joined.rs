//! What containers share with other containers. Manifests name the other one, the engine keeps its id: a container that
//! took its place has another id, and the namespace or the mounts of the old one are gone with it.

use crate::model::config::{ContainerConfig, Mount, MountSource};
use crate::model::desired::DesiredService;
use crate::model::held::WaitingOn;
use crate::model::id::{ContainerId, ContainerName, ServiceName};
use crate::model::join::{Namespace, Owner, VolumesFrom};
use crate::model::observed::{HostView, Lifecycle, ObservedContainer};
use crate::model::plan::NodeId;
use crate::model::reason::Reason;
use crate::planner::draft::Draft;
use crate::planner::owners::{Owners, Seat, Standing};
use crate::planner::world::World;

/// Where the names of others are looked up.
#[derive(Clone, Copy, Debug)]
pub struct Directory<'a> {
    /// Services of the project.
    pub owners: &'a Owners<'a>,
    /// Everything else.
    pub host: &'a HostView,
}

impl Directory<'_> {
    /// `wanted` in the words of the engine, where `seen` is what it shows. What cannot be told is taken as seen.
    fn resolved(&self, wanted: &Owner, seen: Option<&str>) -> Owner {
        let as_seen = || Owner::Container(seen.unwrap_or_default().to_owned());
        match wanted {
            Owner::Service(name) => match (self.owners.seat(name), seen) {
                (Seat::Taken(container, _), _) => Owner::Container(container.id.to_string()),
                (Seat::Unclear, Some(_)) => as_seen(),
                (Seat::Unclear | Seat::Empty, _) => wanted.clone(),
            },
            Owner::Container(name) if seen == Some(name) => wanted.clone(),
            Owner::Container(name) => match self.host.names.get(&ContainerName::new(name.as_str()))
            {
                Some(holder) => Owner::Container(holder.container.to_string()),
                // Manifests may also tell the beginning of an id.
                None if seen.is_some_and(|seen| seen.starts_with(name)) => as_seen(),
                None => wanted.clone(),
            },
        }
    }

    /// The id for a container that is to be created now.
    fn id(&self, owner: &Owner) -> Result<Owner, WaitingOn> {
        match owner {
            Owner::Service(name) => match self.owners.seat(name) {
                Seat::Taken(container, Standing::Stays) => {
                    Ok(Owner::Container(container.id.to_string()))
                }
                Seat::Taken(_, Standing::Goes) => Err(not_yet(name, "created", "being replaced")),
                Seat::Unclear => Err(not_yet(name, "created", "not known")),
                Seat::Empty => Err(not_yet(name, "created", "not created")),
            },
            Owner::Container(name) => {
                let names = &self.host.names;
                let holder = names.get(&ContainerName::new(name.as_str()));
                let begins = || names.values().find(|one| one.container.as_str().starts_with(name));
                let holder = holder.or_else(begins);
                let missing =
                    || WaitingOn::LinkedContainerMissing(ContainerName::new(name.as_str()));
                Ok(Owner::Container(holder.ok_or_else(missing)?.container.to_string()))
            }
        }
    }
}

fn not_yet(service: &ServiceName, condition: &str, actual: &str) -> WaitingOn {
    WaitingOn::Dependency {
        service: service.clone(),
        condition: condition.to_owned(),
        actual: actual.to_owned(),
    }
}

/// Writes what `wanted` shares in the engine's words, as far as `seen` does so too.
pub fn resolve(
    wanted: &mut ContainerConfig,
    seen: &ContainerConfig,
    service: &DesiredService,
    directory: Directory<'_>,
) {
    for namespace in Namespace::ALL {
        let Some(owner) = namespace.owner(wanted) else { continue };
        if let Some(Owner::Container(seen)) = namespace.owner(seen) {
            namespace.join(wanted, &directory.resolved(&owner, Some(&seen)));
        }
    }
    for (at, wanted) in wanted.volumes_from.iter_mut().enumerate() {
        let seen = seen.volumes_from.get(at).map(|seen| &seen.from);
        if let Some(Owner::Container(seen)) = seen {
            wanted.from = directory.resolved(&wanted.from, Some(seen));
        }
    }
    if !wanted.volumes_from.is_empty() {
        mounts(wanted, seen, service);
    }
}

/// Volumes of others are shown as the container's own, and take the place of those that its image asks for. They change
/// with their owner only, so that they need no comparison.
fn mounts(wanted: &mut ContainerConfig, seen: &ContainerConfig, service: &DesiredService) {
    let declared = |target: &String| {
        let mut targets = service.config.mounts.keys();
        targets.any(|one| one.trim_end_matches('/') == target.trim_end_matches('/'))
    };
    wanted.mounts.retain(|target, _| declared(target));
    let others = seen
        .mounts
        .iter()
        .filter(|(target, mount)| mount.source == MountSource::Anonymous && !declared(target));
    wanted.mounts.extend(others.map(|(target, mount)| (target.clone(), mount.clone())));
}

/// Whether a container made from this very version shares with a container whose place another one took.
pub fn replaced_owner(
    service: &DesiredService,
    seen: &ContainerConfig,
    directory: Directory<'_>,
) -> Option<Reason> {
    let namespaces = Namespace::ALL.into_iter().filter_map(|namespace| {
        let pair = (namespace.owner(&service.config)?, namespace.owner(seen)?);
        Some((namespace.attribute(), pair))
    });
    let volumes = service.config.volumes_from.iter().zip(&seen.volumes_from);
    let volumes =
        volumes.map(|(wanted, seen)| ("volumes_from", (wanted.from.clone(), seen.from.clone())));
    namespaces.chain(volumes).find_map(|(attribute, (wanted, seen))| {
        let Owner::Container(old) = &seen else { return None };
        let new = directory.resolved(&wanted, Some(old));
        (new != seen).then(|| Reason::OwnerReplaced {
            attribute: attribute.to_owned(),
            owner: wanted.to_string(),
            old: old.clone(),
            new: match new {
                Owner::Container(id) if new_is_id(&wanted, &id) => Some(id),
                _ => None,
            },
        })
    })
}

/// A name that nobody holds stands for itself.
fn new_is_id(wanted: &Owner, id: &str) -> bool {
    *wanted != Owner::Container(id.to_owned())
}

/// `config` with the ids of those that it shares with, for a create.
///
/// # Errors
/// Who is waited for.
pub fn config(
    mut config: ContainerConfig,
    directory: Directory<'_>,
) -> Result<ContainerConfig, WaitingOn> {
    namespaces(&mut config, directory)?;
    for VolumesFrom { from, .. } in &mut config.volumes_from {
        *from = directory.id(from)?;
    }
    Ok(config)
}

/// As [`config`], for the namespaces alone.
///
/// # Errors
/// Who is waited for.
pub fn namespaces(config: &mut ContainerConfig, directory: Directory<'_>) -> Result<(), WaitingOn> {
    for namespace in Namespace::ALL {
        if let Some(owner) = namespace.owner(config) {
            namespace.join(config, &directory.id(&owner)?);
        }
    }
    Ok(())
}

/// The ids of the containers whose namespaces `config` shares.
fn namespaces_of(config: &ContainerConfig) -> impl Iterator<Item = ContainerId> + '_ {
    Namespace::ALL.into_iter().filter_map(|namespace| match namespace.owner(config)? {
        Owner::Container(id) => Some(ContainerId::new(id)),
        Owner::Service(_) => None,
    })
}

/// Starts of this plan that a container of this configuration has to wait for: the engine lets nobody join a namespace
/// without a process.
///
/// # Errors
/// Whose start is waited for.
pub fn before_start(
    world: &World<'_>,
    draft: &Draft<'_>,
    config: &ContainerConfig,
) -> Result<Vec<NodeId>, WaitingOn> {
    let mut after = Vec::new();
    for id in namespaces_of(config) {
        let Some(owner) = world.input.observed.containers.iter().find(|one| one.id == id) else {
            let listed = world.input.host.names.values().any(|one| one.container == id);
            if listed {
                continue;
            }
            return Err(WaitingOn::LinkedContainerMissing(ContainerName::new(id.short())));
        };
        match (&owner.lifecycle, draft.start_of(&id)) {
            (Lifecycle::Running { .. } | Lifecycle::Paused { .. }, _) => {}
            (_, Some(start)) => after.push(start),
            (other, None) => {
                let service = owner.claim.service.clone();
                let service = service.unwrap_or_else(|| ServiceName::new(owner.name.as_str()));
                return Err(not_yet(&service, "started", other.word()));
            }
        }
    }
    Ok(after)
}

/// The owner of a namespace that runs since later than `container`: the namespace which `container` is in went with the
/// run before.
pub fn restarted_owner(world: &World<'_>, container: &ObservedContainer) -> Option<ContainerName> {
    let Lifecycle::Running { started_at } = container.lifecycle else {
        return None;
    };
    let detail = container.detail.known()?;
    namespaces_of(&detail.config).find_map(|id| {
        let inside = world.input.observed.containers.iter().find(|one| one.id == id);
        let owner = inside.or_else(|| world.input.host.outside.get(&id))?;
        let Lifecycle::Running { started_at: since } = owner.lifecycle else {
            return None;
        };
        (since > started_at).then(|| owner.name.clone())
    })
}

/// The command line's hash for the label of a container that is created now.
pub fn hash(service: &DesiredService, owners: &Owners<'_>) -> String {
    service.compose_hash.with(|name| owners.id(name).map(ToString::to_string).unwrap_or_default())
}

/// Whether a container that `config` takes all mounts of has one at `target`.
pub fn is_given(world: &World<'_>, config: &ContainerConfig, target: &str) -> bool {
    config.volumes_from.iter().any(|one| {
        let Owner::Container(id) = &one.from else { return false };
        let id = ContainerId::new(id.as_str());
        let inside = world.input.observed.containers.iter().find(|one| one.id == id);
        let giver = inside.or_else(|| world.input.host.outside.get(&id));
        giver.and_then(|giver| giver.detail.known()).is_some_and(|detail| {
            detail.volumes.contains_key(target) || detail.config.mounts.contains_key(target)
        })
    })
}

/// A container that has the volumes of `service` by `volumes_from`: when that one is gone, they are found with it.
pub fn keeper<'a>(world: &World<'a>, service: &ServiceName) -> Option<&'a ObservedContainer> {
    let takes = |one: &VolumesFrom| one.from.service() == Some(service);
    let views = world.services.iter();
    let sharers = views.filter(|view| view.service.config.volumes_from.iter().any(takes));
    let mut containers = sharers
        .flat_map(|view| view.slots.iter().filter_map(|slot| slot.current.as_ref()))
        .map(|judged| judged.container);
    containers
        .find(|one| one.detail.known().is_some_and(|detail| !detail.config.volumes_from.is_empty()))
}

/// Whether a service that ran to its end is needed once more, because a container that is to be made shares with it.
pub fn is_needed(world: &World<'_>, service: &ServiceName) -> bool {
    world.services.iter().any(|view| {
        let config = &view.service.config;
        let volumes = config.volumes_from.iter().map(|one| one.from.clone());
        let namespaces = Namespace::ALL.into_iter().filter_map(|one| one.owner(config));
        let mut owners = volumes.chain(namespaces);
        let record = |slot: &crate::planner::world::Slot<'_>| {
            world.input.ledger.replicas.get(&slot.replica.to_string()).cloned()
        };
        owners.any(|owner| owner.service() == Some(service))
            && view.slots.iter().any(|slot| match &slot.current {
                Some(judged) => !judged.conformity.keeps(),
                None => !view.completed(record(slot).as_ref()),
            })
    })
}

/// A mount that nobody declared, for a volume that is there already.
pub fn inherited(volume: &str, read_only: bool) -> Mount {
    let source = MountSource::Volume { name: volume.to_owned(), nocopy: false, subpath: None };
    Mount { source, read_only }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::NetworkMode;
    use crate::model::observed::NameHolder;

    fn host() -> HostView {
        let holder =
            NameHolder { container: ContainerId::new("aa11"), project: None, installation: None };
        let mut host = HostView::default();
        host.names.insert(ContainerName::new("vpn"), holder);
        host
    }

    fn resolved(wanted: &str, seen: &str) -> String {
        let (host, owners) = (host(), Owners::default());
        let directory = Directory { owners: &owners, host: &host };
        match (Owner::of_mode(wanted), Owner::of_mode(seen)) {
            (Some(wanted), Some(Owner::Container(seen))) => {
                directory.resolved(&wanted, Some(&seen)).to_string()
            }
            _ => wanted.to_owned(),
        }
    }

    #[test]
    fn a_name_is_compared_as_the_id_behind_it() {
        let same = "container:aa11";
        assert_eq!(resolved("container:vpn", "container:aa11"), same);
        assert_eq!(resolved("container:aa1", "container:aa11"), same, "the beginning of an id");
        assert_eq!(resolved("container:vpn", "container:bb22"), same, "another one holds the name");
        assert_eq!(resolved("container:gone", "container:aa11"), "container:gone", "nobody");
        let unresolved = resolved("container:vpn", "container:vpn");
        assert_eq!(unresolved, "container:vpn", "an engine that shows the name");
        assert_eq!(resolved("service:x", "container:aa11"), "service:x", "no container of x");
        assert_eq!(resolved("host", "container:aa11"), "host");
    }

    #[test]
    fn a_create_has_ids_only() {
        let (host, owners) = (host(), Owners::default());
        let directory = Directory { owners: &owners, host: &host };
        let of = |mode: &str| {
            let network_mode = NetworkMode::Other(mode.to_owned());
            config(ContainerConfig { network_mode, ..ContainerConfig::default() }, directory)
        };
        let joined = of("container:vpn").unwrap().network_mode;
        assert_eq!(joined, NetworkMode::Other("container:aa11".to_owned()));
        let missing = WaitingOn::LinkedContainerMissing(ContainerName::new("gone"));
        assert_eq!(of("container:gone").unwrap_err(), missing);
        let waits = of("service:x").unwrap_err();
        assert_eq!(waits.to_string(), "x to be created; it is not created");
    }
}
