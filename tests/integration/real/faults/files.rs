//! Files as the world treats them: swapped, linked, replaced by pipes, and more changes than the kernel tells of.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use crate::real::text::sleeper;
use crate::support_real::container::Container;
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

fn version(n: &str) -> String {
    sleeper(&[&format!("environment: {{ N: '{n}' }}")])
}

/// Waits until the project runs as this version says.
async fn shows(host: &Host, shop: &str, n: &str) -> Container {
    let wanted = format!("N={n}");
    let right = |now: &Container| now.environment().contains(&wanted.as_str());
    let web = host.running_and(shop, "web", &wanted, right).await;
    host.ready(shop).await;
    web
}

/// A project that runs as version `0`.
async fn at_zero() -> (Host, String) {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &version("0"));
    host.start();
    shows(&host, &shop, "0").await;
    (host, shop)
}

#[tokio::test]
async fn files_links_and_directories_may_be_swapped() {
    let (host, shop) = at_zero().await;
    let (directory, manifest) = (host.desired().join(&shop), host.manifest(&shop));
    // Renamed over, as editors and configuration tools do.
    let beside = directory.join(".new");
    fs::write(&beside, version("1")).unwrap();
    fs::rename(&beside, &manifest).unwrap();
    shows(&host, &shop, "1").await;
    // A link, and the link swapped.
    for n in ["2", "3"] {
        let target = host.aside().join(format!("target-{n}.yaml"));
        fs::write(&target, version(n)).unwrap();
        symlink(&target, &beside).unwrap();
        fs::rename(&beside, &manifest).unwrap();
        shows(&host, &shop, n).await;
    }
    // A write behind the link.
    fs::write(host.aside().join("target-3.yaml"), version("4")).unwrap();
    shows(&host, &shop, "4").await;
    // Another directory in the place of the first.
    let other = host.aside().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("compose.yaml"), version("5")).unwrap();
    fs::rename(&directory, host.aside().join("old")).unwrap();
    fs::rename(&other, &directory).unwrap();
    shows(&host, &shop, "5").await;
    // A link to a directory.
    fs::rename(&directory, host.aside().join("real")).unwrap();
    symlink(host.aside().join("real"), &directory).unwrap();
    fs::write(host.aside().join("real/compose.yaml"), version("6")).unwrap();
    shows(&host, &shop, "6").await;
    let creates = host.events.since(0).await;
    let creates = creates.iter().filter(|it| it.starts_with("container create")).count();
    assert_eq!(creates, 7, "one container per version");
}

/// What is no file is never opened: a pipe would block for ever. Its project is held, the others go on.
#[tokio::test]
async fn pipes_and_directories_in_the_place_of_a_manifest_hold_their_project_only() {
    let (host, shop) = at_zero().await;
    let web = host.running(&shop, "web").await;
    let (manifest, other) = (host.manifest(&shop), host.project("other"));
    for (n, what) in ["mkfifo", "mkdir"].iter().enumerate() {
        fs::remove_file(&manifest).unwrap();
        assert!(Command::new(what).arg(&manifest).status().unwrap().success());
        host.described(&shop, &["InvalidManifest"]).await;
        host.write(&other, &version(&n.to_string()));
        shows(&host, &other, &n.to_string()).await;
        host.pass();
        let now = host.only(&shop, "web").unwrap();
        assert_eq!((now.id(), now.started_at()), (web.id(), web.started_at()), "after {what}");
        if *what == "mkdir" {
            fs::remove_dir(&manifest).unwrap();
        } else {
            fs::remove_file(&manifest).unwrap();
        }
        host.write(&shop, &version("0"));
        host.ready(&shop).await;
    }
    let now = host.only(&shop, "web").unwrap();
    assert_eq!((now.id(), now.started_at()), (web.id(), web.started_at()));
}

/// More changes than the kernel's queue holds while the controller sleeps: the content counts, not the notices.
#[tokio::test]
async fn an_overflow_of_notices_loses_no_change() {
    let (host, shop) = at_zero().await;
    let pid = Pid::from_raw(i32::try_from(host.controllers[0].pid()).unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    let directory = host.desired().join(&shop);
    for n in 0..10_000 {
        let name = directory.join(format!("noise-{n}"));
        fs::write(&name, "x").unwrap();
        fs::remove_file(&name).unwrap();
    }
    host.write(&shop, &version("1"));
    kill_process(pid, Signal::CONT).unwrap();
    shows(&host, &shop, "1").await;
    let resident = resident_kib(host.controllers[0].pid());
    assert!(resident < 300_000, "{resident} KiB in memory");
}

/// Memory of a process, in KiB.
fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Every inotify instance is taken (in a name space of users whose limit is none): it reads at intervals and says so.
#[tokio::test]
async fn without_inotify_it_polls_and_says_so() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &version("0"));
    let text = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "sh", "-c"])
        .arg("echo 0 > /proc/sys/user/max_inotify_instances && exec \"$0\" \"$@\"")
        .arg(env!("CARGO_BIN_EXE_composelet"))
        .args(["run", "--desired-state", &text(host.desired()), "--state-dir", &text(host.state())])
        .args(["--installation", host.project("").trim_end_matches('-')])
        .args(["--host", &host.engine.address()]);
    host.start_command(command);
    shows(&host, &shop, "0").await;
    eventually("the status says that it polls", || {
        let watch = host.controller()?.watch;
        hold(watch.starts_with("poll: "), || watch)
    })
    .await;
    host.write(&shop, &version("1"));
    shows(&host, &shop, "1").await;
}
