//! Rows about what inspect and list show, compared with what engine 20.10 showed.

use bollard::query_parameters::ListContainersOptionsBuilder;
use serde_json::{Value, json};

use super::support::*;
use crate::sim::ImageSpec;

fn image() -> ImageSpec {
    ImageSpec::new("full")
        .env("A=1")
        .env("B=img")
        .label("l1", "img")
        .volume("/data")
        .expose("80/tcp")
        .set("WorkingDir", json!("/w"))
}

#[tokio::test(start_paused = true)]
async fn a_created_container_shows_the_defaults_of_the_engine() {
    let (engine, docker) = engine();
    engine.add_image("full:1", &image());
    let id = create(&docker, "web", json!({"Image": "full:1"})).await.unwrap();
    let seen = serde_json::to_value(inspect(&docker, "web").await).unwrap();
    let at = |path: &str| seen.pointer(path).cloned().unwrap_or(Value::Null);
    assert_eq!(at("/State/Status"), json!("created"));
    assert_eq!(at("/State/StartedAt"), json!("0001-01-01T00:00:00Z"));
    assert_eq!(at("/Path"), json!("/app"));
    assert_eq!(at("/HostConfig/NetworkMode"), json!("default"));
    assert_eq!(at("/HostConfig/RestartPolicy/Name"), json!(""));
    assert_eq!(at("/HostConfig/ShmSize"), json!(67_108_864));
    assert_eq!(at("/HostConfig/LogConfig"), json!({"Type": "json-file", "Config": {}}));
    assert_eq!(at("/HostConfig/Runtime"), Value::Null, "filled in by the first start");
    assert_eq!(at("/HostConfig/CgroupnsMode"), json!("host"));
    assert_eq!(at("/HostConfig/IpcMode"), json!("private"));
    assert_eq!(at("/HostConfig/MaskedPaths").as_array().unwrap().len(), 10);
    assert_eq!(at("/HostConfig/ReadonlyPaths").as_array().unwrap().len(), 5);
    assert_eq!(at("/Config/Hostname"), json!(id[..12]));
    assert_eq!(at("/Config/Env"), json!(["A=1", "B=img"]));
    assert_eq!(at("/Config/WorkingDir"), json!("/w"));
    assert_eq!(at("/Config/Labels"), json!({"l1": "img"}));
    assert_eq!(at("/Mounts/0/Type"), json!("volume"));
    assert_eq!(at("/Mounts/0/Destination"), json!("/data"));
    assert_eq!(at("/NetworkSettings/Networks/bridge/NetworkID"), json!(""));
}

#[tokio::test(start_paused = true)]
async fn a_running_container_shows_merged_settings_mounts_and_addresses() {
    let (engine, docker) = engine();
    engine.add_image("full:1", &image());
    engine.put_network("net", &[]).unwrap();
    let id = run(
        &docker,
        "web",
        json!({
            "Image": "full:1", "Env": ["B=user", "C=3"], "Labels": {"l2": "u"},
            "Cmd": ["/app", "t"], "ExposedPorts": {"81/tcp": {}}, "StopTimeout": 1,
            "HostConfig": {
                "NetworkMode": "net", "Memory": 67_108_864,
                "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18931"}]},
                "Binds": ["/srv:/bnd:ro", "vol:/v"],
                "Mounts": [{"Type": "volume", "Source": "vol2", "Target": "/v2"},
                           {"Type": "tmpfs", "Target": "/tm"}],
            },
            "NetworkingConfig": {"EndpointsConfig": {"net": {"Aliases": ["bb"]}}},
        }),
    )
    .await;
    let seen = serde_json::to_value(inspect(&docker, "web").await).unwrap();
    let at = |path: &str| seen.pointer(path).cloned().unwrap_or(Value::Null);
    assert_eq!(at("/Config/Env"), json!(["B=user", "C=3", "A=1"]));
    assert_eq!(at("/Config/Labels"), json!({"l1": "img", "l2": "u"}));
    assert_eq!(at("/Args"), json!(["t"]));
    assert_eq!(at("/HostConfig/MemorySwap"), json!(134_217_728));
    assert_eq!(at("/HostConfig/Binds"), json!(["/srv:/bnd:ro", "vol:/v"]));
    assert_eq!(at("/State/StartedAt").as_str().unwrap().get(..10), Some("2025-01-01"));
    let net = |key: &str| at(&format!("/NetworkSettings/Networks/net/{key}"));
    assert_eq!(net("Aliases"), json!(["bb", id[..12]]));
    assert_eq!(net("Gateway"), json!("172.18.0.1"));
    assert_eq!(net("IPAddress"), json!("172.18.0.2"));
    assert_eq!(net("IPPrefixLen"), json!(16));
    assert_eq!(net("MacAddress"), json!("02:42:ac:12:00:02"));
    let ports = json!({"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18931"}], "81/tcp": null});
    assert_eq!(at("/NetworkSettings/Ports"), ports);
    let mounts: Vec<(String, String, bool)> = inspect(&docker, "web")
        .await
        .mounts
        .unwrap()
        .into_iter()
        .map(|it| {
            let kind = it.typ.unwrap();
            (kind, it.destination.unwrap(), it.rw.unwrap())
        })
        .collect();
    let expect = |kind: &str, target: &str, rw| (kind.to_owned(), target.to_owned(), rw);
    assert!(mounts.contains(&expect("bind", "/bnd", false)));
    assert!(mounts.contains(&expect("volume", "/v", true)));
    assert!(mounts.contains(&expect("volume", "/v2", true)));
    assert!(mounts.contains(&expect("tmpfs", "/tm", true)));
    assert!(mounts.contains(&expect("volume", "/data", true)));
}

