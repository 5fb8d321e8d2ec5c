//! Configs, secrets and bound files: what is inside, and what a change of a file does.

use std::fs;
use std::path::PathBuf;

use composelet::model::status::ConditionKind;

use crate::real::text::{SLEEP, file, service};
use crate::support_real::compose::compose;
use crate::support_real::container::Container;
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold};

/// A file beside the manifest of a project.
fn beside(host: &Host, project: &str, name: &str) -> PathBuf {
    host.manifest(project).with_file_name(name)
}

/// A configuration of nginx that answers with `text`.
fn nginx_conf(text: &str) -> String {
    format!(
        "events {{}}\nhttp {{ server {{ listen 80; location / {{ return 200 \"{text}\\n\"; }} }} }}\n"
    )
}

/// What the server in the container answers.
async fn answers(host: &Host, container: &Container, text: &str) {
    eventually("the server answers as its file says", || {
        let line = "wget -qO- http://127.0.0.1/ 2>&1 || curl -s http://127.0.0.1/ || true";
        let answer = host.engine.exec(container.id(), &["sh", "-c", line]);
        hold(answer.trim() == text, || answer)
    })
    .await;
}

/// A project `shop` whose service `web` is nginx with its file bound; it answers `one`.
async fn with_nginx(on_change: &str) -> (Host, String, Container) {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(
        &shop,
        &format!(
            "services:\n  web:\n    image: composelet-test/nginx:1\n    volumes: [\"./nginx.conf:/etc/nginx/nginx.conf:ro\"]\n    x-composelet: {{ on_change: {on_change} }}\n"
        ),
    );
    fs::write(beside(&host, &shop, "nginx.conf"), nginx_conf("one")).unwrap();
    host.start();
    host.ready(&shop).await;
    let web = host.running(&shop, "web").await;
    answers(&host, &web, "one").await;
    (host, shop, web)
}

/// The same container in the same run.
fn untouched(host: &Host, shop: &str, before: &Container) {
    let now = host.only(shop, "web").unwrap();
    assert_eq!((now.id(), now.started_at()), (before.id(), before.started_at()));
}

#[tokio::test]
async fn a_changed_file_is_reloaded_by_a_signal_without_a_restart() {
    let (mut host, shop, web) = with_nginx("{ signal: SIGHUP, verify: [nginx, -t] }").await;
    let conf = beside(&host, &shop, "nginx.conf");
    let saved = host.state().join("last-good").join(format!("{shop}.json"));
    let kept = || fs::metadata(&saved).and_then(|file| file.modified()).ok();
    let before = kept();
    fs::write(&conf, nginx_conf("two")).unwrap();
    answers(&host, &web, "two").await;
    // Until the first reading has settled, a new controller would begin with the version before.
    eventually("the new version is kept", || hold(kept() > before, || format!("{before:?}"))).await;
    host.described(&shop, &["./nginx.conf", "content changed"]).await;
    untouched(&host, &shop, &web);

    // A new controller signals nothing twice, although the label is that of the first content.
    host.ready(&shop).await;
    host.kill();
    let mark = host.events.mark().await;
    host.start();
    host.ready(&shop).await;
    host.pass();
    assert_eq!(host.fresh().await.mutating_calls, 0);
    assert_eq!(host.events.since(mark).await, Vec::<String>::new());

    // What does not pass the check is not read, and the version that has it is rejected; the next good file is read.
    fs::write(&conf, "broken {").unwrap();
    eventually("the failed check is told", || {
        let degraded = host.service_condition(&shop, "web", ConditionKind::Degraded)?;
        let told = degraded.message.contains("it did not take its changed files");
        hold(degraded.reason == "RevisionRejected" && told, || format!("{degraded:?}"))
    })
    .await;
    answers(&host, &web, "two").await;
    fs::write(&conf, nginx_conf("three")).unwrap();
    answers(&host, &web, "three").await;
    host.ready(&shop).await;
    untouched(&host, &shop, &web);
}

/// A bind holds on to the file: the running container cannot see another one in its place.
#[tokio::test]
async fn a_replaced_file_restarts_instead_of_a_signal() {
    let (host, shop, web) = with_nginx("{ signal: SIGHUP }").await;
    fs::write(beside(&host, &shop, "new"), nginx_conf("two")).unwrap();
    fs::rename(beside(&host, &shop, "new"), beside(&host, &shop, "nginx.conf")).unwrap();
    let other_run = |now: &Container| now.started_at() != web.started_at();
    let now = host.running_and(&shop, "web", "another run", other_run).await;
    assert_eq!(now.id(), web.id(), "restarted, not replaced");
    answers(&host, &now, "two").await;
}

#[tokio::test]
async fn a_replaced_file_that_cannot_be_checked_is_held() {
    let (host, shop, web) = with_nginx("{ signal: SIGHUP, verify: nginx -t }").await;
    fs::write(beside(&host, &shop, "new"), "broken {").unwrap();
    fs::rename(beside(&host, &shop, "new"), beside(&host, &shop, "nginx.conf")).unwrap();
    host.described(&shop, &["FileReplaced", "./nginx.conf"]).await;
    answers(&host, &web, "one").await;
    untouched(&host, &shop, &web);
}

