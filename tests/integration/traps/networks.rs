//! Traps 23 to 28: networks.

use composelet::engine::create_body;
use composelet::model::observed::ApiVersion;
use composelet::model::plan::Action;

use super::kit::{converged, create_of, first_plan, is_quiet, loaded, plans, tells};
use crate::plan_world;

#[test]
fn trap_23_an_external_network_is_found_by_its_whole_name_only() {
    let compose = "name: shop\nservices: {web: {image: nginx, networks: [front]}}\nnetworks: {front: {external: true, name: abc}}";
    let by_id = plans(compose, "", "given: {networks: {other: {id: abcdef0123456789}}}");
    assert!(!by_id.contains("CreateContainer") && by_id.contains("abc"), "{by_id}");
    let by_name = plans(compose, "", "given: {networks: {abc: {}}}");
    assert!(by_name.contains("CreateContainer shop-web-1"), "{by_name}");
}

#[test]
fn trap_24_a_network_made_anew_is_given_back_with_aliases_and_addresses() {
    let compose = |internal: bool| {
        format!(
            "name: shop\nservices: {{web: {{image: nginx, restart: always, networks: {{front: {{aliases: [www], \
             ipv4_address: 10.1.0.9, driver_opts: {{a: b}}}}}}}}}}\nnetworks: {{front: {{internal: {internal}, \
             ipam: {{config: [{{subnet: 10.1.0.0/24}}]}}}}}}"
        )
    };
    let mut sim = converged(&compose(false));
    sim.desired = plan_world::project(&compose(true), &std::collections::BTreeMap::new());
    let plan = sim.look();
    let endpoint = plan.nodes.iter().find_map(|node| match &node.action {
        Action::ConnectNetwork { endpoint, name, .. } if name == "shop_front" => Some(endpoint),
        _ => None,
    });
    let endpoint = endpoint.unwrap_or_else(|| panic!("{plan}"));
    assert!(endpoint.aliases.contains("www"), "{endpoint:?}");
    assert_eq!(endpoint.ipv4_address.as_deref(), Some("10.1.0.9"));
    assert_eq!(endpoint.driver_opts["a"], "b");
}

#[test]
fn trap_26_further_networks_are_connected_before_the_start_where_create_takes_one() {
    let compose =
        "name: shop\nservices: {web: {image: nginx, networks: [a, b]}}\nnetworks: {a: {}, b: {}}";
    let old = plans(compose, "", "given: {api: 41}");
    let connect = old.lines().position(|line| line.contains("ConnectNetwork shop-web-1 to shop_b"));
    let start = old.lines().position(|line| line.contains("StartContainer shop-web-1"));
    assert!(connect.is_some() && connect < start, "{old}");
    let new = plans(compose, "", "given: {api: 44}");
    assert!(!new.contains("ConnectNetwork"), "{new}");
}

#[test]
fn trap_27_the_primary_network_is_that_of_the_highest_priority_then_of_the_smallest_key() {
    for (networks, wanted) in [
        ("{b: {}, a: {}}", "shop_a"),
        ("{b: {priority: 5}, a: {}}", "shop_b"),
        ("{b: {priority: 5}, a: {priority: 5}}", "shop_a"),
        ("{c: {}, a: {}}", "shop_a"),
    ] {
        let compose = format!(
            "name: shop\nservices: {{web: {{image: nginx, networks: {networks}}}}}\nnetworks: {{a: {{}}, b: {{}}, c: {{name: first}}}}"
        );
        let create = create_of(&first_plan(&compose));
        let (body, _) = create_body(&create, ApiVersion::v1(41)).unwrap();
        assert_eq!(body["HostConfig"]["NetworkMode"], wanted, "{networks}");
    }
}

#[test]
fn trap_28_ports_beside_the_network_of_the_host_are_told() {
    let compose = "name: shop\nservices: {web: {image: nginx, restart: always, network_mode: host, ports: [\"80:80\"]}}";
    assert!(tells(&loaded(compose), "host-ports"));
    let plans = plans(compose, "", "from: converged\nthen: [{note: rests}]");
    assert!(is_quiet(&plans), "{plans}");
}
