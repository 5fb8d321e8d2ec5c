//! Raw results as JSON lines below `target/proof`, and the figures of a set of runs.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use crate::campaign::{Done, stopwatch};
use crate::coverage::Coverage;
use crate::mend;

/// Failures that are made smaller and written out; the rest is only counted.
const KEPT: usize = 6;

/// Results of a set of runs.
pub(crate) struct Report {
    name: String,
    file: File,
    watch: Box<dyn Fn() -> Duration + Send>,
    runs: u64,
    calls: Vec<u64>,
    converged: Vec<u64>,
    virtual_time: Duration,
    faults: u64,
    deaths: u64,
    mutating: u64,
    failures: Vec<Done>,
    failed: usize,
    pub(crate) coverage: Coverage,
}

/// Where results go.
pub(crate) fn directory() -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/proof");
    std::fs::create_dir_all(&directory).expect("target/proof can be made");
    directory
}

impl Report {
    /// A report of this name.
    pub(crate) fn new(name: &str) -> Self {
        let path = directory().join(format!("{name}.jsonl"));
        Self {
            name: name.to_owned(),
            file: File::create(path).expect("a file below target/proof can be made"),
            watch: Box::new(stopwatch()),
            runs: 0,
            calls: Vec::new(),
            converged: Vec::new(),
            virtual_time: Duration::ZERO,
            faults: 0,
            deaths: 0,
            mutating: 0,
            failures: Vec::new(),
            failed: 0,
            coverage: Coverage::default(),
        }
    }

    /// Takes the end of a run.
    pub(crate) fn take(&mut self, done: Done) {
        let outcome = &done.outcome;
        self.runs += 1;
        self.calls.push(outcome.calls);
        self.virtual_time += outcome.elapsed;
        self.faults += outcome.faults;
        self.deaths += outcome.deaths;
        self.mutating += outcome.mutating;
        self.converged.extend(outcome.converged.map(millis));
        self.coverage.take(&outcome.cells);
        let violations: Vec<String> =
            outcome.violations.iter().map(|it| format!("{}: {}", it.invariant, it.text)).collect();
        let line = json!({
            "run": done.label,
            "calls": outcome.calls,
            "mutating": outcome.mutating,
            "faults": outcome.faults,
            "deaths": outcome.deaths,
            "virtual_ms": millis(outcome.elapsed),
            "converged_ms": outcome.converged.map(millis),
            "took_us": u64::try_from(done.took.as_micros()).unwrap_or(u64::MAX),
            "hash": outcome.hash,
            "violations": violations,
        });
        writeln!(self.file, "{line}").expect("target/proof can be written");
        if !outcome.violations.is_empty() {
            self.failed += 1;
            // One of each kind first.
            let kind = &outcome.violations[0].invariant;
            let same = |one: &Done| one.outcome.violations[0].invariant == *kind;
            if self.failures.len() < KEPT || !self.failures.iter().any(same) {
                self.failures.push(done);
            }
        }
    }

    /// Prints the figures; panics if a run failed.
    pub(crate) fn finish(mut self) -> Coverage {
        let wall = (self.watch)();
        let name = &self.name;
        let seconds = wall.as_secs_f64().max(0.001);
        let hours = self.virtual_time.as_secs_f64() / 3_600.0;
        let mut text = String::new();
        let rate = f64::from(u32::try_from(self.runs).unwrap_or(u32::MAX)) / seconds;
        let factor = self.virtual_time.as_secs_f64() / seconds;
        writeln!(
            text,
            "{name}: {} runs in {seconds:.1} s ({rate:.1} per second), {hours:.1} virtual hours \
             ({factor:.0} per wall hour), {} faults, {} deaths of a controller, {} mutating calls",
            self.runs, self.faults, self.deaths, self.mutating
        )
        .ok();
        writeln!(text, "  engine calls: {}", spread(&mut self.calls, "")).ok();
        let converged = spread(&mut self.converged, " ms");
        writeln!(text, "  as declared after the last fault: {converged}").ok();
        println!("{text}");
        if self.failed > 0 {
            let mut failures = std::mem::take(&mut self.failures);
            failures.truncate(KEPT);
            let told: Vec<String> = failures.into_iter().map(mend::tell).collect();
            panic!("{} of {} runs failed\n{}", self.failed, self.runs, told.join("\n"));
        }
        self.coverage
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Least, median, 90th, 99th, most.
fn spread(values: &mut [u64], unit: &str) -> String {
    values.sort_unstable();
    let at = |percent: usize| {
        let index = (values.len() * percent / 100).min(values.len().saturating_sub(1));
        values.get(index).copied().unwrap_or(0)
    };
    let (least, half, nine, most) = (at(0), at(50), at(90), at(100));
    format!(
        "least {least}{unit}, median {half}{unit}, p90 {nine}{unit}, p99 {}{unit}, most {most}{unit}",
        at(99)
    )
}
