//! Steps before the first start of a version (`pre_start`): one container each, one after the other, while no replica runs.
//!
//! Their containers are their own memory: what ended is read off the engine and counted once, so that a controller that
//! was killed doubles nothing.

use crate::model::config::{ContainerConfig, Endpoint, RestartPolicy};
use crate::model::desired::DesiredService;
use crate::model::held::{Subject, WaitingOn};
use crate::model::hook::{HookKind, HookStep, PreStart, hide};
use crate::model::id::{ContainerId, ContainerName, ImageId, ReplicaId, Revision, SpecHash};
use crate::model::join::{Owner, VolumesFrom};
use crate::model::ledger::{ProjectLedger, StepRecord};
use crate::model::observed::{ImageState, Lifecycle, ObservedContainer};
use crate::model::plan::{CreateContainer, NodeId};
use crate::model::reason::{HookTry, Reason};
use crate::model::secret::sha256_hex;
use crate::planner::conformity::Conformity;
use crate::planner::create::{Grounds, foundations, primary_network};
use crate::planner::draft::Draft;
use crate::planner::hooks::{backs_off, failed_again};
use crate::planner::images::ImageVerdict;
use crate::planner::input::PlanInput;
use crate::planner::slot::SlotContext;
use crate::planner::world::{ServiceView, World};
use crate::planner::{joined, names, one_offs};

/// Lines of a failed step that its hold shows.
const LINES: usize = 5;

/// What identifies the step at `index` in one version of a service; its label.
fn step_hash(view: &ServiceView<'_>, revision: &Revision, index: usize) -> SpecHash {
    let service = view.service;
    let digest = service.hooks.pre_start.get(index).map(PreStart::digest).unwrap_or_default();
    let text = format!("{revision}\n{index}\n{digest}\n");
    let networks = service.config.endpoints.keys().flat_map(|network| [network, "\n"]);
    SpecHash::new(format!("v1:{}", sha256_hex(std::iter::once(text.as_str()).chain(networks))))
}

/// What identifies all steps of one version.
fn version(view: &ServiceView<'_>, revision: &Revision) -> String {
    let steps = 0..view.service.hooks.pre_start.len();
    let hashes = steps.map(|index| step_hash(view, revision, index).to_string());
    sha256_hex(hashes).chars().take(32).collect()
}

fn done(record: &StepRecord) -> usize {
    usize::try_from(record.done).unwrap_or(usize::MAX)
}

/// Counts what steps came to (part of [`account`](super::account::account)).
pub fn remember(
    input: &PlanInput<'_>,
    world: &World<'_>,
    view: &ServiceView<'_>,
    ledger: &mut ProjectLedger,
) {
    let name = &view.service.name;
    if view.service.hooks.pre_start.is_empty() {
        ledger.steps.remove(name);
        return;
    }
    let Some(revision) = view.revision() else {
        return;
    };
    let version = version(view, &revision);
    let record = ledger.steps.entry(name.clone()).or_default();
    if record.version != version {
        *record = StepRecord { version, ..StepRecord::default() };
    }
    let hash = step_hash(view, &revision, done(record));
    let Some(container) = one_offs::newest(&world.steps, name, &hash) else {
        return;
    };
    let (code, text) = match &container.lifecycle {
        Lifecycle::Exited(exit) => (exit.code, format!("exit code {}", exit.code)),
        Lifecycle::Created { failure: Some(failure) } => (failure.exit_code, failure.error.clone()),
        _ => return,
    };
    if record.counted.as_ref() == Some(&container.id) {
        return;
    }
    record.counted = Some(container.id.clone());
    record.log.clear();
    if code == 0 {
        record.done = record.done.saturating_add(1);
        record.failure = None;
    } else {
        let at = (input.now, input.policy, name.as_str());
        record.failure = Some(failed_again(record.failure.as_ref(), text, at));
    }
}

/// Whether nothing is to be done before a start: a replica runs, or one of this version ran already.
fn is_past(view: &ServiceView<'_>) -> bool {
    let all = view.slots.iter().flat_map(|slot| slot.current.iter().chain(&slot.old));
    let mut all = all.map(|one| (one.container, one.conformity.keeps()));
    let ran = all.any(|(container, keeps)| {
        let alive = container.lifecycle.is_alive();
        alive || (keeps && matches!(container.lifecycle, Lifecycle::Exited(_)))
    });
    ran || view.surplus.iter().any(|one| one.lifecycle.is_alive())
}

