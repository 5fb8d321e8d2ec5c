//! A version that fails takes its data back, where the files say so: of real containers, and over the end of the controller
//! in the middle.

use serde_json::Value;

use crate::support_real::container::Container;
use crate::support_real::host::{Host, IMAGE};
use crate::support_real::wait::{eventually, hold};

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
    history.matches("ended: restore").count()
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
