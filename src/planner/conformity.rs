//! Whether a container is what its service wants.

use crate::model::canonical::canonical;
use crate::model::config::{ContainerConfig, RestartPolicy};
use crate::model::desired::DesiredService;
use crate::model::feature::SEVERAL_ENDPOINTS;
use crate::model::field::{FieldChange, FieldClass, Shown};
use crate::model::id::{ReplicaId, Revision};
use crate::model::observed::{
    ContainerDetail, ImageState, Knowledge, Lifecycle, ObservedContainer, ObservedImage,
};
use crate::model::reason::Reason;
use crate::planner::content;
use crate::planner::data_restore;
use crate::planner::diff::diff;
use crate::planner::expected::expected;
use crate::planner::input::PlanInput;
use crate::planner::joined::{self, Directory};
use crate::planner::links;
use crate::planner::names::container_name;
use crate::planner::networks::elect;
use crate::planner::own;
use crate::planner::owners::Owners;
use crate::planner::verdict::{Illness, illness};

/// Verdict on one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conformity {
    /// As wanted.
    Conforms,
    /// Differs only in what can be changed while it runs.
    Live(Vec<FieldChange>),
    /// Has to be replaced.
    Recreate(Reason),
    /// The engine did not tell enough; nothing is done with it.
    Unknown(String),
    /// A removal is under way or failed.
    Gone,
}

impl Conformity {
    /// It need not be replaced.
    pub fn keeps(&self) -> bool {
        matches!(self, Self::Conforms | Self::Live(_))
    }
}

/// Compares `container` with `service`, field by field, image and content included; `own` is the revision that the service
/// should have, if its image is known.
pub fn conformity(
    (input, owners): (&PlanInput<'_>, &Owners<'_>),
    (service, own): (&DesiredService, Option<&Revision>),
    container: &ObservedContainer,
) -> Conformity {
    if matches!(container.lifecycle, Lifecycle::Removing | Lifecycle::Dead) {
        return Conformity::Gone;
    }
    let detail = match &container.detail {
        Knowledge::Known(detail) => detail,
        Knowledge::Unknown(why) => return Conformity::Unknown(why.clone()),
    };
    // Without its image nothing can be compared; the container goes on as it is.
    let Some(image) = input.observed.images.get(&service.image).and_then(ImageState::present)
    else {
        return Conformity::Conforms;
    };
    if let Some(reason) =
        image_change(container, image).or_else(|| content::recreates(input, service, container))
    {
        return Conformity::Recreate(reason);
    }
    if let Some(reason) = hopeless(input, service, container) {
        return Conformity::Recreate(reason);
    }
    let restarted = input.ledger.rollouts.get(&service.name).and_then(|record| record.restarted);
    if let Some(at) = restarted.filter(|at| container.created_at < *at) {
        return Conformity::Recreate(Reason::RestartRequested { at });
    }
    if data_restore::is_barred(input.ledger, container) {
        return Conformity::Recreate(Reason::GivenUp);
    }
    let directory = Directory { owners, host: input.host };
    let is_own = own.is_some() && container.claim.revision.as_ref() == own;
    if is_own && let Some(reason) = joined::replaced_owner(service, &detail.config, directory) {
        return Conformity::Recreate(reason);
    }
    let wanted = wanted_config((input, owners), (service, is_own), container, image);
    let mut changes = diff(&detail.config, &wanted, input.observed.engine.api, &input.policy.salt);
    changes.extend(astray(input, service, detail, &changes));
    changes.extend(other_address(input, service, detail));
    // Nothing is changed in the own container while it runs, and be it a limit.
    let recreates = changes.iter().any(|change| change.class == FieldClass::Recreate)
        || !changes.is_empty() && own::is_own(input, container);
    if planted!("drift-is-left", recreates, false) {
        Conformity::Recreate(Reason::Drift(changes))
    } else if changes.is_empty() {
        Conformity::Conforms
    } else {
        Conformity::Live(changes)
    }
}

/// Restarts did not make it healthy: the container itself is taken for the cause (DESIGN §5, restart).
fn hopeless(
    input: &PlanInput<'_>,
    service: &DesiredService,
    container: &ObservedContainer,
) -> Option<Reason> {
    let Illness { streak, probe } = illness(input, service, container)?;
    let replica = ReplicaId::new(service.name.clone(), container.claim.number.unwrap_or(1));
    let count = input.ledger.replicas.get(&replica.to_string())?.unhealthy;
    // A fresh container has its restarts again: what heals by neither alone may heal by one after the other.
    let turn = count.checked_rem(input.policy.unhealthy_restarts.saturating_add(1));
    (count > 0 && turn == Some(0)).then_some(Reason::Unhealthy { streak, count, probe })
}

