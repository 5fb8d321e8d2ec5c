//! Rolling updates and rollbacks on the real engine.

use composelet::model::revision::{FailureCause, Verdict};

use crate::real::text::{file, service};
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

/// Serves its version on port 8000.
const SERVE: &str =
    "mkdir -p /www; echo $$VERSION > /www/index.html; exec httpd -f -p 8000 -h /www";
const CHECK: &str = "healthcheck: {test: [CMD, wget, -q, -O, /dev/null, 'http://127.0.0.1:8000/'], interval: 1s, timeout: 1s, retries: 2, start_period: 1s}";
const PACE: &str = "deploy: {update_config: {monitor: 2s}}";

fn web(version: &str, command: &str) -> String {
    let environment = format!("environment: {{VERSION: '{version}'}}");
    let lines = ["restart: always", "expose: ['8000']", CHECK, PACE, &environment];
    file(&[service("web", command, &lines)])
}

/// Waits until the last revision has this verdict.
async fn judged(host: &Host, shop: &str, number: u64, wanted: fn(&Verdict) -> bool) {
    eventually("the verdict", || {
        let status = host.status(shop)?;
        let one = status.revisions.iter().find(|one| one.number == number);
        hold(one.is_some_and(|one| wanted(&one.verdict)), || format!("{:?}", status.revisions))
    })
    .await;
}

fn is_stable(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Stable { .. })
}

fn is_rejected(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Rejected(_))
}

/// What the failure of a revision says, with its last words.
fn failure(host: &Host, shop: &str, number: u64) -> (FailureCause, Vec<String>) {
    let status = host.status(shop).unwrap();
    let one = status.revisions.iter().find(|one| one.number == number).unwrap();
    match &one.verdict {
        Verdict::Rejected(failure) => (failure.cause.clone(), failure.log.clone()),
        other => panic!("{other:?}"),
    }
}

/// Each bad version is tried beside the good one, which serves all the time, and is not tried again; a good one goes through.
#[tokio::test]
async fn a_bad_version_goes_back_by_itself_and_the_good_one_never_stops() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &web("1", SERVE));
    host.start();
    judged(&host, &shop, 1, is_stable).await;
    let good = host.running(&shop, "web").await;

    host.write(&shop, &web("2", "echo broken; exit 7"));
    judged(&host, &shop, 2, is_rejected).await;
    let (cause, log) = failure(&host, &shop, 2);
    assert!(matches!(cause, FailureCause::CrashLoop { exit_code: Some(7), .. }), "{cause:?}");
    assert!(log.iter().any(|line| line.contains("broken")), "{log:?}");

    // Two in a row: the second goes back to the one that held, not to the first bad one.
    host.write(&shop, &web("3", "exec sleep 1000000"));
    judged(&host, &shop, 3, is_rejected).await;
    let (cause, _) = failure(&host, &shop, 3);
    assert!(matches!(cause, FailureCause::Unhealthy { .. }), "{cause:?}");
    host.described(&shop, &["RevisionRejected", "revision 1 runs"]).await;
    eventually("the bad one is gone", || {
        let all = host.containers(&shop, "web");
        let only = all.len() == 1 && all.iter().all(|one| one.id() == good.id() && one.runs());
        hold(only, || crate::support_real::look::lines(&all))
    })
    .await;
    let before = host.engine.container(good.id()).expect("the good one");
    assert_eq!(before.started_at(), good.started_at(), "it never stopped");

    // Another controller does not try them again.
    host.kill();
    host.start();
    host.fresh().await;
    host.pass();
    host.described(&shop, &["RevisionRejected", "revision 1 runs"]).await;
    assert_eq!(host.containers(&shop, "web").len(), 1);

    host.write(&shop, &web("4", SERVE));
    judged(&host, &shop, 4, is_stable).await;
    let new = host.running(&shop, "web").await;
    assert!(new.environment().contains(&"VERSION=4"), "{}", new.line());
    host.ready(&shop).await;
}

