//! Volumes: created when missing. Nothing here, or anywhere, removes or replaces one (invariant 5).

use std::collections::BTreeMap;

use crate::model::desired::DesiredVolume;
use crate::model::held::{Subject, WaitingOn};
use crate::model::plan::{Action, CreateVolume, NodeId};
use crate::model::policy_wait::PolicyWait;
use crate::model::reason::Reason;
use crate::planner::draft::{Draft, Place};
use crate::planner::names::resource_labels;
use crate::planner::world::World;

/// Volumes that may be mounted, by real name, with the nodes that create them. A blocked one is absent.
pub type Volumes = BTreeMap<String, Vec<NodeId>>;

/// Plans every declared volume.
pub fn plan_volumes(world: &World<'_>, draft: &mut Draft<'_>) -> Volumes {
    let mut volumes = Volumes::new();
    for (key, desired) in &world.desired.volumes {
        if let Some(after) = plan_volume(world, draft, key, desired) {
            volumes.insert(desired.name.clone(), after);
        }
    }
    volumes
}

fn plan_volume(
    world: &World<'_>,
    draft: &mut Draft<'_>,
    key: &str,
    desired: &DesiredVolume,
) -> Option<Vec<NodeId>> {
    let subject = Subject::Volume(desired.name.clone());
    if let Some(violations) = world.input.gate.volumes.get(&desired.name) {
        let (violations, place) = (violations.clone(), format!("the volume {key}"));
        draft.hold(subject, WaitingOn::Policy(PolicyWait::Denied { violations, place }), None);
        return world.input.observed.volumes.contains_key(&desired.name).then(Vec::new);
    }
    match world.input.observed.volumes.get(&desired.name) {
        Some(found) => {
            let driver = desired.driver.as_deref().unwrap_or("local");
            if !desired.external
                && (found.driver != driver || found.driver_opts != desired.driver_opts)
            {
                let what =
                    format!("driver {} with {} options", found.driver, found.driver_opts.len());
                draft.hold(subject, WaitingOn::VolumeChanged(what), None);
            }
            Some(Vec::new())
        }
        None if desired.external => {
            draft.hold(subject, WaitingOn::ExternalMissing, None);
            None
        }
        None => {
            let labels = resource_labels(world.desired, "volume", key, world.input.policy);
            let create = CreateVolume { volume: desired.clone(), labels };
            let action = Action::CreateVolume(Box::new(create));
            let node = draft.push(
                Place { subject: &subject, after: Vec::new() },
                action,
                Reason::Missing,
            )?;
            Some(vec![node])
        }
    }
}
