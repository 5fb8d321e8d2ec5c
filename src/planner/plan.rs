//! The planner's front door: from input to plan, on one screen.

use std::collections::BTreeSet;

use crate::model::desired::{DesiredProject, DesiredService, Suspend};
use crate::model::feature::{Lack, LackingAttribute, lacking};
use crate::model::held::{Subject, WaitingOn};
use crate::model::id::{ContainerId, ServiceName};
use crate::model::ledger::ProjectLedger;
use crate::model::plan::Plan;
use crate::model::reason::Reason;
use crate::model::time::Timestamp;
use crate::planner::after_checks::plan_checks;
use crate::planner::backups::plan_backups;
use crate::planner::before_checks;
use crate::planner::brake::plan_brake;
use crate::planner::create::Grounds;
use crate::planner::data_restore::{self, hold_writers, plan_restore};
use crate::planner::draft::Draft;
use crate::planner::drill;
use crate::planner::image_updates::plan_image_updates;
use crate::planner::images::{plan_images, plan_mounted_images, plan_step_images};
use crate::planner::input::{Intent, PlanInput};
use crate::planner::neighbours::plan_circle;
use crate::planner::networks::plan_networks;
use crate::planner::policy_gate::{hold_denied, keep_denied};
use crate::planner::prune::{plan_prune, plan_removal, retire};
use crate::planner::restore_drills::plan_restore_drills;
use crate::planner::rollback;
use crate::planner::rollout::Rollout;
use crate::planner::schedules::plan_schedules;
use crate::planner::slot::{SlotContext, plan_slot};
use crate::planner::steps;
use crate::planner::stopped::{stop_project, stop_service, stopped};
use crate::planner::strategy::plan_step;
use crate::planner::volumes::plan_volumes;
use crate::planner::world::{ServiceView, World};

/// What can be done now, and what waits for what. Total, deterministic, without any effect.
pub fn plan(input: &PlanInput<'_>) -> Plan {
    plan_counted(input).0
}

/// As [`plan`], with the containers that it takes out of service of its own accord, or is about to.
pub fn plan_counted(input: &PlanInput<'_>) -> (Plan, BTreeSet<ContainerId>) {
    let mut draft = Draft::new(input);
    match input.desired {
        Intent::Hold(waiting, until) => draft.hold(Subject::Project, waiting.clone(), until),
        Intent::Remove => plan_removal(input, &mut draft),
        Intent::Run(desired) | Intent::RunKeeping(desired) => {
            match suspension((input.ledger, input.now), desired, None) {
                Some((waiting, until)) => {
                    if let WaitingOn::Stopped(why) = &waiting {
                        stop_project(&World::new(input, desired), why, &mut draft);
                    }
                    draft.hold(Subject::Project, waiting, until);
                }
                None => plan_project(&World::new(input, desired), &mut draft),
            }
            if let Some(declared) = input.declared {
                aside(input, declared, &mut draft);
            }
            if let Some(waiting) = drill::explain(input.declared.unwrap_or(desired), input.ledger) {
                draft.hold(Subject::Project, waiting, None);
            }
        }
    }
    let disrupted = draft.disrupted().clone();
    (draft.finish(input.project), disrupted)
}

/// While an earlier version runs, the images of the one that the files say are looked after: another image is another
/// chance.
fn aside(input: &PlanInput<'_>, declared: &DesiredProject, draft: &mut Draft<'_>) {
    if let Some(waiting) = rollback::explain(input.ledger) {
        draft.hold(Subject::Project, waiting, None);
    }
    if suspension((input.ledger, input.now), declared, None).is_none() {
        let world = World::new(input, declared);
        plan_images(&world, draft);
        plan_image_updates(&world, draft);
    }
}

fn plan_project(world: &World<'_>, draft: &mut Draft<'_>) {
    plan_circle(world.input, world.desired, draft);
    let networks = plan_networks(world, draft);
    let volumes = plan_volumes(world, draft);
    let mut images = plan_images(world, draft);
    plan_mounted_images(world, draft, &mut images);
    plan_step_images(world, draft, &mut images);
    if world.input.declared.is_none() {
        plan_image_updates(world, draft);
    }
    let grounds = Grounds { networks, volumes, images };
    let waiting = hold_writers(world, &grounds, draft);
    for view in world.services.iter().filter(|view| !waiting.contains(&view.service.name)) {
        plan_service(world, &grounds, view, draft);
    }
    plan_restore(world, draft);
    plan_checks(world, &grounds, draft);
    if !data_restore::is_pending(world.input.ledger) {
        plan_prune(world, draft);
    }
    plan_backups(world, draft);
    plan_restore_drills(world, draft);
}

