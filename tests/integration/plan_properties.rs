//! Properties of the planner over generated worlds, named after the invariants of the design.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use proptest::prelude::*;

use composelet::model::config::ContainerConfig;
use composelet::model::desired::RestartWhen;
use composelet::model::held::WaitingOn;
use composelet::model::id::{ContainerId, ServiceName};
use composelet::model::job::JobWait;
use composelet::model::join::{Namespace, Owner};
use composelet::model::observed::{ImageState, Lifecycle, ObservedContainer};
use composelet::model::outcome::FailureClass;
use composelet::model::plan::{Action, Plan, PlanNode};
use composelet::model::time::Timestamp;
use composelet::planner::revision;

use super::plan_rules::{Rule, explained, judge, only_ours, order, removals, seen, successors};
use super::plan_world::{Case, PLANTED, Sim, Wish, case, failure, image_id, project};
use super::support;

/// Passes within which every world must stand still once nothing fails any more.
const MOST_PASSES: usize = 120;

/// The containers of ours that live, by replica.
fn alive(sim: &Sim, foreign: &BTreeSet<ContainerId>) -> BTreeMap<(ServiceName, u32), usize> {
    let mut counts = BTreeMap::new();
    for one in &sim.engine.observed.containers {
        if one.lifecycle.is_alive() && one.claim.hook.is_none() && !foreign.contains(&one.id) {
            let key = (one.claim.service.clone().unwrap(), one.claim.number.unwrap_or(1));
            *counts.entry(key).or_insert(0) += 1;
        }
    }
    counts
}

/// A phase in which things fail or the controller dies, as the bytes say.
fn trouble(sim: &mut Sim, case: &Case, foreign: &BTreeSet<ContainerId>, rule: Rule) {
    for fault in &case.faults {
        let plan = sim.look();
        rule(sim, &plan, foreign);
        let before = alive(sim, foreign);
        let bad = usize::from(fault / 4);
        match fault % 4 {
            0 => sim.walk(&plan, &|_| None),
            1 => sim.walk(&plan, &|node| {
                let hit = node.id.0 as usize % 3 == bad % 3;
                hit.then(|| failure(FailureClass::Engine, "out of luck"))
            }),
            2 => sim.interrupted(&plan, bad % (plan.nodes.len() + 1)),
            _ => {
                sim.walk(&plan, &|_| None);
                sim.engine.make_healthy();
            }
        }
        one_each(&before, sim, foreign, &plan);
        if fault % 3 != 2 {
            sim.finish(&|_| None);
        }
        sim.pass_time(Duration::from_secs(u64::from(fault % 5)));
    }
}

/// At most one live container per replica, unless more lived before; a second one only where nothing forbids two.
fn one_each(
    before: &BTreeMap<(ServiceName, u32), usize>,
    sim: &Sim,
    foreign: &BTreeSet<ContainerId>,
    plan: &Plan,
) {
    for (replica, count) in alive(sim, foreign) {
        let beside = if may_double(sim, &replica.0) { 2 } else { 1 };
        let most = before.get(&replica).copied().unwrap_or(0).max(beside);
        assert!(count <= most, "{replica:?} lives {count} times after\n{plan}");
    }
}

/// Whether two containers of a service may run at once: it says when it is ready, and has nothing that only one can have.
fn may_double(sim: &Sim, service: &ServiceName) -> bool {
    let Some(wanted) = sim.desired.services.get(service) else {
        return false;
    };
    let config = &wanted.config;
    let image = sim.engine.observed.images.get(&wanted.image).and_then(ImageState::present);
    let check = config.healthcheck.as_ref().or(image.and_then(|image| image.healthcheck.as_ref()));
    let published = config.ports.values().flatten().any(|binding| !binding.port.is_empty());
    let shares = !config.volumes_from.is_empty()
        || Namespace::ALL.into_iter().any(|one| one.owner(config).is_some());
    check.is_some() && !published && !shares
}

