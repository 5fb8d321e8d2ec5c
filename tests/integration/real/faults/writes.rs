//! The controller killed before and after every write of its state directory, with the real engine below.
//!
//! The test binary runs itself as a controller whose storage ends the process at one of its steps: the built binary needs no
//! seam for it.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use composelet::controller::desired::compose::ComposeLoader;
use composelet::controller::{
    Blocking, Controller, EventSink, Limits, Mode, Settings, SystemClock, Watch,
};
use composelet::engine::Engine;
use composelet::ledger::{FileStorage, Ledger, Storage, StorageLock};
use composelet::model::path::{LocalPath, PathMap};
use composelet::model::policy::Policy;
use futures::FutureExt;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::real::faults::point::{Dice, Share};
use crate::real::faults::workload::{ALL, Outcome, Workload};
use crate::support_real::host::Host;
use crate::support_real::results::record;

/// Points of a run that asks for no number.
const QUICK: usize = 5;
/// What tells the test binary to be a controller: `state directory|desired state|host|installation|point`.
const ROLE: &str = "CRASHING_CONTROLLER";
/// The test that is one.
const SELF: &str = "real::faults::writes::the_process_ends_before_or_after_a_write";

/// A storage that ends the process before or after one of its writes. Status is not counted: it follows the clock.
#[derive(Debug)]
struct Crashing {
    files: FileStorage,
    log: PathBuf,
    /// Twice the number of a write, plus one for the moment after it.
    point: usize,
    steps: AtomicUsize,
}

impl Crashing {
    fn step<T>(&self, path: &str, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if path.starts_with("status/") {
            return work();
        }
        let step = self.steps.fetch_add(2, Ordering::SeqCst);
        if step == self.point {
            die();
        }
        let done = work()?;
        let mut log = std::fs::File::options().create(true).append(true).open(&self.log)?;
        writeln!(log, "{path}")?;
        if step + 1 == self.point {
            die();
        }
        Ok(done)
    }
}

fn die() {
    let this = Pid::from_raw(i32::try_from(std::process::id()).unwrap()).unwrap();
    kill_process(this, Signal::KILL).unwrap();
    loop {
        std::thread::park();
    }
}

impl Storage for Crashing {
    fn place(&self) -> String {
        self.files.place()
    }
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.files.read(path)
    }
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.files.list(directory)
    }
    fn create_directory(&self, directory: &str) -> io::Result<()> {
        self.files.create_directory(directory)
    }
    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.step(path, || self.files.write(path, bytes))
    }
    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<u64> {
        self.step(path, || self.files.append(path, bytes))
    }
    fn sync(&self, path: &str) -> io::Result<()> {
        self.files.sync(path)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.step(from, || self.files.rename(from, to))
    }
    fn remove(&self, path: &str) -> io::Result<()> {
        self.step(path, || self.files.remove(path))
    }
    fn sync_directory(&self, directory: &str) -> io::Result<()> {
        self.files.sync_directory(directory)
    }
    fn lock(&self, path: &str, owner: &str) -> io::Result<Option<StorageLock>> {
        self.files.lock(path, owner)
    }
    fn lock_on_host(&self, name: &str, owner: &str) -> io::Result<Option<StorageLock>> {
        self.files.lock_on_host(name, owner)
    }
    fn entropy(&self) -> io::Result<[u8; 16]> {
        self.files.entropy()
    }
}

/// Runs as a controller until it is killed.
async fn be_a_controller(role: &str) {
    let [state, desired, host, installation, point] = role.split('|').collect::<Vec<_>>()[..]
    else {
        panic!("{role}");
    };
    let storage = Crashing {
        files: FileStorage::new(&LocalPath::new(state)),
        log: PathBuf::from(format!("{state}.writes")),
        point: point.parse().unwrap(),
        steps: AtomicUsize::new(0),
    };
    let settings = Settings {
        desired_state: LocalPath::new(desired),
        mode: Mode::Run,
        projects: std::collections::BTreeSet::new(),
        watch: Watch::Auto,
        paths: PathMap::default(),
        content: LocalPath::new(state).join("content"),
        policy: Policy { installation: installation.into(), ..Policy::default() },
        limits: Limits::default(),
        blocking: Blocking::default(),
    };
    let (host, name) = (host.to_owned(), settings.policy.installation.clone());
    let connector = Arc::new(move || {
        let (host, name) = (host.clone(), name.clone());
        async move { Engine::connect(&host, name).await }.boxed()
    });
    let controller = Controller::new(
        settings,
        connector,
        Ledger::open_with(storage).unwrap(),
        Arc::new(ComposeLoader::default()),
        Arc::new(SystemClock::start()),
        EventSink::default(),
    );
    Box::pin(controller.run(CancellationToken::new())).await.unwrap();
}

