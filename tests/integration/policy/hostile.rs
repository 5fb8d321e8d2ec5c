//! Every hostile manifest through every path, with the whole controller against the simulated engine: what was sent is
//! looked at, request by request.

use std::collections::BTreeMap;
use std::sync::Arc;

use composelet::controller::admission::{Places, admission};
use composelet::engine::{Engine, labels};
use composelet::ledger::Request;
use composelet::manifest::{Dialect, Entry};
use composelet::model::desired::DesiredProject;
use composelet::model::held::WaitingOn;
use composelet::model::id::{ContainerName, Installation, ReplicaId, ServiceName};
use composelet::model::outcome::{Failure, FailureClass};
use composelet::model::path::{LocalPath, PathMap};
use composelet::model::plan::{CreateContainer, CreateNetwork, CreateVolume};
use composelet::model::policy_wait::PolicyWait;
use composelet::model::rulebook::RuleBook;
use composelet::model::violation::Rule;

use super::paths::{Before, ROUTES, Route};
use super::table::{Case, book, cases, prepare};
use crate::manifest_cases::load_from_disk;
use crate::sim::{ImageSpec, Phase};
use crate::simulation::bench::Bench;

fn host(seed: u64, book: Arc<RuleBook>) -> Bench {
    let mut bench = Bench::new(seed);
    bench.rules = book;
    bench.engine.add_image(super::table::DIGESTED, &ImageSpec::new("app"));
    bench
}

fn write(bench: &Bench, case: &Case, route: &Route, first: bool) {
    let places = (bench.root(), bench.state());
    let text = case.manifest(route.more, route.others, (&places.0, &places.1));
    if first {
        let directory = bench.root().join(&case.name);
        std::fs::create_dir_all(&directory).unwrap();
        prepare(&directory);
    }
    bench.write(&case.name, &text);
}

/// The rules by which a project is held.
fn refused(bench: &Bench, project: &str) -> Vec<String> {
    let held = bench.status(project).map(|status| status.held).unwrap_or_default();
    let violations = held.into_iter().filter_map(|held| match held.waiting_on {
        WaitingOn::Policy(PolicyWait::Denied { violations, .. }) => Some(violations),
        _ => None,
    });
    violations.flatten().map(|one| one.rule.id().to_owned()).collect()
}

/// Cases of one host: engines have networks for about thirty projects.
const OF_A_HOST: usize = 20;

/// Brings the cases to where the hostile manifests come under the policy, and lets them come.
async fn expose(bench: &mut Bench, route: &Route, cases: &[Case]) {
    for case in cases {
        write(bench, case, &Route { more: "", others: "", ..*route }, true);
        match route.before {
            Before::Nothing => write(bench, case, route, false),
            Before::Benign => bench.write(&case.name, &case.benign()),
            Before::Hostile | Before::HostileThenBenign => {}
        }
    }
    bench.start();
    bench.pass(if route.before == Before::Nothing { 10 } else { 30 }).await;
    if route.before == Before::HostileThenBenign {
        for case in cases {
            bench.write(&case.name, &case.benign());
        }
        bench.pass(60).await;
    }
}

/// The policy comes if it was not there, and with it what has to be refused.
async fn strike(bench: &mut Bench, route: &Route, cases: &[Case]) {
    if matches!(route.before, Before::Hostile | Before::HostileThenBenign) {
        bench.stop().await;
        bench.rules = book(cases);
        bench.start();
        bench.pass(20).await;
    }
    bench.engine.clear_bodies();
    for case in cases {
        if route.before == Before::HostileThenBenign {
            bench.ask(&Request::Rollback { project: case.name.as_str().into(), to: None });
        } else {
            write(bench, case, route, false);
        }
    }
    bench.pass(30).await;
}

/// Runs cases on one path. Nothing of what is hostile is sent, and what ran runs on. Counts those that were held for it.
async fn held_on(seed: u64, route: &Route, cases: &[Case]) -> usize {
    let free = matches!(route.before, Before::Hostile | Before::HostileThenBenign);
    let mut bench = host(seed, if free { Arc::default() } else { book(cases) });
    expose(&mut bench, route, cases).await;
    let running = bench.phases();
    if route.before != Before::Nothing {
        strike(&mut bench, route, cases).await;
    }
    let sent = bench.engine.bodies();
    let updates = |body: &String| body.contains("/update?");
    assert!(!sent.iter().any(updates), "{}: {}", route.name, bench.story());
    let mut count = 0;
    for case in cases {
        let story = || format!("{} on {}\n{}", case.name, route.name, bench.story());
        let carries = |body: &&String| case.sent.as_ref().is_some_and(|sent| body.contains(sent));
        assert_eq!(sent.iter().find(carries), None, "{}", story());
        let own = format!("/containers/create?name={}-app-", case.name);
        assert!(!sent.iter().any(|body| body.contains(&own)), "{}", story());
        let mine = |name: &str| name.starts_with(&format!("{}-app-", case.name));
        for (name, _) in
            running.iter().filter(|(name, phase)| mine(name) && **phase == Phase::Running)
        {
            assert!(bench.runs(name), "it runs on: {}", story());
        }
        let held = refused(&bench, &case.name);
        count += usize::from(held.contains(&case.rule));
        let none = route.before == Before::HostileThenBenign && held.is_empty();
        assert!(none || held.contains(&case.rule), "held by {held:?}: {}", story());
    }
    count
}

/// All cases on one path; returns how many were held of how many.
async fn all_on(route: usize) -> (usize, usize) {
    let (route, cases) = (&ROUTES[route], cases());
    let mut count = 0;
    for (seed, some) in (700..).zip(cases.chunks(OF_A_HOST)) {
        count += held_on(seed, route, some).await;
    }
    eprintln!("{}: {count} of {} hostile manifests held, nothing sent", route.name, cases.len());
    (count, cases.len())
}

