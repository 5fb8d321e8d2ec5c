//! The loop itself: one task that owns all state, wakes keys, starts passes and takes their ends.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::controller::desired::belief::{Beliefs, Standing};
use crate::controller::desired::loading::ManifestLoader;
use crate::controller::desired::reading::Reader;
use crate::controller::directory::Directory;
use crate::controller::hints::Hints;
use crate::controller::housekeeping::Housekeeping;
use crate::controller::jitter::jittered;
use crate::controller::memory::{LedgerChange, Memory};
use crate::controller::own::Teller;
use crate::controller::pass::{PassEnd, PassInput, Remains, Surroundings, pass};
use crate::controller::queue::{Queue, Requeue, Wake};
use crate::controller::settings::{Mode, RunEnd, Settings};
use crate::controller::sources::Sources;
use crate::engine::EngineEvent;
use crate::model::event::EventKind;
use crate::model::held::WaitingOn;
use crate::model::id::ProjectName;
use crate::model::neighbour::Progress;
use crate::model::plan::Plan;
use crate::model::time::Timestamp;

/// Every project is looked at after this, ± 10 %.
const RELIST: Duration = Duration::from_secs(30);
/// Events of one project within this time are one reason to look.
const BATCH: Duration = Duration::from_millis(50);
/// How often requests of the command line are looked for.
const REQUESTS: Duration = Duration::from_millis(500);
/// A connection that is cut for less than this is nothing to talk about.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long passes wait for the first reading of the watched directory: what was believed before this start may be long
/// gone from it. On a file system that hangs, healing by the last good versions is better than none.
const FIRST_READING: Duration = Duration::from_secs(10);
/// How often the controller's own status is published.
const PUBLISH: Duration = Duration::from_secs(10);
/// The same while pulls, builds or stops run: people watch their progress.
const PUBLISH_PROGRESS: Duration = Duration::from_secs(2);

/// State of the loop.
pub(crate) struct Supervisor {
    pub(crate) settings: Settings,
    pub(crate) around: Arc<Surroundings>,
    pub(crate) loader: Arc<dyn ManifestLoader>,
    pub(crate) started_at: Timestamp,
    pub(crate) queue: Queue,
    pub(crate) cells: BTreeMap<ProjectName, Cell>,
    pub(crate) beliefs: Beliefs,
    pub(crate) directory: Directory,
    pub(crate) passes: JoinSet<(ProjectName, Option<PassEnd>)>,
    pub(crate) events: BoxStream<'static, EngineEvent>,
    pub(crate) timers: Timers,
    pub(crate) counts: Counts,
    /// Ids of requests that wait for the end of a pass.
    pub(crate) asked: BTreeSet<String>,
    /// Hints of webhooks.
    pub(crate) hints: Hints,
    /// Why the host's memory cannot be written.
    pub(crate) host_ledger: Option<String>,
    /// The connection to the engine, by the word of its event stream.
    pub(crate) link: Link,
    /// Git repositories whose files are put into the watched directory.
    pub(crate) sources: Sources,
    /// Garbage and disk pressure, if they are looked after.
    pub(crate) housekeeping: Option<Housekeeping>,
    /// Tells how this instance is, in a container.
    pub(crate) teller: Option<Arc<Teller>>,
}

/// What the loop keeps of one project beside what is believed of it.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    /// `None` while a pass has it.
    pub(crate) memory: Option<Memory>,
    /// For the next pass.
    pub(crate) changes: Vec<Asked>,
    /// With the pass that runs.
    pub(crate) answering: Vec<Asked>,
    /// Plan of the last pass since its manifest changed.
    pub(crate) plan: Option<Plan>,
    /// How far it was at the end of its last pass, for those that depend on it.
    pub(crate) progress: Option<Progress>,
    /// Passes that panicked.
    pub(crate) panics: u64,
    /// Begin of the pass that runs.
    pub(crate) begun: Option<Instant>,
}

/// A change and the request that it comes from.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) request: String,
    pub(crate) change: LedgerChange,
    /// What the person is told instead of the usual, once it is known.
    pub(crate) answer: Option<String>,
}

