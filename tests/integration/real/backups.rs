//! Backups of real servers: what is saved comes back with one command, and what is not whole is never called good.

use std::fs;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::support_real::container::Container;
use crate::support_real::controller::command;
use crate::support_real::host::{Host, IMAGE};
use crate::support_real::wait::{eventually, hold};

const PASSWORD: &str = "hunter2hunter2";

/// Two of the databases of pontificia, its Redis with an append-only file, and beside them PostgreSQL, SQLite, a volume and
/// a bound directory.
fn manifest() -> String {
    format!(
        r#"
x-mysql: &mysql
  image: mysql:8.0
  environment: {{ MYSQL_ROOT_PASSWORD: {PASSWORD}, MYSQL_DATABASE: records }}
  healthcheck: {{ test: ["CMD-SHELL", 'MYSQL_PWD="$$MYSQL_ROOT_PASSWORD" mysqladmin -uroot ping'], interval: 5s, start_period: 120s }}
services:
  auth_mysql: {{ <<: *mysql, volumes: ["auth:/var/lib/mysql"] }}
  users_mysql: {{ <<: *mysql, volumes: ["users:/var/lib/mysql"] }}
  db:
    image: postgres:15
    environment: {{ POSTGRES_PASSWORD: {PASSWORD}, POSTGRES_DB: records }}
    volumes: ["postgres:/var/lib/postgresql/data"]
  redis:
    image: redis:7-alpine
    command:
      - sh
      - -c
      - |
        umask 077
        printf 'requirepass %s\nappendonly yes\n' "$$REDIS_PASSWORD" >/tmp/redis.conf
        chown redis /tmp/redis.conf
        exec docker-entrypoint.sh redis-server /tmp/redis.conf
    environment: {{ REDIS_PASSWORD: {PASSWORD} }}
    volumes: ["redis:/data"]
  notes:
    image: composelet-test/python-web:1
    init: true
    command: ["sleep", "1000000"]
    volumes: ["notes:/notes"]
    x-composelet: {{ backup: {{ recipe: sqlite, file: /notes/notes.db }} }}
  app:
    image: {IMAGE}
    init: true
    command: ["sleep", "1000000"]
    working_dir: /media
    volumes: ["uploads:/uploads", "./media:/media"]
    depends_on: {{ auth_mysql: {{ condition: service_healthy }} }}
    x-composelet: {{ backup: {{ recipe: files, paths: [/media] }} }}
volumes: {{ auth: {{}}, users: {{}}, postgres: {{}}, redis: {{}}, notes: {{}}, uploads: {{}} }}
"#
    )
}

/// A host on which all of it runs and holds a row of each kind.
async fn filled() -> (Host, String) {
    let mut host = Host::new();
    let shop = host.project("shop");
    host.write(&shop, &manifest());
    host.start();
    host.comes_up(&shop, 6).await;
    for service in ["auth_mysql", "users_mysql"] {
        let text = format!(
            "CREATE TABLE records.a (name TEXT); INSERT INTO records.a VALUES ('{service}');"
        );
        mysql(&host, &host.running(&shop, service).await, &text);
    }
    let at = |name: &'static str| host.running(&shop, name);
    let text = "CREATE TABLE a (name TEXT); INSERT INTO a VALUES ('kept')";
    let db = at("db").await;
    eventually("PostgreSQL takes a row", || {
        let output = std::process::Command::new("docker")
            .args(["exec", db.id(), "psql", "-Upostgres", "-drecords", "-c", text])
            .output()
            .map_err(|error| error.to_string())?;
        hold(output.status.success(), || String::from_utf8_lossy(&output.stderr).into_owned())
    })
    .await;
    redis(&host, &at("redis").await, "for n in 1 2 3 4 5; do redis-cli SET key$n value; done");
    let statement = "CREATE TABLE a (name TEXT); INSERT INTO a VALUES ('kept')";
    host.engine.exec(at("notes").await.id(), &["sqlite3", "/notes/notes.db", statement]);
    let write = "echo kept >/uploads/one; echo kept >/media/one";
    host.engine.exec(at("app").await.id(), &["sh", "-c", write]);
    (host, shop)
}

fn mysql(host: &Host, container: &Container, text: &str) -> String {
    let line = format!("MYSQL_PWD=\"$MYSQL_ROOT_PASSWORD\" mysql -uroot -N -e \"{text}\"");
    host.engine.exec(container.id(), &["sh", "-c", &line])
}

fn redis(host: &Host, container: &Container, text: &str) -> String {
    let line = format!("export REDISCLI_AUTH=\"$REDIS_PASSWORD\"; {text}");
    host.engine.exec(container.id(), &["sh", "-c", &line])
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}:\n{text}"))
}

fn listed(host: &Host, more: &[&str]) -> Vec<Value> {
    let arguments = [&["backup", "list", "-o", "json"], more].concat();
    json(&host.expect(&arguments)).as_array().unwrap().clone()
}

