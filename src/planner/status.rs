//! What is published about a project: a pure view of input and plan.

use std::collections::BTreeSet;

use crate::model::config::{ContainerConfig, MountSource, NetworkMode};
use crate::model::desired::DesiredProject;
use crate::model::diagnostic::Diagnostic;
use crate::model::held::{Held, Subject};
use crate::model::ledger::ReplicaRecord;
use crate::model::observed::{Health, Lifecycle, ObservedContainer};
use crate::model::plan::Plan;
use crate::model::status::{ContainerStatus, ImageStatus, ProjectStatus, ServiceStatus};
use crate::model::time::Timestamp;
use crate::planner::conditions::{project_conditions, service_conditions};
use crate::planner::conformity::Conformity;
use crate::planner::drill;
use crate::planner::heal::{Healing, healing};
use crate::planner::hooks;
use crate::planner::image_updates;
use crate::planner::input::PlanInput;
use crate::planner::jobs;
use crate::planner::joined;
use crate::planner::neighbours;
use crate::planner::restore_drills;
use crate::planner::schedules;
use crate::planner::verdict;
use crate::planner::world::{Judged, ServiceView, Slot, World};

/// What a status is made of.
#[derive(Clone, Copy, Debug)]
pub struct StatusInput<'a> {
    /// Input of the plan.
    pub input: &'a PlanInput<'a>,
    /// The plan.
    pub plan: &'a Plan,
    /// The status before, for the instants of transitions.
    pub previous: Option<&'a ProjectStatus>,
    /// Entry of the project in the watched directory.
    pub source: &'a str,
    /// Findings of the last load.
    pub diagnostics: &'a [Diagnostic],
}

/// Status of one project. The controller adds recent actions and call counts.
pub fn status(look: &StatusInput<'_>) -> ProjectStatus {
    let input = look.input;
    let world = input.desired.project().map(|desired| World::new(input, desired));
    let services: Vec<ServiceStatus> = world
        .iter()
        .flat_map(|world| world.services.iter().map(move |view| service_status(look, world, view)))
        .collect();
    let mut status = ProjectStatus {
        name: input.project.clone(),
        source: look.source.to_owned(),
        generation: input.ledger.generation,
        observed_generation: input.ledger.generation,
        observed_at: Some(input.observed.at),
        published_at: input.now,
        conditions: Vec::new(),
        others: others(input, &services),
        services,
        held: look.plan.held.clone(),
        diagnostics: look.diagnostics.to_vec(),
        commit: input.declared.or(input.desired.project()).and_then(|files| files.commit.clone()),
        revisions: input.ledger.history.iter().cloned().collect(),
        rollback: input.ledger.rollback.clone(),
        not_kept: input.desired.project().map(not_kept).unwrap_or_default(),
        drill: drill::status(input),
        restore_drills: restore_drills::status(input),
        depends_on: input
            .desired
            .project()
            .map(|one| neighbours::edges_of(input, one))
            .unwrap_or_default(),
        recent: look.previous.map(|previous| previous.recent.clone()).unwrap_or_default(),
        mutating_calls: 0,
    };
    status.conditions = project_conditions(look, &status);
    status
}

