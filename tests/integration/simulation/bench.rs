//! One simulated host: engine, watched directory, state directory, and a controller that can be killed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic is a failed test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use composelet::controller::desired::compose::ComposeLoader;
use composelet::controller::desired::decryption::Decryption;
use composelet::controller::{
    Blocking, Clock, Connector, Controller, Disks, EventSink, Handle, Limits, Mode, RunEnd,
    RunError, Settings, SystemClock, Tidy, Watch,
};
use composelet::engine::Engine;
use composelet::ledger::{Ledger, Loss, MemoryStorage, Request};
use composelet::model::disk::DiskUse;
use composelet::model::garbage::{GarbagePolicy, GarbageSettings};
use composelet::model::hint::SyncHint;
use composelet::model::id::{Installation, ProjectName};
use composelet::model::path::{LocalPath, PathMap};
use composelet::model::policy::Policy;
use composelet::model::rulebook::RuleBook;
use composelet::model::secret_place::SecretPlace;
use composelet::model::status::{ConditionKind, ProjectStatus, Truth};
use composelet::model::time::Timestamp;
use futures::FutureExt;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::sim::{CallKind, ImageSpec, Phase, SimEngine, SimOptions};

/// The simulated engine's first instant: 2025-01-01T00:00:00Z.
const EPOCH_MS: i64 = 1_735_689_600_000;
/// Longest time that anything here is waited for, in virtual time.
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) struct Bench {
    pub(crate) engine: SimEngine,
    pub(crate) storage: MemoryStorage,
    pub(crate) events: EventSink,
    pub(crate) mode: Mode,
    pub(crate) rules: Arc<RuleBook>,
    /// Hints for the next controller.
    pub(crate) hints: Option<mpsc::Receiver<SyncHint>>,
    /// Where the keys are that encrypted files are opened with.
    pub(crate) keys: Vec<SecretPlace>,
    /// How garbage is removed, and how full the disks are.
    pub(crate) tidy: Option<(GarbageSettings, Arc<SimDisks>)>,
    /// What edges may ask of the controller that was started last.
    pub(crate) handle: Option<Handle>,
    directory: TempDir,
    clock: Arc<HostClock>,
    running: Option<Running>,
}

/// Disks that are as full as a test says, in percent; the engine's may give room back with each image that goes.
#[derive(Debug, Default)]
pub(crate) struct SimDisks {
    pub(crate) used: AtomicU64,
    /// Percent for each image of the engine, above `used`.
    pub(crate) for_each: AtomicU64,
    pub(crate) engine: Option<SimEngine>,
}

impl Disks for SimDisks {
    fn usage(&self, _path: &Path) -> Option<DiskUse> {
        let images =
            self.engine.as_ref().map_or(0, |engine| engine.with(|world| world.images.count()));
        let images = u64::try_from(images).unwrap() * self.for_each.load(Ordering::SeqCst);
        let used = self.used.load(Ordering::SeqCst) + images;
        let free_bytes = 100_u64.saturating_sub(used);
        Some(DiskUse { free_bytes, total_bytes: 100, ..DiskUse::default() })
    }
}

/// A clock of a host that may sleep, or whose wall clock may be set.
#[derive(Debug)]
struct HostClock {
    awake: SystemClock,
    jumped_ms: AtomicI64,
}

impl Clock for HostClock {
    fn now(&self) -> Timestamp {
        self.awake.now()
    }

    fn wall(&self) -> Timestamp {
        let jumped = self.jumped_ms.load(Ordering::SeqCst);
        Timestamp::from_millis(self.awake.wall().as_millis() + jumped)
    }
}

struct Running {
    task: JoinHandle<Result<RunEnd, RunError>>,
    cancel: CancellationToken,
}

