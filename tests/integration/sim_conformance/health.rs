//! Rows about the health check.

use bollard::Docker;
use bollard::models::HealthStatusEnum as Status;
use serde_json::{Value, json};

use super::support::*;
use crate::sim::{AppScript, HealthScript, SimOptions, Verdict};

const SECOND: u64 = 1_000_000_000;

fn check(retries: u64) -> Value {
    json!({"Healthcheck": {"Test": ["CMD", "/check"], "Interval": 2 * SECOND, "Retries": retries}})
}

async fn status(docker: &Docker) -> (Status, i64) {
    let health = inspect(docker, "web").await.state.unwrap().health.unwrap();
    (health.status.unwrap(), health.failing_streak.unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_first_probe_comes_one_interval_after_the_start() {
    let (engine, docker) = engine();
    run(&docker, "web", check(3)).await;
    pass(millis(1900)).await;
    assert_eq!(status(&docker).await, (Status::STARTING, 0));
    pass(millis(300)).await;
    assert_eq!(status(&docker).await, (Status::HEALTHY, 0));
    let log = engine.event_log();
    let tail: Vec<&str> = log.iter().rev().take(4).rev().map(String::as_str).collect();
    let expected = [
        "container exec_create: /check web",
        "container exec_start: /check web",
        "container exec_die web",
        "container health_status: healthy web",
    ];
    assert_eq!(tail, expected);
}

#[tokio::test(start_paused = true)]
async fn unhealthy_after_the_retries_and_healthy_after_one_success() {
    let (engine, docker) = engine();
    run(&docker, "web", check(3)).await;
    pass(secs(3)).await;
    engine.set_health("web", Verdict::Fail(7, "no".into()));
    pass(secs(4)).await;
    assert_eq!(status(&docker).await, (Status::HEALTHY, 2));
    pass(secs(2)).await;
    assert_eq!(status(&docker).await, (Status::UNHEALTHY, 3));
    let health = inspect(&docker, "web").await.state.unwrap().health.unwrap();
    let last = health.log.unwrap().pop().unwrap();
    assert_eq!((last.exit_code, last.output.as_deref()), (Some(7), Some("no")));
    engine.clear_health("web");
    pass(secs(3)).await;
    assert_eq!(status(&docker).await, (Status::HEALTHY, 0));
    let told = engine.event_log().into_iter().filter(|it| it.contains("health_status")).count();
    assert_eq!(told, 3);
}

#[tokio::test(start_paused = true)]
async fn failures_in_the_start_period_do_not_count_and_one_success_ends_it() {
    let (engine, docker) = engine();
    let script = AppScript::forever().health(HealthScript::HealthyAfter(secs(9)));
    engine.script_image("app:1", script);
    let mut asked = check(1);
    asked["Healthcheck"]["StartPeriod"] = json!(60 * SECOND);
    run(&docker, "web", asked).await;
    pass(secs(8)).await;
    assert_eq!(status(&docker).await, (Status::STARTING, 0));
    pass(secs(4)).await;
    assert_eq!(status(&docker).await.0, Status::HEALTHY);
    engine.set_health("web", Verdict::fail());
    pass(secs(3)).await;
    assert_eq!(status(&docker).await.0, Status::UNHEALTHY, "the period ended with the success");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_fails_at_its_timeout() {
    let (engine, docker) = engine();
    let script = AppScript::forever().health(HealthScript::Always(Verdict::Hang));
    engine.script_image("app:1", script);
    let mut asked = check(1);
    asked["Healthcheck"]["Timeout"] = json!(5 * SECOND);
    run(&docker, "web", asked).await;
    pass(millis(6900)).await;
    assert_eq!(status(&docker).await.0, Status::STARTING);
    pass(millis(300)).await;
    assert_eq!(status(&docker).await.0, Status::UNHEALTHY);
}

#[tokio::test(start_paused = true)]
async fn a_restart_resets_to_starting_and_pause_suspends_probing() {
    let (engine, docker) = engine();
    let script =
        AppScript::forever().health(HealthScript::Sequence(vec![Verdict::Pass, Verdict::fail()]));
    engine.script_image("app:1", script);
    run(&docker, "web", check(1)).await;
    pass(secs(3)).await;
    docker.pause_container("web").await.unwrap();
    pass(secs(60)).await;
    assert_eq!(status(&docker).await, (Status::HEALTHY, 0));
    docker.unpause_container("web").await.unwrap();
    docker.restart_container("web", None).await.unwrap();
    assert_eq!(status(&docker).await, (Status::STARTING, 0));
}

#[tokio::test(start_paused = true)]
async fn no_check_means_no_health_and_the_image_may_bring_one() {
    let (engine, docker) = engine();
    run(&docker, "plain", json!({})).await;
    assert!(inspect(&docker, "plain").await.state.unwrap().health.is_none());
    let test = json!({"Test": ["CMD-SHELL", "true"], "Interval": SECOND});
    let image = crate::sim::ImageSpec::new("checked").set("Healthcheck", test);
    engine.add_image("checked:1", &image);
    run(&docker, "web", json!({"Image": "checked:1"})).await;
    pass(secs(2)).await;
    assert_eq!(status(&docker).await.0, Status::HEALTHY);
    let none = json!({"Image": "checked:1", "Healthcheck": {"Test": ["NONE"]}});
    run(&docker, "off", none).await;
    assert!(inspect(&docker, "off").await.state.unwrap().health.is_none());
}

#[tokio::test(start_paused = true)]
async fn start_interval_vanishes_below_api_1_44_and_counts_from_there_on() {
    for (version, first_probe) in [("1.41", secs(30)), ("1.44", secs(1))] {
        let options = SimOptions { api_version: version.to_owned(), ..SimOptions::default() };
        let (_engine, docker) = with_options(options);
        let asked = json!({"Healthcheck": {"Test": ["CMD", "/check"], "Interval": 30 * SECOND,
            "StartPeriod": 60 * SECOND, "StartInterval": SECOND}});
        run(&docker, "web", asked).await;
        let kept = inspect(&docker, "web").await.config.unwrap().healthcheck.unwrap();
        assert_eq!(kept.start_interval.is_some(), version == "1.44");
        pass(first_probe - millis(500)).await;
        assert_eq!(status(&docker).await.0, Status::STARTING, "{version}");
        pass(secs(1)).await;
        assert_eq!(status(&docker).await.0, Status::HEALTHY, "{version}");
    }
}
