//! Companions of a check before a rollout (`x-composelet.checks.before[].with`): throw-away copies of other services of the
//! project, on a network of the check's own, with nothing of what the services store.
//!
//! What they may write to is memory: no volume is made that somebody would have to remove (invariant 5).

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::before_check::Reach;
use crate::model::config::{
    ContainerConfig, Endpoint, Mount, MountSource, NetworkMode, RestartPolicy,
};
use crate::model::desired::{DesiredService, NetworkConfig, SourceFacts};
use crate::model::held::{Subject, WaitingOn};
use crate::model::id::{ContainerId, ContainerName, ReplicaId, ServiceName, SpecHash};
use crate::model::join::Namespace;
use crate::model::observed::{ObservedContainer, ObservedImage};
use crate::model::plan::{Action, CreateContainer, CreateNetwork};
use crate::model::reason::Reason;
use crate::planner::create::{Grounds, are_usable, bind_missing};
use crate::planner::draft::{Draft, Place};
use crate::planner::networks::{Attachable, elect, is_ours};
use crate::planner::world::{ServiceView, World};
use crate::planner::{availability, content, names, one_offs, probe};

/// The companions of one try of a check.
#[derive(Debug)]
pub struct Company<'a> {
    /// The service that is checked.
    pub service: &'a DesiredService,
    /// The services that are copied.
    pub with: &'a BTreeSet<ServiceName>,
    /// Whether their network leads anywhere else.
    pub reach: Reach,
    /// After which time one that is not ready has failed.
    pub timeout: Duration,
    /// Name of the check's container; that of the network, and what those of companions begin with.
    pub name: String,
    /// What identifies the try; their label.
    pub hash: SpecHash,
}

impl Company<'_> {
    /// The container of a companion, if it was made.
    fn member<'w>(&self, world: &World<'w>, name: &ServiceName) -> Option<&'w ObservedContainer> {
        let copies = world.companions.iter().copied();
        let copies = copies.filter(|one| one.claim.companion.as_ref() == Some(name));
        one_offs::newest(&copies.collect::<Vec<_>>(), &self.service.name, &self.hash)
    }
}

/// The first companion that ended, or does not get ready, and how.
pub fn failed<'w>(world: &World<'w>, company: &Company<'_>) -> Option<(&'w ContainerId, String)> {
    company.with.iter().find_map(|name| {
        let one = company.member(world, name)?;
        if let Some(end) = one_offs::end(one, company.timeout) {
            let how = end.unwrap_or_else(|| "exit code 0".to_owned());
            return Some((&one.id, format!("its companion {name} ended: {how}")));
        }
        let until = one_offs::deadline(one, company.timeout)?;
        let late = until <= world.input.now && !availability::is_well(world.input.ledger, one);
        let within = company.timeout;
        late.then(|| (&one.id, format!("its companion {name} was not ready within {within:?}")))
    })
}

