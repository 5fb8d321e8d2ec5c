//! Checks before a rollout: one container each, one after the other, before anything of a new version is made. What runs
//! goes on meanwhile, and is not touched by a check that fails.
//!
//! As with steps before a start the containers are their own memory: what ended is read off the engine and counted once.

use std::collections::BTreeMap;

use crate::model::before_check::{BeforeCheck, BeforeRecord, OnFailure, Reach};
use crate::model::config::{ContainerConfig, NetworkMode, RestartPolicy};
use crate::model::held::{Subject, WaitingOn};
use crate::model::hook::hide;
use crate::model::id::{ContainerName, ReplicaId, Revision, SpecHash};
use crate::model::ledger::{MOST_REVISIONS, ProjectLedger};
use crate::model::observed::{Exit, ImageState, Lifecycle, ObservedContainer, ObservedImage};
use crate::model::operation::Operation;
use crate::model::plan::{Action, ContainerRef, CreateContainer, StartBudget};
use crate::model::reason::Reason;
use crate::model::revision::FailureCause;
use crate::model::rollout::RolloutWait;
use crate::model::secret::{Secret, sha256_hex};
use crate::model::time::Timestamp;
use crate::planner::conformity::Conformity;
use crate::planner::create::Grounds;
use crate::planner::draft::{Draft, Place};
use crate::planner::hooks::failed_again;
use crate::planner::images::ImageVerdict;
use crate::planner::input::PlanInput;
use crate::planner::names;
use crate::planner::world::{ServiceView, Slot, World};

/// What the label of hooks says on the container of a check.
pub const HOOK: &str = "check";

/// What identifies the check at `index` in one version of a service; the label of its container.
fn hash(check: &BeforeCheck, revision: &Revision, index: usize) -> SpecHash {
    let text = format!("check\n{revision}\n{index}\n{}\n", check.digest());
    SpecHash::new(format!("v1:{}", sha256_hex([text.as_str()])))
}

/// What identifies a version together with all its checks.
fn version(checks: &[BeforeCheck], revision: &Revision) -> String {
    let hashes = checks.iter().enumerate();
    let hashes = hashes.map(|(index, one)| hash(one, revision, index).to_string());
    sha256_hex(hashes).chars().take(32).collect()
}

/// The check that is due.
struct Due<'a> {
    check: &'a BeforeCheck,
    index: usize,
    revision: Revision,
    hash: SpecHash,
    record: BeforeRecord,
}

/// The check that a version has to pass before it is rolled out, if one is left. A version of which a container exists
/// was let through before; one that was gone back to has held; what has run to its end is not made again.
fn due<'a>(
    input: &PlanInput<'_>,
    view: &ServiceView<'a>,
    ledger: &ProjectLedger,
) -> Option<Due<'a>> {
    let checks = &view.service.before;
    if checks.is_empty() || view.slots.is_empty() || input.declared.is_some() {
        return None;
    }
    let complete = |slot: &Slot<'_>| view.completed(ledger.replicas.get(&slot.replica.to_string()));
    if exists(view) || view.slots.iter().all(complete) {
        return None;
    }
    let revision = view.revision()?;
    let version = version(checks, &revision);
    let known = ledger.before_checks.get(&view.service.name);
    if known.is_some_and(|record| record.passed.contains(&version)) {
        return None;
    }
    let known = known.filter(|record| record.version == version).cloned();
    let record = known.unwrap_or_else(|| BeforeRecord { version, ..BeforeRecord::default() });
    let index = usize::try_from(record.done).ok()?;
    let check = checks.get(index)?;
    let hash = hash(check, &revision, index);
    Some(Due { check, index, revision, hash, record })
}

/// Whether a container of the version is there.
fn exists(view: &ServiceView<'_>) -> bool {
    let all = view.slots.iter().flat_map(|slot| slot.current.iter().chain(&slot.old));
    let mut all = all.map(|one| &one.conformity);
    all.any(|one| one.keeps() && *one != Conformity::Gone)
}

