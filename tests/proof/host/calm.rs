//! The beginning of the second phase: all faults are off, strangers let go of what they hold, the files stay.

use composelet::ledger::Request;
use composelet::model::id::ProjectName;

use super::bench::{Bench, Fact, Undo};
use super::litter::script;
use super::tree::RootMode;
use crate::scenario::{LitterKind, Tag};

impl Bench {
    /// Ends every fault and every state of limited time.
    pub(crate) fn calm(&mut self) {
        self.engine.clear_faults();
        self.engine.with(|world| {
            world.events.clear_faults();
            world.host.undeletable.clear();
        });
        self.clear_write_faults();
        let undo: Vec<Undo> = std::mem::take(&mut self.undo).into_iter().map(|it| it.1).collect();
        for undo in undo {
            self.undo(&undo);
        }
        self.engine.thaw_daemon();
        self.tree.set_mode(RootMode::There);
        for slot in &self.slots {
            slot.disk.fail_writes(None);
            slot.disk.crash_at(u64::MAX);
        }
        // A bad push is mended by the next one.
        let reference = Tag::Moving.reference();
        self.engine.script_image(reference, script(Tag::Moving));
        self.release_names();
        let broken: Vec<String> =
            self.desired.values().filter(|app| app.broken).map(|app| app.name.clone()).collect();
        for name in broken {
            if let Some(app) = self.desired.get_mut(&name) {
                app.broken = false;
            }
            self.write(&name);
        }
    }

    fn release_names(&self) {
        for litter in &self.scenario.litter {
            if litter.kind == LitterKind::NameThief {
                let name = format!("{}-{}-1", litter.app, litter.service);
                let strange = self
                    .engine
                    .with(|world| world.container(&name).is_ok_and(|it| it.labels().is_empty()));
                if strange {
                    drop(self.engine.docker_rm(&name, false));
                }
            }
        }
    }

    /// A person who looks at what is held confirms it, and asks for a fresh look at what waits.
    /// Projects that it is `content` with are left alone.
    pub(crate) fn confirm_held(&mut self, content: impl Fn(&str) -> bool) {
        self.ask(&Request::Confirm { project: None });
        self.note(Fact::Confirmed);
        for app in self.desired.keys().filter(|app| !content(app)) {
            let project = ProjectName::from(app.as_str());
            self.ask(&Request::Resume { project, service: None });
        }
        self.note(Fact::Resumed);
    }
}
