//! What holds for schedules whatever happens: invariant S9 of the reliability notes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests: what is not as expected panics"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use composelet::model::observed::{Exit, Lifecycle};
use composelet::model::outcome::FailureClass;
use composelet::model::plan::{Action, Plan, PlanNode};
use composelet::model::time::Timestamp;
use proptest::prelude::*;

use super::plan_world::{Sim, failure, project};

/// Starts by due time, and due times that had a container.
#[derive(Default)]
struct Seen {
    starts: BTreeMap<Timestamp, usize>,
    created: BTreeSet<Timestamp>,
}

impl Seen {
    /// Counts what the first `count` nodes of a plan do, unless they fail.
    fn count(&mut self, sim: &Sim, plan: &Plan, done: &dyn Fn(&PlanNode) -> bool) {
        let mut created = BTreeMap::new();
        for node in plan.nodes.iter().filter(|node| done(node)) {
            match &node.action {
                Action::CreateContainer(create) => {
                    let due = create.labels.get("io.composelet.due").unwrap();
                    let due = Timestamp::parse_rfc3339(due).unwrap();
                    assert!(self.created.insert(due), "a second container for {due}:\n{plan}");
                    created.insert(create.name.clone(), due);
                }
                Action::StartContainer { name, .. } => {
                    let containers = sim.engine.observed.containers.iter();
                    let mut known = containers.filter(|one| one.name == *name);
                    let due = known.find_map(|one| one.claim.due);
                    let due = due.or_else(|| created.get(name).copied()).unwrap();
                    *self.starts.entry(due).or_default() += 1;
                }
                _ => {}
            }
        }
    }
}

fn alive(sim: &Sim) -> usize {
    sim.engine.observed.containers.iter().filter(|one| one.lifecycle.is_alive()).count()
}

/// What happens between two passes.
fn happen(sim: &mut Sim, what: u8, amount: u8) {
    sim.pass_time(Duration::from_secs(u64::from(amount)));
    let now = sim.now;
    match what % 5 {
        0 => sim.asleep += Duration::from_secs(u64::from(amount) * 20),
        1 | 2 => {
            for one in &mut sim.engine.observed.containers {
                if let Lifecycle::Running { started_at } = one.lifecycle {
                    one.lifecycle = Lifecycle::Exited(Exit {
                        code: i64::from(what % 3),
                        started_at: Some(started_at),
                        finished_at: Some(now),
                        oom_killed: false,
                        error: String::new(),
                    });
                    break;
                }
            }
        }
        _ => {}
    }
    sim.finish(&|_| None);
    sim.engine.refresh();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_due_time_runs_once_and_concurrency_holds(
        policy in 0_u8..3,
        steps in prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 1..40),
    ) {
        let policy = ["forbid", "replace", "allow"][usize::from(policy)];
        let text = format!("name: shop\nservices: {{backup: {{image: app, x-composelet: {{job: {{retries: 1}}, schedule: {{cron: \"* * * * *\", concurrency: {policy}}}}}}}}}");
        let mut sim = Sim::new(project(&text, &BTreeMap::new()));
        let mut seen = Seen::default();
        for (what, amount, fate) in steps {
            let plan = sim.look();
            match fate % 4 {
                // The controller dies after so many nodes.
                0 => {
                    let count = usize::from(fate / 4) % (plan.nodes.len() + 1);
                    let ids: BTreeSet<_> = plan.nodes.iter().take(count).map(|node| node.id).collect();
                    seen.count(&sim, &plan, &|node| ids.contains(&node.id));
                    sim.interrupted(&plan, count);
                }
                // Creates fail.
                1 => {
                    let creates = |node: &PlanNode| matches!(node.action, Action::CreateContainer(_));
                    seen.count(&sim, &plan, &|node| {
                        !creates(node) && !node.depends_on.iter().any(|id| plan.nodes.iter().any(|one| one.id == *id && creates(one)))
                    });
                    sim.walk(&plan, &|node| creates(node).then(|| failure(FailureClass::Engine, "no")));
                }
                _ => {
                    seen.count(&sim, &plan, &|_| true);
                    sim.walk(&plan, &|_| None);
                }
            }
            prop_assert!(policy == "allow" || alive(&sim) <= 1, "two at once:\n{}", plan);
            happen(&mut sim, what, amount);
        }
        for (due, starts) in seen.starts {
            prop_assert!(starts <= 2, "{} was started {} times", due, starts);
        }
    }
}
