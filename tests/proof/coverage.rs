//! "Sometimes": what a set of runs must have reached, or it proves less than it seems.

use std::collections::BTreeMap;

/// Counters by cell.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    cells: BTreeMap<String, u64>,
}

/// Engine calls that faults must strike, each with each kind below.
const STRUCK: [&str; 8] = [
    "POST /containers/create",
    "POST /containers/*/start",
    "POST /containers/*/stop",
    "POST /containers/*/rename",
    "DELETE /containers/*",
    "POST /networks/create",
    "GET /containers/json",
    "GET /containers/*/json",
];
const KINDS: [&str; 14] = [
    "error-before",
    "error-after",
    "hang-up-before",
    "hang-up-after",
    "hang-before",
    "hang-after",
    "delay-after",
    "delay-before",
    "truncated",
    "garbage",
    "crash-before",
    "crash-after",
    "daemon-dies-before",
    "daemon-dies-after",
];

/// States, answers, conditions, holds and operations that must be reached.
pub(crate) const REACHED: &[&str] = &[
    "phase created",
    "phase running",
    "phase paused",
    "phase restarting",
    "phase exited",
    "phase removing",
    "phase dead",
    "POST /containers/create -> 409",
    "POST /containers/*/start -> 304",
    "POST /containers/*/start -> 400",
    "POST /containers/*/start -> 500",
    "POST /containers/*/stop -> 304",
    "POST /containers/*/stop -> 404",
    "POST /containers/*/rename -> 204",
    "POST /containers/*/update -> 200",
    "POST /containers/*/unpause -> 204",
    "DELETE /containers/* -> 404",
    "DELETE /containers/* -> 409",
    "DELETE /containers/* -> 500",
    "DELETE /networks/* -> 204",
    "POST /networks/*/connect -> 200",
    "POST /networks/*/disconnect -> 200",
    "POST /images/create -> 200",
    "held CrashLoopBackOff",
    "held PruneNeedsConfirmation",
    "held ManifestSettling",
    "held InvalidManifest",
    "held NameHeldByUnmanaged",
    "held EngineCallBackOff",
    "held DependencyNotReady",
    "held Suspended",
    "held ImageRefreshFailed",
    "held PortConflict",
    "held LedgerUnwritable",
    "held RevisionRejected",
    "held RolloutPaused",
    "held RolloutProgressing",
    "S4: a replica that serves is ended",
    "S4: a successor starts beside",
    "S8: a version is said to have held, or is gone back to",
    "S9: a run is started",
    "S9: a run may start",
    "L6: a schedule is judged",
    "did Worsen",
    "did Better",
    "did Second",
    "did Reboot",
    "did Freeze",
    "did DaemonCrash",
    "did EmptyRoot",
    "did Rename",
];

impl Coverage {
    /// Adds the counters of a run.
    pub(crate) fn take(&mut self, cells: &BTreeMap<String, u64>) {
        for (cell, count) in cells {
            *self.cells.entry(cell.clone()).or_default() += count;
        }
    }

    /// Cells of the lists above that were never reached.
    pub(crate) fn missing(&self) -> Vec<String> {
        let struck =
            STRUCK.iter().flat_map(|verb| KINDS.iter().map(move |kind| format!("{verb} x {kind}")));
        let wanted = struck.chain(REACHED.iter().map(|cell| (*cell).to_owned()));
        wanted.filter(|cell| !self.cells.contains_key(cell)).collect()
    }

    /// All counters, for the raw results.
    pub(crate) fn write(&self, name: &str) {
        let text = serde_json::to_string_pretty(&self.cells).expect("plain data");
        let path = crate::report::directory().join(format!("{name}-cells.json"));
        std::fs::write(path, text + "\n").expect("target/proof can be written");
    }
}