fn plan_service(
    world: &World<'_>,
    grounds: &Grounds,
    view: &ServiceView<'_>,
    draft: &mut Draft<'_>,
) {
    let subject = Subject::Service(view.service.name.clone());
    let memory = (world.input.ledger, world.input.now);
    if let Some((waiting, until)) = suspension(memory, world.desired, Some(&view.service.name)) {
        if let WaitingOn::Stopped(why) = &waiting {
            stop_service(world, view, why, draft);
        }
        return draft.hold(subject, waiting, until);
    }
    if let Some(refusal) = &view.service.refusal {
        let (attribute, why) = (refusal.attribute.to_owned(), refusal.why.to_owned());
        return draft.hold(subject, WaitingOn::UnsupportedAttribute { attribute, why }, None);
    }
    if let Some(waiting) = too_old(world, view) {
        draft.hold(subject.clone(), waiting, None);
    }
    if view.adoption.is_empty() && hold_denied(world, view, draft) {
        let rollout = Rollout::new(world, view);
        for slot in &view.slots {
            keep_denied(SlotContext { world, grounds, view, slot, rollout: &rollout }, draft);
        }
        return;
    }
    if !view.adoption.is_empty() {
        let changes =
            view.adoption.iter().map(|(container, change)| format!("{}: {change}", container.name));
        let waiting = WaitingOn::AdoptionNeedsConfirmation { changes: changes.collect() };
        return draft.hold(subject, waiting, None);
    }
    steps::clear(world, view, draft);
    before_checks::plan_before(world, grounds, view, draft);
    let rollout = Rollout::new(world, view);
    plan_step(world, view, &rollout, draft);
    plan_schedules(world, grounds, view, draft);
    for slot in &view.slots {
        let context = SlotContext { world, grounds, view, slot, rollout: &rollout };
        plan_slot(context, draft);
        plan_brake(context, draft);
    }
    let surplus = planted!("surplus-stays", view.surplus.as_slice(), &[]);
    retire(draft, surplus, &Reason::Surplus);
}

/// What the engine is too old for, if anything: what would be wrong without it before what is left out.
fn too_old(world: &World<'_>, view: &ServiceView<'_>) -> Option<WaitingOn> {
    let api = world.input.observed.engine.api;
    let lacking = |lack| -> Vec<LackingAttribute> {
        let features = lacking(&view.service.config, api).filter(|feature| feature.lack == lack);
        features.map(LackingAttribute::from).collect()
    };
    let (refused, left_out) = (lacking(Lack::Refused), lacking(Lack::LeftOut));
    match (refused.is_empty(), left_out.is_empty()) {
        (false, _) => Some(WaitingOn::RefusedOnEngine(refused)),
        (true, false) => Some(WaitingOn::UnsupportedOnEngine(left_out)),
        (true, true) => None,
    }
}

/// Suspension by manifest or by command, of the project (`None`) or of a service. What a person stopped is no more looked
/// after than what is suspended.
pub fn suspension(
    (ledger, now): (&ProjectLedger, Timestamp),
    desired: &DesiredProject,
    service: Option<&ServiceName>,
) -> Option<(WaitingOn, Option<Timestamp>)> {
    if let Some(entry) = stopped((ledger, now), service) {
        return Some((WaitingOn::Stopped(entry.reason.clone()), entry.until));
    }
    let declared = match service {
        Some(name) => {
            desired.services.get(name).is_some_and(|service| service.suspend == Suspend::Yes)
        }
        None => desired.suspend == Suspend::Yes,
    };
    if declared {
        return Some((WaitingOn::Suspended("x-composelet.suspend is true".to_owned()), None));
    }
    let entry = ledger.suspended.get(service.map_or("", ServiceName::as_str))?;
    let over = entry.until.is_some_and(|until| until <= now);
    (!over).then(|| (WaitingOn::Suspended(entry.reason.clone()), entry.until))
}

/// The services for which a plan may ask anything now: neither they nor the project are suspended. The files that their
/// containers need are written before the plan is made.
pub fn tended<'a>(
    desired: &'a DesiredProject,
    ledger: &'a ProjectLedger,
    now: Timestamp,
) -> impl Iterator<Item = &'a DesiredService> {
    let all = suspension((ledger, now), desired, None).is_none();
    let services = desired.services.values().filter(move |_| all);
    services
        .filter(move |service| suspension((ledger, now), desired, Some(&service.name)).is_none())
}