/// The controller of the other tests when they ask for it; by itself it shows that the storage ends a process where it is
/// told to.
#[tokio::test]
async fn the_process_ends_before_or_after_a_write() {
    if let Ok(role) = std::env::var(ROLE) {
        return Box::pin(be_a_controller(&role)).await;
    }
    for (point, written) in [(0, false), (1, true)] {
        let directory = tempfile::TempDir::with_prefix("composelet-").unwrap();
        let state = directory.path().join("state");
        let role = format!("{}|/nowhere|unix:///nowhere|x|{point}", state.display());
        let output = controller(&role).output().unwrap();
        assert_eq!(output.status.signal(), Some(9), "{output:?}");
        let files = std::fs::read_dir(&state)
            .map_or(0, |entries| entries.flatten().filter(|entry| entry.path().is_file()).count());
        assert_eq!(files > 0, written, "point {point}: {files} files");
    }
}

fn controller(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([SELF, "--exact", "--nocapture"]).env_clear().env(ROLE, role);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

/// Starts one that ends at this write; `usize::MAX` never comes.
fn start(host: &mut Host, point: usize) {
    let (state, desired, address) = (host.state(), host.desired(), host.engine.address());
    let installation = host.project("").trim_end_matches('-').to_owned();
    let mut role = String::new();
    write!(role, "{}|{}|{address}|{installation}|{point}", state.display(), desired.display())
        .unwrap();
    host.start_command(controller(&role));
}

fn writes(host: &Host) -> Vec<String> {
    let log = host.aside().join("state.writes");
    std::fs::read_to_string(log).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Runs a workload in two parts: what is before the change with an ordinary controller, the change with one that ends at a
/// write, the rest with an ordinary one again.
async fn run(workload: &Workload, point: usize) -> Option<(Outcome, Vec<String>)> {
    let mut host = Host::new();
    let project = host.project("p");
    workload.prepare(&mut host, &project).await;
    host.kill();
    let mark = host.events.mark().await;
    workload.change(&host, &project);
    start(&mut host, point);
    let killed = workload.cut_off(&mut host, &project, mark).await;
    if point != usize::MAX {
        if !killed {
            return None;
        }
        host.kill();
        host.start();
    }
    workload.end(&host, &project, mark).await;
    Some((workload.outcome(&host, &project, mark).await, writes(&host)))
}

#[tokio::test]
async fn killed_at_any_write_the_next_controller_ends_in_the_same_state() {
    let share = Share::asked(QUICK);
    let mut dice = Dice::seeded("crash points at writes");
    let chosen: Vec<&Workload> = match (share, std::env::var("CRASH_WORKLOAD")) {
        (_, Ok(name)) => ALL.iter().filter(|one| one.name == name).collect(),
        (Share::All, _) => ALL.iter().collect(),
        (Share::Some(_), _) => vec![&ALL[dice.below(ALL.len())]],
    };
    let mut tried = 0;
    for workload in chosen {
        let mut passed = 0;
        let (expected, writes) = run(workload, usize::MAX).await.unwrap();
        let all = 2 * writes.len();
        let points: Vec<usize> = match share {
            Share::All => (0..all).collect(),
            Share::Some(points) => (0..points).map(|_| dice.below(all)).collect(),
        };
        eprintln!("{}: {} writes, tried: {points:?}", workload.name, writes.len());
        for point in points {
            if let Some((found, _)) = run(workload, point).await {
                let what = format!("{} killed at write {point}: {writes:#?}", workload.name);
                assert_eq!(found.objects, expected.objects, "{what}");
                assert_eq!(found.effects, expected.effects, "{what}");
                passed += 1;
            }
        }
        let name = workload.name;
        record(
            "crash-points",
            &json!({ "at": "writes", "workload": name, "passed": passed, "of": all }),
        );
        tried += passed;
    }
    assert!(tried > 0, "no point came");
    eprintln!("{tried} crash points at writes passed");
}
