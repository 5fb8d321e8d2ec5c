//! A new version that is given up in the middle of its replacement: what was stopped for it runs again.

use std::collections::BTreeMap;

use composelet::model::observed::Lifecycle;

use crate::plan_world::{Sim, project};

/// Neither a restart policy nor a port: an end with exit code 0 would be taken for the end that it is for.
const ONE: &str = "name: shop\nservices:\n  web:\n    image: worker\n    environment: {N: VALUE}\n";

fn version(value: &str) -> composelet::model::desired::DesiredProject {
    project(&ONE.replace("VALUE", value), &BTreeMap::new())
}

/// The program ends with 0 when it is asked to.
fn end_well(sim: &mut Sim) {
    for container in &mut sim.engine.observed.containers {
        if let Lifecycle::Exited(exit) = &mut container.lifecycle {
            exit.code = 0;
        }
    }
}

#[test]
fn what_was_stopped_for_a_version_that_is_given_up_runs_again() {
    // Given up after so many steps of the replacement.
    for steps in 0..8 {
        let mut sim = Sim::new(version("a"));
        sim.settle(20, false).expect("it converges");
        sim.desired = version("b");
        for _ in 0..steps {
            let plan = sim.look();
            sim.walk(&plan, &|_| None);
            sim.finish(&|_| None);
            end_well(&mut sim);
        }
        sim.desired = version("a");
        sim.settle(20, false).expect("it converges");
        let running = |one: &&composelet::model::observed::ObservedContainer| {
            matches!(one.lifecycle, Lifecycle::Running { .. })
        };
        let count = sim.engine.observed.containers.iter().filter(running).count();
        assert_eq!(count, 1, "given up after {steps} steps: {:#?}", sim.engine.observed.containers);
    }
}
