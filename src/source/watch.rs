//! Watching: hints that something may have changed. The only file that names `notify`.
//!
//! A hint is never more than a reason to read again. What inotify cannot see (another machine's writes on a network file
//! system, an ancestor that was renamed) is found by the controller's periodic reading, which is shorter in poll mode.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::event::ModifyKind;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc::Sender;

use crate::model::path::LocalPath;
use crate::source::links::{Trail, trail};

/// Most directories that are watched at a time.
const MAX_WATCHES: usize = 8192;

/// How the directory is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchMode {
    /// Changes give hints.
    Inotify,
    /// Some or all changes give no hint, for this reason: the controller reads more often.
    Poll(String),
}

/// Watches the root, the places that decide what the root is, and the directories of the paths that loading asked for.
/// Directories only: the watch of a single file ends when the file is replaced by rename.
#[derive(Debug)]
pub struct Watcher {
    root: LocalPath,
    paths: BTreeSet<LocalPath>,
    hint: Sender<()>,
    notify: Option<RecommendedWatcher>,
    /// Watched directories with device and inode at that time.
    armed: BTreeMap<PathBuf, (u64, u64)>,
    shared: Arc<Mutex<Shared>>,
    /// Asked for by a person.
    poll_only: bool,
    /// Why some directory is not watched.
    blind: Option<String>,
}

/// What the callback of `notify` knows.
#[derive(Debug, Default)]
struct Shared {
    /// Paths whose own change matters.
    seen: BTreeSet<PathBuf>,
    /// The root as it resolves now: every change in it matters, also of what nobody asked for yet.
    root: Option<PathBuf>,
    /// Directories in which every coming and going name matters.
    listed: BTreeSet<PathBuf>,
    /// Watched directories that were moved or removed since they were armed.
    lost: BTreeSet<PathBuf>,
    /// What the watcher reported last as its own failure.
    failure: Option<String>,
}

impl Watcher {
    /// Starts to watch `root`. `hint` gets a unit without waiting; a full channel holds a hint already. With `poll_only`
    /// nothing is watched.
    pub fn start(root: &LocalPath, hint: Sender<()>, poll_only: bool) -> Self {
        let mut watcher = Self {
            root: root.clone(),
            paths: BTreeSet::new(),
            hint,
            notify: None,
            armed: BTreeMap::new(),
            shared: Arc::default(),
            poll_only,
            blind: None,
        };
        watcher.rearm();
        watcher
    }

    /// How changes are seen now.
    pub fn mode(&self) -> WatchMode {
        if self.poll_only {
            return WatchMode::Poll("asked for".to_owned());
        }
        let failure = self.blind.clone().or_else(|| self.lock().failure.clone());
        failure.map_or(WatchMode::Inotify, WatchMode::Poll)
    }

    /// Exactly these paths matter now, beside the root. For a path that is a directory the names in it matter. Cheap if
    /// nothing changed, so it is called after every load: it also finds directories that were replaced by others, and tries
    /// again what failed before.
    pub fn watch_paths(&mut self, paths: &BTreeSet<LocalPath>) {
        self.paths.clone_from(paths);
        if self.notify.is_none() || self.lock().failure.is_some() {
            self.rearm();
        } else {
            self.arm();
        }
    }

    /// Begins afresh after the root became another directory or the watcher failed.
    pub fn rearm(&mut self) {
        if self.poll_only {
            return;
        }
        for path in std::mem::take(&mut self.armed).into_keys() {
            self.disarm(&path);
        }
        let failed = self.lock().failure.take().is_some();
        if failed || self.notify.is_none() {
            self.notify = None;
            self.open();
        }
        self.arm();
    }

    fn open(&mut self) {
        let shared = Arc::clone(&self.shared);
        let hint = self.hint.clone();
        match notify::recommended_watcher(move |event| on_event(event, &shared, &hint)) {
            Ok(watcher) => self.notify = Some(watcher),
            Err(error) => self.lock().failure = Some(in_words(&error)),
        }
    }

