//! Who is asked (`x-composelet.probe`): one task for each run of a container, reconciled after each pass, as the kubelet's
//! prober manager has it. A change of a verdict wakes the project; asking without one does not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use crate::controller::attendant::{Asking, Attended};
use crate::controller::clock::Clock;
use crate::controller::events::EventSink;
use crate::controller::readiness::Dial;
use crate::controller::tally::Tally;
use crate::engine::Engine;
use crate::model::event::EventKind;
use crate::model::host_probe::ProbeKind;
use crate::model::id::{ContainerId, ProjectName};
use crate::model::outcome::Note;
use crate::model::status::ProjectStatus;
use crate::model::time::Timestamp;
use crate::model::verdict::{
    Asker, ProbeActivity, ProbeState, ProbeTarget, ProbeVerdict, RunVerdict, Verdicts,
};

/// The table of runs that are asked. Dropping it ends its tasks.
pub struct Prober {
    shared: Arc<Shared>,
}

impl fmt::Debug for Prober {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prober")
            .field("runs", &self.shared.table().runs.len())
            .finish_non_exhaustive()
    }
}

struct Shared {
    asker: Asker,
    asking: Asking,
    clock: Arc<dyn Clock>,
    events: EventSink,
    /// Runs that began before were found, not seen to begin.
    begin: Timestamp,
    table: Mutex<Table>,
    changed: Notify,
}

#[derive(Default)]
struct Table {
    runs: BTreeMap<(ProjectName, ContainerId), Entry>,
    /// Begins of runs that the controller before this one published as good.
    recalled: BTreeMap<(ProjectName, ContainerId), Timestamp>,
    /// Tasks begun so far.
    begun: u64,
    /// Projects to wake.
    woken: BTreeSet<ProjectName>,
}

struct Entry {
    target: ProbeTarget,
    verdict: RunVerdict,
    /// Which task speaks for it.
    number: u64,
    task: Option<AbortOnDropHandle<()>>,
}

