//! The simulated engine behaves as the real one was seen to behave.

use crate::sim::*;
use bollard::models::*;
use bollard::query_parameters::*;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn smoke() {
    let engine = SimEngine::new(SimOptions {
        latency: true,
        ..SimOptions::default()
    });
    engine.add_image("app:1", &ImageSpec::new("a").env("A=1"));
    let docker = engine.docker();
    let docker = docker.negotiate_version().await.unwrap();
    let body = ContainerCreateBody {
        image: Some("app:1".into()),
        ..Default::default()
    };
    let options = CreateContainerOptionsBuilder::new().name("web").build();
    let made = docker.create_container(Some(options), body).await.unwrap();
    docker.start_container("web", None).await.unwrap();
    let seen = docker.inspect_container("web", None).await.unwrap();
    println!("{seen:#?}");
    let list = docker.list_containers(None).await.unwrap();
    println!("{list:#?}");
    assert_eq!(seen.id.as_deref(), Some(made.id.as_str()));
    docker.stop_container("web", None).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    docker.remove_container("web", None).await.unwrap();
    println!("{:#?} {:#?}", engine.trace(), engine.event_log());
}
