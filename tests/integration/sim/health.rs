//! The health check: one probe an interval after the start, and one an interval after each probe.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};

use super::clock::Stamp;
use super::container::{Container, Phase};
use super::engine::SimEngine;
use super::script::Verdict;
use super::world::{World, string_list};

const SECOND: u64 = 1_000_000_000;
/// The log keeps this many probes.
const KEPT: usize = 5;

/// Result of one probe.
#[derive(Debug, Clone)]
struct Probe {
    start: Stamp,
    end: Stamp,
    code: i64,
    output: String,
}

/// State of a health check.
#[derive(Debug, Clone)]
pub(crate) struct Health {
    status: &'static str,
    streak: i64,
    log: VecDeque<Probe>,
    probes: usize,
}

impl Health {
    /// The state after a start, if the container has a check.
    pub(crate) fn of(container: &Container) -> Option<Self> {
        let test = test_command(container)?;
        (!test.is_empty()).then(|| Self {
            status: "starting",
            streak: 0,
            log: VecDeque::new(),
            probes: 0,
        })
    }

    /// `starting`, `healthy` or `unhealthy`.
    pub(crate) fn status(&self) -> &'static str {
        self.status
    }

    /// What an end of the process leaves: a container that is not running is not healthy.
    pub(crate) fn stopped(&mut self) {
        self.status = "unhealthy";
    }

    /// `State.Health` of inspect.
    pub(crate) fn json(&self) -> Value {
        let log: Vec<Value> = self
            .log
            .iter()
            .map(|probe| {
                json!({
                    "Start": probe.start.rfc3339(),
                    "End": probe.end.rfc3339(),
                    "ExitCode": probe.code,
                    "Output": probe.output,
                })
            })
            .collect();
        json!({"Status": self.status, "FailingStreak": self.streak, "Log": log})
    }
}

/// Settings of a check, defaults filled in.
#[derive(Debug, Clone)]
struct Check {
    command: String,
    interval: Duration,
    start_interval: Duration,
    timeout: Duration,
    start_period: Duration,
    retries: i64,
}

impl Check {
    fn of(container: &Container) -> Option<Self> {
        let check = container.config.get("Healthcheck")?;
        let nanos = |key: &str, default: u64| {
            let set = check.get(key).and_then(Value::as_u64).filter(|nanos| *nanos > 0);
            Duration::from_nanos(set.unwrap_or(default))
        };
        let retries = check.get("Retries").and_then(Value::as_i64).filter(|it| *it > 0);
        Some(Self {
            command: test_command(container)?.join(" "),
            interval: nanos("Interval", 30 * SECOND),
            start_interval: nanos("StartInterval", 5 * SECOND),
            timeout: nanos("Timeout", 30 * SECOND),
            start_period: nanos("StartPeriod", 0),
            retries: retries.unwrap_or(3),
        })
    }
}

/// The words of the check's command; `None` without a check.
pub(crate) fn test_command(container: &Container) -> Option<Vec<String>> {
    let test = string_list(container.config.get("Healthcheck")?.get("Test"));
    let (first, words) = test.split_first()?;
    match first.as_str() {
        "CMD" => Some(words.to_vec()),
        "CMD-SHELL" => {
            let shell = ["/bin/sh", "-c"].iter().map(|word| (*word).to_owned());
            Some(shell.chain(words.iter().cloned()).collect())
        }
        _ => None,
    }
}

/// Begins to probe this run of a container.
pub(crate) fn watch(world: &World, id: &str, run: u64) {
    let check = world.containers.get(id).filter(|it| it.health.is_some()).and_then(Check::of);
    if let Some(check) = check {
        let id = id.to_owned();
        world.spawn(move |engine| async move {
            while probe(&engine, &id, run, &check).await.is_some() {}
        });
    }
}

