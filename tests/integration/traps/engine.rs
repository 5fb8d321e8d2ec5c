//! Traps 25, 33, 35, 37, 44 and 45 to 48: what the engine does, and how it is asked.

use composelet::engine::{create_body, labels, unsupported};
use composelet::model::id::{ContainerId, NetworkId};
use composelet::model::observed::{ApiVersion, Claim};
use composelet::model::outcome::FailureClass;
use composelet::model::plan::CreateVolume;

use super::kit::{create_of, first_plan, is_quiet, loaded, plans, tells, web};
use crate::engine_sim::{create, engine, observe};

#[tokio::test(start_paused = true)]
async fn trap_25_the_short_id_that_old_engines_add_to_the_aliases_is_no_difference() {
    let compose = "name: shop\nservices: {web: {image: \"app:1\", networks: {front: {aliases: [www]}}}}\nnetworks: {front: {}}";
    let wanted = create_of(&first_plan(compose));
    let (sim, engine) = engine("1.41").await;
    sim.put_network("shop_front", &[]).unwrap();
    let asked = composelet::model::plan::CreateContainer {
        config: wanted.config.clone(),
        primary_network: wanted.primary_network.clone(),
        dns_names: wanted.dns_names.clone(),
        ..create("web")
    };
    let id = engine.create_container(&asked).await.unwrap();
    engine.start_container(&id).await.unwrap();
    let seen = observe(&engine).await;
    let detail = seen.containers[0].detail.known().unwrap();
    let aliases = &detail.config.endpoints["shop_front"].aliases;
    assert_eq!(*aliases, ["www".to_owned()].into(), "{aliases:?}");
}

#[test]
fn trap_33_what_an_old_engine_drops_in_silence_is_told_with_its_version() {
    let compose = "name: shop\nservices: {web: {image: nginx, annotations: {a: b}, \
                   healthcheck: {test: [CMD, check], start_interval: 1s, start_period: 5s}, \
                   networks: {back: {}, front: {mac_address: \"02:42:ac:11:65:43\"}}}}\n\
                   networks: {back: {}, front: {}}";
    let found = loaded(compose);
    let config = &web(&found).config;
    let attributes = |api| -> Vec<&str> {
        unsupported(config, ApiVersion::v1(api)).iter().map(|one| one.attribute).collect()
    };
    let dropped = ["annotations", "healthcheck.start_interval", "networks.mac_address"];
    assert_eq!(attributes(41), dropped);
    assert!(attributes(44).is_empty());
    let old = plans(compose, "", "given: {api: 41}");
    for attribute in dropped {
        assert!(old.contains("UnsupportedOnEngine") && old.contains(attribute), "{old}");
    }
}

#[test]
fn trap_35_relabelling_for_selinux_goes_through_binds() {
    let compose = "name: shop\nservices: {web: {image: nginx, volumes: [\"/srv/data:/data:z\", \"/srv/own:/own:ro,Z\"]}}";
    let (body, _) = create_body(&create_of(&first_plan(compose)), ApiVersion::v1(41)).unwrap();
    let binds = body["HostConfig"]["Binds"].to_string();
    assert!(binds.contains("/srv/data:/data:") && binds.contains("/srv/own:/own:"), "{binds}");
    assert!(binds.contains('z') && binds.contains('Z'), "{binds}");
}

#[tokio::test(start_paused = true)]
async fn trap_37_no_volume_is_removed_with_its_container() {
    let (sim, engine) = engine("1.41").await;
    let mut with_volume = create("web");
    with_volume.config.mounts.insert(
        "/cache".to_owned(),
        composelet::model::config::Mount {
            source: composelet::model::config::MountSource::Anonymous,
            read_only: false,
        },
    );
    let id = engine.create_container(&with_volume).await.unwrap();
    let before = sim.with(|world| world.volumes.len());
    assert_eq!(before, 1);
    engine.remove_container(&id).await.unwrap();
    assert!(observe(&engine).await.containers.is_empty());
    assert_eq!(sim.with(|world| world.volumes.len()), before, "it is left for a person to judge");
}

