//! The eight databases of pontificia, backed up on a schedule: what goes wrong in a night never looks like a good backup.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support_real::backups::{backed_up, good, sets};
use crate::support_real::container::Container;
use crate::support_real::host::Host;
use crate::support_real::look::now;
use crate::support_real::system::place;
use crate::support_real::wait::{eventually, hold};
use composelet::model::status::Truth;
use composelet::model::time::Timestamp;

/// The file that leaves the services out.
const ALONE: &str = "alone.yml";
const DATABASES: &[&str] = &[
    "asistencia_mysql",
    "auditoria_mysql",
    "auth_mysql",
    "documentos_mysql",
    "gateway_mysql",
    "pagos_mysql",
    "reportes_mysql",
    "users_mysql",
];

/// The services that use the databases stay away: this is about the data.
fn databases_alone() -> String {
    let services = DATABASES.iter().map(|name| name.trim_end_matches("_mysql"));
    let lines = services
        .chain(["gateway_migrate"])
        .map(|name| format!("  {name}: {{ profiles: [web] }}\n"));
    // Less than the time between two due ones: none that was made before a failed one counts.
    let policy =
        "x-composelet: { backup: { schedule: '@every 20s', before_update: { max_age: 15s } } }";
    format!("{policy}\nservices:\n{}", lines.collect::<String>())
}

/// Asks a server as root, in the shell of its container.
fn sql(text: &str) -> String {
    format!("{} -e \"{text}\"", sql_of_input())
}

fn sql_of_input() -> String {
    "MYSQL_PWD=\"$(cat /run/secrets/mysql_root_password)\" mysql -uroot -N".to_owned()
}

/// What is being written, or was left.
fn unfinished(disk: &Disk, project: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(disk.0.join(project)).unwrap().flatten();
    let begun = entries.filter(|one| one.file_name().to_string_lossy().starts_with(".unfinished-"));
    begun.map(|one| one.path()).collect()
}

/// A small disk of its own; it goes whatever becomes of the test.
struct Disk(PathBuf);

impl Disk {
    fn of(host: &Host, size: &str) -> Self {
        let place = host.aside().join("small");
        fs::create_dir(&place).unwrap();
        let size = format!("size={size}");
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&place);
        assert!(mount.status().unwrap().success());
        Self(place)
    }

    /// Leaves no byte free.
    fn fill(&self) -> PathBuf {
        let file = self.0.join("ballast");
        let mut ballast = fs::File::create(&file).unwrap();
        let piece = vec![0_u8; 1 << 16];
        while ballast.write_all(&piece).is_ok() {}
        file
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}

async fn databases() -> (Host, String, Disk) {
    let mut host = Host::new();
    let project = host.project("nights");
    let disk = Disk::of(&host, "16m");
    let settings = [
        ("NETWORK_SUBNET", format!("10.99.{}.0/24", std::process::id() % 250)),
        ("HEALTH_INTERVAL", "5s".to_owned()),
        ("HEALTH_START_PERIOD", "180s".to_owned()),
        ("COMPOSE_FILE", "docker-compose.yml:docker-compose.override.yml:alone.yml".to_owned()),
    ];
    place(&host, "pontificia", &project, &[], &settings);
    fs::write(host.desired().join(&project).join(ALONE), databases_alone()).unwrap();
    let config = host.aside().join("composelet.yaml");
    fs::write(&config, format!("backups: {{ directory: {} }}\n", disk.0.display())).unwrap();
    host.arguments = vec!["--config".to_owned(), config.display().to_string()];
    host.start();
    host.comes_up(&project, 9).await;
    (host, project, disk)
}

#[tokio::test]
async fn no_bad_backup_of_eight_databases_is_ever_good() {
    let (mut host, project, disk) = databases().await;
    backed_up(&host, &project, Truth::True, "BackedUp").await;
    cut_off_in_the_middle(&mut host, &project, &disk).await;

    let ballast = disk.fill();
    let message = backed_up(&host, &project, Truth::False, "BackupFailed").await;
    assert!(message.contains("the directory of backups is full"), "{message}");
    fs::remove_file(ballast).unwrap();
    host.expect(&["reconcile", &project]);
    backed_up(&host, &project, Truth::True, "BackedUp").await;

    an_update_waits_while_a_tool_lies(&host, &project).await;
    every_good_one_is_whole(&host, &project);
}

