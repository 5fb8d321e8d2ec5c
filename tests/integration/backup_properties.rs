//! What holds for backups that are made without a person, whatever happens: invariant S7 of the reliability notes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests: what is not as expected panics"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use composelet::model::observed::{Exit, Lifecycle};
use composelet::model::operation::{Operation, OperationSubject};
use composelet::model::outcome::FailureClass;
use composelet::model::plan::{Action, CreateContainer, Plan};
use composelet::model::time::Timestamp;
use proptest::prelude::*;

use super::plan_world::{Sim, failure, project};

/// How old the backup before an update may be.
const MAX_AGE: Duration = Duration::from_secs(600);

fn text(version: u8, more: u8) -> String {
    let more = if more == 0 { "" } else { "\n  more: {image: app, restart: always}" };
    format!(
        "name: shop\nservices:\n  db: {{image: \"postgres:15\", restart: always, volumes: [\"data:/d\"]}}\n  \
         app: {{image: app, restart: always, environment: {{V: \"{version}\"}}}}{more}\nvolumes: {{data: {{}}}}\n\
         x-composelet: {{backup: {{schedule: \"*/5 * * * *\", before_update: {{max_age: 10m}}}}}}\n"
    )
}

/// When the container that `create` is the successor of began to write; `None`: it is of the same version, or there is none.
fn replaced(sim: &Sim, create: &CreateContainer) -> Option<Timestamp> {
    let mut all = sim.engine.observed.containers.iter();
    let before = all.find(|one| {
        one.claim.service.as_ref() == Some(&create.replica.service)
            && one.claim.number == Some(create.replica.number)
            && one.claim.revision.as_ref() != Some(&create.revision)
    })?;
    let record = sim.ledger.replicas.get(&create.replica.to_string());
    let started = match &before.lifecycle {
        Lifecycle::Running { started_at } => Some(*started_at),
        Lifecycle::Exited(exit) => exit.started_at,
        _ => None,
    };
    let crashes = record.is_some_and(|record| record.failures > 0);
    Some(started.filter(|_| !crashes).unwrap_or(before.created_at))
}

/// Nothing takes the place of another version without a good backup of it that is young enough. Says what does.
fn covered(sim: &Sim, plan: &Plan) -> usize {
    if sim.with(|input| input.declared.is_some()) {
        return 0;
    }
    let mut replacements = 0;
    let wall = sim.now.plus(sim.asleep);
    for node in &plan.nodes {
        let Action::CreateContainer(create) = &node.action else { continue };
        let Some(since) = replaced(sim, create) else { continue };
        let good = sim.facts.backups.iter().any(|saved| {
            saved.service.is_none() && saved.at >= since && wall.since(saved.at) <= MAX_AGE
        });
        assert!(good, "{} is replaced without a backup:\n{plan}", create.replica);
        replacements += 1;
    }
    replacements
}

/// One at a time.
fn alone(sim: &Sim, plan: &Plan) {
    let begins = plan.nodes.iter().filter(|node| {
        matches!(&node.action, Action::Begin(operation) if matches!(**operation, Operation::Backup(_)))
    });
    let running = OperationSubject::Backup(sim.desired.name.clone());
    let running = usize::from(sim.operations.contains_key(&running));
    assert!(begins.count() + running <= 1, "two at once:\n{plan}");
}

/// What happens between two passes.
fn happen(sim: &mut Sim, what: u8, amount: u8) {
    sim.pass_time(Duration::from_secs(u64::from(amount)));
    let now = sim.now;
    match what % 7 {
        0 => sim.asleep += Duration::from_secs(u64::from(amount) * 20),
        1 => sim.desired = project(&text(amount % 3, what / 7 % 2), &BTreeMap::new()),
        2 => {
            for one in &mut sim.engine.observed.containers {
                if let Lifecycle::Running { started_at } = one.lifecycle {
                    one.lifecycle = Lifecycle::Exited(Exit {
                        code: 1,
                        started_at: Some(started_at),
                        finished_at: Some(now),
                        oom_killed: false,
                        error: String::new(),
                    });
                    break;
                }
            }
        }
        // A person removes one.
        3 => drop(sim.facts.backups.pop()),
        _ => {}
    }
    sim.provide();
    let fails = amount.is_multiple_of(3);
    sim.finish(&|operation| {
        let fails = fails && matches!(operation, Operation::Backup(_));
        fails.then(|| failure(FailureClass::Engine, "the dump has no end"))
    });
    sim.engine.refresh();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_version_replaces_another_without_a_backup(
        steps in prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 1..60),
    ) {
        let mut sim = Sim::new(project(&text(0, 0), &BTreeMap::new()));
        prop_assert!(sim.settle(40, true).is_some());
        for (what, amount, fate) in steps {
            let plan = sim.look();
            covered(&sim, &plan);
            alone(&sim, &plan);
            match fate % 4 {
                // The controller dies after so many nodes.
                0 => sim.interrupted(&plan, usize::from(fate / 4) % (plan.nodes.len() + 1)),
                _ => sim.walk(&plan, &|_| None),
            }
            happen(&mut sim, what, amount);
        }
        // Once faults stop, the update comes through.
        sim.desired = project(&text(9, 0), &BTreeMap::new());
        sim.provide();
        let mut replacements = 0;
        let settled = (0..60).any(|_| {
            let plan = sim.look();
            replacements += covered(&sim, &plan);
            sim.walk(&plan, &|_| None);
            sim.pass_time(Duration::from_secs(61));
            sim.finish(&|_| None);
            sim.engine.make_healthy();
            plan.nodes.is_empty() && plan.waits().next().is_none()
        });
        prop_assert!(replacements > 0, "nothing was replaced");
        prop_assert!(settled, "it does not converge:\n{}", sim.look());
    }
}