/// How each backup of the list ended.
fn ends(host: &Host, more: &[&str]) -> Vec<String> {
    let end = |set: &Value| match &set["end"] {
        Value::String(word) => word.clone(),
        other => other.as_object().unwrap().keys().next().unwrap().clone(),
    };
    listed(host, more).iter().map(end).collect()
}

#[tokio::test]
async fn a_night_of_backups_and_one_command_back() {
    let (host, shop) = filled().await;
    let made = json(&host.expect(&["backup", "create", &shop, "-o", "json"]));
    let members = made["members"].as_array().unwrap();
    let kinds: Vec<&str> = members.iter().map(|one| one["file"].as_str().unwrap()).collect();
    let expected = [
        "app.tar.zst",
        "auth_mysql.sql.zst",
        "db.sql.zst",
        "notes.sqlite3.zst",
        "redis.rdb.zst",
        "users_mysql.sql.zst",
        "app.uploads.tar.zst",
    ];
    assert_eq!(kinds, expected);
    let id = made["id"].as_str().unwrap().to_owned();
    assert!(host.expect(&["backup", "verify", &id]).contains("is whole"));
    let directory = made["directory"].as_str().unwrap();
    assert!(!fs::read_to_string(format!("{directory}/set.json")).unwrap().contains(PASSWORD));

    // A person drops a database: one command, and the row is back; what waits for it runs again.
    let auth = host.running(&shop, "auth_mysql").await;
    mysql(&host, &auth, "DROP DATABASE records");
    let said = host.expect(&["restore", &format!("{shop}/auth_mysql")]);
    assert!(said.contains(&id), "{said}");
    assert_eq!(mysql(&host, &auth, "SELECT name FROM records.a").trim(), "auth_mysql");
    host.ready(&shop).await;
    host.running(&shop, "app").await;
    let history = host.expect(&["history", &shop, "-o", "json"]);
    assert!(history.contains("from backup"), "{history}");

    postgres_and_sqlite_come_back(&host, &shop).await;
    redis_comes_back_under_its_append_only_file(&host, &shop).await;
    files_come_back_and_what_was_there_is_aside(&host, &shop).await;
    damage_is_found(&host, directory, &id);
}

async fn postgres_and_sqlite_come_back(host: &Host, shop: &str) {
    let db = host.running(shop, "db").await;
    host.engine.exec(db.id(), &["psql", "-Upostgres", "-drecords", "-c", "DELETE FROM a"]);
    host.expect(&["restore", &format!("{shop}/db")]);
    let rows = ["psql", "-Upostgres", "-drecords", "-Atc", "SELECT name FROM a"];
    assert_eq!(host.engine.exec(db.id(), &rows).trim(), "kept");
    let notes = host.running(shop, "notes").await;
    host.engine.exec(notes.id(), &["sqlite3", "/notes/notes.db", "DROP TABLE a"]);
    host.expect(&["restore", &format!("{shop}/notes")]);
    let rows = ["sqlite3", "/notes/notes.db", "SELECT name FROM a"];
    assert_eq!(host.engine.exec(notes.id(), &rows).trim(), "kept");
}

/// The server reads its append-only file at the start, not the snapshot: the keys must be in it.
async fn redis_comes_back_under_its_append_only_file(host: &Host, shop: &str) {
    let server = host.running(shop, "redis").await;
    redis(host, &server, "redis-cli FLUSHALL; redis-cli SET stray 1");
    let said = host.expect(&["restore", &format!("{shop}/redis")]);
    assert!(said.contains("5 keys"), "{said}");
    assert_eq!(redis(host, &server, "redis-cli DBSIZE").trim(), "5");
    host.engine.act(server.id(), "restart");
    eventually("the keys are there after a restart", || {
        let output = std::process::Command::new("docker")
            .args(["exec", server.id(), "sh", "-c"])
            .arg("REDISCLI_AUTH=\"$REDIS_PASSWORD\" redis-cli DBSIZE")
            .output()
            .map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        hold(said == "5", || said.clone())
    })
    .await;
}

async fn files_come_back_and_what_was_there_is_aside(host: &Host, shop: &str) {
    let app = host.running(shop, "app").await;
    let change = "echo changed >/uploads/one; rm /media/one; echo new >/media/new";
    host.engine.exec(app.id(), &["sh", "-c", change]);
    host.expect(&["restore", &format!("{shop}/app")]);
    let look =
        "cat /uploads/one /media/one; test ! -e /media/new; cat /media/.composelet-before-*/new";
    assert_eq!(host.engine.exec(app.id(), &["sh", "-c", look]), "kept\nkept\nnew\n");
}

