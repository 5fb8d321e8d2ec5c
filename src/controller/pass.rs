//! One pass over one project: look, account, plan, persist, execute, record, publish. It never knows why it runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::controller::admission;
use crate::controller::backups;
use crate::controller::blocking::Blocking;
use crate::controller::board::Board;
use crate::controller::bundles;
use crate::controller::clock::Clock;
use crate::controller::content;
use crate::controller::desired::belief::{Belief, Want};
use crate::controller::desired::loading::ManifestLoader;
use crate::controller::disruption::Disrupted;
use crate::controller::events::EventSink;
use crate::controller::evidence::last_words;
use crate::controller::governor::Governor;
use crate::controller::host::Host;
use crate::controller::housekeeping::Pressure;
use crate::controller::memory::{LedgerChange, Memory};
use crate::controller::operations::Operations;
use crate::controller::persistence::{load, save};
use crate::controller::prober::Prober;
use crate::controller::queue::Requeue;
use crate::controller::report;
use crate::controller::requeue::requeue;
use crate::controller::revisions::{self, Effective};
use crate::controller::soundness::{hold_unwritable, refuse_unsound};
use crate::controller::telling::{publish, tell};
use crate::engine::{Admission, Engine, ObserveRequest};
use crate::executor::{Lanes, Walk, walk};
use crate::ledger::Ledger;
use crate::model::desired::{DesiredProject, SourceFacts};
use crate::model::gate::Gate;
use crate::model::hook::StopHooks;
use crate::model::id::{ProjectName, ServiceName};
use crate::model::ledger::ProjectLedger;
use crate::model::neighbour::Neighbours;
use crate::model::observed::{HostView, ObservedState};
use crate::model::operation::RunningOperations;
use crate::model::outcome::{Failure, FailureClass, PassReport};
use crate::model::path::PathMap;
use crate::model::plan::Plan;
use crate::model::policy::Policy;
use crate::model::time::Timestamp;
use crate::model::verdict::Verdicts;
use crate::planner::{self, Intent, PlanInput, StatusInput};
use crate::source::{ContentStore, FactReader};

/// Most looks of one pass: one at what the files say, one at the version that runs instead, and one back.
const MOST_LOOKS: u32 = 3;

/// What all passes share.
#[derive(Debug)]
pub struct Surroundings {
    /// The engine.
    pub engine: Engine,
    /// The state directory.
    pub ledger: Ledger,
    /// What is published, for readers in this process.
    pub board: Board,
    /// Long calls.
    pub operations: Arc<Operations>,
    /// Who is asked whether it is well.
    pub prober: Prober,
    /// The host's limits.
    pub governor: Arc<Governor>,
    /// Engine calls side by side.
    pub lanes: Lanes,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Who listens.
    pub events: EventSink,
    /// Numbers of the planner.
    pub policy: Policy,
    /// What manifests are held against.
    pub admission: Admission,
    /// What was replaced or removed lately.
    pub disrupted: Disrupted,
    /// Whether a disk is too full.
    pub pressure: Pressure,
    /// Local and host paths.
    pub paths: PathMap,
    /// Turns kept files of an earlier version into a project.
    pub loader: Arc<dyn ManifestLoader>,
    /// Files that are written for containers.
    pub content: ContentStore,
    /// Where files are read.
    pub blocking: Blocking,
    /// Cancelled at shutdown.
    pub stopping: CancellationToken,
    /// Cancelled when another controller takes over.
    pub hand_over: CancellationToken,
}

/// What one pass is about.
#[derive(Debug)]
pub struct PassInput {
    /// The project.
    pub name: ProjectName,
    /// What is believed of it, as of now: the one snapshot of the pass.
    pub belief: Belief,
    /// What is remembered of it.
    pub memory: Memory,
    /// What persons asked for since the last pass.
    pub changes: Vec<LedgerChange>,
    /// Why nothing may be taken away now: the memory of the host cannot be written.
    pub host_ledger: Option<String>,
    /// All projects, as of now.
    pub neighbours: Arc<Neighbours>,
    /// Why the engine is not to be asked now: its event stream is cut.
    pub engine_lost: Option<String>,
}

/// What came of a pass.
#[derive(Debug)]
pub struct PassEnd {
    /// What is remembered now.
    pub memory: Memory,
    /// When it runs next by itself.
    pub requeue: Requeue,
    /// What it planned; `None` if it could not look.
    pub plan: Option<Plan>,
    /// Whether all of a removed project is gone.
    pub remains: Remains,
    /// Why a change that was asked for could not be made, for each of them.
    pub refused: Vec<Option<String>>,
}

