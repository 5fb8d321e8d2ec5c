//! SEAM (to be replaced by the real modules; signatures are the contract)
#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::unimplemented,
    unused_variables
)]
use crate::model::desired::*;
use crate::model::diagnostic::Diagnostic;
use crate::model::held::*;
use crate::model::id::*;
use crate::model::ledger::*;
use crate::model::observed::*;
use crate::model::operation::*;
use crate::model::outcome::*;
use crate::model::plan::*;
use crate::model::policy::*;
use crate::model::status::*;
use crate::model::time::Timestamp;

/// Everything a plan depends on.
#[derive(Clone, Debug)]
pub struct PlanInput<'a> {
    pub project: &'a ProjectName,
    pub desired: Intent<'a>,
    pub observed: &'a ObservedState,
    pub host: &'a HostView,
    pub facts: &'a SourceFacts,
    pub ledger: &'a ProjectLedger,
    pub operations: &'a RunningOperations,
    pub policy: &'a Policy,
    pub now: Timestamp,
}
/// What is wanted of a project.
#[derive(Clone, Copy, Debug)]
pub enum Intent<'a> {
    /// As the files say.
    Run(&'a DesiredProject),
    /// As the files say, but services (by key) and other removals wait for the second look: nothing may be removed yet.
    RunKeeping(&'a DesiredProject),
    /// The project went away and that is settled and, if needed, confirmed: remove what is ours, never volumes.
    Remove,
    /// Not known, or a removal that is not believed yet: report, do nothing; the wait says why.
    Hold(&'a WaitingOn, Option<Timestamp>),
}
/// Counts what happened since the last pass: exits, restarts by the engine, unhealthy verdicts, each once.
pub fn account(input: &PlanInput<'_>) -> ProjectLedger {
    unimplemented!()
}
pub fn plan(input: &PlanInput<'_>) -> Plan {
    unimplemented!()
}
/// Puts the outcome of a walk into the ledger (back-offs, drift counts, adopted ids, brakes, ...).
pub fn record(ledger: &ProjectLedger, report: &PassReport, policy: &Policy) -> ProjectLedger {
    unimplemented!()
}
pub fn record_operation(
    ledger: &ProjectLedger,
    report: &OperationReport,
    policy: &Policy,
) -> ProjectLedger {
    unimplemented!()
}
/// Last log lines of a container that ended were read: they go into its replica's last exit.
pub fn record_logs(
    ledger: &ProjectLedger,
    container: &ContainerId,
    lines: Vec<String>,
) -> ProjectLedger {
    unimplemented!()
}
/// Containers whose last log lines are not in the ledger yet.
pub fn wanted_logs(ledger: &ProjectLedger) -> Vec<ContainerId> {
    unimplemented!()
}
/// An operator's `reconcile`: forget back-offs.
pub fn forget_backoffs(ledger: &ProjectLedger) -> ProjectLedger {
    unimplemented!()
}
/// Safety rules that hold for every plan (acyclic, only ours, no volume removed, predecessor order …); a fatal note refuses the plan.
pub fn check(plan: &Plan, input: &PlanInput<'_>) -> Vec<String> {
    unimplemented!()
}
pub struct StatusInput<'a> {
    pub input: &'a PlanInput<'a>,
    pub plan: &'a Plan,
    pub previous: Option<&'a ProjectStatus>,
    pub source: &'a str,
    pub diagnostics: &'a [Diagnostic],
}
/// Conditions, services, containers. `recent` and `mutating_calls` are filled in by the controller.
pub fn status(input: &StatusInput<'_>) -> ProjectStatus {
    unimplemented!()
}
/// What would happen, by iterating plan over "everything succeeds": first what happens now, then "when …" steps.
pub struct Preview {
    pub steps: Vec<PreviewStep>,
}
pub struct PreviewStep {
    pub when: String,
    pub plan: Plan,
}
pub fn preview(input: &PlanInput<'_>) -> Preview {
    unimplemented!()
}
/// The revision of a service, if its image is known.
pub fn revision(service: &DesiredService, image: &ObservedImage) -> Revision {
    unimplemented!()
}
