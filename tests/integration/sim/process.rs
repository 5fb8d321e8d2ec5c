//! Starting and ending the processes of containers.

use std::time::Duration;

use super::container::{Container, LogEntry, Phase};
use super::random::short;
use super::request::ApiError;
use super::script::{Run, ScriptedLine, StartFailure, StopReaction};
use super::world::World;
use super::{health, restart};

/// Time between SIGKILL and the end of the process.
const KILL_TAKES: Duration = Duration::from_millis(20);

impl World {
    /// Starts the process of a container that has none. The caller has checked its phase.
    ///
    /// # Errors
    /// 400 for a bad entry point, 404 for a missing network, 500 for a taken port or a full disk.
    /// The container then keeps its phase, with exit code 127, 126 or 128 and an error text.
    pub(crate) fn start_container(&mut self, id: &str) -> Result<(), ApiError> {
        let script = match self.containers.get(id) {
            Some(container) => self.scripts.of(container),
            None => return Err(ApiError::new(404, format!("No such container: {id}"))),
        };
        let failure = self.prepare(id).err().map(|error| (error, 128));
        if failure.is_none() {
            self.mount_events(id, "mount");
        }
        let failure = failure.or_else(|| self.scripted_failure(id, script.start_failure.as_ref()));
        if let Some((error, code)) = failure {
            self.release_network(id);
            // The engine cleans up what it did not get to as well.
            self.mount_events(id, "unmount");
            if let Some(container) = self.containers.get_mut(id) {
                container.error.clone_from(&error.message);
                // Only an exit code of zero is overwritten by the general failure.
                if code != 128 || container.exit_code == 0 {
                    container.exit_code = code;
                }
                container.starts += 1;
                container.enter(container.phase);
            }
            return Err(error);
        }
        self.next_pid += 1;
        let pid = self.next_pid;
        let started = self.clock.stamp();
        let Some(container) = self.containers.get_mut(id) else {
            return Ok(());
        };
        let runtime = container.host_config.as_object_mut();
        runtime.map(|members| members.entry("Runtime").or_insert("runc".into()));
        container.pid = pid;
        container.started = Some(started);
        container.exit_code = 0;
        container.error.clear();
        container.manually_stopped = false;
        container.run += 1;
        let run = container.run;
        let planned = script.run(container.starts);
        let log = script.log.clone();
        container.starts += 1;
        container.script = script;
        container.health = health::Health::of(container);
        container.enter(Phase::Running);
        self.container_event(id, "start", &[]);
        self.follow_script(id, run, &planned, log);
        health::watch(self, id, run);
        Ok(())
    }

    /// Everything before the process itself: disk, mounts, networks, ports.
    fn prepare(&mut self, id: &str) -> Result<(), ApiError> {
        if self.host.disk_full {
            let text = "error creating overlay mount: no space left on device";
            return Err(ApiError::new(500, text));
        }
        let container = self.container(id)?;
        let missing = container
            .mounts
            .iter()
            .find(|mount| mount.kind == "bind" && self.host.is_missing(&mount.source));
        if let Some(mount) = missing {
            let text = format!(
                "invalid mount config for type \"bind\": bind source path does not exist: {}",
                mount.source
            );
            return Err(ApiError::new(400, text));
        }
        self.join_namespaces(id)?;
        self.attach_networks(id)?;
        self.publish_ports(id)
    }

    /// Nobody joins a namespace without a process.
    fn join_namespaces(&self, id: &str) -> Result<(), ApiError> {
        let container = self.container(id)?;
        for (key, word) in [("PidMode", "PID"), ("IpcMode", "IPC")] {
            let mode = container.host_config.get(key).and_then(serde_json::Value::as_str);
            let Some(other) = mode.and_then(|mode| mode.strip_prefix("container:")) else {
                continue;
            };
            let other = self.container(other)?;
            if !other.phase.is_running() {
                let text = format!("cannot join {word} of a non running container: {}", other.id);
                return Err(ApiError::new(409, text));
            }
        }
        Ok(())
    }

    /// With the first process of a PID namespace the kernel kills all others in it.
    fn end_namespace(&self, id: &str) {
        let mode = format!("container:{id}");
        let shares = |one: &&Container| {
            one.host_config.get("PidMode").and_then(serde_json::Value::as_str) == Some(&mode)
        };
        for one in self.containers.values().filter(shares).filter(|one| one.phase.has_process()) {
            self.end_after(&one.id, one.run, KILL_TAKES, 137, false);
        }
    }

    fn scripted_failure(
        &self,
        id: &str,
        failure: Option<&(StartFailure, u32)>,
    ) -> Option<(ApiError, i64)> {
        let container = self.containers.get(id)?;
        let (failure, times) = failure?;
        if container.starts >= *times {
            return None;
        }
        let program = container.words().into_iter().next().unwrap_or_default();
        let runc = "failed to create shim task: OCI runtime create failed: runc create failed: \
                    unable to start container process: exec:";
        Some(match failure {
            StartFailure::CommandNotFound => {
                let text = format!(
                    "{runc} \"{program}\": stat {program}: no such file or directory: unknown"
                );
                (ApiError::new(400, text), 127)
            }
            StartFailure::PermissionDenied => {
                let text = format!("{runc} \"{program}\": permission denied: unknown");
                (ApiError::new(400, text), 126)
            }
            StartFailure::Runtime(text) => (ApiError::new(500, text.clone()), 128),
        })
    }