/// What is left of a project on the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remains {
    /// It goes on.
    Something,
    /// It was to be removed and is.
    Nothing,
}

/// What was seen.
struct Look {
    observed: ObservedState,
    host: HostView,
    facts: SourceFacts,
    running: RunningOperations,
    verdicts: Verdicts,
    gate: Gate,
}

/// Runs one pass.
pub async fn pass(around: &Surroundings, input: PassInput) -> PassEnd {
    let PassInput { name, belief, mut memory, changes, host_ledger, neighbours, engine_lost } =
        input;
    let now = around.clock.now();
    let (files, mut extra) = belief.want();
    recall_verdicts(around, &name, &files, &memory).await;
    let (running, mut ledger, refused) = recall(around, &name, &mut memory, &changes).await;
    let looked = match engine_lost {
        Some(why) => Err(unreachable(why)),
        None => judge(around, (&name, &belief, &files), &mut memory, &running, &mut ledger).await,
    };
    let (mut look, version) = match looked {
        Ok(looked) => looked,
        Err(failure) => {
            let end = blind(around, (&name, &belief), memory, ledger, &failure).await;
            return PassEnd { refused, ..end };
        }
    };
    look.host.projects = neighbours;
    let want = &version.want;
    extra.extend(version.held.clone());
    ledger = last_words(around, ledger, (want, &look.observed)).await;
    bundles::keep(around, &name, want, &look.observed, &ledger).await;
    let pre_stop = memory.pre_stop.clone();
    let mut plan = plan_within(around, &name, (&version, &pre_stop), (&mut look, &ledger));
    let context = context(around, &name, (&version, &pre_stop), &look);
    plan.held.extend(extra);
    refuse_unsound(&mut plan, &context.input(&ledger), around);
    let before = ledger.clone();
    ledger = planner::intend(&ledger, &plan);
    let trouble = save(around, &name, &mut memory, &ledger).await.err();
    if trouble.is_some() {
        // What was not written before it begins does not begin.
        plan.nodes.retain(|node| !node.reason.begins_run());
        ledger = before;
    }
    hold_unwritable(&mut plan, want, trouble.or(host_ledger));
    let report = execute(around, &look, plan).await;
    let generation = ledger.generation;
    ledger = planner::record(&ledger, &report, &around.policy);
    // A failure to write was reported above; the next pass tries again.
    drop(save(around, &name, &mut memory, &ledger).await);
    tell(around, &name, &mut memory, (&report, &look.observed.images), generation).await;
    let status = planner::status(&StatusInput {
        input: &context.input(&ledger),
        plan: &report.plan,
        previous: memory.status.as_ref(),
        source: &belief.source,
        diagnostics: &belief.diagnostics,
    });
    attend(&context, want, &ledger);
    publish(around, &mut memory, status, now).await;
    content::sweep(around, &name, want, (&look.observed, &look.facts)).await;
    if memory.kept_revisions.as_ref() != Some(&ledger.history) {
        revisions::keep(around, &name, &ledger).await;
        memory.kept_revisions = Some(ledger.history.clone());
    }
    let remains = remains(want, &report.plan);
    let wakes = planner::wakes_at(&context.input(&ledger));
    memory.ledger = Some(ledger);
    PassEnd {
        memory,
        requeue: requeue((&report, wakes), around.clock.now(), |image| {
            around.operations.join_image(&name, image)
        }),
        plan: Some(report.plan),
        remains,
        refused,
    }
}

/// Looks, accounts, and finds out which version is to run. What was judged may be left for another version, or an edit may
/// end that: then that one is looked at.
async fn judge(
    around: &Surroundings,
    (name, belief, files): (&ProjectName, &Belief, &Want),
    memory: &mut Memory,
    running: &RunningOperations,
    ledger: &mut ProjectLedger,
) -> Result<(Look, Effective), Failure> {
    let mut looks = 0;
    loop {
        let version = revisions::effective(around, name, ledger, files).await;
        let look = observe(around, (name, &version), memory, running, ledger).await?;
        learn_hooks(memory, (belief, &version.want), &look.observed);
        let context = context(around, name, (&version, &memory.pre_stop), &look);
        *ledger = planner::account(&context.input(ledger));
        looks += 1;
        let wanted = match files {
            Want::Run(declared) | Want::RunKeeping(declared) => planner::target(ledger, declared),
            Want::Remove | Want::Hold(..) => None,
        };
        let wanted = wanted.map(|target| target.number);
        let settled = wanted == version.number && version.has_images_of(files, ledger);
        if settled || version.held.is_some() || looks == MOST_LOOKS {
            return Ok((look, version));
        }
    }
}

