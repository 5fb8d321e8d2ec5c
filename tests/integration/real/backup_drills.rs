//! Backups that are restored into throw-away containers: proven, or not, and nothing is left or touched.

use std::process::Stdio;

use composelet::model::status::{ConditionKind, Truth};
use serde_json::Value;

use crate::support_real::container::Container;
use crate::support_real::controller::command;
use crate::support_real::host::{Host, IMAGE};
use crate::support_real::look::condition;
use crate::support_real::wait::{eventually, hold};

/// A server whose check wants a row, and a directory whose check wants a file.
fn manifest() -> String {
    format!(
        r#"
services:
  db:
    image: postgres:15
    environment: {{ POSTGRES_PASSWORD: hunter2hunter2, POSTGRES_DB: records }}
    volumes: ["data:/var/lib/postgresql/data"]
    ports: ["127.0.0.1::5432"]
    x-composelet:
      backup: {{ drill: {{ check: [psql, -Upostgres, -drecords, -Atc, SELECT 1/count(*) FROM a] }} }}
  app:
    image: {IMAGE}
    init: true
    command: ["sleep", "1000000"]
    volumes: ["./media:/media"]
    x-composelet:
      backup: {{ recipe: files, paths: [/media], drill: {{ check: [test, -s, /media/one] }} }}
volumes: {{ data: {{}} }}
"#
    )
}

fn sql(host: &Host, db: &Container, text: &str) -> Result<String, String> {
    let output = std::process::Command::new("docker")
        .args(["exec", db.id(), "psql", "-Upostgres", "-drecords", "-Atc", text])
        .env("DOCKER_HOST", host.engine.address())
        .output()
        .map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    hold(output.status.success(), || text(&output.stderr)).map(|()| text(&output.stdout))
}

fn last(host: &Host, project: &str) -> Value {
    let text = host.expect(&["backup", "list", project, "-o", "json"]);
    let sets: Vec<Value> = serde_json::from_str(&text).unwrap();
    sets.last().unwrap().clone()
}

#[tokio::test]
async fn a_drill_proves_a_backup_and_leaves_nothing() {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &manifest());
    host.start();
    let (db, app) = (host.running(&shop, "db").await, host.running(&shop, "app").await);
    host.engine.exec(app.id(), &["sh", "-c", "echo kept >/media/one"]);
    eventually("PostgreSQL takes a row", || {
        sql(&host, &db, "CREATE TABLE IF NOT EXISTS a (n INT); INSERT INTO a VALUES (1)")
    })
    .await;
    host.expect(&["backup", "create", &shop]);
    let copy = format!("{shop}-db-drill");

    // Cut off in the middle: what is left is taken away by the next one.
    let mut child = command()
        .args(["backup", "drill", &format!("{shop}/db")])
        .args(host.settings())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let left = eventually("the copy runs", || {
        let copy = host.engine.container(&copy).filter(Container::runs);
        copy.ok_or_else(|| "there is none".to_owned())
    })
    .await;
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(left.text("/HostConfig/NetworkMode"), "none");
    assert!(left.at("/HostConfig/PortBindings").as_object().is_none_or(serde_json::Map::is_empty));

    let said = host.expect(&["backup", "drill", &shop, "-o", "json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["proven"], true, "{said}");
    assert_eq!(said["services"].as_array().unwrap().len(), 2);
    assert!(last(&host, &shop)["proven"].is_number() || last(&host, &shop)["proven"].is_string());
    assert!(host.engine.container(&copy).is_none());
    assert!(host.engine.container(&format!("{shop}-app-drill")).is_none());
    assert_eq!(sql(&host, &db, "SELECT count(*) FROM a").unwrap(), "1", "what runs is as it was");

    // A backup that is whole and holds nothing of use.
    sql(&host, &db, "DELETE FROM a").unwrap();
    host.expect(&["backup", "create", &shop]);
    let run = host.run(&["backup", "drill", &format!("{shop}/db"), "--timeout", "20s"]);
    assert!(run.code == 1 && run.out.contains("the check failed"), "{run:?}");
    assert!(last(&host, &shop)["proven"].is_null());
    assert!(host.engine.container(&copy).is_none());
    let history = host.expect(&["history", &shop, "-o", "json"]);
    assert!(history.contains("BackupDrill"), "{history}");
}

/// Waits until the condition `Proven` is so, and gives its message.
async fn proven(host: &Host, project: &str, wanted: Truth, reason: &str) -> String {
    let mut message = String::new();
    eventually("the condition Proven", || {
        let found = condition(&host.status(project)?, ConditionKind::Proven)?;
        message.clone_from(&found.message);
        let holds = found.status == wanted && found.reason == reason;
        hold(holds, || format!("{:?} {}: {}", found.status, found.reason, found.message))
    })
    .await;
    message
}

#[tokio::test]
async fn drills_are_made_at_their_times_and_a_backup_of_no_use_is_told() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let text = format!(
        "services:\n  app:\n    image: {IMAGE}\n    init: true\n    command: [sleep, '1000000']\n    \
         volumes: ['./media:/media']\n    x-composelet:\n      backup:\n        recipe: files\n        \
         paths: [/media]\n        drill: {{check: [test, -s, /media/one], schedule: '@every 3s', timeout: 8s}}\n"
    );
    host.write(&shop, &text);
    host.start();
    let app = host.running(&shop, "app").await;
    proven(&host, &shop, Truth::Unknown, "DrillPending").await;
    let write = |text: &str| host.engine.exec(app.id(), &["sh", "-c", text]);
    write("echo kept >/media/one");
    host.expect(&["backup", "create", &shop]);
    let first = last(&host, &shop)["id"].as_str().unwrap().to_owned();
    proven(&host, &shop, Truth::True, "Proven").await;
    let status = host.status(&shop).unwrap();
    let published = status.restore_drills[0].proven.clone().unwrap();
    assert_eq!(published.id, first);
    assert!(published.proven > published.at);

    // Whole, and of no use.
    write("rm /media/one");
    host.expect(&["backup", "create", &shop]);
    let message = proven(&host, &shop, Truth::False, "DrillFailed").await;
    assert!(message.contains("the check failed") && message.contains(&first), "{message}");
    host.described(&shop, &["Degraded", "DrillFailed", "Restore drills"]).await;
    assert_eq!(host.running(&shop, "app").await.id(), app.id());

    write("echo kept >/media/one");
    host.expect(&["backup", "create", &shop]);
    let third = last(&host, &shop)["id"].as_str().unwrap().to_owned();
    host.expect(&["reconcile", &shop]);
    let message = proven(&host, &shop, Truth::True, "Proven").await;
    assert!(message.contains(&third), "{message}");
    let history = host.expect(&["history", &shop, "-o", "json"]);
    assert!(history.contains("DrillBackup"), "{history}");
}
