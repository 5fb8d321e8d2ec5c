//! Events and logs of a real engine.

use std::time::Duration;

use composelet::engine::EngineEvent;
use composelet::model::config::{ContainerConfig, NetworkMode};
use composelet::model::observed::Lifecycle;
use futures::StreamExt;
use tokio::time::timeout;

use super::fixture::{Project, docker, engine, raw, sleeper};

#[tokio::test]
async fn a_gap_comes_first_and_then_the_events() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let project = Project::new("events");
    let mut events = engine.events();
    assert_eq!(
        timeout(Duration::from_secs(10), events.next()).await.expect("gap"),
        Some(EngineEvent::Gap)
    );
    let mut config = sleeper();
    config.network_mode = NetworkMode::None;
    let id = engine.create_container(&project.create(&image, config)).await.expect("create");
    engine.start_container(&id).await.expect("start");
    let cached = project.only(&engine).await;
    docker(&["kill", raw(&id)]);
    let wanted = ["create", "start", "die"];
    let mut seen = Vec::new();
    while seen.len() < wanted.len() {
        let event =
            timeout(Duration::from_secs(10), events.next()).await.expect("event").expect("open");
        if let EngineEvent::Container { project: Some(name), id: about, action } = event
            && name == project.name
            && wanted.contains(&action.as_str())
        {
            assert_eq!(about, id);
            seen.push(action);
        }
    }
    assert_eq!(seen, wanted);
    assert!(matches!(cached.lifecycle, Lifecycle::Running { .. }));
    assert!(matches!(project.only(&engine).await.lifecycle, Lifecycle::Exited(_)));
    let (before, _) = (engine.counts(), project.only(&engine).await);
    assert!(engine.counts().all - before.all <= 3, "an unchanged container is not inspected again");
}

#[tokio::test]
async fn the_last_lines_are_read() {
    let Some((engine, image)) = engine().await else {
        return;
    };
    let project = Project::new("logs");
    for tty in [false, true] {
        let config = ContainerConfig {
            command: Some(vec![
                "sh".into(),
                "-c".into(),
                "echo one; echo two >&2; printf 'thr\\033[1mee'".into(),
            ]),
            network_mode: NetworkMode::None,
            tty,
            ..ContainerConfig::default()
        };
        let id = engine.create_container(&project.create(&image, config)).await.expect("create");
        engine.start_container(&id).await.expect("start");
        docker(&["wait", raw(&id)]);
        let lines = engine.logs_tail(&id, 20).await.expect("logs");
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert_eq!(lines[2], "thr [1mee");
        assert_eq!(engine.logs_tail(&id, 1).await.expect("logs").len(), 1);
        engine.remove_container(&id).await.expect("remove");
    }
}
