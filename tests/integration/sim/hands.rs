//! What people and the host do to the engine behind the controller's back. Everything here happens
//! at once and is not part of the trace.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::container::Phase;
use super::engine::SimEngine;
use super::request::ApiError;
use super::script::Verdict;
use super::world::World;

/// Interference.
impl SimEngine {
    fn act<T>(
        &self,
        name: &str,
        work: impl FnOnce(&mut World, &str) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        self.with(|world| {
            let id = world.container_id(name)?;
            work(world, &id)
        })
    }

    /// The process is killed from outside (`kill -9` of its number): exit code 137, and the
    /// restart policy acts.
    ///
    /// # Errors
    /// 404; 409 if there is no process.
    pub(crate) fn kill_process(&self, name: &str) -> Result<(), ApiError> {
        self.end_process(name, 137, false)
    }

    /// The kernel kills the process for want of memory.
    ///
    /// # Errors
    /// 404; 409 if there is no process.
    pub(crate) fn oom(&self, name: &str) -> Result<(), ApiError> {
        self.end_process(name, 137, true)
    }

    /// The process ends by itself with this code.
    ///
    /// # Errors
    /// 404; 409 if there is no process.
    pub(crate) fn crash(&self, name: &str, code: i64) -> Result<(), ApiError> {
        self.end_process(name, code, false)
    }

    fn end_process(&self, name: &str, code: i64, oom: bool) -> Result<(), ApiError> {
        self.act(name, |world, id| {
            let container = world.container(id)?;
            if !container.phase.has_process() {
                return Err(ApiError::new(409, format!("{name} has no process")));
            }
            let run = container.run;
            world.process_ended(id, run, code, oom);
            Ok(())
        })
    }

    /// `docker kill`: the restart policy does not act.
    ///
    /// # Errors
    /// 404; 409 if there is no process.
    pub(crate) fn docker_kill(&self, name: &str) -> Result<(), ApiError> {
        self.stop_with(name, 137, false)
    }

    /// `docker stop` of a process that behaves.
    ///
    /// # Errors
    /// 404; 409 if there is no process.
    pub(crate) fn docker_stop(&self, name: &str) -> Result<(), ApiError> {
        self.stop_with(name, 0, true)
    }