    fn follow_script(&self, id: &str, run: u64, planned: &Run, log: Vec<ScriptedLine>) {
        match planned {
            Run::Forever => {}
            Run::Exit { after, code } => self.end_after(id, run, *after, *code, false),
            Run::OutOfMemory { after } => self.end_after(id, run, *after, 137, true),
        }
        for line in log {
            let id = id.to_owned();
            self.spawn(move |engine| async move {
                tokio::time::sleep(line.after).await;
                engine.with(|world| world.write_log(&id, run, line));
            });
        }
    }

    fn write_log(&mut self, id: &str, run: u64, line: ScriptedLine) {
        let stamp = self.clock.stamp();
        if let Some(container) = self.containers.get_mut(id).filter(|it| it.run == run) {
            container.log.push(LogEntry { stamp, stream: line.stream, text: line.text });
            container.changed.send_modify(|tick| *tick += 1);
        }
    }

    /// Ends this run of the process after a time, if it still runs then.
    pub(crate) fn end_after(&self, id: &str, run: u64, after: Duration, code: i64, oom: bool) {
        let id = id.to_owned();
        self.spawn(move |engine| async move {
            tokio::time::sleep(after).await;
            // A frozen process does not end by itself; only a kill reaches it.
            loop {
                let paused = engine.with(|world| {
                    let container = world.containers.get(&id);
                    let mine = container
                        .filter(|it| it.run == run && it.phase == Phase::Paused && code != 137);
                    mine.map(|it| it.changed.subscribe())
                });
                let Some(mut changed) = paused else { break };
                if changed.changed().await.is_err() {
                    return;
                }
            }
            engine.awake().await;
            engine.with(|world| world.process_ended(&id, run, code, oom));
        });
    }

    /// Sends a signal to the process; returns what it will do.
    pub(crate) fn deliver(&self, id: &str, signal: &str) {
        let Some(container) = self.containers.get(id).filter(|it| it.phase.has_process()) else {
            return;
        };
        let run = container.run;
        if signal == "KILL" {
            self.end_after(id, run, KILL_TAKES, 137, false);
            return;
        }
        let reaction = match container.script.on_signal.get(signal) {
            Some(reaction) => *reaction,
            None if signal == container.stop_signal() => container.script.on_stop,
            None => StopReaction::Ignore,
        };
        if let StopReaction::Exit { after, code } = reaction {
            self.end_after(id, run, after, code, false);
        }
    }

    /// The process has ended: events, clean-up, and the restart policy.
    pub(crate) fn process_ended(&mut self, id: &str, run: u64, code: i64, oom: bool) {
        let alive = |it: &Container| it.run == run && it.phase.has_process();
        if !self.containers.get(id).is_some_and(alive) {
            return;
        }
        if oom {
            self.container_event(id, "oom", &[]);
        }
        let finished = self.clock.stamp();
        let Some(container) = self.containers.get_mut(id) else {
            return;
        };
        let ran = container.running_for(finished);
        container.pid = 0;
        container.exit_code = code;
        container.oom_killed = oom;
        container.finished = Some(finished);
        container.run += 1;
        let run = container.run;
        let policy = container.restart_policy();
        let policy = (policy.0.to_owned(), policy.1);
        let manually = container.manually_stopped;
        let delay = container.restarts.next((&policy.0, policy.1), code, manually, ran);
        match delay {
            Some(_) => {
                container.restart_count += 1;
                container.phase = Phase::Restarting;
            }
            None if container.removal_begun() => container.phase = Phase::Removing,
            None => container.phase = Phase::Exited,
        }
        if let Some(health) = &mut container.health {
            health.stopped();
        }
        let auto_remove = container.auto_remove() && container.phase == Phase::Exited;
        self.container_event(id, "die", &[("exitCode", code.to_string())]);
        self.release_network(id);
        self.end_namespace(id);
        self.mount_events(id, "unmount");
        if let Some(container) = self.containers.get_mut(id) {
            container.changed.send_modify(|tick| *tick += 1);
        }
        if let Some(delay) = delay {
            restart::schedule(self, id, run, delay);
        } else if auto_remove {
            self.destroy(id, true);
        }
    }

    fn mount_events(&mut self, id: &str, action: &str) {
        let mounts = self.containers.get(id).map(|it| it.mounts.clone()).unwrap_or_default();
        for mount in mounts {
            let Some(name) = mount.name else { continue };
            let mut attributes = std::collections::BTreeMap::from([
                ("container".to_owned(), id.to_owned()),
                ("driver".to_owned(), "local".to_owned()),
            ]);
            if action == "mount" {
                attributes.insert("destination".to_owned(), mount.target);
                attributes.insert("propagation".to_owned(), String::new());
                attributes.insert("read/write".to_owned(), mount.writable.to_string());
            }
            self.event("volume", action, &name, attributes);
        }
    }

    /// Removes a container for good, its anonymous volumes too if asked.
    pub(crate) fn destroy(&mut self, id: &str, volumes: bool) {
        self.end_namespace(id);
        self.container_event(id, "destroy", &[]);
        let Some(container) = self.containers.remove(id) else {
            return;
        };
        container.changed.send_modify(|tick| *tick += 1);
        self.execs.retain(|_, exec| exec.container != id);
        if !volumes {
            return;
        }
        for mount in container.mounts.iter().filter(|mount| mount.anonymous) {
            let Some(name) = &mount.name else { continue };
            let used = self.containers.values().any(|other| other.uses_volume(name));
            if !used && self.volumes.remove(name).is_some() {
                let driver = [("driver".to_owned(), "local".to_owned())].into();
                self.event("volume", "destroy", name, driver);
            }
        }
    }

    /// The alias an endpoint gets besides those asked for.
    pub(crate) fn automatic_alias(&self, id: &str) -> Option<String> {
        (!self.speaks(45)).then(|| short(id).to_owned())
    }
}
