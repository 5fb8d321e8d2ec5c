//! Controllers in containers of the simulated engine: each runs as long as its container does. One acts, its successors stand
//! by, and whoever is killed, exactly one is left.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic is a failed test"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use composelet::controller::{Instance, RunEnd, RunError};
use composelet::model::id::{ContainerId, ContainerName};
use composelet::model::own::Own;
use composelet::model::path::PathMap;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::bench::Bench;
use crate::sim::{AppScript, HealthScript, ImageSpec, ScriptKey, Verdict};

const NAME: &str = "keeper-composelet-1";
/// How often it is looked which containers run.
const TURN: Duration = Duration::from_millis(50);
/// As the command line has it.
const PATIENCE: Duration = Duration::from_secs(15);

/// A container in one of its runs.
type Run = (String, String);

struct Fleet {
    bench: Bench,
    processes: BTreeMap<Run, JoinHandle<Result<RunEnd, RunError>>>,
}

fn manifest(version: u32, more: &str) -> String {
    format!(
        "
services:
  composelet:
    image: keeper:{version}
    restart: always
    pull_policy: never
    healthcheck: {{test: [CMD, check], interval: 20s, retries: 2}}
    deploy: {{update_config: {{monitor: 2s}}}}
    volumes: [state:/var/lib/composelet]
{more}volumes: {{state: {{}}}}
"
    )
}

fn good() -> AppScript {
    AppScript::forever().health(HealthScript::HealthyAfter(Duration::from_secs(1)))
}

impl Fleet {
    /// The first controller, which keeps itself and another project.
    async fn new(seed: u64, more: &str) -> Self {
        let mut bench = Bench::new(seed);
        for version in 1..10 {
            let image = ImageSpec::new(&format!("keeper {version}"));
            let image = image.label("built", &version.to_string());
            bench.engine.add_image(&format!("keeper:{version}"), &image);
        }
        bench.engine.script_service("composelet", good());
        bench.write("keeper", &manifest(1, more));
        bench.write("shop", "services: {web: {image: app, restart: always}}");
        bench.start();
        bench.converged("keeper").await;
        bench.converged("shop").await;
        bench.pass(30).await;
        bench.stop().await;
        let mut fleet = Self { bench, processes: BTreeMap::new() };
        fleet.until("the controller acts", |fleet| fleet.bench.is_ready("keeper")).await;
        fleet
    }

    /// Containers of the controller: name, and the run if there is one.
    fn containers(&self) -> BTreeMap<String, Option<Run>> {
        let names = self.bench.phases().into_keys().filter(|name| name.contains("keeper-"));
        let run = |name: &String| {
            let seen = self.bench.engine.inspected(name)?;
            let text = |pointer: &str| seen.pointer(pointer)?.as_str().map(str::to_owned);
            let running = text("/State/Status")? == "running";
            Some((text("/Id")?, text("/State/StartedAt")?)).filter(|_| running)
        };
        names.map(|name| (name.clone(), run(&name))).collect()
    }

    /// Processes begin and end with the runs of their containers.
    async fn turn(&mut self) {
        tokio::time::sleep(TURN).await;
        let containers = self.containers();
        let mut patience = Vec::new();
        let gone: Vec<Run> = self
            .processes
            .iter()
            .filter(|(run, process)| {
                process.is_finished() || !containers.values().any(|one| one.as_ref() == Some(*run))
            })
            .map(|(run, _)| run.clone())
            .collect();
        for run in gone {
            let process = self.processes.remove(&run).unwrap();
            if !process.is_finished() {
                process.abort();
                drop(process.await);
            } else if let Ok(Ok(RunEnd::HandedOver)) = process.await {
                patience.push(run);
            }
        }
        for (name, run) in containers {
            let Some(run) = run.filter(|run| !self.processes.contains_key(run)) else { continue };
            let patience = if patience.contains(&run) { PATIENCE } else { Duration::ZERO };
            let own = Own {
                id: ContainerId::new(run.0.as_str()),
                name: ContainerName::new(name),
                paths: PathMap::default(),
            };
            let key = run.0.get(..12).unwrap().to_owned();
            let controller = self.bench.controller().in_container(Instance { own, key, patience });
            let process = tokio::spawn(controller.run(CancellationToken::new()));
            self.processes.insert(run, process);
        }
    }

