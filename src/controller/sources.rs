//! The table of git sources: when each is looked at, what was found, and what waits to be put in place.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::time::Duration;

use futures::FutureExt;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::controller::commits::Commits;
use crate::controller::jitter::jittered;
use crate::model::git_source::{GitSource, SourceName};
use crate::model::path::LocalPath;
use crate::model::sync::{SourceStatus, SyncError, SyncReason, SyncTrouble};
use crate::model::time::Timestamp;
use crate::source::git::{Published, SourcePlace, Switch, SyncRequest, Synced, sync};

/// Looks at servers at a time.
const SIDE_BY_SIDE: usize = 4;
/// First delay after a look that failed for want of a connection; doubled each time.
const INITIAL: Duration = Duration::from_secs(5);
/// Longest such delay.
const CAP: Duration = Duration::from_secs(300);
/// A tree that could not be put in place is tried again after this.
const PUT_AGAIN: Duration = Duration::from_secs(5);

/// All sources.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    cells: BTreeMap<SourceName, Cell>,
    looks: JoinSet<(SourceName, Result<Synced, SyncError>)>,
    commits: Commits,
}

/// One source.
#[derive(Debug)]
struct Cell {
    source: GitSource,
    place: SourcePlace,
    /// `None` while a look is under way.
    due: Option<Instant>,
    /// Somebody asked during a look: another one follows.
    again: bool,
    /// Waits to be put in place, not before this instant.
    ready: Option<(Box<Switch>, Instant)>,
    /// A commit that a person accepted.
    accepted: Option<String>,
    /// Ended looks since the start.
    looks: u64,
    status: SourceStatus,
}

/// What waits to be put in place.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) name: SourceName,
    /// The directory whose projects must not be looked at meanwhile.
    pub(crate) target: PathBuf,
    pub(crate) place: SourcePlace,
    pub(crate) switch: Switch,
}

/// How far all sources are, for `run --once`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// One was not looked at yet, or waits to be put in place.
    NotYet,
    /// One could not be looked at.
    WithTrouble,
    /// All are in place.
    Yes,
}

impl Sources {
    /// The sources of the settings, with what is in place of each. Blocking: makes up for what a process that died had
    /// begun, before anything is read.
    pub(crate) fn new(
        sources: Vec<GitSource>,
        (state, root): (&LocalPath, &LocalPath),
        now: (Instant, Timestamp),
    ) -> Self {
        let mut all = Self::default();
        for source in sources {
            let place = SourcePlace::new(&source, state, root);
            let cell = Cell::new(source, place, now);
            if let Some(commit) = &cell.status.commit {
                all.commits.set(cell.place.target(), commit.clone());
            }
            all.cells.insert(cell.source.name.clone(), cell);
        }
        all
    }

    /// Which commit the files of a directory come from.
    pub(crate) fn commits(&self) -> Commits {
        self.commits.clone()
    }

