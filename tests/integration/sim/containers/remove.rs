//! `DELETE /containers/{id}`

use std::time::Duration;

use serde_json::json;

use crate::sim::container::Phase;
use crate::sim::engine::SimEngine;
use crate::sim::latency::Op;
use crate::sim::request::{ApiError, Call, Outcome, Reply};
use crate::sim::world::World;

/// A removal is visible for at least this long: in between, lists say "removing".
const REMOVAL_TAKES: Duration = Duration::from_millis(6);

/// Removes a container.
pub(crate) async fn remove(engine: &SimEngine, call: &Call, reference: &str) -> Outcome {
    if call.flag("link") {
        return Err(ApiError::new(400, "Conflict, no legacy links here"));
    }
    let force = call.flag("force");
    let (id, kill) = engine.with(|world| mark(world, reference, force))?;
    if kill {
        engine.with(|world| world.send(&id, "KILL"));
        super::signal::ended_within(engine, &id, None).await;
    }
    engine.at_least(Op::Remove, REMOVAL_TAKES).await;
    engine.with(|world| {
        let Ok(container) = world.container(&id) else { return Ok(Reply::empty(204)) };
        let name = container.name.clone();
        if world.host.undeletable.contains(&name) {
            if let Some(container) = world.containers.get_mut(&id) {
                container.enter(Phase::Dead);
            }
            let text = format!("container {id}: driver \"overlay2\" failed to remove root filesystem: unlinkat /var/lib/docker/overlay2: device or resource busy");
            return Err(ApiError::new(500, text));
        }
        world.destroy(&id, call.flag("v"));
        Ok(Reply::empty(204))
    })
}

/// Begins the removal. Returns whether a process has to be killed first.
fn mark(world: &mut World, reference: &str, force: bool) -> Result<(String, bool), ApiError> {
    let container = world.container_mut(reference)?;
    let id = container.id.clone();
    if container.phase == Phase::Removing || container.removal_begun() {
        let text = format!("removal of container {reference} is already in progress");
        return Err(ApiError::new(409, text));
    }
    if !container.phase.is_running() {
        container.enter(Phase::Removing);
        return Ok((id, false));
    }
    if !force {
        let state = container.phase.word();
        let advice = if container.phase == Phase::Paused {
            "Unpause and then stop the container before attempting removal or force remove"
        } else {
            "Stop the container before attempting removal or force remove"
        };
        let text = format!("You cannot remove a {state} container {id}. {advice}");
        return Err(ApiError::new(409, text));
    }
    container.manually_stopped = true;
    container.restarts.cancel();
    container.begin_removal();
    let kill = container.phase.has_process();
    if !kill {
        container.run += 1;
        container.enter(Phase::Removing);
    }
    Ok((id, kill))
}

/// `POST /containers/prune`: removes what does not run.
pub(crate) fn prune(engine: &SimEngine) -> Reply {
    let deleted: Vec<String> = engine.with(|world| {
        let stopped = world.containers.values().filter(|it| !it.phase.is_running());
        let stopped: Vec<String> = stopped.map(|it| it.id.clone()).collect();
        for id in &stopped {
            world.destroy(id, false);
        }
        stopped
    });
    Reply::json(200, &json!({"ContainersDeleted": deleted, "SpaceReclaimed": 0}))
}