/// One byte on the disk is another one: the backup is not good any more, and is not restored.
fn damage_is_found(host: &Host, directory: &str, id: &str) {
    let file = format!("{directory}/db.sql.zst");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let run = host.run(&["backup", "verify", id]);
    assert!(run.code == 1 && run.out.contains("the checksum of db.sql.zst"), "{run:?}");
    let set = listed(host, &[]).into_iter().find(|set| set["id"] == id).unwrap();
    assert!(set["end"]["damaged"].is_object(), "{set}");
    let project = set["project"].as_str().unwrap();
    let run = host.run(&["restore", &format!("{project}/db"), "--backup", id]);
    assert!(run.code == 2 && run.err.contains("cannot be restored"), "{run:?}");
}

/// Begins a backup and comes back when its first bytes are on the disk.
async fn begun(host: &Host, shop: &str, settings: &[&str]) -> Child {
    let text = |path: std::path::PathBuf| path.display().to_string();
    let child = command()
        .args(["backup", "create", shop])
        .args(["--desired-state", &text(host.desired()), "--state-dir", &text(host.state())])
        .args(["--host", &host.engine.address()])
        .args(settings)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let directory = host.state().join("backup-files").join(shop);
    eventually("the backup has begun", || {
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        let begun = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".unf"));
        let bytes: u64 = begun
            .flat_map(|entry| fs::read_dir(entry.path()).into_iter().flatten().flatten())
            .filter_map(|file| Some(file.metadata().ok()?.len()))
            .sum();
        hold(bytes > 0, || "no byte yet".to_owned())
    })
    .await;
    child
}

/// A service whose dump prints more than a pipe holds, and then takes its time.
const SLOW: &str =
    "head -c 3000000 /dev/urandom; test -e /tmp/quick || sleep 30; echo; echo -- end";

#[tokio::test]
async fn what_is_not_whole_is_never_good() {
    let mut host = Host::new();
    let shop = host.project("shop");
    let word = format!("{{ command: [sh, -c, '{SLOW}'], ends_with: '-- end' }}");
    let text = format!(
        "services:\n  db:\n    image: mysql:8.0\n    environment: {{ MYSQL_ROOT_PASSWORD: {PASSWORD}, MYSQL_DATABASE: records }}\n    \
         healthcheck: {{ test: [\"CMD-SHELL\", 'MYSQL_PWD=\"$$MYSQL_ROOT_PASSWORD\" mysqladmin -uroot ping'], interval: 5s, start_period: 120s }}\n  \
         own:\n    image: {IMAGE}\n    init: true\n    command: [sleep, '1000000']\n    x-composelet: {{ backup: {word} }}\n"
    );
    host.write(&shop, &text);
    host.start();
    host.comes_up(&shop, 2).await;
    let (own, db) = (host.running(&shop, "own").await, host.running(&shop, "db").await);

    // Killed in the middle: nothing is listed, and nothing stays.
    let installation = host.project("").trim_end_matches('-').to_owned();
    let mut child = begun(&host, &shop, &["--installation", &installation]).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let directory = host.state().join("backup-files").join(&shop);
    assert_eq!(ends(&host, &[]), Vec::<String>::new());
    host.engine.exec(own.id(), &["touch", "/tmp/quick"]);
    host.expect(&["backup", "create", &shop]);
    let left: Vec<String> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with(".unfinished"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
    assert_eq!(ends(&host, &[]), ["good"]);

    // A tool that writes half and says that all is well.
    let tool = "#!/bin/sh\ncase $1 in --help) exit 0;; esac\necho 'CREATE TABLE half (a int);'\n";
    let lie = format!(
        "printf '%s' \"{}\" >/usr/local/bin/mariadb-dump; chmod 755 /usr/local/bin/mariadb-dump",
        tool.replace('$', "\\$")
    );
    host.engine.exec(db.id(), &["sh", "-c", &lie]);
    let run = host.run(&["backup", "create", &shop]);
    assert!(run.code == 2 && run.err.contains("0 of 1 databases end in the dump"), "{run:?}");
    assert_eq!(ends(&host, &[]), ["good", "failed"], "a set that lacks a member is not good");
    host.engine.exec(db.id(), &["rm", "/usr/local/bin/mariadb-dump"]);

    // A full disk.
    let small = host.aside().join("small");
    fs::create_dir(&small).unwrap();
    let mount = |arguments: &[&str]| {
        assert!(std::process::Command::new("mount").args(arguments).status().unwrap().success());
    };
    mount(&["-t", "tmpfs", "-o", "size=1m", "tmpfs", small.to_str().unwrap()]);
    let file = host.aside().join("composelet.yaml");
    fs::write(&file, format!("backups: {{ directory: {} }}\n", small.display())).unwrap();
    let run = host.run(&["backup", "create", &shop, "--config", file.to_str().unwrap()]);
    let left = fs::read_dir(small.join(&shop)).unwrap().count();
    assert!(std::process::Command::new("umount").arg(&small).status().unwrap().success());
    assert!(run.code == 2 && run.err.contains("the directory of backups is full"), "{run:?}");
    assert_eq!(left, 1, "only the lock is left");
    assert_eq!(ends(&host, &[]), ["good", "failed", "failed"]);
    assert_eq!(ends(&host, &[&shop]).len(), 3);
}
