//! The host of a run: what there is, and the life of the controllers on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use composelet::controller::desired::compose::ComposeLoader;
use composelet::controller::{
    Blocking, Clock, Connector, Controller, EventSink, Limits, Mode, RunEnd, RunError, Settings,
    SystemClock, Watch,
};
use composelet::engine::Engine;
use composelet::ledger::{Ledger, Loss, MemoryStorage, Request};
use composelet::model::event::{Event, EventKind};
use composelet::model::id::Installation;
use composelet::model::path::{LocalPath, PathMap};
use composelet::model::policy::Policy;
use composelet::model::time::Timestamp;
use futures::FutureExt;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::storage::WatchedStorage;
use super::tree::{MemoryTree, ROOT};
use crate::scenario::{App, Operation, Scenario, WriteFault, manifest};
use crate::sim::{Happening, SimEngine, SimOptions};

/// The simulated engine's first instant: 2025-01-01T00:00:00Z.
const EPOCH_MS: i64 = 1_735_689_600_000;
/// A controller that was asked to stop has ended by now: 30 s for passes, and what its last calls take.
const GRACE: Duration = Duration::from_secs(45);

/// What the driver knows and the engine does not; [`Happening::Note`] says when.
#[derive(Clone, Debug)]
pub(crate) enum Fact {
    /// These are the files from now on.
    Desired(Arc<BTreeMap<String, App>>),
    /// The file of this project is another, if only in a comment.
    Written(String),
    /// A person confirmed what was held.
    Confirmed,
    /// A person asked that what failed or was suspended go on.
    Resumed,
    /// The memory of the host was damaged or lost: what was removed from the files before may stay.
    HostForgotten,
    /// The memory of this project was damaged or lost.
    ProjectForgotten(String),
    /// It is this time: between events, nothing else tells it.
    Now(Duration),
    /// Something is wrong at once: invariant and text.
    Wrong(&'static str, String),
    /// This controller is dead: what it asked may still be carried out.
    Died(u32),
    /// An operation was carried out.
    Did(Operation),
}

/// One host.
pub(crate) struct Bench {
    pub(crate) engine: SimEngine,
    pub(crate) tree: MemoryTree,
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) facts: Vec<Fact>,
    /// The files.
    pub(crate) desired: BTreeMap<String, App>,
    pub(crate) remark: u64,
    pub(crate) undo: Vec<(Instant, Undo)>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) deaths: u64,
    clock: Arc<dyn Clock>,
    events: EventSink,
    heard: broadcast::Receiver<Arc<Event>>,
    clients: u32,
    leaked: Arc<AtomicBool>,
}

/// What ends a state of limited time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Undo {
    Thaw,
    RegistryUp,
    DiskFree,
    StateFree,
    FreePort(u16),
    RootBack,
    Unwedge(String),
    Deletable(String),
    Resume(String),
}

/// A place for a controller: a state directory and the process that uses it.
pub(crate) struct Slot {
    pub(crate) disk: MemoryStorage,
    running: Option<Running>,
    restart_at: Option<Instant>,
    write_faults: Vec<WriteFault>,
}

struct Running {
    client: u32,
    task: JoinHandle<Result<RunEnd, RunError>>,
    cancel: CancellationToken,
    write_fault: Option<WriteFault>,
}

impl Bench {
    /// The host of a scenario, without a controller.
    pub(crate) fn new(scenario: &Arc<Scenario>) -> Self {
        let options =
            SimOptions { latency: scenario.options.latency, ..SimOptions::seeded(scenario.seed) };
        let engine = SimEngine::new(options);
        let events = EventSink::default();
        let mut write_faults = scenario.write_faults.clone();
        write_faults.sort_by_key(|fault| fault.step);
        Self {
            engine,
            tree: MemoryTree::new(scenario.options.hints, scenario.options.lost_hints),
            facts: Vec::new(),
            desired: BTreeMap::new(),
            remark: 0,
            undo: Vec::new(),
            slots: vec![Slot::new(MemoryStorage::new(), write_faults)],
            deaths: 0,
            clock: Arc::new(SystemClock::starting_at(Timestamp::from_millis(EPOCH_MS))),
            heard: events.subscribe(),
            events,
            clients: 0,
            leaked: Arc::default(),
            scenario: Arc::clone(scenario),
        }
    }

    /// Writes a fact into the journal.
    pub(crate) fn note(&mut self, fact: Fact) {
        let now = Fact::Now(self.engine.with(|world| world.clock.elapsed()));
        for fact in [now, fact] {
            let number = self.facts.len();
            self.facts.push(fact);
            self.engine.with(|world| world.journal.entries.push(Happening::Note(number)));
        }
    }

    /// Writes the file of a project as it is wanted now.
    pub(crate) fn write(&mut self, app: &str) {
        self.remark += 1;
        match self.desired.get(app) {
            Some(wanted) => self.tree.write(app, &manifest(wanted, self.remark)),
            None => self.tree.remove(app),
        }
        self.note(Fact::Written(app.to_owned()));
        self.note(Fact::Desired(Arc::new(self.desired.clone())));
    }

