//! Traps 3 and 34: what is shared with other containers.

use composelet::engine::create_body;
use composelet::model::observed::{ApiVersion, Knowledge};

use super::kit::{converged, create_of, first_plan, loaded, plans, web};

/// The command line 2.26 made a container of this service beside one of this id, and wrote this hash on it.
#[test]
fn trap_03_the_label_has_the_hash_with_the_id_of_the_joined_container() {
    let compose = "name: jprobe\nservices:\n  own: {image: i}\n  web: {image: \"composelet-test/python-web:1\", \
                   command: sleep 1000, network_mode: \"service:own\", pid: \"service:own\", ipc: \"service:own\", \
                   volumes_from: [\"own:ro\", \"container:jprobe-own-1\"]}";
    let loaded = loaded(compose);
    let id = "2852453761b1560b4008d13861da9ee802fe0c33fadb6e599154f4a863f77c7b";
    let hash = web(&loaded).compose_hash.with(|_| id.to_owned());
    assert_eq!(hash, "fd710c24a1ab0b7852faf66b22d7337ad0e25075e9e215adf5a1de62c31a1f13");
    // What `config --hash` tells has the names still.
    let hashes = loaded.canonical.as_ref().unwrap().service_hashes();
    assert_ne!(hashes["web"], hash);
}

const VPN: &str = "name: shop\nservices:\n  vpn: {image: vpn, restart: always}\n  web: {image: nginx, restart: always, \
                   network_mode: \"service:vpn\"}";

/// The hash is written and never compared: what decides is whose namespace the container is in.
#[test]
fn trap_03_whoever_joins_is_made_anew_exactly_when_its_owner_is() {
    let mut sim = converged(VPN);
    let own = |sim: &crate::plan_world::Sim, name: &str| {
        let all = &sim.engine.observed.containers;
        let one = all.iter().find(|one| one.name.as_str() == name).unwrap();
        (one.id.clone(), one.claim.compose_hash.clone())
    };
    let (vpn, _) = own(&sim, "shop-vpn-1");
    let (web, hash) = own(&sim, "shop-web-1");
    let expected = loaded(VPN);
    let expected = super::kit::web(&expected).compose_hash.with(|_| vpn.to_string());
    assert_eq!(hash, Some(expected));
    // A restart of the owner, then its replacement.
    sim.engine.observed.containers.retain(|one| one.name.as_str() != "shop-vpn-1");
    sim.engine.refresh();
    assert!(sim.settle(40, true).is_some());
    assert_ne!(own(&sim, "shop-vpn-1").0, vpn);
    assert_ne!(own(&sim, "shop-web-1").0, web);
    assert!(sim.look().nodes.is_empty());
    let text = plans(
        VPN,
        "",
        "from: converged\nchange: {containers: [{name: shop-vpn-1, state: running 1m}]}\nthen: [{}, {}]",
    );
    assert!(text.contains("StopContainer shop-web-1, shop-vpn-1, whose namespace"), "{text}");
    assert!(!text.contains("CreateContainer"), "a restart is enough:\n{text}");
}

#[test]
fn trap_34_read_only_volumes_of_another_container_are_read_only() {
    let compose = "name: shop\nservices:\n  data: {image: data, restart: always, volumes: [/data]}\n  web: {image: nginx, \
                   restart: always, volumes_from: [\"data:ro\"]}";
    let mut sim = converged(compose);
    let data = sim.engine.observed.containers.iter().find(|one| one.name.as_str() == "shop-data-1");
    let data = data.unwrap().id.clone();
    sim.engine.observed.containers.retain(|one| one.name.as_str() != "shop-web-1");
    sim.engine.refresh();
    let create = create_of(&sim.look());
    let (body, _) = create_body(&create, ApiVersion::v1(41)).unwrap();
    assert_eq!(body["HostConfig"]["VolumesFrom"], serde_json::json!([format!("{data}:ro")]));
    // A container that the command line made lacks the mode: that is a difference.
    let mut sim = converged(compose);
    let web = super::kit::container(&mut sim);
    let Knowledge::Known(detail) = &mut web.detail else { panic!("unknown") };
    detail.config.volumes_from[0].read_only = false;
    assert!(sim.look().to_string().contains("drift: volumes_from.0"), "{}", sim.look());
    assert!(first_plan(compose).nodes.iter().all(|node| node.action.object() != "shop-web-1"));
}
