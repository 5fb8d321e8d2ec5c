//! Everything a plan depends on, and nothing else.

use crate::model::desired::{DesiredProject, SourceFacts};
use crate::model::gate::Gate;
use crate::model::held::WaitingOn;
use crate::model::hook::StopHooks;
use crate::model::id::ProjectName;
use crate::model::ledger::ProjectLedger;
use crate::model::observed::{HostView, ObservedState};
use crate::model::operation::RunningOperations;
use crate::model::policy::Policy;
use crate::model::time::Timestamp;
use crate::model::verdict::Verdicts;

/// Input of the planner. Equal inputs give byte-equal plans.
#[derive(Clone, Copy, Debug)]
pub struct PlanInput<'a> {
    /// The project.
    pub project: &'a ProjectName,
    /// What is wanted of it.
    pub desired: Intent<'a>,
    /// What the files say, while an earlier version runs instead.
    pub declared: Option<&'a DesiredProject>,
    /// What was seen of it.
    pub observed: &'a ObservedState,
    /// Names and ports of the whole host.
    pub host: &'a HostView,
    /// Builds and bind sources.
    pub facts: &'a SourceFacts,
    /// What is remembered of it.
    pub ledger: &'a ProjectLedger,
    /// What services run before a stop, as far as they were known lately: it outlives their declaration.
    pub pre_stop: &'a StopHooks,
    /// Long calls under way, those of other projects included.
    pub operations: &'a RunningOperations,
    /// What host probes found.
    pub verdicts: &'a Verdicts,
    /// What the policy refuses of it, and what was disturbed lately.
    pub gate: &'a Gate,
    /// Numbers and identity.
    pub policy: &'a Policy,
    /// The instant of the pass.
    pub now: Timestamp,
    /// The same by the wall clock, which may jump; for due times alone.
    pub wall: Timestamp,
}

/// What is wanted of a project.
#[derive(Clone, Copy, Debug)]
pub enum Intent<'a> {
    /// As the files say.
    Run(&'a DesiredProject),
    /// As the files say, but what would be removed waits for the second look (DESIGN §5, removal).
    RunKeeping(&'a DesiredProject),
    /// It went away, that is settled and, if needed, confirmed: what is ours is removed, volumes never.
    Remove,
    /// Not known, or a removal that is not believed yet: nothing is done; the wait says why.
    Hold(&'a WaitingOn, Option<Timestamp>),
}

impl<'a> Intent<'a> {
    /// The desired project, if there is one.
    pub fn project(self) -> Option<&'a DesiredProject> {
        match self {
            Self::Run(project) | Self::RunKeeping(project) => Some(project),
            Self::Remove | Self::Hold(..) => None,
        }
    }
}