/// Makes the network and the companions that are missing, and asks those that are there. Gives the network once all of them
/// are ready.
pub fn gather(
    (world, grounds): (&World<'_>, &Grounds),
    draft: &mut Draft<'_>,
    company: &Company<'_>,
    reason: &Reason,
) -> Option<Attachable> {
    let network = network(world, draft, company, reason)?;
    let mut ready = true;
    for name in company.with {
        // One that is not declared is refused by the loader.
        let Some(view) = world.service(name) else { continue };
        match company.member(world, name) {
            Some(one) if availability::is_well(world.input.ledger, one) => continue,
            Some(one) => wait(draft, (name, one), company),
            None => begin((world, grounds), view, draft, (company, &network, reason)),
        }
        ready = false;
    }
    ready.then_some(network)
}

/// Asks a companion whether it is ready, and looks again when its time is over.
fn wait(
    draft: &mut Draft<'_>,
    (name, one): (&ServiceName, &ObservedContainer),
    company: &Company<'_>,
) {
    let by = company.service.name.clone();
    let subject = Subject::Container(one.name.clone());
    if let Some(until) = one_offs::deadline(one, company.timeout) {
        let waiting = WaitingOn::Dependency {
            service: name.clone(),
            condition: "ready".to_owned(),
            actual: "starting".to_owned(),
        };
        draft.hold(subject.clone(), waiting, Some(until));
    }
    probe::ask(draft, one, &subject, Reason::Awaited { by });
}

/// The network of the check. One that somebody else made under its name is not used.
fn network(
    world: &World<'_>,
    draft: &mut Draft<'_>,
    company: &Company<'_>,
    reason: &Reason,
) -> Option<Attachable> {
    let subject = Subject::Network(company.name.clone());
    if let Some(found) = elect(world.input, &company.name) {
        if is_ours(world, found) {
            return Some(Attachable::existing(found));
        }
        draft.hold(subject, WaitingOn::ForeignNetwork, None);
        return None;
    }
    let policy = world.input.policy;
    let create = CreateNetwork {
        name: company.name.clone(),
        config: NetworkConfig {
            internal: company.reach == Reach::Nothing,
            ..NetworkConfig::default()
        },
        labels: names::resource_labels(world.desired, "network", &company.name, policy),
    };
    let place = Place { subject: &subject, after: Vec::new() };
    let node = draft.push(place, Action::CreateNetwork(Box::new(create)), reason.clone())?;
    Some(Attachable::created(node))
}

/// Creates and starts a companion, once its image and the files that it mounts are there.
fn begin(
    (world, grounds): (&World<'_>, &Grounds),
    view: &ServiceView<'_>,
    draft: &mut Draft<'_>,
    (company, network, reason): (&Company<'_>, &Attachable, &Reason),
) {
    let name = ContainerName::new(format!("{}-{}", company.name, view.service.name));
    let subject = Subject::Service(company.service.name.clone());
    let missing =
        bind_missing(world, view).or_else(|| content::unwritten(view.service, world.input.facts));
    if let Some(waiting) = missing {
        return draft.hold(subject, waiting, None);
    }
    if !one_offs::is_free(world, draft, (&name, subject), &world.companions) {
        return;
    }
    let Some(create) = create((world, grounds), view, (company, name)) else {
        return;
    };
    let after = (network.after.clone(), Vec::new());
    one_offs::start(world, draft, create, after, (&|_| None, reason.clone()));
}

fn create(
    (world, grounds): (&World<'_>, &Grounds),
    view: &ServiceView<'_>,
    (company, name): (&Company<'_>, ContainerName),
) -> Option<CreateContainer> {
    let image_id = view.image_id().filter(|_| are_usable(grounds, view))?.clone();
    let revision = view.revision()?;
    let mut labels = names::step_labels(
        world.desired,
        company.service,
        (one_offs::CHECK, &image_id, &revision, &company.hash),
        world.input.policy,
    );
    labels.insert("io.composelet.companion".to_owned(), view.service.name.to_string());
    let mut create = CreateContainer {
        replica: ReplicaId::new(company.service.name.clone(), 0),
        labels,
        name,
        image: view.service.image.clone(),
        image_id,
        primary_network: None,
        dns_names: vec![view.service.name.to_string()],
        config: copy(view.service, view.image, world.input.facts),
        revision,
    };
    join(&mut create, &company.name);
    Some(create)
}

/// Attaches a container that is to be made to the network of the check, and to no other.
pub fn join(create: &mut CreateContainer, network: &str) {
    create.primary_network = Some(network.to_owned());
    create.config.network_mode = NetworkMode::Networks;
    create.config.endpoints = [(network.to_owned(), Endpoint::default())].into();
}

/// That of the service without all by which it is found from outside, shares with others or keeps what it writes. A proxy
/// that reads labels must not send it anybody, so that it has none of the user's.
pub fn copy(
    service: &DesiredService,
    image: Option<&ObservedImage>,
    facts: &SourceFacts,
) -> ContainerConfig {
    let mut config = content::placed(service.config.clone(), facts);
    for namespace in Namespace::ALL {
        if namespace.owner(&config).is_some() {
            namespace.leave(&mut config);
        }
    }
    config.labels.clear();
    config.ports.clear();
    config.volumes_from.clear();
    config.external_links.clear();
    config.volume_labels.clear();
    config.mac_address = None;
    config.restart = RestartPolicy::No;
    let user = config.user.as_deref().or(image.map(|image| image.user.as_str()));
    let owner = user.and_then(numeric);
    for (target, mount) in &mut config.mounts {
        // A single file is configuration, whatever the manifest lets be done with it.
        let is_file = service.files.contains_key(target);
        let kept = matches!(mount.source, MountSource::Bind { .. } | MountSource::Image { .. });
        if kept && (mount.read_only || is_file) {
            mount.read_only = true;
        } else if !matches!(mount.source, MountSource::Tmpfs { .. }) {
            *mount = memory(owner);
        }
    }
    let declared = image.into_iter().flat_map(|image| image.volumes.iter());
    for target in declared {
        config.mounts.entry(target.clone()).or_insert_with(|| memory(owner));
    }
    config
}

/// The user and group of `UID[:GID]`, but root, which may write anywhere.
pub fn numeric(user: &str) -> Option<(u32, u32)> {
    let (user, group) = user.split_once(':').unwrap_or((user, "0"));
    let (user, group) = (user.parse().ok()?, group.parse().ok()?);
    (user != 0).then_some((user, group))
}

/// A directory that the image has keeps its mode when memory is mounted over it (runc before 1.2), and would belong to root:
/// so it belongs to who runs there, as far as the engine can be told without asking the image for a name.
fn memory(owner: Option<(u32, u32)>) -> Mount {
    const MODE: u32 = 0o1777;
    let source = match owner {
        Some((user, group)) => MountSource::Tmpfs {
            size_bytes: None,
            mode: None,
            options: format!("mode={MODE:o},uid={user},gid={group}"),
        },
        None => MountSource::Tmpfs { size_bytes: None, mode: Some(MODE), options: String::new() },
    };
    Mount { source, read_only: false }
}

#[cfg(test)]
mod tests {
    use super::numeric;

    #[test]
    fn only_numbers_own_memory() {
        assert_eq!(numeric("1000"), Some((1000, 0)));
        assert_eq!(numeric("1000:100"), Some((1000, 100)));
        for other in ["", "0", "0:5", "app", "app:1000", "1000:staff"] {
            assert_eq!(numeric(other), None, "{other}");
        }
    }
}