#[tokio::test]
async fn an_env_file_recreates_only_the_services_that_use_it() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(
        &shop,
        &file(&[
            service("web", SLEEP, &["env_file: [web.env]"]),
            service("raw", SLEEP, &["env_file: [{path: web.env, format: raw}]"]),
            service("db", SLEEP, &["env_file: [db.env]"]),
        ]),
    );
    fs::write(beside(&host, &shop, "web.env"), "COLOUR=\"red\"\n").unwrap();
    fs::write(beside(&host, &shop, "db.env"), "SIZE=1\n").unwrap();
    host.start();
    host.ready(&shop).await;
    let db = host.running(&shop, "db").await;
    assert!(host.running(&shop, "raw").await.environment().contains(&"COLOUR=\"red\""));
    fs::write(beside(&host, &shop, "web.env"), "COLOUR=\"blue\"\n").unwrap();
    for (name, line) in [("web", "COLOUR=blue"), ("raw", "COLOUR=\"blue\"")] {
        let new = |now: &Container| now.environment().contains(&line);
        host.running_and(&shop, name, "the new environment", new).await;
    }
    host.ready(&shop).await;
    let after = host.running(&shop, "db").await;
    assert_eq!((after.id(), after.started_at()), (db.id(), db.started_at()));
}

/// A read-only container with every kind of source; `live` is signalled for the same content.
fn sources() -> String {
    let services = file(&[
        service(
            "web",
            SLEEP,
            &[
                "user: \"1000:1001\"",
                "read_only: true",
                "configs: [plain, {source: inline, target: /etc/app.conf, uid: \"1000\", gid: \"1001\", mode: 0400}]",
                "secrets: [token, {source: token, target: short, gid: \"1001\", mode: 0440}]",
            ],
        ),
        service(
            "live",
            SLEEP,
            &["configs: [inline]", "x-composelet: {on_change: {signal: WINCH}}"],
        ),
        service(
            "again",
            SLEEP,
            &["configs: [inline]", "stop_grace_period: 1s", "x-composelet: {on_change: restart}"],
        ),
    ]);
    format!(
        "{services}configs: {{ plain: {{ file: ./plain }}, inline: {{ content: \"hello ${{WHO}}\" }} }}\nsecrets: {{ token: {{ environment: TOKEN }} }}\n"
    )
}

#[tokio::test]
async fn contents_have_their_owner_and_a_change_does_what_each_service_asks_for() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &sources());
    fs::write(beside(&host, &shop, "plain"), "plain\n").unwrap();
    let env = beside(&host, &shop, ".env");
    fs::write(&env, "WHO=you\nTOKEN=s3cret\n").unwrap();
    host.start();
    host.ready(&shop).await;
    let (web, live, again) = three(&host, &shop).await;
    let inside = "stat -c '%u:%g %a %n' /etc/app.conf /run/secrets/*; cat /etc/app.conf /run/secrets/short /plain";
    assert_eq!(
        host.engine.exec(web.id(), &["sh", "-c", inside]),
        "1000:1001 400 /etc/app.conf\n0:1001 440 /run/secrets/short\n0:0 444 /run/secrets/token\nhello yous3cretplain\n"
    );

    // The command line finds its own hash and leaves our containers alone, although it would copy instead.
    let mark = host.events.mark().await;
    compose(&host.engine, &host.desired().join(&shop), &["up", "-d"]);
    assert_eq!(host.events.since(mark).await, Vec::<String>::new());

    fs::write(&env, "WHO=all\nTOKEN=s3cret\n").unwrap();
    let new = |now: &Container| now.id() != web.id();
    let now = host.running_and(&shop, "web", "another container", new).await;
    assert_eq!(host.engine.exec(now.id(), &["cat", "/etc/app.conf"]), "hello all");
    host.described(&shop, &["configs.inline.content"]).await;
    host.settled(&shop).await;
    let (_, live_after, again_after) = three(&host, &shop).await;
    assert_eq!((live_after.id(), live_after.started_at()), (live.id(), live.started_at()));
    assert_eq!(again_after.id(), again.id());
    assert_ne!(again_after.started_at(), again.started_at());
    for one in [&live, &again] {
        assert_eq!(host.engine.exec(one.id(), &["cat", "/inline"]), "hello all");
    }
    kept_files(&mut host, &shop).await;
}

async fn three(host: &Host, shop: &str) -> (Container, Container, Container) {
    let web = host.running(shop, "web").await;
    (web, host.running(shop, "live").await, host.running(shop, "again").await)
}

/// Nothing is left over of former contents, and a lost state directory is made good before anything starts.
async fn kept_files(host: &mut Host, shop: &str) {
    let directory = host.state().join("content").join(shop);
    let count = || fs::read_dir(&directory).map_or(0, Iterator::count);
    eventually("former contents are gone", || hold(count() == 5, || count().to_string())).await;
    let web = host.running(shop, "web").await;
    fs::remove_dir_all(&directory).unwrap();
    host.engine.act(web.id(), "kill");
    let other_run = |now: &Container| now.started_at() != web.started_at();
    let now = host.running_and(shop, "web", "another run", other_run).await;
    assert_eq!(now.id(), web.id());
    assert_eq!(host.engine.exec(now.id(), &["cat", "/etc/app.conf"]), "hello all");
    fs::remove_dir_all(host.desired().join(shop)).unwrap();
    eventually("all of it is gone", || hold(!directory.exists(), || "still there".to_owned()))
        .await;
}
