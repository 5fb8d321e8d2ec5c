//! Rows about logs, exec, wait and archives.

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::query_parameters::{
    LogsOptionsBuilder, UploadToContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures::StreamExt;
use serde_json::json;

use super::support::*;
use crate::sim::{AppScript, ExecOutcome, LogStream};

async fn exec(docker: &Docker, words: &[&str]) -> (Vec<LogOutput>, Option<i64>) {
    let options = CreateExecOptions {
        cmd: Some(words.iter().map(|word| (*word).to_owned()).collect()),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..Default::default()
    };
    let id = docker.create_exec("web", options).await.unwrap().id;
    let StartExecResults::Attached { output, .. } = docker.start_exec(&id, None).await.unwrap()
    else {
        panic!("attached")
    };
    let output = output.map(Result::unwrap).collect().await;
    (output, docker.inspect_exec(&id).await.unwrap().exit_code)
}

#[tokio::test(start_paused = true)]
async fn exec_gives_output_and_exit_code_by_script() {
    let (engine, docker) = engine();
    let outcome = ExecOutcome { stderr: "bad\n".into(), ..ExecOutcome::exit(7, "out\n") };
    engine.script_image("app:1", AppScript::forever().exec("dump*", outcome));
    run(&docker, "web", json!({})).await;
    let (output, code) = exec(&docker, &["dump", "--all"]).await;
    let lines: Vec<String> = output.iter().map(ToString::to_string).collect();
    assert_eq!((lines.join("|").as_str(), code), ("out\n|bad\n", Some(7)));
    assert!(matches!(output[1], LogOutput::StdErr { .. }));
    assert_eq!(exec(&docker, &["anything"]).await.1, Some(0));
    stop(&docker, "web", 1).await.unwrap();
    let refused = docker.create_exec("web", CreateExecOptions::<String>::default()).await;
    assert_eq!(refusal(refused).0, 400, "no command");
    let options = CreateExecOptions { cmd: Some(vec!["x"]), ..Default::default() };
    assert_eq!(refusal(docker.create_exec("web", options).await).0, 409);
}

#[tokio::test(start_paused = true)]
async fn an_exec_that_hangs_ends_with_its_container() {
    let (engine, docker) = engine();
    engine.script_image("app:1", AppScript::forever().exec("*", ExecOutcome::hang()));
    run(&docker, "web", json!({})).await;
    let client = docker.clone();
    let waiting = tokio::spawn(async move { exec(&client, &["sleep"]).await });
    pass(secs(3600)).await;
    assert!(!waiting.is_finished());
    engine.kill_process("web").unwrap();
    assert_eq!(waiting.await.unwrap().1, Some(137));
}

#[tokio::test(start_paused = true)]
async fn logs_come_framed_with_tail_and_timestamps() {
    let (engine, docker) = engine();
    let script = AppScript::forever()
        .line(secs(0), LogStream::Stdout, "one")
        .line(secs(1), LogStream::Stderr, "two")
        .line(secs(2), LogStream::Stdout, "three");
    engine.script_image("app:1", script);
    run(&docker, "web", json!({})).await;
    let follow = LogsOptionsBuilder::new().stdout(true).follow(true).build();
    let client = docker.clone();
    let followed = tokio::spawn(async move {
        client.logs("web", Some(follow)).map(|it| it.unwrap().to_string()).collect::<Vec<_>>().await
    });
    pass(secs(5)).await;
    let all = LogsOptionsBuilder::new().stdout(true).stderr(true).tail("2").timestamps(true);
    let lines: Vec<_> = docker.logs("web", Some(all.build())).map(Result::unwrap).collect().await;
    assert!(matches!(lines[0], LogOutput::StdErr { .. }));
    assert!(lines[1].to_string().starts_with("2025-01-01T00:00:02"));
    assert_eq!(lines.len(), 2);
    stop(&docker, "web", 1).await.unwrap();
    assert_eq!(followed.await.unwrap(), ["one\n", "three\n"]);
    let none = LogsOptionsBuilder::new().build();
    let refused = docker.logs("web", Some(none)).next().await.unwrap();
    assert_eq!(refusal(refused).0, 400);
}

#[tokio::test(start_paused = true)]
async fn wait_for_the_next_exit_subscribed_before_the_start() {
    let (engine, docker) = engine();
    engine.script_image("app:1", AppScript::exits(secs(9), 3));
    create(&docker, "web", json!({})).await.unwrap();
    let options = WaitContainerOptionsBuilder::new().condition("next-exit").build();
    let mut waiting = docker.wait_container("web", Some(options));
    let early = tokio::time::timeout(secs(1), waiting.next()).await;
    assert!(early.is_err());
    docker.start_container("web", None).await.unwrap();
    let outcome = waiting.next().await.unwrap();
    assert!(matches!(outcome, Err(Error::DockerContainerWaitError { code: 3, .. })));
    let plain = docker.wait_container("web", None).next().await.unwrap();
    assert!(plain.is_err(), "the code of the last run is told again");
}

#[tokio::test(start_paused = true)]
async fn archives_are_kept_as_they_came() {
    let (engine, docker) = engine();
    create(&docker, "web", json!({})).await.unwrap();
    let options = UploadToContainerOptionsBuilder::new().path("/run").build();
    let bytes = bollard::body_full(b"tar"[..].into());
    docker.upload_to_container("web", Some(options), bytes).await.unwrap();
    assert_eq!(engine.archives("web"), [("/run".to_owned(), b"tar".to_vec())]);
}
