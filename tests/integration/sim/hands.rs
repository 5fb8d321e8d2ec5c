//! What people and the host do to the engine behind the controller's back, and how a test sets
//! the scene. Everything here happens at once and is not part of the trace.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::{Value, json};

use super::build::BuildScript;
use super::container::Phase;
use super::engine::SimEngine;
use super::faults::FaultRule;
use super::images::ImageSpec;
use super::registry::Offer;
use super::request::ApiError;
use super::script::{AppScript, ScriptKey, Verdict};
use super::trace::TracedCall;
use super::world::World;

/// The host around the engine.
#[derive(Debug, Default)]
pub(crate) struct Host {
    /// Ports other processes hold: protocol and number.
    pub(crate) occupied: BTreeSet<(String, u16)>,
    /// Paths that do not exist, with everything below them. All others exist.
    missing: BTreeSet<String>,
    /// Whether the disk of the engine is full.
    pub(crate) disk_full: bool,
    /// Names of containers whose file system can not be removed.
    pub(crate) undeletable: BTreeSet<String>,
    /// Health by hand, by container name.
    pub(crate) verdicts: BTreeMap<String, Verdict>,
}

impl Host {
    /// Whether a path does not exist.
    pub(crate) fn is_missing(&self, path: &str) -> bool {
        let below = |gone: &String| {
            path.strip_prefix(gone.as_str())
                .is_some_and(|it| it.is_empty() || it.starts_with('/'))
        };
        self.missing.iter().any(below)
    }
}

/// Scene setting.
impl SimEngine {
    /// Puts an image on the host under this reference, as if pulled long ago. Returns its id.
    pub(crate) fn add_image(&self, reference: &str, spec: &ImageSpec) -> String {
        self.with(|world| {
            let created = world.clock.stamp();
            world.images.store(spec, created);
            world.images.tag(reference, &spec.id());
            spec.id()
        })
    }

    /// Puts an image into the registry; a pull takes this long.
    pub(crate) fn publish(&self, reference: &str, spec: &ImageSpec, takes: Duration) {
        self.offer(reference, Offer::Image(spec.clone()), takes);
    }

    /// Sets what the registry answers for a reference, and how long it takes.
    pub(crate) fn offer(&self, reference: &str, offer: Offer, takes: Duration) {
        self.with(|world| world.registry.offer(reference, offer, takes));
    }

    /// Cuts the network to all registries, or mends it.
    pub(crate) fn set_registry_unreachable(&self, unreachable: bool) {
        self.with(|world| world.registry.set_unreachable(unreachable));
    }

    /// How often a reference was asked of the registry by a pull.
    pub(crate) fn pulls(&self, reference: &str) -> u64 {
        self.with(|world| world.registry.pulls(reference))
    }

    /// Sets what builds do whose tag fits the pattern.
    pub(crate) fn script_build(&self, tag: &str, script: BuildScript) {
        self.with(|world| world.builds.script(tag, script));
    }

    /// Builds begun so far.
    pub(crate) fn builds(&self) -> u64 {
        self.with(|world| world.builds.count())
    }

    /// Sets what containers of an image do (the reference as the create call gives it).
    pub(crate) fn script_image(&self, image: &str, script: AppScript) {
        self.script(ScriptKey::Image(image.to_owned()), script);
    }

    /// Sets what the containers of a Compose service do, by its service label.
    pub(crate) fn script_service(&self, service: &str, script: AppScript) {
        let label = "com.docker.compose.service".to_owned();
        self.script(ScriptKey::Label(label, service.to_owned()), script);
    }

    /// Sets what some containers do: from their next start, health and execs at once.
    pub(crate) fn script(&self, key: ScriptKey, script: AppScript) {
        self.with(|world| world.scripts.set(key, script));
    }

    /// Makes a container that nobody asked for, by a create body. It is not started.
    ///
    /// # Errors
    /// Those of the create call.
    pub(crate) fn put_container(&self, name: &str, body: &Value) -> Result<String, ApiError> {
        self.with(|world| world.create_container(name, body))
    }

    /// Makes a network behind the controller's back. Returns its id.
    ///
    /// # Errors
    /// Those of the create call.
    pub(crate) fn put_network(
        &self,
        name: &str,
        labels: &[(&str, &str)],
    ) -> Result<String, ApiError> {
        let labels: BTreeMap<&str, &str> = labels.iter().copied().collect();
        let body = json!({"Name": name, "Labels": labels});
        self.with(|world| world.create_network(body).map(|(id, _)| id))
    }

    /// Another process of the host listens on this port.
    pub(crate) fn occupy_port(&self, protocol: &str, port: u16) {
        self.with(|world| world.host.occupied.insert((protocol.to_owned(), port)));
    }

    /// That process ends.
    pub(crate) fn free_port(&self, protocol: &str, port: u16) {
        self.with(|world| world.host.occupied.remove(&(protocol.to_owned(), port)));
    }