/// The step that is due, by its index, with its label.
fn due(
    input: &PlanInput<'_>,
    view: &ServiceView<'_>,
) -> Option<(usize, SpecHash, Option<StepRecord>)> {
    let revision = view.revision()?;
    let record = input.ledger.steps.get(&view.service.name);
    let record = record.filter(|record| record.version == version(view, &revision));
    let index = record.map_or(0, done);
    let left = index < view.service.hooks.pre_start.len() && !view.slots.is_empty();
    left.then(|| (index, step_hash(view, &revision, index), record.cloned()))
}

/// Removes containers of steps that are over, or of other versions. What runs and is due comes to its end.
pub fn clear(world: &World<'_>, view: &ServiceView<'_>, draft: &mut Draft<'_>) {
    let due = due(world.input, view);
    for container in one_offs::of_service(&world.steps, &view.service.name) {
        let wanted = due.as_ref().is_some_and(|(_, hash, _)| {
            container.claim.spec_hash.as_ref() == Some(hash)
                && (container.lifecycle.is_alive() || !is_past(view))
        });
        if !wanted {
            leave(draft, container);
        }
    }
}

fn leave(draft: &mut Draft<'_>, container: &ObservedContainer) {
    let reason = match &container.lifecycle {
        Lifecycle::Exited(exit) if exit.code == 0 => Reason::StepDone,
        _ => Reason::Leftover,
    };
    one_offs::leave(draft, container, reason);
}

/// Whether a replica may start. If not, the next step is planned, once for all replicas, and the hold says what is waited for.
pub fn may_start(context: SlotContext<'_, '_>, draft: &mut Draft<'_>) -> bool {
    let (input, view) = (context.world.input, context.view);
    if view.service.hooks.pre_start.is_empty() || is_past(view) {
        return true;
    }
    let Some((index, hash, record)) = due(input, view) else {
        return true;
    };
    let count = view.service.hooks.pre_start.len();
    let step = HookStep::new(HookKind::PreStart, u32::try_from(index).unwrap_or(u32::MAX), count);
    let failure = record.as_ref().and_then(|record| record.failure.as_ref());
    if let Some((waiting, until)) = backs_off(failure, step, input.now) {
        let waiting = with_output(view, index, waiting, record.as_ref());
        draft.hold(context.subject(), waiting, Some(until));
    } else {
        if draft.once(&view.service.name) {
            let before = failure.map_or(HookTry::First, |one| HookTry::Failed(one.failures));
            plan_step(context, draft, (index, &hash), Reason::Hook { step, before });
        }
        draft.hold(context.subject(), WaitingOn::Hook(step), None);
    }
    false
}

/// The hold of a failed step with its last lines, less the values that it was given.
fn with_output(
    view: &ServiceView<'_>,
    index: usize,
    waiting: WaitingOn,
    record: Option<&StepRecord>,
) -> WaitingOn {
    let (WaitingOn::HookFailed { step, failures, error }, Some(record)) = (&waiting, record) else {
        return waiting;
    };
    let hidden = view.service.hooks.pre_start.get(index).map(|step| step.run.hidden.as_slice());
    let skipped = record.log.len().saturating_sub(LINES);
    let lines = record.log.iter().skip(skipped);
    let lines: Vec<String> = lines.map(|line| hide(line, hidden.unwrap_or_default())).collect();
    let error = std::iter::once(error.clone()).chain(lines).collect::<Vec<_>>().join("; ");
    WaitingOn::HookFailed { step: *step, failures: *failures, error }
}

/// The next move of a step: what failed or was left unfinished goes first, the next pass creates.
fn plan_step(
    context: SlotContext<'_, '_>,
    draft: &mut Draft<'_>,
    (index, hash): (usize, &SpecHash),
    reason: Reason,
) {
    let (world, view) = (context.world, context.view);
    if let Some(old) = one_offs::newest(&world.steps, &view.service.name, hash) {
        let gone = matches!(old.lifecycle, Lifecycle::Removing);
        if !old.lifecycle.is_alive() && !gone {
            one_offs::leave(draft, old, reason);
        }
        return;
    }
    let name = ContainerName::new(format!(
        "{}-{}-pre_start-{}",
        world.desired.name,
        view.service.name,
        index.saturating_add(1)
    ));
    if !one_offs::is_free(world, draft, (&name, context.subject()), &world.steps) {
        return;
    }
    let mut others = one_offs::of_service(&world.steps, &view.service.name);
    if others.any(|one| one.lifecycle.is_alive()) {
        return;
    }
    let Some(step) = view.service.hooks.pre_start.get(index) else {
        return;
    };
    let what = Run { hook: one_offs::STEP, step, hash, name };
    run((world, context.grounds), view, draft, what, (context.subject(), reason));
}