    fn stop_with(&self, name: &str, code: i64, gently: bool) -> Result<(), ApiError> {
        self.act(name, |world, id| {
            let container = world.container_mut(id)?;
            container.manually_stopped = true;
            container.restarts.cancel();
            let signal = if gently { "15" } else { "9" };
            world.container_event(id, "kill", &[("signal", signal.to_owned())]);
            Ok(())
        })?;
        self.end_process(name, code, false)?;
        if gently {
            self.act(name, |world, id| {
                world.container_event(id, "stop", &[]);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// `docker start`.
    ///
    /// # Errors
    /// Those of the start call; nothing if it runs.
    pub(crate) fn docker_start(&self, name: &str) -> Result<(), ApiError> {
        self.act(name, |world, id| {
            let container = world.container_mut(id)?;
            if container.phase.is_running() {
                return Ok(());
            }
            container.restart_count = 0;
            container.restarts.reset();
            world.start_container(id)
        })
    }

    /// `docker rm -f`, with the anonymous volumes if asked.
    ///
    /// # Errors
    /// 404.
    pub(crate) fn docker_rm(&self, name: &str, volumes: bool) -> Result<(), ApiError> {
        if self.with(|world| world.container(name).is_ok_and(|it| it.phase.has_process())) {
            self.docker_kill(name)?;
        }
        self.act(name, |world, id| {
            world.destroy(id, volumes);
            Ok(())
        })
    }

    /// `docker rename`.
    ///
    /// # Errors
    /// Those of the rename call.
    pub(crate) fn docker_rename(&self, name: &str, to: &str) -> Result<(), ApiError> {
        self.with(|world| world.rename_container(name, to))
    }

    /// `docker update` with this body.
    ///
    /// # Errors
    /// Those of the update call.
    pub(crate) fn docker_update(&self, name: &str, body: &Value) -> Result<(), ApiError> {
        self.with(|world| world.update_container(name, body))
    }

    /// `docker network disconnect`.
    ///
    /// # Errors
    /// Those of the disconnect call.
    pub(crate) fn docker_disconnect(&self, network: &str, name: &str) -> Result<(), ApiError> {
        self.with(|world| world.disconnect(network, name, false))
    }

    /// `docker network connect` with these aliases.
    ///
    /// # Errors
    /// Those of the connect call.
    pub(crate) fn docker_connect(
        &self,
        network: &str,
        name: &str,
        aliases: &[&str],
    ) -> Result<(), ApiError> {
        self.with(|world| world.connect(network, name, &json!({"Aliases": aliases})))
    }

    /// `docker network rm`.
    ///
    /// # Errors
    /// Those of the remove call.
    pub(crate) fn docker_network_rm(&self, network: &str) -> Result<(), ApiError> {
        self.with(|world| world.remove_network(network))
    }

    /// `docker pause` and `docker unpause`.
    ///
    /// # Errors
    /// 404; 409 if it is not in the state for it.
    pub(crate) fn docker_pause(&self, name: &str, paused: bool) -> Result<(), ApiError> {
        self.act(name, |world, id| {
            let container = world.container_mut(id)?;
            let (from, to, action) = if paused {
                (Phase::Running, Phase::Paused, "pause")
            } else {
                (Phase::Paused, Phase::Running, "unpause")
            };
            if container.phase != from {
                return Err(ApiError::new(409, format!("{name} is {}", container.phase.word())));
            }
            container.enter(to);
            world.container_event(id, action, &[]);
            Ok(())
        })
    }

    /// `docker rmi -f`.
    ///
    /// # Errors
    /// Those of the remove call.
    pub(crate) fn docker_rmi(&self, reference: &str) -> Result<(), ApiError> {
        self.with(|world| world.remove_image(reference, true)).map(drop)
    }

    /// From now on the application feels like this, whatever its script says.
    pub(crate) fn set_health(&self, name: &str, verdict: Verdict) {
        self.with(|world| world.host.verdicts.insert(name.to_owned(), verdict));
    }

    /// The script decides again.
    pub(crate) fn clear_health(&self, name: &str) {
        self.with(|world| world.host.verdicts.remove(name));
    }

    /// Calls about this container never answer any more; lists still show it.
    ///
    /// # Errors
    /// 404.
    pub(crate) fn wedge(&self, name: &str) -> Result<(), ApiError> {
        self.act(name, |world, id| {
            world.container_mut(id)?.wedged = true;
            Ok(())
        })
    }

    /// New calls about this container answer again; those that hang go on hanging.
    ///
    /// # Errors
    /// 404.
    pub(crate) fn unwedge(&self, name: &str) -> Result<(), ApiError> {
        self.act(name, |world, id| {
            world.container_mut(id)?.wedged = false;
            Ok(())
        })
    }

    /// How often containers were dialled from the host.
    pub(crate) fn dialled(&self) -> u64 {
        self.with(|world| world.dialled)
    }

    /// Whether a process listens at this address of a container, as a connection from the host
    /// would find out. `port` is not told apart: an application listens on all its ports.
    pub(crate) fn accepts(&self, address: Ipv4Addr, _port: u16) -> bool {
        self.answer(address).is_some()
    }

    /// Lets a server that is no container answer every GET with this body.
    pub(crate) fn serve(&self, host: &str, body: &str) {
        self.with(|world| world.servers.insert(host.to_owned(), body.to_owned()));
    }

    /// Status with which the application at this address answers GET; `None` if nothing listens there.
    pub(crate) fn answer(&self, address: Ipv4Addr) -> Option<u16> {
        self.with(|world| {
            let now = world.clock.now();
            world.dialled += 1;
            let mut containers = world.containers.values();
            let here = containers.find(|container| {
                let here = container.endpoints.values().any(|it| it.address == Some(address));
                here && container.phase == Phase::Running
            })?;
            let (script, running) = (world.scripts.of(here), here.running_for(now));
            script.listens_after.filter(|after| running >= *after)?;
            let said = script.answers.iter().rfind(|(from, _)| running >= *from);
            Some(said.map_or(200, |(_, status)| *status))
        })
    }
}
