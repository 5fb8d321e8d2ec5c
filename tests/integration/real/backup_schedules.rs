//! Backups that the controller makes by itself, of real containers.

use std::fs;

use composelet::model::status::Truth;

use crate::support_real::backups::{backed_up, good, sets};
use crate::support_real::container::Container;
use crate::support_real::host::{Host, IMAGE};
use crate::support_real::wait::{eventually, hold};

/// What the dump of the service prints is a file in its container.
fn shop(more: &str, policy: &str) -> String {
    format!(
        "services:\n  own:\n    image: {IMAGE}\n    init: true\n    command: [sleep, '1000000']\n    {more}\n    \
         x-composelet: {{ backup: {{ command: [sh, /tmp/dump], ends_with: '-- end' }} }}\n\
         x-composelet: {{ backup: {{ {policy} }} }}\n"
    )
}

/// Makes the service dump what this script prints.
fn dumps(host: &Host, own: &Container, script: &str) {
    host.engine.exec(own.id(), &["sh", "-c", "printf '%s' \"$1\" >/tmp/dump", "sh", script]);
}

const WHOLE: &str = "echo data; echo '-- end'";
/// Says that all is well, after the half.
const LIE: &str = "echo data";
const SLOW: &str = "head -c 3000000 /dev/urandom; sleep 600; echo; echo '-- end'";

#[tokio::test]
async fn backups_are_made_at_their_times_and_a_lie_is_none() {
    let mut host = Host::new();
    let project = host.project("shop");
    host.write(&project, &shop("", "schedule: '@every 2s'"));
    host.start();
    let own = host.running(&project, "own").await;
    dumps(&host, &own, WHOLE);
    host.expect(&["reconcile", &project]);
    backed_up(&host, &project, Truth::True, "BackedUp").await;
    assert!(sets(&host, &project).iter().all(|set| set["origin"] == "schedule"));
    eventually("every due time has one", || {
        let count = good(&host, &project).len();
        hold(count >= 2, || format!("{count}"))
    })
    .await;

    // Cut off in the middle: nothing of it is listed, and the next controller makes it again.
    dumps(&host, &own, SLOW);
    let directory = host.state().join("backup-files").join(&project);
    eventually("a slow one has begun", || {
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        let mut begun = entries.filter(|one| one.file_name().to_string_lossy().starts_with(".unf"));
        let bytes =
            begun.find_map(|one| fs::read_dir(one.path()).ok()?.next()?.ok()?.metadata().ok());
        hold(bytes.is_some_and(|file| file.len() > 0), || "no byte yet".to_owned())
    })
    .await;
    host.kill();
    let before = good(&host, &project);
    dumps(&host, &own, WHOLE);
    host.start();
    eventually("it is made again", || {
        let after = good(&host, &project);
        hold(after.last() > before.last(), || format!("{before:?} {after:?}"))
    })
    .await;

    // A tool that writes half and says that all is well.
    dumps(&host, &own, LIE);
    let message = backed_up(&host, &project, Truth::False, "BackupFailed").await;
    assert!(message.contains("the last good one is backup"), "{message}");
    let lies = sets(&host, &project).into_iter().filter(|set| set["end"]["failed"].is_object());
    assert!(lies.count() > 0);
    host.described(&project, &["Degraded", "BackupFailed"]).await;
    dumps(&host, &own, WHOLE);
    host.expect(&["reconcile", &project]);
    backed_up(&host, &project, Truth::True, "BackedUp").await;
    let history = host.expect(&["history", &project, "-o", "json"]);
    assert!(history.contains("MakeBackup") && history.contains("bytes in 1 files"), "{history}");
}

#[tokio::test]
async fn an_update_waits_for_a_good_backup() {
    let mut host = Host::new();
    let project = host.project("shop");
    host.write(&project, &shop("labels: {v: '1'}", "before_update: true"));
    host.start();
    host.ready(&project).await;
    let first = host.running(&project, "own").await;
    dumps(&host, &first, LIE);
    host.edit(&project, "v: '1'", "v: '2'");
    let message = backed_up(&host, &project, Truth::False, "BackupFailed").await;
    assert!(message.contains("no good backup is known"), "{message}");
    host.described(&project, &["the old version goes on", "BackupFailed"]).await;
    // However often it is looked at.
    host.expect(&["reconcile", &project]);
    eventually("it was tried again", || {
        let failed = sets(&host, &project).len();
        hold(failed >= 2, || format!("{failed} sets"))
    })
    .await;
    let old = host.only(&project, "own").unwrap();
    assert!(old.id() == first.id() && old.runs(), "{}", old.line());

    dumps(&host, &first, WHOLE);
    host.expect(&["reconcile", &project]);
    let second = host.running_and(&project, "own", "is new", |one| one.label("v") == "2").await;
    backed_up(&host, &project, Truth::True, "BackedUp").await;
    let before = good(&host, &project);
    let made = sets(&host, &project).into_iter().rfind(|set| set["end"] == "good").unwrap();
    assert_eq!(made["origin"], "before_update");

    // One that was made before the last start of what is to be replaced is none of it.
    dumps(&host, &second, WHOLE);
    host.edit(&project, "v: '2'", "v: '3'");
    host.running_and(&project, "own", "is new", |one| one.label("v") == "3").await;
    assert_eq!(good(&host, &project).len(), before.len() + 1);
}