    async fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let begin = tokio::time::Instant::now();
        while !condition(self) {
            let story = || self.bench.story();
            assert!(begin.elapsed() <= Duration::from_secs(900), "never came: {what}\n{}", story());
            self.turn().await;
        }
    }

    async fn pass(&mut self, time: Duration) {
        let begin = tokio::time::Instant::now();
        while begin.elapsed() < time {
            self.turn().await;
        }
    }

    /// Whether one controller is left, which runs this version and is well.
    fn is_alone(&self, version: u32) -> bool {
        let seen = self.bench.engine.inspected(NAME).unwrap_or_default();
        self.containers().len() == 1
            && self.containers().values().all(Option::is_some)
            && seen.pointer("/Config/Image").and_then(|image| image.as_str())
                == Some(&format!("keeper:{version}"))
            && self.bench.is_ready("keeper")
    }

    /// Whoever acts heals.
    async fn heals(&mut self) {
        self.bench.engine.docker_rm("shop-web-1", false).ok();
        self.until("the other project is healed", |fleet| fleet.bench.runs("shop-web-1")).await;
    }

    fn id(&self, name: &str) -> String {
        let seen = self.bench.engine.inspected(name).unwrap();
        seen["Id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(start_paused = true)]
async fn a_successor_stands_by_takes_over_and_removes_its_predecessor() {
    let mut fleet = Fleet::new(900, "").await;
    let (first, web) = (fleet.id(NAME), fleet.id("shop-web-1"));
    fleet.bench.write("keeper", &manifest(2, ""));
    fleet.until("two run", |fleet| fleet.processes.len() == 2).await;
    fleet.until("the second is left", |fleet| fleet.is_alone(2)).await;
    assert_ne!(fleet.id(NAME), first);
    assert_eq!(fleet.id("shop-web-1"), web, "nobody else was touched");
    fleet.pass(Duration::from_secs(60)).await;
    let before = fleet.bench.engine.mutating_calls();
    fleet.pass(Duration::from_secs(120)).await;
    assert_eq!(fleet.bench.engine.mutating_calls(), before, "{}", fleet.bench.story());
    fleet.heals().await;
}

#[tokio::test(start_paused = true)]
async fn a_successor_that_fails_is_removed_and_the_old_one_goes_on() {
    let refused = Verdict::Fail(1, "no engine".to_owned());
    let ill = AppScript::forever().health(HealthScript::Always(refused));
    let crashing = AppScript::exits(Duration::from_millis(300), 3);
    for (seed, script) in [(910, ill), (911, crashing)] {
        let mut fleet = Fleet::new(seed, "").await;
        let first = fleet.id(NAME);
        fleet.bench.engine.script(ScriptKey::Label("built".to_owned(), "2".to_owned()), script);
        fleet.bench.write("keeper", &manifest(2, ""));
        let rejected = |fleet: &Fleet| fleet.bench.held("keeper").contains(&"RevisionRejected");
        fleet.until("the rejection", rejected).await;
        fleet.until("the old one alone", |fleet| fleet.containers().len() == 1).await;
        assert_eq!(fleet.id(NAME), first, "{}", fleet.bench.story());
        fleet.heals().await;
        let before = fleet.bench.engine.mutating_calls();
        fleet.pass(Duration::from_secs(300)).await;
        assert_eq!(fleet.bench.engine.mutating_calls(), before, "not tried again");
        fleet.bench.write("keeper", &manifest(3, ""));
        fleet.until("the mended one", |fleet| fleet.is_alone(3)).await;
        fleet.heals().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_published_port_follows_in_a_second_step() {
    let ports = "    ports: ['8080:80']\n";
    let mut fleet = Fleet::new(920, ports).await;
    fleet.bench.write("keeper", &manifest(2, ports));
    let published = |fleet: &Fleet| {
        let seen = fleet.bench.engine.inspected(NAME).unwrap_or_default();
        seen.pointer("/HostConfig/PortBindings/80~1tcp/0/HostPort").is_some()
    };
    fleet.until("the second with its port", |fleet| fleet.is_alone(2) && published(fleet)).await;
    let before = fleet.bench.engine.mutating_calls();
    fleet.pass(Duration::from_secs(120)).await;
    assert_eq!(fleet.bench.engine.mutating_calls(), before, "{}", fleet.bench.story());
    fleet.heals().await;
}

#[tokio::test(start_paused = true)]
async fn killed_at_random_points_of_an_update_one_is_left_and_acts() {
    for seed in 0..3_u64 {
        let mut fleet = Fleet::new(930 + seed, "").await;
        let web = fleet.id("shop-web-1");
        let mut dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
        let mut roll = |sides: u64| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            dice % sides
        };
        fleet.bench.write("keeper", &manifest(2, ""));
        for _ in 0..4 {
            fleet.pass(Duration::from_millis(100 + roll(4_000))).await;
            let running = fleet.containers().into_iter().filter(|(_, run)| run.is_some());
            let names: Vec<String> = running.map(|(name, _)| name).collect();
            let chosen = usize::try_from(roll(7)).unwrap() % names.len().max(1);
            if let Some(name) = names.get(chosen) {
                fleet.bench.engine.kill_process(name).ok();
            }
        }
        // Killed often enough, the new version counts as one that fails: then the old one is left, and an edit helps.
        fleet
            .until("one is left", |fleet| {
                fleet.is_alone(2)
                    || fleet.containers().len() == 1
                        && fleet.bench.held("keeper").contains(&"RevisionRejected")
            })
            .await;
        fleet.bench.write("keeper", &manifest(3, ""));
        fleet.until("the next version", |fleet| fleet.is_alone(3)).await;
        assert_eq!(fleet.id("shop-web-1"), web, "seed {seed}: nobody else was touched");
        fleet.heals().await;
    }
}
