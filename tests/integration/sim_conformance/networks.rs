//! Rows about networks and volumes.

use bollard::models::{
    EndpointIpamConfig, EndpointSettings, NetworkConnectRequest, NetworkCreateRequest,
    NetworkDisconnectRequest, VolumeCreateRequest,
};
use bollard::query_parameters::ListVolumesOptions;
use serde_json::json;

use super::support::*;

fn connect(container: &str, settings: EndpointSettings) -> NetworkConnectRequest {
    NetworkConnectRequest { container: container.to_owned(), endpoint_config: Some(settings) }
}

fn disconnect(container: &str) -> NetworkDisconnectRequest {
    NetworkDisconnectRequest { container: container.to_owned(), force: None }
}

#[tokio::test(start_paused = true)]
async fn two_networks_of_one_name_without_the_duplicate_check() {
    let (engine, docker) = engine();
    let network = NetworkCreateRequest { name: "net".into(), ..Default::default() };
    let first = docker.create_network(network.clone()).await.unwrap();
    let second = docker.create_network(network).await.unwrap();
    assert_ne!(first.id, second.id);
    assert_eq!(last_status(&engine), 201);
    assert!(second.warning.contains("already exists"));
    assert_eq!(refusal(docker.remove_network("net").await).0, 400, "ambiguous");
    docker.remove_network(&first.id).await.unwrap();
    docker.remove_network("net").await.unwrap();
    let checked = json!({"Name": "net", "CheckDuplicate": true});
    engine.with(|world| world.create_network(checked.clone())).unwrap();
    let refused = engine.with(|world| world.create_network(checked)).unwrap_err();
    assert_eq!(refused.status, 409);
}

#[tokio::test(start_paused = true)]
async fn remove_of_a_network_in_use_and_of_one_whose_members_do_not_run() {
    let (engine, docker) = engine();
    engine.put_network("net", &[]).unwrap();
    run(&docker, "web", json!({"HostConfig": {"NetworkMode": "net"}})).await;
    let (status, text) = refusal(docker.remove_network("net").await);
    assert!(status == 403 && text.contains("has active endpoints"), "{status} {text}");
    stop(&docker, "web", 1).await.unwrap();
    docker.remove_network("net").await.unwrap();
    assert_eq!(last_status(&engine), 204);
    assert_eq!(refusal(docker.remove_network("net").await).0, 404);
    // The container remembers the id: a new network of the same name is not its network.
    engine.put_network("net", &[]).unwrap();
    let (status, text) = refusal(docker.start_container("web", None).await);
    assert!(status == 404 && text.contains("not found"), "{status} {text}");
    assert_eq!(refusal(docker.remove_network("bridge").await).0, 403);
}

#[tokio::test(start_paused = true)]
async fn connect_and_disconnect_of_running_and_created_containers() {
    let (engine, docker) = engine();
    engine.put_network("one", &[]).unwrap();
    engine.put_network("two", &[]).unwrap();
    let id = create(&docker, "web", json!({"HostConfig": {"NetworkMode": "one"}})).await.unwrap();
    let aliased = EndpointSettings { aliases: Some(vec!["q".into()]), ..Default::default() };
    docker.connect_network("two", connect("web", aliased.clone())).await.unwrap();
    assert_eq!(last_status(&engine), 200);
    let networks = inspect(&docker, "web").await.network_settings.unwrap().networks.unwrap();
    assert_eq!(networks["two"].aliases, Some(vec!["q".to_owned(), id[..12].to_owned()]));
    assert_eq!(networks["two"].ip_address.as_deref(), Some(""));
    docker.start_container("web", None).await.unwrap();
    let again = docker.connect_network("two", connect("web", aliased)).await;
    assert_eq!(refusal(again).0, 403);
    let members = docker.inspect_network("two", None).await.unwrap().containers.unwrap();
    assert_eq!(members[&id].ipv4_address.as_deref(), Some("172.19.0.2/16"));
    docker.disconnect_network("two", disconnect("web")).await.unwrap();
    assert_eq!(refusal(docker.disconnect_network("two", disconnect("web")).await).0, 500);
    let missing = docker.connect_network("two", connect("no", EndpointSettings::default())).await;
    assert_eq!(refusal(missing).0, 404);
}