/// Whether the engine tells us what happens. Between a cut and the next subscription nothing is planned: what is seen
/// then lacks the instant of the gap, and an interruption would count as an exit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// It does.
    Up,
    /// It does not, for this reason. Passes wait; after [`Link::Lost`]'s patience they only publish that nothing is known.
    Lost {
        /// Why.
        why: String,
        /// Until when passes wait.
        patience: Instant,
    },
}

/// What is due when.
#[derive(Debug)]
pub(crate) struct Timers {
    relist: Instant,
    requests: Instant,
    publish: Instant,
    begin: Instant,
}

/// What the loop counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) passes: u64,
    pub(crate) readings: u64,
    pub(crate) relists: u32,
}

impl Timers {
    pub(crate) fn new(now: Instant) -> Self {
        Self { relist: now + RELIST, requests: now, publish: now, begin: now }
    }
}

impl Supervisor {
    /// Runs until it is told to stop, or `--once` has an answer.
    pub(crate) async fn run(&mut self, cancel: &CancellationToken) -> RunEnd {
        let cancel = &planted!("deaf-to-sigterm", cancel.clone(), CancellationToken::new());
        loop {
            self.around.board.beat(self.around.clock.now());
            self.around.board.meters().queue(self.queue.figures(Instant::now()));
            self.put_in_place().await;
            self.start_passes();
            if let Some(end) = self.once() {
                return end;
            }
            let timer = self.next_timer();
            let loader = Arc::clone(&self.loader);
            let root = self.directory.root().clone();
            let (tree, commits) = (self.directory.tree(), self.sources.commits());
            tokio::select! {
                biased;
                // Cancel safe: a token stays cancelled.
                () = cancel.cancelled() => return RunEnd::Stopped,
                // Cancel safe: so does this one.
                () = self.around.hand_over.cancelled() => return RunEnd::HandedOver,
                // Cancel safe: the instant stands.
                () = tokio::time::sleep_until(timer) => self.tick().await,
                // Cancel safe: a set keeps what ended. An empty one is never polled.
                Some(ended) = self.passes.join_next(), if !self.passes.is_empty() => {
                    if let Ok((name, end)) = ended {
                        self.pass_ended(&name, end).await;
                    }
                }
                // Cancel safe: what was not returned stays in the table.
                woken = self.around.operations.ended() => self.wake(woken.iter(), Wake::Change, Duration::ZERO),
                // Cancel safe: what was not returned stays in the table.
                woken = self.around.prober.changed() => self.wake(woken.iter(), Wake::Change, Duration::ZERO),
                // Cancel safe: see there.
                (name, ended) = self.sources.looked() => self.source_looked(name, ended).await,
                // Cancel safe: a stream keeps its place. Its end means that nobody tells of changes any more.
                event = self.events.next() => self.engine_event(event),
                // Cancel safe: see there.
                seen = Housekeeping::seen(self.housekeeping.as_mut()) => self.disks_seen(seen),
                // Cancel safe: what was not returned stays in the channel.
                hint = self.hints.next() => self.hints.hear(hint, Instant::now()),
                // Cancel safe: a reading under way goes on in its own task. A hint only moves the next one forward.
                reading = self.directory.reading(|| Reader::new(root, tree, loader).knowing(commits)) => {
                    if let Some(reading) = reading {
                        self.believe(&reading).await;
                    }
                }
            }
        }
    }

    fn next_timer(&self) -> Instant {
        let full = self.passes.len() >= self.settings.limits.passes;
        let once = match self.settings.mode {
            Mode::Once(once) => Some(self.timers.begin + once.timeout),
            Mode::Run => None,
        };
        let patience = self.passes_wait_until();
        let due = self.queue.next_due().filter(|_| !full);
        [
            due.map(|due| patience.map_or(due, |patience| due.max(patience))),
            self.directory.due().filter(|_| !self.sources.is_torn()),
            self.sources.due(Instant::now()),
            self.hints.due_at(),
            self.housekeeping.as_ref().and_then(Housekeeping::due),
            Some(self.timers.requests),
            Some(self.timers.publish),
            once,
        ]
        .into_iter()
        .flatten()
        .fold(self.timers.relist, Instant::min)
    }

