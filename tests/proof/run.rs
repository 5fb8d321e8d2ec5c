//! One scenario from its beginning to its verdict.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Once};
use std::time::Duration;

use composelet::model::status::{Condition, ConditionKind, ProjectStatus, Truth};
use futures::FutureExt;
use tokio::time::Instant;

use crate::check::{Checker, Declared, Violation, feasible};
use crate::host::Bench;
use crate::scenario::{App, CallFault, CallFaultKind, EventFaultKind, Scenario, Tag};
use crate::sim::{
    EventFault, FLOOD, FaultAction, Happening, looks, our_networks, take_phases_seen,
};

/// L1: all is as declared this long after the last fault at the latest. Longest back-off of a look (10 min, brake
/// included), a relist, stops and starts with their deadlines.
pub(crate) const BOUND: Duration = Duration::from_secs(1_080);
/// How often the second phase looks.
const LOOK: Duration = Duration::from_secs(1);
/// All is shown as it is this long after at the latest: a container that did not answer is asked again after a minute, at
/// the next full look.
const SHOWN: Duration = Duration::from_secs(95);
/// When a person looks at what is held, after the last fault.
const PERSON: [u64; 4] = [8, 70, 140, 300];

/// Most engine calls in [`WINDOW`], looks included: beyond, passes follow each other without a cause.
const MOST_LOOKS: u64 = 3_000;
/// See [`MOST_LOOKS`].
const WINDOW: Duration = Duration::from_secs(10);

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) violations: Vec<Violation>,
    pub(crate) hash: String,
    pub(crate) calls: u64,
    pub(crate) mutating: u64,
    pub(crate) steps: u64,
    pub(crate) faults: u64,
    pub(crate) deaths: u64,
    /// Virtual time in all.
    pub(crate) elapsed: Duration,
    /// From the last fault until all was as declared for good.
    pub(crate) converged: Option<Duration>,
    /// What was reached: coverage cells.
    pub(crate) cells: BTreeMap<String, u64>,
    /// The last lines of the trace.
    pub(crate) tail: Vec<String>,
    /// What happened, as the checkers were told it; of a run that broke something.
    pub(crate) story: Vec<String>,
}

thread_local! {
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Panics of this thread are noted instead of printed; those of others go on as before.
fn note_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let mine = std::thread::current().name().is_some_and(|name| name.starts_with("seeds"));
            if mine {
                PANIC.with(|panic| panic.replace(Some(info.to_string())));
            } else {
                before(info);
            }
        }));
    });
}

/// Runs a scenario on a runtime of its own.
///
/// # Panics
/// If no runtime can be made.
pub(crate) fn run(scenario: &Scenario) -> Outcome {
    note_panics();
    drop(take_phases_seen());
    PANIC.with(|panic| panic.replace(None));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime of one thread needs nothing");
    let scenario = Arc::new(scenario.clone());
    let outcome = runtime.block_on(AssertUnwindSafe(drive(&scenario)).catch_unwind());
    let mut outcome = outcome.unwrap_or_default();
    runtime.shutdown_background();
    if let Some(text) = PANIC.with(RefCell::take) {
        let at = outcome.elapsed;
        outcome.violations.push(Violation { invariant: "S17", at, text });
    }
    for phase in take_phases_seen() {
        *outcome.cells.entry(format!("phase {phase}")).or_default() += 1;
    }
    outcome
}

async fn drive(scenario: &Arc<Scenario>) -> Outcome {
    let mut drive = Drive {
        bench: Bench::new(scenario),
        checker: Checker::default(),
        read: 0,
        window: (Instant::now(), 0),
        begin: Instant::now(),
    };
    drive.bench.set_up();
    drive.arm(scenario);
    drive.bench.start(0);
    drive.chaos(scenario).await;
    let converged = drive.calm(scenario).await;
    drive.outcome(converged).await
}

struct Drive {
    bench: Bench,
    checker: Checker,
    /// Entries of the journal that were checked.
    read: usize,
    /// Begin of the present [`WINDOW`], and the calls until then.
    window: (Instant, u64),
    begin: Instant,
}

