//! A container that the engine cannot remove.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::real::text::sleeper;
use crate::support_real::container::Container;
use crate::support_real::host::Host;
use crate::support_real::look::lines;
use crate::support_real::private_engine::PrivateEngine;
use crate::support_real::wait::{eventually, hold};

/// A file that nobody can remove until this is dropped: the engine's removal of its directory fails with 500.
struct Immutable(PathBuf);

impl Immutable {
    fn new(directory: &Path) -> Self {
        let file = directory.join("immutable");
        std::fs::write(&file, "").unwrap();
        chattr("+i", &file);
        Self(file)
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        chattr("-i", &self.0);
    }
}

fn chattr(change: &str, file: &Path) {
    let status = Command::new("chattr").arg(change).arg(file).status();
    assert!(status.expect("chattr of e2fsprogs").success(), "{change} {}", file.display());
}

/// What cannot be removed is told and tried again with back-off; the new version runs, and so does everybody else.
#[tokio::test]
async fn a_dead_container_holds_nobody_up_and_goes_when_it_can() {
    let private = PrivateEngine::start().await;
    let mut host = Host::on(private.engine());
    let (shop, next) = (host.project("shop"), host.project("next"));
    host.write(&shop, &sleeper(&[]));
    host.start();
    host.ready(&shop).await;
    let old = host.running(&shop, "web").await;
    let stuck = Immutable::new(&private.data().join("containers").join(old.id()));

    host.edit(&shop, "init: true", "init: true\n    environment: { N: b }");
    let dead = |engine_says: &Container| engine_says.state() == "dead";
    eventually("the engine fails to remove the old one", || {
        let now = host.engine.container(old.id()).ok_or("it is gone")?;
        hold(dead(&now), || now.line())
    })
    .await;
    host.write(&next, &sleeper(&[]));
    host.ready(&next).await;
    let new = eventually("the new version runs beside it", || {
        let found = host.engine.containers_of(&shop);
        let seen = lines(&found);
        let new = |now: &Container| now.runs() && now.environment().contains(&"N=b");
        found.into_iter().find(new).ok_or(seen)
    })
    .await;
    let before = host.fresh().await.mutating_calls;
    host.pass();
    let calls = host.fresh().await.mutating_calls - before;
    assert!(calls < 20, "{calls} changing calls while it could not be removed");

    drop(stuck);
    let found = eventually("the dead one is gone", || {
        let found = host.engine.containers_of(&shop);
        if found.len() == 1 { Ok(found) } else { Err(lines(&found)) }
    })
    .await;
    host.ready(&shop).await;
    assert_eq!(found.first().unwrap().id(), new.id(), "{}", lines(&found));
    let web = host.running(&shop, "web").await;
    assert_eq!((web.id(), web.started_at()), (new.id(), new.started_at()), "{}", web.line());
}