/// Attachments by name to another network than the one in use: a twin of it, or one that was removed. The engine keeps the
/// id and would refuse the start. A container that never ran has no id yet.
fn astray(
    input: &PlanInput<'_>,
    service: &DesiredService,
    detail: &ContainerDetail,
    known: &[FieldChange],
) -> Vec<FieldChange> {
    let wrong = service.config.endpoints.keys().filter(|name| {
        let seen = detail.endpoints.get(*name).map(|endpoint| &endpoint.network);
        let seen = seen.filter(|id| !id.as_str().is_empty());
        let used = elect(input, name).map(|network| &network.id);
        seen.is_some_and(|seen| used.is_some_and(|used| used != seen))
    });
    let wrong = wrong.map(|name| FieldChange {
        field: format!("networks.{name}"),
        class: FieldClass::Attach,
        old: Shown::Text("attached to another network of that name".to_owned()),
        new: Shown::Text("attached".to_owned()),
    });
    wrong.filter(|change| !known.iter().any(|one| one.field == change.field)).collect()
}

/// MAC addresses of other than the primary network that are not the declared ones. Engines take one at create only, so the
/// container is made anew; the primary network's is compared as `mac_address`.
fn other_address(
    input: &PlanInput<'_>,
    service: &DesiredService,
    detail: &ContainerDetail,
) -> Vec<FieldChange> {
    if input.observed.engine.api < SEVERAL_ENDPOINTS {
        return Vec::new();
    }
    let primary = service.config.primary_network();
    let rest = service.config.endpoints.iter().filter(|(name, _)| Some(*name) != primary);
    let changes = rest.filter_map(|(name, endpoint)| {
        let wanted = endpoint.mac_address.as_deref()?;
        let seen = detail.endpoints.get(name)?.mac.as_deref()?;
        (!seen.eq_ignore_ascii_case(wanted)).then(|| FieldChange {
            field: format!("networks.{name}.mac_address"),
            class: FieldClass::Recreate,
            old: Shown::Text(seen.to_owned()),
            new: Shown::Text(wanted.to_owned()),
        })
    });
    changes.collect()
}

/// What a kernel cannot do the daemon discards with a warning, and shows as if it had never been asked for. In a container
/// made from this very revision it cannot be missing for any other reason.
fn discarded(wanted: &mut ContainerConfig, container: &ObservedContainer) {
    let Some(detail) = container.detail.known() else {
        return;
    };
    let seen = &detail.config;
    if seen.mem_swappiness.is_none() {
        wanted.mem_swappiness = None;
    }
    if seen.resources.blkio_weight.is_none() {
        wanted.resources.blkio_weight = None;
    }
    if seen.block_io.weight_device.is_empty() {
        wanted.block_io.weight_device.clear();
    }
}

fn image_change(container: &ObservedContainer, image: &ObservedImage) -> Option<Reason> {
    let new = image.id.as_ref().filter(|id| **id != container.image_id)?;
    let new = planted!("new-image-unseen", Some(new), None)?;
    Some(Reason::ImageChanged { old: container.image_id.to_string(), new: new.to_string() })
}

/// What the container should read back as, in canonical form, the brake on its restart policy included. `is_own`: it was
/// made from this very revision of the service.
pub fn wanted_config(
    (input, owners): (&PlanInput<'_>, &Owners<'_>),
    (service, is_own): (&DesiredService, bool),
    container: &ObservedContainer,
    image: &ObservedImage,
) -> ContainerConfig {
    let mut wanted = canonical(expected(&service.config, image), &input.observed.engine);
    own::lend_ports(input, &mut wanted, (service.name.as_str(), Some(container)));
    // Every endpoint has these names anyway; written out as aliases they read back as none.
    let name =
        input.desired.project().map(|project| container_name(project, service, 1).to_string());
    for endpoint in wanted.endpoints.values_mut() {
        endpoint.aliases.remove(service.name.as_str());
        endpoint.aliases.retain(|alias| Some(alias) != name.as_ref());
    }
    if is_own {
        discarded(&mut wanted, container);
    }
    if let Some(detail) = container.detail.known() {
        let directory = Directory { owners, host: input.host };
        joined::resolve(&mut wanted, &detail.config, service, directory);
        if let Some(desired) = input.desired.project() {
            links::expect(desired, service, &mut wanted, &detail.config);
        }
        content::resolve(&mut wanted, input, service, container);
    }
    // A daemon adds log options of its own to every container of its default driver, and does not say which.
    let observed = container.detail.known().and_then(|detail| detail.config.logging.as_ref());
    if wanted.logging.is_none() && observed.is_some_and(|logging| logging.driver.is_empty()) {
        wanted.logging = observed.cloned();
    }
    let braked = input.ledger.replicas.values().filter_map(|record| record.brake.as_ref());
    if braked.into_iter().any(|brake| brake.container == container.id) {
        wanted.restart = RestartPolicy::No;
    }
    canonical(wanted, &input.observed.engine)
}
