//! Commands inside of containers, by people.

use std::fs;
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

#[tokio::test]
async fn a_one_off_command_has_a_container_of_its_own_and_leaves_none() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let lines =
        ["ports: [\"127.0.0.1::80\"]", "volumes: [\"data:/data\"]", "networks: [front, back]"];
    let text = file(&[service("web", SLEEP, &lines)]);
    let rest = "networks: { front: {}, back: {} }\nvolumes: { data: {} }\n";
    host.write(&shop, &format!("{text}{rest}"));
    let target = format!("{shop}/web");
    let early = run(&host, &["one-off", &target, "true"], "");
    assert!(early.code == 2 && early.err.contains("is not there yet"), "{}", early.err);
    host.start();
    host.ready(&shop).await;

    let line = "cat; echo \"$COLOR\" >&2; pwd; echo kept > /data/seen; ip -o -4 addr | grep -c eth; exit 5";
    let options = ["one-off", "-e", "COLOR=hunter2", "-w", "/tmp", &target];
    let ran = run(&host, &[&options[..], &["sh", "-c", line]].concat(), "typed\n");
    assert_eq!((ran.code, ran.out.as_str()), (5, "typed\n/tmp\n2\n"), "{}", ran.err);
    assert_eq!(ran.err, "hunter2\n");
    assert_eq!(run(&host, &["exec", &target, "cat", "/data/seen"], "").out, "kept\n");
    assert_eq!(host.engine.containers_of(&shop).len(), 1, "it is gone, and the replica is there");
    let missing = run(&host, &["one-off", &target, "no-such-program"], "");
    assert!([126, 127, 2].contains(&missing.code), "{} {}", missing.code, missing.err);
    assert_eq!(host.engine.containers_of(&shop).len(), 1);

    // One that is kept is nobody's replica: the loop lets it alone.
    assert_eq!(run(&host, &["one-off", "--keep", &target, "true"], "").code, 0);
    host.pass();
    host.ready(&shop).await;
    let all = host.engine.containers_of(&shop);
    let kept = all.iter().find(|one| one.name().contains("-web-run-")).expect("it was kept");
    assert_eq!((all.len(), kept.state()), (2, "exited"));

    let history = host.expect(&["history", &shop]);
    assert!(history.contains("OneOff ") && history.contains("exit code 5"), "{history}");
    assert!(!history.contains("hunter2"), "{history}");
}

#[tokio::test]
async fn files_are_copied_out_and_in() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &file(&[service("web", SLEEP, &[])]));
    host.start();
    host.ready(&shop).await;
    let target = format!("{shop}/web");
    let inside = |path: &str| format!("{target}:{path}");
    let here = |name: &str| host.aside().join(name).to_str().unwrap().to_owned();

    fs::create_dir_all(here("site/deep")).unwrap();
    fs::write(here("site/deep/page"), "x".repeat(1_000_000)).unwrap();
    host.expect(&["cp", &here("site"), &inside("/srv")]);
    host.expect(&["cp", &here("site"), &inside("/tmp/other/")]);
    let listed = run(
        &host,
        &[
            "exec",
            &target,
            "sh",
            "-c",
            "wc -c < /srv/deep/page || wc -c < /srv/site/deep/page; stat -c %u /tmp/other",
        ],
        "",
    );
    assert_eq!(listed.out.trim(), "1000000\n0", "{}", listed.err);
    host.expect(&["cp", &inside("/tmp/other"), &here("back")]);
    assert_eq!(fs::read_to_string(here("back/deep/page")).unwrap().len(), 1_000_000);
    host.expect(&["cp", &inside("/tmp/other/deep/page"), &here("back")]);
    assert!(fs::exists(here("back/page")).unwrap());
    let archive = run(&host, &["cp", &inside("/tmp/other"), "-"], "");
    assert!(archive.code == 0 && archive.out.contains("other/deep/page"));

    let missing = host.run(&["cp", &inside("/nothing"), &here("nothing")]);
    assert!(missing.code == 2 && missing.err.contains("/nothing"), "{}", missing.err);
    assert!(!fs::exists(here("nothing")).unwrap());
    let missing = host.run(&["cp", &here("nothing"), &inside("/tmp")]);
    assert!(missing.code == 3, "{}", missing.err);
    let nowhere = host.run(&["cp", &here("site"), &inside("/no/such/place")]);
    assert!(nowhere.code == 2 && nowhere.err.contains("/no/such"), "{}", nowhere.err);
    assert_eq!(host.run(&["cp", &here("site"), &here("more")]).code, 2);
    let history = host.expect(&["history", &shop]);
    assert!(history.contains(&format!("Copy {shop}-web-1: ")), "{history}");
}