    /// Deletes a path of the host with everything below it.
    pub(crate) fn delete_path(&self, path: &str) {
        self.with(|world| world.host.missing.insert(path.to_owned()));
    }

    /// Makes a deleted path again.
    pub(crate) fn make_path(&self, path: &str) {
        self.with(|world| world.host.missing.remove(path));
    }

    /// Fills the engine's disk, or empties it.
    pub(crate) fn set_disk_full(&self, full: bool) {
        self.with(|world| world.host.disk_full = full);
    }

    /// A container's file system can not be removed until [`SimEngine::make_deletable`].
    pub(crate) fn make_undeletable(&self, name: &str) {
        self.with(|world| world.host.undeletable.insert(name.to_owned()));
    }

    /// The cause of the failed removal is gone.
    pub(crate) fn make_deletable(&self, name: &str) {
        self.with(|world| world.host.undeletable.remove(name));
    }
}

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
        self.with(|world| world.disconnect(network, name))
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
            let (from, to, action) = match paused {
                true => (Phase::Running, Phase::Paused, "pause"),
                false => (Phase::Paused, Phase::Running, "unpause"),
            };
            if container.phase != from {
                return Err(ApiError::new(
                    409,
                    format!("{name} is {}", container.phase.word()),
                ));
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
        self.with(|world| world.remove_image(reference, true))
            .map(drop)
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

    /// Whether a process listens at this address of a container, as a connection from the host
    /// would find out. `port` is not told apart: an application listens on all its ports.
    pub(crate) fn accepts(&self, address: Ipv4Addr, _port: u16) -> bool {
        self.with(|world| {
            let now = world.clock.now();
            world.containers.values().any(|container| {
                let here = container
                    .endpoints
                    .values()
                    .any(|it| it.address == Some(address));
                let after = world.scripts.of(container).listens_after;
                let listens = after.is_some_and(|after| container.running_for(now) >= after);
                here && container.phase == Phase::Running && listens
            })
        })
    }
}

/// Faults, trace and questions.
impl SimEngine {
    /// Adds a fault.
    pub(crate) fn fault(&self, rule: FaultRule) {
        self.with(|world| world.faults.add(rule));
    }

    /// Takes all faults away.
    pub(crate) fn clear_faults(&self) {
        self.with(|world| world.faults.clear());
    }

    /// How often a fault was injected.
    pub(crate) fn faults_struck(&self) -> u64 {
        self.with(|world| world.faults.struck())
    }

    /// Ends all event streams; the ring stays.
    pub(crate) fn close_event_streams(&self) {
        self.with(|world| world.events.close_streams());
    }

    /// One line per call so far.
    pub(crate) fn trace(&self) -> Vec<String> {
        self.with(|world| world.trace.lines())
    }

    /// All calls so far.
    pub(crate) fn calls(&self) -> Vec<TracedCall> {
        self.with(|world| world.trace.calls().to_vec())
    }

    /// A hash of the trace: equal for equal runs.
    pub(crate) fn trace_hash(&self) -> String {
        self.with(|world| world.trace.hash())
    }

    /// Forgets the calls so far, not their numbers.
    pub(crate) fn clear_trace(&self) {
        self.with(|world| world.trace.clear());
    }

    /// Calls that changed an object, since the last [`SimEngine::clear_trace`]. Execs and `wait`
    /// are not among them.
    pub(crate) fn mutating_calls(&self) -> usize {
        self.with(|world| world.trace.mutating())
    }

    /// The number that the last mutating or exec call got; fault rules count these from 1.
    pub(crate) fn numbered_calls(&self) -> u64 {
        self.with(|world| world.trace.numbered())
    }

    /// Names and phases of all containers, ordered by name.
    pub(crate) fn phases(&self) -> BTreeMap<String, Phase> {
        self.with(|world| {
            let all = world.containers.values();
            all.map(|container| (container.name.clone(), container.phase))
                .collect()
        })
    }

    /// Remembered events as `type action name`, oldest first.
    pub(crate) fn event_log(&self) -> Vec<String> {
        self.with(|world| {
            let line = |event: &super::events::Event| {
                let name = event.attributes.get("name").unwrap_or(&event.id);
                format!("{} {} {name}", event.kind, event.action)
            };
            world.events.ring().map(line).collect()
        })
    }

    /// Archives put into a container: path and tar bytes.
    pub(crate) fn archives(&self, name: &str) -> Vec<(String, Vec<u8>)> {
        self.with(|world| {
            world
                .container(name)
                .map(|it| it.archives.clone())
                .unwrap_or_default()
        })
    }

    /// Names of all volumes.
    pub(crate) fn volume_names(&self) -> Vec<String> {
        self.with(|world| world.volumes.keys().cloned().collect())
    }

    /// Virtual time since the engine was made.
    pub(crate) fn elapsed(&self) -> Duration {
        self.with(|world| world.clock.elapsed())
    }
}
