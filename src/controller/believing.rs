//! What the loop does with a reading of the watched directory.

use std::time::Duration;

use tokio::time::Instant;

use crate::controller::desired::belief::{Beliefs, Standing};
use crate::controller::desired::last_good;
use crate::controller::desired::reading::{Reading, RootState};
use crate::controller::once::{self, Progress};
use crate::controller::queue::Wake;
use crate::controller::settings::RunEnd;
use crate::controller::sources::Settled;
use crate::controller::supervisor::Supervisor;
use crate::ledger::LedgerError;
use crate::model::diagnostic::Severity;
use crate::model::event::EventKind;
use crate::model::id::ProjectName;

/// A second look comes no sooner than this after the first, whatever the clocks say.
const SOONEST_LOOK: Duration = Duration::from_millis(100);

impl Supervisor {
    /// Takes a reading in: saves what was accepted, wakes whoever changed, plans the second look.
    pub(crate) async fn believe(&mut self, reading: &Reading) {
        let now = self.around.clock.now();
        let host = self.beliefs.host().clone();
        let (before, edges) = (self.beliefs.clone(), self.edges());
        let changes = self.beliefs.read(reading, now);
        self.counts.readings += 1;
        // A reading begins after what was put in place before it: see `syncing`.
        self.queue.release();
        let identity = match &reading.root {
            RootState::Read(identity) => Some(*identity),
            RootState::Unreadable(_) | RootState::Missing => None,
        };
        self.directory.watch(&reading.asked(), identity);
        self.tell_host(&before, &reading.root);
        for (name, entry, project, files) in changes.accepted {
            let good = last_good::to_save(&entry, &project, &files, now);
            let store = self.around.ledger.clone();
            let save = move || {
                store.save_last_good(&name, &good)?;
                // A version that was encrypted anew is the same version: its kept files are to be opened with the new keys.
                if store.load_revision(&name, &good.digest).is_some() {
                    store.save_revision(&name, &good)?;
                }
                Ok::<_, LedgerError>(())
            };
            if !matches!(self.settings.blocking.run(save).await, Ok(Ok(()))) {
                tracing::warn!("the last good version of a project could not be kept");
            }
        }
        if *self.beliefs.host() != host || self.host_ledger.is_some() {
            self.save_host().await;
        }
        for name in &changes.changed {
            self.tell_diagnostics(name, before.get(name).map(|one| one.diagnostics.len()));
        }
        for name in &changes.gone {
            self.forget(name).await;
        }
        if self.counts.readings == 1 {
            self.unpublish_strangers().await;
            self.wake_all(Wake::Reset);
        }
        self.wake(changes.changed.iter(), Wake::Reset, Duration::ZERO);
        if self.edges() != edges || !changes.gone.is_empty() {
            self.wake_dependants();
        }
        let names = self.beliefs.iter().map(|(name, _)| name.clone());
        self.around.board.keep(names.filter(|name| self.is_kept(name)).collect());
        if let Some(look) = self.beliefs.next_look() {
            let after = look.since(now).max(SOONEST_LOOK);
            self.directory.look_by(Instant::now() + after);
        }
    }

    /// What changed of the host as a whole is told and published at once: no project's status would show it.
    fn tell_host(&mut self, before: &Beliefs, root: &RootState) {
        if before.root() != self.beliefs.root() {
            self.tell_root(root);
        }
        let other_findings = before.diagnostics() != self.beliefs.diagnostics();
        if other_findings {
            self.say(EventKind::Diagnosed(self.beliefs.diagnostics().to_vec()));
        }
        if other_findings || before.held() != self.beliefs.held() {
            self.publish_soon();
        }
    }

    fn tell_root(&self, root: &RootState) {
        let directory = self.directory.root().display();
        let text = match root {
            RootState::Read(_) => format!("{directory} is watched"),
            RootState::Unreadable(why) => {
                format!("{directory} cannot be read: {why}; what runs goes on running")
            }
            RootState::Missing => format!("{directory} is not there; what runs goes on running"),
        };
        self.say(EventKind::Controller(text));
    }

    fn tell_diagnostics(&self, name: &ProjectName, before: Option<usize>) {
        let Some(belief) = self.beliefs.get(name) else {
            return;
        };
        if belief.diagnostics.is_empty() && before.unwrap_or(0) == 0 {
            return;
        }
        let kind = EventKind::Diagnosed(belief.diagnostics.clone());
        let now = self.around.clock.now();
        self.around.events.send(now, Some(name), kind);
    }

    /// Writes what outlives the process about the host as a whole.
    pub(crate) async fn save_host(&mut self) {
        let (store, host) = (self.around.ledger.clone(), self.beliefs.host().clone());
        let saved = self.settings.blocking.run(move || store.save_host(&host)).await;
        self.host_ledger = match saved {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(panicked) => Some(panicked.to_string()),
        };
    }

    /// A project is gone for good: nothing is remembered and nothing is shown of it.
    pub(crate) async fn forget(&mut self, name: &ProjectName) {
        self.queue.forget(name);
        self.cells.remove(name);
        self.around.operations.forget(name);
        self.around.prober.attend(name, Vec::new());
        self.around.board.forget(name);
        let (store, key) = (self.around.ledger.clone(), name.clone());
        let forget = move || {
            store.remove_project(&key)?;
            store.unpublish_project(&key)
        };
        if !matches!(self.settings.blocking.run(forget).await, Ok(Ok(()))) {
            tracing::warn!(project = %name, "the memory of a removed project could not be removed");
        }
    }

    /// Statuses that an earlier run published of projects that nobody knows any more.
    async fn unpublish_strangers(&mut self) {
        let store = self.around.ledger.clone();
        let statuses = self.settings.blocking.run(move || store.statuses()).await;
        for status in statuses.unwrap_or_default() {
            if self.beliefs.get(&status.name).is_none() {
                self.forget(&status.name).await;
            }
        }
    }

    /// The answer of `run --once`, if there is one.
    pub(crate) fn verdict(&self, wait: bool) -> Option<RunEnd> {
        let kept = self.beliefs.iter().filter(|(name, _)| self.is_kept(name));
        let mut worst = Progress::Done;
        for (name, belief) in kept {
            let cell = self.cells.get(name);
            let plan = cell.and_then(|cell| cell.plan.as_ref());
            let memory = cell.and_then(|cell| cell.memory.as_ref());
            let status = memory.and_then(|memory| memory.status.as_ref());
            let running = self.queue.is_busy(name, Instant::now());
            let progress = if running || matches!(belief.standing, Standing::Gone { .. }) {
                Progress::Working
            } else {
                once::progress(belief, plan, status, wait)
            };
            worst = worst.max(progress);
        }
        match worst {
            Progress::Working => None,
            Progress::Done if self.is_all_there() => Some(RunEnd::Converged),
            Progress::Done | Progress::Failed => Some(RunEnd::NotConverged),
        }
    }

    /// Whether the root was read, every selected project was found and no file is left without a project.
    fn is_all_there(&self) -> bool {
        let read = matches!(self.beliefs.root(), Some(RootState::Read(_)));
        let mut selected = self.settings.projects.iter();
        let found = selected.all(|name| self.beliefs.get(name).is_some());
        let nameless = self.settings.projects.is_empty()
            && self.beliefs.diagnostics().iter().any(|one| one.severity == Severity::Error);
        read && found && !nameless && self.sources.settled() == Settled::Yes
    }
}