    /// When [`Sources::start`] or [`Sources::waiting`] has something new. What waits already waits for the end of a pass or
    /// reading, and that wakes the loop.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        let room = self.looks.len() < SIDE_BY_SIDE;
        let looks = self
            .cells
            .values()
            .filter(|cell| room && cell.ready.is_none())
            .filter_map(|cell| cell.due);
        let puts = self.cells.values().filter_map(|cell| cell.ready.as_ref().map(|(_, at)| *at));
        let puts = puts.filter(|at| *at > now);
        looks.chain(puts).min()
    }

    /// Begins the looks that are due.
    pub(crate) fn start(&mut self, now: Instant, wall: Timestamp) {
        for cell in self.cells.values_mut() {
            let due = cell.ready.is_none() && cell.due.is_some_and(|due| due <= now);
            if !due || self.looks.len() >= SIDE_BY_SIDE {
                continue;
            }
            cell.due = None;
            let request = SyncRequest {
                source: cell.source.clone(),
                place: cell.place.clone(),
                accepted: cell.accepted.clone(),
                now: wall,
            };
            let name = cell.source.name.clone();
            self.looks.spawn(async move {
                let look = AssertUnwindSafe(Box::pin(sync(&request))).catch_unwind().await;
                let panicked =
                    || SyncError::new(SyncReason::NotWritable, "internal error: the look panicked");
                (name, look.unwrap_or_else(|_| Err(panicked())))
            });
        }
    }

    /// Waits for the end of a look. Cancel safe: a set keeps what ended. Without one under way it never ends.
    pub(crate) async fn looked(&mut self) -> (SourceName, Result<Synced, SyncError>) {
        loop {
            match self.looks.join_next().await {
                Some(Ok(ended)) => return ended,
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// Takes the end of a look in; the trouble, if it is another one than before.
    pub(crate) fn take(
        &mut self,
        name: &SourceName,
        ended: Result<Synced, SyncError>,
        (now, wall): (Instant, Timestamp),
    ) -> Option<SyncTrouble> {
        let cell = self.cells.get_mut(name)?;
        cell.looks += 1;
        match ended {
            Ok(Synced::InPlace(_)) => cell.good(now, wall),
            Ok(Synced::Ready(switch)) => cell.ready = Some((switch, now)),
            Err(error) => return cell.bad(error, now, wall),
        }
        None
    }

    /// Whether the last look at a source did not end with its newest commit in place.
    pub(crate) fn is_troubled(&self, name: &SourceName) -> bool {
        self.cells.get(name).is_some_and(|cell| cell.status.trouble.is_some())
    }

    /// What waits to be put in place and may be tried now.
    pub(crate) fn waiting(&self, now: Instant) -> Vec<Waiting> {
        let ready = self.cells.iter().filter_map(|(name, cell)| {
            let (switch, at) = cell.ready.as_ref()?;
            (*at <= now).then(|| Waiting {
                name: name.clone(),
                target: cell.place.target(),
                place: cell.place.clone(),
                switch: (**switch).clone(),
            })
        });
        ready.collect()
    }

    /// A tree is in place.
    pub(crate) fn placed(
        &mut self,
        name: &SourceName,
        published: &Published,
        now: (Instant, Timestamp),
    ) {
        let Some(cell) = self.cells.get_mut(name) else { return };
        cell.ready = None;
        cell.accepted = None;
        cell.status.commit = Some(published.commit.clone());
        cell.status.since = Some(published.since);
        cell.status.notes.clone_from(&published.notes);
        cell.good(now.0, now.1);
        self.commits.set(cell.place.target(), published.commit.clone());
    }

    /// A tree could not be put in place, or only a part of it: the rest follows, and until then nobody looks at it.
    pub(crate) fn not_placed(
        &mut self,
        name: &SourceName,
        error: SyncError,
        (now, wall): (Instant, Timestamp),
    ) -> Option<SyncTrouble> {
        let cell = self.cells.get_mut(name)?;
        if let Some((_, at)) = &mut cell.ready {
            *at = now + PUT_AGAIN;
        }
        cell.bad(error, now, wall)
    }

    /// Whether part of a tree is in place and part is not.
    pub(crate) fn is_torn(&self) -> bool {
        let torn = |cell: &Cell| {
            let trouble = cell.status.trouble.as_ref();
            cell.ready.is_some()
                && trouble.is_some_and(|trouble| trouble.reason == SyncReason::NotWritable)
        };
        self.cells.values().any(torn)
    }

    /// The named source, or all, are looked at now; how many that are.
    pub(crate) fn look_now(&mut self, wanted: impl Fn(&GitSource) -> bool, now: Instant) -> usize {
        let mut count = 0;
        for cell in self.cells.values_mut().filter(|cell| wanted(&cell.source)) {
            count += 1;
            cell.again = cell.due.is_none();
            cell.due = cell.due.map(|due| due.min(now));
        }
        count
    }

    /// A person accepts a commit although it is no descendant of the one in place.
    pub(crate) fn accept(
        &mut self,
        name: &SourceName,
        commit: &str,
        now: Instant,
    ) -> Result<(), String> {
        let cell =
            self.cells.get_mut(name).ok_or_else(|| format!("there is no source `{name}`"))?;
        cell.accepted = Some(commit.to_owned());
        self.look_now(|source| source.name == *name, now);
        Ok(())
    }

    /// The directories of all sources, and of which each is.
    pub(crate) fn directories(&self) -> impl Iterator<Item = (&SourceName, PathBuf)> {
        self.cells.iter().map(|(name, cell)| (name, cell.place.target()))
    }

    /// Status of all.
    pub(crate) fn statuses(&self, now: (Instant, Timestamp)) -> Vec<SourceStatus> {
        let of = |cell: &Cell| {
            let next = cell.due.map(|due| now.1.plus(due.saturating_duration_since(now.0)));
            SourceStatus { next, ..cell.status.clone() }
        };
        self.cells.values().map(of).collect()
    }

    /// For `run --once`.
    pub(crate) fn settled(&self) -> Settled {
        let waits = |cell: &Cell| cell.looks == 0 || cell.ready.is_some() || cell.again;
        if self.cells.values().any(waits) {
            return Settled::NotYet;
        }
        let trouble = self.cells.values().any(|cell| cell.status.trouble.is_some());
        if trouble { Settled::WithTrouble } else { Settled::Yes }
    }
}

impl Cell {
    fn new(source: GitSource, place: SourcePlace, (now, wall): (Instant, Timestamp)) -> Self {
        let unfinished = Switch::unfinished(&place)
            .map(|found| found.map(|switch| (switch.perform(&place), switch)));
        let mut trouble = None;
        let mut ready = None;
        match unfinished {
            Ok(None | Some((Ok(_), _))) => {}
            Ok(Some((Err(error), switch))) => {
                trouble = Some(error);
                ready = Some((Box::new(switch), now + PUT_AGAIN));
            }
            Err(error) => trouble = Some(error),
        }
        let published =
            Published::read(&place).filter(|published| published.into == source.into.as_str());
        let status = SourceStatus {
            name: source.name.clone(),
            url: source.url.as_str().to_owned(),
            follows: source.follow.to_string(),
            into: source.into.as_str().to_owned(),
            commit: published.as_ref().map(|published| published.commit.clone()),
            since: published.as_ref().map(|published| published.since),
            checked_at: None,
            trouble: trouble.map(|error| SyncTrouble {
                reason: SyncReason::NotWritable,
                message: format!("what an earlier run began cannot be put in place: {error}"),
                since: wall,
                failures: 1,
            }),
            next: None,
            notes: published.map(|published| published.notes).unwrap_or_default(),
        };
        Self {
            source,
            place,
            due: Some(now),
            again: false,
            ready,
            accepted: None,
            looks: 0,
            status,
        }
    }

    fn good(&mut self, now: Instant, wall: Timestamp) {
        self.status.checked_at = Some(wall);
        self.status.trouble = None;
        let name = self.source.name.as_str();
        let attempt = u32::try_from(self.looks % u64::from(u32::MAX)).unwrap_or(0);
        self.next(now, jittered(self.source.interval, 10, name, attempt));
    }

    /// The trouble, if it is another one than before.
    fn bad(&mut self, error: SyncError, now: Instant, wall: Timestamp) -> Option<SyncTrouble> {
        let before = self.status.trouble.take();
        let same = before.as_ref().is_some_and(|before| before.reason == error.reason);
        let failures =
            before.as_ref().filter(|_| same).map_or(1, |before| before.failures.saturating_add(1));
        let since = before.filter(|_| same).map_or(wall, |before| before.since);
        let trouble = SyncTrouble { reason: error.reason, message: error.message, since, failures };
        let delay = if comes_by_itself(error.reason) {
            let delay = INITIAL.saturating_mul(1 << (failures - 1).min(6)).min(CAP);
            jittered(delay, 20, self.source.name.as_str(), failures)
        } else {
            self.source.interval
        };
        self.next(now, delay);
        self.status.trouble = Some(trouble.clone());
        (!same).then_some(trouble)
    }

    fn next(&mut self, now: Instant, delay: Duration) {
        let again = std::mem::take(&mut self.again);
        self.due = Some(if again { now } else { now + delay });
    }
}

/// Whether it may be over at any moment; else somebody has to do something first.
fn comes_by_itself(reason: SyncReason) -> bool {
    matches!(reason, SyncReason::Unreachable | SyncReason::TimedOut | SyncReason::NotWritable)
}
