//! The system pontificia with real servers: eight Django services, eight MariaDB, Redis; secured and watched.

use std::process::Command;

use crate::support_real::backups::every_backup_is_proven;
use crate::support_real::container::Container;
use crate::support_real::host::Host;
use crate::support_real::look::lines;
use crate::support_real::system::{
    Ports, Setting, answers, json, no_secret_is_an_argument, nothing_is_diagnosed, page, place,
    redis_wants_its_password, value_of, waited_for_databases,
};
use crate::support_real::wait::{eventually, hold};

const SERVICES: &[&str] =
    &["auth", "users", "asistencia", "documentos", "pagos", "reportes", "auditoria"];
/// The certificate is of our own making.
const TLS: &[&str] = &["--insecure"];

#[tokio::test]
async fn all_services_open_their_databases_and_move_to_the_cli_and_back() {
    let mut host = Host::new();
    let project = host.project("pontificia");
    let ports = place(&host, "pontificia", &project, &[], &settings(&host, &project));
    host.start();
    // Eight services, eight databases, Redis, and the job that migrates for the gateway.
    host.comes_up(&project, 18).await;
    // Eight services, and the job of the gateway.
    let waited = waited_for_databases(&host, &project, |name| name.ends_with("_mysql"));
    assert_eq!(waited, 9);

    let site = format!("http://localhost:{}", ports["GATEWAY_HOST_PORT"]);
    services_open_their_databases(&ports, &site).await;
    the_gateway_passes_on(&site, &[]).await;
    let peers = json(&format!("{site}/peers/"), &[]).await;
    assert_eq!([&peers["auth"], &peers["users"]], ["ok", "ok"], "{peers}");
    a_service_without_database_says_so(&host, &project, &ports).await;
    redis_wants_its_password(&host, &host.running(&project, "redis").await);
    no_secret_is_an_argument(&host, &project, 2);
    nothing_is_diagnosed(&host, &project);
    limits_of_the_override_apply(&host, &project).await;
    let network = host.engine.get(&format!("/networks/{project}_pontificia_network"));
    let subnet = value_of(&host, &project, "NETWORK_SUBNET");
    assert_eq!(network["IPAM"]["Config"][0]["Subnet"], subnet, "{network}");

    every_backup_is_proven(
        &host,
        &project,
        &[
            "asistencia",
            "asistencia_mysql",
            "auditoria_mysql",
            "auth_mysql",
            "documentos",
            "documentos_mysql",
            "gateway_mysql",
            "pagos_mysql",
            "redis",
            "reportes",
            "reportes_mysql",
            "users_mysql",
        ],
    );
    a_dropped_database_comes_back(&host, &project, &ports).await;

    host.is_silent().await;
    host.there_and_back(&project, &[&["up", "-d"]], 0).await;
    let kept = json(&format!("{site}/records/"), &[]).await;
    assert_eq!(kept["records"], 1, "the volumes were not touched: {kept}");
}

#[tokio::test]
async fn secured_it_is_reached_by_tls_alone_and_everything_is_watched() {
    let mut host = Host::new();
    let project = host.project("secured");
    let ports = place(&host, "pontificia", &project, &["secured"], &settings(&host, &project));
    host.start();
    // Also nine exporters, Prometheus, Grafana and the job that makes a certificate.
    host.comes_up(&project, 30).await;

    let site = format!("https://localhost:{}", ports["HTTPS_HOST_PORT"]);
    the_gateway_passes_on(&site, TLS).await;
    let peers = json(&format!("{site}/peers/"), TLS).await;
    assert_eq!([&peers["auth"], &peers["users"]], ["ok", "ok"], "by their aliases: {peers}");
    let plain = format!("http://localhost:{}/", ports["HTTP_HOST_PORT"]);
    assert_eq!(page(&plain, &[]).unwrap().0, 301, "to TLS");
    headers_and_rate(&site);
    closed_but_for_the_gateway(&host, &project, &ports);
    everything_is_watched(&host, &project, &site).await;
    no_secret_is_an_argument(&host, &project, 2);
    nothing_is_diagnosed(&host, &project);
    host.is_silent().await;
}