/// Passes without faults until nothing moves.
fn settle(sim: &mut Sim, foreign: &BTreeSet<ContainerId>) -> Plan {
    let mut history = String::new();
    sim.reveal();
    for _ in 0..MOST_PASSES {
        let plan = sim.look();
        judge(sim, &plan, foreign);
        writeln!(history, "# {}\n{plan}", sim.now).unwrap();
        let before = alive(sim, foreign);
        sim.walk(&plan, &|_| None);
        one_each(&before, sim, foreign, &plan);
        let mut moved = !plan.nodes.is_empty();
        moved |= sim.finish(&|_| None);
        moved |= !sim.engine.make_healthy().is_empty();
        moved |= recover(sim, foreign);
        moved |= sim.complete_jobs();
        sim.pass_time(Duration::from_millis(200));
        if moved {
            continue;
        }
        let until = plan.held.iter().filter_map(|held| held.until);
        match until.filter(|until| *until > sim.now).min() {
            Some(until) => sim.pass_time(until.since(sim.now)),
            None if plan.held.iter().all(|held| held.until.is_none()) => return plan,
            None => {}
        }
    }
    panic!("does not come to rest:\n{history}");
}

/// What the engine does by itself: restarts what restarts; a second probe finds it well.
fn recover(sim: &mut Sim, foreign: &BTreeSet<ContainerId>) -> bool {
    let now = sim.now;
    let mut any = false;
    for one in &mut sim.engine.observed.containers {
        if foreign.contains(&one.id) {
            continue;
        }
        if let Lifecycle::Restarting(_) = one.lifecycle {
            one.lifecycle = Lifecycle::Running { started_at: now };
            any = true;
        }
    }
    any
}

/// Whoever shares does so with a container that is there, and with the namespace of its present run.
fn shares(
    ours: &[&ObservedContainer],
    one: &ObservedContainer,
    (wanted, plan): (&ContainerConfig, &Plan),
) {
    let config = &one.detail.known().unwrap().config;
    let named = |service: &ServiceName, id: &str| {
        let owner = ours.iter().find(|owner| owner.id.as_str() == id);
        let owner = owner.unwrap_or_else(|| panic!("{} shares with the gone:\n{plan}", one.name));
        assert_eq!(owner.claim.service.as_ref(), Some(service), "\n{plan}");
        owner.lifecycle.clone()
    };
    for namespace in Namespace::ALL {
        let Some(Owner::Service(service)) = namespace.owner(wanted) else { continue };
        let Some(Owner::Container(id)) = namespace.owner(config) else {
            panic!("{} shares nothing:\n{plan}", one.name)
        };
        if let (Lifecycle::Running { started_at: owner }, Lifecycle::Running { started_at }) =
            (named(&service, &id), &one.lifecycle)
        {
            assert!(owner <= *started_at, "{} is in a dead namespace:\n{plan}", one.name);
        }
    }
    assert_eq!(config.volumes_from.len(), wanted.volumes_from.len(), "{}", one.name);
    for (wanted, seen) in wanted.volumes_from.iter().zip(&config.volumes_from) {
        assert_eq!(wanted.read_only, seen.read_only);
        let (Owner::Service(service), Owner::Container(id)) = (&wanted.from, &seen.from) else {
            panic!("{} takes from {}", one.name, seen.from)
        };
        named(service, id);
    }
}