    /// Whatever is due.
    async fn tick(&mut self) {
        let now = Instant::now();
        self.sources.start(now, self.around.clock.now());
        self.keep_tidy(now);
        if self.directory.due().is_some_and(|due| due <= now) && !self.sources.is_torn() {
            self.directory.start(now, self.settings.blocking);
        }
        if self.timers.relist <= now {
            self.counts.relists = self.counts.relists.wrapping_add(1);
            let period = jittered(RELIST, 10, "relist", self.counts.relists);
            self.timers.relist = now + period;
            planted!("no-relist", self.wake_all(Wake::Change), ());
        }
        for hint in self.hints.due(now) {
            self.hinted(hint, now);
        }
        if self.timers.requests <= now {
            self.timers.requests = now + REQUESTS;
            self.take_requests().await;
        }
        if self.timers.publish <= now {
            let busy = !self.around.operations.running().is_empty();
            self.timers.publish = now + if busy { PUBLISH_PROGRESS } else { PUBLISH };
            self.publish("acting").await;
        }
    }

    /// Publishes the controller's own status at the next turn: people wait for what it says now.
    pub(crate) fn publish_soon(&mut self) {
        self.timers.publish = Instant::now();
    }

    /// Whether `run --once` has an answer.
    fn once(&self) -> Option<RunEnd> {
        let Mode::Once(once) = self.settings.mode else {
            return None;
        };
        if self.counts.readings == 0 || !self.asked.is_empty() || !self.sources_are_settled() {
            return self.out_of_time(once.timeout);
        }
        let verdict = self.verdict(once.wait);
        verdict.or_else(|| self.out_of_time(once.timeout))
    }

    fn out_of_time(&self, timeout: Duration) -> Option<RunEnd> {
        (self.timers.begin.elapsed() >= timeout).then_some(RunEnd::TimedOut)
    }

    /// Whether the settings select the project, and something is believed of it.
    pub(crate) fn is_kept(&self, name: &ProjectName) -> bool {
        let selected = self.settings.projects.is_empty() || self.settings.projects.contains(name);
        selected && self.beliefs.get(name).is_some()
    }

