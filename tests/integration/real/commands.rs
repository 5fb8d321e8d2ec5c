//! Commands inside of containers, by people.

use std::io::Write;
use std::process::Stdio;

use crate::real::text::{SLEEP, file, service};
use crate::support_real::controller::command;
use crate::support_real::host::{Host, Run};

/// Runs a command of the binary whose arguments end with those of another program, with this on its standard input.
fn run(host: &Host, arguments: &[&str], input: &str) -> Run {
    let mut command = command();
    command.args(host.settings()).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[tokio::test]
async fn commands_run_in_a_ready_replica_and_are_written_down() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let ports = &["ports: [\"127.0.0.1::80\"]"];
    host.write(&shop, &file(&[service("web", SLEEP, ports), service("db", SLEEP, &[])]));
    host.start();
    host.ready(&shop).await;
    let target = format!("{shop}/web");

    let line = "cat; echo \"$COLOR\" >&2; pwd; id -u; exit 7";
    let options = ["exec", "-e", "COLOR=hunter2", "-w", "/tmp", "-u", "65534", &target];
    let ran = run(&host, &[&options[..], &["sh", "-c", line]].concat(), "typed\n");
    assert_eq!((ran.code, ran.out.as_str()), (7, "typed\n/tmp\n65534\n"), "{}", ran.err);
    assert_eq!(ran.err, "hunter2\n");
    let ran = run(&host, &["exec", &target, "redis-cli", "--pass", "hunter2"], "");
    assert!([126, 127].contains(&ran.code), "{} {}{}", ran.code, ran.out, ran.err);
    let ran = run(&host, &["shell", "--root", &target], "echo is $0\nexit 3\n");
    assert_eq!((ran.code, ran.out.as_str()), (3, "is sh\n"), "{}", ran.err);
    // More than the engine sends at a time, in both directions.
    let long = "x".repeat(300_000);
    let ran = run(&host, &["exec", &target, "cat"], &long);
    assert!(ran.code == 0 && ran.out == long, "{} of {}", ran.out.len(), long.len());

    let ran = run(&host, &["exec", "--index", "2", &target, "true"], "");
    assert_eq!(ran.code, 3, "{}", ran.err);
    let ran = run(&host, &["exec", &shop, "true"], "");
    assert!(ran.code == 2 && ran.err.contains("/SERVICE"), "{}", ran.err);

    let history = host.expect(&["history", &shop]);
    let name = format!("Exec {shop}-web-1: ");
    assert!(history.contains(&name) && history.contains("exit code 7"), "{history}");
    assert!(history.contains("redis-cli --pass ***"), "{history}");
    assert!(!history.contains("hunter2"), "{history}");
    let described = host.expect(&["describe", &target]);
    assert!(described.contains("is lost when the container is replaced"), "{described}");
    assert!(!host.expect(&["describe", &format!("{shop}/db")]).contains("By hand"));

    let published = host.expect(&["port", &target, "80"]);
    assert!(published.starts_with("127.0.0.1:"), "{published}");
    assert_eq!(host.expect(&["port", &target]), format!("80/tcp -> {published}"));
    assert_eq!(host.run(&["port", &target, "81"]).code, 3);
}