impl Drive {
    fn arm(&self, scenario: &Scenario) {
        self.bench.engine.with(|world| {
            for fault in &scenario.call_faults {
                world.faults.add_at(fault.call, action(fault));
            }
            for (number, kind) in &scenario.event_faults {
                let fault = match kind {
                    EventFaultKind::Drop => EventFault::Drop,
                    EventFaultKind::Duplicate => EventFault::Duplicate,
                    EventFaultKind::Cut => EventFault::Cut,
                };
                world.events.fault(*number, fault);
            }
        });
    }

    /// Gives the checkers what is new.
    fn check(&mut self) {
        let new: Vec<Happening> = self
            .bench
            .engine
            .with(|world| world.journal.entries.get(self.read..).unwrap_or_default().to_vec());
        // Effects under way are read again for nothing: their outcome is no matter of the checkers.
        self.read += new.len();
        for entry in &new {
            self.checker.take(entry, &self.bench.facts);
        }
        let (begin, before) = self.window;
        if begin.elapsed() >= WINDOW {
            let calls = self.calls();
            if calls - before > MOST_LOOKS {
                let (at, text) =
                    (self.begin.elapsed(), format!("{} calls in 10 s", calls - before));
                self.checker.violations.push(Violation { invariant: "S11", at, text });
            }
            self.window = (Instant::now(), calls);
        }
    }

    async fn chaos(&mut self, scenario: &Scenario) {
        let mut steps = scenario.steps.clone();
        steps.sort_by_key(|step| step.at_ms);
        for step in steps {
            if step.at_ms >= scenario.options.chaos_ms {
                break;
            }
            self.pass_to(Duration::from_millis(step.at_ms)).await;
            self.bench.apply(&step.operation).await;
            if self.stop_early() {
                return;
            }
        }
        self.pass_to(Duration::from_millis(scenario.options.chaos_ms)).await;
    }

    async fn pass_to(&mut self, time: Duration) {
        let end = self.begin + time;
        while Instant::now() < end && !self.stop_early() {
            let next = (Instant::now() + Duration::from_secs(10)).min(end);
            self.bench.pass_until(next).await;
            self.check();
        }
    }

    fn stop_early(&self) -> bool {
        !self.checker.violations.is_empty() || self.calls() > FLOOD
    }

    fn calls(&self) -> u64 {
        self.bench.engine.with(|world| world.faults.calls())
    }

    /// The second phase. Gives the time until all was as declared for good.
    async fn calm(&mut self, scenario: &Scenario) -> Option<Duration> {
        self.check();
        if self.stop_early() {
            return None;
        }
        self.bench.calm();
        let begin = Instant::now();
        let quiet = Duration::from_millis(scenario.options.quiet_ms);
        let mut persons =
            PERSON.iter().map(|seconds| begin + Duration::from_secs(*seconds)).peekable();
        let mut good_since: Option<Instant> = None;
        let mut seen = u64::MAX;
        let mut difference = "nothing was looked at".to_owned();
        loop {
            let next = Instant::now() + LOOK;
            self.bench.pass_until(next).await;
            self.check();
            if self.stop_early() {
                return None;
            }
            // A request wakes a project: where nothing waits for a person, it has to wake by itself.
            let looks = persons.next_if(|at| *at <= Instant::now());
            if let Some(at) = looks
                && self.checker.told.is_anything_held()
            {
                // Once the person tries again what failed; then it is left at that.
                let told = &self.checker.told;
                let first = at <= begin + Duration::from_secs(8);
                self.bench.confirm_held(|name| !first && told.has_gone_back(name));
            }
            if self.checker.changes != seen || good_since.is_none() {
                seen = self.checker.changes;
                if let Err(text) = self.as_declared() {
                    difference = text;
                    good_since = None;
                } else {
                    let disturbed = self.last_call();
                    let since = good_since.unwrap_or_else(Instant::now);
                    good_since = Some(disturbed.map_or(since, |at| since.max(at)));
                }
            }
            let now = Instant::now();
            if let Some(since) = good_since
                && now >= since + quiet
                && (now >= since + SHOWN || self.unshown().is_none())
                && persons.peek().is_none_or(|_| now > begin + Duration::from_secs(8))
            {
                self.explained(since - self.begin);
                return Some(since - begin);
            }
            if good_since.unwrap_or(now) > begin + BOUND {
                self.late(&difference);
                return None;
            }
        }
    }