/// Remembers that a version has passed, whatever becomes of its containers.
fn pass(record: &mut BeforeRecord) {
    if !record.passed.contains(&record.version) {
        record.passed.push_back(record.version.clone());
    }
    while record.passed.len() > MOST_REVISIONS {
        record.passed.pop_front();
    }
}

/// Whether containers of this version may be made.
pub fn let_through(world: &World<'_>, view: &ServiceView<'_>) -> bool {
    due(world.input, view, world.input.ledger).is_none()
}

/// When the present version passed its last check: until then nothing else could go on.
pub fn passed_at(view: &ServiceView<'_>, ledger: &ProjectLedger) -> Option<Timestamp> {
    ledger.before_checks.get(&view.service.name)?.last_done
}

/// References of the images that a check which is due runs, that of the service aside.
pub fn image<'a>(world: &World<'_>, view: &ServiceView<'a>) -> Option<&'a str> {
    due(world.input, view, world.input.ledger)?.check.image.as_deref()
}

/// Counts what checks came to (part of [`account`](super::account::account)).
pub fn remember(world: &World<'_>, view: &ServiceView<'_>, ledger: &mut ProjectLedger) {
    let (name, checks) = (&view.service.name, &view.service.before);
    if checks.is_empty() {
        ledger.before_checks.remove(name);
        return;
    }
    let Some(revision) = view.revision() else {
        return;
    };
    let version = version(checks, &revision);
    let record = ledger.before_checks.entry(name.clone()).or_default();
    if record.version != version {
        let passed = std::mem::take(&mut record.passed);
        *record = BeforeRecord { version, passed, ..BeforeRecord::default() };
    }
    if exists(view) {
        return pass(record);
    }
    let index = usize::try_from(record.done).unwrap_or(usize::MAX);
    let Some(check) = checks.get(index) else {
        return;
    };
    let Some(container) = current(world, view, &hash(check, &revision, index)) else {
        return;
    };
    let text = match &container.lifecycle {
        Lifecycle::Exited(exit) => outcome(check, exit),
        Lifecycle::Created { failure: Some(failure) } => Some(failure.error.clone()),
        _ => return,
    };
    if record.counted.as_ref() == Some(&container.id) {
        return;
    }
    record.counted = Some(container.id.clone());
    record.log.clear();
    match text {
        Some(text) if check.on_failure == OnFailure::Reject => {
            let at = (world.input.now, world.input.policy, name.as_str());
            record.failure = Some(failed_again(record.failure.as_ref(), text, at));
        }
        _ => {
            record.done = record.done.saturating_add(1);
            record.last_done = Some(world.input.now);
            record.failure = None;
        }
    }
    if usize::try_from(record.done).unwrap_or(usize::MAX) >= checks.len() {
        pass(record);
    }
}

/// How a check failed; `None` if it did not.
fn outcome(check: &BeforeCheck, exit: &Exit) -> Option<String> {
    let times = exit.started_at.zip(exit.finished_at);
    if times.is_some_and(|(start, end)| end.since(start) >= check.timeout) {
        return Some(format!("no end within {:?}", check.timeout));
    }
    (exit.code != 0).then(|| format!("exit code {}", exit.code))
}

/// Whoever changes files, or asks for another try, has the check made again at once.
pub fn forget_failures(ledger: &mut ProjectLedger) {
    ledger.before_checks.values_mut().for_each(|record| record.failure = None);
}

/// Why a version failed, if a check before its rollout is what did, with its last lines.
pub fn failure(
    world: &World<'_>,
    view: &ServiceView<'_>,
    ledger: &ProjectLedger,
) -> Option<(FailureCause, Vec<String>)> {
    let due = due(world.input, view, ledger)?;
    let failure = due.record.failure.as_ref().filter(|_| !due.record.log.is_empty())?;
    let log = lines(&due);
    let error = std::iter::once(failure.error.clone()).chain(log.clone());
    let error = error.collect::<Vec<_>>().join("; ");
    Some((FailureCause::Check { name: due.check.name.clone(), error }, log))
}

