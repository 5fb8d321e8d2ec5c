//! Start, restart, pause, unpause, wait.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::mpsc;

use crate::sim::container::Phase;
use crate::sim::engine::SimEngine;
use crate::sim::latency::Op;
use crate::sim::registry::line;
use crate::sim::request::{ApiError, Call, Outcome, Piece, Reply};
use crate::sim::world::World;

/// `POST /containers/{id}/start`
pub(crate) async fn start(engine: &SimEngine, reference: &str) -> Outcome {
    let (id, lock) = engine.with(|world| {
        let container = world.container(reference)?;
        Ok((container.id.clone(), Arc::clone(&container.lock)))
    })?;
    if let Some(reply) = engine.with(|world| may_start(world, &id))? {
        return Ok(reply);
    }
    let _held = lock.lock().await;
    engine.latency(Op::Start).await;
    engine.with(|world| {
        // Another start may have been faster, or a removal.
        if let Some(reply) = may_start(world, &id)? {
            return Ok(reply);
        }
        begin_anew(world, &id);
        world.start_container(&id)?;
        Ok(Reply::empty(204))
    })
}

/// A start by a client forgets the restarts of the engine.
fn begin_anew(world: &mut World, id: &str) {
    if let Some(container) = world.containers.get_mut(id) {
        container.restart_count = 0;
        container.restarts.reset();
    }
}

/// `Some(304)` if there is nothing to do.
fn may_start(world: &World, id: &str) -> Result<Option<Reply>, ApiError> {
    match world.container(id)?.phase {
        Phase::Paused => {
            Err(ApiError::new(409, "cannot start a paused container, try unpause instead"))
        }
        Phase::Running | Phase::Restarting => Ok(Some(Reply::empty(304))),
        Phase::Dead | Phase::Removing => {
            let text = "container is marked for removal and cannot be started";
            Err(ApiError::new(409, text))
        }
        Phase::Created | Phase::Exited => Ok(None),
    }
}

/// `POST /containers/{id}/restart`: whatever goes wrong in it is a 500.
pub(crate) async fn restart(engine: &SimEngine, call: &Call, reference: &str) -> Outcome {
    let id = engine.with(|world| world.container_id(reference))?;
    let phase = engine.with(|world| world.container(&id).map(|it| it.phase))?;
    if phase.is_running() {
        super::signal::stop_and_wait(engine, call, &id).await?;
    }
    engine.latency(Op::Start).await;
    let restarted = engine.with(|world| {
        if may_start(world, &id)?.is_none() {
            begin_anew(world, &id);
            world.start_container(&id)?;
        }
        world.container_event(&id, "restart", &[]);
        Ok(Reply::empty(204))
    });
    restarted.map_err(|error: ApiError| {
        let text = format!("Cannot restart container {reference}: {}", error.message);
        ApiError::new(500, text)
    })
}

/// `POST /containers/{id}/pause`
pub(crate) async fn pause(engine: &SimEngine, reference: &str) -> Outcome {
    engine.latency(Op::Other).await;
    engine.with(|world| {
        let container = world.container_mut(reference)?;
        let id = container.id.clone();
        match container.phase {
            Phase::Running => container.enter(Phase::Paused),
            Phase::Paused => {
                return Err(ApiError::new(409, format!("Container {id} is already paused")));
            }
            Phase::Restarting => {
                let text =
                    format!("Container {id} is restarting, wait until the container is running");
                return Err(ApiError::new(409, text));
            }
            _ => return Err(ApiError::new(409, format!("Container {id} is not running"))),
        }
        world.container_event(&id, "pause", &[]);
        Ok(Reply::empty(204))
    })
}

/// `POST /containers/{id}/unpause`
pub(crate) async fn unpause(engine: &SimEngine, reference: &str) -> Outcome {
    engine.latency(Op::Other).await;
    engine.with(|world| {
        let container = world.container_mut(reference)?;
        let id = container.id.clone();
        if container.phase != Phase::Paused {
            return Err(ApiError::new(500, format!("Container {id} is not paused")));
        }
        container.enter(Phase::Running);
        world.container_event(&id, "unpause", &[]);
        Ok(Reply::empty(204))
    })
}

/// `POST /containers/{id}/wait`: the head comes at once, the body at the end.
pub(crate) fn wait(engine: &SimEngine, call: &Call, reference: &str) -> Outcome {
    let condition = match call.param("condition") {
        "" | "not-running" => "not-running",
        known @ ("next-exit" | "removed") => known,
        other => {
            return Err(ApiError::new(400, format!("invalid condition: \"{other}\"")));
        }
    }
    .to_owned();
    let (id, ended, mut changed) = engine.with(|world| {
        let container = world.container(reference)?;
        Ok((container.id.clone(), container.finished, container.changed.subscribe()))
    })?;
    let (sender, receiver) = mpsc::channel::<Piece>(1);
    let engine = engine.clone();
    drop(tokio::spawn(async move {
        let mut last = 0;
        loop {
            let code = engine.with(|world| {
                let Ok(container) = world.container(&id) else {
                    return Some(last);
                };
                last = container.exit_code;
                let met = match condition.as_str() {
                    "not-running" => !container.phase.is_running(),
                    "next-exit" => container.finished != ended,
                    _ => false,
                };
                met.then_some(last)
            });
            if let Some(code) = code {
                // The client may have gone.
                drop(sender.send(line(&json!({"Error": null, "StatusCode": code}))).await);
                return;
            }
            tokio::select! {
                biased;
                () = sender.closed() => return,
                // An error means that the container has gone; the next look answers.
                _ = changed.changed() => {}
            }
        }
    }));
    Ok(Reply::Stream("application/json", receiver))
}
