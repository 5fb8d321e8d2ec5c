//! The calls of the facade against a real engine: lives, conflicts, refusals.

use composelet::engine::Engine;
use composelet::model::config::{
    Endpoint, HostBinding, NetworkMode, Protocol, Resources, RestartPolicy,
};
use composelet::model::desired::NetworkConfig;
use composelet::model::id::ContainerName;
use composelet::model::observed::Lifecycle;
use composelet::model::outcome::FailureClass;
use composelet::model::plan::CreateNetwork;

use super::fixture::{Project, docker, engine, network, port, raw, set, sleeper};

#[tokio::test]
async fn a_container_comes_and_goes() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let project = Project::new("life");
    let before = engine.counts();
    let mut config = sleeper();
    config.network_mode = NetworkMode::None;
    let id = engine.create_container(&project.create(&image, config)).await.expect("create");
    assert_eq!(engine.counts().mutating - before.mutating, 1);
    for _ in 0..2 {
        engine.start_container(&id).await.expect("start");
    }
    let running = project.only(&engine).await;
    assert!(matches!(running.lifecycle, Lifecycle::Running { .. }));
    let held = engine.remove_container(&id).await.expect_err("it runs");
    assert_eq!(held.class, FailureClass::Conflict);
    for _ in 0..2 {
        engine.stop_container(&id, Some(5)).await.expect("stop");
    }
    let Lifecycle::Exited(exit) = project.only(&engine).await.lifecycle else {
        panic!("exited expected")
    };
    assert_eq!(exit.code, 0);
    assert!(exit.finished_at >= exit.started_at);
    for _ in 0..2 {
        engine.remove_container(&id).await.expect("remove");
    }
    assert!(project.observe(&engine).await.containers.is_empty());
    let gone = engine.start_container(&id).await.expect_err("gone");
    assert_eq!(gone.class, FailureClass::NotFound);
}

#[tokio::test]
async fn limits_policy_and_name_change_while_it_runs() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let project = Project::new("live");
    let mut config = sleeper();
    config.network_mode = NetworkMode::None;
    let create = project.create(&image, config);
    let id = engine.create_container(&create).await.expect("create");
    engine.start_container(&id).await.expect("start");
    let limit =
        |megabytes: i64| Resources { memory_bytes: Some(megabytes << 20), ..Resources::default() };
    engine
        .update_container(&id, Some(&limit(32)), Some(&RestartPolicy::Always))
        .await
        .expect("update");
    engine
        .update_container(&id, Some(&limit(128)), None)
        .await
        .expect("raise above the swap limit of before");
    let to = ContainerName::new("eng-live-renamed");
    for _ in 0..2 {
        engine.rename_container(&id, &to).await.expect("rename");
    }
    let seen = project.only(&engine).await;
    assert_eq!(seen.name, to);
    let config = &seen.detail.known().expect("detail").config;
    assert_eq!(config.resources, limit(128));
    assert_eq!(config.restart, RestartPolicy::Always);
    let view = engine.host_view(&std::collections::BTreeSet::new()).await.expect("host");
    assert_eq!(view.names.get(&to).map(|holder| &holder.container), Some(&id));
    docker(&["pause", raw(&id)]);
    engine.unpause_container(&id).await.expect("unpause");
    assert_eq!(project.only(&engine).await.lifecycle.word(), "running");
}

