//! Life and death of the daemon process and of the host.

use std::time::Duration;

use super::container::{Container, Phase};
use super::engine::{Mode, SimEngine};
use super::journal::Happening;
use super::restart::RestartManager;
use super::script::StopReaction;
use super::world::World;

/// How the daemon went away, which decides what it finds when it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    /// SIGTERM: it stopped all containers first.
    Orderly,
    /// SIGKILL: processes survived, and are stopped when it comes back.
    Killed,
    /// The machine went down: no process survived.
    PowerLoss,
}

impl SimEngine {
    /// SIGKILL of the daemon: streams break, connections are refused, the ring is lost. It comes
    /// back after this time (11 s were measured).
    pub(crate) fn crash_daemon(&self, down: Duration) {
        self.die(Death::Killed, down);
    }

    /// `systemctl restart docker` without live-restore: containers are stopped, and started again
    /// as their policy says.
    pub(crate) fn restart_daemon(&self, down: Duration) {
        self.die(Death::Orderly, down);
    }

    /// The host loses power and boots again.
    pub(crate) fn reboot_host(&self, down: Duration) {
        self.die(Death::PowerLoss, down);
    }

    fn die(&self, death: Death, down: Duration) {
        self.with(|world| {
            world.events.forget();
            world.journal.entries.push(Happening::DaemonDown);
            if death != Death::Killed {
                world.end_all(death);
            }
        });
        self.set_life(|life| {
            life.incarnation += 1;
            life.mode = Mode::Down;
        });
        let engine = self.clone();
        let born = self.life().borrow().incarnation;
        drop(tokio::spawn(async move {
            tokio::time::sleep(down).await;
            // Somebody may have killed the next one meanwhile.
            if engine.life().borrow().incarnation == born {
                engine.boot(death);
            }
        }));
    }

    fn boot(&self, death: Death) {
        self.with(|world| {
            if death == Death::Killed {
                world.end_all(death);
            }
            world.events.forget();
            world.restore();
            let containers = world.containers.values();
            let seen = containers
                .map(|it| (it.id.clone(), it.labels(), it.phase.word(), it.exit_code))
                .collect();
            world.journal.entries.push(Happening::DaemonUp(seen));
        });
        self.set_life(|life| life.mode = Mode::Up);
    }

    /// SIGSTOP of the daemon: connections are accepted, nothing is answered.
    pub(crate) fn freeze_daemon(&self) {
        self.set_life(|life| {
            if life.mode == Mode::Up {
                life.mode = Mode::Frozen;
            }
        });
    }

    /// SIGCONT.
    pub(crate) fn thaw_daemon(&self) {
        self.set_life(|life| {
            if life.mode == Mode::Frozen {
                life.mode = Mode::Up;
            }
        });
    }
}

impl World {
    /// No process is left. Nobody is told: there is no daemon to tell it.
    fn end_all(&mut self, death: Death) {
        let finished = self.clock.stamp();
        let ids: Vec<String> = self.containers.keys().cloned().collect();
        for id in ids {
            let Some(container) = self.containers.get_mut(&id) else {
                continue;
            };
            let waiting = container.phase == Phase::Restarting;
            if container.phase.has_process() {
                container.exit_code = exit_code(container, death);
                container.oom_killed = false;
                container.finished = Some(finished);
            } else if !waiting {
                continue;
            }
            container.pid = 0;
            container.run += 1;
            if let Some(health) = &mut container.health {
                health.stopped();
            }
            let keep = wants_restart(container, death);
            container.manually_stopped |= !keep;
            container.enter(if keep { Phase::Restarting } else { Phase::Exited });
            self.release_network(&id);
        }
    }

    /// What a booting daemon does: finishes removals, starts what its policy wants running.
    fn restore(&mut self) {
        let mut order: Vec<(u64, String)> =
            self.containers.values().map(|it| (it.serial, it.id.clone())).collect();
        order.sort();
        for (_, id) in order {
            let Some(container) = self.containers.get_mut(&id) else {
                continue;
            };
            container.restarts = RestartManager::default();
            container.wedged = false;
            let ended = container.phase == Phase::Exited && container.started.is_some();
            // "always" brings back even what a client had stopped, if there was a boot in between.
            let always = container.restart_policy().0 == "always" && ended;
            match container.phase {
                Phase::Removing | Phase::Dead => {
                    let name = container.name.clone();
                    if self.host.undeletable.contains(&name) {
                        container.enter(Phase::Dead);
                    } else {
                        self.destroy(&id, false);
                    }
                }
                Phase::Restarting => self.start_at_boot(&id),
                _ if always => self.start_at_boot(&id),
                Phase::Exited if container.auto_remove() => self.destroy(&id, true),
                _ => {}
            }
        }
    }

    /// A start error at boot is only logged.
    fn start_at_boot(&mut self, id: &str) {
        let failed = self.start_container(id).is_err();
        if let Some(container) = self.containers.get_mut(id).filter(|_| failed) {
            container.enter(Phase::Exited);
        }
    }
}

/// The code with which a process ends when the daemon or the host goes.
fn exit_code(container: &Container, death: Death) -> i64 {
    match (death, container.script.on_stop) {
        (Death::PowerLoss, _) => 255,
        (_, StopReaction::Ignore) => 137,
        (_, StopReaction::Exit { code, .. }) => code,
    }
}

/// Whether a container that ran is started at boot.
fn wants_restart(container: &Container, death: Death) -> bool {
    let (policy, limit) = container.restart_policy();
    let failed = container.exit_code != 0;
    match policy {
        "always" => true,
        // Measured: after SIGKILL of the daemon such containers stay down.
        "unless-stopped" => death != Death::Killed && !container.manually_stopped,
        "on-failure" => failed && (limit == 0 || container.restart_count < limit),
        _ => false,
    }
}
