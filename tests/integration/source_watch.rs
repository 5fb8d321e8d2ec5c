//! Hints on the real inotify. Every wait ends with the hint or a deadline; nothing sleeps.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use composelet::model::path::LocalPath;
use composelet::source::{WatchMode, Watcher};
use tokio::sync::mpsc::{Receiver, channel};

const DEADLINE: Duration = Duration::from_secs(10);

struct Bench {
    base: tempfile::TempDir,
    watcher: Watcher,
    hints: Receiver<()>,
}

impl Bench {
    /// A root `base/root` that is watched, with the first hint taken.
    async fn new(prepare: impl FnOnce(&Path)) -> Self {
        let base = tempfile::tempdir().unwrap();
        prepare(base.path());
        let (sender, hints) = channel(1);
        let watcher = Watcher::start(&LocalPath::new(base.path().join("root")), sender, false);
        let mut bench = Self { base, watcher, hints };
        assert_eq!(bench.watcher.mode(), WatchMode::Inotify);
        bench.hint("the begin of a watch").await;
        bench
    }

    fn at(&self, name: &str) -> PathBuf {
        self.base.path().join(name)
    }

    fn watch(&mut self, names: &[&str]) {
        let paths: BTreeSet<LocalPath> =
            names.iter().map(|name| LocalPath::new(self.at(name))).collect();
        self.watcher.watch_paths(&paths);
    }

    /// Waits for a hint.
    async fn hint(&mut self, what: &str) {
        let hint = tokio::time::timeout(DEADLINE, self.hints.recv()).await;
        assert!(matches!(hint, Ok(Some(()))), "no hint for {what}");
    }

    /// Does something and waits for its hint. What was announced before is taken first.
    async fn expect(&mut self, what: &str, action: impl FnOnce(&Self)) {
        while self.hints.try_recv().is_ok() {}
        action(self);
        self.hint(what).await;
    }
}

fn root(base: &Path) {
    fs::create_dir(base.join("root")).unwrap();
}

#[tokio::test]
async fn changes_in_the_root_are_hints() {
    let mut bench = Bench::new(root).await;
    bench
        .expect("a new file", |b| {
            fs::write(b.at("root/app.yml"), "a").unwrap();
        })
        .await;
    bench.expect("a write", |b| fs::write(b.at("root/app.yml"), "b").unwrap()).await;
    bench
        .expect("a rename into place", |b| {
            fs::write(b.at("next"), "c").unwrap();
            fs::rename(b.at("next"), b.at("root/app.yml")).unwrap();
        })
        .await;
    bench
        .expect("a removal", |b| {
            fs::remove_file(b.at("root/app.yml")).unwrap();
        })
        .await;
    bench
        .expect("a directory", |b| {
            fs::create_dir(b.at("root/shop")).unwrap();
        })
        .await;
}

#[tokio::test]
async fn files_that_loading_asked_for_are_hints_wherever_they_lie() {
    let mut bench = Bench::new(|base| {
        root(base);
        fs::create_dir_all(base.join("root/shop")).unwrap();
        fs::create_dir_all(base.join("elsewhere")).unwrap();
        fs::write(base.join("elsewhere/web.env"), "A=1").unwrap();
    })
    .await;
    bench.watch(&["root/shop", "root/shop/compose.yaml", "elsewhere/web.env", "none/such/file"]);
    bench.hint("new watches").await;
    bench
        .expect("a missing file that comes", |b| {
            fs::write(b.at("root/shop/compose.yaml"), "x").unwrap();
        })
        .await;
    bench
        .expect("a write elsewhere", |b| {
            fs::write(b.at("elsewhere/web.env"), "A=2").unwrap();
        })
        .await;
    bench
        .expect("another name in a listed directory", |b| {
            fs::write(b.at("root/shop/compose.override.yaml"), "x").unwrap();
        })
        .await;
    bench
        .expect("a missing parent that comes", |b| {
            fs::create_dir(b.at("none")).unwrap();
        })
        .await;
    bench.watch(&["none/such/file"]);
    bench
        .expect("the next parent", |b| {
            fs::create_dir(b.at("none/such")).unwrap();
        })
        .await;
    bench.watch(&["none/such/file"]);
    bench
        .expect("the file at last", |b| {
            fs::write(b.at("none/such/file"), "").unwrap();
        })
        .await;
}

#[tokio::test]
async fn a_write_behind_a_link_is_a_hint() {
    let mut bench = Bench::new(|base| {
        root(base);
        fs::create_dir(base.join("target")).unwrap();
        fs::write(base.join("target/app.yml"), "a").unwrap();
        symlink("../target/app.yml", base.join("root/app.yml")).unwrap();
    })
    .await;
    bench.watch(&["root/app.yml"]);
    bench.hint("new watches").await;
    bench
        .expect("a write to the target", |b| {
            fs::write(b.at("target/app.yml"), "b").unwrap();
        })
        .await;
}