#[tokio::test]
async fn networks_are_attached_and_detached() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let project = Project::new("nets");
    let first = network(&engine, &project, "eng-nets_a", "10.213.8.0/24").await;
    let second = network(&engine, &project, "eng-nets_b", "10.213.9.0/24").await;
    let mut config = sleeper();
    config.endpoints = [("eng-nets_a".to_owned(), Endpoint::default())].into();
    let create = project.create(&image, config);
    let id = engine.create_container(&create).await.expect("create");
    let endpoint = Endpoint { aliases: set(&["back"]), ..Endpoint::default() };
    for _ in 0..2 {
        engine.connect_network(&id, &second, &endpoint, &create.dns_names).await.expect("connect");
    }
    engine.start_container(&id).await.expect("start");
    let state = project.observe(&engine).await;
    let detail = state.containers[0].detail.known().expect("detail");
    assert_eq!(detail.config.endpoints["eng-nets_b"], endpoint);
    assert_eq!(detail.config.endpoints["eng-nets_a"], Endpoint::default());
    let attached = state.networks.iter().find(|network| network.id == first);
    let attached = attached.expect("network");
    assert!(attached.containers.contains(&id));
    let subnet = attached.config.subnets[0].subnet.as_deref();
    assert_eq!(subnet, Some("10.213.8.0/24"));
    let in_use = engine.remove_network(&first).await.expect_err("in use");
    assert_eq!(in_use.class, FailureClass::Forbidden);
    for _ in 0..2 {
        engine.disconnect_network(&id, &second).await.expect("disconnect");
    }
    for _ in 0..2 {
        engine.remove_network(&second).await.expect("remove");
    }
}

#[tokio::test]
async fn a_second_network_of_a_name_is_refused() {
    let Some((engine, _)) = engine().await else {
        return;
    };
    let project = Project::new("twin");
    network(&engine, &project, "eng-twin_a", "10.213.10.0/24").await;
    let create = CreateNetwork {
        name: "eng-twin_a".into(),
        config: NetworkConfig::default(),
        labels: project.labels("web"),
    };
    let twin = engine.create_network(&create).await.expect_err("a twin");
    assert_eq!(twin.class, FailureClass::Conflict);
}

#[tokio::test]
async fn a_taken_port_and_a_taken_name_are_told_apart() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let (one, two) = (Project::new("port-a"), Project::new("port-b"));
    let mut config = sleeper();
    config.network_mode = NetworkMode::Bridge;
    let binding = HostBinding { ip: String::new(), port: "38481".into() };
    config.ports = [(port(80, Protocol::Tcp), [binding].into())].into();
    let create = one.create(&image, config.clone());
    let first = engine.create_container(&create).await.expect("create");
    engine.start_container(&first).await.expect("start");
    let second = engine.create_container(&two.create(&image, config)).await.expect("create");
    let taken = engine.start_container(&second).await.expect_err("port is taken");
    assert_eq!(taken.class, FailureClass::PortTaken, "{}", taken.message);
    let Lifecycle::Created { failure: Some(failure) } = two.only(&engine).await.lifecycle else {
        panic!("a failed start is expected")
    };
    assert_eq!(failure.exit_code, 128, "{failure:?}");
    let conflict = engine.create_container(&create).await.expect_err("name is taken");
    assert_eq!(conflict.class, FailureClass::Conflict, "{}", conflict.message);
    let view = engine.host_view(&std::collections::BTreeSet::new()).await.expect("host");
    let holders: Vec<_> = view.ports.iter().filter(|holder| holder.port == 38481).collect();
    assert_eq!(holders.len(), 1, "{holders:?}");
    assert_eq!((holders[0].container.clone(), holders[0].ip.as_str()), (first, ""));
}

#[tokio::test]
async fn an_image_that_moved_is_not_used() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let project = Project::new("moved");
    let mut create = project.create(&image, sleeper());
    create.image_id = "sha256:00".into();
    let moved = engine.create_container(&create).await.expect_err("moved");
    assert_eq!(moved.class, FailureClass::Conflict);
    create.image = "eng-none:1".into();
    let missing = engine.create_container(&create).await.expect_err("missing");
    assert_eq!(missing.class, FailureClass::NotFound);
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    for host in ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:9"] {
        let failure = Engine::connect(host, "eng".into()).await.expect_err("nobody");
        assert_eq!(failure.class, FailureClass::Unreachable, "{host}: {}", failure.message);
    }
    let invalid = Engine::connect("gopher://a", "eng".into()).await.expect_err("no address");
    assert_eq!(invalid.class, FailureClass::Invalid);
}