    fn controller(&self, storage: WatchedStorage, client: u32) -> Option<Controller> {
        let policy = Policy { installation: Installation::from("default"), ..Policy::default() };
        let settings = Settings {
            desired_state: LocalPath::new(ROOT),
            mode: Mode::Run,
            projects: BTreeSet::new(),
            watch: if self.scenario.options.hints { Watch::Auto } else { Watch::Poll },
            paths: PathMap::default(),
            content: LocalPath::new("/nonexistent/composelet-proof"),
            policy,
            limits: Limits::default(),
            blocking: Blocking::Inline,
        };
        let controller = Controller::new(
            settings,
            self.connector(client),
            Ledger::open_with(storage).ok()?,
            Arc::new(ComposeLoader::default()),
            Arc::clone(&self.clock),
            self.events.clone(),
        );
        let controller = controller.dialling(Arc::new(self.engine.clone()));
        Some(controller.reading_from(Arc::new(self.tree.clone())))
    }

    fn connector(&self, client: u32) -> Connector {
        let (engine, clock) = (self.engine.clone(), Arc::clone(&self.clock));
        Arc::new(move || {
            let (docker, clock) = (engine.docker_of(client), Arc::clone(&clock));
            let now: composelet::engine::Clock = Arc::new(move || clock.now());
            Engine::over(docker, Installation::from("default"), now).boxed()
        })
    }

    /// Starts the controller of a place.
    pub(crate) fn start(&mut self, place: usize) {
        let Some(slot) = self.slots.get_mut(place).filter(|slot| slot.running.is_none()) else {
            return;
        };
        slot.restart_at = None;
        self.clients += 1;
        let client = self.clients;
        let steps = slot.disk.steps();
        slot.write_faults.retain(|fault| fault.step >= steps);
        let write_fault = slot.write_faults.first().copied();
        let last_step = write_fault.map(|fault| fault.step);
        let storage =
            WatchedStorage::new(&slot.disk, &self.engine, (place, client), last_step, &self.leaked);
        let cancel = CancellationToken::new();
        let controller = self.controller(storage, client);
        let Some(slot) = self.slots.get_mut(place) else { return };
        if let Some(controller) = controller {
            let task = tokio::spawn(controller.run(cancel.clone()));
            slot.running = Some(Running { client, task, cancel, write_fault });
        } else {
            // Its first writes failed, or killed it: whoever watches over it starts it again.
            slot.disk = slot.disk.reboot(Loss::Process);
            slot.restart_at = Some(Instant::now() + Duration::from_secs(1));
            self.engine.with(|world| world.journal.dying.remove(&client));
        }
    }

    /// SIGKILL of a place's controller; the next start comes by itself after `down`.
    pub(crate) async fn kill(&mut self, place: usize, down: Duration, loss: Option<u64>) {
        let Some(slot) = self.slots.get_mut(place) else { return };
        slot.restart_at = Some(Instant::now() + down);
        let Some(running) = slot.running.take() else { return };
        self.deaths += 1;
        let client = running.client;
        let ended = running.task.is_finished();
        running.task.abort();
        let end = running.task.await;
        if ended {
            self.ended(end);
        }
        let Some(slot) = self.slots.get_mut(place) else { return };
        slot.disk = slot.disk.reboot(loss.map_or(Loss::Process, Loss::Power));
        self.note(Fact::Died(client));
        self.read_store(place);
    }

    /// A controller never ends by itself, and never panics.
    fn ended(&mut self, end: Result<Result<RunEnd, RunError>, tokio::task::JoinError>) {
        let text = match end {
            Err(error) if error.is_cancelled() => return,
            Err(error) => format!("the controller panicked: {error}"),
            // Its state directory failed it.
            Ok(Err(_)) => return,
            Ok(Ok(end)) => format!("the controller ended by itself: {end:?}"),
        };
        self.note(Fact::Wrong("S17", text));
    }

    /// SIGTERM: it ends within its grace (L8).
    pub(crate) async fn stop(&mut self, place: usize, down: Duration) {
        let Some(slot) = self.slots.get_mut(place) else { return };
        let Some(running) = slot.running.take() else { return };
        running.cancel.cancel();
        let begin = Instant::now();
        let task = running.task;
        let abort = task.abort_handle();
        let stopped = tokio::time::timeout(GRACE, task).await;
        abort.abort();
        if let Some(slot) = self.slots.get_mut(place) {
            slot.disk = slot.disk.reboot(Loss::Process);
            slot.restart_at = Some(Instant::now() + down);
        }
        self.note(Fact::Died(running.client));
        match stopped {
            // A fault may have hit it meanwhile.
            Ok(Ok(Ok(RunEnd::Stopped) | Err(_))) => {}
            Ok(Ok(Ok(other))) => self.note(Fact::Wrong("L8", format!("it ended as {other:?}"))),
            Ok(Err(error)) => self.note(Fact::Wrong("S17", format!("panicked: {error}"))),
            Err(_) if self.engine.with(|world| world.journal.dying.remove(&running.client)) => {}
            Err(_) => {
                let text = format!("it still runs {:?} after SIGTERM", begin.elapsed());
                self.note(Fact::Wrong("L8", text));
            }
        }
        self.read_store(place);
    }

