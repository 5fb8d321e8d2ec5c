//! Networks: created, recreated when their definition changes, removed when nothing wants them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::desired::DesiredNetwork;
use crate::model::feature::network_lacking;
use crate::model::held::{Subject, WaitingOn};
use crate::model::id::ContainerId;
use crate::model::observed::{Lifecycle, ObservedContainer, ObservedNetwork};
use crate::model::plan::{Action, CreateNetwork, NetworkRef, NodeId};
use crate::model::policy_wait::PolicyWait;
use crate::model::reason::Reason;
use crate::planner::before_checks;
use crate::planner::draft::{Draft, Place};
use crate::planner::input::PlanInput;
use crate::planner::names::resource_labels;
use crate::planner::ownership::{Ownership, ownership};
use crate::planner::policy_gate::outside_of_windows;
use crate::planner::revision::network_hash;
use crate::planner::world::World;

/// Networks that containers may be attached to, by real name. A blocked one is absent.
pub type Networks = BTreeMap<String, Attachable>;

/// A network that containers may be attached to.
#[derive(Clone, Debug)]
pub struct Attachable {
    /// The network.
    pub network: NetworkRef,
    /// Nodes that make it.
    pub after: Vec<NodeId>,
}

impl Attachable {
    /// One that is there.
    pub fn existing(network: &ObservedNetwork) -> Self {
        Self { network: NetworkRef::Existing(network.id.clone()), after: Vec::new() }
    }

    /// One that `node` creates.
    pub fn created(node: NodeId) -> Self {
        Self { network: NetworkRef::CreatedBy(node), after: vec![node] }
    }
}

/// Plans every declared network.
pub fn plan_networks(world: &World<'_>, draft: &mut Draft<'_>) -> Networks {
    let mut networks = Networks::new();
    for (key, desired) in &world.desired.networks {
        if let Some(attachable) = plan_network(world, draft, key, desired) {
            networks.insert(desired.name.clone(), attachable);
        }
    }
    networks
}

fn plan_network(
    world: &World<'_>,
    draft: &mut Draft<'_>,
    key: &str,
    desired: &DesiredNetwork,
) -> Option<Attachable> {
    let subject = Subject::Network(desired.name.clone());
    let found = elect(world.input, &desired.name);
    if let Some(violations) = world.input.gate.networks.get(&desired.name) {
        let (violations, place) = (violations.clone(), format!("the network {key}"));
        draft.hold(subject, WaitingOn::Policy(PolicyWait::Denied { violations, place }), None);
        return found.map(Attachable::existing);
    }
    let lacking = network_lacking(&desired.config, world.input.observed.engine.api).next();
    if let Some(feature) = lacking.filter(|_| !desired.external) {
        draft.hold(subject, WaitingOn::RefusedOnEngine(vec![feature.into()]), None);
        return found.map(Attachable::existing);
    }
    let Some(found) = found else {
        if desired.external {
            draft.hold(subject, WaitingOn::ExternalMissing, None);
            return None;
        }
        let node = create(world, draft, (key, desired), Vec::new(), Reason::Missing)?;
        return Some(Attachable::created(node));
    };
    // A network that carries no hash of ours was made by somebody else and is used as it is.
    let changed =
        found.spec_hash.as_ref().is_some_and(|hash| *hash != network_hash(&desired.config));
    if desired.external || !changed {
        return Some(Attachable::existing(found));
    }
    recreate(world, draft, (key, desired), found)
}

/// The network that the project uses: of its own by label before one that only has the name, the most used of equals.
pub fn elect<'a>(input: &PlanInput<'a>, name: &str) -> Option<&'a ObservedNetwork> {
    let named = input.observed.networks.iter().filter(|network| network.name == name);
    named.max_by_key(|network| {
        let own = network.project.as_ref() == Some(input.project);
        (own, network.containers.len(), std::cmp::Reverse(network.id.clone()))
    })
}

fn create(
    world: &World<'_>,
    draft: &mut Draft<'_>,
    (key, desired): (&str, &DesiredNetwork),
    after: Vec<NodeId>,
    reason: Reason,
) -> Option<NodeId> {
    let mut labels = resource_labels(world.desired, "network", key, world.input.policy);
    let hash = network_hash(&desired.config).to_string();
    labels.insert("io.composelet.spec-hash".to_owned(), hash);
    let create =
        CreateNetwork { name: desired.name.clone(), config: desired.config.clone(), labels };
    let subject = Subject::Network(desired.name.clone());
    draft.push(Place { subject: &subject, after }, Action::CreateNetwork(Box::new(create)), reason)
}