    fn late(&mut self, difference: &str) {
        let calls = self.checker.last_call.iter();
        let last: Vec<String> =
            calls.map(|(app, (at, what))| format!("{app}: {what} at {at:?}")).collect();
        let text = format!(
            "not as declared and still within {BOUND:?}: {difference}; last calls: {last:?}"
        );
        let at = self.begin.elapsed();
        self.checker.violations.push(Violation { invariant: "L1", at, text });
    }

    /// The last mutating call for a project that can run as declared.
    fn last_call(&self) -> Option<Instant> {
        let desired = &self.bench.desired;
        let told = &self.checker.told;
        let counts = |name: &String| {
            let back = told.has_gone_back(name);
            desired.get(name).is_none_or(|app| back || feasible(app, desired))
        };
        let calls = self.checker.last_call.iter().filter(|(name, _)| counts(name));
        calls.map(|(_, (at, _))| self.begin + *at).max()
    }

    fn as_declared(&self) -> Result<(), String> {
        if !self.bench.slots.iter().any(crate::host::Slot::is_running) {
            return Err("no controller runs".to_owned());
        }
        let (looks, images, networks) = self.bench.engine.with(|world| {
            let images: BTreeMap<String, String> = Tag::ALL
                .iter()
                .filter_map(|tag| {
                    let id = world.images.find(tag.reference())?.id.clone();
                    Some((tag.reference().to_owned(), id))
                })
                .collect();
            (looks(world), images, our_networks(world))
        });
        // Another state directory knows nothing of what was removed before it took over, and leaves it.
        let known = !self.checker.is_host_forgotten() && self.bench.slots.len() == 1;
        let told = &self.checker.told;
        let back = self.bench.desired.keys().filter(|name| told.has_gone_back(name));
        let back = back.map(|name| (name.clone(), self.checker.versions_of(name))).collect();
        let paused = self.bench.desired.keys().filter(|name| told.is_paused(name));
        let paused = paused.cloned().collect();
        let declared = Declared {
            apps: &self.bench.desired,
            gone_back: &back,
            images: &images,
            then: false,
            paused: &paused,
            networks: &networks,
            ended: self.checker.ended(),
            known: known.then_some(&self.checker.told.ever),
        };
        declared.check(&looks)
    }

    /// Whether a project can run as declared, with nothing in its way.
    fn is_to_run(&self, app: &App) -> bool {
        let told = &self.checker.told;
        let ready = told.last(&app.name).and_then(ready);
        // What a project left that another state directory knew may hold its port.
        let blocks = |reason: &str| matches!(reason, "PortConflict" | "DependencyNotReady");
        let blocked = self.bench.slots.len() > 1 && ready.is_some_and(|it| blocks(&it.reason));
        let stands = told.has_gone_back(&app.name) || told.is_paused(&app.name);
        feasible(app, &self.bench.desired) && !blocked && !stands
    }

    /// S16: what can run, and does, is shown Ready.
    fn unshown(&self) -> Option<String> {
        self.bench.desired.values().find_map(|app| {
            let Some(status) = self.checker.told.last(&app.name) else {
                return Some(format!("no status of {} is published", app.name));
            };
            let ready = ready(status);
            let is_ready = ready.is_some_and(|one| one.status == Truth::True);
            (self.is_to_run(app) && !is_ready)
                .then(|| format!("{} is as declared and not shown Ready: {ready:?}", app.name))
        })
    }

    /// L3: what cannot run says so. S16: what can and does is shown Ready. L6: schedules ran, once all is as declared.
    fn explained(&mut self, good: Duration) {
        let now = self.begin.elapsed();
        let mut wrong: Vec<_> = self.unshown().into_iter().map(|text| ("S16", text)).collect();
        for app in self.bench.desired.values() {
            // A daemon that goes down ends what crashes with code 0: a good end, where the policy lets it be one.
            let cannot = app.services.iter().any(|it| {
                let kept = matches!(it.fields.get("restart"), Some(0 | 1));
                it.replicas > 0 && (it.image == Tag::NoEntry || it.image == Tag::Broken && kept)
            });
            if cannot && !self.checker.told.is_held(&app.name) {
                wrong.push(("L3", format!("{} cannot run, and nothing says so", app.name)));
            }
        }
        let apps = self.bench.desired.values().filter(|app| self.is_to_run(app));
        let apps: Vec<App> = apps.cloned().collect();
        let lacking = self.checker.lacking(apps.iter(), (good, now));
        wrong.extend(lacking.into_iter().map(|text| ("L6", text)));
        for (invariant, text) in wrong {
            self.checker.violations.push(Violation { invariant, at: now, text });
        }
    }

