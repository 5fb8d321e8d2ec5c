//! What would happen: the planner iterated over the "everything succeeds" step. First what happens now, then *when …*.
//! Nothing is pulled, built, started or written.

use crate::model::desired::SourceFacts;
use crate::model::held::{Held, WaitingOn};
use crate::model::id::{ImageId, ProjectName};
use crate::model::ledger::ProjectLedger;
use crate::model::neighbour::ProjectWait;
use crate::model::observed::{Exit, ImageState, Lifecycle, ObservedImage};
use crate::model::operation::Operation;
use crate::model::outcome::{Effect, NodeOutcome, OperationReport, PassReport};
use crate::model::plan::{Action, Plan};
use crate::model::policy::Policy;
use crate::model::secret::sha256_hex;
use crate::model::time::Timestamp;
use crate::planner::account::account;
use crate::planner::input::PlanInput;
use crate::planner::perfect::PerfectHost;
use crate::planner::plan::plan;
use crate::planner::record::{record, record_operation};

/// Most steps of a preview; a plan that needs more is cut, and its last step says so.
const MOST_STEPS: usize = 100;

/// Most looks of a preview: what only measures and waits is no step.
const MOST_LOOKS: usize = 1000;

/// What would happen, in order.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The first step is what happens now; it may be empty.
    pub steps: Vec<PreviewStep>,
}

/// One step.
#[derive(Clone, Debug)]
pub struct PreviewStep {
    /// `now`, or what has to happen before.
    pub when: String,
    /// Whether it will happen, or only if a pull or build brings another image.
    pub certainty: Certainty,
    /// What happens then.
    pub plan: Plan,
}

/// Whether a step follows for sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// If everything before succeeds.
    Follows,
    /// It depends on what a pull or build brings: prints as *may*.
    May,
}

/// Iterates until nothing is left to do, or nothing can be foreseen.
pub fn preview(input: &PlanInput<'_>) -> Preview {
    let mut host = PerfectHost::new(input.observed.clone(), input.host.clone());
    let mut facts = input.facts.clone();
    let mut ledger = input.ledger.clone();
    let mut now = input.now;
    let mut steps: Vec<PreviewStep> = Vec::new();
    let (mut when, mut certainty) = ("now".to_owned(), Certainty::Follows);
    for _ in 0..MOST_LOOKS {
        if steps.len() >= MOST_STEPS {
            break;
        }
        ledger = account(&look(input, (&host, &facts), &ledger, now));
        let all = plan(&look(input, (&host, &facts), &ledger, now));
        let measures = all.nodes.iter().any(|node| match &node.action {
            Action::Begin(operation) => is_measurement(operation),
            _ => false,
        });
        ledger = ended(ledger, &all, now, input.policy, is_measurement);
        let step = all.changes();
        host.apply(&step, now);
        let report = PassReport { outcomes: successes(&step), plan: step.clone(), at: now };
        ledger = inside(record(&ledger, &report, input.policy), &step, now, input.policy);
        let idle = step.nodes.is_empty();
        if !idle || steps.is_empty() {
            steps.push(PreviewStep { when, certainty, plan: step.clone() });
        }
        let wall = input.wall.plus(now.since(input.now));
        if let Some(ended) = arrive((&mut host, &mut facts), (&step, wall), &mut certainty) {
            ledger = checked(ledger, &step, now, input.policy);
            when = format!("when {ended} has ended");
            continue;
        }
        (when, now) = match advance(&mut host, &step, now) {
            Some(next) => next,
            None if idle && !measures => break,
            None => ("then".to_owned(), now),
        };
    }
    Preview { steps }
}

fn is_measurement(operation: &Operation) -> bool {
    matches!(operation, Operation::Analyse { .. })
}

fn look<'a>(
    input: &PlanInput<'a>,
    (host, facts): (&'a PerfectHost, &'a SourceFacts),
    ledger: &'a ProjectLedger,
    now: Timestamp,
) -> PlanInput<'a> {
    let wall = input.wall.plus(now.since(input.now));
    PlanInput { observed: &host.observed, host: &host.host, facts, ledger, now, wall, ..*input }
}

fn successes(plan: &Plan) -> Vec<NodeOutcome> {
    plan.nodes.iter().map(|_| NodeOutcome::Succeeded(Effect::Done)).collect()
}

/// What a plan runs inside containers, ended well.
fn inside(ledger: ProjectLedger, plan: &Plan, at: Timestamp, policy: &Policy) -> ProjectLedger {
    ended(ledger, plan, at, policy, is_inside)
}

fn is_inside(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::Reload { .. }
            | Operation::Announce { .. }
            | Operation::PostStart { .. }
            | Operation::Exec { .. }
            | Operation::Check { .. }
    )
}

