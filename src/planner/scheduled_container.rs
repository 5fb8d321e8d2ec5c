//! The container of one run of a schedule: the service's own spec under a name and labels of its own.

use crate::model::feature::SEVERAL_ENDPOINTS;
use crate::model::held::Subject;
use crate::model::id::{ContainerName, ReplicaId};
use crate::model::plan::{Action, ContainerRef, CreateContainer, StartBudget};
use crate::model::reason::Reason;
use crate::model::schedule::ScheduledStep;
use crate::model::time::Timestamp;
use crate::planner::create::{Grounds, are_usable, beside, foundations, primary_network};
use crate::planner::draft::{Draft, Place};
use crate::planner::readiness::{Gate, Strictness, gate};
use crate::planner::schedule_runs::Look;
use crate::planner::{joined, names};

/// Creates and starts it.
///
/// # Errors
/// What it waits for.
pub fn begin(
    look: Look<'_, '_>,
    grounds: &Grounds,
    draft: &mut Draft<'_>,
    (due, step): (Timestamp, ScheduledStep),
) -> Result<(), String> {
    let (world, view) = (look.world, look.view);
    let name = names::run_name(world.desired, view.service, due);
    let create = create(look, grounds, (due, &name))?;
    let mut ready = joined::before_start(world, draft, &create.config)
        .map_err(|waiting| waiting.to_string())?;
    if let Gate::Open(nodes) = gate(world, draft, view, Strictness::Serves) {
        ready.extend(nodes);
    }
    let after = foundations(grounds, &create.config)
        .ok_or_else(|| "its networks and volumes".to_owned())?;
    let subject = Subject::Container(name.clone());
    let reason = Reason::Scheduled(step);
    let (endpoints, primary) = (create.config.endpoints.clone(), create.primary_network.clone());
    let action = Action::CreateContainer(Box::new(create));
    let Some(node) = draft.push(Place { subject: &subject, after }, action, reason.clone()) else {
        return Ok(());
    };
    ready.push(node);
    let rest = endpoints.into_iter().filter(|(network, _)| Some(network) != primary.as_ref());
    let old = world.input.observed.engine.api < SEVERAL_ENDPOINTS;
    for (network, endpoint) in rest.filter(|_| old) {
        let Some(known) = grounds.networks.get(&network) else { continue };
        let action = Action::ConnectNetwork {
            container: ContainerRef::CreatedBy(node),
            container_name: name.clone(),
            network: known.network.clone(),
            name: network,
            endpoint: Box::new(endpoint),
            dns_names: Vec::new(),
        };
        let place = Place { subject: &subject, after: vec![node] };
        ready.extend(draft.push(place, action, reason.clone()));
    }
    let container = ContainerRef::CreatedBy(node);
    let action = Action::StartContainer { container, name, budget: StartBudget::Free };
    draft.push(Place { subject: &subject, after: ready }, action, reason);
    Ok(())
}

/// What it is created with.
fn create(
    look: Look<'_, '_>,
    grounds: &Grounds,
    (due, name): (Timestamp, &ContainerName),
) -> Result<CreateContainer, String> {
    let (world, view, input) = (look.world, look.view, look.world.input);
    let service = view.service;
    let image_id = view.image_id().filter(|_| are_usable(grounds, view));
    let (Some(image_id), Some(revision)) = (image_id, view.revision()) else {
        return Err(format!("the image {}", service.image));
    };
    if input.host.names.contains_key(name) {
        return Err(format!("the name {name}, held by a container that is not its own"));
    }
    let config = beside(world, view).map_err(|waiting| waiting.to_string())?;
    Ok(CreateContainer {
        replica: ReplicaId::new(service.name.clone(), 0),
        name: name.clone(),
        image: service.image.clone(),
        labels: names::run_labels(world.desired, service, (image_id, &revision, due), input.policy),
        image_id: image_id.clone(),
        primary_network: primary_network(&config),
        dns_names: Vec::new(),
        config,
        revision,
    })
}
