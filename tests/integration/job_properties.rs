//! What holds for jobs whatever happens: what succeeded is not repeated, and a failure costs no more tries than allowed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests: what is not as expected panics"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use composelet::model::observed::{Exit, Lifecycle, ObservedContainer};
use composelet::model::plan::{Action, Plan};
use proptest::prelude::*;

use super::plan_world::{Sim, image_id, project};

/// A version of the job: its variable and its image.
type Version = (u8, u8);

fn text(once: &str, (variable, image): Version) -> String {
    format!(
        "name: shop\nservices: {{seed: {{image: \"app:{image}\", environment: {{V: \"{variable}\"}}, x-composelet: {{job: {{once: {once}, retries: 1}}}}}}}}"
    )
}

/// What of a version makes the job run again.
fn key(once: &str, (variable, image): Version) -> Version {
    match once {
        "project" => (0, 0),
        "image" => (0, image),
        _ => (variable, image),
    }
}

fn version(one: &ObservedContainer) -> Version {
    let config = &one.detail.known().unwrap().config;
    let variable = config.environment["V"].as_ref().unwrap().expose().parse().unwrap();
    let image = (0..3).find(|image| one.image_id == image_id(&format!("app:{image}"))).unwrap();
    (variable, image)
}

fn starts(plan: &Plan, count: usize) -> usize {
    let nodes = plan.nodes.iter().take(count);
    nodes.filter(|node| matches!(node.action, Action::StartContainer { .. })).count()
}

fn happen(sim: &mut Sim, what: u8, amount: u8) {
    sim.pass_time(Duration::from_secs(u64::from(amount)));
    let now = sim.now;
    match what % 4 {
        0 | 1 => {
            for one in &mut sim.engine.observed.containers {
                if let Lifecycle::Running { started_at } = one.lifecycle {
                    one.lifecycle = Lifecycle::Exited(Exit {
                        code: i64::from(what % 4),
                        started_at: Some(started_at),
                        finished_at: Some(now),
                        oom_killed: false,
                        error: String::new(),
                    });
                }
            }
        }
        2 => {
            // By hand.
            let at = usize::from(amount) % sim.engine.observed.containers.len().max(1);
            let rests = |one: &ObservedContainer| !one.lifecycle.is_alive();
            if sim.engine.observed.containers.get(at).is_some_and(rests) {
                sim.engine.observed.containers.remove(at);
            }
        }
        _ => {}
    }
    sim.finish(&|_| None);
    sim.engine.refresh();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn what_succeeded_is_not_repeated_and_failures_are_limited(
        once in 0_u8..3,
        steps in prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 1..40),
    ) {
        let once = ["revision", "image", "project"][usize::from(once)];
        let mut wanted = (0, 0);
        let mut sim = Sim::new(project(&text(once, wanted), &BTreeMap::new()));
        let mut done: Option<Version> = None;
        let mut tries = 0;
        for (what, amount, fate) in steps {
            let plan = sim.look();
            let containers = &sim.engine.observed.containers;
            if let [one] = containers.as_slice()
                && matches!(&one.lifecycle, Lifecycle::Exited(exit) if exit.code == 0)
            {
                done = Some(key(once, version(one)));
            }
            let dies = fate % 4 == 0;
            let count = if dies { usize::from(fate / 4) % (plan.nodes.len() + 1) } else { plan.nodes.len() };
            let started = starts(&plan, count);
            prop_assert!(
                started == 0 || done != Some(key(once, wanted)),
                "repeats a success of {:?}:\n{}", done, plan
            );
            tries += started;
            prop_assert!(tries <= 2, "try {} of {:?}:\n{}", tries, wanted, plan);
            if dies {
                sim.interrupted(&plan, count);
            } else {
                sim.walk(&plan, &|_| None);
            }
            happen(&mut sim, what, amount);
            if fate % 4 == 1 {
                wanted = (what / 8 % 2, amount / 8 % 2);
                sim.desired = project(&text(once, wanted), &BTreeMap::new());
                sim.provide();
                tries = 0;
            }
        }
    }
}
