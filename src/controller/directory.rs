//! When the watched directory is read: soon after a hint, and now and then without one (DESIGN §6).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::controller::blocking::Blocking;
use crate::controller::desired::reading::{Reader, Reading};
use crate::controller::settings::Watch;
use crate::model::path::LocalPath;
use crate::source::{Tree, WatchMode, Watching};

/// Quiet time after a hint.
const QUIET: Duration = Duration::from_millis(100);
/// Longest time from the first hint to the reading.
const LONGEST: Duration = Duration::from_secs(1);
/// Full reading without a hint, where the kernel tells of changes.
const REREAD: Duration = Duration::from_secs(10);
/// Full reading without a hint, where it does not.
const POLL: Duration = Duration::from_secs(2);

/// The watched directory as the loop sees it.
#[derive(Debug)]
pub(crate) struct Directory {
    root: LocalPath,
    tree: Arc<dyn Tree>,
    reader: Option<Reader>,
    readings: JoinSet<Option<(Reader, Reading)>>,
    watcher: Box<dyn Watching>,
    hints: mpsc::Receiver<()>,
    schedule: Schedule,
    identity: Option<(u64, u64)>,
}

/// When the next reading is due. Pure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Schedule {
    due: Instant,
    first_hint: Option<Instant>,
}

impl Schedule {
    fn hinted(&mut self, now: Instant) {
        let first = *self.first_hint.get_or_insert(now);
        let at = (now + QUIET).min(first + LONGEST);
        // A hint moves the reading forward, and further hints move it back again, up to the longest.
        self.due = at;
    }

    fn read(&mut self, next: Instant) {
        self.first_hint = None;
        self.due = next;
    }
}

impl Directory {
    /// Begins to watch; the first reading is due at once.
    pub(crate) fn new(root: LocalPath, tree: Arc<dyn Tree>, reader: Reader, watch: Watch) -> Self {
        let (sender, hints) = mpsc::channel(1);
        let watcher = tree.watch(&root, sender, watch == Watch::Poll);
        let schedule = Schedule { due: Instant::now(), first_hint: None };
        Self {
            root,
            tree,
            reader: Some(reader),
            readings: JoinSet::new(),
            watcher,
            hints,
            schedule,
            identity: None,
        }
    }

    /// Something may have changed.
    fn hinted(&mut self, now: Instant) {
        self.schedule.hinted(now);
    }

    /// When [`Directory::start`] should be called; `None` while a reading is under way.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.reader.is_some().then_some(self.schedule.due)
    }

    /// Whether a reading is under way.
    pub(crate) fn is_reading(&self) -> bool {
        self.reader.is_none()
    }

    /// A reading is due at `at` at the latest.
    pub(crate) fn look_by(&mut self, at: Instant) {
        self.schedule.due = self.schedule.due.min(at);
    }

    /// Begins a reading, unless one is under way.
    pub(crate) fn start(&mut self, now: Instant, blocking: Blocking) {
        let Some(mut reader) = self.reader.take() else {
            return;
        };
        let period = match self.watcher.mode() {
            WatchMode::Inotify => REREAD,
            WatchMode::Poll(_) => POLL,
        };
        self.schedule.read(now + planted!("hints-only", period, Duration::from_secs(86_400)));
        self.readings.spawn(async move {
            let work = move || {
                let reading = reader.read();
                (reader, reading)
            };
            blocking.run(work).await.ok()
        });
    }

    /// Waits for the reading under way, or for a hint. Cancel safe. `None`: a hint came, and the next reading is due
    /// earlier; or the reading panicked, and the reader that `again` makes reads at the next turn.
    pub(crate) async fn reading(&mut self, again: impl FnOnce() -> Reader) -> Option<Reading> {
        let ended = tokio::select! {
            biased;
            // Cancel safe: a set keeps what ended. An empty one is never polled.
            Some(ended) = self.readings.join_next(), if !self.readings.is_empty() => ended,
            // Cancel safe: a hint that was not taken stays in its channel. After the watcher's end the timer goes on.
            Some(()) = self.hints.recv() => {
                self.hinted(Instant::now());
                return None;
            }
            else => std::future::pending().await,
        };
        if let Ok(Some((reader, reading))) = ended {
            self.reader = Some(reader);
            return Some(reading);
        }
        self.reader = Some(again());
        None
    }

    /// Exactly these paths matter now, and this is the root's identity.
    pub(crate) fn watch(&mut self, paths: &BTreeSet<LocalPath>, identity: Option<(u64, u64)>) {
        if identity.is_some() && self.identity.is_some() && identity != self.identity {
            self.watcher.rearm();
        }
        self.identity = identity.or(self.identity);
        self.watcher.watch_paths(paths);
    }

    /// How it is watched, for the status.
    pub(crate) fn mode(&self) -> String {
        match self.watcher.mode() {
            WatchMode::Inotify => "inotify".to_owned(),
            WatchMode::Poll(why) => format!("poll: {why}"),
        }
    }

    /// Where the directory is read.
    pub(crate) fn tree(&self) -> Arc<dyn Tree> {
        Arc::clone(&self.tree)
    }

    /// The watched directory.
    pub(crate) fn root(&self) -> &LocalPath {
        &self.root
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn hints_are_gathered_for_a_second_at_most() {
        let begin = Instant::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let mut schedule = Schedule { due: at(10_000), first_hint: None };
        schedule.hinted(begin);
        assert_eq!(schedule.due, at(100));
        for millis in (0..2_000).step_by(50) {
            schedule.hinted(at(millis));
        }
        assert_eq!(schedule.due, at(1_000));
        schedule.read(at(12_000));
        schedule.hinted(at(5_000));
        assert_eq!(schedule.due, at(5_100));
    }
}