#[tokio::test]
async fn a_person_rolls_back_and_resumes() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &web("1", SERVE));
    host.start();
    judged(&host, &shop, 1, is_stable).await;
    host.write(&shop, &web("2", SERVE));
    judged(&host, &shop, 2, is_stable).await;
    host.expect(&["rollback", &shop]);
    host.running_and(&shop, "web", "is the first version", |one| {
        one.environment().contains(&"VERSION=1")
    })
    .await;
    host.described(&shop, &["RevisionPinned", "revision 1 runs by hand instead of 2"]).await;
    host.expect(&["resume", &shop]);
    host.running_and(&shop, "web", "is the second version", |one| {
        one.environment().contains(&"VERSION=2")
    })
    .await;
    host.ready(&shop).await;
}

/// A bound file is part of a revision: the old version gets the old content although the host has another by now, and the file
/// of the host is left alone.
#[tokio::test]
async fn a_bad_bound_file_goes_back_with_its_content() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let volume = "volumes: ['./conf:/etc/conf:ro']";
    let words = "x-composelet: {on_change: recreate}";
    let read = "cat /etc/conf; grep -q good /etc/conf || exit 9; exec sleep 1000000";
    let conf = host.manifest(&shop).with_file_name("conf");
    let lines = ["restart: always", PACE, volume, words];
    std::fs::create_dir_all(conf.parent().unwrap()).unwrap();
    std::fs::write(&conf, "good\n").unwrap();
    host.write(&shop, &file(&[service("web", read, &lines)]));
    host.start();
    judged(&host, &shop, 1, is_stable).await;

    std::fs::write(&conf, "broken\n").unwrap();
    judged(&host, &shop, 2, is_rejected).await;
    let web = host.running(&shop, "web").await;
    assert_eq!(host.engine.exec(web.id(), &["cat", "/etc/conf"]), "good\n");
    assert_eq!(std::fs::read_to_string(&conf).unwrap(), "broken\n");

    std::fs::write(&conf, "good again\n").unwrap();
    judged(&host, &shop, 3, is_stable).await;
    let web = host.running(&shop, "web").await;
    assert_eq!(host.engine.exec(web.id(), &["cat", "/etc/conf"]), "good again\n");
}

/// What is not possible is refused with a reason; what is kept no longer is told.
#[tokio::test]
async fn a_rollback_that_cannot_be_is_told() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &web("1", SERVE));
    host.start();
    judged(&host, &shop, 1, is_stable).await;
    let run = host.run(&["rollback", &shop]);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("no earlier revision has held"), "{}", run.err);
    assert_eq!(host.run(&["rollback", &shop, "--to", "7"]).code, 3);

    host.write(&shop, &web("2", SERVE));
    judged(&host, &shop, 2, is_stable).await;
    for entry in std::fs::read_dir(host.state().join("revisions").join(&shop)).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    host.expect(&["rollback", &shop, "--to", "1"]);
    host.described(&shop, &["RevisionLost", "revision 1 are not kept"]).await;
    host.running_and(&shop, "web", "is what the files say", |one| {
        one.environment().contains(&"VERSION=2")
    })
    .await;
    host.expect(&["resume", &shop]);
    host.ready(&shop).await;
}

#[tokio::test]
async fn a_rollout_is_paused_resumed_and_asked_for() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &web("1", SERVE));
    host.start();
    judged(&host, &shop, 1, is_stable).await;
    let first = host.running(&shop, "web").await;
    host.expect(&["rollout", "restart", &shop]);
    let second =
        host.running_and(&shop, "web", "is another one", |one| one.id() != first.id()).await;
    host.ready(&shop).await;
    host.expect(&["rollout", "pause", &shop]);
    host.expect(&["rollout", "restart", &shop]);
    host.described(&shop, &["RolloutPaused", "paused by `composelet rollout pause`"]).await;
    assert!(host.engine.container(second.id()).expect("it stays").runs());
    host.expect(&["rollout", "resume", &shop]);
    host.running_and(&shop, "web", "is a third one", |one| one.id() != second.id()).await;
    host.ready(&shop).await;
}
