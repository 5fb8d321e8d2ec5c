//! Stop and kill.

use std::time::Duration;

use crate::sim::container::{Phase, signal_name, signal_number};
use crate::sim::engine::SimEngine;
use crate::sim::latency::Op;
use crate::sim::request::{ApiError, Call, Outcome, Reply};
use crate::sim::world::World;

/// `POST /containers/{id}/stop`
pub(crate) async fn stop(engine: &SimEngine, call: &Call, reference: &str) -> Outcome {
    let id = engine.with(|world| world.container_id(reference))?;
    let running = engine.with(|world| world.container(&id).map(|it| it.phase.is_running()))?;
    if !running {
        return Ok(Reply::empty(304));
    }
    engine.latency(Op::Stop).await;
    stop_and_wait(engine, call, &id).await?;
    Ok(Reply::empty(204))
}

/// Signal, grace, kill, and the `stop` event.
///
/// # Errors
/// 404 if the container vanished.
pub(crate) async fn stop_and_wait(
    engine: &SimEngine,
    call: &Call,
    id: &str,
) -> Result<(), ApiError> {
    let asked = call.param("t").parse::<i64>().ok();
    let grace = engine.with(|world| {
        let container = world.container_mut(id)?;
        container.manually_stopped = true;
        container.restarts.cancel();
        let grace = asked.unwrap_or_else(|| container.stop_timeout());
        if container.phase == Phase::Restarting {
            container.run += 1;
            container.enter(Phase::Exited);
        } else if container.phase.has_process() {
            let signal = match call.param("signal") {
                "" => container.stop_signal(),
                asked => signal_name(asked),
            };
            world.send(id, &signal);
        }
        Ok::<_, ApiError>(grace)
    })?;
    let patience = u64::try_from(grace).ok().map(Duration::from_secs);
    if !ended_within(engine, id, patience).await {
        engine.with(|world| world.send(id, "KILL"));
        ended_within(engine, id, None).await;
    }
    engine.with(|world| world.container_event(id, "stop", &[]));
    Ok(())
}

impl World {
    /// Tells of a signal and delivers it. A paused process is resumed for it, unless the container
    /// names a stop signal of its own and this is another one.
    pub(crate) fn send(&mut self, id: &str, signal: &str) {
        let number = signal_number(signal).unwrap_or(0).to_string();
        self.container_event(id, "kill", &[("signal", number)]);
        self.deliver(id, signal);
        let Some(container) = self.containers.get_mut(id) else {
            return;
        };
        let own = container.config.get("StopSignal").is_some_and(serde_json::Value::is_string);
        let resumes = signal != "KILL" && (!own || signal == container.stop_signal());
        if container.phase == Phase::Paused && resumes {
            container.enter(Phase::Running);
            self.container_event(id, "unpause", &[]);
        }
    }
}

/// Waits for the end of the process; `None` waits without limit.
pub(crate) async fn ended_within(engine: &SimEngine, id: &str, limit: Option<Duration>) -> bool {
    let watched = engine.with(|world| world.container(id).ok().map(|it| it.changed.subscribe()));
    let Some(mut changed) = watched else {
        return true;
    };
    let ended = async {
        loop {
            let alive = engine
                .with(|world| world.containers.get(id).is_some_and(|it| it.phase.has_process()));
            if !alive || changed.changed().await.is_err() {
                return;
            }
        }
    };
    if let Some(limit) = limit {
        return tokio::time::timeout(limit, ended).await.is_ok();
    }
    ended.await;
    true
}

/// `POST /containers/{id}/kill`
pub(crate) async fn kill(engine: &SimEngine, call: &Call, reference: &str) -> Outcome {
    let asked = call.param("signal");
    let signal = if asked.is_empty() { "KILL".to_owned() } else { signal_name(asked) };
    if signal_number(&signal).is_none() {
        return Err(ApiError::new(400, format!("Invalid signal: {asked}")));
    }
    engine.latency(Op::Other).await;
    let id = engine.with(|world| {
        let container = world.container_mut(reference).map_err(|error| {
            let text = format!("Cannot kill container: {reference}: {}", error.message);
            ApiError::new(error.status, text)
        })?;
        let id = container.id.clone();
        if !container.phase.is_running() {
            let text = format!("Cannot kill container: {reference}: Container {id} is not running");
            return Err(ApiError::new(409, text));
        }
        // Any signal counts as a stop by hand when the image names no stop signal of its own: a
        // restart policy does not bring the container back after it.
        let own = container.config.get("StopSignal").is_some_and(serde_json::Value::is_string);
        if !own || signal == "KILL" || signal == container.stop_signal() {
            container.restarts.cancel();
        }
        container.manually_stopped = true;
        if container.phase == Phase::Restarting {
            container.run += 1;
            container.enter(Phase::Exited);
        } else {
            world.send(&id, &signal);
        }
        Ok(id)
    })?;
    if signal == "KILL" {
        ended_within(engine, &id, None).await;
    }
    Ok(Reply::empty(204))
}