    /// Watches what should be watched, and nothing else.
    fn arm(&mut self) {
        if self.poll_only {
            return;
        }
        let trails = self.trails();
        let wanted = directories(&trails);
        let lost = {
            let mut shared = self.lock();
            shared.seen = trails.iter().flat_map(|t| t.seen.clone()).collect();
            shared.listed = trails.iter().filter_map(|t| t.listed.clone()).collect();
            // The root is the first.
            shared.root = trails.first().and_then(|t| t.listed.clone());
            std::mem::take(&mut shared.lost)
        };
        let stale: Vec<PathBuf> = self
            .armed
            .iter()
            .filter(|(path, was)| {
                lost.contains(*path) || wanted.get(*path).is_none_or(|is| is != *was)
            })
            .map(|(path, _)| path.clone())
            .collect();
        for path in stale {
            self.armed.remove(&path);
            self.disarm(&path);
        }
        self.blind = None;
        let mut fresh = false;
        for (path, identity) in wanted {
            if let Some(what) = network_file_system(&path) {
                self.blind = Some(format!(
                    "{} is on {what}, whose changes are not announced",
                    path.display()
                ));
            }
            if !self.armed.contains_key(&path) && self.watch_directory(&path) {
                self.armed.insert(path, identity);
                fresh = true;
            }
        }
        if fresh {
            // What changed between the last reading and the begin of the watch was not seen.
            announce(&self.hint);
        }
    }

    /// The root first: it must be among the watched when the limit is reached.
    fn trails(&self) -> Vec<Trail> {
        std::iter::once(&self.root).chain(&self.paths).map(|path| trail(path.as_path())).collect()
    }

    fn watch_directory(&mut self, path: &Path) -> bool {
        if self.armed.len() >= MAX_WATCHES {
            self.blind = Some(format!("more than {MAX_WATCHES} directories to watch"));
            return false;
        }
        let Some(watcher) = self.notify.as_mut() else {
            return false;
        };
        match watcher.watch(path, RecursiveMode::NonRecursive) {
            Ok(()) => true,
            // It went away since it was looked at; the next reading finds out.
            Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => false,
            Err(error) => {
                self.blind = Some(format!("{}: {}", path.display(), in_words(&error)));
                false
            }
        }
    }

    fn disarm(&mut self, path: &Path) {
        if let Some(watcher) = self.notify.as_mut() {
            // The watch ends by itself when its directory goes; then there is nothing to end.
            watcher.unwatch(path).ok();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The directories to watch, with device and inode. One that does not exist is seen through its holder.
fn directories(trails: &[Trail]) -> BTreeMap<PathBuf, (u64, u64)> {
    trails
        .iter()
        .flat_map(|trail| trail.holders.iter().chain(&trail.listed))
        .filter_map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            metadata.is_dir().then(|| (path.clone(), (metadata.dev(), metadata.ino())))
        })
        .collect()
}

/// Called on the thread of `notify`: decides, and never waits.
fn on_event(event: notify::Result<Event>, shared: &Mutex<Shared>, hint: &Sender<()>) {
    let matters = match event {
        Ok(event) => {
            let mut shared = lock(shared);
            note_lost(&event, &mut shared);
            matters(&event, &shared)
        }
        Err(error) => {
            lock(shared).failure = Some(in_words(&error));
            true
        }
    };
    if matters {
        announce(hint);
    }
}

/// A moved or removed directory ends its watch, also if the same one comes back.
fn note_lost(event: &Event, shared: &mut Shared) {
    if matches!(event.kind, EventKind::Modify(ModifyKind::Name(_)) | EventKind::Remove(_)) {
        for path in event.paths.iter().filter(|path| shared.seen.contains(*path)) {
            shared.lost.insert(path.clone());
        }
    }
}

fn matters(event: &Event, shared: &Shared) -> bool {
    if event.need_rescan() {
        return true;
    }
    // Opening and reading are events too: our own reading must not wake us.
    if event.kind.is_access() {
        return false;
    }
    let bytes_only =
        matches!(event.kind, EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(_)));
    event.paths.iter().any(|path| {
        let parent = path.parent();
        shared.seen.contains(path)
            || (parent.is_some() && parent == shared.root.as_deref())
            || (!bytes_only && parent.is_some_and(|parent| shared.listed.contains(parent)))
    })
}

