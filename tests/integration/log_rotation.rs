//! The rotation that the settings give to logs no manifest speaks of.

use std::collections::BTreeMap;

use composelet::model::log::Rotation;
use composelet::model::plan::{Action, Plan};

use crate::plan_world::{Sim, project};

const TWO: &str = "name: shop\nservices:\n  web: {image: nginx}\n  own: {image: nginx, logging: {driver: json-file, options: {max-size: 1m}}}\n";

/// The size at which each container that a plan creates rotates its log.
fn sizes(plan: &Plan) -> BTreeMap<String, Option<String>> {
    let created = plan.nodes.iter().filter_map(|node| match &node.action {
        Action::CreateContainer(create) => Some(create),
        _ => None,
    });
    let size = |logging: &composelet::model::config::Logging| logging.options["max-size"].clone();
    created.map(|one| (one.name.to_string(), one.config.logging.as_ref().map(size))).collect()
}

/// Passes until nothing is left to do.
fn settle(sim: &mut Sim) -> Plan {
    for _ in 0..10 {
        let plan = sim.look();
        sim.walk(&plan, &|_| None);
    }
    sim.look()
}

fn rotation() -> Rotation {
    Rotation { max_size: "10m".to_owned(), max_file: 3 }
}

#[test]
fn what_is_created_rotates_and_what_says_so_itself_is_let_alone() {
    let mut sim = Sim::new(project(TWO, &BTreeMap::new()));
    sim.policy.rotation = Some(rotation());
    let expected = [("shop-own-1", "1m"), ("shop-web-1", "10m")];
    let expected = expected.map(|(name, size)| (name.to_owned(), Some(size.to_owned())));
    assert_eq!(sizes(&sim.look()), BTreeMap::from(expected));
    assert!(settle(&mut sim).nodes.is_empty());
    // Neither its end nor another number touches what runs.
    for other in [None, Some(Rotation { max_size: "1g".to_owned(), max_file: 1 })] {
        sim.policy.rotation = other;
        let plan = sim.look();
        assert!(plan.nodes.is_empty(), "{plan}");
    }
}

#[test]
fn what_runs_already_is_not_replaced_for_it() {
    let mut sim = Sim::new(project(TWO, &BTreeMap::new()));
    assert!(settle(&mut sim).nodes.is_empty());
    sim.policy.rotation = Some(rotation());
    let plan = sim.look();
    assert!(plan.nodes.is_empty(), "{plan}");
}

#[test]
fn another_driver_is_not_told_what_it_does_not_know() {
    let mut sim = Sim::new(project(TWO, &BTreeMap::new()));
    sim.engine.observed.engine.defaults.log_driver = "journald".to_owned();
    sim.policy.rotation = Some(rotation());
    assert_eq!(sizes(&sim.look())["shop-web-1"], None);
}
