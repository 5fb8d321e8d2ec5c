//! Garbage and disk pressure, beside the passes: nothing here ever delays one. At most one look at the disks and one
//! collection run at a time; dropping the set ends them, and what the engine was told to remove, it removes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::controller::collector::Collector;
use crate::controller::disks::Disks;
use crate::controller::pass::Surroundings;
use crate::controller::queue::Wake;
use crate::controller::settings::Mode;
use crate::controller::supervisor::{Link, Supervisor};
use crate::garbage::{Fate, Goes, Place, PressureWatch, Wanted};
use crate::ledger::HistoryRecord;
use crate::model::disk::DiskPressure;
use crate::model::event::EventKind;
use crate::model::garbage::{FetchedImage, GarbagePolicy, GarbageSettings, StoredImage};
use crate::model::outcome::FailureClass;
use crate::model::path::{HostPath, LocalPath};
use crate::model::status::ActionRecord;

/// Time between two looks at the disks (kubelet's eviction monitor).
const LOOK: Duration = Duration::from_secs(10);

/// What a controller keeps tidy, and how.
#[derive(Clone, Debug)]
pub struct Tidy {
    /// What may go.
    pub policy: GarbagePolicy,
    /// The state directory.
    pub state: LocalPath,
    /// Tells how full disks are.
    pub disks: Arc<dyn Disks>,
}

/// The pressure of the moment, as passes see it. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Pressure(Arc<Mutex<Option<DiskPressure>>>);

impl Pressure {
    /// What is too full, if anything is.
    pub(crate) fn get(&self) -> Option<DiskPressure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, pressure: Option<DiskPressure>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = pressure;
    }
}

/// The table of what runs and what is due.
#[derive(Debug)]
pub(crate) struct Housekeeping {
    tidy: Tidy,
    settings: GarbageSettings,
    look_due: Instant,
    collection_due: Instant,
    looks: JoinSet<Seen>,
    collections: JoinSet<()>,
    /// Where the engine keeps its data, as it says; asked again before each collection.
    root: Option<PathBuf>,
    watch: PressureWatch,
}

/// What a look at the disks brought.
#[derive(Debug)]
pub(crate) struct Seen {
    root: Option<PathBuf>,
    places: Vec<Place>,
}

impl Housekeeping {
    /// `None` if nothing is to be kept tidy: by the settings, or because the controller ends by itself.
    pub(crate) fn new(tidy: Option<Tidy>, mode: Mode) -> Option<Self> {
        let tidy = tidy?;
        let (GarbagePolicy::On(settings), Mode::Run) = (tidy.policy.clone(), mode) else {
            return None;
        };
        let now = Instant::now();
        Some(Self {
            tidy,
            look_due: now,
            collection_due: now + settings.interval,
            settings,
            looks: JoinSet::new(),
            collections: JoinSet::new(),
            root: None,
            watch: PressureWatch::default(),
        })
    }

    /// When something is due; what still runs is not begun again.
    pub(crate) fn due(&self) -> Option<Instant> {
        let look = self.looks.is_empty().then_some(self.look_due);
        let collection = self.collections.is_empty().then_some(self.collection_due);
        look.into_iter().chain(collection).min()
    }

    /// Waits for the end of a look; for ever if none runs. Cancel safe: a set keeps what ended.
    pub(crate) async fn seen(this: Option<&mut Self>) -> Option<Seen> {
        let Some(this) = this else { return std::future::pending().await };
        while this.collections.try_join_next().is_some() {}
        tokio::select! {
            biased;
            Some(seen) = this.looks.join_next(), if !this.looks.is_empty() => seen.ok(),
            Some(_) = this.collections.join_next(), if !this.collections.is_empty() => None,
            else => std::future::pending().await,
        }
    }
}

impl Supervisor {
    /// Begins what is due.
    pub(crate) fn keep_tidy(&mut self, now: Instant) {
        let (connected, read) = (self.link == Link::Up, self.counts.readings > 0);
        let Some(keeping) = &mut self.housekeeping else { return };
        if keeping.look_due <= now && keeping.looks.is_empty() {
            keeping.look_due = now + LOOK;
            let (tidy, around) = (keeping.tidy.clone(), Arc::clone(&self.around));
            keeping.looks.spawn(look(tidy, around, keeping.root.clone()));
        }
        if keeping.collection_due <= now && keeping.collections.is_empty() {
            keeping.collection_due = now + keeping.settings.interval;
            keeping.root = None;
            // Before the files were read nobody knows what they name.
            if connected && read {
                let (tidy, around) = (keeping.tidy.clone(), Arc::clone(&self.around));
                let settings = keeping.settings.clone();
                let mut wanted = Wanted::default();
                let versions = self.beliefs.iter().filter_map(|(_, one)| one.version.as_ref());
                versions.for_each(|version| wanted.project(version));
                keeping.collections.spawn(collect(tidy, around, settings, wanted));
            }
        }
    }

