//! What a walk needs of the controller around it.

use crate::model::operation::{Operation, OperationSubject};
use crate::model::outcome::{NodeOutcome, SkipReason};
use crate::model::plan::PlanNode;
use crate::model::time::Timestamp;

/// The controller as a walk sees it: a clock, the host's budget, the table of operations, an ear.
pub trait WalkHost: Send + Sync {
    /// What time it is.
    fn now(&self) -> Timestamp;

    /// Takes one token of the host's budget of restarts.
    ///
    /// # Errors
    /// The instant at which the next token is there, when there is none.
    fn draw_restart(&self) -> Result<(), Timestamp>;

    /// Begins a long call and returns at once.
    ///
    /// # Errors
    /// Why it was not begun: [`SkipReason::Running`] when one about the same subject runs already,
    /// [`SkipReason::Shutdown`] when the controller stops.
    fn begin(&self, operation: &Operation) -> Result<OperationSubject, SkipReason>;

    /// Another controller takes over: this one ends its passes, gives its locks back and stands by.
    fn hand_over(&self);

    /// A node ended.
    fn ended(&self, node: &PlanNode, outcome: &NodeOutcome);
}
