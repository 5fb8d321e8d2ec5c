//! Checks before a rollout: one container each, one after the other, before anything of a new version is made. What runs
//! goes on meanwhile, and is not touched by a check that fails.
//!
//! As with steps before a start the containers are their own memory: what ended is read off the engine and counted once.

use std::collections::BTreeMap;

use crate::model::before_check::{BeforeCheck, BeforeRecord, OnFailure, Reach};
use crate::model::config::{ContainerConfig, NetworkMode, RestartPolicy};
use crate::model::desired::DesiredService;
use crate::model::held::{Subject, WaitingOn};
use crate::model::hook::hide;
use crate::model::id::{ContainerName, ReplicaId, Revision, SpecHash};
use crate::model::ledger::{MOST_REVISIONS, ProjectLedger};
use crate::model::observed::{ImageState, ObservedImage};
use crate::model::plan::CreateContainer;
use crate::model::reason::Reason;
use crate::model::revision::FailureCause;
use crate::model::rollout::RolloutWait;
use crate::model::secret::{Secret, sha256_hex};
use crate::model::time::Timestamp;
use crate::planner::companions::Company;
use crate::planner::conformity::Conformity;
use crate::planner::create::Grounds;
use crate::planner::draft::Draft;
use crate::planner::hooks::failed_again;
use crate::planner::images::ImageVerdict;
use crate::planner::input::PlanInput;
use crate::planner::world::{ServiceView, Slot, World};
use crate::planner::{after_checks, companions, names, one_offs};

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
    let hash = hash(check, &revision, index);
    let ended = match one_offs::newest(&world.checks, name, &hash) {
        Some(container) => one_offs::end(container, check.timeout).map(|end| (&container.id, end)),
        None => companions::failed(world, &company(world, view, (check, index, &hash), record))
            .map(|(id, error)| (id, Some(error))),
    };
    let Some((id, text)) = ended.filter(|(id, _)| record.counted.as_ref() != Some(*id)) else {
        return;
    };
    record.counted = Some(id.clone());
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

/// The companions of the next try of a check.
fn company<'a>(
    world: &World<'_>,
    view: &'a ServiceView<'_>,
    (check, index, hash): (&'a BeforeCheck, usize, &SpecHash),
    record: &BeforeRecord,
) -> Company<'a> {
    let tries = record.failure.as_ref().map_or(0, |failure| failure.failures);
    Company {
        service: view.service,
        with: &check.with,
        reach: check.reach,
        timeout: check.timeout,
        name: container_name(world, view, index).to_string(),
        // What a try that failed has written must not be there in the next one.
        hash: SpecHash::new(format!("v1:{}", sha256_hex([format!("{hash}\n{tries}\n")]))),
    }
}

/// Real name of the network of the check that is due, if it has one.
pub fn network(world: &World<'_>, view: &ServiceView<'_>) -> Option<String> {
    let due = due(world.input, view, world.input.ledger)?;
    let name = container_name(world, view, due.index).to_string();
    (!due.check.with.is_empty()).then_some(name)
}

fn container_name(world: &World<'_>, view: &ServiceView<'_>, index: usize) -> ContainerName {
    let number = index.saturating_add(1);
    ContainerName::new(format!("{}-{}-check-{number}", world.desired.name, view.service.name))
}

/// Removes containers of checks that are over, and of their companions.
fn clear(world: &World<'_>, view: &ServiceView<'_>, draft: &mut Draft<'_>, due: Option<&Due<'_>>) {
    let name = &view.service.name;
    let wanted = [due.map(|due| due.hash.clone()), after_checks::container_hash(world, view)];
    for container in one_offs::of_service(&world.checks, name) {
        if !wanted.contains(&container.claim.spec_hash) || container.claim.spec_hash.is_none() {
            one_offs::leave(draft, container, Reason::Leftover);
        }
    }
    let record = world.input.ledger.before_checks.get(name);
    let unread = record.filter(|record| record.log.is_empty());
    let unread = unread.and_then(|record| record.counted.as_ref());
    let company =
        due.map(|due| company(world, view, (due.check, due.index, &due.hash), &due.record).hash);
    for container in one_offs::of_service(&world.companions, name) {
        let told = container.lifecycle.is_alive() || unread != Some(&container.id);
        if told && (company.is_none() || container.claim.spec_hash != company) {
            one_offs::leave(draft, container, Reason::Leftover);
        }
    }
}