/// What must stand in the end, looked at without the planner's own comparison.
fn satisfied(sim: &Sim, plan: &Plan, foreign: &BTreeSet<ContainerId>) {
    let ours: Vec<&ObservedContainer> =
        sim.engine.observed.containers.iter().filter(|one| !foreign.contains(&one.id)).collect();
    for one in &ours {
        let service = one.claim.service.as_ref().unwrap();
        assert!(sim.desired.services.contains_key(service), "{} stays:\n{plan}", one.name);
    }
    for service in sim.desired.services.values() {
        // What depends on something that will never be ready keeps what it has, its waiting successors included.
        let blocked = plan.held.iter().any(|held| {
            held.subject.service() == Some(&service.name)
                && matches!(held.waiting_on, WaitingOn::Dependency { .. })
        });
        if blocked {
            continue;
        }
        let mine: Vec<_> =
            ours.iter().filter(|one| one.claim.service.as_ref() == Some(&service.name)).collect();
        let most = usize::try_from(service.replicas).unwrap();
        assert!(mine.len() <= most, "{} has too many:\n{plan}", service.name);
        for number in mine.iter().map(|one| one.claim.number.unwrap()) {
            let twins = mine.iter().filter(|one| one.claim.number == Some(number)).count();
            assert_eq!(twins, 1);
        }
        let exhausted = plan.held.iter().any(|held| {
            held.subject.service() == Some(&service.name)
                && matches!(
                    held.waiting_on,
                    WaitingOn::RestartsExhausted { .. }
                        | WaitingOn::PortConflict { .. }
                        | WaitingOn::Job(JobWait::Failed { .. })
                )
        });
        for one in &mine {
            let name = format!("shop-{}-{}", service.name, one.claim.number.unwrap());
            assert_eq!(one.name.as_str(), name, "\n{plan}");
            let runs = matches!(one.lifecycle, Lifecycle::Running { .. });
            let key = format!("{}:{}", service.name, one.claim.number.unwrap());
            let record = sim.ledger.replicas.get(&key);
            if !runs && (exhausted || record.is_some_and(|record| record.done.is_some())) {
                // What a job did or failed at is not repeated, whatever became of its container.
                continue;
            }
            let ended = matches!(&one.lifecycle, Lifecycle::Exited(exit) if exit.code == 0);
            let job = service.restart.when != RestartWhen::Always;
            assert!(runs || (ended && job) || exhausted, "{name} {:?}\n{plan}", one.lifecycle);
            let config = &one.detail.known().unwrap().config;
            shares(&ours, one, (&service.config, plan));
            assert_eq!(config.environment, service.config.environment, "{name}");
            assert_eq!(config.resources.memory_bytes, service.config.resources.memory_bytes);
            assert_eq!(one.image_id, image_id(&service.image));
            let wanted: Vec<&String> = service.config.endpoints.keys().collect();
            assert_eq!(config.endpoints.keys().collect::<Vec<_>>(), wanted, "{name}");
        }
        let jobs = service.name.as_str().starts_with("job");
        assert!(
            mine.len() == most || exhausted || jobs,
            "{} lacks replicas:\n{plan}",
            service.name
        );
    }
}

proptest! {
    #![proptest_config(support::cases(32))]
    #[test]
    fn invariant_01_converged_means_silent(case in case()) {
        let (mut sim, foreign) = case.world();
        settle(&mut sim, &foreign);
        for _ in 0..3 {
            let plan = sim.look();
            prop_assert!(plan.nodes.is_empty(), "{}", plan);
            sim.walk(&plan, &|_| None);
            sim.pass_time(Duration::from_secs(3600));
        }
    }

    #[test]
    fn invariant_02_every_world_converges_after_faults(case in case()) {
        let (mut sim, foreign) = case.world();
        let strangers: Vec<ObservedContainer> =
            foreign.iter().map(|id| seen(&sim, id).clone()).collect();
        let volumes = sim.engine.observed.volumes.clone();
        trouble(&mut sim, &case, &foreign, judge);
        let plan = settle(&mut sim, &foreign);
        satisfied(&sim, &plan, &foreign);
        for stranger in strangers {
            prop_assert_eq!(seen(&sim, &stranger.id), &stranger);
        }
        for (name, volume) in volumes {
            prop_assert_eq!(sim.engine.observed.volumes.get(&name), Some(&volume));
        }
    }

    #[test]
    fn invariant_04_a_removed_project_leaves_strangers_and_volumes(case in case()) {
        let (mut sim, foreign) = case.world();
        trouble(&mut sim, &case, &foreign, judge);
        let volumes = sim.engine.observed.volumes.clone();
        sim.wish = Wish::Remove;
        settle(&mut sim, &foreign);
        let left: BTreeSet<ContainerId> =
            sim.engine.observed.containers.iter().map(|one| one.id.clone()).collect();
        prop_assert_eq!(left, foreign);
        prop_assert_eq!(&sim.engine.observed.volumes, &volumes);
    }

    #[test]
    fn invariant_17_a_secret_is_never_shown(case in case()) {
        let (mut sim, foreign) = case.world();
        for _ in 0..6 {
            let plan = sim.look();
            judge(&sim, &plan, &foreign);
            let status = serde_json::to_string(&sim.status(&plan)).unwrap();
            let ledger = serde_json::to_string(&sim.ledger).unwrap();
            for text in [plan.to_string(), format!("{plan:?}"), status, ledger] {
                prop_assert!(!text.contains(PLANTED), "{}", text);
            }
            sim.walk(&plan, &|_| None);
            sim.finish(&|_| None);
            sim.engine.make_healthy();
            sim.pass_time(Duration::from_secs(1));
        }
    }

    #[test]
    fn invariant_13_live_changes_never_recreate(case in case(), bytes in 64_i64..512) {
        let (mut sim, foreign) = case.world();
        settle(&mut sim, &foreign);
        let limited: Vec<ServiceName> = sim.desired.services.values()
            .filter(|service| service.config.resources.memory_bytes.is_some())
            .map(|service| service.name.clone()).collect();
        for name in &limited {
            let service = sim.desired.services.get_mut(name).unwrap();
            service.config.resources.memory_bytes = Some(bytes * 1_048_576);
        }
        sim.desired.digest.push('x');
        let ids = |sim: &Sim| -> Vec<ContainerId> {
            sim.engine.observed.containers.iter().map(|one| one.id.clone()).collect()
        };
        let before = ids(&sim);
        let plan = sim.look();
        for node in &plan.nodes {
            let live = matches!(node.action, Action::UpdateContainer { .. });
            prop_assert!(live, "{}", plan);
        }
        settle(&mut sim, &foreign);
        prop_assert_eq!(before, ids(&sim));
    }
}