    async fn outcome(mut self, converged: Option<Duration>) -> Outcome {
        // A run ends with a SIGTERM: L8.
        if self.checker.violations.is_empty() {
            self.bench.stop(0, Duration::from_secs(3_600)).await;
            self.check();
        }
        let calls = self.calls();
        if calls > FLOOD {
            let (at, text) = (self.begin.elapsed(), format!("{calls} engine calls"));
            self.checker.violations.push(Violation { invariant: "S11", at, text });
        }
        let elapsed = self.begin.elapsed();
        let Self { bench, checker, .. } = self;
        let story =
            if checker.violations.is_empty() { Vec::new() } else { crate::story::of(&bench) };
        let trace = bench.engine.trace();
        let mut reached = checker.told.reasons;
        reached.extend(checker.judged.iter().map(|(what, count)| ((*what).to_owned(), *count)));
        let (mutating, faults) = bench.engine.with(|world| {
            for ((verb, status), count) in &world.journal.answers {
                reached.insert(format!("{verb} -> {status}"), *count);
            }
            for ((verb, kind), count) in &world.journal.strikes {
                reached.insert(format!("{verb} x {kind}"), *count);
            }
            (world.trace.mutating(), world.faults.struck())
        });
        for fact in &bench.facts {
            if let crate::host::Fact::Did(operation) = fact {
                let name = serde_json::to_value(operation).unwrap_or_default();
                let name = name.get("do").and_then(|it| it.as_str()).unwrap_or("?").to_owned();
                *reached.entry(format!("did {name}")).or_default() += 1;
            }
        }
        Outcome {
            violations: checker.violations,
            hash: bench.engine.trace_hash(),
            calls,
            mutating: u64::try_from(mutating).unwrap_or(u64::MAX),
            steps: bench.slots.iter().map(|slot| slot.disk.steps()).sum(),
            faults,
            deaths: bench.deaths,
            elapsed,
            converged,
            cells: reached,
            tail: trace.get(trace.len().saturating_sub(60)..).unwrap_or_default().to_vec(),
            story,
        }
    }
}

fn ready(status: &ProjectStatus) -> Option<&Condition> {
    status.conditions.iter().find(|one| one.kind == ConditionKind::Ready)
}

fn action(fault: &CallFault) -> FaultAction {
    let text = || "injected: something went wrong".to_owned();
    match fault.kind {
        CallFaultKind::ErrorBefore => FaultAction::ErrorBefore(500, text()),
        CallFaultKind::ErrorAfter => FaultAction::EffectThenError(500, text()),
        CallFaultKind::HangUpBefore => FaultAction::HangUpBefore,
        CallFaultKind::HangUpAfter => FaultAction::EffectThenHangUp,
        CallFaultKind::HangBefore => FaultAction::HangBefore,
        CallFaultKind::HangAfter => FaultAction::HangAfter,
        CallFaultKind::Delay => FaultAction::DelayAfter(Duration::from_secs(600)),
        // Half of them tell what was so three seconds ago.
        CallFaultKind::ShortDelay if fault.call.is_multiple_of(2) => {
            FaultAction::DelayAfter(Duration::from_secs(3))
        }
        CallFaultKind::ShortDelay => FaultAction::DelayBefore(Duration::from_secs(3)),
        CallFaultKind::Truncated => FaultAction::Truncated,
        CallFaultKind::Garbage => FaultAction::Garbage,
        CallFaultKind::CrashBefore => FaultAction::ClientDiesBefore,
        CallFaultKind::CrashAfter => FaultAction::ClientDiesAfter,
        CallFaultKind::DaemonBefore => FaultAction::DaemonDiesBefore(Duration::from_secs(4)),
        CallFaultKind::DaemonAfter => FaultAction::DaemonDiesAfter(Duration::from_secs(4)),
    }
}

/// The invariants that a run broke.
pub(crate) fn broken(outcome: &Outcome) -> BTreeSet<&'static str> {
    outcome.violations.iter().map(|violation| violation.invariant).collect()
}