/// Removes containers of checks that are over, begins the one that is due, or says what it waits for.
pub fn plan_before(
    world: &World<'_>,
    grounds: &Grounds,
    view: &ServiceView<'_>,
    draft: &mut Draft<'_>,
) {
    let due = due(world.input, view, world.input.ledger);
    clear(world, view, draft, due.as_ref());
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
    let running = one_offs::newest(&world.checks, &view.service.name, &due.hash);
    let until = running.and_then(|one| one_offs::deadline(one, due.check.timeout));
    let over = until.is_some_and(|until| until <= world.input.now);
    draft.hold(
        subject,
        WaitingOn::Rollout(RolloutWait::BeforeCheck { name }),
        until.filter(|_| !over),
    );
    match running {
        Some(one) if !one.lifecycle.is_alive() || over => {
            one_offs::leave(draft, one, reason(&due));
        }
        Some(_) => {}
        None => begin(world, grounds, view, draft, &due),
    }
}

fn reason(due: &Due<'_>) -> Reason {
    let failures = due.record.failure.as_ref().map_or(0, |failure| failure.failures);
    Reason::Check { name: due.check.name.clone(), failures }
}

/// Creates and starts the container of a check, once its image and its companions are there and those before it are gone.
fn begin(
    world: &World<'_>,
    grounds: &Grounds,
    view: &ServiceView<'_>,
    draft: &mut Draft<'_>,
    due: &Due<'_>,
) {
    let name = container_name(world, view, due.index);
    let subject = Subject::Service(view.service.name.clone());
    if !one_offs::is_free(world, draft, (&name, subject.clone()), &world.checks) {
        return;
    }
    let mut others = one_offs::of_service(&world.checks, &view.service.name);
    if others.any(|one| one.lifecycle.is_alive()) {
        return;
    }
    let Some(mut create) = create(world, grounds, view, (due, name)) else {
        return;
    };
    let mut after = Vec::new();
    if !due.check.with.is_empty() {
        let company = company(world, view, (due.check, due.index, &due.hash), &due.record);
        let network = companions::gather((world, grounds), draft, &company, &reason(due));
        let Some(network) = network else { return };
        companions::join(&mut create, &company.name);
        after = network.after;
    }
    one_offs::start(world, draft, create, (after, Vec::new()), (&|_| None, reason(due)));
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
    let labels = names::step_labels(
        world.desired,
        view.service,
        (one_offs::CHECK, &image_id, &due.revision, &due.hash),
        world.input.policy,
    );
    Some(CreateContainer {
        replica: ReplicaId::new(view.service.name.clone(), 0),
        labels,
        name,
        image: reference.clone(),
        image_id,
        primary_network: None,
        dns_names: Vec::new(),
        config: check_config(view.service, due.check, view.image_id()?.as_str()),
        revision: due.revision.clone(),
    })
}

/// Of the service it has the variables, user and directory if it runs its image, and nothing else: what is tested may
/// neither reach what serves nor write where it writes, and a tool gets no secrets of the service.
pub fn check_config(
    service: &DesiredService,
    check: &BeforeCheck,
    image_id: &str,
) -> ContainerConfig {
    let told = [("IMAGE", service.image.as_str()), ("IMAGE_ID", image_id)];
    let service = &service.config;
    let own = check.image.is_none();
    let mut environment = if own { service.environment.clone() } else { BTreeMap::new() };
    let told = told.map(|(name, value)| (name.to_owned(), Some(Secret::new(value))));
    environment.extend(told);
    let said = check.environment.iter();
    environment.extend(said.map(|(name, value)| (name.clone(), Some(value.clone()))));
    ContainerConfig {
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
    }
}
