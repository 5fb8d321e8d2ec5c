//! The system paqueteria with real servers: FastAPI under uvicorn, Celery, Redis, Prometheus, and a stand-in for Grafana.

use std::fs;

use crate::support_real::backups::every_backup_is_proven;
use crate::support_real::container::Container;
use crate::support_real::host::Host;
use crate::support_real::system::{
    Ports, answers, json, no_secret_is_an_argument, nothing_is_diagnosed, page, place,
    redis_wants_its_password, targets_up, value_of,
};
use crate::support_real::wait::{eventually, hold};

#[tokio::test]
async fn the_system_serves_works_is_watched_and_moves_to_the_cli_and_back() {
    let mut host = Host::new();
    let project = host.project("paqueteria");
    let ports = place(&host, "paqueteria", &project, &[], &[]);
    let app = address(&ports, "APP");
    host.start();
    host.comes_up(&project, 7).await;

    assert_eq!(json(&format!("{app}/health"), &[]).await["redis"], "ok");
    assert!(answers(&format!("{app}/static/app.css"), &[]).await.contains("body"));
    workers_work(&app).await;
    beat_ticks(&app).await;
    let redis = host.running(&project, "redis").await;
    redis_wants_its_password(&host, &redis);
    no_secret_is_an_argument(&host, &project, 2);
    nothing_is_diagnosed(&host, &project);
    targets_up(&address(&ports, "PROMETHEUS"), &["app", "node", "prometheus"]).await;
    the_board_shows_them(&host, &project, &address(&ports, "GRAFANA")).await;
    every_port_is_on_loopback(&host, &project);
    every_backup_is_proven(&host, &project, &["app", "celery_beat", "redis"]);

    host.is_silent().await;
    new_code_is_reloaded(&host, &project, &app).await;
    a_release_reaches_the_workers(&host, &project, &app).await;
    host.there_and_back(&project, &[&["up", "-d"]], 0).await;
    assert!(answers(&format!("{app}/labels/7"), &[]).await.contains("PARCEL 7"), "kept");
    beat_ticks(&app).await;
}

fn address(ports: &Ports, service: &str) -> String {
    format!("http://localhost:{}", ports[&format!("{service}_HOST_PORT")])
}

/// A parcel is handed in: one queue tells the receiver, another prints the label, a third makes the report.
async fn workers_work(app: &str) {
    assert_eq!(page(&format!("{app}/parcels/7"), &["-X", "POST"]).unwrap().0, 201);
    // The worker makes the file before it writes into it.
    eventually("the label is written", || {
        let (_, body) = page(&format!("{app}/labels/7"), &[])?;
        hold(body.contains("PARCEL 7"), || body.clone())
    })
    .await;
    eventually("the SMS is sent once", || {
        let (_, body) = page(&format!("{app}/sms"), &[])?;
        hold(body == r#"["PAQUETERIA: parcel 7 has arrived"]"#, || body.clone())
    })
    .await;
    let report = json(&format!("{app}/report"), &[]).await;
    assert_eq!(report["parcels"], 1, "{report}");
}

/// The scheduler sends and a worker counts.
async fn beat_ticks(app: &str) {
    let url = format!("{app}/heartbeats");
    let first = json(&url, &[]).await["heartbeats"].as_u64().unwrap();
    eventually("the counter of the worker rises", || {
        let (_, body) = page(&url, &[])?;
        let value: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        hold(value["heartbeats"].as_u64().is_some_and(|now| now > first), || body.clone())
    })
    .await;
}

/// Behind the password of `.env`: the provisioned board, and the numbers of Prometheus through the data source.
async fn the_board_shows_them(host: &Host, project: &str, grafana: &str) {
    assert_eq!(json(&format!("{grafana}/api/health"), &[]).await["database"], "ok");
    assert_eq!(page(&format!("{grafana}/api/search"), &[]).unwrap().0, 401, "sign-up is off");
    let user = format!("admin:{}", value_of(host, project, "GRAFANA_PASSWORD"));
    let boards = json(&format!("{grafana}/api/search"), &["--user", &user]).await;
    assert_eq!(boards[0]["title"], "Paqueteria");
    let query = "api/datasources/proxy/1/api/v1/query?query=parcels";
    eventually("the number of parcels arrives", || {
        let (_, body) = page(&format!("{grafana}/{query}"), &["--user", &user])?;
        let value: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        hold(value["data"]["result"][0]["value"][1] == "1", || body.clone())
    })
    .await;
}

/// Published, and only to this machine.
fn every_port_is_on_loopback(host: &Host, project: &str) {
    let mut count = 0;
    for container in host.engine.containers_of(project) {
        let bindings = container.at("/HostConfig/PortBindings").as_object().cloned();
        for (_, places) in bindings.unwrap_or_default() {
            assert_eq!(places[0]["HostIp"], "127.0.0.1", "{}", container.name());
            count += 1;
        }
    }
    assert_eq!(count, 4);
}

/// The bound source changes: the web server reloads it, the worker is restarted, and nobody is replaced.
async fn new_code_is_reloaded(host: &Host, project: &str, app: &str) {
    let before = host.running(project, "app").await;
    let worker = host.running(project, "celery_worker").await;
    change(host, project, "CODE/src/__init__.py", "1.0.0", "1.1.0");
    eventually("the web server has the new code", || {
        let (_, body) = page(&format!("{app}/health"), &[])?;
        hold(body.contains(r#""version":"1.1.0""#), || body.clone())
    })
    .await;
    assert_eq!(host.running(project, "app").await.id(), before.id());
    let restarted = |now: &Container| now.started_at() > worker.started_at();
    let now = host.running_and(project, "celery_worker", "is restarted", restarted).await;
    assert_eq!(now.id(), worker.id(), "the same container");
    host.ready(project).await;
}

/// What the image is made of changes: it is built once, and web server and workers run it.
async fn a_release_reaches_the_workers(host: &Host, project: &str, app: &str) {
    let worker = host.running(project, "celery_worker").await;
    change(host, project, "CODE/Dockerfile", "RELEASE=1.0.0", "RELEASE=1.1.0");
    host.pass();
    host.running_and(project, "celery_worker", "is replaced", |now| now.id() != worker.id()).await;
    eventually("a worker of the new release reports", || {
        let (status, body) = page(&format!("{app}/report"), &[])?;
        hold(status == 200 && body.contains(r#""release":"1.1.0""#), || format!("{status}: {body}"))
    })
    .await;
    host.ready(project).await;
    let services = ["app", "celery_worker", "celery_beat"];
    let images = services.map(|name| host.only(project, name).unwrap().text("/Image").to_owned());
    assert!(images.iter().all(|image| *image == images[0]), "{images:?}");
}

fn change(host: &Host, project: &str, file: &str, old: &str, new: &str) {
    let file = host.desired().join(project).join(file);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(old), "{text}");
    fs::write(&file, text.replace(old, new)).unwrap();
}
