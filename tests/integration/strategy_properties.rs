//! What holds for blue-green and canary whatever happens: the old version stays whole until the promotion, there are never
//! more than twice as many containers, and every one ends with the newest version alone.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests: what is not as expected panics"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use composelet::model::held::WaitingOn;
use composelet::model::observed::ObservedContainer;
use composelet::model::operation::Operation;
use composelet::model::plan::{Action, Plan};
use composelet::model::rollout::{RolloutWait, StepGoal};
use composelet::planner::promote;
use proptest::prelude::*;

use super::plan_world::{Sim, project};

/// Steps of a canary, of one byte each; `replicas` and `weight` never fall.
fn strategy(bytes: &[u8]) -> String {
    let Some((first, rest)) = bytes.split_first() else {
        return "blue-green".to_owned();
    };
    if first % 4 == 0 {
        let auto = first % 8 == 0;
        return format!("{{type: blue-green, auto_promote: {auto}, scale_down_delay: 20s}}");
    }
    let mut weight = 1 + u32::from(first % 30);
    let mut steps = vec![format!("{{weight: {weight}}}")];
    for byte in rest {
        steps.push(match byte % 4 {
            0 => {
                weight = (weight + u32::from(byte / 4)).min(100);
                format!("{{weight: {weight}}}")
            }
            1 => format!("{{pause: {}s}}", 1 + u32::from(byte / 4)),
            2 => "{pause: true}".to_owned(),
            _ => "{analysis: {exec: {command: [smoke]}, count: 2, interval: 3s}}".to_owned(),
        });
    }
    format!("{{type: canary, steps: [{}]}}", steps.join(", "))
}

fn text(version: u32, replicas: u8, strategy: &str) -> String {
    format!(
        "
name: shop
services:
  app:
    image: app
    restart: always
    environment: {{V: \"{version}\"}}
    deploy: {{replicas: {replicas}, update_config: {{monitor: 2s}}}}
    x-composelet: {{strategy: {strategy}}}
  nginx:
    image: nginx
    restart: always
    depends_on: [app]
    x-composelet: {{on_endpoints_change: {{command: [set-upstreams]}}}}
"
    )
}

fn is_app(one: &ObservedContainer) -> bool {
    one.claim.service.as_ref().is_some_and(|service| service.as_str() == "app")
}

fn version(one: &ObservedContainer) -> String {
    let config = &one.detail.known().unwrap().config;
    config.environment["V"].as_ref().unwrap().expose().to_owned()
}

/// Containers that live, by version.
fn alive(sim: &Sim) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    let all = sim.engine.observed.containers.iter();
    for one in all.filter(|one| is_app(one) && one.lifecycle.is_alive()) {
        *count.entry(version(one)).or_default() += 1;
    }
    count
}

fn is_promoted(sim: &Sim) -> bool {
    let record = sim.ledger.rollouts.get(&"app".into()).and_then(|record| record.strategy.as_ref());
    record.is_none_or(|record| record.promoted.is_some())
}

fn waits_for_a_person(plan: &Plan) -> bool {
    plan.held.iter().any(|held| match &held.waiting_on {
        WaitingOn::Rollout(RolloutWait::Step(step)) => step.goal == StepGoal::Promotion,
        _ => false,
    })
}

/// What a plan must not do before the promotion.
fn stops_the_old(sim: &Sim, plan: &Plan) -> bool {
    plan.nodes.iter().any(|node| match &node.action {
        Action::Begin(operation) => match &**operation {
            Operation::Stop { container, .. } => {
                let mut all = sim.engine.observed.containers.iter();
                all.any(|one| one.id == *container && is_app(one) && version(one) == "0")
            }
            _ => false,
        },
        _ => false,
    })
}

fn go_on(sim: &mut Sim, seconds: u8) {
    sim.pass_time(Duration::from_secs(u64::from(seconds)));
    sim.finish(&|_| None);
    sim.engine.make_healthy();
    sim.engine.refresh();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_old_version_stays_whole_until_the_promotion(
        replicas in 1_u8..5,
        steps in prop::collection::vec(any::<u8>(), 1..7),
        events in prop::collection::vec((any::<u8>(), any::<u8>()), 1..24),
    ) {
        let strategy = strategy(&steps);
        let of = |version| project(&text(version, replicas, &strategy), &BTreeMap::new());
        let mut sim = Sim::new(of(0));
        prop_assert!(sim.settle(40, true).is_some(), "{}", strategy);
        sim.pass_time(Duration::from_secs(60));
        sim.look();
        let mut newest = 1;
        sim.desired = of(newest);
        let whole = usize::from(replicas);
        for (what, amount) in events {
            let plan = sim.look();
            let lives = alive(&sim);
            prop_assert!(lives.values().sum::<usize>() <= 2 * whole, "{:?}\n{}", lives, plan);
            if !is_promoted(&sim) {
                prop_assert_eq!(lives.get("0"), Some(&whole), "{:?}\n{}", lives, plan);
                prop_assert!(!stops_the_old(&sim, &plan), "{}\n{}", strategy, plan);
            }
            match what % 8 {
                0 => sim.interrupted(&plan, usize::from(amount) % (plan.nodes.len() + 1)),
                1 if waits_for_a_person(&plan) => {
                    let wish = (amount % 4 == 0, sim.now.to_string());
                    promote(&mut sim.ledger, None, (wish.0, &wish.1), sim.now).unwrap();
                }
                2 if !is_promoted(&sim) && amount % 4 == 0 => {
                    sim.walk(&plan, &|_| None);
                    newest += 1;
                    sim.desired = of(newest);
                }
                _ => sim.walk(&plan, &|_| None),
            }
            go_on(&mut sim, amount % 16);
        }
        for _ in 0..200 {
            let plan = sim.look();
            if plan.nodes.is_empty() && plan.waits().next().is_none() {
                break;
            }
            if waits_for_a_person(&plan) {
                let wish = sim.now.to_string();
                promote(&mut sim.ledger, None, (false, &wish), sim.now).unwrap();
            }
            sim.walk(&plan, &|_| None);
            go_on(&mut sim, 10);
        }
        let plan = sim.look();
        prop_assert!(plan.nodes.is_empty(), "{}\n{}", strategy, plan);
        prop_assert_eq!(alive(&sim), BTreeMap::from([(newest.to_string(), whole)]), "{}\n{}", strategy, plan);
    }
}