impl Prober {
    /// An empty table.
    pub fn new(
        engine: Engine,
        dial: Arc<dyn Dial>,
        clock: Arc<dyn Clock>,
        events: EventSink,
    ) -> Self {
        let asker = if engine.is_here() { Asker::Host } else { Asker::Elsewhere };
        let begin = clock.now();
        let shared = Shared {
            asker,
            asking: Asking::new(engine, dial),
            clock,
            events,
            begin,
            table: Mutex::default(),
            changed: Notify::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// What is known of the containers of a project.
    pub fn verdicts(&self, project: &ProjectName) -> Verdicts {
        let table = self.shared.table();
        let own = table.runs.iter().filter(|((owner, _), _)| owner == project);
        Verdicts {
            asker: self.shared.asker,
            runs: own.map(|((_, id), entry)| (id.clone(), entry.verdict.clone())).collect(),
        }
    }

    /// Takes over what the controller before this one published: who was ready is so until enough fresh failures say
    /// otherwise, as the kubelet has it. Liveness begins anew.
    pub fn recall(&self, project: &ProjectName, status: &ProjectStatus) {
        let mut table = self.shared.table();
        let containers = status.services.iter().flat_map(|service| &service.containers);
        for one in containers.filter(|one| one.health == "healthy") {
            if let Some(since) = one.since {
                let id = ContainerId::new(one.id.as_str());
                table.recalled.insert((project.clone(), id), since);
            }
        }
    }

    /// Asks exactly these runs of a project from now on. What is known of a run stays while it lasts.
    pub fn attend(&self, project: &ProjectName, targets: Vec<ProbeTarget>) {
        let mut table = self.shared.table();
        let wanted: BTreeSet<&ContainerId> = targets.iter().map(|one| &one.container).collect();
        table.runs.retain(|(owner, id), _| owner != project || wanted.contains(id));
        for target in targets {
            self.attend_one(&mut table, project, target);
        }
    }

    fn attend_one(&self, table: &mut Table, project: &ProjectName, target: ProbeTarget) {
        let key = (project.clone(), target.container.clone());
        let before = table.runs.remove(&key).filter(|entry| entry.target.run == target.run);
        let attended = |entry: &Entry| {
            let asks = entry.task.as_ref().is_some_and(|task| !task.is_finished());
            asks == (entry.target.activity == ProbeActivity::Asked)
        };
        let verdict = match before {
            Some(entry) if entry.target == target && attended(&entry) => {
                table.runs.insert(key, entry);
                return;
            }
            Some(entry) => entry.verdict,
            None => table.first(&key, target.run),
        };
        table.begun += 1;
        let number = table.begun;
        let task = (target.activity == ProbeActivity::Asked)
            .then(|| self.shared.begin(&key, (number, &target, &verdict)));
        table.runs.insert(key, Entry { target, verdict, number, task });
    }

    /// Waits until verdicts have changed, and returns the projects to wake. Cancel safe: what was not returned stays.
    pub async fn changed(&self) -> BTreeSet<ProjectName> {
        loop {
            let woken = std::mem::take(&mut self.shared.table().woken);
            if !woken.is_empty() {
                return woken;
            }
            self.shared.changed.notified().await;
        }
    }

    /// Nothing is asked any more.
    pub fn close(&self) {
        self.shared.table().runs.clear();
    }
}

impl Table {
    /// What is known of a run that nobody asked yet.
    fn first(&mut self, key: &(ProjectName, ContainerId), run: Timestamp) -> RunVerdict {
        let good = || ProbeVerdict { state: ProbeState::Passing, ..ProbeVerdict::default() };
        let probes = match self.recalled.remove(key) {
            Some(since) if since == run => {
                [ProbeKind::Startup, ProbeKind::Readiness].map(|kind| (kind, good())).into()
            }
            _ => BTreeMap::new(),
        };
        RunVerdict { run, probes }
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(
        self: &Arc<Self>,
        key: &(ProjectName, ContainerId),
        (number, target, verdict): (u64, &ProbeTarget, &RunVerdict),
    ) -> AbortOnDropHandle<()> {
        let run = Attended {
            target: target.clone(),
            known: verdict.clone(),
            age: self.clock.now().since(target.run),
            found: target.run < self.begin,
        };
        let (shared, key) = (Arc::clone(self), key.clone());
        // The task keeps the table alive; the end of the prober empties it, which ends the task.
        AbortOnDropHandle::new(tokio::spawn(async move {
            let tell = |kind, tally: &Tally| shared.tell(&key, number, (kind, tally));
            shared.asking.attend(&run, &tell).await;
        }))
    }

    /// Takes what a probe has come to; wakes the project if its verdict changed, or failed for the first time.
    fn tell(
        &self,
        key: &(ProjectName, ContainerId),
        number: u64,
        (kind, tally): (ProbeKind, &Tally),
    ) {
        let mut table = self.table();
        let Some(entry) = table.runs.get_mut(key).filter(|entry| entry.number == number) else {
            return;
        };
        let before = entry.verdict.probes.get(&kind).cloned().unwrap_or_default();
        let now = ProbeVerdict { state: tally.state, error: tally.error.clone() };
        let turned = before.state != now.state;
        let first =
            now.state == ProbeState::Pending && before.error.is_empty() != now.error.is_empty();
        let failed = turned && matches!(now.state, ProbeState::Failing { .. });
        // The kubelet's reason and words.
        let note = failed.then(|| Note {
            object: entry.target.name.to_string(),
            reason: "Unhealthy",
            message: format!("{kind} probe failed: {}", now.error),
        });
        entry.verdict.probes.insert(kind, now);
        if turned || first {
            table.woken.insert(key.0.clone());
            self.changed.notify_one();
        }
        drop(table);
        if let Some(note) = note {
            self.events.send(self.clock.now(), Some(&key.0), EventKind::Noted(note));
        }
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.close();
    }
}