/// Everything that the planner reads, but for the ledger, which changes on the way.
struct Context<'a> {
    around: &'a Surroundings,
    name: &'a ProjectName,
    intent: Intent<'a>,
    declared: Option<&'a DesiredProject>,
    pre_stop: &'a StopHooks,
    look: &'a Look,
    now: Timestamp,
    wall: Timestamp,
}

fn context<'a>(
    around: &'a Surroundings,
    name: &'a ProjectName,
    (version, pre_stop): (&'a Effective, &'a StopHooks),
    look: &'a Look,
) -> Context<'a> {
    let (intent, declared) = (intent(&version.want), version.declared.as_deref());
    let (now, wall) = (around.clock.now(), around.clock.wall());
    Context { around, name, intent, declared, pre_stop, look, now, wall }
}

impl Context<'_> {
    fn input<'b>(&'b self, ledger: &'b ProjectLedger) -> PlanInput<'b> {
        PlanInput {
            project: self.name,
            desired: self.intent,
            declared: self.declared,
            observed: &self.look.observed,
            host: &self.look.host,
            facts: &self.look.facts,
            ledger,
            pre_stop: self.pre_stop,
            operations: &self.look.running,
            verdicts: &self.look.verdicts,
            gate: &self.look.gate,
            policy: &self.around.policy,
            now: self.now,
            wall: self.wall,
        }
    }
}

/// The plan, within what may be disturbed at a time.
fn plan_within(
    around: &Surroundings,
    name: &ProjectName,
    version: (&Effective, &StopHooks),
    (look, ledger): (&mut Look, &ProjectLedger),
) -> Plan {
    let mut table = around.disrupted.lock();
    look.gate.disrupted = table.recent(around.clock.now(), &around.policy);
    let context = context(around, name, version, look);
    let (plan, disrupted) = planner::plan_counted(&context.input(ledger));
    table.note(name, disrupted, context.now);
    plan
}

/// Before its first look the prober learns who was ready when the controller before this one ended.
async fn recall_verdicts(around: &Surroundings, name: &ProjectName, want: &Want, memory: &Memory) {
    let (Want::Run(project) | Want::RunKeeping(project)) = want else {
        return;
    };
    let asked = project.services.values().any(|service| service.probes.is_some());
    if !asked || memory.status.is_some() {
        return;
    }
    let (store, key) = (around.ledger.clone(), name.clone());
    let told = around.blocking.run(move || store.project_status(&key)).await;
    if let Some(status) = told.ok().flatten() {
        around.prober.recall(name, &status);
    }
}

/// Has the prober ask the runs that were seen, but for those that this pass has begun to stop. While it is not known what
/// is wanted, it goes on as before.
fn attend(context: &Context<'_>, want: &Want, ledger: &ProjectLedger) {
    if matches!(want, Want::Hold(..)) {
        return;
    }
    let running = context.around.operations.running();
    let operations = running.into_iter().map(|one| (one.subject, one.running)).collect();
    let input = PlanInput { operations: &operations, ..context.input(ledger) };
    context.around.prober.attend(context.name, planner::probe_targets(&input));
}

/// The last good version comes first, so that a service that the next one takes away is known when it is stopped.
fn learn_hooks(memory: &mut Memory, (belief, want): (&Belief, &Want), observed: &ObservedState) {
    let lives = |name: &ServiceName| {
        let mut containers = observed.containers.iter();
        containers.any(|one| one.claim.service.as_ref() == Some(name))
    };
    if let Some(version) = &belief.version {
        memory.learn_hooks(version, lives);
    }
    if let Want::Run(project) | Want::RunKeeping(project) = want {
        memory.learn_hooks(project, lives);
    }
}

fn intent(want: &Want) -> Intent<'_> {
    match want {
        Want::Run(project) => Intent::Run(project),
        Want::RunKeeping(project) => Intent::RunKeeping(project),
        Want::Remove => Intent::Remove,
        Want::Hold(waiting, until) => Intent::Hold(waiting, *until),
    }
}

