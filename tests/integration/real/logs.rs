//! `logs`: one log in order of time over services, with and without a terminal, over replacements.

use std::fs;
use std::process::Stdio;

use crate::real::text::{file, service};
use crate::support_real::controller::{Controller, command};
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

/// Writes 20 lines to both streams and sleeps; a manifest says `$$` for `$`.
const TALK: &str = "i=0; while [ $$i -lt 20 ]; do echo line-$$i; echo error-$$i >&2; i=$$((i+1)); done; exec sleep 1000000";

#[tokio::test]
async fn logs_are_one_log_in_order_of_time_and_follow_replacements() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let services = [
        service("web", &format!("printf '\\033[2Jred\\033[0m\\n'; {TALK}"), &[]),
        service("db", TALK, &[]),
        service("shell", TALK, &["tty: true"]),
        service("mute", TALK, &["logging:", "  driver: none"]),
    ];
    host.write(&shop, &file(&services));
    host.start();
    host.ready(&shop).await;
    eventually("all was written", || {
        let run = host.run(&["logs", &shop]);
        hold(run.out.matches("line-19").count() == 3, || run.out.clone())
    })
    .await;

    let run = host.run(&["logs", &shop, "--timestamps", "--color", "always"]);
    assert_eq!(run.code, 1, "one could not be read: {}", run.err);
    assert!(run.err.contains("mute-1: its log cannot be read: "), "{}", run.err);
    assert!(!run.out.contains("\u{1b}[2J") && run.out.contains("red"), "{}", run.out);
    let plain = host.run(&["logs", &shop, "--timestamps"]).out;
    assert_eq!(plain.lines().count(), 3 * 40 + 1, "{plain}");
    assert!(!plain.contains('\r') && !plain.contains('\u{1b}'), "{plain}");
    let stamps: Vec<&str> =
        plain.lines().filter_map(|line| line.split(' ').find(|word| word.len() == 30)).collect();
    assert_eq!(stamps.len(), 121, "{plain}");
    // Standard output and standard error of one container may be taken in another order than they are stamped.
    let of = |name: &str| {
        let lines = plain.lines().filter(|line| line.starts_with(name) && line.contains("line-"));
        lines.filter_map(|line| line.rsplit(' ').next()).collect::<Vec<_>>()
    };
    let expected: Vec<String> = (0..20).map(|number| format!("line-{number}")).collect();
    assert!(["web-1", "db-1", "shell-1"].iter().all(|name| of(name) == expected), "{plain}");

    let last = host.expect(&["logs", &format!("{shop}/db"), "--tail", "1"]);
    assert_eq!(last.lines().count(), 1, "{last}");
    assert!(last.starts_with("db-1 | ") && last.contains("-19"), "{last}");
    let none = host.expect(&["logs", &format!("{shop}/db"), "--until", "2020-01-01T00:00:00Z"]);
    assert_eq!(none, "");
    let run = host.run(&["logs", &format!("{shop}/nobody")]);
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(run.err.contains("has no service `nobody`"), "{}", run.err);

    let log = host.aside().join("followed");
    let mut follow = command();
    let target = format!("{shop}/db");
    follow.args(["logs", target.as_str(), "--follow", "--tail", "2"]).args(host.settings());
    follow.stdin(Stdio::null());
    let follower = Controller::spawn(follow, &log);
    let text = || fs::read_to_string(&log).unwrap_or_default();
    eventually("the old lines", || hold(text().lines().count() == 2, text)).await;
    host.edit(
        &shop,
        "line-$$i; echo error-$$i >&2; i=$$((i+1)); done; exec sleep 1000000\"]\n    env_file: [{path: canary.env, required: false}]\n  shell",
        "again-$$i; i=$$((i+1)); done; exec sleep 1000000\"]\n  shell",
    );
    eventually("the lines of the successor", || {
        let text = text();
        hold(text.matches("db-1 | again-").count() == 20, || text.clone())
    })
    .await;
    host.ready(&shop).await;
    let db = host.only(&shop, "db").unwrap();
    host.engine.act(db.id(), "restart");
    eventually("the lines after a restart, and each once", || {
        let text = text();
        hold(text.matches("db-1 | again-").count() == 40, || text.clone())
    })
    .await;
    drop(follower);
}
