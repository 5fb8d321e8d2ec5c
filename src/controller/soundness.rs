//! What is taken out of a plan before it is carried out: what is unsound, and what must not be done without a memory.

use crate::controller::desired::belief::Want;
use crate::controller::pass::Surroundings;
use crate::model::event::EventKind;
use crate::model::held::{Held, Subject, WaitingOn};
use crate::model::plan::Plan;
use crate::planner::{self, PlanInput};

/// Without a ledger healing goes on from memory; nothing is taken away for good.
pub(crate) fn hold_unwritable(plan: &mut Plan, want: &Want, trouble: Option<String>) {
    let Some(why) = trouble else {
        return;
    };
    if *want == Want::Remove {
        plan.nodes.clear();
    }
    plan.held.push(Held {
        subject: Subject::Project,
        waiting_on: WaitingOn::LedgerUnwritable(why),
        until: None,
    });
}

/// An unsound plan is a mistake of the planner: it is not carried out, and says so.
pub(crate) fn refuse_unsound(plan: &mut Plan, input: &PlanInput<'_>, around: &Surroundings) {
    let notes = planner::check(plan, input);
    if notes.is_empty() {
        return;
    }
    let why = notes.join("; ");
    tracing::error!(project = %plan.project, why, "an unsound plan was refused");
    let kind = EventKind::Controller(format!("internal error: an unsound plan was refused: {why}"));
    around.events.send(input.now, Some(&plan.project), kind);
    plan.nodes.clear();
    plan.held.push(Held {
        subject: Subject::Project,
        waiting_on: WaitingOn::Unknown(format!("internal error: {why}")),
        until: None,
    });
}