/// Two starts that race for a port of a range: the one that loses is tried again.
#[test]
fn trap_44_a_start_that_loses_the_race_for_a_port_is_tried_again() {
    let compose = "name: shop\nservices: {web: {image: nginx, restart: always, scale: 2, ports: [\"8000-8001:80\"]}}";
    let world = "then:\n- note: one lost\n  fail: {StartContainer shop-web-2: \"port is already allocated\"}\n\
                 - {note: due, after: 10s}\n- {note: rests}";
    let text = plans(compose, "", world);
    let (_, later) = text.split_once("one lost").unwrap();
    assert!(later.contains("StartContainer shop-web-2"), "{text}");
    assert!(!later.contains("StartContainer shop-web-1"), "{text}");
    assert!(text.trim_end().ends_with("nothing"), "{text}");
}

#[test]
fn trap_45_latest_is_refreshed_by_policy_only_and_its_clock_is_ours() {
    let with = |policy: &str| {
        format!(
            "name: shop\nservices: {{web: {{image: \"nginx:latest\", restart: always{policy}}}}}"
        )
    };
    let day = "from: converged\nchange: {ledger: {checked_ago: {\"nginx:latest\": 25h}}}";
    let missing = plans(&with(""), "", day);
    assert!(is_quiet(&missing), "{missing}");
    assert!(tells(&loaded(&with("")), "floating-tag"));
    let daily = plans(&with(", pull_policy: daily"), "", day);
    assert!(daily.contains("nginx:latest"), "{daily}");
    assert!(!tells(&loaded(&with(", pull_policy: daily")), "floating-tag"));
    let fresh = day.replace("25h", "1h");
    let later = plans(&with(", pull_policy: daily"), "", &fresh);
    assert!(later.contains("ImageCheckScheduled") && !later.contains("PullImage"), "{later}");
}

/// What runs is compared by the id that the engine gives for both container and image; the label is only written.
#[test]
fn trap_46_images_are_compared_by_the_engines_own_ids() {
    let compose = "name: shop\nservices: {web: {image: nginx, restart: always}}";
    let create = create_of(&first_plan(compose));
    assert_eq!(create.labels[labels::IMAGE], create.image_id.to_string());
    let label = [(labels::IMAGE.to_owned(), "sha256:other".to_owned())].into();
    assert_eq!(labels::claim(&label), Claim::default());
    assert!(labels::of_user(&label).is_empty());
    let other = plans(compose, "", "from: converged\nchange: {images: {nginx: {id: newer}}}");
    assert!(other.contains("CreateContainer") && other.contains("image"), "{other}");
}

#[tokio::test(start_paused = true)]
async fn trap_47_what_somebody_else_did_at_the_same_time_is_done() {
    let (_sim, engine) = engine("1.41").await;
    engine.remove_container(&ContainerId::new("0".repeat(64))).await.expect("gone is removed");
    engine.remove_network(&NetworkId::new("0".repeat(64))).await.expect("gone is removed");
    let volume = CreateVolume {
        volume: composelet::model::desired::DesiredVolume {
            name: "shop_data".to_owned(),
            external: false,
            driver: None,
            driver_opts: std::collections::BTreeMap::new(),
            labels: std::collections::BTreeMap::new(),
        },
        labels: std::collections::BTreeMap::new(),
    };
    engine.create_volume(&volume).await.expect("created");
    engine.create_volume(&volume).await.expect("there already");
    engine.create_container(&create("web")).await.expect("created");
    let failure = engine.create_container(&create("web")).await.expect_err("the name is taken");
    assert_eq!(failure.class, FailureClass::Conflict, "the next pass looks again");
}

#[test]
fn trap_48_a_stop_by_hand_is_healed_with_a_word_about_suspend() {
    let compose = "name: shop\nservices: {web: {image: nginx, restart: always}}";
    let stopped = "from: converged\nchange: {containers: [{name: shop-web-1, state: exited 0}]";
    let text = plans(compose, "", &format!("{stopped}}}"));
    assert!(text.contains("StartContainer shop-web-1"), "{text}");
    assert!(text.contains("to keep it stopped use `composelet stop`"), "{text}");
    let suspended = plans(compose, "", &format!("{stopped}, ledger: {{suspend: {{web: }}}}}}"));
    assert!(!suspended.contains("StartContainer"), "{suspended}");
    let never = plans(&compose.replace("always", "\"no\""), "", &format!("{stopped}}}"));
    assert!(!never.contains("StartContainer"), "{never}");
}
