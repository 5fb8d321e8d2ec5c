//! Words about what came of a pass: action records, and the status of a project that could not be looked at.

use std::collections::BTreeMap;

use crate::controller::desired::belief::Belief;
use crate::model::id::ProjectName;
use crate::model::observed::ImageState;
use crate::model::outcome::{Failure, NodeOutcome, OperationReport, PassReport, SkipReason};
use crate::model::plan::{Action, CreateContainer, PlanNode};
use crate::model::status::{ActionRecord, Condition, ConditionKind, ProjectStatus, Truth};
use crate::model::time::Timestamp;

/// One record per node.
pub(crate) fn action_records(
    report: &PassReport,
    images: &BTreeMap<String, ImageState>,
) -> Vec<ActionRecord> {
    let nodes = report.plan.nodes.iter().zip(&report.outcomes);
    nodes
        .map(|(node, outcome)| {
            let mut record = action_record(node, outcome, report.at);
            if let Action::CreateContainer(create) = &node.action {
                record.message.push_str(&image_text(create, images));
            }
            record
        })
        .collect()
}

/// What failed beside a long call.
pub(crate) fn note_records(report: &OperationReport) -> Vec<ActionRecord> {
    let records = report.notes.iter().map(|note| ActionRecord {
        at: report.at,
        action: "RunHook".to_owned(),
        object: note.object.clone(),
        reason: note.reason.to_owned(),
        message: note.message.clone(),
        outcome: format!("failed; the {} went on", report.kind),
    });
    records.collect()
}

/// What the reference of a new container meant, so that a tag that moved can be explained later.
fn image_text(create: &CreateContainer, images: &BTreeMap<String, ImageState>) -> String {
    let present = images.get(&create.image).and_then(ImageState::present);
    let digest = present.and_then(|image| image.repo_digest(&create.image));
    let digest = digest.map(|digest| format!(", in the registry {digest}")).unwrap_or_default();
    format!("; image {} is {}{digest}", create.image, create.image_id)
}

fn action_record(node: &PlanNode, outcome: &NodeOutcome, at: Timestamp) -> ActionRecord {
    ActionRecord {
        at,
        action: node.action.kind().to_owned(),
        object: node.action.object(),
        reason: node.reason.code().to_owned(),
        message: format!("{}{}", node.reason, node.action.also()),
        outcome: match (&node.action, outcome) {
            // How it ends is told by what follows: a hold with the failure, or the next step.
            (Action::Begin(_), NodeOutcome::Succeeded(_)) => "begun".to_owned(),
            (_, outcome) => outcome_text(outcome),
        },
    }
}

fn outcome_text(outcome: &NodeOutcome) -> String {
    match outcome {
        NodeOutcome::Succeeded(_) => "succeeded".to_owned(),
        NodeOutcome::Failed(failure) => format!("failed: {}", failure.message),
        NodeOutcome::MaybeDone(failure) => format!("maybe: {}", failure.message),
        NodeOutcome::Skipped(reason) => format!("skipped: {}", skip_text(reason)),
    }
}

fn skip_text(reason: &SkipReason) -> String {
    match reason {
        SkipReason::Dependency(node) => format!("step #{} did not succeed", node.0),
        SkipReason::Throttled(until) => {
            format!("the host's budget of restarts is used up until {until}")
        }
        SkipReason::Stale => "the observation is older than 30 s".to_owned(),
        SkipReason::Shutdown => "the controller is shutting down".to_owned(),
        SkipReason::Running => "an operation about it runs already".to_owned(),
    }
}

/// Calls that may have changed something.
pub(crate) fn calls_made(report: &PassReport) -> u64 {
    let made = |outcome: &&NodeOutcome| !matches!(outcome, NodeOutcome::Skipped(_));
    u64::try_from(report.outcomes.iter().filter(made).count()).unwrap_or(u64::MAX)
}

/// The status of a project whose engine could not be asked: what was known stays, Ready becomes Unknown (invariant 14).
pub(crate) fn unreachable_status(
    (name, generation): (&ProjectName, u64),
    belief: &Belief,
    previous: Option<&ProjectStatus>,
    failure: &Failure,
    now: Timestamp,
) -> ProjectStatus {
    let mut status = previous.cloned().unwrap_or_else(|| ProjectStatus {
        name: name.clone(),
        source: String::new(),
        generation: 0,
        observed_generation: 0,
        observed_at: None,
        published_at: now,
        conditions: Vec::new(),
        services: Vec::new(),
        others: Vec::new(),
        held: Vec::new(),
        diagnostics: Vec::new(),
        commit: None,
        revisions: Vec::new(),
        rollback: None,
        not_kept: Vec::new(),
        drill: None,
        restore_drills: Vec::new(),
        depends_on: Vec::new(),
        recent: Vec::new(),
        mutating_calls: 0,
    });
    status.source.clone_from(&belief.source);
    status.diagnostics.clone_from(&belief.diagnostics);
    status.published_at = now;
    // A status of an older file may be all that is left.
    status.generation = status.generation.max(generation);
    let generation = status.generation;
    let services = status.services.iter_mut().map(|one| &mut one.conditions);
    for conditions in services.chain([&mut status.conditions]) {
        set_unknown(conditions, failure, now, generation);
    }
    status
}

fn set_unknown(
    conditions: &mut Vec<Condition>,
    failure: &Failure,
    now: Timestamp,
    generation: u64,
) {
    let before = conditions
        .iter()
        .position(|one| one.kind == ConditionKind::Ready)
        .map(|at| conditions.remove(at));
    let since =
        before.filter(|one| one.status == Truth::Unknown).map_or(now, |one| one.last_transition);
    let ready = Condition {
        kind: ConditionKind::Ready,
        status: Truth::Unknown,
        reason: "EngineUnreachable".to_owned(),
        message: failure.message.clone(),
        last_transition: since,
        observed_generation: generation,
    };
    conditions.insert(0, ready);
}