/// Seven databases are dumped, the eighth is locked, and the controller is killed: the next one makes a set anew.
async fn cut_off_in_the_middle(host: &mut Host, project: &str, disk: &Disk) {
    let pagos = host.running(project, "pagos_mysql").await;
    let lock = sql("LOCK TABLES pagos.initialised WRITE; SELECT SLEEP(600)");
    let mut locked = Command::new("docker")
        .args(["exec", pagos.id(), "sh", "-c", &lock])
        .env("DOCKER_HOST", host.engine.address())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the dump of pagos waits for the lock", || {
        let list = host.engine.exec(pagos.id(), &["sh", "-c", &sql("SHOW PROCESSLIST")]);
        hold(list.contains("Waiting for table metadata lock"), || list.clone())
    })
    .await;
    host.kill();
    assert_eq!(unfinished(disk, project).len(), 1, "some of it is written");
    let before = good(host, project);
    let all = sql(
        "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist WHERE info LIKE '%SLEEP(600)%' AND id <> CONNECTION_ID()",
    );
    let kill = format!("{all} | {}", sql_of_input());
    host.engine.exec(pagos.id(), &["sh", "-c", &kill]);
    locked.wait().unwrap();
    host.start();
    eventually("it is made again", || {
        let after = good(host, project);
        hold(after.last() > before.last(), || format!("{before:?} {after:?}"))
    })
    .await;
}

/// A dump of the half that ends with 0: once the last good backup is too old, an update waits.
async fn an_update_waits_while_a_tool_lies(host: &Host, project: &str) {
    let reportes = host.running(project, "reportes_mysql").await;
    let tool = "/usr/local/bin/mariadb-dump";
    let half = "#!/bin/sh\n/usr/bin/mariadb-dump \"$@\" | head -c 1500\n";
    let lie = format!("printf '{half}' >{tool}; chmod 755 {tool}");
    host.engine.exec(reportes.id(), &["sh", "-c", &lie]);
    let message = backed_up(host, project, Truth::False, "BackupFailed").await;
    assert!(message.contains("reportes_mysql: the end of the dump is missing"), "{message}");

    eventually("the last good one is too old", || {
        let newest = good(host, project).pop().ok_or("there is none")?;
        let found = sets(host, project).into_iter().find(|set| set["id"] == newest.as_str());
        let at: Timestamp = serde_json::from_value(found.unwrap()["at"].clone()).unwrap();
        let age = now().since(at);
        hold(age > Duration::from_secs(15), || format!("{age:?}"))
    })
    .await;
    let users = host.running(project, "users_mysql").await;
    let alone = host.desired().join(project).join(ALONE);
    let changed = databases_alone() + "  users_mysql: { labels: { version: '2' } }\n";
    fs::write(&alone, changed).unwrap();
    host.described(project, &["the old version goes on", "BackupFailed"]).await;
    let tries = sets(host, project).len();
    host.expect(&["reconcile", project]);
    eventually("it is tried again", || {
        let now = sets(host, project).len();
        hold(now > tries, || format!("{now} sets"))
    })
    .await;
    let old = host.only(project, "users_mysql").unwrap();
    assert!(old.id() == users.id() && old.runs(), "{}", old.line());

    host.engine.exec(reportes.id(), &["rm", tool]);
    host.expect(&["reconcile", project]);
    let is_new = |one: &Container| one.label("version") == "2" && one.health() == "healthy";
    let new = host.running_and(project, "users_mysql", "is new", is_new).await;
    let newest = good(host, project).pop().unwrap();
    let made = sets(host, project).into_iter().find(|set| set["id"] == newest.as_str()).unwrap();
    assert!(["before_update", "schedule"].contains(&made["origin"].as_str().unwrap()), "{made}");
    assert!(new.id() != users.id());
}

/// Whatever went wrong around them.
fn every_good_one_is_whole(host: &Host, project: &str) {
    let files: Vec<String> = DATABASES.iter().map(|name| format!("{name}.sql.zst")).collect();
    let config = host.arguments.join("=");
    for set in sets(host, project).iter().filter(|set| set["end"] == "good") {
        let id = set["id"].as_str().unwrap();
        let said = host.expect(&["backup", "verify", id, &config]);
        assert!(said.contains("is whole"), "{said}");
        let members = set["members"].as_array().unwrap();
        let names: Vec<_> = members.iter().map(|one| one["file"].as_str().unwrap()).collect();
        let missing = files.iter().filter(|file| !names.contains(&file.as_str()));
        assert_eq!(missing.count(), 0, "{set}");
    }
}
