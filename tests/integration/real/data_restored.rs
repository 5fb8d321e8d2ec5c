//! A version that fails takes its data back, where the files say so: of real containers, of a real database, and over the
//! end of the controller in the middle.

use std::fs;

use serde_json::Value;
use tokio::time::Instant;

use crate::support_real::container::Container;
use crate::support_real::host::{Host, IMAGE};
use crate::support_real::repository::{Repository, deployed, held};
use crate::support_real::results;
use crate::support_real::system::{answers, json, place};
use crate::support_real::wait::{eventually, hold};

const TLS: &[&str] = &["--insecure"];

/// A quick pace, and what goes back with a version that fails.
const PACE: &str = "services: {web: {healthcheck: {interval: 2s, retries: 3, start_period: 20s}, \
                    deploy: {update_config: {monitor: 2s}}}}\n\
                    x-composelet: {backup: {before_update: true, restore_on_rollback: [db]}}\n";

const VIEWS: &str = "app/certificates/views.py";

/// Destroys what the version before needs.
const MIGRATION: &str = r#""""Loses everything."""
from django.db import migrations


class Migration(migrations.Migration):
    """Spoils every row and drops a column."""

    dependencies = [("certificates", "0001_initial")]
    operations = [
        migrations.RunSQL("UPDATE certificates_certificate SET holder = 'nobody'"),
        migrations.RunSQL("ALTER TABLE certificates_certificate DROP COLUMN course"),
    ]
"#;

fn sets(host: &Host, project: &str) -> Vec<Value> {
    serde_json::from_str(&host.expect(&["backup", "list", project, "-o", "json"])).unwrap()
}

fn of_origin(host: &Host, project: &str, origin: &str) -> Vec<String> {
    let own = sets(host, project).into_iter();
    let own = own.filter(|set| set["origin"] == origin && set["end"] == "good");
    own.map(|set| set["id"].as_str().unwrap().to_owned()).collect()
}