/// Each path is a test of its own, so that they run beside each other.
macro_rules! on_path {
    ($($name:ident: $route:expr,)+) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            let (held, all) = all_on($route).await;
            assert!(all >= 60);
            // What the simulated engine cannot run has no version to go back to.
            let least = if ROUTES[$route].before == Before::HostileThenBenign { 60 } else { all };
            assert!(held >= least, "{held} of {all}");
        }
    )+};
}

on_path! {
    hostile_manifests_are_refused_on_create: 0,
    hostile_manifests_are_refused_on_recreate: 1,
    hostile_manifests_are_refused_on_live_update: 2,
    hostile_manifests_are_refused_when_the_policy_comes_later: 3,
    hostile_manifests_are_refused_on_rollback: 4,
    hostile_manifests_are_refused_as_jobs: 5,
    hostile_manifests_are_refused_as_runs_of_schedules: 6,
    hostile_manifests_are_refused_as_steps: 7,
    hostile_manifests_are_refused_as_checks_before: 8,
    hostile_manifests_are_refused_as_companions: 9,
    hostile_manifests_are_refused_as_checks_after: 10,
}

async fn gated(bench: &Bench, rules: &Arc<RuleBook>) -> Engine {
    let clock: composelet::engine::Clock = Arc::new(composelet::model::time::Timestamp::default);
    let engine = Engine::over(bench.engine.docker(), Installation::from("default"), clock);
    let engine = engine.await.unwrap();
    let (root, state) = (LocalPath::new(bench.root()), LocalPath::new(bench.state()));
    let (content, paths) = (state.join("content"), PathMap::default());
    let places = Places { desired_state: &root, content: &content, paths: &paths };
    engine.admit(admission(rules, places, (None, true)));
    engine
}

/// Asks the engine for everything that a service needs, as if nobody had judged it before.
async fn ask_for_all((bench, engine): (&Bench, &Engine), project: &DesiredProject) -> Vec<Failure> {
    let labels = BTreeMap::from([
        (labels::PROJECT.to_owned(), project.name.to_string()),
        (labels::WORKING_DIR.to_owned(), project.directory.display().to_string()),
    ]);
    let mut failures = Vec::new();
    for volume in project.volumes.values() {
        let create = CreateVolume { volume: volume.clone(), labels: labels.clone() };
        failures.extend(engine.create_volume(&create).await.err());
    }
    for network in project.networks.values() {
        let (name, config) = (network.name.clone(), network.config.clone());
        let create = CreateNetwork { name, config, labels: labels.clone() };
        failures.extend(engine.create_network(&create).await.err());
    }
    let service = &project.services[&ServiceName::from("app")];
    if bench.engine.with(|world| world.images.find(&service.image).is_none()) {
        let (sink, _lines) = tokio::sync::mpsc::channel(100);
        let image = (&project.name, service.image.as_str());
        failures.extend(engine.pull_image(image, None, &sink).await.err());
        return failures;
    }
    let create = CreateContainer {
        replica: ReplicaId::new("app".into(), 1),
        name: ContainerName::new(format!("{}-app-1", project.name)),
        image: service.image.clone(),
        image_id: ImageSpec::new("app").id().as_str().into(),
        config: service.config.clone(),
        labels,
        primary_network: service.config.primary_network().cloned(),
        dns_names: Vec::new(),
        revision: "r".into(),
    };
    failures.extend(engine.create_container(&create).await.err());
    failures
}

/// What is no part of these requests, or nothing for an engine of this version.
const ELSEWHERE: [&str; 5] =
    ["privileged-hook", "privileged-step", "hook-as-root", "build-", "annotations"];

/// The gate of the engine alone: what a mistake of everything before it would send.
#[tokio::test(start_paused = true)]
async fn hostile_requests_are_refused_at_the_engine() {
    let (cases, mut count) = (cases(), 0);
    let is_here = |case: &&Case| !ELSEWHERE.iter().any(|name| case.name.starts_with(name));
    let cases: Vec<Case> = cases.iter().filter(is_here).cloned().collect();
    for (seed, some) in (720..).zip(cases.chunks(OF_A_HOST)) {
        let rules = book(some);
        let bench = host(seed, Arc::clone(&rules));
        let engine = gated(&bench, &rules).await;
        for case in some {
            write(&bench, case, &ROUTES[0], true);
            let path = LocalPath::new(bench.root()).join(&case.name);
            let loaded = load_from_disk(&Entry::Directory(path), Dialect::Controller);
            let project = loaded.project.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
            let failures = ask_for_all((&bench, &engine), &project).await;
            let denied = failures.iter().any(|failure| {
                failure.class == FailureClass::Denied && failure.message.contains(&case.rule)
            });
            assert!(denied, "{}: {failures:?}", case.name);
            count += 1;
        }
        let sent = bench.engine.bodies();
        for case in some {
            let carries = |body: &&String| case.sent.as_ref().is_some_and(|one| body.contains(one));
            assert_eq!(sent.iter().find(carries), None, "{}", case.name);
        }
    }
    eprintln!("hostile requests refused at the engine: {count} of {}", cases.len());
    assert!(count >= 60 && count == cases.len());
}

#[test]
fn every_rule_has_a_hostile_manifest() {
    let cases = cases();
    // A volume of another project, mounts of images and remote builds have tests of their own.
    let elsewhere = [Rule::ForeignVolume, Rule::VolumeTypes, Rule::Build, Rule::UnknownField];
    for rule in Rule::ALL.iter().filter(|rule| !elsewhere.contains(rule)) {
        assert!(cases.iter().any(|case| case.rule == rule.id()), "{rule}");
    }
}