/// The ledger, with what operations and persons brought since the last pass.
async fn recall(
    around: &Surroundings,
    name: &ProjectName,
    memory: &mut Memory,
    changes: &[LedgerChange],
) -> (RunningOperations, ProjectLedger, Vec<Option<String>>) {
    let mut ledger = match memory.ledger.take() {
        Some(ledger) => ledger,
        None => load(around, name, memory).await,
    };
    let (running, reports) = around.operations.take(name);
    for report in &reports {
        ledger = planner::record_operation(&ledger, report, &around.policy);
        memory.note(&report::note_records(report));
    }
    let mut refused = Vec::new();
    for change in changes {
        match change.apply(&ledger) {
            Ok(after) => {
                ledger = after;
                refused.push(None);
            }
            Err(why) => refused.push(Some(why)),
        }
    }
    (running, ledger, refused)
}

fn unreachable(message: String) -> Failure {
    Failure { class: FailureClass::Unreachable, message }
}

async fn observe(
    around: &Surroundings,
    (name, version): (&ProjectName, &Effective),
    memory: &mut Memory,
    running: &RunningOperations,
    ledger: &ProjectLedger,
) -> Result<Look, Failure> {
    let mut request = ObserveRequest { project: Some(name.clone()), ..ObserveRequest::default() };
    let mut facts = SourceFacts::default();
    let mut shared = BTreeSet::new();
    if let Want::Run(project) | Want::RunKeeping(project) = &version.want {
        let files = version.declared.as_ref().unwrap_or(project);
        let services = project.services.values().chain(files.services.values());
        request.images = services
            .flat_map(|service| service.images().chain(service.check_images()))
            .map(str::to_owned)
            .collect();
        request.images.extend(planner::wanted_images(ledger).map(str::to_owned));
        let networks = project.networks.values();
        request.networks = networks.map(|network| network.name.clone()).collect();
        let volumes = project.volumes.values();
        request.volumes = volumes.map(|volume| volume.name.clone()).collect();
        shared = project.containers_of_others();
        let mut reader = std::mem::take(&mut memory.facts);
        let (wanted, paths, now) = (Arc::clone(files), around.paths.clone(), around.clock.now());
        let runs = version.declared.as_ref().map(|_| Arc::clone(project));
        let read = around.blocking.run(move || {
            let mut facts = reader.read(&wanted, &paths, now);
            if let Some(runs) = runs {
                // An earlier version builds nothing.
                facts.binds.extend(FactReader::default().read(&runs, &paths, now).binds);
            }
            (reader, facts)
        });
        (memory.facts, facts) = read.await.map_err(|panicked| Failure {
            class: FailureClass::Maybe,
            message: panicked.to_string(),
        })?;
        content::write(around, project, ledger, &mut facts).await;
        facts.backups = backups::known(around, files).await;
    }
    let observed = around.engine.observe(&request).await?;
    let host = around.engine.host_view(&shared).await?;
    // After the look: a verdict is about a run that was seen to begin.
    let verdicts = around.prober.verdicts(name);
    let mut gate = admission::gate(around, &version.want, &observed).await;
    gate.pressure = around.pressure.get();
    Ok(Look { observed, host, facts, running: running.clone(), verdicts, gate })
}

/// The engine could not be asked: nothing is planned, Ready is Unknown, the key backs off.
async fn blind(
    around: &Surroundings,
    (name, belief): (&ProjectName, &Belief),
    mut memory: Memory,
    ledger: ProjectLedger,
    failure: &Failure,
) -> PassEnd {
    tracing::warn!(project = %name, error = %failure.message, "the engine could not be asked");
    drop(save(around, name, &mut memory, &ledger).await);
    let generation = ledger.generation;
    memory.ledger = Some(ledger);
    let now = around.clock.now();
    if memory.status.is_none() {
        // What the controller before this one published stands until the engine can be asked again.
        let (store, key) = (around.ledger.clone(), name.clone());
        let told = around.blocking.run(move || store.project_status(&key)).await;
        memory.status = told.ok().flatten();
    }
    let previous = memory.status.as_ref();
    let status = report::unreachable_status((name, generation), belief, previous, failure, now);
    publish(around, &mut memory, status, now).await;
    PassEnd {
        memory,
        requeue: Requeue::Failed,
        plan: None,
        remains: Remains::Something,
        refused: Vec::new(),
    }
}

async fn execute(around: &Surroundings, look: &Look, plan: Plan) -> PassReport {
    let host = Host { around, project: plan.project.clone() };
    let walk_around = Walk {
        calls: &around.engine,
        host: &host,
        lanes: &around.lanes,
        observed_at: look.observed.at,
        cancel: &around.stopping,
    };
    walk(plan, walk_around).await
}

fn remains(want: &Want, plan: &Plan) -> Remains {
    if *want == Want::Remove && plan.nodes.is_empty() && plan.held.is_empty() {
        Remains::Nothing
    } else {
        Remains::Something
    }
}
