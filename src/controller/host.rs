//! The controller as the walk of one project sees it.

use crate::controller::pass::Surroundings;
use crate::executor::WalkHost;
use crate::model::event::EventKind;
use crate::model::id::ProjectName;
use crate::model::operation::{Operation, OperationSubject};
use crate::model::outcome::{NodeOutcome, SkipReason};
use crate::model::plan::PlanNode;
use crate::model::time::Timestamp;

/// Clock, budget, operations and events for the walk of one project.
pub(crate) struct Host<'a> {
    pub(crate) around: &'a Surroundings,
    pub(crate) project: ProjectName,
}

impl WalkHost for Host<'_> {
    fn now(&self) -> Timestamp {
        self.around.clock.now()
    }

    fn draw_restart(&self) -> Result<(), Timestamp> {
        self.around.governor.draw_restart(self.now())
    }

    fn begin(&self, operation: &Operation) -> Result<OperationSubject, SkipReason> {
        self.around.operations.begin(&self.project, operation)
    }

    fn hand_over(&self) {
        self.around.hand_over.cancel();
    }

    fn ended(&self, node: &PlanNode, outcome: &NodeOutcome) {
        let kind = EventKind::Action { node: Box::new(node.clone()), outcome: outcome.clone() };
        self.around.events.send(self.now(), Some(&self.project), kind);
    }
}
