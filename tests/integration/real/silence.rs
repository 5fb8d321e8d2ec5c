//! Converged means silent, counted by the engine's events and by the controller's own counter.

use crate::real::text::{SLEEP, file, service};
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

const PASSES: u64 = 100;

/// A project that uses what is most often normalised by the engine: limits, ports, volumes, checks, several networks.
fn rich(free_port: u16) -> String {
    let port = format!(r#"ports: ["127.0.0.1:{free_port}:80/tcp"]"#);
    let check =
        r#"healthcheck: { test: ["CMD", "true"], interval: 1s, timeout: 2s, start_period: 3s }"#;
    let web = [
        "environment: { A: '1', EMPTY: '', B: two }",
        "labels: { com.example.shop: 'yes' }",
        "mem_limit: 64m",
        "cpus: 0.5",
        "restart: on-failure:3",
        "volumes: [\"data:/data\", \"/var/cache\", { type: tmpfs, target: /scratch, tmpfs: { size: 1048576 } }]",
        "networks: { front: { aliases: [shopfront] }, back: {} }",
        "ulimits: { nofile: { soft: 1024, hard: 2048 } }",
        "cap_drop: [NET_RAW]",
        "extra_hosts: [\"far:10.9.8.7\"]",
        "dns: [10.9.8.6]",
        "sysctls: { net.core.somaxconn: 512 }",
        "logging: { driver: json-file, options: { max-size: 1m } }",
        "stop_signal: SIGINT",
        "stop_grace_period: 3s",
        "working_dir: /tmp",
        "user: \"0:0\"",
        "hostname: shopfront",
        "shm_size: 32m",
        "read_only: true",
        "tty: true",
        "depends_on: { db: { condition: service_healthy } }",
        &port,
        check,
    ];
    let services = file(&[
        service("web", SLEEP, &web),
        service("db", SLEEP, &[check, "networks: [back]", "scale: 2"]),
        service("job", "true", &["networks: [back]"]),
    ]);
    format!(
        "{services}networks: {{ front: {{}}, back: {{ internal: true }} }}\nvolumes: {{ data: {{}} }}\n"
    )
}

#[tokio::test]
async fn a_hundred_passes_and_a_restart_change_nothing() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    host.write(&shop, &rich(port));
    host.start();
    host.ready(&shop).await;
    host.pass();
    let (mark, before) = (host.events.mark().await, host.fresh().await);
    for _ in 0..PASSES {
        host.pass();
    }
    let after = host.fresh().await;
    assert!(after.passes >= before.passes + PASSES, "{} {}", before.passes, after.passes);
    assert_eq!(after.mutating_calls, before.mutating_calls, "by the facade's own counter");
    assert_eq!(host.events.since(mark).await, Vec::<String>::new(), "by the engine's events");

    host.kill();
    host.start();
    host.ready(&shop).await;
    host.pass();
    host.pass();
    assert_eq!(host.fresh().await.mutating_calls, 0, "a new controller finds it as it is");
    assert_eq!(host.events.since(mark).await, Vec::<String>::new());
    host.terminate().await;
    assert_eq!(host.events.since(mark).await, Vec::<String>::new());
}

/// The table says what is; `plan` says that nothing is to be done.
#[tokio::test]
async fn a_converged_host_has_an_empty_plan() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    host.write(&shop, &rich(port));
    host.start();
    host.ready(&shop).await;
    eventually("the plan is empty", || {
        let run = host.run(&["plan"]);
        hold(run.code == 0, || format!("{}\n{}{}", run.code, run.out, run.err))
    })
    .await;
    let table = host.expect(&["get", "services", "-p", &shop]);
    assert!(table.contains("web") && table.contains("2/2"), "{table}");
}