/// What a rollback leaves as it is: volumes, and bound directories and files whose content does not count.
fn not_kept(desired: &DesiredProject) -> Vec<String> {
    let mounts = desired.services.values().flat_map(|service| {
        service.config.mounts.iter().filter_map(|(target, mount)| match &mount.source {
            MountSource::Volume { name, .. } => Some(format!("volume {name}")),
            MountSource::Bind { source, .. } if !service.files.contains_key(target) => {
                Some(source.display().to_string())
            }
            _ => None,
        })
    });
    mounts.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Containers that claim the project and are no replica of a declared service.
fn others(input: &PlanInput<'_>, services: &[ServiceStatus]) -> Vec<ContainerStatus> {
    let listed =
        |id: &str| services.iter().flat_map(|service| &service.containers).any(|one| one.id == id);
    let rest = input.observed.containers.iter().filter(|one| !listed(one.id.as_str()));
    rest.map(|container| {
        let note = match (container.claim.one_off, &container.claim.hook) {
            (true, _) => "one-off, left alone",
            (false, Some(_)) => "step of a hook",
            (false, None) if container.claim.due.is_some() => "run of a schedule",
            (false, None) if container.claim.drill.is_some() => "drill of a backup",
            (false, None) => "no declared replica",
        };
        let mut status = container_status(container, None, None);
        status.notes.push(note.to_owned());
        status
    })
    .collect()
}

/// Note on a container whose `config-hash` label is of an earlier manifest.
const STALE_HASH: &str =
    "changed live, which its labels cannot tell: `docker compose up` would recreate it once";

fn service_status(
    look: &StatusInput<'_>,
    world: &World<'_>,
    view: &ServiceView<'_>,
) -> ServiceStatus {
    let input = look.input;
    let mut containers = Vec::new();
    let (mut running, mut available, mut ready) = (0, 0, 0);
    for slot in &view.slots {
        let record = input.ledger.replicas.get(&slot.replica.to_string());
        let judged = slot.current.iter().chain(&slot.old);
        if judged.clone().any(|one| matches!(one.container.lifecycle, Lifecycle::Running { .. })) {
            running += 1;
        }
        let completed =
            jobs::counts(view, record) || slot.current.is_none() && view.completed(record);
        if completed || judged.clone().any(|one| answers(input, view, one, record)) {
            available += 1;
        }
        let serving = slot.current.as_ref().is_some_and(|one| serves(look, view, one, record));
        if serving || completed {
            ready += 1;
        }
        containers.extend(judged.map(|one| {
            let mut status = replica_status(slot, one, record);
            probed_status(&mut status, input, view, one.container);
            if healing(view, one.container, record, input.now) == Healing::Completed {
                status.notes.push(jobs::note(view).to_owned());
            }
            if stale_hash(world, view, one) {
                status.notes.push(STALE_HASH.to_owned());
            }
            status
        }));
    }
    let surplus = view.surplus.iter().map(|container| container_status(container, None, None));
    containers.extend(surplus);
    let adoption = view.adoption.iter();
    containers.extend(adoption.map(|(container, _)| container_status(container, None, None)));
    let mut status = ServiceStatus {
        name: view.service.name.clone(),
        image: view.service.image.clone(),
        image_is: image_status(input, view),
        image_moves: image_updates::moves(input.ledger, view.service),
        revision: view.revision().map(|revision| revision.to_string()),
        replicas: view.service.replicas,
        running,
        available,
        ready,
        schedules: schedules::statuses(world, view),
        conditions: Vec::new(),
        containers,
    };
    status.conditions = service_conditions(look, &status, &held_of(&look.plan.held, view));
    status
}

fn image_status(input: &PlanInput<'_>, view: &ServiceView<'_>) -> Option<ImageStatus> {
    let record = input.ledger.images.get(&view.service.image);
    Some(ImageStatus {
        id: view.image_id()?.to_string(),
        digest: view.image?.repo_digest(&view.service.image).map(str::to_owned),
        checked: record.and_then(|record| record.checked),
    })
}

/// Whether the command line would see a change where there is none: labels cannot follow a live update.
fn stale_hash(world: &World<'_>, view: &ServiceView<'_>, judged: &Judged<'_>) -> bool {
    let label = judged.container.claim.compose_hash.as_ref();
    matches!(judged.conformity, Conformity::Conforms)
        && label.is_some_and(|hash| *hash != joined::hash(view.service, &world.owners))
}

/// Holds of a service, its replicas, and what it is built upon.
fn held_of<'a>(held: &'a [Held], view: &ServiceView<'_>) -> Vec<&'a Held> {
    let service = view.service;
    let mounts = |name: &String| {
        let mut sources = service.config.mounts.values().map(|mount| &mount.source);
        sources.any(|source| matches!(source, MountSource::Volume { name: one, .. } if one == name))
    };
    let of = |held: &&Held| match &held.subject {
        Subject::Project => true,
        Subject::Image(reference) => service.uses_image(reference),
        Subject::Network(name) => service.config.endpoints.contains_key(name),
        Subject::Volume(name) => mounts(name),
        subject => subject.service() == Some(&service.name),
    };
    held.iter().filter(of).collect()
}

/// Whether a container serves, whatever its version: runs and is not ill, or ran to its end.
fn answers(
    input: &PlanInput<'_>,
    view: &ServiceView<'_>,
    judged: &Judged<'_>,
    record: Option<&ReplicaRecord>,
) -> bool {
    let container = judged.container;
    let runs = matches!(container.lifecycle, Lifecycle::Running { .. });
    runs && well(input, view, container)
        || healing(view, container, record, input.now) == Healing::Completed
}

/// Whether health check and host probes are good.
fn well(input: &PlanInput<'_>, view: &ServiceView<'_>, container: &ObservedContainer) -> bool {
    matches!(container.health, Health::None | Health::Healthy)
        && verdict::is_good(input, view.service, container)
}

/// What host probes say beside the engine.
fn probed_status(
    status: &mut ContainerStatus,
    input: &PlanInput<'_>,
    view: &ServiceView<'_>,
    container: &ObservedContainer,
) {
    let probes = view.service.probes.as_ref().filter(|probes| probes.tell_readiness());
    if verdict::illness(input, view.service, container).is_some() {
        "unhealthy".clone_into(&mut status.health);
    } else if let Some(unready) = verdict::unready(input, view.service, container) {
        unready.word().clone_into(&mut status.health);
    } else if probes.is_some()
        && container.health == Health::None
        && matches!(container.lifecycle, Lifecycle::Running { .. })
    {
        "healthy".clone_into(&mut status.health);
    }
    status.notes.extend(verdict::notes(input, view.service, container));
}

/// Whether a replica does what it is for: runs in its current version and is healthy, or ran to its end.
fn serves(
    look: &StatusInput<'_>,
    view: &ServiceView<'_>,
    judged: &Judged<'_>,
    record: Option<&ReplicaRecord>,
) -> bool {
    if view.image.is_none() {
        // Whether it is of the current version is not known without the image.
        return false;
    }
    let health = well(look.input, view, judged.container);
    match healing(view, judged.container, record, look.input.now) {
        Healing::Runs => {
            let hooks = hooks::are_done(look.input.ledger, view.service, judged.container);
            judged.conformity.keeps() && health && hooks
        }
        Healing::Completed => judged.conformity.keeps(),
        _ => false,
    }
}

fn replica_status(
    slot: &Slot<'_>,
    judged: &Judged<'_>,
    record: Option<&ReplicaRecord>,
) -> ContainerStatus {
    let current = slot.current.as_ref().is_some_and(|one| one.container.id == judged.container.id);
    let mut status =
        container_status(judged.container, Some(slot.replica.number), record.filter(|_| current));
    match &judged.conformity {
        Conformity::Live(changes) => {
            status.drift = changes.iter().map(ToString::to_string).collect();
        }
        Conformity::Recreate(reason) => status.drift = vec![reason.to_string()],
        Conformity::Unknown(why) => status.notes.push(format!("state unknown: {why}")),
        Conformity::Conforms | Conformity::Gone => {}
    }
    if !current {
        status.notes.push("makes way for its successor".to_owned());
    }
    status
}

fn container_status(
    container: &ObservedContainer,
    number: Option<u32>,
    record: Option<&ReplicaRecord>,
) -> ContainerStatus {
    let exit = record.and_then(|record| record.last_exit.as_ref());
    let brake = record.is_some_and(|record| record.brake.is_some());
    let config = container.detail.known().map(|detail| &detail.config);
    ContainerStatus {
        name: container.name.to_string(),
        id: container.id.to_string(),
        number,
        state: container.lifecycle.word().to_owned(),
        health: health_word(&container.health).to_owned(),
        failures: record.map_or(0, |record| record.failures),
        restarts: container.restart_count,
        since: since(container),
        next_try: record.and_then(|record| record.next_try),
        exit_code: exit_code(container).or(exit.map(|exit| exit.code)),
        last_log: exit.map(last_words).unwrap_or_default(),
        drift: Vec::new(),
        ports: config.map(ports).unwrap_or_default(),
        notes: if brake {
            vec!["brake: the controller owns the restart delay".to_owned()]
        } else {
            Vec::new()
        },
    }
}

fn last_words(exit: &crate::model::ledger::LastExit) -> Vec<String> {
    if exit.log.is_empty() && !exit.error.is_empty() {
        vec![exit.error.clone()]
    } else {
        exit.log.clone()
    }
}

fn health_word(health: &Health) -> &'static str {
    match health {
        Health::None => "",
        Health::Starting => "starting",
        Health::Healthy => "healthy",
        Health::Unhealthy { .. } => "unhealthy",
    }
}

fn since(container: &ObservedContainer) -> Option<Timestamp> {
    match &container.lifecycle {
        Lifecycle::Running { started_at } | Lifecycle::Paused { started_at } => Some(*started_at),
        Lifecycle::Exited(exit) | Lifecycle::Restarting(exit) => exit.finished_at,
        Lifecycle::Created { .. } | Lifecycle::Removing | Lifecycle::Dead => {
            Some(container.created_at)
        }
    }
}

fn exit_code(container: &ObservedContainer) -> Option<i64> {
    match &container.lifecycle {
        Lifecycle::Exited(exit) | Lifecycle::Restarting(exit) => Some(exit.code),
        Lifecycle::Created { failure: Some(failure) } => Some(failure.exit_code),
        _ => None,
    }
}

fn ports(config: &ContainerConfig) -> Vec<String> {
    if config.network_mode == NetworkMode::Host {
        return vec!["host network".to_owned()];
    }
    let ports = config.ports.iter();
    ports
        .flat_map(|(port, hosts)| hosts.iter().map(move |host| format!("{host}->{port}")))
        .collect()
}
