//! Traps 10 to 16: states, health, limits and times.

use std::time::Duration;

use composelet::model::config::RestartPolicy;
use composelet::model::desired::RestartWhen;

use super::kit::{is_quiet, loaded, plans, tells, told, web};

const ALWAYS: &str = "name: shop\nservices: {web: {image: nginx, restart: always}}";

#[test]
fn trap_10_every_state_is_looked_at_not_only_whether_there_is_a_container() {
    for (state, wanted) in [
        ("running", ""),
        ("created", "StartContainer shop-web-1, created"),
        ("exited 1", "StartContainer shop-web-1, exited with 1"),
        ("paused", "UnpauseContainer shop-web-1"),
        ("dead", "RemoveContainer shop-web-1"),
    ] {
        let world = format!(
            "from: converged\nchange: {{containers: [{{name: shop-web-1, state: {state}}}]}}"
        );
        let plans = plans(ALWAYS, "", &world);
        assert_eq!(is_quiet(&plans), wanted.is_empty(), "{state}\n{plans}");
        assert!(plans.contains(wanted), "{state}\n{plans}");
    }
}

#[test]
fn trap_11_a_job_that_succeeded_runs_once_for_its_revision() {
    let job = |tag: &str| {
        format!("name: shop\nservices: {{migrate: {{image: app, command: migrate {tag}}}}}")
    };
    let world = "then:\n- {note: runs}\n- {note: ended, change: {containers: [{name: shop-migrate-1, state: exited 0}]}}\n\
                 - {note: later, after: 1d}\n- {note: engine back, after: 1d, change: {gap_ago: 1s}}";
    let text = plans(&job("1"), "", world);
    let after: Vec<&str> = text.split("ended\n").skip(1).collect();
    assert!(is_quiet(after[0]), "{text}");
    let edited = plans(&job("2"), &job("1"), "from: converged\nthen: [{note: next}, {note: then}]");
    assert!(edited.contains("StartContainer shop-migrate-1"), "{edited}");
}

#[test]
fn trap_12_service_healthy_without_a_check_is_a_warning_and_the_check_of_an_image_counts() {
    let compose = "name: shop\nservices:\n  web: {image: nginx, restart: always, depends_on: {db: {condition: service_healthy}}}\n  \
                   db: {image: mysql, restart: always}";
    assert!(tells(&loaded(compose), "no-health-check"));
    let without = plans(compose, "", "then: [{note: up}]");
    assert!(without.contains("StartContainer shop-web-1"), "{without}");
    let with = plans(
        compose,
        "",
        "given: {images: {mysql: {healthcheck: true}}}\nthen: [{note: up}, {healthy: true}]",
    );
    let (before, after) = with.split_once("12:00:02").unwrap();
    assert!(!before.contains("StartContainer shop-web-1"), "{with}");
    assert!(before.contains("DependencyNotReady: waiting on db to be healthy"), "{with}");
    assert!(after.contains("StartContainer shop-web-1"), "{with}");
    let off = compose.replace("{image: mysql,", "{image: mysql, healthcheck: {test: [NONE]},");
    assert!(tells(&loaded(&off), "no-health-check"));
    let switched_off =
        plans(&off, "", "given: {images: {mysql: {healthcheck: true}}}\nthen: [{note: up}]");
    assert!(switched_off.contains("StartContainer shop-web-1"), "{switched_off}");
}

/// One verdict, one restart: a verdict that is still there after it is of the run before.
#[test]
fn trap_13_one_unhealthy_verdict_restarts_once() {
    let compose = "name: shop\nservices: {web: {image: nginx, restart: always, healthcheck: {test: [CMD, check]}}}";
    let unhealthy = "{containers: [{name: shop-web-1, health: unhealthy}]}";
    let world = format!(
        "from: converged\nchange: {unhealthy}\nthen: [{{note: stopped}}, {{note: started}}, {{note: rests}}]"
    );
    let text = plans(compose, "", &world);
    assert_eq!(text.matches("StopContainer").count(), 1, "{text}");
    assert_eq!(text.matches("StartContainer").count(), 1, "{text}");
    assert!(text.trim_end().ends_with("nothing"), "{text}");
}

#[test]
fn trap_14_a_limit_beside_a_block_of_limits_that_lacks_it_is_an_error() {
    for (key, value, block) in [
        ("mem_limit", "512m", "limits: {cpus: \"1\"}"),
        ("cpus", "1.5", "limits: {memory: 512m}"),
        ("pids_limit", "100", "limits: {memory: 512m}"),
        ("mem_limit", "512m", "limits: {memory: 256m}"),
    ] {
        let compose = format!(
            "services: {{web: {{image: nginx, {key}: {value}, deploy: {{resources: {{{block}}}}}}}}}"
        );
        let found = loaded(&compose);
        assert!(found.project.is_none());
        assert_eq!(told(&found), [format!("distinct-values services.web.{key}")]);
    }
    let same = "services: {web: {image: nginx, mem_limit: 512m, deploy: {resources: {limits: {memory: 512m}}}}}";
    assert_eq!(web(&loaded(same)).config.resources.memory_bytes, Some(512 << 20));
}

/// The engine refuses a count beside `always`; the count is ours.
#[test]
fn trap_15_max_attempts_without_on_failure_is_counted_by_the_controller() {
    for condition in ["condition: any, ", ""] {
        let compose = format!(
            "services: {{web: {{image: nginx, deploy: {{restart_policy: {{{condition}max_attempts: 3}}}}}}}}"
        );
        let found = loaded(&compose);
        assert_eq!(tells(&found, "restart-without-condition"), condition.is_empty());
        let service = web(&found);
        assert_eq!(service.config.restart, RestartPolicy::Always);
        assert_eq!(service.restart.when, RestartWhen::Always);
        assert_eq!(service.restart.max_attempts, Some(3));
    }
    let counted = loaded(
        "services: {web: {image: nginx, deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}}}",
    );
    assert_eq!(web(&counted).config.restart, RestartPolicy::OnFailure { max_retries: 3 });
}

#[test]
fn trap_16_a_grace_below_a_second_is_told_and_days_and_weeks_are_read() {
    let with = |time: &str| {
        loaded(&format!("services: {{web: {{image: nginx, stop_grace_period: {time}}}}}"))
    };
    let short = with("500ms");
    assert!(tells(&short, "short-grace"));
    assert_eq!(web(&short).config.stop_timeout_s, Some(0));
    for (time, wanted) in [("1s", 1), ("1d", 86_400), ("1w", 604_800)] {
        let found = with(time);
        assert!(!tells(&found, "short-grace"));
        let seconds = web(&found).config.stop_timeout_s.map(Duration::from_secs);
        assert_eq!(seconds, Some(Duration::from_secs(wanted)), "{time}");
    }
}
