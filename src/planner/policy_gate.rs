//! What the policy says to a plan: services that it refuses, windows in which what runs may be replaced, how much may be
//! disturbed at a time, and projects that are only removed when a person says so.
//!
//! Disk pressure holds what windows hold.
//!
//! A service that is refused is held before anything of it is stopped: what runs of it runs on and is looked after. Windows
//! and limits hold voluntary replacements and removals alone; what crashed is healed at any time.

use std::collections::BTreeSet;

use crate::calendar::Calendar;
use crate::model::desired::DesiredService;
use crate::model::held::{Subject, WaitingOn};
use crate::model::id::{ContainerId, ProjectName};
use crate::model::image_update::UpdateWindow;
use crate::model::ledger::ProjectLedger;
use crate::model::observed::{Lifecycle, ObservedContainer};
use crate::model::policy_wait::PolicyWait;
use crate::model::reason::Reason;
use crate::model::time::Timestamp;
use crate::planner::conformity::Conformity;
use crate::planner::draft::Draft;
use crate::planner::input::PlanInput;
use crate::planner::replace::serve_on;
use crate::planner::slot::SlotContext;
use crate::planner::world::{ServiceView, World};

/// What is removed of a project that went away, for people and for the memory of a confirmation.
pub const ALL_OF_IT: &str = "all of it";

/// Whether the policy refuses something of a service.
pub fn is_denied(input: &PlanInput<'_>, service: &DesiredService) -> bool {
    input.gate.services.contains_key(&service.name)
}

/// Says that a service is refused; `false` if it is not.
pub fn hold_denied(world: &World<'_>, view: &ServiceView<'_>, draft: &mut Draft<'_>) -> bool {
    let Some(violations) = world.input.gate.services.get(&view.service.name) else {
        return false;
    };
    let place = &view.service.location;
    let waiting = WaitingOn::Policy(PolicyWait::Denied {
        violations: violations.clone(),
        place: place.to_string(),
    });
    draft.hold(Subject::Service(view.service.name.clone()), waiting, None);
    true
}

/// Looks after what runs of a service that is refused: it is started again if it fell, and never replaced or stopped.
pub fn keep_denied(context: SlotContext<'_, '_>, draft: &mut Draft<'_>) {
    let all = context.slot.current.iter().chain(&context.slot.old);
    let usable =
        |conformity: &Conformity| !matches!(conformity, Conformity::Unknown(_) | Conformity::Gone);
    let mut ran = all.filter(|one| {
        usable(&one.conformity) && !matches!(one.container.lifecycle, Lifecycle::Created { .. })
    });
    if let Some(one) = ran.next() {
        serve_on(context, draft, one.container);
    }
}

/// Why a container that lives is not replaced now: a disk is too full, or its maintenance window is closed.
pub fn not_now(
    input: &PlanInput<'_>,
    container: &ObservedContainer,
    reason: &Reason,
) -> Option<(WaitingOn, Option<Timestamp>)> {
    if !is_voluntary_on(input, container, reason) {
        return None;
    }
    let pressure = input.gate.pressure.clone();
    let pressure = pressure.map(|pressure| (WaitingOn::DiskPressure(pressure), None));
    pressure.or_else(|| outside_of_windows(input))
}

/// Whether the policy lets a container be replaced now. Notes the hold, or that it is counted.
pub fn may_replace(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    predecessor: &ObservedContainer,
    reason: &Reason,
) -> bool {
    let (input, subject) = (context.world.input, context.subject());
    if let Some((waiting, until)) = not_now(input, predecessor, reason) {
        draft.hold(subject, waiting, until);
        return false;
    }
    !is_voluntary_on(input, predecessor, reason) || may_disrupt(draft, &subject, &predecessor.id)
}

/// Whether a container that lives is replaced of our own accord. On the way back to a version that was stable nothing waits:
/// that heals.
fn is_voluntary_on(input: &PlanInput<'_>, container: &ObservedContainer, reason: &Reason) -> bool {
    container.lifecycle.is_alive() && is_voluntary(reason) && input.declared.is_none()
}

/// Why nothing is disturbed now; `None` if a window of the project is open, or it has none.
pub fn outside_of_windows(input: &PlanInput<'_>) -> Option<(WaitingOn, Option<Timestamp>)> {
    let mut next: Option<Timestamp> = None;
    let mut texts = Vec::new();
    for window in input.policy.rules.windows_of(input.project) {
        let opens = opens_at(&window.window, input.wall)?;
        next = Some(next.map_or(opens, |next| next.min(opens)));
        texts.push(window.text.clone());
    }
    let opens = next?;
    let until = input.now.plus(opens.since(input.wall));
    Some((WaitingOn::Policy(PolicyWait::MaintenanceWindow { windows: texts }), Some(until)))
}

/// When a window opens that is closed now; `None`: it is open.
pub fn opens_at(window: &UpdateWindow, wall: Timestamp) -> Option<Timestamp> {
    let calendar = Calendar::new(&window.opens)?;
    let open = calendar.between(wall.minus(window.duration), wall).is_some();
    if open { None } else { calendar.next(wall) }
}

/// Whether it is done because somebody wants something else, and not because something is ill.
fn is_voluntary(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::Drift(_)
            | Reason::ImageChanged { .. }
            | Reason::ContentChanged
            | Reason::FilesChanged { .. }
            | Reason::Reread { .. }
            | Reason::NetworkChanged { .. }
    )
}

/// Whether one more container may be taken out of service now. Notes it, or the hold.
pub fn may_disrupt(draft: &mut Draft<'_>, subject: &Subject, container: &ContainerId) -> bool {
    let input = draft.input();
    let Some(limit) = input.policy.rules.max_disruption else {
        return true;
    };
    let recent = input.gate.disrupted.iter();
    let recent = recent.filter(|(_, (_, at))| input.now.since(*at) < limit.per);
    let mut containers: BTreeSet<&ContainerId> = BTreeSet::new();
    let mut projects: BTreeSet<&ProjectName> = BTreeSet::new();
    let mut first: Option<Timestamp> = None;
    for (id, (project, at)) in recent {
        containers.insert(id);
        projects.insert(project);
        first = Some(first.map_or(*at, |first| first.min(*at)));
    }
    if containers.contains(container) || draft.disrupted().contains(container) {
        return true;
    }
    projects.insert(input.project);
    let count = containers.len() + draft.disrupted().len();
    if count < limit.containers && projects.len() <= limit.projects {
        draft.disrupt(container);
        return true;
    }
    let waiting = WaitingOn::Policy(PolicyWait::BlastRadius {
        containers: limit.containers,
        projects: limit.projects,
        per_s: limit.per.as_secs(),
    });
    let until = first.unwrap_or(input.now).plus(limit.per);
    draft.hold(subject.clone(), waiting, Some(until));
    false
}

/// Whether `what` of a protected project waits for a person. Notes the hold.
pub fn waits_for_person(input: &PlanInput<'_>, draft: &mut Draft<'_>, what: String) -> bool {
    let confirmed = input.ledger.removal_confirmed.as_ref() == Some(&what);
    if confirmed || !input.policy.rules.is_protected(input.project) {
        return false;
    }
    draft.hold(Subject::Project, WaitingOn::Policy(PolicyWait::ProtectedProject { what }), None);
    true
}

/// The ledger after a person confirmed a removal of a protected project: of that recorded set, and of nothing that comes
/// later.
pub fn confirm_removal(ledger: &ProjectLedger, what: &str) -> ProjectLedger {
    ProjectLedger { removal_confirmed: Some(what.to_owned()), ..ledger.clone() }
}