    /// S13: what is in the store can be read after any crash.
    fn read_store(&mut self, place: usize) {
        let Some(slot) = self.slots.get(place) else { return };
        let store = match Ledger::open_with(slot.disk.clone()) {
            Ok(store) => store,
            Err(error) => {
                let text = format!("the state directory cannot be opened: {error}");
                return self.note(Fact::Wrong("S13", text));
            }
        };
        let forgotten = |fact: &Fact| matches!(fact, Fact::HostForgotten);
        let damaged = |name: &str| {
            let hit = |fact: &Fact| matches!(fact, Fact::ProjectForgotten(hit) if hit == name);
            self.facts.iter().any(hit)
        };
        let (host, note) = store.load_host();
        let mut notes: Vec<String> =
            note.filter(|_| !self.facts.iter().any(forgotten)).into_iter().collect();
        for name in host.projects.keys() {
            notes.extend(store.load_project(name).1.filter(|_| !damaged(name.as_str())));
        }
        for text in notes {
            self.note(Fact::Wrong("S13", text));
        }
    }

    /// Leaves a request for the controllers.
    pub(crate) fn ask(&self, request: &Request) {
        for slot in &self.slots {
            // A full state directory takes no requests; the person is told.
            drop(Ledger::open_with(slot.disk.clone()).and_then(|ledger| ledger.submit(request)));
        }
    }

    /// Lets time pass until `deadline`: buries the dead, starts them again, ends what is of limited time.
    pub(crate) async fn pass_until(&mut self, deadline: Instant) {
        loop {
            let now = Instant::now();
            self.take_due(now);
            if now >= deadline {
                return;
            }
            let restarts = self.slots.iter().filter_map(|slot| slot.restart_at);
            let undos = self.undo.iter().map(|(at, _)| *at);
            let next = restarts.chain(undos).fold(deadline, Instant::min);
            let engine = self.engine.clone();
            tokio::select! {
                biased;
                client = engine.client_died() => self.bury(client).await,
                () = tokio::time::sleep_until(next) => {}
            }
        }
    }

    fn take_due(&mut self, now: Instant) {
        for place in 0..self.slots.len() {
            if self.slots[place].restart_at.is_some_and(|at| at <= now) {
                self.start(place);
            }
        }
        let due: Vec<Undo> = {
            let (due, later) = self.undo.drain(..).partition(|(at, _)| *at <= now);
            self.undo = later;
            let due: Vec<(Instant, Undo)> = due;
            due.into_iter().map(|(_, undo)| undo).collect()
        };
        for undo in due {
            self.undo(&undo);
        }
        self.listen();
    }

    /// A fault killed this controller.
    async fn bury(&mut self, client: u32) {
        let mut places = self.slots.iter();
        let place = places
            .position(|slot| slot.running.as_ref().is_some_and(|running| running.client == client));
        let Some(place) = place else { return };
        let fault = self.slots[place].running.as_ref().and_then(|running| running.write_fault);
        let disk = &self.slots[place].disk;
        let by_write = fault.filter(|fault| disk.steps() > fault.step);
        let power = by_write.and_then(|fault| fault.power);
        let down = Duration::from_millis(self.scenario.options.restart_ms);
        if power.is_some() {
            self.engine.reboot_host(Duration::from_secs(5));
        }
        self.kill(place, down, power).await;
    }

    /// What the controller says of itself: internal errors are violations, secrets are, too.
    fn listen(&mut self) {
        while let Ok(event) = self.heard.try_recv() {
            if let EventKind::Controller(text) = &event.kind
                && text.contains("internal error")
            {
                let text = text.clone();
                self.note(Fact::Wrong("S17", text));
            }
            // What is published is looked at where it is written.
            let published = matches!(event.kind, EventKind::Published(_));
            if !published && format!("{:?}", event.kind).contains(crate::scenario::CANARY) {
                self.note(Fact::Wrong("S14", "a secret in an event".to_owned()));
            }
        }
        if self.leaked.swap(false, Ordering::Relaxed) {
            self.note(Fact::Wrong("S14", "a secret in a file of the state directory".to_owned()));
        }
        for place in 0..self.slots.len() {
            let ended = |slot: &Slot| slot.running.as_ref().is_some_and(|it| it.task.is_finished());
            if ended(&self.slots[place])
                && let Some(running) = self.slots[place].running.take()
            {
                self.slots[place].restart_at = Some(Instant::now() + Duration::from_secs(1));
                let end = running.task.now_or_never().unwrap_or(Ok(Ok(RunEnd::Stopped)));
                self.ended(end);
            }
        }
    }

    /// Faults of writes are over.
    pub(crate) fn clear_write_faults(&mut self) {
        for slot in &mut self.slots {
            slot.write_faults.clear();
        }
    }
}

impl Slot {
    /// A place without a process.
    pub(crate) fn new(disk: MemoryStorage, write_faults: Vec<WriteFault>) -> Self {
        Self { disk, running: None, restart_at: None, write_faults }
    }

    /// Whether a process is there.
    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }
}