/// What a container is to run once.
#[derive(Debug)]
pub struct Run<'a> {
    /// What the label of hooks says on it.
    pub hook: &'static str,
    /// Image and command.
    pub step: &'a PreStart,
    /// What identifies it; its label.
    pub hash: &'a SpecHash,
    /// Its name.
    pub name: ContainerName,
}

/// Creates and starts a container that runs once beside the replicas of a service: on its networks, with its mounts.
pub fn run(
    (world, grounds): (&World<'_>, &Grounds),
    view: &ServiceView<'_>,
    draft: &mut Draft<'_>,
    what: Run<'_>,
    (subject, reason): (Subject, Reason),
) {
    let Some(mut create) = create((world, grounds), view, what) else {
        return;
    };
    let owners = match joins(world, draft, &mut create) {
        Ok(owners) => owners,
        Err(waiting) => return draft.hold(subject, waiting, None),
    };
    let Some(after) = foundations(grounds, &create.config) else {
        return;
    };
    let network = |name: &str| Some(grounds.networks.get(name)?.network.clone());
    one_offs::start(world, draft, create, (after, owners), (&network, reason));
}

/// A step of a service that shares namespaces shares them too. Gives the starts of their owners that it waits for.
fn joins(
    world: &World<'_>,
    draft: &Draft<'_>,
    create: &mut CreateContainer,
) -> Result<Vec<NodeId>, WaitingOn> {
    joined::namespaces(&mut create.config, world.directory())?;
    joined::before_start(world, draft, &create.config)
}

/// The container whose mounts a step gets: that of the lowest number that is there.
fn sharer<'a>(view: &ServiceView<'a>) -> Option<&'a ContainerId> {
    let mut slots = view.slots.iter().filter_map(|slot| slot.current.as_ref());
    let there = slots.find(|one| one.conformity.keeps() && one.conformity != Conformity::Gone);
    there.map(|one| &one.container.id)
}

fn create(
    (world, grounds): (&World<'_>, &Grounds),
    view: &ServiceView<'_>,
    Run { hook, step, hash, name }: Run<'_>,
) -> Option<CreateContainer> {
    let usable = grounds.images.get(&step.image) == Some(&ImageVerdict::Usable);
    let image = world.input.observed.images.get(&step.image).and_then(ImageState::present);
    let image_id: ImageId = image.filter(|_| usable)?.id.clone()?;
    let revision = view.revision()?;
    let mut config = step_config(view.service, step);
    let from = Owner::Container(sharer(view)?.to_string());
    config.volumes_from = vec![VolumesFrom { from, read_only: false }];
    Some(CreateContainer {
        replica: ReplicaId::new(view.service.name.clone(), 0),
        labels: names::step_labels(
            world.desired,
            view.service,
            (hook, &image_id, &revision, hash),
            world.input.policy,
        ),
        name,
        image: step.image.clone(),
        image_id,
        primary_network: primary_network(&config),
        dns_names: Vec::new(),
        config,
        revision,
    })
}

/// On the networks of the service, but not under its names and addresses; with its variables beneath those of the step.
pub fn step_config(service: &DesiredService, step: &PreStart) -> ContainerConfig {
    let own = step.image == service.image;
    let service = &service.config;
    let endpoints = service.endpoints.iter().map(|(name, endpoint)| {
        let (gw_priority, priority) = (endpoint.gw_priority, endpoint.priority);
        (name.clone(), Endpoint { gw_priority, priority, ..Endpoint::default() })
    });
    let mut environment = service.environment.clone();
    environment.extend(step.run.environment.clone());
    let inherited = |text: &Option<String>| text.clone().filter(|_| own);
    let mut config = ContainerConfig {
        command: Some(step.run.command.clone()).filter(|words| !words.is_empty()),
        environment,
        user: step.run.user.clone().or_else(|| inherited(&service.user)),
        working_dir: step.run.working_dir.clone().or_else(|| inherited(&service.working_dir)),
        endpoints: endpoints.collect(),
        network_mode: service.network_mode.clone(),
        dns: service.dns.clone(),
        logging: service.logging.clone(),
        runtime: service.runtime.clone(),
        platform: inherited(&service.platform),
        restart: RestartPolicy::No,
        ..ContainerConfig::default()
    };
    config.security.privileged = step.run.privileged;
    config
}
