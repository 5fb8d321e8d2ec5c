//! The container that this controller runs in. It is never stopped, changed or removed by it; what differs makes a successor,
//! which stands by beside it until it is available, is handed the work, and then removes its predecessor as any other.
//!
//! The steps of a self-update are those of a replacement that starts first ([`replace`](super::replace::replace)), with a
//! hand-over in the place of the stop. What becomes of a successor that fails is what becomes of any version that fails.

use std::collections::BTreeMap;

use crate::model::config::ContainerConfig;
use crate::model::held::WaitingOn;
use crate::model::observed::ObservedContainer;
use crate::model::own::OwnWait;
use crate::model::plan::{Action, NodeId};
use crate::model::reason::Reason;
use crate::planner::draft::{Draft, Place};
use crate::planner::input::PlanInput;
use crate::planner::slot::SlotContext;
use crate::planner::world::{Judged, ServiceView, Slot};

/// Whether this controller runs in that container.
pub fn is_own(input: &PlanInput<'_>, container: &ObservedContainer) -> bool {
    input.host.is_own(&container.id)
}

/// Whether this controller runs in a replica of the service.
pub fn runs_in(input: &PlanInput<'_>, view: &ServiceView<'_>) -> bool {
    let all = |slot: &'_ Slot<'_>| {
        let mut judged = slot.current.iter().chain(&slot.old);
        judged.any(|one: &Judged<'_>| is_own(input, one.container))
    };
    view.slots.iter().any(all)
}

/// Leaves the work to `successor`, which stands by.
pub fn hand_over(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    successor: &ObservedContainer,
) -> Option<NodeId> {
    let action = Action::HandOver { to: successor.id.clone(), name: successor.name.clone() };
    draft.push(Place { subject: &context.subject(), after: Vec::new() }, action, Reason::Replaced)
}

/// Why no successor can run beside the own container, if so. A host port is no obstacle, see [`lend_ports`].
pub fn obstacle(
    context: SlotContext<'_, '_>,
    predecessor: &ObservedContainer,
) -> Option<WaitingOn> {
    let config = &context.view.service.config;
    let addressed = config.endpoints.iter().find(|(_, end)| {
        end.ipv4_address.is_some() || end.ipv6_address.is_some() || end.mac_address.is_some()
    });
    let why = match addressed {
        Some((name, _)) => format!("it has a fixed address on {name}"),
        None if config.mac_address.is_some() => "it has a fixed address".to_owned(),
        None => return None,
    };
    is_own(context.world.input, predecessor).then_some(WaitingOn::Own(OwnWait::Exclusive(why)))
}

/// Takes the host ports out of `config` that the own container holds while another one of its service, `other`, is made or
/// judged: the successor begins without them. Once it has taken over and its predecessor is gone, it lacks them, and a second
/// self-update brings them back.
pub fn lend_ports(
    input: &PlanInput<'_>,
    config: &mut ContainerConfig,
    (service, other): (&str, Option<&ObservedContainer>),
) {
    let mut containers = input.observed.containers.iter();
    let own = containers.find(|one| is_own(input, one));
    let own =
        own.filter(|own| own.claim.service.as_ref().is_some_and(|name| name.as_str() == service));
    let Some(own) = own.filter(|own| other.is_none_or(|other| other.id != own.id)) else {
        return;
    };
    let held = |port: &str| {
        let mut ports = input.host.ports.iter();
        port.parse::<u16>()
            .is_ok_and(|port| ports.any(|one| one.port == port && one.container == own.id))
    };
    let ports = std::mem::take(&mut config.ports);
    let left = ports.into_iter().filter_map(|(port, mut bindings)| {
        let before = bindings.len();
        bindings.retain(|binding| !held(&binding.port));
        (before == 0 || !bindings.is_empty()).then_some((port, bindings))
    });
    config.ports = left.collect::<BTreeMap<_, _>>();
}
