//! Host ports that somebody else holds: found before a start is tried, so that no failed start is left behind.

use crate::model::held::WaitingOn;
use crate::model::observed::PortHolder;
use crate::planner::slot::SlotContext;

/// Who holds a fixed host port that the replica publishes, itself and its predecessors aside. Listeners outside of
/// containers are not seen here: they fail the start, which then waits out its back-off.
pub fn port_holder(context: SlotContext<'_, '_>) -> Option<WaitingOn> {
    let own = |holder: &PortHolder| {
        let mut slot = context.slot.current.iter().chain(&context.slot.old);
        slot.any(|one| one.container.id == holder.container)
    };
    for (port, bindings) in &context.view.service.config.ports {
        for binding in bindings {
            // A range leaves the choice to the engine.
            let Ok(number) = binding.port.parse::<u16>() else {
                continue;
            };
            let holder = context.world.input.host.ports.iter().find(|holder| {
                holder.port == number
                    && holder.protocol == port.protocol
                    && overlaps(&holder.ip, &binding.ip)
                    && !own(holder)
            });
            if let Some(holder) = holder {
                let port = format!("{binding}/{}", port.protocol);
                return Some(WaitingOn::PortConflict { port, holder: holder.name.to_string() });
            }
        }
    }
    None
}

/// Whether two addresses can not both be bound: they are equal, or one of them is every address.
fn overlaps(one: &str, other: &str) -> bool {
    let any = |ip: &str| ip.is_empty() || ip == "0.0.0.0" || ip == "::";
    one == other || any(one) || any(other)
}
