//! Schedules: daylight saving, sleep, crashes, restarts, and what runs beside what.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic is a failed test"
)]

use std::time::Duration;

use composelet::model::schedule::{EndedRun, RunEnd};

use super::bench::Bench;
use crate::sim::{AppScript, ExecOutcome, Phase};

/// A project with one schedule.
fn shop(rest: &str) -> String {
    format!("services: {{backup: {{image: app, x-composelet: {{schedule: {{{rest}}}}}}}}}")
}

/// Containers that were created for runs, in order.
fn creates(bench: &Bench) -> Vec<String> {
    let calls = bench.engine.calls();
    let made = calls.iter().filter(|call| call.status == Some(201));
    let names = made.filter_map(|call| call.path.split_once("/create?name=shop-backup-"));
    names.map(|(_, time)| time.to_owned()).collect()
}

/// Starts that the engine did of containers of runs.
fn starts(bench: &Bench) -> usize {
    let calls = bench.engine.calls();
    let started = |path: &str| path.contains("{shop-backup-") && path.ends_with("/start");
    calls.iter().filter(|call| call.status == Some(204) && started(&call.path)).count()
}

fn running(bench: &Bench) -> usize {
    bench.phases().iter().filter(|(_, phase)| **phase == Phase::Running).count()
}

fn history(bench: &Bench) -> Vec<EndedRun> {
    let status = bench.status("shop").unwrap();
    status
        .services
        .iter()
        .flat_map(|one| &one.schedules)
        .flat_map(|one| one.history.clone())
        .collect()
}

fn bench(seed: u64, wall: &str, runs: AppScript, schedule: &str) -> Bench {
    let mut bench = Bench::new(seed);
    bench.set_wall(wall);
    bench.engine.script_service("backup", runs);
    bench.write("shop", &shop(schedule));
    bench.start();
    bench
}

fn minute() -> AppScript {
    AppScript::exits(Duration::from_secs(30), 0)
}

#[tokio::test(start_paused = true)]
async fn a_run_in_the_skipped_hour_runs_once_right_after_it() {
    let schedule = "cron: \"30 2 * * *\", time_zone: Europe/Berlin";
    let bench = bench(90, "2025-03-30T00:20:00Z", minute(), schedule);
    bench.pass(2 * 3600).await;
    assert_eq!(creates(&bench), ["20250330t010000z"], "{}", bench.story());
    bench.set_wall("2025-03-31T00:20:00Z");
    bench.pass(1200).await;
    assert_eq!(creates(&bench), ["20250330t010000z", "20250331t003000z"]);
    assert!(bench.is_ready("shop"));
}