/// A subnet, an image and a pace of the run's own.
fn settings(host: &Host, project: &str) -> Vec<Setting<'static>> {
    let random = host
        .project("")
        .bytes()
        .fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let subnet = format!("10.{}.{}.0/24", 100 + random % 100, random / 100 % 256);
    vec![
        ("NETWORK_SUBNET", subnet),
        ("GATEWAY_IMAGE", format!("{project}-gateway:latest")),
        ("HEALTH_INTERVAL", "10s".to_owned()),
        ("HEALTH_START_PERIOD", "180s".to_owned()),
    ]
}

/// The connectivity script: a row is written and counted in each of the eight databases, each by its own service.
async fn services_open_their_databases(ports: &Ports, site: &str) {
    let own = |name: &str| format!("http://localhost:{}", ports[&format!("{name}_HOST_PORT")]);
    let mut addresses = vec![("gateway".to_owned(), site.to_owned())];
    addresses.extend(SERVICES.iter().map(|name| ((*name).to_owned(), own(&name.to_uppercase()))));
    for (name, address) in addresses {
        let health = json(&format!("{address}/health/"), &[]).await;
        assert_eq!([&health["database"], &health["cache"]], ["ok", "ok"], "{health}");
        assert_eq!(health["service"], name.as_str());
        answers(&format!("{address}/health/db/"), &[]).await;
        let made = json(&format!("{address}/records/"), &["-d", "name=first"]).await;
        assert_eq!(made["database"], name.as_str(), "{made}");
        assert_eq!(made["made_by"], "init.sql", "{made}");
        assert_eq!(made["records"], 1, "{made}");
    }
}

/// Health and pages of every service through the gateway, and static files; numbers stay inside.
async fn the_gateway_passes_on(site: &str, more: &[&str]) {
    for name in SERVICES {
        let health = json(&format!("{site}/api/{name}/health/"), more).await;
        assert_eq!(health["service"], *name, "{health}");
    }
    assert_eq!(page(&format!("{site}/api/auth/metrics/"), more).unwrap().0, 404);
    assert!(answers(&format!("{site}/static/admin/css/base.css"), more).await.contains("body"));
}

/// 503 while the database is away, 200 again once it was healed.
async fn a_service_without_database_says_so(host: &Host, project: &str, ports: &Ports) {
    let url = format!("http://localhost:{}/health/", ports["PAGOS_HOST_PORT"]);
    let database = host.running(project, "pagos_mysql").await;
    host.engine.act(database.id(), "kill");
    eventually("the health of pagos fails", || {
        let (status, body) = page(&url, &[])?;
        hold(status == 503 && body.contains(r#""database": "failed""#), || {
            format!("{status}: {body}")
        })
    })
    .await;
    answers(&url, &[]).await;
    host.ready(project).await;
}

/// A person drops a database; one command, and its service answers with the row that it had.
async fn a_dropped_database_comes_back(host: &Host, project: &str, ports: &Ports) {
    let address = format!("http://localhost:{}", ports["PAGOS_HOST_PORT"]);
    let database = host.running(project, "pagos_mysql").await;
    let drop = "MYSQL_PWD=\"$MYSQL_PASSWORD\" mysql -u \"$MYSQL_USER\" -e 'DROP DATABASE pagos'";
    host.engine.exec(database.id(), &["sh", "-c", drop]);
    eventually("the health of pagos fails", || {
        let (status, body) = page(&format!("{address}/health/"), &[])?;
        hold(status == 503, || format!("{status}: {body}"))
    })
    .await;
    host.expect(&["restore", &format!("{project}/pagos_mysql")]);
    let found = json(&format!("{address}/records/"), &[]).await;
    assert_eq!(found["records"], 1, "{found}");
    host.ready(project).await;
}

async fn limits_of_the_override_apply(host: &Host, project: &str) {
    for (service, memory, cpus) in [
        ("auth", 512 << 20, 500_000_000),
        ("gateway", 1 << 30, 1_000_000_000),
        ("auth_mysql", 1 << 30, 1_000_000_000),
    ] {
        let container = host.running(project, service).await;
        assert_eq!(container.number("/HostConfig/Memory"), memory, "{service}");
        assert_eq!(container.number("/HostConfig/NanoCpus"), cpus, "{service}");
    }
}