impl Bench {
    /// A host with the image `app` and no controller yet.
    pub(crate) fn new(seed: u64) -> Self {
        let options = SimOptions { latency: true, ..SimOptions::seeded(seed) };
        let engine = SimEngine::new(options);
        engine.add_image("app", &ImageSpec::new("app"));
        let directory = TempDir::new().unwrap();
        std::fs::create_dir(directory.path().join("desired-state")).unwrap();
        let epoch = Timestamp::from_millis(EPOCH_MS);
        Self {
            engine,
            storage: MemoryStorage::new(),
            events: EventSink::default(),
            mode: Mode::Run,
            hints: None,
            rules: Arc::default(),
            keys: Vec::new(),
            tidy: None,
            handle: None,
            directory,
            clock: Arc::new(HostClock {
                awake: SystemClock::starting_at(epoch),
                jumped_ms: AtomicI64::new(0),
            }),
            running: None,
        }
    }

    /// Sets the wall clock, as a host that slept finds it, or a person does.
    pub(crate) fn set_wall(&self, at: &str) {
        let at = Timestamp::parse_rfc3339(at).unwrap();
        let jump = at.as_millis() - self.clock.awake.wall().as_millis();
        self.clock.jumped_ms.store(jump, Ordering::SeqCst);
    }

    /// What the wall clock says.
    pub(crate) fn wall(&self) -> Timestamp {
        self.clock.wall()
    }

