//! A real Prometheus, itself kept by composelet, scrapes a real run: the alert rules and the dashboard that are shipped work.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

const ALERTS: &str = include_str!("../../../docs/monitoring/alerts.yaml");
const DASHBOARD: &str = include_str!("../../../docs/monitoring/dashboard.json");
const TOKEN: &str = "0123456789abcdef-read";

/// An address that nobody listens on now.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Reads JSON from Prometheus; `None` while nobody answers.
fn read(address: SocketAddr, path: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nhost: {address}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

fn query(address: SocketAddr, expression: &str) -> Option<Value> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    let letter = |byte: u8| {
        if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    let encoded: String = expression.bytes().map(letter).collect();
    read(address, &format!("/api/v1/query?query={encoded}"))
}

/// A host whose API listens, and a Prometheus that scrapes it as one of its projects.
fn host(api: SocketAddr, prometheus: SocketAddr) -> (Host, String) {
    let mut host = Host::new();
    let place = host.aside().join("monitoring");
    fs::create_dir(&place).unwrap();
    let write = |name: &str, text: &str| {
        let path = place.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    write("alerts.yaml", ALERTS);
    let token = write("token", TOKEN);
    write(
        "prometheus.yml",
        &format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [alerts.yaml]\n\
             scrape_configs:\n  - job_name: composelet\n    authorization: {{credentials_file: token}}\n    \
             static_configs: [{{targets: ['{api}']}}]\n"
        ),
    );
    let settings =
        write("composelet.yaml", &format!("api: {{listen: '{api}', read_token_file: {token}}}\n"));
    host.arguments = vec!["--config".to_owned(), settings];
    let project = host.project("watch");
    host.write(
        &project,
        &format!(
            "services:\n  prometheus:\n    image: composelet-test/prometheus:2\n    network_mode: host\n    \
             command: [--config.file=/monitoring/prometheus.yml, --storage.tsdb.path=/tmp/data, --web.listen-address={prometheus}]\n    \
             volumes: ['{}:/monitoring:ro']\n",
            place.display()
        ),
    );
    (host, project)
}

/// Expressions of the dashboard, with what Grafana would put in.
fn expressions() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let each = targets.map(|target| {
        let text = target["expr"].as_str().unwrap();
        let text = text.replace("$__rate_interval", "1m");
        text.replace("$instance", ".*").replace("$project", ".*")
    });
    each.collect()
}

#[tokio::test]
async fn prometheus_scrapes_a_run_and_evaluates_every_rule() {
    let (api, prometheus) = (free_address(), free_address());
    let (mut host, project) = host(api, prometheus);
    host.start();
    host.ready(&project).await;
    let value = |expression: &str| {
        let found = query(prometheus, expression).unwrap_or_default();
        found["data"]["result"][0]["value"][1].as_str().map(str::to_owned)
    };
    eventually("the run is scraped", || {
        hold(value("up{job=\"composelet\"}").as_deref() == Some("1"), || {
            format!("{:?}", read(prometheus, "/api/v1/targets"))
        })
    })
    .await;
    let replicas =
        format!("composelet_service_replicas{{project=\"{project}\",state=\"running\"}}");
    eventually("its replica is counted", || {
        hold(value(&replicas).as_deref() == Some("1"), || format!("{:?}", value(&replicas)))
    })
    .await;

    let container = host.running(&project, "prometheus").await;
    let checked = host.engine.exec(
        container.name(),
        &["promtool", "check", "rules", "--lint=all", "--lint-fatal", "/monitoring/alerts.yaml"],
    );
    let alerts = ALERTS.matches("- alert: ").count();
    assert!(checked.contains(&format!("{alerts} rules found")), "{checked}");
    eventually("each rule was evaluated", || {
        let rules = read(prometheus, "/api/v1/rules").unwrap_or_default();
        let groups = rules["data"]["groups"].as_array().cloned().unwrap_or_default();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
        let well = rules.filter(|rule| rule["health"] == "ok").count();
        hold(well == alerts, || format!("{well} of {alerts}: {groups:?}"))
    })
    .await;
    let firing = query(prometheus, "ALERTS{alertstate=\"firing\"}").unwrap();
    assert_eq!(firing["data"]["result"], Value::Array(Vec::new()), "all is well");
    for expression in expressions() {
        let answer = query(prometheus, &expression).unwrap();
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
    }
}