/// What a browser is told, and what happens to who asks too often.
fn headers_and_rate(site: &str) {
    let (_, head) = page(&format!("{site}/health/"), &["--insecure", "--head"]).unwrap();
    let head = head.to_lowercase();
    for header in ["strict-transport-security", "x-content-type-options", "content-security-policy"]
    {
        assert!(head.contains(header), "{header} in\n{head}");
    }
    assert_eq!(page(&format!("{site}/metrics/"), TLS).unwrap().0, 404);
    // One connection, so that curl asks faster than the rate lets through.
    let many = format!("{site}/static/admin/css/base.css?[1-150]");
    let arguments = ["--insecure", "--output", "/dev/null", "--write-out", "%{http_code} "];
    let output = Command::new("curl").arg("-s").args(arguments).arg(many).output();
    let statuses = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(statuses.contains("200") && statuses.contains("429"), "{statuses}");
}

/// No host port but the gateway's; services, databases and Redis are on the internal network alone.
fn closed_but_for_the_gateway(host: &Host, project: &str, ports: &Ports) {
    let all = host.engine.containers_of(project);
    let publishes = |one: &&Container| {
        one.at("/HostConfig/PortBindings").as_object().is_some_and(|ports| !ports.is_empty())
    };
    let open: Vec<_> = all.iter().filter(publishes).cloned().collect();
    assert!(open.len() == 1 && open[0].name().ends_with("_gateway"), "{}", lines(&open));
    let internal = format!("{project}_internal");
    assert_eq!(host.engine.get(&format!("/networks/{internal}"))["Internal"], true);
    for container in &all {
        let inside = container.networks() == [internal.as_str()];
        let job = container.networks() == ["none"];
        assert!(inside || job || container.name() == open[0].name(), "{}", container.line());
    }
    for name in ["AUTH_HOST_PORT", "AUTH_MYSQL_HOST_PORT", "REDIS_HOST_PORT", "GATEWAY_HOST_PORT"] {
        let address = format!("http://localhost:{}/", ports[name]);
        assert!(page(&address, &[]).is_err(), "{name} is closed");
    }
    // From inside, the gateway is reached on the internal network, and the open one is not reached at all.
    let auth = all.iter().find(|one| one.name().ends_with("_auth")).unwrap();
    let connect = "import socket, sys; socket.create_connection((sys.argv[1], 8000), 2)";
    let reached = |network: &str| {
        let address = open[0].at("/NetworkSettings/Networks")[network]["IPAddress"].clone();
        let address = address.as_str().unwrap();
        let command = format!("python3 -c '{connect}' {address} 2>/dev/null && echo reached; true");
        host.engine.exec(auth.id(), &["sh", "-c", &command]).contains("reached")
    };
    assert!(reached(&internal));
    assert!(!reached(&format!("{project}_pontificia_network")), "nothing inside gets out");
}

/// Every service, database and Redis is up in Prometheus, and the board shows it behind the password.
async fn everything_is_watched(host: &Host, project: &str, site: &str) {
    let user = format!("admin:{}", value_of(host, project, "GRAFANA_PASSWORD"));
    let grafana = format!("{site}/grafana/api");
    let more = ["--insecure", "--user", &user];
    assert_eq!(json(&format!("{grafana}/search"), &more).await[0]["title"], "Pontificia");
    let number = |query: &str| {
        let url = format!("{grafana}/datasources/proxy/1/api/v1/query?query={query}");
        let (_, body) = page(&url, &more)?;
        let value: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        let found = value["data"]["result"][0]["value"][1].as_str().map(str::to_owned);
        found.ok_or(body)
    };
    for (query, wanted) in
        [("sum(up)", "17"), ("sum(mysql_up)", "8"), ("sum(redis_up)", "1"), ("count(up)", "17")]
    {
        eventually(&format!("{query} is {wanted}"), || {
            let now = number(query)?;
            hold(now == wanted, || now.clone())
        })
        .await;
    }
}
