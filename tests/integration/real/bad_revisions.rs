//! Versions of the system certificados that fail, each in another way: the one that held goes on serving all the time.

use std::fs;

use composelet::model::revision::{FailureCause, Verdict};
use tokio::time::Instant;

use crate::support_real::container::Container;
use crate::support_real::host::Host;
use crate::support_real::look::lines;
use crate::support_real::system::{page, place};
use crate::support_real::wait::{eventually, hold};

const TLS: &[&str] = &["--insecure"];

/// A version: what a further file says of the services, and the servers' page of nginx.
struct Version {
    name: &'static str,
    /// Services of the further file.
    services: &'static str,
    /// What is added to nginx's site.
    site: &'static str,
    /// What its last log lines hold.
    says: &'static str,
    /// Longest time in seconds until it is judged: what its own words allow it, and 10 s.
    within: u64,
    is_cause: fn(&FailureCause) -> bool,
}

/// A quick pace, so that what is measured is the controller: three checks, 2 s apart, after 20 s of start.
const PACE: &str = "healthcheck: {interval: 2s, retries: 3, start_period: 20s}, deploy: {update_config: {monitor: 2s}}";

const BAD: &[Version] = &[
    Version {
        name: "the migration fails",
        services: "migrate: {command: [sh, -c, 'echo no such column >&2; exit 3']}",
        site: "",
        says: "no such column",
        within: 20,
        is_cause: |cause| matches!(cause, FailureCause::Exhausted { exit_code: Some(3) }),
    },
    Version {
        name: "the health check fails",
        services: "web: {healthcheck: {test: [CMD, 'false'], interval: 2s, retries: 3, start_period: 20s}}",
        site: "",
        says: "",
        within: 20 + 3 * 2 + 10,
        is_cause: |cause| matches!(cause, FailureCause::Unhealthy { .. }),
    },
    Version {
        name: "it exits",
        services: "web: {command: [sh, -c, 'echo cannot import certificados >&2; exit 1']}",
        site: "",
        says: "cannot import certificados",
        within: 20,
        // The engine may have started it again before anybody saw how it had ended.
        is_cause: |cause| {
            matches!(cause, FailureCause::CrashLoop { exit_code: Some(1) | None, .. })
        },
    },
    Version {
        name: "it never listens",
        services: "web: {command: [sleep, '1000000']}",
        site: "",
        says: "",
        within: 20 + 3 * 2 + 10,
        is_cause: |cause| matches!(cause, FailureCause::Unhealthy { .. }),
    },
    Version {
        name: "nginx cannot read its site",
        services: "",
        site: "no_such_directive on;\n",
        says: "",
        within: 20,
        is_cause: |cause| matches!(cause, FailureCause::Reload { .. }),
    },
];

/// Writes a version, each file at once.
fn write(host: &Host, project: &str, services: &str, site: &str) {
    let directory = host.desired().join(project);
    let place = |name: &str, text: &str| {
        let aside = host.aside().join("written");
        fs::write(&aside, text).unwrap();
        fs::rename(&aside, directory.join(name)).unwrap();
    };
    let original = fs::read_to_string(directory.join("site.original")).unwrap();
    place("nginx/default.conf", &format!("{original}{site}"));
    let services = if services.is_empty() { "web: {}" } else { services };
    place("further.yml", &format!("services:\n  {services}\n"));
}

fn verdict(host: &Host, project: &str, number: u64) -> Result<Verdict, String> {
    let status = host.status(project)?;
    let one = status.revisions.iter().find(|one| one.number == number);
    let all = || format!("{:?}", status.revisions.iter().map(|one| one.number));
    one.map(|one| one.verdict.clone()).ok_or_else(all)
}

async fn held(host: &Host, project: &str, number: u64) {
    eventually(&format!("revision {number} holds"), || {
        let verdict = verdict(host, project, number)?;
        hold(matches!(verdict, Verdict::Stable { .. }), || format!("{verdict:?}"))
    })
    .await;
}

/// The containers that serve, and since when.
fn serving(host: &Host, project: &str) -> Vec<(String, String)> {
    let all = ["web", "nginx", "db", "redis"].map(|name| host.only(project, name).unwrap());
    all.iter().map(|one| (one.id().to_owned(), one.started_at().to_owned())).collect()
}

#[tokio::test]
async fn five_bad_versions_go_back_and_a_good_one_goes_through() {
    let mut host = Host::new();
    let project = host.project("certificados");
    let files = "docker-compose.yml:pace.yml:further.yml".to_owned();
    let ports = place(&host, "certificados", &project, &[], &[("COMPOSE_FILE", files)]);
    let directory = host.desired().join(&project);
    fs::copy(directory.join("nginx/default.conf"), directory.join("site.original")).unwrap();
    fs::write(directory.join("pace.yml"), format!("services: {{web: {{{PACE}}}}}\n")).unwrap();
    write(&host, &project, "", "");
    host.start();
    host.comes_up(&project, 8).await;
    held(&host, &project, 1).await;
    let good = serving(&host, &project);
    let health = format!("https://localhost:{}/health/", ports["HTTPS_HOST_PORT"]);

    for (number, version) in (2..).zip(BAD) {
        let began = Instant::now();
        write(&host, &project, version.services, version.site);
        eventually(&format!("{}: it is rejected, and the page is there", version.name), || {
            let (status, body) = page(&health, TLS)?;
            // Asked more often than nginx lets one client ask.
            hold(status != 429, || body.clone())?;
            assert_eq!(status, 200, "{}: {body}", version.name);
            let verdict = verdict(&host, &project, number)?;
            hold(matches!(verdict, Verdict::Rejected(_)), || format!("{verdict:?}"))
        })
        .await;
        let took = began.elapsed().as_secs();
        eprintln!("{}: rejected after {took} s", version.name);
        let Ok(Verdict::Rejected(failure)) = verdict(&host, &project, number) else { panic!() };
        assert!((version.is_cause)(&failure.cause), "{}: {:?}", version.name, failure.cause);
        assert!(took <= version.within, "{}: {took} s", version.name);
        goes_on(&host, &project, &good).await;
        eventually(&format!("{}: its last words are kept", version.name), || {
            let Ok(Verdict::Rejected(failure)) = verdict(&host, &project, number) else { panic!() };
            let said = failure.log.join("\n");
            hold(said.contains(version.says), || said.clone())
        })
        .await;
    }

    let number = 2 + BAD.len() as u64;
    write(&host, &project, "web: {environment: {VERSION: good}}", "");
    held(&host, &project, number).await;
    let web = host.running(&project, "web").await;
    assert!(web.environment().contains(&"VERSION=good"), "{}", web.line());
    host.ready(&project).await;
}

/// Only the containers of the good version are left, they never stopped, and nothing bad is tried again.
async fn goes_on(host: &Host, project: &str, good: &[(String, String)]) {
    host.described(project, &["RevisionRejected", "revision 1 runs"]).await;
    eventually("the bad one is gone", || {
        let web: Vec<Container> = host.containers(project, "web");
        hold(web.len() == 1 && serving(host, project) == good, || lines(&web))
    })
    .await;
    host.pass();
    let mark = host.events.mark().await;
    for _ in 0..3 {
        host.pass();
    }
    let events = host.events.since(mark).await;
    let again: Vec<_> = events.iter().filter(|event| event.contains("web")).collect();
    assert!(again.is_empty(), "{again:?}");
}