/// Detaches everybody, removes, creates, and lets the comparison of endpoints attach them again with aliases and
/// addresses. A stranger on the network stops it all.
fn recreate(
    world: &World<'_>,
    draft: &mut Draft<'_>,
    desired: (&str, &DesiredNetwork),
    found: &ObservedNetwork,
) -> Option<Attachable> {
    let subject = Subject::Network(found.name.clone());
    let reason = Reason::NetworkChanged { network: found.name.clone() };
    if !is_ours(world, found) {
        draft.hold(subject, WaitingOn::ForeignNetwork, None);
        return Some(Attachable::existing(found));
    }
    if let Some(holder) = stranger(world, found) {
        draft.hold(subject, WaitingOn::NetworkInUse { holder }, None);
        return Some(Attachable::existing(found));
    }
    if let Some((waiting, until)) = outside_of_windows(world.input) {
        draft.hold(subject, waiting, until);
        return Some(Attachable::existing(found));
    }
    let attached = attached(world, found);
    let of = |one: &ObservedContainer| Subject::Container(one.name.clone());
    // All or nothing: who is detached and not attached again would be worse off than before.
    let mut subjects = attached.iter().map(|one| of(one)).chain([subject.clone()]);
    if subjects.any(|subject| draft.backs_off(&subject)) {
        return Some(Attachable::existing(found));
    }
    let mut detached = Vec::new();
    for container in attached {
        detached.push(disconnect(draft, container, found, reason.clone())?);
    }
    let remove = Action::RemoveNetwork { network: found.id.clone(), name: found.name.clone() };
    let removed =
        draft.push(Place { subject: &subject, after: detached }, remove, reason.clone())?;
    let node = create(world, draft, desired, vec![removed], reason)?;
    Some(Attachable::created(node))
}

/// A live container on `network` that cannot be detached and attached again: somebody else's, one that is held, one whose
/// state is not known, the one that this controller runs in.
fn stranger(world: &World<'_>, network: &ObservedNetwork) -> Option<String> {
    let free = |id: &ContainerId| {
        let of_service = world.services.iter().filter(|view| !view.is_held(world));
        let judged = of_service.flat_map(|view| &view.slots);
        let mut judged = judged.flat_map(|slot| slot.current.iter().chain(&slot.old));
        let mut leaving =
            world.orphans.iter().chain(world.services.iter().flat_map(|view| &view.surplus));
        let known =
            judged.any(|one| one.container.id == *id && one.container.detail.known().is_some());
        !world.input.host.is_own(id) && (known || leaving.any(|one| one.id == *id))
    };
    let id = network.containers.iter().find(|id| !free(id))?;
    let seen = world.input.observed.containers.iter().find(|one| one.id == *id);
    Some(seen.map_or_else(|| id.short().to_owned(), |one| one.name.to_string()))
}

/// Containers of the project on `network`. The network lists those that live; the others keep its id and need another one
/// as well.
fn attached<'a>(world: &World<'a>, network: &ObservedNetwork) -> Vec<&'a ObservedContainer> {
    let all = world.input.observed.containers.iter();
    let on = all.filter(|one| {
        let endpoints = one.detail.known().map(|detail| &detail.endpoints);
        let refers = endpoints.is_some_and(|all| all.values().any(|end| end.network == network.id));
        let stays = !matches!(one.lifecycle, Lifecycle::Removing | Lifecycle::Dead);
        let policy = world.input.policy;
        let owner = ownership(one, world.input.project, &policy.installation, world.input.ledger);
        let resting = refers && stays && owner == Ownership::Ours;
        network.containers.contains(&one.id) || resting
    });
    on.collect()
}

/// A node that detaches `container` from `network`.
pub fn disconnect(
    draft: &mut Draft<'_>,
    container: &ObservedContainer,
    network: &ObservedNetwork,
    reason: Reason,
) -> Option<NodeId> {
    let subject = Subject::Container(container.name.clone());
    let action = Action::DisconnectNetwork {
        container: container.id.clone(),
        container_name: container.name.clone(),
        network: network.id.clone(),
        name: network.name.clone(),
    };
    draft.push(Place { subject: &subject, after: Vec::new() }, action, reason)
}

/// Whether this installation made it for this project.
pub fn is_ours(world: &World<'_>, network: &ObservedNetwork) -> bool {
    network.installation.as_ref() == Some(&world.input.policy.installation)
        && network.project.as_ref() == Some(&world.desired.name)
}

/// Removes networks of ours that no declared network uses, once nothing is attached to them.
pub fn prune_networks(world: &World<'_>, draft: &mut Draft<'_>) {
    let mut used = BTreeSet::new();
    for desired in world.desired.networks.values() {
        used.extend(elect(world.input, &desired.name).map(|network| &network.id));
    }
    for name in world.services.iter().filter_map(|view| before_checks::network(world, view)) {
        used.extend(elect(world.input, &name).map(|network| &network.id));
    }
    let declared = |name: &String| world.desired.networks.values().any(|one| one.name == *name);
    for network in &world.input.observed.networks {
        let unused = planted!("networks-stay", !used.contains(&network.id), false);
        if is_ours(world, network) && unused {
            let twin = declared(&network.name);
            let reason = if twin { Reason::Leftover } else { Reason::Removed };
            remove_unused(&world.input.observed.containers, draft, network, reason);
        }
    }
}

/// Removes `network` if no live container is attached; otherwise it waits for their end, without a hold of its own.
pub fn remove_unused(
    containers: &[ObservedContainer],
    draft: &mut Draft<'_>,
    network: &ObservedNetwork,
    reason: Reason,
) {
    // A container that does not run is not listed by the network but keeps its attachment; removal needs it gone or detached.
    let attached = containers.iter().any(|container| {
        let gone = matches!(container.lifecycle, Lifecycle::Removing);
        let endpoints = container.detail.known().map(|detail| &detail.endpoints);
        !gone
            && endpoints
                .is_some_and(|all| all.values().any(|endpoint| endpoint.network == network.id))
    });
    if attached || !network.containers.is_empty() {
        return;
    }
    let subject = Subject::Network(network.name.clone());
    let action = Action::RemoveNetwork { network: network.id.clone(), name: network.name.clone() };
    draft.push(Place { subject: &subject, after: Vec::new() }, action, reason);
}