#[tokio::test(start_paused = true)]
async fn published_ports_go_with_the_last_network_and_come_back_with_the_next() {
    let (engine, docker) = engine();
    engine.put_network("net", &[]).unwrap();
    let ports = json!({"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]});
    run(&docker, "web", json!({"HostConfig": {"NetworkMode": "net", "PortBindings": ports}})).await;
    let shown = async || inspect(&docker, "web").await.network_settings.unwrap().ports.unwrap();
    assert_eq!(shown().await.len(), 1);
    docker.disconnect_network("net", disconnect("web")).await.unwrap();
    assert!(shown().await.is_empty());
    docker.connect_network("net", connect("web", EndpointSettings::default())).await.unwrap();
    assert_eq!(shown().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_container_that_does_not_run_connects_to_a_network_that_is_not_there() {
    let (_engine, docker) = engine();
    create(&docker, "web", json!({})).await.unwrap();
    docker.connect_network("later", connect("web", EndpointSettings::default())).await.unwrap();
    assert_eq!(refusal(docker.start_container("web", None).await).0, 404);
    docker.disconnect_network("later", disconnect("web")).await.unwrap();
    docker.start_container("web", None).await.unwrap();
    let refused =
        docker.connect_network("later", connect("web", EndpointSettings::default())).await;
    assert_eq!(refusal(refused).0, 404, "a running one needs it");
}

/// As Docker 20.10 does it: the start asks for the network by the id that it knew; connecting to the new one of that name mends
/// it.
#[tokio::test(start_paused = true)]
async fn a_network_that_was_made_anew_is_connected_in_the_place_of_the_old_one() {
    let (engine, docker) = engine();
    let old = engine.put_network("net", &[]).unwrap();
    run(&docker, "web", json!({"HostConfig": {"NetworkMode": "net"}})).await;
    docker.kill_container("web", None).await.unwrap();
    docker.remove_network(&old).await.unwrap();
    let new = engine.put_network("net", &[]).unwrap();
    assert_eq!(refusal(docker.start_container("web", None).await).0, 404);
    docker.connect_network("net", connect("web", EndpointSettings::default())).await.unwrap();
    let network = async || {
        let networks = inspect(&docker, "web").await.network_settings.unwrap().networks.unwrap();
        networks["net"].network_id.clone().unwrap()
    };
    assert_eq!(network().await, "");
    docker.start_container("web", None).await.unwrap();
    assert_eq!(network().await, new);
}

#[tokio::test(start_paused = true)]
async fn static_addresses_need_a_chosen_subnet_and_are_unique() {
    let (engine, docker) = engine();
    engine.put_network("auto", &[]).unwrap();
    let chosen = json!({"Name": "own", "IPAM": {"Config": [{"Subnet": "10.5.0.0/24"}]}});
    engine.with(|world| world.create_network(chosen)).unwrap();
    run(&docker, "one", json!({})).await;
    run(&docker, "two", json!({})).await;
    let fixed = || EndpointSettings {
        ipam_config: Some(EndpointIpamConfig {
            ipv4_address: Some("10.5.0.9".into()),
            ..Default::default()
        }),
        ..Default::default()
    };
    assert_eq!(refusal(docker.connect_network("auto", connect("one", fixed())).await).0, 400);
    docker.connect_network("own", connect("one", fixed())).await.unwrap();
    assert_eq!(refusal(docker.connect_network("own", connect("two", fixed())).await).0, 403);
    let networks = inspect(&docker, "one").await.network_settings.unwrap().networks.unwrap();
    assert_eq!(networks["own"].ip_address.as_deref(), Some("10.5.0.9"));
}

#[tokio::test(start_paused = true)]
async fn the_default_pools_hold_thirty_one_networks() {
    let (engine, _docker) = engine();
    for number in 0..30 {
        engine.put_network(&format!("n-{number}"), &[]).unwrap();
    }
    assert_eq!(engine.put_network("n-30", &[]).unwrap_err().status, 500);
}

#[tokio::test(start_paused = true)]
async fn volume_create_is_idempotent() {
    let (engine, docker) = engine();
    let labels = [("a".to_owned(), "1".to_owned())].into_iter().collect();
    let request =
        |labels| VolumeCreateRequest { name: Some("vol".into()), labels, ..Default::default() };
    docker.create_volume(request(Some(labels))).await.unwrap();
    assert_eq!(last_status(&engine), 201);
    let again = docker.create_volume(request(None)).await.unwrap();
    assert_eq!(last_status(&engine), 201);
    assert_eq!(again.labels["a"], "1", "stays as it was");
    assert_eq!(engine.event_log(), ["volume create vol", "volume create vol"]);
    assert_eq!(refusal(docker.inspect_volume("nosuch").await).0, 404);
    let found = docker.list_volumes(None::<ListVolumesOptions>).await.unwrap().volumes.unwrap();
    assert_eq!(found.len(), 1);
}
