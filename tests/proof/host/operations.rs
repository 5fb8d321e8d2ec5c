//! Carrying out what a scenario says.

use std::time::Duration;

use composelet::ledger::Request;
use composelet::model::id::ProjectName;
use serde_json::json;
use tokio::time::Instant;

use super::bench::{Bench, Fact, Slot, Undo};
use super::litter::script;
use super::tree::RootMode;
use crate::scenario::{App, Deed, Health, Operation, Service, Tag};
use crate::sim::{AppScript, ImageSpec};

impl Bench {
    /// Carries out one operation.
    pub(crate) async fn apply(&mut self, operation: &Operation) {
        self.note(Fact::Did(operation.clone()));
        match operation {
            Operation::Restart { down_ms } => {
                self.stop(0, Duration::from_millis(*down_ms)).await;
            }
            Operation::Kill { down_ms } => {
                self.kill(0, Duration::from_millis(*down_ms), None).await;
            }
            Operation::Reboot { down_ms, seed } => {
                let down = Duration::from_millis(*down_ms);
                self.engine.reboot_host(down);
                for place in 0..self.slots.len() {
                    self.kill(place, down, Some(*seed)).await;
                }
            }
            Operation::Second => {
                if self.slots.len() < 2 {
                    let disk = self.slots[0].disk.beside();
                    self.slots.push(Slot::new(disk, Vec::new()));
                    self.start(1);
                }
            }
            Operation::Confirm => {
                self.ask(&Request::Confirm { project: None });
                self.note(Fact::Confirmed);
            }
            other => {
                self.apply_to_files(other);
                self.apply_to_host(other);
            }
        }
    }

    fn apply_to_files(&mut self, operation: &Operation) {
        match operation {
            Operation::Add { app } => {
                self.desired.insert(app.name.clone(), app.clone());
                self.write(&app.name.clone());
            }
            Operation::Remove { app } => {
                self.desired.remove(app);
                self.write(app);
            }
            Operation::Rename { app, to } => {
                if let Some(mut moved) = self.desired.remove(app) {
                    moved.name.clone_from(to);
                    self.desired.insert(to.clone(), moved);
                    self.write(app);
                    self.write(to);
                }
            }
            Operation::Edit { app, service, fields } => self.change(app, |app| {
                let service = app.services.iter_mut().find(|one| one.name == *service);
                if let Some(service) = service {
                    for (name, value) in fields {
                        match value {
                            Some(value) => service.fields.insert(name.clone(), *value),
                            None => service.fields.remove(name),
                        };
                    }
                }
            }),
            Operation::Replace { app, service } => self.change(app, |app| {
                match app.services.iter_mut().find(|one| one.name == service.name) {
                    Some(old) => old.clone_from(service),
                    None => app.services.push(service.clone()),
                }
            }),
            Operation::Worsen { app, service, image } => self.change(app, |app| {
                let service = app.services.iter_mut().find(|one| one.name == *service);
                if let Some(service) = service.filter(|it| it.schedule.is_none()) {
                    service.image = *image;
                    if *image == Tag::Sick {
                        service.health.get_or_insert(Health { interval: 2, retries: 3 });
                    }
                }
            }),
            Operation::Better { app, service } => self.change(app, |app| {
                let service = app.services.iter_mut().find(|one| one.name == *service);
                if let Some(service) = service.filter(|it| !it.image.is_feasible()) {
                    service.image = Tag::Plain;
                }
            }),
            Operation::DropService { app, service } => self.change(app, |app| {
                if app.services.len() > 1 {
                    app.services.retain(|one| one.name != *service);
                    for other in &mut app.services {
                        other.after.retain(|one| one != service);
                    }
                }
            }),
            Operation::Scale { app, service, replicas } => self.change(app, |app| {
                let service = app.services.iter_mut().find(|one| one.name == *service);
                let alone = |it: &Service| it.port.is_some() || it.volume || it.schedule.is_some();
                if let Some(service) = service.filter(|it| !alone(it)) {
                    service.replicas = *replicas;
                }
            }),
            other => self.apply_to_whole(other),
        }
    }

