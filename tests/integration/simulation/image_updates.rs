//! Images that move: taken, given back and left alone; and the images of staging for production.

#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

use std::time::Duration;

use composelet::ledger::Request;
use composelet::model::id::ProjectName;
use composelet::model::revision::Verdict as Rejection;
use composelet::model::time::Timestamp;

use super::bench::Bench;
use crate::sim::{AppScript, HealthScript, ImageSpec, ScriptKey, Verdict};

fn app(tag: &str, update: &str) -> String {
    format!(
        "
services:
  web:
    image: reg.test/app:{tag}
    restart: always
    healthcheck: {{test: [CMD, check], interval: 20s, retries: 2}}
    deploy: {{replicas: 2, update_config: {{monitor: 2s}}}}
    x-composelet: {{image_update: {{{update}}}}}
"
    )
}

fn image(version: &str) -> ImageSpec {
    ImageSpec::new(version).label("built", version)
}

/// What containers of a version do. An image's label goes before the service's, by the alphabet.
fn script(bench: &Bench, version: &str, script: AppScript) {
    bench.engine.script(ScriptKey::Label("built".to_owned(), version.to_owned()), script);
}

fn push(bench: &Bench, tag: &str, version: &str) {
    bench.engine.publish(&format!("reg.test/app:{tag}"), &image(version), Duration::from_secs(2));
}

fn good() -> AppScript {
    AppScript::forever().health(HealthScript::HealthyAfter(Duration::from_secs(1)))
}

fn ill() -> AppScript {
    let refused = Verdict::Fail(1, "connection refused".to_owned());
    AppScript::forever().health(HealthScript::Always(refused))
}

fn exact(tag: &str, version: &str) -> String {
    format!("reg.test/app:{tag}@{}", image(version).digest())
}

/// Ids of the images that containers of a service run.
fn runs(bench: &Bench, project: &str) -> Vec<String> {
    let Some(status) = bench.status(project) else { return Vec::new() };
    let services = status.services.iter();
    let images = services.filter_map(|service| service.image_is.as_ref());
    images.map(|image| image.id.clone()).collect()
}

fn is(bench: &Bench, version: &str) -> bool {
    runs(bench, "shop") == [image(version).id()] && bench.is_ready("shop")
}

fn holds(bench: &Bench, code: &str) -> bool {
    bench.held("shop").contains(&code)
}

/// Version 1.4.2 has held.
async fn held(seed: u64, update: &str) -> Bench {
    let mut bench = Bench::new(seed);
    bench.engine.script_service("web", good());
    push(&bench, "1.4.2", "first");
    bench.write("shop", &app("1.4.2", update));
    bench.start();
    bench.converged("shop").await;
    bench.pass(30).await;
    bench
}

#[tokio::test(start_paused = true)]
async fn the_highest_version_of_the_range_is_rolled_out_and_a_bad_one_goes_back_once() {
    let mut bench = held(400, "semver: ~1.4, interval: 5m").await;
    bench.silent_for(1_200).await;
    push(&bench, "1.5.0", "other");
    push(&bench, "1.4.3", "second");
    bench.until("the higher one", |bench| is(bench, "second")).await;
    bench.pass(60).await;
    let status = bench.status("shop").unwrap();
    assert_eq!(status.services[0].image, exact("1.4.3", "second"));
    // A bad one goes back to the one before, not to what the file says.
    script(&bench, "bad", ill());
    push(&bench, "1.4.4", "bad");
    bench.until("the rejection", |bench| holds(bench, "RevisionRejected")).await;
    bench.until("the way back", |bench| bench.phases().len() == 2).await;
    assert_eq!(runs(&bench, "shop"), [image("second").id()], "{}", bench.story());
    bench.silent_for(3_600).await;
    assert!(holds(&bench, "ImageRejected"), "{}", bench.story());
    bench.kill().await;
    bench.start();
    bench.pass(60).await;
    bench.silent_for(3_600).await;
    // A newer one is another chance.
    push(&bench, "1.4.5", "third");
    bench.until("the mended one", |bench| is(bench, "third")).await;
    assert!(!holds(&bench, "RevisionRejected") && !holds(&bench, "ImageRejected"));
    bench.silent_for(1_200).await;
}

