//! Rows about removal.

use bollard::models::{ContainerStateStatusEnum as Status, ContainerSummaryStateEnum};
use bollard::query_parameters::{ListContainersOptionsBuilder, RemoveVolumeOptions};
use futures::future::join_all;
use serde_json::json;

use super::support::*;

#[tokio::test(start_paused = true)]
async fn remove_running_without_force_with_force_missing() {
    let (engine, docker) = engine();
    run(&docker, "web", json!({})).await;
    assert_eq!(refusal(remove(&docker, "web", false).await).0, 409);
    remove(&docker, "web", true).await.unwrap();
    assert_eq!(last_status(&engine), 204);
    assert_eq!(refusal(remove(&docker, "web", true).await).0, 404);
}

#[tokio::test(start_paused = true)]
async fn eight_parallel_forced_removes_give_one_204_and_seven_409() {
    let (_engine, docker) = engine();
    run(&docker, "web", json!({})).await;
    let outcomes = join_all((0..8).map(|_| remove(&docker, "web", true))).await;
    let refused: Vec<_> = outcomes.into_iter().map(refusal).filter(|it| it.0 != 200).collect();
    assert_eq!(refused.len(), 7);
    assert!(refused.iter().all(|it| it.0 == 409 && it.1.contains("already in progress")));
}

#[tokio::test(start_paused = true)]
async fn a_removal_under_way_shows_as_removing_then_404() {
    let (_engine, docker) = engine();
    create(&docker, "web", json!({})).await.unwrap();
    let removal = tokio::spawn({
        let docker = docker.clone();
        async move { remove(&docker, "web", true).await }
    });
    pass(millis(2)).await;
    assert_eq!(state(&docker, "web").await.0, Status::REMOVING);
    let all = ListContainersOptionsBuilder::new().all(true).build();
    let listed = docker.list_containers(Some(all)).await.unwrap();
    assert_eq!(listed[0].state, Some(ContainerSummaryStateEnum::REMOVING));
    assert_eq!(refusal(create(&docker, "web", json!({})).await).0, 409);
    removal.await.unwrap().unwrap();
    assert_eq!(refusal(docker.inspect_container("web", None).await).0, 404);
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_fails_leaves_dead_until_the_cause_is_gone() {
    let (engine, docker) = engine();
    create(&docker, "web", json!({})).await.unwrap();
    engine.make_undeletable("web");
    assert_eq!(refusal(remove(&docker, "web", true).await).0, 500);
    assert_eq!(state(&docker, "web").await.0, Status::DEAD);
    assert_eq!(refusal(create(&docker, "web", json!({})).await).0, 409);
    assert_eq!(refusal(docker.start_container("web", None).await).0, 409);
    assert_eq!(refusal(remove(&docker, "web", true).await).0, 500);
    engine.make_deletable("web");
    remove(&docker, "web", true).await.unwrap();
    assert!(engine.phases().is_empty());
}

#[tokio::test(start_paused = true)]
async fn anonymous_volumes_go_with_v_and_named_ones_stay() {
    let (engine, docker) = engine();
    let binds = json!({"Volumes": {"/data": {}}, "HostConfig": {"Binds": ["named:/v"]}});
    create(&docker, "web", binds).await.unwrap();
    assert_eq!(engine.volume_names().len(), 2);
    assert_eq!(
        refusal(docker.remove_volume("named", None::<RemoveVolumeOptions>).await).0,
        409,
        "in use"
    );
    remove(&docker, "web", true).await.unwrap();
    assert_eq!(engine.volume_names(), ["named"]);
    docker.remove_volume("named", None::<RemoveVolumeOptions>).await.unwrap();
    assert_eq!(refusal(docker.remove_volume("named", None::<RemoveVolumeOptions>).await).0, 404);
}