    /// The watched directory.
    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().join("desired-state")
    }

    /// Where files for containers lie; the rest of the state directory is in memory.
    pub(crate) fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// Writes `compose.yaml` of a project.
    pub(crate) fn write(&self, project: &str, text: &str) {
        let directory = self.root().join(project);
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("compose.yaml"), text).unwrap();
    }

    pub(crate) fn remove(&self, project: &str) {
        std::fs::remove_dir_all(self.root().join(project)).unwrap();
    }

    pub(crate) fn controller(&self) -> Controller {
        self.controller_on(self.storage.clone())
    }

    pub(crate) fn controller_on(&self, storage: MemoryStorage) -> Controller {
        let policy = Policy {
            installation: Installation::from("default"),
            rules: Arc::clone(&self.rules),
            ..Policy::default()
        };
        let settings = Settings {
            desired_state: LocalPath::new(self.root()),
            mode: self.mode,
            projects: BTreeSet::new(),
            watch: Watch::Poll,
            paths: PathMap::default(),
            content: LocalPath::new(self.state().join("content")),
            policy,
            limits: Limits::default(),
            blocking: Blocking::Inline,
        };
        let decryption = Decryption::new(self.keys.clone());
        let loader = ComposeLoader { decryption, ..ComposeLoader::default() };
        let state = LocalPath::new(self.state());
        let controller = Controller::new(
            settings,
            self.connector(),
            Ledger::open_with(storage).unwrap(),
            Arc::new(loader),
            Arc::clone(&self.clock) as Arc<dyn Clock>,
            self.events.clone(),
        )
        .dialling(Arc::new(self.engine.clone()))
        .asking(Arc::new(self.engine.clone()));
        match &self.tidy {
            None => controller,
            Some((settings, disks)) => controller.keeping(Tidy {
                policy: GarbagePolicy::On(settings.clone()),
                state,
                disks: Arc::clone(disks) as Arc<dyn Disks>,
            }),
        }
    }

    fn connector(&self) -> Connector {
        let (engine, clock) = (self.engine.clone(), Arc::clone(&self.clock));
        Arc::new(move || {
            let (client, clock) = (engine.docker(), Arc::clone(&clock));
            let now: composelet::engine::Clock = Arc::new(move || clock.now());
            Engine::over(client, Installation::from("default"), now).boxed()
        })
    }

    /// Starts the controller.
    pub(crate) fn start(&mut self) {
        let cancel = CancellationToken::new();
        let mut controller = self.controller();
        if let Some(hints) = self.hints.take() {
            controller = controller.hearing(hints);
        }
        self.handle = Some(controller.handle());
        let task = tokio::spawn(controller.run(cancel.clone()));
        self.running = Some(Running { task, cancel });
    }

    /// Kills it: its tasks end where they stand, the next one finds the state directory as it is.
    pub(crate) async fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.task.abort();
            assert!(running.task.await.is_err_and(|end| end.is_cancelled()));
        }
        self.storage = self.storage.reboot(Loss::Process);
    }

    /// Asks it to stop.
    pub(crate) async fn stop(&mut self) -> RunEnd {
        let running = self.running.take().unwrap();
        running.cancel.cancel();
        running.task.await.unwrap().unwrap()
    }

    /// Waits for a run that ends by itself.
    pub(crate) async fn end(&mut self) -> RunEnd {
        let running = self.running.take().unwrap();
        running.task.await.unwrap().unwrap()
    }

    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::open_with(self.storage.clone()).unwrap()
    }

    /// Waits until `condition` holds, or fails with what is going on.
    pub(crate) async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let begin = tokio::time::Instant::now();
        while !condition(self) {
            assert!(begin.elapsed() <= PATIENCE, "never came: {what}\n{}", self.story());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Lets virtual time pass.
    pub(crate) async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    pub(crate) fn phases(&self) -> BTreeMap<String, Phase> {
        self.engine.phases()
    }

    pub(crate) fn runs(&self, name: &str) -> bool {
        self.phases().get(name) == Some(&Phase::Running)
    }

    pub(crate) fn status(&self, project: &str) -> Option<ProjectStatus> {
        let statuses = self.ledger().statuses();
        statuses.into_iter().find(|one| one.name == ProjectName::from(project))
    }

    pub(crate) fn is_ready(&self, project: &str) -> bool {
        self.status(project).is_some_and(|status| {
            status
                .conditions
                .iter()
                .any(|one| one.kind == ConditionKind::Ready && one.status == Truth::True)
        })
    }

    /// Reasons of what is held.
    pub(crate) fn held(&self, project: &str) -> Vec<&'static str> {
        let held = self.status(project).map(|one| one.held).unwrap_or_default();
        held.iter().map(|held| held.waiting_on.code()).collect()
    }

    /// Waits until the project is ready and nothing changes any more.
    pub(crate) async fn converged(&self, project: &str) {
        self.until(&format!("{project} is ready"), |bench| bench.is_ready(project)).await;
        self.pass(2).await;
        self.until(&format!("{project} stays ready"), |bench| bench.is_ready(project)).await;
    }

    /// No mutating call in further passes.
    pub(crate) async fn silent(&self) {
        self.silent_for(120).await;
    }

    /// No mutating call for these seconds.
    pub(crate) async fn silent_for(&self, seconds: u64) {
        let before = self.engine.mutating_calls();
        self.pass(seconds).await;
        assert_eq!(
            self.engine.mutating_calls(),
            before,
            "converged means silent\n{}",
            self.story()
        );
    }

    pub(crate) fn ask(&self, request: &Request) -> String {
        self.ledger().submit(request).unwrap()
    }

    /// What changed on the engine, and what the project says of itself.
    pub(crate) fn story(&self) -> String {
        let calls = self.engine.calls();
        let calls: Vec<_> = calls
            .iter()
            .filter(|call| call.kind == CallKind::Mutating)
            .map(crate::sim::TracedCall::line)
            .collect();
        let tail = calls.len().saturating_sub(60);
        let statuses: Vec<_> = self
            .ledger()
            .statuses()
            .iter()
            .map(|status| {
                let recent: Vec<_> = status
                    .recent
                    .iter()
                    .map(|one| {
                        format!(
                            "  {} {} {}: {} -> {}",
                            one.at, one.action, one.object, one.message, one.outcome
                        )
                    })
                    .collect();
                let conditions: Vec<_> = status
                    .conditions
                    .iter()
                    .map(|one| {
                        format!("  {:?}={:?} {} {}", one.kind, one.status, one.reason, one.message)
                    })
                    .collect();
                let diagnostics: Vec<_> =
                    status.diagnostics.iter().map(|one| &one.message).collect();
                format!(
                    "{}\n{}\n  held {:?}\n  {diagnostics:?}\n{}",
                    status.name,
                    conditions.join("\n"),
                    status.held,
                    recent.join("\n")
                )
            })
            .collect();
        format!("{}\n{:#?}\n{}", calls[tail..].join("\n"), self.phases(), statuses.join("\n"))
    }

    /// A place beside the watched directory.
    pub(crate) fn aside(&self) -> PathBuf {
        self.directory.path().join("aside")
    }
}
