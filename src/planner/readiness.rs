//! Whether a service may be relied on by those that depend on it.

use crate::model::desired::{Dependency, DependencyCondition};
use crate::model::held::WaitingOn;
use crate::model::id::ServiceName;
use crate::model::observed::{Health, Lifecycle, ObservedContainer};
use crate::model::plan::{Action, NodeId};
use crate::planner::draft::Draft;
use crate::planner::hooks;
use crate::planner::jobs;
use crate::planner::neighbours;
use crate::planner::probe;
use crate::planner::verdict;
use crate::planner::world::{ServiceView, World};

/// How strictly a dependency is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// What runs counts, whatever its version: healing must not wait for an update that is held.
    Serves,
    /// Only what is of the current version counts: an update waits for the update of what it depends on.
    Updated,
}

/// Answer of [`gate`].
#[derive(Debug)]
pub enum Gate {
    /// Open; these starts of the same plan have to succeed first.
    Open(Vec<NodeId>),
    /// Closed; this is waited for.
    Closed(WaitingOn),
}

/// Whether everything that `view` depends on is as far as its conditions ask, other projects included.
pub fn gate(
    world: &World<'_>,
    draft: &Draft<'_>,
    view: &ServiceView<'_>,
    strict: Strictness,
) -> Gate {
    if let Some(wait) = neighbours::obstacle(world.input, world.desired, strict) {
        return Gate::Closed(WaitingOn::Project(wait));
    }
    let mut after = Vec::new();
    for (name, dependency) in &view.service.depends_on {
        let Some(target) = world.service(name).filter(|target| target.service.replicas > 0) else {
            continue;
        };
        match reach((world, draft), target, dependency, strict) {
            Ok(nodes) => after.extend(nodes),
            // What is on its way is waited for in any case; only a failure or absence is no obstacle.
            Err(actual)
                if dependency.required || matches!(actual.as_str(), "starting" | "running") =>
            {
                return Gate::Closed(waiting(name, dependency, actual));
            }
            Err(_) => {}
        }
    }
    Gate::Open(after)
}

/// Nodes to wait for, or what the dependency is instead of what it should be.
fn reach(
    (world, draft): (&World<'_>, &Draft<'_>),
    target: &ServiceView<'_>,
    dependency: &Dependency,
    strict: Strictness,
) -> Result<Vec<NodeId>, String> {
    let mut after = Vec::new();
    for slot in &target.slots {
        let record = world.input.ledger.replicas.get(&slot.replica.to_string());
        if jobs::lets_pass(target, record, (dependency.condition, strict)) {
            continue;
        }
        if strict == Strictness::Updated
            && slot.current.as_ref().is_some_and(|judged| !judged.conformity.keeps())
        {
            return Err("being replaced".to_owned());
        }
        // A predecessor still serves, but is not what an update waits for.
        let old = slot.old.iter().filter(|_| strict == Strictness::Serves);
        let serving = slot.current.iter().chain(old).map(|judged| judged.container);
        let mut verdicts: Vec<Result<(), String>> =
            serving.map(|container| reached(world, target, container, dependency)).collect();
        let done = dependency.condition != DependencyCondition::Healthy && target.completed(record);
        if done || verdicts.iter().any(Result::is_ok) {
            continue;
        }
        let starts =
            draft.nodes_of(&slot.replica, |action| matches!(action, Action::StartContainer { .. }));
        // What runs after the start ends in a later pass.
        let plain = target.service.hooks.post_start.is_empty();
        if dependency.condition == DependencyCondition::Started && plain && !starts.is_empty() {
            after.extend(starts);
            continue;
        }
        if !starts.is_empty() {
            return Err("starting".to_owned());
        }
        return Err(verdicts
            .pop()
            .and_then(Result::err)
            .unwrap_or_else(|| "not created".to_owned()));
    }
    Ok(after)
}

/// Whether one container is as far as its dependant asks, its hooks included.
fn reached(
    world: &World<'_>,
    target: &ServiceView<'_>,
    container: &ObservedContainer,
    dependency: &Dependency,
) -> Result<(), String> {
    let asked = dependency.condition == DependencyCondition::Healthy
        && probe::is_ready(world.input.ledger, container);
    if !asked {
        satisfies(container, dependency.condition)?;
    }
    if dependency.condition == DependencyCondition::Healthy {
        probed(world, target, container)?;
    }
    hooks::passed(world.input.ledger, target.service, container, dependency.condition)
}

/// Whether its host probes have nothing against one container; else what it is instead, in a word.
fn probed(
    world: &World<'_>,
    target: &ServiceView<'_>,
    container: &ObservedContainer,
) -> Result<(), String> {
    if verdict::illness(world.input, target.service, container).is_some() {
        return Err("unhealthy".to_owned());
    }
    match verdict::unready(world.input, target.service, container) {
        Some(unready) => Err(unready.word().to_owned()),
        None => Ok(()),
    }
}

/// Whether one container is as far as `condition` asks.
///
/// # Errors
/// What it is instead, in a word.
pub fn satisfies(
    container: &ObservedContainer,
    condition: DependencyCondition,
) -> Result<(), String> {
    match (condition, &container.lifecycle) {
        (DependencyCondition::Started, Lifecycle::Running { .. } | Lifecycle::Paused { .. }) => {
            Ok(())
        }
        (
            DependencyCondition::Started | DependencyCondition::CompletedSuccessfully,
            Lifecycle::Exited(exit),
        ) if exit.code == 0 => Ok(()),
        (DependencyCondition::Healthy, Lifecycle::Running { .. }) => match &container.health {
            // Without a check nothing can be waited for but the start; the loader has warned.
            Health::Healthy | Health::None => Ok(()),
            Health::Starting => Err("starting".to_owned()),
            Health::Unhealthy { .. } => Err("unhealthy".to_owned()),
        },
        (_, Lifecycle::Exited(exit)) => Err(format!("exited with {}", exit.code)),
        (_, other) => Err(other.word().to_owned()),
    }
}

fn waiting(name: &ServiceName, dependency: &Dependency, actual: String) -> WaitingOn {
    let condition = match dependency.condition {
        DependencyCondition::Started => "started",
        DependencyCondition::Healthy => "healthy",
        DependencyCondition::CompletedSuccessfully => "completed",
    };
    WaitingOn::Dependency { service: name.clone(), condition: condition.to_owned(), actual }
}