#[tokio::test(start_paused = true)]
async fn a_tag_with_another_digest_is_rolled_out_and_both_replicas_have_it() {
    let bench = held(401, "policy: digest, interval: 5m").await;
    push(&bench, "1.4.2", "second");
    bench.until("the other digest", |bench| is(bench, "second")).await;
    let status = bench.status("shop").unwrap();
    assert_eq!(status.services[0].containers.len(), 2);
    bench.pass(30).await;
    // An edit of something else keeps what runs.
    let edited = app("1.4.2", "policy: digest, interval: 5m").replace("always", "unless-stopped");
    bench.write("shop", &edited);
    bench.pass(60).await;
    bench.converged("shop").await;
    assert!(is(&bench, "second"), "{}", bench.story());
    bench.silent_for(1_200).await;
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_is_down_is_told_and_stops_nothing() {
    let bench = held(402, "semver: ~1.4, interval: 5m").await;
    bench.engine.set_registry_unreachable(true);
    bench.until("the failed look", |bench| holds(bench, "ImageCheckFailed")).await;
    assert!(bench.is_ready("shop"), "{}", bench.story());
    bench.silent_for(3_600).await;
    bench.engine.set_registry_unreachable(false);
    push(&bench, "1.4.3", "second");
    bench.until("the higher one", |bench| is(bench, "second")).await;
    assert!(!holds(&bench, "ImageCheckFailed"));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_too_young_waits_and_an_older_one_is_taken_meanwhile() {
    let bench = held(403, "semver: ~1.4, interval: 10m, minimum_age: 2h").await;
    let now = bench.wall();
    bench.engine.made(&image("old"), now.minus(Duration::from_hours(48)));
    bench.engine.made(&image("young"), now);
    push(&bench, "1.4.3", "old");
    push(&bench, "1.4.4", "young");
    bench.until("the older one", |bench| is(bench, "old")).await;
    assert!(holds(&bench, "ImageTooYoung"), "{}", bench.story());
    bench.pass(100 * 60).await;
    assert!(is(&bench, "old"));
    bench.pass(25 * 60).await;
    bench.until("the younger one", |bench| is(bench, "young")).await;
}

#[tokio::test(start_paused = true)]
async fn outside_of_its_window_nothing_is_taken() {
    // The bench begins at midnight of 2025-01-01, UTC.
    let window = "window: {schedule: '0 2 * * *', duration: 1h, timezone: Europe/Madrid}";
    let bench = held(404, &format!("semver: ~1.4, interval: 10m, {window}")).await;
    push(&bench, "1.4.3", "second");
    bench.until("it waits", |bench| holds(bench, "ImageUpdateWindow")).await;
    bench.silent_for(1_500).await;
    bench.pass(1_000).await;
    bench.until("the window", |bench| is(bench, "second")).await;
    let opened = Timestamp::parse_rfc3339("2025-01-01T01:00:00Z").unwrap();
    assert!(bench.wall() >= opened && bench.wall() < opened.plus(Duration::from_mins(20)));
    bench.pass(3_600).await;
    push(&bench, "1.4.4", "third");
    bench.pass(3_600).await;
    assert!(is(&bench, "second") && holds(&bench, "ImageUpdateWindow"), "{}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn what_is_only_monitored_is_reported() {
    let bench = held(405, "policy: digest, interval: 5m, monitor_only: true").await;
    push(&bench, "1.4.2", "second");
    bench.until("the report", |bench| holds(bench, "ImageUpdateAvailable")).await;
    bench.silent_for(1_200).await;
    assert!(is(&bench, "first"));
}

/// Without the ledger the containers say what runs: nobody goes back to what the file says.
#[tokio::test(start_paused = true)]
async fn a_lost_state_directory_takes_nothing_back() {
    let mut bench = held(406, "semver: ~1.4, interval: 5m").await;
    push(&bench, "1.4.3", "second");
    bench.until("the higher one", |bench| is(bench, "second")).await;
    bench.pass(60).await;
    bench.kill().await;
    bench.storage = composelet::ledger::MemoryStorage::new();
    bench.engine.set_registry_unreachable(true);
    bench.start();
    bench.converged("shop").await;
    assert!(is(&bench, "second"), "{}", bench.story());
    bench.silent_for(1_200).await;
}

const STAGED: &str = "
services:
  web:
    image: app
    restart: always
    healthcheck: {test: [CMD, check], interval: 5s, retries: 2}
    deploy: {update_config: {monitor: 2s}}
  mail:
    image: app
    restart: always
";

fn promote(bench: &Bench, services: &[&str]) -> String {
    bench.ask(&Request::PromoteImages {
        from: ProjectName::new("staging"),
        to: ProjectName::new("shop"),
        services: services.iter().map(|name| (*name).into()).collect(),
    })
}

async fn answer(bench: &Bench, id: &str) -> String {
    for _ in 0..600 {
        if let Some(answer) = bench.ledger().take_answer(id) {
            return answer;
        }
        bench.pass(1).await;
    }
    panic!("no answer\n{}", bench.story())
}

/// Staging has another image than production, which pulls the same tag and has the older one.
async fn staged(seed: u64) -> Bench {
    let mut bench = Bench::new(seed);
    bench.engine.script_service("web", good());
    let mail = STAGED.find("  mail").unwrap();
    bench.write("shop", &STAGED[..mail]);
    bench.start();
    bench.converged("shop").await;
    bench.pass(30).await;
    bench.engine.add_image("candidate", &image("candidate"));
    bench.write("staging", &STAGED.replace("image: app", "image: candidate"));
    bench.converged("staging").await;
    bench
}

#[tokio::test(start_paused = true)]
async fn production_runs_the_very_image_of_staging_until_somebody_ends_that() {
    let mut bench = staged(407).await;
    let early = promote(&bench, &[]);
    assert!(answer(&bench, &early).await.contains("not stable"));
    bench.pass(30).await;
    let unknown = promote(&bench, &["mail"]);
    let told = answer(&bench, &unknown).await;
    assert_eq!(told, "refused: the service mail has no counterpart in shop");
    let id = promote(&bench, &[]);
    assert_eq!(answer(&bench, &id).await, "promoted");
    bench.until("the image", |bench| is(bench, "candidate")).await;
    assert!(holds(&bench, "ImagePromoted"), "{}", bench.story());
    bench.pass(30).await;
    // Its own image moves, the controller goes, something else is edited: the promoted one stays.
    bench.engine.add_image("app", &image("own"));
    bench.kill().await;
    bench.start();
    bench.silent_for(1_200).await;
    let mail = STAGED.find("  mail").unwrap();
    bench.write("shop", &STAGED[..mail].replace("always", "unless-stopped"));
    bench.pass(60).await;
    bench.converged("shop").await;
    assert!(is(&bench, "candidate"), "{}", bench.story());
    let resume = Request::Resume { project: ProjectName::new("shop"), service: None };
    let id = bench.ask(&resume);
    answer(&bench, &id).await;
    bench.until("its own image", |bench| is(bench, "own")).await;
    assert!(!holds(&bench, "ImagePromoted"));
}

#[tokio::test(start_paused = true)]
async fn a_promoted_image_that_fails_goes_back() {
    let bench = staged(408).await;
    bench.pass(30).await;
    script(&bench, "candidate", ill());
    let id = promote(&bench, &["web"]);
    answer(&bench, &id).await;
    bench.until("the rejection", was_rejected).await;
    bench.until("the way back", |bench| runs(bench, "shop") == [ImageSpec::new("app").id()]).await;
    bench.pass(600).await;
    assert_eq!(runs(&bench, "shop"), [ImageSpec::new("app").id()], "{}", bench.story());
    assert!(!holds(&bench, "ImagePromoted"), "{}", bench.story());
    assert!(holds(&bench, "RevisionRejected"), "{}", bench.story());
}

/// `pull_policy` by schedule has the same gate: a bad image behind a moved tag goes back and is not tried again.
#[tokio::test(start_paused = true)]
async fn a_bad_image_that_a_schedule_pulled_goes_back() {
    let mut bench = Bench::new(409);
    bench.engine.script_service("web", good());
    push(&bench, "1", "first");
    let text = app("1", "policy: digest");
    let text = text.lines().filter(|line| !line.contains("x-composelet")).collect::<Vec<_>>();
    bench.write("shop", &format!("{}\n    pull_policy: every_5m\n", text.join("\n")));
    bench.start();
    bench.converged("shop").await;
    bench.pass(30).await;
    script(&bench, "bad", AppScript::exits(Duration::from_millis(300), 3));
    push(&bench, "1", "bad");
    bench.until("the rejection", |bench| holds(bench, "RevisionRejected")).await;
    bench.until("the way back", |bench| bench.phases().len() == 2).await;
    let made = containers_made(&bench);
    bench.pass(3_600).await;
    assert_eq!(containers_made(&bench), made, "looked for, not tried\n{}", bench.story());
    push(&bench, "1", "third");
    bench.until("the mended one", |bench| is(bench, "third")).await;
}

/// Whether a version of production was rejected.
fn was_rejected(bench: &Bench) -> bool {
    let (ledger, _) = bench.ledger().load_project(&"shop".into());
    let verdicts = ledger.history.iter().map(|one| &one.verdict);
    verdicts.into_iter().any(|verdict| matches!(verdict, Rejection::Rejected(_)))
}

/// Containers created so far.
fn containers_made(bench: &Bench) -> usize {
    bench.engine.calls().iter().filter(|call| call.path.starts_with("/containers/create")).count()
}
