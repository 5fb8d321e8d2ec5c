//! The system montero with real servers: Flask under gunicorn with SQLite, Redis; nginx and replicas in production.

use std::collections::BTreeSet;

use composelet::model::schedule::RunEnd;

use crate::support_real::backups::every_backup_is_proven;
use crate::support_real::host::Host;
use crate::support_real::look::lines;
use crate::support_real::system::{
    answers, json, no_secret_is_an_argument, nothing_is_diagnosed, page, place,
    redis_wants_its_password, set,
};
use crate::support_real::wait::{eventually, hold};

/// The certificate is of our own making.
const TLS: &[&str] = &["--insecure"];
const JSON: &[&str] =
    &["--insecure", "-H", "Content-Type: application/json", "-d", r#"{"text":"a","author":"Ana"}"#];

#[tokio::test]
async fn one_server_becomes_three_behind_nginx_and_moves_to_the_cli_and_back() {
    let mut host = Host::new();
    let project = host.project("montero");
    let limit = "5 per minute".to_owned();
    let ports = place(&host, "montero", &project, &[], &[("RATE_LIMIT", limit)]);
    let app = format!("http://localhost:{}", ports["APP_HOST_PORT"]);
    let site = format!("https://localhost:{}", ports["HTTPS_HOST_PORT"]);
    host.start();
    // nginx and its certificate belong to the profile `production`.
    host.comes_up(&project, 3).await;
    let health = json(&format!("{app}/health"), &[]).await;
    assert_eq!([&health["database"], &health["cache"]], ["ok", "ok"], "{health}");
    assert_eq!(page(&format!("{app}/notes"), JSON).unwrap().0, 201);
    hardened(&host, &project).await;
    every_backup_is_proven(&host, &project, &["app", "redis"]);
    host.is_silent().await;

    // What a person does to scale: three lines of `.env`.
    let files = "docker-compose.yml:docker-compose.scaled.yml".to_owned();
    let production = [
        ("COMPOSE_FILE", files),
        ("COMPOSE_PROFILES", "production".to_owned()),
        ("APP_REPLICAS", "3".to_owned()),
    ];
    set(&host, &project, &production);
    host.comes_up(&project, 7).await;
    replicas_share_everything(&host, &project, &site).await;
    assert!(page(&format!("{app}/health"), &[]).is_err(), "only nginx publishes");
    let plain = format!("http://localhost:{}/", ports["HTTP_HOST_PORT"]);
    assert_eq!(page(&plain, &[]).unwrap().0, 301, "to TLS");
    redis_wants_its_password(&host, &host.running(&project, "redis").await);
    no_secret_is_an_argument(&host, &project, 3);
    nothing_is_diagnosed(&host, &project);

    host.is_silent().await;
    host.there_and_back(&project, &[&["up", "-d"]], 1).await;
    assert!(answers(&format!("{site}/notes"), TLS).await.contains("Ana"), "kept");
    the_certificate_is_looked_after(&mut host, &project).await;
}

/// What happens every night: the certificate is renewed if it has to be, and nginx reads it again.
async fn the_certificate_is_looked_after(host: &mut Host, project: &str) {
    let nginx = host.running(project, "nginx").await;
    set(host, project, &[("RENEWAL", "@every 5s".to_owned())]);
    eventually("a run succeeds", || {
        let status = host.status(project)?;
        let schedules = status.services.iter().flat_map(|one| &one.schedules);
        let ended: Vec<_> = schedules.flat_map(|one| one.history.clone()).collect();
        let done = ended.iter().any(|one| matches!(one.end, RunEnd::Complete));
        hold(done, || format!("{ended:?}"))
    })
    .await;
    set(host, project, &[("RENEWAL", "17 3 * * *".to_owned())]);
    host.ready(project).await;
    assert_eq!(host.running(project, "nginx").await.id(), nginx.id(), "only signalled");
}

/// Not root, nothing writable but its data, its logs and /tmp, bounded in size and in what it logs.
async fn hardened(host: &Host, project: &str) {
    let app = host.running(project, "app").await;
    assert_eq!(host.engine.exec(app.id(), &["id", "-u"]).trim(), "1000");
    let tried = "touch /app/x 2>/dev/null || echo refused; touch /tmp/x /app/data/x /app/logs/x";
    assert_eq!(host.engine.exec(app.id(), &["sh", "-c", tried]).trim(), "refused");
    assert_eq!(app.number("/HostConfig/Memory"), 1 << 30);
    assert_eq!(app.number("/HostConfig/NanoCpus"), 2_000_000_000);
    assert_eq!(app.text("/HostConfig/LogConfig/Config/max-size"), "10m");
    assert_eq!(app.text("/HostConfig/LogConfig/Config/max-file"), "3");
    let applied = host.engine.exec(app.id(), &["alembic", "current"]);
    assert!(applied.contains("0002 (head)"), "{applied}");
}

/// All three answer, from one database that one job migrated, and count requests in one place.
async fn replicas_share_everything(host: &Host, project: &str, site: &str) {
    let all = host.replicas(project, "app", 3).await;
    let jobs = host.containers(project, "migrate");
    let done = jobs.len() == 1 && jobs[0].number("/State/ExitCode") == 0 && !jobs[0].runs();
    assert!(done, "{}", lines(&jobs));
    assert!(all.iter().all(|one| one.started_at() > jobs[0].text("/State/FinishedAt")));
    let mut seen = BTreeSet::new();
    eventually("all replicas answer through nginx", || {
        seen.insert(page(&format!("{site}/whoami"), TLS)?.1);
        hold(seen.len() == 3, || format!("{seen:?}"))
    })
    .await;
    assert!(answers(&format!("{site}/notes"), TLS).await.contains("Ana"), "written before scaling");
    for _ in 0..9 {
        assert_eq!(page(&format!("{site}/notes"), JSON).unwrap().0, 201);
    }
    let notes = json(&format!("{site}/notes"), TLS).await;
    assert_eq!(notes.as_array().map(Vec::len), Some(10), "{notes}");
    let statuses: Vec<u16> =
        (0..6).map(|_| page(&format!("{site}/limited"), TLS).unwrap().0).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429], "one count for all replicas");
}