/// How often data was restored by a rejected version.
fn restores(host: &Host, project: &str) -> usize {
    let history = host.expect(&["history", project, "-o", "json"]);
    history.matches("ended: RestoreData").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_spoils_the_database_of_certificados_is_undone_with_its_version() {
    let mut host = Host::new();
    let project = host.project("undone");
    let files = "docker-compose.yml:pace.yml".to_owned();
    let ports = place(&host, "certificados", &project, &[], &[("COMPOSE_FILE", files)]);
    let directory = host.desired().join(&project);
    fs::write(directory.join("pace.yml"), PACE).unwrap();
    let repository = Repository::of(&host, &directory);
    let first = repository.push("as it stands");
    follow(&mut host, &project, &repository);
    host.start();
    host.comes_up(&project, 8).await;
    held(&host, &project, &first).await;
    let site = format!("https://localhost:{}", ports["HTTPS_HOST_PORT"]);
    let health = format!("{site}/health/");
    answers(&health, TLS).await;
    let web = host.running(&project, "web").await;
    let image = web.text("/Image").to_owned();
    let code = host.engine.exec(web.id(), &["python", "manage.py", "issue", "Ana", "Rust"]);
    let certificate = format!("{site}/verify/{}/", code.trim());
    assert_eq!(json(&certificate, TLS).await["holder"], "Ana");

    let text = fs::read_to_string(repository.work.join(VIEWS)).unwrap();
    fs::write(repository.work.join(VIEWS), text.replace("200 if healthy else 503", "503")).unwrap();
    let begin = Instant::now();
    let bad = repository.with("app/certificates/migrations/0002_spoil.py", MIGRATION);
    let (exit, said) = deployed(&host, &project, &bad);
    assert_eq!(exit, 5, "{said}");
    host.described(&project, &["DataRestored", "data of db was restored from backup"]).await;
    host.comes_up_again(&project).await;
    answers(&health, TLS).await;
    let healthy = begin.elapsed();
    eprintln!("from the push to healthy, image and data: {healthy:?}");
    results::record(
        "data-restored",
        &serde_json::json!({
            "system": "certificados", "healthy_ms": healthy.as_millis(),
        }),
    );

    let found = json(&certificate, TLS).await;
    assert_eq!([&found["holder"], &found["course"]], ["Ana", "Rust"], "{found}");
    assert_eq!(host.running(&project, "web").await.text("/Image"), image, "the old image");
    let before = of_origin(&host, &project, "before_update");
    let used = sets(&host, &project).into_iter().find(|set| set["restored"]["db"].is_string());
    assert!(used.is_some_and(|set| before.contains(&set["id"].as_str().unwrap().to_owned())));
    let aside = of_origin(&host, &project, "before_restore");
    assert_eq!(aside.len(), 1, "what was there is kept");
    (0..3).for_each(|_| host.pass());
    assert_eq!(restores(&host, &project), 1, "once");
}

/// The controller follows the branch of the repository.
fn follow(host: &mut Host, project: &str, repository: &Repository) {
    let config = host.aside().join("composelet.yaml");
    let source = format!(
        "sources:\n  undone:\n    url: file://{}\n    into: {project}\n    interval: 5s\n",
        repository.bare.display()
    );
    fs::write(&config, source).unwrap();
    host.arguments = vec!["--config".to_owned(), config.to_str().unwrap().to_owned()];
}

/// The application spoils the value of its store at its start, if `version` is a bad one.
fn shop(version: u8) -> String {
    let start = if version == 1 { "" } else { "echo spoilt >/data/value; " };
    format!(
        r#"
services:
  store:
    image: {IMAGE}
    init: true
    command: [sh, -c, "[ -e /data/value ] || printf 'good\n-- end\n' >/data/value; exec sleep 1000000"]
    volumes: ["data:/data"]
    x-composelet:
      backup:
        command: [sh, -c, "cat /data/value; echo '-- end'"]
        ends_with: -- end
        restore: [sh, -c, "cat >/data/new.$$$$; touch /data/restoring; while [ -e /data/slow ]; do sleep 1; done; mv /data/new.$$$$ /data/value"]
  app:
    image: {IMAGE}
    init: true
    command: [sh, -c, "{start}exec sleep 1000000"]
    environment: {{ VERSION: "{version}" }}
    volumes: ["data:/data"]
    depends_on: [store]
    healthcheck: {{ test: [CMD, grep, -q, good, /data/value], interval: 1s, retries: 2, start_period: 2s }}
    deploy: {{ update_config: {{ monitor: 1s, order: stop-first }} }}
volumes: {{ data: {{ x-composelet: {{ backup: {{ recipe: none }} }} }} }}
x-composelet: {{ backup: {{ before_update: true, restore_on_rollback: [store] }} }}
"#
    )
}

#[tokio::test]
async fn a_controller_that_is_killed_in_the_middle_of_a_restore_finishes_it_before_anybody_writes()
{
    let mut host = Host::new();
    let project = host.project("shop");
    host.write(&project, &shop(1));
    host.start();
    host.ready(&project).await;
    held_once(&host, &project).await;
    let store = host.running(&project, "store").await;
    assert!(host_exec(&host, store.id(), "cat /data/value").contains("good"));
    host_exec(&host, store.id(), "touch /data/slow");
    host.write(&project, &shop(2));
    eventually("the restore goes on", || {
        let begun = host_exec(&host, store.id(), "ls /data").contains("restoring");
        hold(begun, || host.run(&["describe", &project]).out)
    })
    .await;
    host_exec(&host, store.id(), "rm /data/restoring");
    let runs = |host: &Host| host.containers(&project, "app").iter().any(Container::runs);
    assert!(!runs(&host), "somebody writes");
    host.kill();
    assert!(host_exec(&host, store.id(), "cat /data/value").contains("spoilt"), "not restored yet");
    host.start();
    eventually("the restore goes on again", || {
        let begun = host_exec(&host, store.id(), "ls /data").contains("restoring");
        hold(begun, || host.run(&["describe", &project]).out)
    })
    .await;
    host.pass();
    assert!(!runs(&host), "somebody writes");
    host_exec(&host, store.id(), "rm /data/slow");
    host.described(&project, &["DataRestored"]).await;
    let app = host.running_and(&project, "app", "is the old one", |one| {
        one.environment().contains(&"VERSION=1")
    });
    app.await;
    host.comes_up_again(&project).await;
    assert!(host_exec(&host, store.id(), "cat /data/value").contains("good"));
    assert_eq!(of_origin(&host, &project, "before_restore").len(), 1, "kept once");
    assert_eq!(restores(&host, &project), 1);
}

fn host_exec(host: &Host, id: &str, words: &str) -> String {
    host.engine.exec(id, &["sh", "-c", words])
}

/// Waits until the first version is one to go back to.
async fn held_once(host: &Host, project: &str) {
    eventually("the first version holds", || {
        let history = host.expect(&["rollout", "history", project]);
        hold(history.contains("stable"), || history.clone())
    })
    .await;
}

impl Host {
    /// Waits until every service has its replicas, whatever version they are of.
    async fn comes_up_again(&self, project: &str) {
        eventually("every service is ready", || {
            let status = self.status(project)?;
            let missing = status.services.iter().filter(|one| one.ready != one.replicas);
            let names: Vec<_> = missing.map(|one| one.name.as_str()).collect();
            hold(names.is_empty(), || format!("not ready: {names:?}"))
        })
        .await;
    }
}