/// Plays a case to the end of its faults and a few passes on, under one rule.
fn play(case: &Case, rule: Rule) {
    let (mut sim, foreign) = case.world();
    trouble(&mut sim, case, &foreign, rule);
    for _ in 0..4 {
        let plan = sim.look();
        rule(&sim, &plan, &foreign);
        sim.walk(&plan, &|_| None);
        sim.finish(&|_| None);
        sim.engine.make_healthy();
        sim.pass_time(Duration::from_secs(2));
    }
}

proptest! {
    #![proptest_config(support::cases(32))]
    #[test]
    fn invariant_05_only_what_does_not_live_is_removed(case in case()) {
        play(&case, removals);
    }

    #[test]
    fn invariant_07_nothing_is_stopped_before_its_successor_stands(case in case()) {
        play(&case, successors);
    }

    #[test]
    fn invariant_08_never_more_than_one_container_beside_another(case in case()) {
        // `trouble` counts after every walk.
        play(&case, only_ours);
    }

    #[test]
    fn invariant_09_what_starts_stands_on_what_it_depends_on(case in case()) {
        play(&case, order);
    }

    #[test]
    fn invariant_15_everything_says_why(case in case()) {
        play(&case, explained);
    }

    #[test]
    fn a_ledger_that_was_written_and_read_gives_the_same_plan(case in case()) {
        let (mut sim, foreign) = case.world();
        trouble(&mut sim, &case, &foreign, explained);
        let mut other = sim.clone();
        let text = serde_json::to_string(&sim.ledger).unwrap();
        other.ledger = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&other.ledger, &sim.ledger);
        prop_assert_eq!(other.look().to_string(), sim.look().to_string());
        prop_assert_eq!(serde_json::to_string(&other.ledger).unwrap(), serde_json::to_string(&sim.ledger).unwrap());
    }

    #[test]
    fn a_preview_begins_with_the_plan_and_comes_to_an_end(case in case()) {
        let (mut sim, _) = case.world();
        let preview = sim.with(composelet::planner::preview);
        let plan = sim.look().changes();
        prop_assert_eq!(preview.steps[0].plan.to_string(), plan.to_string());
        prop_assert!(preview.steps.len() < 60, "{} steps", preview.steps.len());
    }
}