/// The pulls and builds of a plan, ended well.
fn checked(ledger: ProjectLedger, plan: &Plan, at: Timestamp, policy: &Policy) -> ProjectLedger {
    ended(ledger, plan, at, policy, |operation| !is_inside(operation))
}

fn ended(
    ledger: ProjectLedger,
    plan: &Plan,
    at: Timestamp,
    policy: &Policy,
    which: fn(&Operation) -> bool,
) -> ProjectLedger {
    plan.nodes.iter().fold(ledger, |ledger, node| {
        let Action::Begin(operation) = &node.action else { return ledger };
        if !which(operation) {
            return ledger;
        }
        let report = OperationReport {
            subject: operation.subject(),
            kind: operation.kind(),
            result: Ok(()),
            notes: Vec::new(),
            found: None,
            at,
        };
        record_operation(&ledger, &report, policy)
    })
}

/// Lets the world go on by one step after `plan`: what is its name, and what time is it then?
fn advance(host: &mut PerfectHost, plan: &Plan, now: Timestamp) -> Option<(String, Timestamp)> {
    if !plan.nodes.is_empty() {
        return None;
    }
    let healthy = host.make_healthy();
    if !healthy.is_empty() {
        let names: Vec<String> = healthy.iter().map(ToString::to_string).collect();
        return Some((format!("when {} is healthy", names.join(", ")), now));
    }
    if let Some(name) = plan.held.iter().find_map(|held| complete(host, held, now)) {
        return Some((format!("when {name} has completed"), now));
    }
    if let Some(project) = plan.held.iter().find_map(|held| awaited_project(&held.waiting_on)) {
        host.make_ready(project);
        return Some((format!("when project {project} is ready"), now));
    }
    // What a schedule brings cannot be foreseen, and it never ends.
    let until = plan.waits().filter_map(|held| held.until).filter(|until| *until > now).min()?;
    Some((format!("at {until}"), until))
}

/// Pulls and builds of the plan bring an image nobody has seen: what follows is certain if there was none before. Backups
/// bring themselves, restores what was saved.
fn arrive(
    (host, facts): (&mut PerfectHost, &mut SourceFacts),
    (plan, at): (&Plan, Timestamp),
    certainty: &mut Certainty,
) -> Option<String> {
    let mut names = Vec::new();
    for node in &plan.nodes {
        let Action::Begin(operation) = &node.action else { continue };
        let (image, build) = match &**operation {
            Operation::Pull { image, .. } => (image, None),
            Operation::Build { image, digest, .. } => (image, Some(digest.clone())),
            Operation::CheckImage { .. }
            | Operation::Stop { .. }
            | Operation::Reload { .. }
            | Operation::Announce { .. }
            | Operation::PostStart { .. }
            | Operation::Exec { .. }
            | Operation::Check { .. }
            | Operation::Probe { .. }
            | Operation::Analyse { .. } => continue,
            Operation::Restore(request) => {
                let mut saved = facts.backups.iter_mut();
                if let Some(saved) = saved.find(|saved| saved.id == request.backup) {
                    saved.restored.insert(request.service.clone(), at.max(request.decided));
                }
                names.push(operation.to_string());
                continue;
            }
            Operation::Backup(request) => {
                facts.backups.push(request.made(at));
                names.push(operation.to_string());
                continue;
            }
            Operation::RestoreDrill(request) => {
                request.prove(&mut facts.backups, at);
                names.push(operation.to_string());
                continue;
            }
        };
        let before = host.observed.images.get(image).and_then(ImageState::present).cloned();
        if before.is_some() {
            *certainty = Certainty::May;
        }
        let id = ImageId::new(format!(
            "sha256:{}",
            sha256_hex(["preview", image, &operation.to_string()])
        ));
        let after = ObservedImage { id: Some(id), build, ..before.unwrap_or_default() };
        host.observed.images.insert(image.clone(), ImageState::Present(Box::new(after)));
        names.push(operation.to_string());
    }
    (!names.is_empty()).then(|| names.join(", "))
}

fn awaited_project(waiting: &WaitingOn) -> Option<&ProjectName> {
    match waiting {
        WaitingOn::Project(ProjectWait::NotReady { project, .. }) => Some(project),
        _ => None,
    }
}

/// A job that something waits for runs to its end.
fn complete(host: &mut PerfectHost, held: &Held, now: Timestamp) -> Option<String> {
    let WaitingOn::Dependency { service, condition, .. } = &held.waiting_on else { return None };
    if condition != "completed" {
        return None;
    }
    let mut containers = host.observed.containers.iter_mut();
    let job = containers.find(|one| {
        one.claim.service.as_ref() == Some(service)
            && matches!(one.lifecycle, Lifecycle::Running { .. })
    })?;
    let exit = Exit {
        code: 0,
        started_at: Some(now),
        finished_at: Some(now),
        oom_killed: false,
        error: String::new(),
    };
    job.lifecycle = Lifecycle::Exited(exit);
    Some(service.to_string())
}
