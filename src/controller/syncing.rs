//! What the loop does with git sources. A tree is put in place only while nobody looks at it: no pass of its projects and no
//! reading of the watched directory is under way, and none of these projects gets a pass before the next reading has seen it.
//! So a plan is made of one commit or another, never of a mix.

use std::collections::BTreeSet;
use std::path::Path;

use tokio::time::Instant;

use crate::controller::sources::{Settled, Waiting};
use crate::controller::supervisor::Supervisor;
use crate::model::event::EventKind;
use crate::model::git_source::SourceName;
use crate::model::id::ProjectName;
use crate::model::sync::{SourceStatus, SyncError, SyncReason, SyncTrouble};
use crate::source::git::Synced;

impl Supervisor {
    /// Puts in place what waits for it, where nobody looks now. What cannot be done yet is done at a later turn.
    pub(crate) async fn put_in_place(&mut self) {
        for waiting in self.sources.waiting(Instant::now()) {
            let below = self.projects_below(&waiting.target);
            let looked_at = below.iter().any(|name| self.queue.is_running(name));
            self.queue.hold(below);
            if !looked_at && !self.directory.is_reading() {
                self.switch(waiting).await;
            }
        }
    }

    fn projects_below(&self, target: &Path) -> BTreeSet<ProjectName> {
        let below =
            self.beliefs.iter().filter(|(_, belief)| Path::new(&belief.source).starts_with(target));
        below.map(|(name, _)| name.clone()).collect()
    }

    async fn switch(&mut self, waiting: Waiting) {
        let Waiting { name, place, switch, .. } = waiting;
        let (count, aside) = (switch.count(), switch.kept_aside().to_vec());
        let before =
            self.sources.statuses(self.both_clocks()).into_iter().find(|one| one.name == name);
        let performed = self.settings.blocking.run(move || switch.perform(&place)).await;
        let why = match performed {
            Ok(Ok(published)) => {
                self.sources.placed(&name, &published, self.both_clocks());
                if before.as_ref().is_some_and(|before| before.trouble.is_some()) {
                    self.say(EventKind::SyncRecovered { source: name.clone() });
                }
                let other =
                    before.is_none_or(|before| before.commit.as_ref() != Some(&published.commit));
                if other || count > 0 {
                    let commit = Box::new(published.commit);
                    self.say(EventKind::Synced { source: name, commit, files: count, aside });
                    self.directory.look_by(Instant::now());
                }
                return self.publish_sources().await;
            }
            Ok(Err(error)) => error.to_string(),
            Err(panicked) => panicked.to_string(),
        };
        let text = format!(
            "the files cannot be put in place: {why}; what is missing follows once they can"
        );
        let error = SyncError::new(SyncReason::NotWritable, text);
        let trouble = self.sources.not_placed(&name, error, self.both_clocks());
        self.tell_trouble(&name, trouble).await;
    }

    /// A look at a server ended.
    pub(crate) async fn source_looked(
        &mut self,
        name: SourceName,
        ended: Result<Synced, SyncError>,
    ) {
        let troubled = self.sources.is_troubled(&name);
        let trouble = self.sources.take(&name, ended, self.both_clocks());
        if troubled && !self.sources.is_troubled(&name) {
            self.say(EventKind::SyncRecovered { source: name.clone() });
        }
        self.tell_trouble(&name, trouble).await;
    }

    async fn tell_trouble(&mut self, name: &SourceName, trouble: Option<SyncTrouble>) {
        if let Some(trouble) = trouble {
            self.say(EventKind::SyncFailed { source: name.clone(), trouble: Box::new(trouble) });
        }
        self.publish_sources().await;
    }

    /// Publishes the status of all sources, if there are any.
    pub(crate) async fn publish_sources(&mut self) {
        let statuses: Vec<SourceStatus> = self.sources.statuses(self.both_clocks());
        self.around.board.sources(&statuses);
        let store = self.around.ledger.clone();
        let publish = move || store.publish_sources(&statuses);
        if !matches!(self.settings.blocking.run(publish).await, Ok(Ok(()))) {
            tracing::warn!("the status of the sources could not be published");
        }
    }

    /// Sources that a project lies in, or all, are looked at now; how many that are.
    pub(crate) fn look_at_sources(&mut self, project: Option<&ProjectName>) -> usize {
        let source = match project {
            None => None,
            Some(project) => {
                let Some(belief) = self.beliefs.get(project) else { return 0 };
                let entry = Path::new(&belief.source).to_path_buf();
                let mut directories = self.sources.directories();
                let found = directories.find(|(_, directory)| entry.starts_with(directory));
                let Some((name, _)) = found else { return 0 };
                Some(name.clone())
            }
        };
        let wanted = |name: &SourceName| source.as_ref().is_none_or(|source| source == name);
        self.sources.look_now(|one| wanted(&one.name), Instant::now())
    }

    /// Whether `run --once` need not wait for a source any more.
    pub(crate) fn sources_are_settled(&self) -> bool {
        self.sources.settled() != Settled::NotYet && !self.queue.holds_any()
    }

    pub(crate) fn both_clocks(&self) -> (Instant, crate::model::time::Timestamp) {
        (Instant::now(), self.around.clock.now())
    }
}