/// The last lines of a check that failed, less the values that it was given.
fn lines(due: &Due<'_>) -> Vec<String> {
    due.record.log.iter().map(|line| hide(line, &due.check.hidden)).collect()
}

/// The newest container of a check.
fn current<'a>(
    world: &World<'a>,
    view: &ServiceView<'_>,
    hash: &SpecHash,
) -> Option<&'a ObservedContainer> {
    let same = of_service(world, view).filter(|one| one.claim.spec_hash.as_ref() == Some(hash));
    same.max_by_key(|one| (one.created_at, one.id.clone()))
}

fn of_service<'a, 'w>(
    world: &'w World<'a>,
    view: &'w ServiceView<'_>,
) -> impl Iterator<Item = &'a ObservedContainer> + 'w {
    let checks = world.checks.iter().copied();
    checks.filter(|one| one.claim.service.as_ref() == Some(&view.service.name))
}

/// Removes containers of checks that are over, begins the one that is due, or says what it waits for.
pub fn plan_before(
    world: &World<'_>,
    grounds: &Grounds,
    view: &ServiceView<'_>,
    draft: &mut Draft<'_>,
) {
    let due = due(world.input, view, world.input.ledger);
    for container in of_service(world, view) {
        let wanted = due.as_ref().map(|due| &due.hash);
        if container.claim.spec_hash.as_ref() != wanted {
            leave(draft, container, Reason::Leftover);
        }
    }
    let Some(due) = due else {
        return;
    };
    let subject = Subject::Service(view.service.name.clone());
    let name = due.check.name.clone();
    if let Some(failure) = &due.record.failure
        && let Some(until) = failure.next_try.filter(|next| *next > world.input.now)
    {
        let error = std::iter::once(failure.error.clone()).chain(lines(&due));
        let error = error.collect::<Vec<_>>().join("; ");
        let waiting = RolloutWait::CheckFailed { name, failures: failure.failures, error };
        return draft.hold(subject, WaitingOn::Rollout(waiting), Some(until));
    }
    let running = current(world, view, &due.hash);
    let until = running.and_then(|one| match one.lifecycle {
        Lifecycle::Running { started_at } => Some(started_at.plus(due.check.timeout)),
        _ => None,
    });
    let over = until.is_some_and(|until| until <= world.input.now);
    draft.hold(
        subject,
        WaitingOn::Rollout(RolloutWait::BeforeCheck { name }),
        until.filter(|_| !over),
    );
    match running {
        Some(one) if !one.lifecycle.is_alive() || over => leave(draft, one, reason(&due)),
        Some(_) => {}
        None => begin(world, grounds, view, draft, &due),
    }
}

fn reason(due: &Due<'_>) -> Reason {
    let failures = due.record.failure.as_ref().map_or(0, |failure| failure.failures);
    Reason::Check { name: due.check.name.clone(), failures }
}

/// Stops what runs and removes what does not.
fn leave(draft: &mut Draft<'_>, container: &ObservedContainer, reason: Reason) {
    let (id, name) = (container.id.clone(), container.name.clone());
    let subject = Subject::Container(name.clone());
    let action = match &container.lifecycle {
        Lifecycle::Removing => return draft.hold(subject, WaitingOn::Removing, None),
        lifecycle if lifecycle.is_alive() => {
            let service = container.claim.service.clone().unwrap_or_else(|| "".into());
            Action::Begin(Box::new(Operation::Stop {
                container: id,
                name,
                replica: ReplicaId::new(service, 0),
                timeout_s: None,
                pre_stop: Vec::new(),
            }))
        }
        _ => Action::RemoveContainer { container: id, name, keep_logs: false },
    };
    draft.push(Place { subject: &subject, after: Vec::new() }, action, reason);
}