#[tokio::test(start_paused = true)]
async fn a_run_in_the_doubled_hour_runs_once() {
    let schedule = "cron: \"30 2 * * *\", time_zone: Europe/Berlin";
    let bench = bench(91, "2025-10-25T23:50:00Z", minute(), schedule);
    bench.pass(4 * 3600).await;
    assert_eq!(creates(&bench), ["20251026t003000z"], "{}", bench.story());
    assert!(bench.wall().to_string().starts_with("2025-10-26T03:50"));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_slept_over_three_due_times_runs_once() {
    let bench = bench(92, "2025-01-01T00:30:00Z", minute(), "cron: \"0 * * * *\"");
    bench.until("it is looked at", |bench| bench.status("shop").is_some()).await;
    bench.pass(5).await;
    bench.set_wall("2025-01-01T03:20:00Z");
    bench.until("it runs", |bench| starts(bench) == 1).await;
    bench.pass(1800).await;
    assert_eq!(creates(&bench), ["20250101t030000z"], "{}", bench.story());
    bench.pass(1200).await;
    assert_eq!(creates(&bench).len(), 2, "and goes on\n{}", bench.story());
    // A clock that is set back repeats nothing.
    bench.set_wall("2025-01-01T03:30:00Z");
    bench.pass(1800).await;
    assert_eq!(creates(&bench).len(), 2, "{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn controllers_one_after_the_other_double_nothing() {
    let mut bench = bench(
        93,
        "2025-01-01T00:59:00Z",
        AppScript::exits(Duration::from_secs(120), 0),
        "cron: \"0 * * * *\"",
    );
    bench.until("it runs", |bench| running(bench) == 1).await;
    // Killed in the middle of a run; the next one finds it by its label and the state directory.
    bench.kill().await;
    bench.start();
    bench.pass(30).await;
    assert_eq!((creates(&bench).len(), running(&bench)), (1, 1), "{}", bench.story());
    assert_eq!(bench.stop().await, composelet::controller::RunEnd::Stopped);
    bench.pass(120).await;
    // It ended while nobody looked.
    bench.start();
    bench
        .until("its end is known", |bench| {
            bench.status("shop").is_some() && history(bench).len() == 1
        })
        .await;
    assert_eq!(history(&bench)[0].end, RunEnd::Complete);
    bench.silent_for(1200).await;
    assert_eq!((creates(&bench).len(), starts(&bench)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn killed_around_its_begin_a_run_is_begun_once() {
    for seed in 0..4_u64 {
        let mut bench = bench(94, "2025-01-01T00:59:59Z", minute(), "cron: \"0 * * * *\"");
        let mut dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(9);
        tokio::time::sleep(Duration::from_millis(900)).await;
        for _ in 0..5 {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            tokio::time::sleep(Duration::from_millis(5 + dice % 120)).await;
            bench.kill().await;
            bench.start();
        }
        bench
            .until("it ran", |bench| bench.status("shop").is_some() && history(bench).len() == 1)
            .await;
        bench.silent_for(600).await;
        assert_eq!(
            (creates(&bench).len(), starts(&bench)),
            (1, 1),
            "seed {seed}\n{}",
            bench.story()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_controller_takes_over_where_the_first_one_was() {
    let mut bench = bench(95, "2025-01-01T00:59:00Z", minute(), "cron: \"0 * * * *\"");
    let cancel = tokio_util::sync::CancellationToken::new();
    let second = tokio::spawn(bench.controller_on(bench.storage.clone()).run(cancel.clone()));
    bench.until("it runs", |bench| running(bench) == 1).await;
    bench.kill().await;
    bench.pass(300).await;
    assert_eq!((creates(&bench).len(), starts(&bench)), (1, 1), "{}", bench.story());
    cancel.cancel();
    drop(second.await);
}

#[tokio::test(start_paused = true)]
async fn concurrency_says_what_runs_beside_what() {
    let long = || AppScript::exits(Duration::from_secs(150), 0);
    for (policy, most, made) in [("forbid", 1, 4), ("replace", 1, 10), ("allow", 3, 10)] {
        let schedule = format!("cron: \"* * * * *\", concurrency: {policy}");
        let bench = bench(96, "2025-01-01T00:00:30Z", long(), &schedule);
        let mut seen = 0;
        for _ in 0..600 {
            bench.pass(1).await;
            seen = seen.max(running(&bench));
        }
        assert_eq!(seen, most, "{policy}\n{}", bench.story());
        let count = creates(&bench).len();
        assert!(count == made || count == made + 1, "{policy}: {count}\n{}", bench.story());
        let mut times = creates(&bench);
        times.dedup();
        assert_eq!(times.len(), count, "{policy}: no due time twice");
        assert!(bench.is_ready("shop"), "{policy}\n{}", bench.story());
    }
}

#[tokio::test(start_paused = true)]
async fn history_is_bounded_and_old_containers_go() {
    let bench = bench(
        97,
        "2025-01-01T00:00:30Z",
        AppScript::exits(Duration::from_secs(5), 0),
        "cron: \"* * * * *\"",
    );
    bench.pass(600).await;
    assert_eq!(history(&bench).len(), 3, "{}", bench.story());
    bench.pass(30).await;
    assert_eq!(bench.phases().len(), 3, "{}", bench.story());
    bench.engine.script_service("backup", AppScript::exits(Duration::from_secs(5), 7));
    bench.pass(300).await;
    let ended = history(&bench);
    assert_eq!(ended.len(), 4, "three that succeeded and one that did not");
    assert_eq!(ended[3].exit_code, Some(7));
    assert!(!ended[3].log.is_empty(), "its last words are kept");
    assert!(bench.held("shop").contains(&"ScheduledRunFailed"));
    bench.remove("shop");
    bench.until("all goes", |bench| bench.phases().is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_takes_too_long_is_stopped() {
    let bench =
        bench(98, "2025-01-01T00:59:00Z", AppScript::forever(), "cron: \"0 * * * *\", timeout: 5m");
    bench.until("it runs", |bench| running(bench) == 1).await;
    bench.pass(290).await;
    assert_eq!(running(&bench), 1);
    bench.until("it is stopped", |bench| running(bench) == 0).await;
    bench.pass(60).await;
    assert_eq!(history(&bench)[0].end, RunEnd::DeadlineExceeded, "{}", bench.story());
    assert_eq!(starts(&bench), 1);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_ends_under_a_run_costs_a_try() {
    let mut bench = Bench::new(99);
    bench.set_wall("2025-01-01T00:59:00Z");
    bench
        .engine
        .script_service("backup", AppScript::exits(Duration::from_secs(60), 0).ignores_stop());
    bench.write(
        "shop",
        &shop("cron: \"0 * * * *\"")
            .replace("x-composelet: {", "x-composelet: {job: {retries: 1}, "),
    );
    bench.start();
    bench.until("it runs", |bench| running(bench) == 1).await;
    bench.engine.restart_daemon(Duration::from_secs(2));
    bench.until("it runs again", |bench| starts(bench) == 2).await;
    bench.pass(120).await;
    let ended = history(&bench);
    assert_eq!((ended.len(), ended[0].end), (1, RunEnd::Complete), "{}", bench.story());
    assert_eq!(creates(&bench).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn commands_run_in_services_and_others_follow() {
    let mut bench = Bench::new(100);
    bench.set_wall("2025-01-01T00:59:00Z");
    bench.engine.script_service(
        "web",
        AppScript::forever()
            .exec("renew", ExecOutcome::exit(0, "done\n"))
            .exec("fails", ExecOutcome::exit(3, "no\n")),
    );
    bench.write("shop", "
services:
  web: {image: app, restart: always}
  proxy: {image: app, restart: always}
  certs: {image: app, x-composelet: {schedule: {cron: \"0 * * * *\", exec: {service: web, command: renew}, on_success: {restart: proxy}}}}
  bad: {image: app, x-composelet: {schedule: {cron: \"30 * * * *\", exec: {service: web, command: fails}}}}
");
    bench.start();
    bench.converged("shop").await;
    let restarted = |bench: &Bench| {
        let calls = bench.engine.calls();
        calls.iter().filter(|call| call.path.ends_with("{shop-proxy-1}/start")).count()
    };
    bench.until("the proxy is restarted", |bench| restarted(bench) == 2).await;
    bench.pass(2400).await;
    let ended = history(&bench);
    let ends: Vec<_> = ended.iter().map(|run| run.end).collect();
    assert_eq!(ends, [RunEnd::Failed, RunEnd::Complete], "{}", bench.story());
    assert!(ended[0].error.contains("exit code 3; no"), "{:?}", ended[0]);
    assert_eq!(restarted(&bench), 2);
    assert!(bench.is_ready("shop"));
    // A controller that ends under a command does not know how it ended, and does not repeat it.
    bench.engine.script_service("web", AppScript::forever().exec("renew", ExecOutcome::hang()));
    bench.engine.docker_rm("shop-web-1", false).unwrap_or_default();
    let execs = |bench: &Bench| {
        bench.engine.calls().iter().filter(|call| call.path.ends_with("{shop-web-1}/exec")).count()
    };
    let before = execs(&bench);
    bench.pass(900).await;
    bench.until("the next command runs", |bench| execs(bench) == before + 1).await;
    bench.kill().await;
    bench.start();
    bench
        .until("nobody knows", |bench| history(bench).iter().any(|run| run.end == RunEnd::Unknown))
        .await;
    assert_eq!(execs(&bench), before + 1, "{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_does_not_begin() {
    let bench = bench(101, "2025-01-01T00:59:00Z", minute(), "cron: \"0 * * * *\"");
    bench.until("it is looked at", |bench| bench.status("shop").is_some()).await;
    bench.storage.fail_writes(Some(std::io::ErrorKind::StorageFull));
    bench.pass(300).await;
    assert_eq!(creates(&bench).len(), 0, "{}", bench.story());
    bench.storage.fail_writes(None);
    bench.until("then it runs", |bench| starts(bench) == 1).await;
}