#[tokio::test(start_paused = true)]
async fn a_stopped_container_keeps_its_network_but_no_address() {
    let (engine, docker) = engine();
    let net = engine.put_network("net", &[]).unwrap();
    run(&docker, "web", json!({"HostConfig": {"NetworkMode": "net"}})).await;
    stop(&docker, "web", 1).await.unwrap();
    let settings = inspect(&docker, "web").await.network_settings.unwrap();
    assert!(settings.ports.unwrap().is_empty());
    let endpoint = &settings.networks.unwrap()["net"];
    assert_eq!(endpoint.network_id.as_deref(), Some(net.as_str()));
    assert_eq!(endpoint.ip_address.as_deref(), Some(""));
}

#[tokio::test(start_paused = true)]
async fn lists_filter_by_label_name_id_and_status_newest_first() {
    let (_engine, docker) = engine();
    let id = run(&docker, "a-web", json!({"Labels": {"p": "1", "s": "web"}})).await;
    create(&docker, "b-db", json!({"Labels": {"p": "1", "s": "db"}})).await.unwrap();
    let names = async |all: bool, key: &str, values: &[&str]| -> Vec<String> {
        let values: Vec<String> = values.iter().map(|it| (*it).to_owned()).collect();
        let filters = [(key.to_owned(), values)].into_iter().collect();
        let options = ListContainersOptionsBuilder::new().all(all).filters(&filters).build();
        let found = docker.list_containers(Some(options)).await.unwrap();
        found.into_iter().flat_map(|it| it.names.unwrap()).collect()
    };
    assert_eq!(names(true, "label", &["p=1"]).await, ["/b-db", "/a-web"]);
    assert_eq!(names(true, "label", &["p=1", "s=db"]).await, ["/b-db"]);
    assert_eq!(names(false, "label", &["p"]).await, ["/a-web"]);
    assert_eq!(names(true, "name", &["db"]).await, ["/b-db"]);
    assert_eq!(names(true, "name", &["^/?a-web$"]).await.len(), 0);
    assert_eq!(names(true, "name", &["^/a-web$"]).await, ["/a-web"]);
    assert_eq!(names(true, "id", &[&id[..10]]).await, ["/a-web"]);
    assert_eq!(names(false, "status", &["created"]).await, ["/b-db"]);
    let bad = [("foo".to_owned(), vec!["x".to_owned()])].into_iter().collect();
    let options = ListContainersOptionsBuilder::new().filters(&bad).build();
    assert_eq!(refusal(docker.list_containers(Some(options)).await).0, 400);
}

#[tokio::test(start_paused = true)]
async fn read_your_writes_holds_for_lists() {
    let (engine, docker) = engine();
    let all = || Some(ListContainersOptionsBuilder::new().all(true).build());
    for number in 0..20 {
        let name = format!("c-{number}");
        run(&docker, &name, json!({})).await;
        engine.kill_process(&name).unwrap();
        let seen = docker.list_containers(all()).await.unwrap();
        assert_eq!(seen[0].state.unwrap().to_string(), "exited");
        remove(&docker, &name, false).await.unwrap();
        assert!(docker.list_containers(all()).await.unwrap().is_empty());
    }
}
