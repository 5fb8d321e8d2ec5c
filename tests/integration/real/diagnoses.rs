//! Known failures on the real engine: each service of one project fails in its own way and is diagnosed right; a healthy
//! project gives no finding; the evidence of what failed is kept without its secrets.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::{fs, net::TcpListener};

use serde_json::Value;

use crate::real::text::{SLEEP, file, service, sleeper};
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

/// A password that must not show up anywhere.
const PASSWORD: &str = "hunter2-hunter2-99";

/// The causes that `diagnose` names for a target, by service.
fn diagnosed(host: &Host, target: &str) -> Result<BTreeSet<(String, String)>, String> {
    let run = host.run(&["diagnose", target, "-o", "json"]);
    assert!(!run.out.contains(PASSWORD), "{}", run.out);
    let report: Value = serde_json::from_str(&run.out).map_err(|_| run.err.clone())?;
    let findings = report["findings"].as_array().cloned().unwrap_or_default();
    assert_eq!(run.code, i32::from(!findings.is_empty()), "{}", run.out);
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    Ok(findings.iter().map(|one| (text(one, "service"), text(one, "cause"))).collect())
}

fn services(port: u16) -> String {
    let image = "composelet-test/busybox:1";
    let mut all = vec![
        format!("  entry:\n    image: {image}\n    entrypoint: [\"/gunicron\"]\n"),
        format!(
            "  port:\n    image: {image}\n    init: true\n    command: [\"sleep\", \"100000\"]\n    ports: [\"127.0.0.1:{port}:80\"]\n"
        ),
        format!(
            "  password:\n    image: {image}\n    environment: {{ DB_PASSWORD: {PASSWORD} }}\n    command: [\"sh\", \"-c\", \"echo 'FATAL:  password authentication failed for user \\\"app\\\"' with $$DB_PASSWORD; exit 1\"]\n"
        ),
    ];
    all.push(
        service("memory", "exec tail /dev/zero", &["mem_limit: 16m", "memswap_limit: 16m"])
            .replace("    init: true\n", ""),
    );
    all.push(service(
        "health",
        SLEEP,
        &["healthcheck: { test: [\"CMD\", \"curl\", \"-f\", \"http://localhost/\"], interval: 1s, retries: 1, timeout: 5s }"],
    ));
    file(&all)
}

#[tokio::test]
async fn failures_are_diagnosed_right_and_their_evidence_is_kept() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut host = Host::new();
    let (bad, good) = (host.project("bad"), host.project("good"));
    host.write(&good, &sleeper(&[]));
    host.write(&bad, &services(taken.local_addr().unwrap().port()));
    host.start();
    host.ready(&good).await;
    let expected: BTreeSet<(String, String)> = [
        ("entry", "command-not-found"),
        ("port", "port-taken"),
        ("password", "database-wrong-password"),
        ("health", "health-command-missing"),
        ("memory", "out-of-memory"),
    ]
    .map(|(service, cause)| (service.to_owned(), cause.to_owned()))
    .into();
    eventually("every failure is diagnosed, and nothing else", || {
        let found = diagnosed(&host, &bad)?;
        hold(found == expected, || format!("{found:?}"))
    })
    .await;
    assert_eq!(diagnosed(&host, &good), Ok(BTreeSet::new()));
    let one = diagnosed(&host, &format!("{bad}/port")).unwrap();
    assert_eq!(one.len(), 1, "only the service that was asked for: {one:?}");
    let text = host.run(&["diagnose", &format!("{bad}/password")]).out;
    assert!(text.contains("mend:") && text.contains("***"), "{text}");

    eventually("the evidence is kept", || {
        let shown = host.run(&["describe", &bad, "--evidence"]).out;
        let (_, shown) = shown.split_once("Evidence of failed runs").ok_or("no such section")?;
        assert!(!shown.contains(PASSWORD), "{shown}");
        let lines = ["password authentication failed", "gunicron", "curl"];
        let missing: Vec<_> = lines.iter().filter(|line| !shown.contains(**line)).collect();
        hold(missing.is_empty(), || format!("{missing:?} missing in\n{shown}"))
    })
    .await;
    let directory = host.state().join("evidence").join(&bad);
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        assert!(!fs::read_to_string(&path).unwrap().contains(PASSWORD), "{}", path.display());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(host.run(&["diagnose", "nobody"]).code, 3);
}

/// A bound file that is missing is held; a directory that was made in its place once is diagnosed.
#[tokio::test]
async fn a_file_that_became_a_directory_is_diagnosed() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(
        &shop,
        "services:\n  web:\n    image: composelet-test/nginx:1\n    volumes: [\"./nginx.conf:/etc/nginx/nginx.conf:ro\"]\n",
    );
    fs::create_dir(host.manifest(&shop).with_file_name("nginx.conf")).unwrap();
    host.start();
    let expected = [("web".to_owned(), "file-became-directory".to_owned())].into();
    eventually("it is diagnosed", || {
        let found = diagnosed(&host, &shop)?;
        hold(found == expected, || format!("{found:?}"))
    })
    .await;
}
