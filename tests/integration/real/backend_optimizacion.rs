//! The system backend-optimizacion with real servers: MariaDB, Redis, Django under gunicorn, Celery, nginx.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold, within};

/// First boot of the database included, on two busy cores.
const FIRST_START: Duration = Duration::from_secs(240);
const PORTS: &[&str] = &["NGINX_HOST_PORT", "WEB_HOST_PORT", "DB_HOST_PORT", "REDIS_HOST_PORT"];

/// Copies the system into the watched directory, with passwords, free ports and an image name of its own.
/// Gives the port of nginx.
fn place(host: &Host, project: &str) -> u16 {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/systems/backend-optimizacion");
    let aside = host.aside().join(project);
    let copied = Command::new("cp").arg("-a").arg(source).arg(&aside).status().unwrap();
    assert!(copied.success());
    drop(fs::remove_file(aside.join(".env")));
    assert!(Command::new(aside.join("make-env")).status().unwrap().success());
    let listeners: Vec<_> =
        PORTS.iter().map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let ports: Vec<u16> = listeners.iter().map(|one| one.local_addr().unwrap().port()).collect();
    let env = fs::read_to_string(aside.join(".env")).unwrap();
    let mut lines: Vec<String> = env.lines().map(str::to_owned).collect();
    for (name, port) in PORTS.iter().zip(&ports) {
        let line = lines.iter_mut().find(|line| line.starts_with(&format!("{name}="))).unwrap();
        *line = format!("{name}={port}");
    }
    fs::write(aside.join(".env"), lines.join("\n") + "\n").unwrap();
    let manifest = aside.join("docker-compose.prod.yml");
    let text = fs::read_to_string(&manifest).unwrap();
    let image = host.project("app:prod");
    assert!(text.contains("backend-optimizacion-app:prod"));
    fs::write(&manifest, text.replace("backend-optimizacion-app:prod", &image)).unwrap();
    // Complete at once, as a checkout would be renamed into place.
    fs::rename(aside, host.desired().join(project)).unwrap();
    ports[0]
}

/// Status and body of a page, or why there is none.
fn page(port: u16, path: &str) -> Result<(u16, String), String> {
    let text = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(text)?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).map_err(text)?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").map_err(text)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).map_err(text)?;
    let answer = String::from_utf8_lossy(&bytes);
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    Ok((status.ok_or("no answer")?, body.unwrap_or_default()))
}

/// Follows one redirect within the host, as the administration's login page needs.
async fn answers(port: u16, path: &str) -> String {
    eventually(&format!("{path} answers through nginx"), || {
        let (status, body) = page(port, path)?;
        hold(status == 200, || format!("{status}: {}", body.get(..200).unwrap_or(&body)))?;
        Ok(body)
    })
    .await
}

#[tokio::test]
async fn the_whole_system_comes_up_serves_and_stays_silent() {
    let mut host = Host::new();
    let project = host.project("backend");
    let port = place(&host, &project);
    host.start();
    let services = ["db", "redis", "web", "celery", "celery-beat", "nginx"];
    within(FIRST_START, "all six services run and are Ready", || {
        let status = host.status(&project)?;
        let ready = status.services.iter().filter(|one| one.ready == one.replicas && one.ready > 0);
        let names: Vec<_> = ready.map(|one| one.name.as_str()).collect();
        let missing: Vec<_> = services.iter().filter(|name| !names.contains(*name)).collect();
        hold(missing.is_empty(), || format!("not ready: {missing:?}; held: {:?}", status.held))
    })
    .await;
    host.ready(&project).await;

    answers(port, "/health/").await;
    assert!(answers(port, "/admin/login/?next=/admin/").await.contains("csrf"));
    assert_eq!(page(port, "/admin/").unwrap().0, 302, "to the login page");
    assert!(answers(port, "/static/admin/css/base.css").await.contains("body"));
    counter_rises(port).await;
    the_trap_is_a_warning(&host, &project).await;

    host.pass();
    let (mark, before) = (host.events.mark().await, host.fresh().await);
    for _ in 0..10 {
        host.pass();
    }
    assert_eq!(host.events.since(mark).await, Vec::<String>::new());
    assert_eq!(host.fresh().await.mutating_calls, before.mutating_calls);

    // One real fault: the database is killed, and everything serves again without a person.
    let db = host.running(&project, "db").await;
    host.engine.act(db.id(), "kill");
    host.running_and(&project, "db", "healthy again", |now| {
        now.started_at() != db.started_at() && now.health() == "healthy"
    })
    .await;
    answers(port, "/health/").await;
    host.ready(&project).await;
}

/// The scheduler sends, the worker counts, the site shows it: all three and the broker work.
async fn counter_rises(port: u16) {
    let count = || {
        let (status, body) = page(port, "/api/")?;
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