const ONE: &str = "name: shop\nservices:\n  web: {image: nginx, restart: always}\n";

#[test]
fn invariant_10_between_tries_of_a_failing_start_lies_its_back_off() {
    let mut sim = Sim::new(project(ONE, &BTreeMap::new()));
    let mut tries: Vec<Timestamp> = Vec::new();
    for _ in 0..60 {
        let plan = sim.look();
        let starts = plan.nodes.iter().any(|node| node.action.kind() == "StartContainer");
        tries.extend(starts.then_some(sim.now));
        let fate = |node: &PlanNode| {
            let start = node.action.kind() == "StartContainer";
            start.then(|| failure(FailureClass::Engine, "no such device"))
        };
        sim.walk(&plan, &fate);
        let until = plan.held.iter().filter_map(|held| held.until).min();
        let step = until.map_or(Duration::from_millis(50), |until| until.since(sim.now));
        sim.pass_time(step.max(Duration::from_millis(50)));
    }
    back_off_holds(&tries);
}

#[test]
fn invariant_10_between_restarts_of_a_crashing_container_lies_its_back_off() {
    let mut sim = Sim::new(project(ONE, &BTreeMap::new()));
    let mut tries: Vec<Timestamp> = Vec::new();
    for _ in 0..60 {
        let plan = sim.look();
        let starts = plan.nodes.iter().any(|node| node.action.kind() == "StartContainer");
        tries.extend(starts.then_some(sim.now));
        sim.walk(&plan, &|_| None);
        let now = sim.now;
        for one in &mut sim.engine.observed.containers {
            if let Lifecycle::Running { started_at } = one.lifecycle {
                one.lifecycle = Lifecycle::Exited(composelet::model::observed::Exit {
                    code: 1,
                    started_at: Some(started_at),
                    finished_at: Some(now.plus(Duration::from_millis(10))),
                    oom_killed: false,
                    error: String::new(),
                });
            }
        }
        let until = plan.held.iter().filter_map(|held| held.until).min();
        let step = until.map_or(Duration::from_millis(50), |until| until.since(sim.now));
        sim.pass_time(step.max(Duration::from_millis(50)));
    }
    // The first restart is free.
    back_off_holds(&tries[1..]);
}

fn back_off_holds(tries: &[Timestamp]) {
    assert!(tries.len() > 8, "{tries:?}");
    for (attempt, pair) in tries.windows(2).enumerate() {
        let exponent = u32::try_from(attempt).unwrap().min(6);
        let least = Duration::from_millis(900) * 2_u32.pow(exponent);
        let gap = pair[1].since(pair[0]);
        assert!(gap >= least.min(Duration::from_secs(54)), "try {attempt} after {gap:?}");
        assert!(gap <= Duration::from_secs(61), "try {attempt} only after {gap:?}");
    }
}

#[test]
fn invariant_12_hashes_are_what_they_were() {
    let desired = project(
        "name: shop\nservices:\n  web:\n    image: nginx\n    command: [nginx, -g, daemon off;]\n    environment: {A: b}\n    ports: [\"8080:80\"]\n    volumes: [\"data:/data\"]\n    restart: always\n    mem_limit: 64m\nvolumes: {data: {}}\n",
        &BTreeMap::new(),
    );
    let service = &desired.services[&ServiceName::from("web")];
    assert_eq!(
        revision::spec_hash(&service.config).as_str(),
        "v1:eeb56d4e2c304d5421e5c83413ca02033d4cad79a47f4aac916be1c50c7d6e18"
    );
    assert_eq!(revision::revision(service, &image_id("nginx")).as_str(), "241fd391af4d87a8");
    let mut same = service.clone();
    same.config.restart = composelet::model::config::RestartPolicy::No;
    same.config.resources.memory_bytes = Some(1);
    same.config.annotations.clear();
    same.config.hostname = Some(String::new());
    same.config.security.oom_score_adj = Some(0);
    assert_eq!(revision::spec_hash(&same.config), revision::spec_hash(&service.config));
    assert_eq!(
        revision::network_hash(&desired.networks["default"].config).as_str(),
        "v1:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}
