//! The controller: what it is made of, and a run from the lock to the end.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures::StreamExt;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backup::{Backups, Keys, Store};
use crate::controller::admission::{Places, admission};
use crate::controller::board::Board;
use crate::controller::clock::Clock;
use crate::controller::desired::belief::Beliefs;
use crate::controller::desired::last_good;
use crate::controller::desired::loading::ManifestLoader;
use crate::controller::desired::reading::Reader;
use crate::controller::directory::Directory;
use crate::controller::disruption::Disrupted;
use crate::controller::events::EventSink;
use crate::controller::governor::Governor;
use crate::controller::handle::Handle;
use crate::controller::hints::Hints;
use crate::controller::housekeeping::{Housekeeping, Pressure, Tidy};
use crate::controller::image_memory::RememberingCalls;
use crate::controller::operation_calls::HostCalls;
use crate::controller::operations::Operations;
use crate::controller::own::{Instance, Teller};
use crate::controller::pass::Surroundings;
use crate::controller::prober::Prober;
use crate::controller::queue::Queue;
use crate::controller::readiness::{Dial, HostDial};
use crate::controller::restore_drills::RestoreDrills;
use crate::controller::settings::{RunEnd, Settings};
use crate::controller::sources::Sources;
use crate::controller::startup::{Connector, Startup, Step};
use crate::controller::supervisor::{Counts, Link, Supervisor, Timers};
use crate::engine::{Admission, Engine, Registry, RegistryClient};
use crate::executor::Lanes;
use crate::ledger::{Ledger, LedgerError};
use crate::model::event::EventKind;
use crate::model::git_source::GitSource;
use crate::model::hint::SyncHint;
use crate::model::path::LocalPath;
use crate::model::time::Timestamp;
use crate::source::{ContentStore, HostTree, Tree};

/// Why a run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The state directory cannot be used.
    #[error("the state directory cannot be used")]
    Ledger(#[from] LedgerError),
}

/// A controller, ready to run.
pub struct Controller {
    settings: Settings,
    connector: Connector,
    ledger: Ledger,
    loader: Arc<dyn ManifestLoader>,
    tree: Arc<dyn Tree>,
    dial: Arc<dyn Dial>,
    registry: Option<Arc<dyn Registry>>,
    sources: Option<(Vec<GitSource>, LocalPath)>,
    backups: Option<(LocalPath, Keys)>,
    hints: Hints,
    instance: Option<Instance>,
    tidy: Option<Tidy>,
    leading: Option<Arc<Notify>>,
    board: Board,
    clock: Arc<dyn Clock>,
    events: EventSink,
}

