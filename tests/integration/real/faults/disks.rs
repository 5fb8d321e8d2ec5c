//! Disks that are full: the engine's, and the state directory's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::real::text::sleeper;
use crate::support_real::container::Container;
use crate::support_real::host::Host;
use crate::support_real::host::IMAGE;
use crate::support_real::look::lines;
use crate::support_real::private_engine::PrivateEngine;
use crate::support_real::wait::{eventually, hold};

/// Writes until nothing fits any more; the file that does it.
fn fill(directory: &Path) -> PathBuf {
    let file = directory.join("filler");
    let mut size = 1 << 20;
    while size >= 1 {
        let piece = vec![b'x'; size];
        let mut whole = fs::File::options().create(true).append(true).open(&file).unwrap();
        if std::io::Write::write_all(&mut whole, &piece).is_err() {
            size /= 4;
        }
    }
    file
}

/// No room for another container: what runs runs on, a new version waits, what is missing is tried a few times and says why;
/// with room it goes on by itself.
#[tokio::test]
async fn a_full_disk_of_the_engine_stops_nothing_and_heals() {
    let private = PrivateEngine::start_empty(Some(48)).await;
    private.load(IMAGE);
    let mut host = Host::on(private.engine());
    let (shop, next) = (host.project("shop"), host.project("next"));
    host.write(&shop, &sleeper(&[]));
    host.start();
    host.ready(&shop).await;
    let web = host.running(&shop, "web").await;

    let filler = fill(&private.data());
    host.edit(&shop, "init: true", "init: true\n    environment: { N: b }");
    host.write(&next, &sleeper(&[]));
    host.described(&format!("{shop}/web"), &["DiskPressure", "less than 10 %"]).await;
    host.described(&format!("{next}/web"), &["no space left on device"]).await;
    let before = host.fresh().await.mutating_calls;
    host.pass();
    let calls = host.fresh().await.mutating_calls - before;
    assert!(calls < 60, "{calls} changing calls while the disk was full");
    let old = host.engine.container(web.id()).expect("the old version is there");
    assert!(old.runs() && old.started_at() == web.started_at(), "{}", old.line());

    fs::remove_file(filler).unwrap();
    // Pressure outlasts its cause by five minutes; a new controller begins without.
    host.kill();
    host.start();
    let changed = |now: &Container| now.environment().contains(&"N=b");
    host.running_and(&shop, "web", "the new version", changed).await;
    host.ready(&shop).await;
    host.ready(&next).await;
    for project in [&shop, &next] {
        let found = host.engine.containers_of(project);
        assert_eq!(found.len(), 1, "no left-overs: {}", lines(&found));
    }
}

/// A memory file system that is unmounted also when the test fails.
struct Mount(PathBuf);

impl Mount {
    fn new(at: &Path, options: &str) -> Self {
        fs::create_dir_all(at).unwrap();
        let mut command = Command::new("mount");
        let output =
            command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        Self(at.to_owned())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

/// Healing needs no memory; removal does, and waits for it.
#[tokio::test]
async fn a_full_state_directory_stops_no_healing_and_holds_removals() {
    let mut host = Host::new();
    let _mount = Mount::new(&host.state(), "size=1m");
    let (shop, goes) = (host.project("shop"), host.project("goes"));
    host.write(&shop, &sleeper(&[]));
    host.write(&goes, &sleeper(&[]));
    host.start();
    host.ready(&shop).await;
    host.ready(&goes).await;
    host.settled(&goes).await;
    let web = host.running(&shop, "web").await;
    let filler = fill(&host.state());
    host.engine.act(web.id(), "kill");
    let again = |now: &Container| now.started_at() != web.started_at();
    host.running_and(&shop, "web", "healed from memory", again).await;
    fs::remove_dir_all(host.desired().join(&goes)).unwrap();
    let started = host.only(&shop, "web").unwrap();
    host.engine.act(started.id(), "kill");
    let again = |now: &Container| now.started_at() != started.started_at();
    host.running_and(&shop, "web", "healed again", again).await;
    assert!(host.controllers[0].ended().is_none(), "{}", host.controllers[0].tail());

    fs::remove_file(filler).unwrap();
    eventually("with room the removal goes on", || {
        let left = host.engine.containers_of(&goes);
        hold(left.is_empty(), || lines(&left))
    })
    .await;
    host.ready(&shop).await;
    // And what was written is whole: the next one begins with it.
    host.kill();
    host.start();
    host.ready(&shop).await;
    let log = host.controllers[0].log();
    assert!(!log.contains("set aside"), "{log}");
}

/// A controller that starts with a full state directory says so, or acts; it never ends in a panic.
#[tokio::test]
async fn a_start_with_a_full_state_directory_is_told() {
    let mut host = Host::new();
    let _mount = Mount::new(&host.state(), "size=1m");
    let shop = host.project("shop");
    host.write(&shop, &sleeper(&[]));
    host.start();
    host.ready(&shop).await;
    let web = host.running(&shop, "web").await;
    host.kill();
    host.engine.remove(web.id());
    let filler = fill(&host.state());
    host.start();
    eventually("it acts or says what is wrong", || {
        let log = host.controllers[0].log();
        let acts = host.only(&shop, "web").is_ok_and(|web| web.runs());
        hold(acts || log.contains("No space left"), || log)
    })
    .await;
    let log = host.controllers[0].log();
    assert!(!log.contains("panicked"), "{log}");
    fs::remove_file(filler).unwrap();
    if host.controllers[0].ended().is_some() {
        host.kill();
        host.start();
    }
    host.ready(&shop).await;
}