    /// What changes no service.
    fn apply_to_whole(&mut self, operation: &Operation) {
        match operation {
            Operation::Break { app } => self.change(app, |app| app.broken = true),
            Operation::Repair { app } => self.change(app, |app| app.broken = false),
            Operation::Touch { app } => self.change(app, |_| {}),
            _ => {}
        }
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut App)) {
        if let Some(app) = self.desired.get_mut(name) {
            change(app);
            self.write(name);
        }
    }

    fn for_a_while(&mut self, for_ms: u64, undo: Undo) {
        self.undo.push((Instant::now() + Duration::from_millis(for_ms), undo));
    }

    fn apply_to_host(&mut self, operation: &Operation) {
        match operation {
            Operation::MoveTag { content } => self.move_tag(*content, script(Tag::Moving)),
            Operation::PushBad { content } => {
                self.move_tag(*content, AppScript::exits(Duration::from_millis(700), 1));
            }
            Operation::Hand { container, deed } => self.hand(*container, *deed),
            Operation::DaemonRestart { down_ms } => {
                self.engine.restart_daemon(Duration::from_millis(*down_ms));
            }
            Operation::DaemonCrash { down_ms } => {
                self.engine.crash_daemon(Duration::from_millis(*down_ms));
            }
            Operation::Freeze { for_ms } => {
                self.engine.freeze_daemon();
                self.for_a_while(*for_ms, Undo::Thaw);
            }
            Operation::RegistryDown { for_ms } => {
                self.engine.set_registry_unreachable(true);
                self.for_a_while(*for_ms, Undo::RegistryUp);
            }
            Operation::DiskFull { for_ms } => {
                self.engine.set_disk_full(true);
                self.for_a_while(*for_ms, Undo::DiskFree);
            }
            Operation::StateFull { for_ms } => {
                self.slots[0].disk.fail_writes(Some(std::io::ErrorKind::StorageFull));
                self.for_a_while(*for_ms, Undo::StateFree);
            }
            Operation::TakePort { port, for_ms } => {
                self.engine.occupy_port("tcp", *port);
                self.for_a_while(*for_ms, Undo::FreePort(*port));
            }
            Operation::EmptyRoot { for_ms } => self.root(RootMode::Empty, *for_ms),
            Operation::MissingRoot { for_ms } => self.root(RootMode::Missing, *for_ms),
            Operation::UnreadableRoot { for_ms } => self.root(RootMode::Unreadable, *for_ms),
            Operation::Wedge { container, for_ms } => {
                if let Some((id, _)) = self.ours(*container) {
                    drop(self.engine.wedge(&id));
                    self.for_a_while(*for_ms, Undo::Unwedge(id));
                }
            }
            Operation::Undeletable { container, for_ms } => {
                if let Some((_, name)) = self.ours(*container) {
                    self.engine.make_undeletable(&name);
                    self.for_a_while(*for_ms, Undo::Deletable(name));
                }
            }
            Operation::Suspend { app, for_ms } => {
                let project = ProjectName::from(app.as_str());
                self.ask(&Request::Suspend {
                    project,
                    service: None,
                    reason: "a person looks".to_owned(),
                    until: None,
                });
                self.for_a_while(*for_ms, Undo::Resume(app.clone()));
            }
            _ => {}
        }
    }

    fn root(&mut self, mode: RootMode, for_ms: u64) {
        self.tree.set_mode(mode);
        self.for_a_while(for_ms, Undo::RootBack);
    }

    pub(super) fn move_tag(&mut self, content: u64, script: AppScript) {
        let reference = Tag::Moving.reference();
        self.engine.script_image(reference, script);
        let spec = ImageSpec::new(&format!("content {content}"));
        self.engine.publish(reference, &spec, Duration::from_secs(2));
    }

    /// Id and name of one of the containers of this installation.
    fn ours(&self, number: usize) -> Option<(String, String)> {
        let looks = self.engine.with(|world| crate::sim::looks(world));
        let ours: Vec<_> = looks
            .iter()
            .filter(|look| {
                look.labels.get("io.composelet.installation").is_some_and(|it| it == "default")
            })
            .collect();
        let number = number.checked_rem(ours.len())?;
        ours.get(number).map(|look| (look.id.clone(), look.name.clone()))
    }

    /// What people do may be refused by the engine: then nothing happens.
    fn hand(&mut self, container: usize, deed: Deed) {
        let Some((_, name)) = self.ours(container) else { return };
        let engine = &self.engine;
        if engine.is_down() {
            return;
        }
        let done = match deed {
            Deed::Kill => engine.docker_kill(&name),
            Deed::Stop => engine.docker_stop(&name),
            Deed::Remove => engine.docker_rm(&name, false),
            Deed::Update => engine.docker_update(&name, &json!({"Memory": 33_554_432})),
            Deed::Rename => engine.docker_rename(&name, &format!("{name}-by-hand")),
            Deed::Disconnect => {
                let looks = engine.with(|world| crate::sim::looks(world));
                let look = looks.iter().find(|look| look.name == name);
                match look.and_then(|look| look.networks.first()) {
                    Some(network) => engine.docker_disconnect(network, &name),
                    None => Ok(()),
                }
            }
            Deed::Pause => engine.docker_pause(&name, true),
            Deed::Crash => engine.crash(&name, 3),
            Deed::Oom => engine.oom(&name),
        };
        drop(done);
    }

    /// Ends a state of limited time.
    pub(crate) fn undo(&mut self, undo: &Undo) {
        let engine = &self.engine;
        match undo {
            Undo::Thaw => engine.thaw_daemon(),
            Undo::RegistryUp => engine.set_registry_unreachable(false),
            Undo::DiskFree => engine.set_disk_full(false),
            Undo::StateFree => self.slots[0].disk.fail_writes(None),
            Undo::FreePort(port) => engine.free_port("tcp", *port),
            Undo::RootBack => self.tree.set_mode(RootMode::There),
            Undo::Unwedge(name) => drop(engine.unwedge(name)),
            Undo::Deletable(name) => engine.make_deletable(name),
            Undo::Resume(app) => {
                let project = ProjectName::from(app.as_str());
                self.ask(&Request::Resume { project, service: None });
                self.note(Fact::Resumed);
            }
        }
    }
}