    /// Wakes keys that exist; others have nothing to do.
    pub(crate) fn wake<'n>(
        &mut self,
        names: impl Iterator<Item = &'n ProjectName>,
        wake: Wake,
        after: Duration,
    ) {
        let at = Instant::now() + after;
        for name in names {
            if !self.is_kept(name) {
                continue;
            }
            if wake == Wake::Reset {
                self.cells.entry(name.clone()).or_default().plan = None;
            }
            self.queue.wake(name, wake, at);
        }
    }

    pub(crate) fn wake_all(&mut self, wake: Wake) {
        let names: Vec<_> = self.beliefs.iter().map(|(name, _)| name.clone()).collect();
        self.wake(names.iter(), wake, Duration::ZERO);
    }

    /// An event only wakes keys.
    fn engine_event(&mut self, event: Option<EngineEvent>) {
        match event {
            Some(EngineEvent::Gap) => {
                if self.link != Link::Up {
                    self.link = Link::Up;
                    self.around.board.engine(None);
                    self.say(EventKind::Engine("connected again".to_owned()));
                }
                self.wake_all(Wake::Reset);
            }
            Some(EngineEvent::Lost(why)) => {
                // Each failed try to get it back comes as a loss, too.
                if self.link == Link::Up {
                    tracing::warn!(why, "the connection to the engine was lost");
                    self.say(EventKind::Engine(format!("lost: {why}")));
                }
                self.around.board.engine(Some(why.clone()));
                let patience = Instant::now() + PATIENCE;
                self.link = Link::Lost { why, patience };
                // What runs is not known any more; passes say so unless the connection stands again soon.
                self.wake_all(Wake::Change);
            }
            Some(EngineEvent::Container { project, .. } | EngineEvent::Other { project }) => {
                self.wake(project.iter(), Wake::Change, BATCH);
                self.wake_those_in_the_way();
            }
            // The facade's stream never ends; should it, the relist goes on without it.
            None => self.events = futures::stream::pending().boxed(),
        }
    }

    /// Projects that wait for something that strangers hold: any change on the host may have freed it.
    fn wake_those_in_the_way(&mut self) {
        let waits = |plan: &Plan| {
            plan.held.iter().any(|held| {
                matches!(
                    held.waiting_on,
                    WaitingOn::PortConflict { .. }
                        | WaitingOn::NameHeldByUnmanaged { .. }
                        | WaitingOn::ForeignNetwork
                        | WaitingOn::ExternalMissing
                )
            })
        };
        let names: Vec<_> = self
            .cells
            .iter()
            .filter(|(_, cell)| cell.plan.as_ref().is_some_and(waits))
            .map(|(name, _)| name.clone())
            .collect();
        self.wake(names.iter(), Wake::Change, BATCH);
    }

    /// Until when no pass begins: the connection may stand again soon, and the directory is being read for the first time.
    fn passes_wait_until(&self) -> Option<Instant> {
        let link = match self.link {
            Link::Up => None,
            Link::Lost { patience, .. } => Some(patience),
        };
        let unread = (self.counts.readings == 0).then(|| self.timers.begin + FIRST_READING);
        link.max(unread)
    }

    /// Starts passes of keys that are due, as many as may run.
    fn start_passes(&mut self) {
        let now = Instant::now();
        if self.passes_wait_until().is_some_and(|until| until > now) {
            return;
        }
        while self.passes.len() < self.settings.limits.passes {
            let waited = self.queue.due_since(now).unwrap_or_default();
            let Some(name) = self.queue.take(now) else {
                return;
            };
            self.around.board.meters().begun(waited);
            self.start_pass(name);
        }
    }

    fn start_pass(&mut self, name: ProjectName) {
        let Some(belief) = self.beliefs.get(&name).cloned() else {
            self.queue.done(&name, Requeue::AwaitChange, Instant::now());
            return;
        };
        let neighbours = self.neighbours();
        let cell = self.cells.entry(name.clone()).or_default();
        cell.answering = std::mem::take(&mut cell.changes);
        cell.begun = Some(Instant::now());
        let changes = cell.answering.iter();
        let input = PassInput {
            name: name.clone(),
            belief,
            memory: cell.memory.take().unwrap_or_default(),
            changes: changes.map(|asked| asked.change.clone()).collect(),
            host_ledger: self.host_ledger.clone(),
            neighbours,
            engine_lost: match &self.link {
                Link::Up => None,
                Link::Lost { why, .. } => Some(why.clone()),
            },
        };
        self.counts.passes += 1;
        let around = Arc::clone(&self.around);
        self.passes.spawn(async move {
            // What a panic leaves behind is dropped; the next pass begins with the ledger of the state directory.
            let end = AssertUnwindSafe(Box::pin(pass(&around, input))).catch_unwind().await;
            (name, end.ok())
        });
    }

    /// A pass ended, or panicked (`None`).
    pub(crate) async fn pass_ended(&mut self, name: &ProjectName, end: Option<PassEnd>) {
        let now = Instant::now();
        let cell = self.cells.entry(name.clone()).or_default();
        let mut answered = std::mem::take(&mut cell.answering);
        let took = cell.begun.take().map(|begun| now.saturating_duration_since(begun));
        let result = end.as_ref().map_or("panic", |end| end.requeue.result());
        self.around.board.meters().ended(name, result, took.unwrap_or_default());
        let Some(end) = end else {
            cell.panics += 1;
            tracing::error!(project = %name, panics = cell.panics, "internal error: a pass panicked");
            let text = format!("internal error: a pass of {name} panicked; it is tried again");
            self.queue.done(name, Requeue::Failed, now);
            self.say(EventKind::Controller(text));
            return self.answer(answered, "internal error; ask again").await;
        };
        let progress = end.memory.status.as_ref().map(Progress::of);
        let before = std::mem::replace(&mut cell.progress, progress);
        cell.memory = Some(end.memory);
        for (asked, refusal) in answered.iter_mut().zip(end.refused) {
            asked.answer = refusal.map(|why| format!("refused: {why}"));
        }
        if end.plan.is_some() {
            cell.plan = end.plan;
        }
        self.queue.done(name, end.requeue, now);
        self.answer(answered, "").await;
        self.wake_neighbours(name, before.as_ref());
        let removing = self.beliefs.get(name).map(|belief| &belief.standing);
        if end.remains == Remains::Nothing && removing == Some(&Standing::Removing) {
            let near = self.near(name);
            self.beliefs.removed(name);
            self.save_host().await;
            self.forget(name).await;
            self.wake(near.iter(), Wake::Change, Duration::ZERO);
        }
    }

    pub(crate) fn say(&self, kind: EventKind) {
        self.around.events.send(self.around.clock.now(), None, kind);
    }
}