fn announce(hint: &Sender<()>) {
    // Full: a hint is waiting already. Closed: nobody listens any more.
    hint.try_send(()).ok();
}

fn in_words(error: &notify::Error) -> String {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "no inotify watch is left; raise fs.inotify.max_user_watches".to_owned()
        }
        notify::ErrorKind::Io(io) if io.raw_os_error() == Some(24) => {
            "no inotify instance is left; raise fs.inotify.max_user_instances".to_owned()
        }
        notify::ErrorKind::Io(io) => io.to_string(),
        _ => error.to_string(),
    }
}

/// File systems on which other machines or a hypervisor write without the kernel here knowing.
fn network_file_system(path: &Path) -> Option<&'static str> {
    let kind = rustix::fs::statfs(path).ok()?.f_type;
    // The type is a word whose width and sign differ between architectures; the magic numbers have 32 bits.
    let magic = u32::try_from(i128::from(kind) & 0xffff_ffff).ok()?;
    [
        (0x6969, "NFS"),
        (0x517b, "SMB"),
        (0xff53_4d42, "CIFS"),
        (0xfe53_4d42, "SMB"),
        (0x6573_5546, "FUSE"),
        (0x0102_1997, "9p"),
        (0x00c3_6400, "Ceph"),
        (0x786f_4256, "a VirtualBox share"),
    ]
    .into_iter()
    .find(|(number, _)| *number == magic)
    .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use notify::event::{AccessKind, CreateKind, DataChange, Flag, RenameMode};

    use super::*;

    fn event(kind: EventKind, path: &str) -> Event {
        Event::new(kind).add_path(PathBuf::from(path))
    }

    #[test]
    fn only_what_may_change_a_manifest_matters() {
        let shared = Shared {
            seen: BTreeSet::from([PathBuf::from("/r"), PathBuf::from("/r/app/.env")]),
            listed: BTreeSet::from([PathBuf::from("/r"), PathBuf::from("/r/app")]),
            root: Some(PathBuf::from("/r")),
            ..Shared::default()
        };
        let data = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let create = EventKind::Create(CreateKind::File);
        let rename = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        let open = EventKind::Access(AccessKind::Open(notify::event::AccessMode::Any));
        for (kind, path, expected) in [
            (data, "/r/app/.env", true),
            (data, "/r/app/db.sqlite3", false),
            (data, "/r/new.yaml", true),
            (create, "/r/app/compose.yaml", true),
            (rename, "/r/..data", true),
            (open, "/r/app/.env", false),
            (create, "/other/file", false),
            (rename, "/r", true),
        ] {
            assert_eq!(matters(&event(kind, path), &shared), expected, "{kind:?} {path}");
        }
        let overflow = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert!(matters(&overflow, &shared));
    }

    #[test]
    fn a_failing_watcher_is_a_hint_and_a_reason_to_poll() {
        let base = tempfile::tempdir().unwrap();
        let (hint, mut hints) = tokio::sync::mpsc::channel(1);
        let mut watcher = Watcher::start(&LocalPath::new(base.path()), hint.clone(), false);
        assert_eq!(hints.try_recv(), Ok(()));
        let failure = notify::Error::new(notify::ErrorKind::MaxFilesWatch);
        on_event(Err(failure), &watcher.shared, &hint);
        assert_eq!(hints.try_recv(), Ok(()));
        let reason = "no inotify watch is left; raise fs.inotify.max_user_watches";
        assert_eq!(watcher.mode(), WatchMode::Poll(reason.to_owned()));
        watcher.watch_paths(&BTreeSet::new());
        assert_eq!(watcher.mode(), WatchMode::Inotify);
        assert_eq!(hints.try_recv(), Ok(()), "what happened meanwhile was not seen");
    }

    #[test]
    fn local_file_systems_are_not_taken_for_remote_ones() {
        assert_eq!(network_file_system(Path::new("/proc")), None);
        assert_eq!(network_file_system(Path::new("/no/such/place")), None);
    }
}
