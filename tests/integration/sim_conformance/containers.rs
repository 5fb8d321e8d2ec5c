//! Rows about create, start, stop, kill, rename and update.

use bollard::models::{ContainerStateStatusEnum as Status, ContainerUpdateBody};
use bollard::query_parameters::{KillContainerOptionsBuilder, RenameContainerOptionsBuilder};
use serde_json::json;

use super::support::*;
use crate::sim::{AppScript, StartFailure, StopReaction};

#[tokio::test(start_paused = true)]
async fn create_free_name_taken_name_unknown_image() {
    let (engine, docker) = engine();
    let id = create(&docker, "web", json!({})).await.unwrap();
    assert_eq!(last_status(&engine), 201);
    assert_eq!(id.len(), 64);
    let (status, text) = refusal(create(&docker, "web", json!({})).await);
    assert_eq!(status, 409);
    assert!(text.contains(&id), "names the holder: {text}");
    docker.start_container("web", None).await.unwrap();
    assert_eq!(refusal(create(&docker, "web", json!({})).await).0, 409, "holder runs");
    let (status, text) = refusal(create(&docker, "other", json!({"Image": "nope"})).await);
    assert_eq!((status, text.as_str()), (404, "No such image: nope:latest"));
}

#[tokio::test(start_paused = true)]
async fn create_one_character_name_and_path_like_name() {
    let (_engine, docker) = engine();
    assert_eq!(refusal(create(&docker, "a", json!({})).await).0, 400);
    assert_eq!(refusal(create(&docker, "/x/y", json!({})).await).0, 400);
    assert!(create(&docker, "ab", json!({})).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn create_with_a_body_of_the_wrong_shape_is_500() {
    let (engine, _docker) = engine();
    for (body, expected) in [
        (r#"{"Image":5}"#, 500),
        ("xx", 500),
        ("", 500),
        (r#"{"Image":"app:1","HostConfig":{"RestartPolicy":{"Name":"foo"}}}"#, 400),
        (r#"{"Image":"app:1","WorkingDir":"rel"}"#, 400),
        (r#"{"Image":"app:1","HostConfig":{"Memory":100}}"#, 400),
        (r#"{"Image":"app:1","HostConfig":{"Binds":["rel/x:/y"]}}"#, 400),
        (r#"{"Image":"app:1","HostConfig":{"Binds":["/a:b"]}}"#, 500),
        (r#"{"Image":"app:1","HostConfig":{"Binds":["/a:/v","/b:/v"]}}"#, 400),
        (r#"{"Image":""}"#, 400),
    ] {
        assert_eq!(raw(&engine, "POST", "/containers/create", body).await.0, expected, "{body}");
    }
    assert!(engine.phases().is_empty());
}

#[tokio::test(start_paused = true)]
async fn create_bind_with_missing_source_in_mounts_form() {
    let (engine, docker) = engine();
    engine.delete_path("/srv/gone");
    let mount = json!({"Type": "bind", "Source": "/srv/gone/x", "Target": "/y"});
    let refused = create(&docker, "web", json!({"HostConfig": {"Mounts": [mount]}})).await;
    assert_eq!(refusal(refused).0, 400);
    assert!(engine.phases().is_empty());
}

#[tokio::test(start_paused = true)]
async fn create_on_a_full_disk_leaves_nothing() {
    let (engine, docker) = engine();
    engine.set_disk_full(true);
    assert_eq!(refusal(create(&docker, "web", json!({})).await).0, 500);
    assert!(engine.phases().is_empty());
}

#[tokio::test(start_paused = true)]
async fn create_with_two_networks_is_refused_below_api_1_44() {
    let (_engine, docker) = engine();
    let two = json!({"NetworkingConfig": {"EndpointsConfig": {"a": {}, "b": {}}}});
    assert_eq!(refusal(create(&docker, "web", two).await).0, 400);
}

#[tokio::test(start_paused = true)]
async fn start_first_time_and_again() {
    let (engine, docker) = engine();
    run(&docker, "web", json!({})).await;
    assert_eq!(last_status(&engine), 204);
    docker.start_container("web", None).await.unwrap();
    assert_eq!(last_status(&engine), 304);
    assert_eq!(state(&docker, "web").await.0, Status::RUNNING);
}

#[tokio::test(start_paused = true)]
async fn start_with_a_bad_entrypoint_leaves_created_with_127() {
    let (engine, docker) = engine();
    let script = AppScript::forever().fails_to_start(StartFailure::CommandNotFound, 1);
    engine.script_image("app:1", script);
    create(&docker, "web", json!({"Cmd": ["/nope"]})).await.unwrap();
    let (status, text) = refusal(docker.start_container("web", None).await);
    assert_eq!(status, 400);
    assert!(text.contains("exec: \"/nope\": stat /nope: no such file"), "{text}");
    assert_eq!(state(&docker, "web").await, (Status::CREATED, 127, text));
    stop(&docker, "web", 1).await.unwrap();
    assert_eq!(last_status(&engine), 304);
    docker.start_container("web", None).await.unwrap();
    assert_eq!(state(&docker, "web").await, (Status::RUNNING, 0, String::new()));
}

#[tokio::test(start_paused = true)]
async fn start_with_a_taken_port_leaves_created_with_128() {
    let (engine, docker) = engine();
    let published = json!({"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "8080"}]}}});
    run(&docker, "one", published.clone()).await;
    create(&docker, "two", published.clone()).await.unwrap();
    let (status, text) = refusal(docker.start_container("two", None).await);
    assert_eq!(status, 500);
    assert!(text.ends_with("Bind for 0.0.0.0:8080 failed: port is already allocated"), "{text}");
    assert_eq!(state(&docker, "two").await, (Status::CREATED, 128, text));
    engine.docker_rm("one", false).unwrap();
    engine.occupy_port("tcp", 8080);
    assert_eq!(refusal(docker.start_container("two", None).await).0, 500);
    engine.free_port("tcp", 8080);
    docker.start_container("two", None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn start_on_a_full_disk_leaves_created_with_128() {
    let (engine, docker) = engine();
    create(&docker, "web", json!({})).await.unwrap();
    engine.set_disk_full(true);
    assert_eq!(refusal(docker.start_container("web", None).await).0, 500);
    let (status, code, text) = state(&docker, "web").await;
    assert_eq!((status, code), (Status::CREATED, 128));
    assert!(text.contains("no space left on device"));
}

#[tokio::test(start_paused = true)]
async fn stop_running_stopped_never_started_missing() {
    let (engine, docker) = engine();
    run(&docker, "web", json!({})).await;
    stop(&docker, "web", 10).await.unwrap();
    assert_eq!(last_status(&engine), 204);
    assert_eq!(state(&docker, "web").await.0, Status::EXITED);
    stop(&docker, "web", 10).await.unwrap();
    assert_eq!(last_status(&engine), 304);
    create(&docker, "fresh", json!({})).await.unwrap();
    stop(&docker, "fresh", 10).await.unwrap();
    assert_eq!(last_status(&engine), 304);
    assert_eq!(refusal(stop(&docker, "nosuch", 10).await).0, 404);
}

#[tokio::test(start_paused = true)]
async fn stop_of_a_process_that_ignores_the_signal_ends_with_137_after_the_timeout() {
    let (engine, docker) = engine();
    engine.script_image("app:1", AppScript::forever().ignores_stop());
    run(&docker, "web", json!({"StopTimeout": 3})).await;
    let before = engine.elapsed();
    docker.stop_container("web", None).await.unwrap();
    let took = engine.elapsed() - before;
    assert!(took >= secs(3) && took < secs(4), "{took:?}");
    assert_eq!(state(&docker, "web").await.1, 137);
}

#[tokio::test(start_paused = true)]
async fn stop_uses_the_stop_signal_of_the_container() {
    let (engine, docker) = engine();
    let quits = StopReaction::Exit { after: millis(5), code: 9 };
    let script = AppScript::forever().ignores_stop().on_signal("QUIT", quits);
    engine.script_image("app:1", script);
    run(&docker, "web", json!({"StopSignal": "SIGQUIT"})).await;
    stop(&docker, "web", 60).await.unwrap();
    assert_eq!(state(&docker, "web").await.1, 9);
}

#[tokio::test(start_paused = true)]
async fn stop_of_a_paused_container_resumes_it_for_the_signal() {
    let (engine, docker) = engine();
    run(&docker, "web", json!({})).await;
    docker.pause_container("web").await.unwrap();
    stop(&docker, "web", 60).await.unwrap();
    assert!(engine.elapsed() < secs(1), "a process that behaves ends at once");
    assert_eq!(state(&docker, "web").await.0, Status::EXITED);
    engine.script_image("app:1", AppScript::forever().ignores_stop());
    docker.start_container("web", None).await.unwrap();
    docker.pause_container("web").await.unwrap();
    let before = engine.elapsed();
    stop(&docker, "web", 2).await.unwrap();
    assert_eq!(last_status(&engine), 204);
    assert!(engine.elapsed() - before >= secs(2), "one that does not takes the time-out");
    assert_eq!(state(&docker, "web").await.1, 137);
}

#[tokio::test(start_paused = true)]
async fn kill_of_a_container_that_does_not_run() {
    let (_engine, docker) = engine();
    create(&docker, "web", json!({})).await.unwrap();
    assert_eq!(refusal(docker.kill_container("web", None).await).0, 409);
    docker.start_container("web", None).await.unwrap();
    let bad = KillContainerOptionsBuilder::new().signal("FOO").build();
    assert_eq!(refusal(docker.kill_container("web", Some(bad)).await).0, 400);
    docker.kill_container("web", None).await.unwrap();
    assert_eq!(state(&docker, "web").await.1, 137);
}

#[tokio::test(start_paused = true)]
async fn pause_and_unpause_states() {
    let (engine, docker) = engine();
    create(&docker, "web", json!({})).await.unwrap();
    assert_eq!(refusal(docker.pause_container("web").await).0, 409);
    docker.start_container("web", None).await.unwrap();
    assert_eq!(refusal(docker.unpause_container("web").await).0, 500);
    docker.pause_container("web").await.unwrap();
    assert_eq!(refusal(docker.pause_container("web").await).0, 409);
    assert_eq!(refusal(docker.start_container("web", None).await).0, 409);
    docker.unpause_container("web").await.unwrap();
    assert_eq!(last_status(&engine), 204);
}

#[tokio::test(start_paused = true)]
async fn rename_to_own_name_and_to_a_taken_name() {
    let (_engine, docker) = engine();
    create(&docker, "web", json!({})).await.unwrap();
    let holder = create(&docker, "db", json!({})).await.unwrap();
    let to = |name: &str| RenameContainerOptionsBuilder::new().name(name).build();
    assert_eq!(refusal(docker.rename_container("web", to("web")).await).0, 400);
    let (status, text) = refusal(docker.rename_container("web", to("db")).await);
    assert!(status == 409 && text.contains(&holder), "{status} {text}");
    assert_eq!(refusal(docker.rename_container("web", to("x")).await).0, 400);
    docker.rename_container("web", to("www")).await.unwrap();
    assert_eq!(inspect(&docker, "www").await.name.as_deref(), Some("/www"));
    assert_eq!(refusal(docker.inspect_container("web", None).await).0, 404);
}

#[tokio::test(start_paused = true)]
async fn update_changes_limits_and_never_labels() {
    let (engine, docker) = engine();
    create(&docker, "web", json!({"Labels": {"a": "1"}})).await.unwrap();
    engine.docker_update("web", &json!({"Labels": {"a": "2"}, "CpuShares": 7})).unwrap();
    let update =
        ContainerUpdateBody { memory: Some(64 << 20), memory_swap: Some(-1), ..Default::default() };
    docker.update_container("web", update).await.unwrap();
    assert_eq!(last_status(&engine), 200);
    let seen = inspect(&docker, "web").await;
    assert_eq!(seen.config.unwrap().labels.unwrap()["a"], "1");
    let host = seen.host_config.unwrap();
    assert_eq!((host.memory, host.cpu_shares), (Some(64 << 20), Some(7)));
    let nothing = ContainerUpdateBody { memory: Some(0), ..Default::default() };
    docker.update_container("web", nothing).await.unwrap();
    let host = inspect(&docker, "web").await.host_config.unwrap();
    assert_eq!(host.memory, Some(64 << 20), "zero leaves the limit");
}