impl fmt::Debug for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Controller").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Controller {
    /// Puts a controller together. The salt of the state directory goes into the policy here.
    pub fn new(
        mut settings: Settings,
        connector: Connector,
        ledger: Ledger,
        loader: Arc<dyn ManifestLoader>,
        clock: Arc<dyn Clock>,
        events: EventSink,
    ) -> Self {
        ledger.salt().clone_into(&mut settings.policy.salt);
        let tree: Arc<dyn Tree> = Arc::new(HostTree);
        let dial: Arc<dyn Dial> = Arc::new(HostDial);
        let (registry, sources, instance, tidy, leading) = (None, None, None, None, None);
        let backups = None;
        let hints = Hints::default();
        Self {
            settings,
            connector,
            ledger,
            loader,
            tree,
            dial,
            registry,
            sources,
            backups,
            hints,
            instance,
            tidy,
            leading,
            board: Board::default(),
            clock,
            events,
        }
    }

    /// Reads the watched directory from `tree` instead of the host's file system.
    #[must_use]
    pub fn reading_from(self, tree: Arc<dyn Tree>) -> Self {
        Self { tree, ..self }
    }

    /// Reaches ports of containers through `dial` instead of the host's network.
    #[must_use]
    pub fn dialling(self, dial: Arc<dyn Dial>) -> Self {
        Self { dial, ..self }
    }

    /// Asks `registry` for tags instead of the registries of the network.
    #[must_use]
    pub fn asking(self, registry: Arc<dyn Registry>) -> Self {
        Self { registry: Some(registry), ..self }
    }

    /// Puts the files of these repositories into the watched directory; `state` is the state directory on this host.
    #[must_use]
    pub fn syncing(self, sources: Vec<GitSource>, state: LocalPath) -> Self {
        Self { sources: Some((sources, state)), ..self }
    }

    /// Writes the backups that manifests ask for into this directory, and opens encrypted ones with these keys.
    #[must_use]
    pub fn saving_to(self, directory: LocalPath, keys: Keys) -> Self {
        Self { backups: Some((directory, keys)), ..self }
    }

    /// Takes hints of webhooks from `hints`. It is bounded: while the controller has no room, nobody can send.
    #[must_use]
    pub fn hearing(self, hints: mpsc::Receiver<SyncHint>) -> Self {
        Self { hints: Hints::from(hints), ..self }
    }

    /// Removes garbage and watches the disks.
    #[must_use]
    pub fn keeping(self, tidy: Tidy) -> Self {
        Self { tidy: Some(tidy), ..self }
    }

    /// Tells `leading` once it holds the locks and begins to act, so that what others may send is not taken by a controller
    /// that stands by.
    #[must_use]
    pub fn telling(self, leading: Arc<Notify>) -> Self {
        Self { leading: Some(leading), ..self }
    }

    /// What edges of this process may know of it and ask of it.
    pub fn handle(&self) -> Handle {
        Handle {
            board: self.board.clone(),
            ledger: self.ledger.clone(),
            clock: Arc::clone(&self.clock),
            events: self.events.clone(),
            blocking: self.settings.blocking,
        }
    }

    /// Runs in this container, which it leaves alone and of which it tells how it is.
    #[must_use]
    pub fn in_container(self, instance: Instance) -> Self {
        Self { instance: Some(instance), ..self }
    }

    /// Runs until `cancel` or, with [`Mode::Once`](crate::controller::Mode::Once), until nothing is left to do.
    /// Dropping the future is like killing the process: the next run picks up from the state directory and the engine.
    ///
    /// # Errors
    /// [`RunError::Ledger`] when a lock file of the state directory cannot be opened.
    pub async fn run(self, cancel: CancellationToken) -> Result<RunEnd, RunError> {
        let started_at = self.clock.now();
        let teller = self.teller();
        let startup = Startup {
            settings: &self.settings,
            ledger: &self.ledger,
            board: &self.board,
            clock: &*self.clock,
            events: &self.events,
            cancel: &cancel,
            teller: teller.as_deref(),
            started_at,
        };
        let _state = match startup.lock_state().await? {
            Step::Ready(lock) => lock,
            Step::End(end) => return Ok(end),
        };
        let engine = match startup.connect(&self.connector).await {
            Step::Ready(engine) => engine,
            Step::End(end) => return Ok(end),
        };
        let _engine = match startup.lock_engine(&engine).await? {
            Step::Ready(lock) => lock,
            Step::End(end) => return Ok(end),
        };
        let gate = self.gate(&engine);
        engine.admit(gate.clone());
        if let Some(teller) = &teller {
            engine.keep_off(teller.instance.own.id.clone());
            teller.forget_others();
        }
        if let Some(leading) = &self.leading {
            leading.notify_one();
        }
        let mut supervisor = Box::pin(self.supervisor((engine, gate), started_at)).await;
        supervisor.teller = teller;
        let end = supervisor.run(&cancel).await;
        supervisor.shut_down().await;
        Ok(end)
    }

    fn teller(&self) -> Option<Arc<Teller>> {
        let (ledger, clock) = (self.ledger.clone(), Arc::clone(&self.clock));
        let desired_state = self.settings.desired_state.clone();
        let instance = self.instance.clone()?;
        Some(Arc::new(Teller { instance, ledger, clock, desired_state }))
    }

    /// What every request has to pass.
    fn gate(&self, engine: &Engine) -> Admission {
        let places = Places {
            desired_state: &self.settings.desired_state,
            content: &self.settings.content,
            paths: &self.settings.paths,
        };
        let near = (engine.socket(), engine.is_here());
        admission(&self.settings.policy.rules, places, (near.0.as_deref(), near.1))
    }

    /// What is asked for operations.
    fn calls(&mut self, engine: &Engine) -> RememberingCalls {
        let registry = self.registry.take();
        let backups = self.backups(engine);
        RememberingCalls {
            calls: HostCalls {
                engine: engine.clone(),
                dial: Arc::clone(&self.dial),
                registry: registry.unwrap_or_else(|| Arc::new(RegistryClient::new(engine.clone()))),
                drills: backups.clone().map(|backups| self.drills(backups)),
                backups,
            },
            ledger: self.ledger.clone(),
            clock: Arc::clone(&self.clock),
            blocking: self.settings.blocking,
        }
    }

    async fn supervisor(
        mut self,
        (engine, admission): (Engine, Admission),
        started_at: Timestamp,
    ) -> Supervisor {
        let beliefs = self.beliefs().await;
        let sources = self.sources().await;
        // Subscribed before the first list, so that nothing falls between the two.
        let events = engine.events().boxed();
        let calls = self.calls(&engine);
        let settings = self.settings;
        let now = self.clock.now();
        let governor = Arc::new(Governor::new(&settings.limits, now));
        let operations = Operations::new(
            Arc::new(calls),
            Arc::clone(&governor),
            Arc::clone(&self.clock),
            self.events.clone(),
        );
        let prober =
            Prober::new(engine.clone(), self.dial, Arc::clone(&self.clock), self.events.clone());
        let root = settings.desired_state.clone();
        let reader = Reader::new(root.clone(), Arc::clone(&self.tree), Arc::clone(&self.loader));
        let reader = reader.knowing(sources.commits());
        let around = Surroundings {
            loader: Arc::clone(&self.loader),
            board: self.board,
            engine,
            ledger: self.ledger,
            operations: Arc::new(operations),
            prober,
            governor,
            lanes: Lanes::default(),
            clock: self.clock,
            events: self.events,
            policy: settings.policy.clone(),
            admission,
            disrupted: Disrupted::default(),
            pressure: Pressure::default(),
            paths: settings.paths.clone(),
            content: ContentStore::new(&settings.content),
            blocking: settings.blocking,
            stopping: CancellationToken::new(),
            hand_over: CancellationToken::new(),
        };
        Supervisor {
            around: Arc::new(around),
            loader: self.loader,
            started_at,
            queue: Queue::default(),
            cells: BTreeMap::new(),
            beliefs,
            directory: Directory::new(root, self.tree, reader, settings.watch),
            passes: JoinSet::new(),
            events,
            timers: Timers::new(Instant::now()),
            counts: Counts::default(),
            asked: std::collections::BTreeSet::new(),
            hints: self.hints,
            host_ledger: None,
            link: Link::Up,
            sources,
            housekeeping: Housekeeping::new(self.tidy, settings.mode),
            settings,
            teller: None,
        }
    }

    /// What makes backups, through the same gate as everything else.
    fn backups(&self, engine: &Engine) -> Option<Backups> {
        let clock = Arc::clone(&self.clock);
        let (directory, keys) = self.backups.as_ref()?;
        Some(Backups {
            engine: engine.clone(),
            ledger: self.ledger.clone(),
            store: Store::new(directory),
            now: Arc::new(move || clock.wall()),
            keys: Arc::clone(keys),
        })
    }

    /// What tries them.
    fn drills(&self, backups: Backups) -> RestoreDrills {
        RestoreDrills {
            backups,
            content: ContentStore::new(&self.settings.content),
            paths: self.settings.paths.clone(),
            installation: self.settings.policy.installation.clone(),
        }
    }

    /// The git sources; what an earlier process began to put in place is put there first.
    async fn sources(&mut self) -> Sources {
        let Some((sources, state)) = self.sources.take() else { return Sources::default() };
        let (root, now) = (self.settings.desired_state.clone(), (Instant::now(), self.clock.now()));
        let make = move || Sources::new(sources, (&state, &root), now);
        self.settings.blocking.run(make).await.unwrap_or_default()
    }

    /// What the state directory remembers of the watched directory: projects, and their last good versions.
    async fn beliefs(&self) -> Beliefs {
        let (store, loader) = (self.ledger.clone(), Arc::clone(&self.loader));
        let remember = move || {
            let (host, note) = store.load_host();
            let good = host
                .projects
                .keys()
                .filter_map(|name| {
                    let saved = store.load_last_good(name)?;
                    Some((name.clone(), last_good::from_saved(&*loader, &saved)?))
                })
                .collect();
            (Beliefs::new(host, good), note)
        };
        let remembered = self.settings.blocking.run(remember).await;
        let (beliefs, note) = remembered.unwrap_or_default();
        if let Some(note) = note {
            let kind = EventKind::Controller(note);
            self.events.send(self.clock.now(), None, kind);
        }
        beliefs
    }
}