/// Creates and starts the container of a check, once its image is there and those before it are gone.
fn begin(
    world: &World<'_>,
    grounds: &Grounds,
    view: &ServiceView<'_>,
    draft: &mut Draft<'_>,
    due: &Due<'_>,
) {
    let name = ContainerName::new(format!(
        "{}-{}-check-{}",
        world.desired.name,
        view.service.name,
        due.index.saturating_add(1)
    ));
    if let Some(holder) = world.input.host.names.get(&name) {
        if !world.checks.iter().any(|one| one.id == holder.container) {
            let subject = Subject::Service(view.service.name.clone());
            draft.hold(subject, WaitingOn::NameHeldByUnmanaged { name }, None);
        }
        return;
    }
    if of_service(world, view).any(|one| one.lifecycle.is_alive()) {
        return;
    }
    let Some(create) = create(world, grounds, view, (due, name.clone())) else {
        return;
    };
    let subject = Subject::Container(name.clone());
    let place = Place { subject: &subject, after: Vec::new() };
    let action = Action::CreateContainer(Box::new(create));
    let Some(node) = draft.push(place, action, reason(due)) else {
        return;
    };
    let container = ContainerRef::CreatedBy(node);
    let action = Action::StartContainer { container, name, budget: StartBudget::Free };
    draft.push(Place { subject: &subject, after: vec![node] }, action, reason(due));
}

fn create(
    world: &World<'_>,
    grounds: &Grounds,
    view: &ServiceView<'_>,
    (due, name): (&Due<'_>, ContainerName),
) -> Option<CreateContainer> {
    let own = &view.service.image;
    let reference = due.check.image.as_ref().unwrap_or(own);
    let usable = |image: &String| grounds.images.get(image) == Some(&ImageVerdict::Usable);
    if !usable(own) || !usable(reference) {
        return None;
    }
    let image = world.input.observed.images.get(reference).and_then(ImageState::present);
    let image_id = image.and_then(|image: &ObservedImage| image.id.clone())?;
    let mut labels = names::step_labels(
        world.desired,
        view.service,
        (&image_id, &due.revision, &due.hash),
        world.input.policy,
    );
    labels.insert("com.docker.compose.hook".to_owned(), HOOK.to_owned());
    Some(CreateContainer {
        replica: ReplicaId::new(view.service.name.clone(), 0),
        labels,
        name,
        image: reference.clone(),
        image_id,
        primary_network: None,
        dns_names: Vec::new(),
        config: config(view, due.check)?,
        revision: due.revision.clone(),
    })
}

/// Of the service it has the variables, user and directory if it runs its image, and nothing else: what is tested may
/// neither reach what serves nor write where it writes, and a tool gets no secrets of the service.
fn config(view: &ServiceView<'_>, check: &BeforeCheck) -> Option<ContainerConfig> {
    let service = &view.service.config;
    let own = check.image.is_none();
    let mut environment = if own { service.environment.clone() } else { BTreeMap::new() };
    let told = [("IMAGE", view.service.image.as_str()), ("IMAGE_ID", view.image_id()?.as_str())];
    let told = told.map(|(name, value)| (name.to_owned(), Some(Secret::new(value))));
    environment.extend(told);
    let said = check.environment.iter();
    environment.extend(said.map(|(name, value)| (name.clone(), Some(value.clone()))));
    Some(ContainerConfig {
        command: Some(check.command.clone()).filter(|words| !words.is_empty()),
        environment,
        user: service.user.clone().filter(|_| own),
        working_dir: service.working_dir.clone().filter(|_| own),
        platform: service.platform.clone().filter(|_| own),
        network_mode: match check.reach {
            Reach::Nothing => NetworkMode::None,
            Reach::Bridge => NetworkMode::Bridge,
        },
        logging: service.logging.clone(),
        runtime: service.runtime.clone(),
        restart: RestartPolicy::No,
        ..ContainerConfig::default()
    })
}
