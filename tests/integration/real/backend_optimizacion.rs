//! The system backend-optimizacion with real servers: MariaDB, Redis, Django under gunicorn, Celery, nginx.

use std::fs;

use crate::support_real::backups::every_backup_is_proven;
use crate::support_real::host::Host;
use crate::support_real::system::{answers, page, place, waited_for_databases};
use crate::support_real::wait::{eventually, hold};

#[tokio::test]
async fn the_whole_system_comes_up_serves_and_stays_silent() {
    let mut host = Host::new();
    let project = host.project("backend");
    let image = host.project("app:prod");
    let ports = place(&host, "backend-optimizacion", &project, &[], &[("APP_IMAGE", image)]);
    let site = format!("http://localhost:{}", ports["NGINX_HOST_PORT"]);
    host.start();
    host.comes_up(&project, 6).await;
    // The site, the worker and the scheduler.
    assert_eq!(waited_for_databases(&host, &project, |name| name == "db"), 3);

    answers(&format!("{site}/health/"), &[]).await;
    assert!(answers(&format!("{site}/admin/login/?next=/admin/"), &[]).await.contains("csrf"));
    assert_eq!(page(&format!("{site}/admin/"), &[]).unwrap().0, 302, "to the login page");
    assert!(answers(&format!("{site}/static/admin/css/base.css"), &[]).await.contains("body"));
    counter_rises(&site).await;
    the_trap_is_a_warning(&host, &project).await;
    every_backup_is_proven(&host, &project, &["celery", "celery-beat", "db", "redis", "web"]);

    host.is_silent().await;

    // One real fault: the database is killed, and everything serves again without a person.
    let db = host.running(&project, "db").await;
    host.engine.act(db.id(), "kill");
    host.running_and(&project, "db", "healthy again", |now| {
        now.started_at() != db.started_at() && now.health() == "healthy"
    })
    .await;
    answers(&format!("{site}/health/"), &[]).await;
    host.ready(&project).await;

    // As its owners wrote it the CLI refuses the whole file, because of nginx's wait: so nginx comes without it.
    let rest: &[&str] = &["up", "-d", "db", "redis", "web", "celery", "celery-beat"];
    host.there_and_back(&project, &[rest, &["up", "-d", "--no-deps", "nginx"]], 0).await;
    answers(&format!("{site}/health/"), &[]).await;
}

/// The scheduler sends, the worker counts, the site shows it: all three and the broker work.
async fn counter_rises(site: &str) {
    let count = || {
        let (status, body) = page(&format!("{site}/api/"), &[])?;
        let value: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        value["heartbeats"].as_u64().ok_or(format!("{status}: {body}"))
    };
    let first = eventually("/api/ answers through nginx", count).await;
    eventually("the counter of the worker rises", || {
        let now = count()?;
        hold(now > first, || format!("{now}, as before"))
    })
    .await;
}

/// nginx waits for the health of a service without a health check: said with file, line and what to do.
async fn the_trap_is_a_warning(host: &Host, project: &str) {
    let file = host.desired().join(project).join("docker-compose.prod.yml");
    let text = fs::read_to_string(&file).unwrap();
    let trap = text.lines().position(|line| line.contains("`web` has no health check")).unwrap();
    let lines: Vec<String> =
        (trap + 2..=trap + 4).map(|line| format!("docker-compose.prod.yml:{line}:")).collect();
    let described = host.described(project, &["health"]).await;
    assert!(lines.iter().any(|place| described.contains(place)), "{lines:?} in\n{described}");
    assert!(described.contains("healthcheck"), "what to do:\n{described}");
}
