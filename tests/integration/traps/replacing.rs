//! Traps 36 and 38 to 43: replacing, numbering, and what is not ours to keep.

use std::collections::BTreeMap;
use std::time::Duration;

use composelet::model::config::MountSource;
use composelet::model::id::{ContainerId, ContainerName};
use composelet::model::observed::{Claim, Knowledge};
use composelet::model::plan::Action;

use super::kit::{after_edit, container, converged, create_of, is_quiet, plans};
use crate::plan_world::{Sim, project};

#[test]
fn trap_36_anonymous_volumes_are_inherited_by_destination() {
    let compose = |value: &str| {
        format!(
            "name: shop\nservices: {{web: {{image: nginx, restart: always, volumes: [/cache], environment: {{A: {value}}}}}}}"
        )
    };
    let mut sim = converged(&compose("one"));
    sim.desired = project(&compose("two"), &BTreeMap::new());
    if let Knowledge::Known(detail) = &mut container(&mut sim).detail {
        detail.volumes.insert("/cache".to_owned(), "0123abcd".to_owned());
    }
    let plan = sim.look();
    let source = &create_of(&plan).config.mounts["/cache"].source;
    assert!(matches!(source, MountSource::Volume { name, .. } if name == "0123abcd"), "{source:?}");
}

/// The command line counts on from the highest number; here a gap is filled, so that names stay what they were.
#[test]
fn trap_38_a_replica_that_went_comes_back_under_its_own_number() {
    let compose = "name: shop\nservices: {web: {image: nginx, restart: always, scale: 3}}";
    let text = plans(
        compose,
        "",
        "from: converged\nchange: {containers: [{name: shop-web-2, remove: true}]}",
    );
    assert!(text.contains("CreateContainer shop-web-2") && !text.contains("shop-web-4"), "{text}");
    let edited = after_edit(compose, &compose.replace("always,", "always, environment: {A: b},"));
    assert!(edited.contains("_shop-web-2, drift"), "a successor takes the number:\n{edited}");
}

#[test]
fn trap_39_a_temporary_name_left_by_a_crash_is_put_right() {
    let compose = "name: shop\nservices: {web: {image: nginx, restart: always}}";
    let renamed = "from: converged\nchange: {containers: [{name: shop-web-1, rename: 0123456789ab_shop-web-1}]}\n\
                   then: [{note: rests}]";
    let text = plans(compose, "", renamed);
    assert!(text.contains("RenameContainer 0123456789ab_shop-web-1 to shop-web-1"), "{text}");
    assert!(text.trim_end().ends_with("nothing"), "{text}");
}

#[test]
fn trap_40_a_volume_that_is_defined_differently_is_told_and_never_made_anew() {
    let with = |driver: &str| {
        format!(
            "name: shop\nservices: {{web: {{image: nginx, restart: always, volumes: [\"data:/data\"]}}}}\nvolumes: {{data: {driver}}}"
        )
    };
    let text = after_edit(&with("{}"), &with("{driver: other}"));
    assert!(text.contains("held volume:shop_data: VolumeChanged"), "{text}");
    assert!(!text.contains("] -> #"), "{text}");
}

#[test]
fn trap_41_containers_of_a_profile_that_is_off_are_removed() {
    let services = |profiles: &str| {
        format!(
            "name: shop\nservices:\n  web: {{image: nginx, restart: always}}\n  debug: {{image: nginx, restart: always{profiles}}}"
        )
    };
    let text = after_edit(&services(""), &services(", profiles: [debug]"));
    assert!(text.contains("StopContainer shop-debug-1"), "{text}");
    assert!(!text.contains("shop-web-1"), "{text}");
}

#[test]
fn trap_42_containers_of_compose_run_are_no_replicas() {
    let compose = "name: shop\nservices: {web: {image: nginx, restart: always}}";
    let beside = "from: converged\nchange: {containers: [{name: shop-web-run-1, copy: shop-web-1, one_off: true}]}";
    let text = plans(compose, "", beside);
    assert!(is_quiet(&text), "{text}");
    let alone = "from: converged\nchange: {containers: [{name: shop-web-run-1, copy: shop-web-1, one_off: true}, \
                 {name: shop-web-1, remove: true}]}";
    let text = plans(compose, "", alone);
    assert!(text.contains("CreateContainer shop-web-1"), "{text}");
    assert!(!text.contains("shop-web-run-1"), "{text}");
}

/// What shares labels with the replicas and lacks their number is neither replica, nor stranger, nor orphan.
#[test]
fn trap_43_containers_of_pre_start_are_no_replicas() {
    let compose = "name: shop\nservices: {web: {image: nginx, restart: always, pre_start: [{command: migrate}]}}";
    let mut sim = Sim::new(project(compose, &BTreeMap::new()));
    let mut steps = 0;
    for _ in 0..20 {
        let plan = sim.look();
        for node in &plan.nodes {
            let Action::CreateContainer(create) = &node.action else { continue };
            if !create.labels.contains_key("com.docker.compose.hook") {
                continue;
            }
            steps += 1;
            assert_eq!(create.labels["com.docker.compose.hook"], "pre_start");
            for lacking in ["container-number", "config-hash"] {
                let label = format!("com.docker.compose.{lacking}");
                assert!(!create.labels.contains_key(&label), "{label}");
            }
            assert!(!create.config.volumes_from.is_empty(), "it has the mounts of the replica");
        }
        sim.walk(&plan, &|_| None);
        sim.finish(&|_| None);
        let ours = &sim.engine.observed.containers;
        let replicas = ours.iter().filter(|one| one.claim.hook.is_none()).count();
        assert!(replicas <= 1, "{plan}");
        sim.pass_time(Duration::from_millis(200));
    }
    assert_eq!(steps, 1);
    let left = &sim.engine.observed.containers;
    assert!(left.len() == 1 && left[0].claim.hook.is_none(), "{left:?}");
    // One that docker compose kept after a failure is left alone.
    let mut kept = left[0].clone();
    kept.id = ContainerId::new("kept");
    kept.name = ContainerName::new("shop-web-kept");
    kept.claim = Claim {
        project: kept.claim.project,
        service: kept.claim.service,
        hook: Some("pre_start".to_owned()),
        ..Claim::default()
    };
    sim.engine.observed.containers.push(kept);
    sim.engine.refresh();
    let plan = sim.look();
    assert!(plan.nodes.is_empty() && plan.held.is_empty(), "{plan}");
}
