//! Changes that a container takes while it runs: limits, restart policy, networks.

use std::collections::BTreeSet;

use crate::model::config::Endpoint;
use crate::model::field::{FieldChange, FieldClass};
use crate::model::observed::{ObservedContainer, ObservedEndpoint};
use crate::model::plan::{Action, ContainerRef, NetworkRef, NodeId};
use crate::model::reason::Reason;
use crate::planner::conformity::wanted_config;
use crate::planner::create::dns_names;
use crate::planner::draft::{Draft, Place};
use crate::planner::drift::conflict;
use crate::planner::links;
use crate::planner::own;
use crate::planner::slot::SlotContext;

/// Plans the live changes of one container; returns the nodes that a start of it has to wait for.
pub fn plan_live(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    container: &ObservedContainer,
    changes: &[FieldChange],
) -> Vec<NodeId> {
    let reason = Reason::Drift(changes.to_vec());
    if let Some((waiting, until)) = conflict(context, &reason) {
        draft.hold(context.subject(), waiting, until);
        return Vec::new();
    }
    let live: Vec<FieldChange> =
        changes.iter().filter(|change| change.class == FieldClass::Live).cloned().collect();
    let mut nodes = Vec::new();
    if !live.is_empty() {
        nodes.extend(update(context, draft, container, live));
    }
    let attached = planted!("detached-stays", changes, &[]);
    nodes.extend(plan_networks(context, draft, container, attached));
    nodes
}

/// New attachments first, then what is no longer wanted, so that a container is never without a network in between; none
/// of it while a wanted network is not there.
fn plan_networks(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    container: &ObservedContainer,
    changes: &[FieldChange],
) -> Vec<NodeId> {
    let names = changes.iter().filter_map(|change| change.field.strip_prefix("networks."));
    let declared = |name: &str| context.view.service.config.endpoints.contains_key(name);
    let (wanted, unwanted): (BTreeSet<&str>, BTreeSet<&str>) =
        names.partition(|name| declared(name));
    if wanted.iter().any(|name| !context.grounds.networks.contains_key(*name)) {
        return Vec::new();
    }
    let mut nodes = Vec::new();
    for name in wanted.into_iter().chain(unwanted) {
        let change =
            changes.iter().filter(|change| change.field.strip_prefix("networks.") == Some(name));
        let after = if declared(name) { Vec::new() } else { nodes.clone() };
        let what = (name, change.cloned().collect(), after);
        nodes.extend(attach(context, draft, container, what));
    }
    nodes
}

fn update(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    container: &ObservedContainer,
    changes: Vec<FieldChange>,
) -> Option<NodeId> {
    let looks = (context.world.input, &context.world.owners);
    let revision = context.view.revision();
    let is_own = revision.is_some() && container.claim.revision == revision;
    let service = (context.view.service, is_own);
    let wanted = wanted_config(looks, service, container, context.view.image?);
    let touched = changes.iter().any(|change| change.field.starts_with("resources"));
    let limits = planted!("limits-are-forgotten", touched, false);
    let policy = changes.iter().any(|change| change.field == "restart");
    let action = Action::UpdateContainer {
        container: container.id.clone(),
        name: container.name.clone(),
        resources: limits.then(|| Box::new(wanted.resources)),
        restart: planted!("policy-is-forgotten", policy, false).then_some(wanted.restart),
    };
    let place = Place { subject: &context.subject(), after: Vec::new() };
    draft.push(place, action, Reason::Drift(changes))
}

/// Attaches, detaches, or both: an alias or address can only be changed by attaching anew.
fn attach(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    container: &ObservedContainer,
    (name, changes, after): (&str, Vec<FieldChange>, Vec<NodeId>),
) -> Vec<NodeId> {
    let subject = context.subject();
    let reason = Reason::Drift(changes);
    let mut nodes = Vec::new();
    let attached = container.detail.known().and_then(|detail| detail.endpoints.get(name));
    let declared = links::endpoints(context.world, context.view.service);
    let declared = declared.get(name);
    let made = context.grounds.networks.get(name);
    if attached.is_some()
        && made.is_some_and(|made| matches!(made.network, NetworkRef::CreatedBy(_)))
    {
        // The network is made anew: it is detached for that, and `reattach` does the rest.
        return nodes;
    }
    // A network that is gone cannot be named to the engine; a new attachment takes the place of the old one.
    let networks = &context.world.input.observed.networks;
    let gone = |endpoint: &ObservedEndpoint| {
        declared.is_some() && !networks.iter().any(|network| network.id == endpoint.network)
    };
    if let Some(endpoint) = attached.filter(|endpoint| !gone(endpoint)) {
        let action = Action::DisconnectNetwork {
            container: container.id.clone(),
            container_name: container.name.clone(),
            network: endpoint.network.clone(),
            name: name.to_owned(),
        };
        let place = Place { subject: &subject, after };
        nodes.extend(draft.push(place, action, reason.clone()));
    }
    if let Some(endpoint) = declared {
        let Some((network, mut after)) = network(context, name) else {
            return nodes;
        };
        after.extend(nodes.iter().copied());
        let action = connect(context, container, (name, network), endpoint);
        nodes.extend(draft.push(Place { subject: &subject, after }, action, reason));
    }
    nodes
}

fn network(context: SlotContext<'_, '_>, name: &str) -> Option<(NetworkRef, Vec<NodeId>)> {
    let attachable = context.grounds.networks.get(name)?;
    Some((attachable.network.clone(), attachable.after.clone()))
}

fn connect(
    context: SlotContext<'_, '_>,
    container: &ObservedContainer,
    (name, network): (&str, NetworkRef),
    endpoint: &Endpoint,
) -> Action {
    Action::ConnectNetwork {
        container: ContainerRef::Existing(container.id.clone()),
        container_name: container.name.clone(),
        network,
        name: name.to_owned(),
        endpoint: Box::new(endpoint.clone()),
        dns_names: dns_names(context.world, context.view, context.slot),
    }
}

/// Attaches containers again whose network this plan makes anew: they do not differ yet, but will.
pub fn reattach(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    container: &ObservedContainer,
) -> Vec<NodeId> {
    let detail = container.detail.known();
    let detail = detail.filter(|_| !own::is_own(context.world.input, container));
    let Some(detail) = detail else {
        return Vec::new();
    };
    let mut nodes = Vec::new();
    for (name, endpoint) in &links::endpoints(context.world, context.view.service) {
        let made = context.grounds.networks.get(name);
        let made = made.filter(|made| matches!(made.network, NetworkRef::CreatedBy(_)));
        let Some(made) = made.filter(|_| detail.endpoints.contains_key(name)) else {
            continue;
        };
        let action = connect(context, container, (name, made.network.clone()), endpoint);
        let place = Place { subject: &context.subject(), after: made.after.clone() };
        nodes.extend(draft.push(place, action, Reason::NetworkChanged { network: name.clone() }));
    }
    nodes
}