/// Waits an interval and probes once. `None` when the run is over.
async fn probe(engine: &SimEngine, id: &str, run: u64, check: &Check) -> Option<()> {
    tokio::time::sleep(engine.with(|world| pause(world, id, run, check))?).await;
    engine.awake().await;
    let (begun, takes, verdict, exec) = engine.with(|world| begin(world, id, run, check))?;
    let Some(verdict) = verdict else {
        return Some(());
    };
    let takes = if verdict == Verdict::Hang { check.timeout } else { takes.min(check.timeout) };
    tokio::time::sleep(takes).await;
    engine.awake().await;
    engine.with(|world| finish(world, (id, run, check), (begun, verdict, &exec)))
}

fn current(world: &World, id: &str, run: u64) -> Option<Phase> {
    world.containers.get(id).filter(|it| it.run == run).map(|it| it.phase)
}

/// Time to the next probe: from API 1.44 on a shorter one within the start period.
fn pause(world: &World, id: &str, run: u64, check: &Check) -> Option<Duration> {
    current(world, id, run)?;
    let container = world.containers.get(id)?;
    let starting = container.health.as_ref().is_some_and(|it| it.status == "starting");
    let within = container.running_for(world.clock.now()) < check.start_period;
    let short = world.speaks(44) && starting && within;
    Some(if short { check.start_interval } else { check.interval })
}

type Begun = (Stamp, Duration, Option<Verdict>, String);

fn begin(world: &mut World, id: &str, run: u64, check: &Check) -> Option<Begun> {
    let phase = current(world, id, run)?;
    let start = world.clock.stamp();
    let exec = world.ids.fresh("exec");
    if phase != Phase::Running {
        return Some((start, Duration::ZERO, None, exec));
    }
    let verdict = world.verdict(id);
    let container = world.containers.get_mut(id)?;
    let takes = container.script.probe_takes;
    if let Some(health) = &mut container.health {
        health.probes += 1;
    }
    for verb in ["exec_create", "exec_start"] {
        let action = format!("{verb}: {}", check.command);
        world.container_event(id, &action, &[("execID", exec.clone())]);
    }
    Some((start, takes, Some(verdict), exec))
}

impl World {
    /// How the application feels now: by hand, else by script.
    pub(crate) fn verdict(&self, id: &str) -> Verdict {
        let Some(container) = self.containers.get(id) else {
            return Verdict::fail();
        };
        if let Some(verdict) = self.host.verdicts.get(&container.name) {
            return verdict.clone();
        }
        let probes = container.health.as_ref().map_or(0, |health| health.probes);
        let script = self.scripts.of(container);
        script.health.verdict(container.running_for(self.clock.now()), probes, container.starts)
    }
}

fn finish(
    world: &mut World,
    (id, run, check): (&str, u64, &Check),
    (start, verdict, exec): (Stamp, Verdict, &str),
) -> Option<()> {
    if current(world, id, run)? != Phase::Running {
        return Some(());
    }
    let end = world.clock.stamp();
    let (code, output) = match verdict {
        Verdict::Pass => (0, String::new()),
        Verdict::Fail(code, output) => (code, output),
        Verdict::Hang => {
            let seconds = check.timeout.as_secs();
            (-1, format!("Health check exceeded timeout ({seconds}s)"))
        }
    };
    let extra = [("execID", exec.to_owned()), ("exitCode", code.to_string())];
    world.container_event(id, "exec_die", &extra);
    let container = world.containers.get_mut(id)?;
    let in_start_period = container.running_for(start) < check.start_period;
    let health = container.health.as_mut()?;
    let before = health.status;
    health.log.push_back(Probe { start, end, code, output });
    if health.log.len() > KEPT {
        health.log.pop_front();
    }
    if code == 0 {
        health.streak = 0;
        health.status = "healthy";
    } else if !(in_start_period && before == "starting") {
        health.streak += 1;
        if health.streak >= check.retries {
            health.status = "unhealthy";
        }
    }
    let after = health.status;
    if before != after {
        container.changed.send_modify(|tick| *tick += 1);
        world.container_event(id, &format!("health_status: {after}"), &[]);
    }
    Some(())
}