/// Kubernetes mounts a ConfigMap as links through `..data`, which alone is swapped.
#[tokio::test]
async fn a_swapped_configmap_is_a_hint() {
    let mut bench = Bench::new(|base| {
        root(base);
        for version in ["..1", "..2"] {
            fs::create_dir(base.join("root").join(version)).unwrap();
            fs::write(base.join("root").join(version).join("app.yml"), version).unwrap();
        }
        symlink("..1", base.join("root/..data")).unwrap();
        symlink("..data/app.yml", base.join("root/app.yml")).unwrap();
    })
    .await;
    bench.watch(&["root/app.yml"]);
    bench.hint("new watches").await;
    bench
        .expect("the swap", |b| {
            symlink("..2", b.at("root/..tmp")).unwrap();
            fs::rename(b.at("root/..tmp"), b.at("root/..data")).unwrap();
        })
        .await;
    bench.watch(&["root/app.yml"]);
    bench
        .expect("a write to the new target", |b| {
            fs::write(b.at("root/..2/app.yml"), "x").unwrap();
        })
        .await;
}

#[tokio::test]
async fn a_root_that_is_a_swapped_link_is_a_hint_and_is_watched_again() {
    let mut bench = Bench::new(|base| {
        fs::create_dir(base.join("release-41")).unwrap();
        fs::create_dir(base.join("release-42")).unwrap();
        symlink("release-41", base.join("root")).unwrap();
    })
    .await;
    bench
        .expect("the swap", |b| {
            symlink("release-42", b.at("next")).unwrap();
            fs::rename(b.at("next"), b.at("root")).unwrap();
        })
        .await;
    bench.watcher.rearm();
    bench
        .expect("a file in the new root", |b| {
            fs::write(b.at("release-42/app.yml"), "").unwrap();
        })
        .await;
}

#[tokio::test]
async fn a_replaced_root_is_a_hint_and_is_watched_again() {
    let mut bench = Bench::new(root).await;
    bench
        .expect("a root that goes", |b| {
            fs::rename(b.at("root"), b.at("old")).unwrap();
        })
        .await;
    bench.watcher.rearm();
    bench
        .expect("a root that comes", |b| {
            fs::create_dir(b.at("root")).unwrap();
        })
        .await;
    bench.watcher.rearm();
    bench
        .expect("a file in it", |b| {
            fs::write(b.at("root/app.yml"), "").unwrap();
        })
        .await;
    assert_eq!(bench.watcher.mode(), WatchMode::Inotify);
}

/// Without `rearm`: the call after each load finds directories that were replaced, also by themselves.
#[tokio::test]
async fn a_replaced_project_directory_is_watched_again() {
    let mut bench = Bench::new(|base| {
        root(base);
        fs::create_dir(base.join("root/shop")).unwrap();
    })
    .await;
    let names = ["root/shop", "root/shop/compose.yaml"];
    bench.watch(&names);
    bench.hint("new watches").await;
    for other in ["away", "root/away"] {
        bench
            .expect("a directory that goes", |b| {
                fs::rename(b.at("root/shop"), b.at(other)).unwrap();
            })
            .await;
        bench
            .expect("the same one that comes back", |b| {
                fs::rename(b.at(other), b.at("root/shop")).unwrap();
            })
            .await;
        bench.watch(&names);
        bench
            .expect("a write in it", |b| {
                fs::write(b.at("root/shop/compose.yaml"), "x").unwrap();
            })
            .await;
    }
    bench
        .expect("another one in its place", |b| {
            fs::rename(b.at("root/shop"), b.at("old")).unwrap();
            fs::create_dir(b.at("root/shop")).unwrap();
        })
        .await;
    bench.watch(&names);
    bench
        .expect("a write in that", |b| {
            fs::write(b.at("root/shop/compose.yaml"), "x").unwrap();
        })
        .await;
}

#[tokio::test]
async fn paths_that_matter_no_more_are_left() {
    let mut bench = Bench::new(|base| {
        root(base);
        fs::create_dir(base.join("one")).unwrap();
        fs::create_dir(base.join("two")).unwrap();
    })
    .await;
    bench.watch(&["one/file"]);
    bench.hint("new watches").await;
    bench.watch(&["two/file"]);
    bench.hint("new watches").await;
    bench.watch(&["two/file"]);
    assert!(bench.hints.try_recv().is_err(), "nothing new is watched, nothing is announced");
    bench.expect("a write", |b| fs::write(b.at("two/file"), "").unwrap()).await;
}

#[tokio::test]
async fn polling_is_said_and_watches_nothing() {
    let base = tempfile::tempdir().unwrap();
    let (sender, mut hints) = channel(1);
    let mut watcher = Watcher::start(&LocalPath::new(base.path()), sender, true);
    watcher.watch_paths(&BTreeSet::from([LocalPath::new(base.path().join("x"))]));
    watcher.rearm();
    assert_eq!(watcher.mode(), WatchMode::Poll("asked for".to_owned()));
    assert!(hints.try_recv().is_err());
}