    /// A look at the disks ended. When pressure begins, garbage is collected at once.
    pub(crate) fn disks_seen(&mut self, seen: Option<Seen>) {
        let now = self.around.clock.now();
        let Some((keeping, seen)) = self.housekeeping.as_mut().zip(seen) else { return };
        keeping.root = seen.root;
        keeping.watch.look(&seen.places, keeping.settings.pressure, now);
        let pressure = keeping.watch.pressure().cloned();
        if pressure == self.around.pressure.get() {
            return;
        }
        let text = match &pressure {
            Some(pressure) => {
                keeping.collection_due = Instant::now();
                format!("disk pressure: pulls, builds and new versions wait for {pressure}")
            }
            None => "disk pressure is over".to_owned(),
        };
        self.around.pressure.set(pressure);
        self.say(EventKind::Controller(text));
        self.wake_all(Wake::Change);
    }
}

/// The engine's data root as this process sees it; `None` if the engine is elsewhere, or does not say.
async fn data_root(around: &Surroundings) -> Option<PathBuf> {
    if !around.engine.is_here() {
        return None;
    }
    let root = around.engine.info().await.ok()?.docker_root_dir?;
    Some(around.paths.to_local(&HostPath::new(root)).as_path().to_path_buf())
}

async fn look(tidy: Tidy, around: Arc<Surroundings>, root: Option<PathBuf>) -> Seen {
    let root = match root {
        Some(root) => Some(root),
        None => data_root(&around).await,
    };
    let mut paths = Vec::from_iter(root.clone());
    paths.push(tidy.state.as_path().to_path_buf());
    let read = move || {
        let place = |path: PathBuf| (path.display().to_string(), tidy.disks.usage(&path));
        paths.into_iter().map(place).collect()
    };
    let places = around.blocking.run(read).await.unwrap_or_default();
    Seen { root, places }
}

/// Removes images until the low mark is reached, if the high one is; after them, if the settings say so, build cache.
async fn collect(tidy: Tidy, around: Arc<Surroundings>, settings: GarbageSettings, wanted: Wanted) {
    let marks = settings.images;
    let collector = Collector {
        engine: around.engine.clone(),
        ledger: around.ledger.clone(),
        blocking: around.blocking,
    };
    let looked = match collector.look(wanted).await {
        Ok(looked) => looked,
        Err(failure) => {
            return tracing::warn!(error = failure.message, "garbage is not collected");
        }
    };
    collector.forget_gone(&looked).await;
    let Some(root) = data_root(&around).await else { return };
    let used = || {
        let (disks, root) = (Arc::clone(&tidy.disks), root.clone());
        let read = around.blocking.run(move || disks.usage(&root));
        async move { read.await.ok().flatten().map(|disk| disk.used_percent()) }
    };
    if used().await.is_none_or(|used| used < marks.high) {
        return;
    }
    for judged in looked.judge(marks.min_age, around.clock.now()) {
        let Fate::Goes(why) = judged.fate else { break };
        if used().await.is_none_or(|used| used <= marks.low && marks.low > 0) {
            return;
        }
        remove(&collector, &around, looked.fetched(judged.image), (judged.image, &why)).await;
    }
    let Some(keep) = settings.build_cache else { return };
    if used().await.is_some_and(|used| used > marks.low) {
        prune_build_cache(&around, keep).await;
    }
}

/// Whose the cache is cannot be told: it belongs to no project's history.
async fn prune_build_cache(around: &Surroundings, keep: u64) {
    match around.engine.prune_build_cache(keep).await {
        // Nothing is told of nothing: what is left is in use, or kept.
        Ok(0) => {}
        Ok(bytes) => {
            let why = format!("the disk is too full; {} MiB of it stay", keep >> 20);
            let kind = EventKind::Collected { object: "build cache".to_owned(), why, bytes };
            around.events.send(around.clock.now(), None, kind);
        }
        Err(failure) => tracing::warn!(error = failure.message, "the build cache is not pruned"),
    }
}

/// Removes one image. It is told, and stands in the history of the project that it was fetched for. One that somebody uses by
/// now stays.
async fn remove(
    collector: &Collector,
    around: &Surroundings,
    known: Option<&FetchedImage>,
    (image, why): (&StoredImage, &Goes),
) {
    let Some(known) = known else { return };
    let (project, object, why) = (&known.project, image.name().to_owned(), why.to_string());
    let outcome = match collector.remove(image).await {
        Ok(()) => {
            let (why, bytes) = (why.clone(), image.size);
            let kind = EventKind::Collected { object: object.clone(), why, bytes };
            around.events.send(around.clock.now(), Some(project), kind);
            "succeeded".to_owned()
        }
        Err(failure) if failure.class == FailureClass::Conflict => return,
        Err(failure) => format!("failed: {}", failure.message),
    };
    let (ledger, project, at) = (around.ledger.clone(), project.clone(), around.clock.now());
    let write = move || {
        let generation = ledger.project_status(&project).map_or(0, |status| status.generation);
        let plan = format!("garbage: RemoveImage {object}, {why}\n");
        let action = ActionRecord {
            at,
            action: "RemoveImage".to_owned(),
            object,
            reason: "Garbage".to_owned(),
            message: why,
            outcome,
        };
        let actions = vec![action];
        ledger.append_history(&project, &HistoryRecord { at, generation, plan, actions })
    };
    if !matches!(around.blocking.run(write).await, Ok(Ok(()))) {
        tracing::warn!("the removal of an image could not be written into the history");
    }
}
