//! The systems of tests/systems on the real engine: copied, brought up, asked for pages, handed to docker compose and back.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use composelet::model::time::Timestamp;

use crate::support_real::compose::{compose, try_compose};
use crate::support_real::container::Container;
use crate::support_real::engine::SERVICE_LABEL;
use crate::support_real::host::Host;
use crate::support_real::wait::{eventually, hold, within};

/// First boot of the databases and builds included, on two busy cores.
const FIRST_START: Duration = Duration::from_secs(300);

/// Host ports by the name of their variable in `.env`.
pub(crate) type Ports = BTreeMap<String, u16>;

/// A variable of `.env` and its value in this run.
pub(crate) type Setting<'a> = (&'a str, String);

/// So many ports that nobody listens on.
fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|one| one.local_addr().unwrap().port()).collect()
}

/// Copies a system into the watched directory as a project of its own: `make-env` makes its passwords, every
/// `*_HOST_PORT` gets a free port, names get the project's name, and `settings` replace what stands in `.env`.
pub(crate) fn place(
    host: &Host,
    system: &str,
    project: &str,
    make_env: &[&str],
    settings: &[Setting<'_>],
) -> Ports {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/systems").join(system);
    let aside = host.aside().join(project);
    assert!(Command::new("cp").arg("-a").arg(source).arg(&aside).status().unwrap().success());
    drop(fs::remove_file(aside.join(".env")));
    assert!(Command::new(aside.join("make-env")).args(make_env).status().unwrap().success());
    let text = fs::read_to_string(aside.join(".env")).unwrap();
    let (text, ports) = settled(&text, project, settings);
    fs::write(aside.join(".env"), text).unwrap();
    // Complete at once, as a checkout would be renamed into place.
    fs::rename(aside, host.desired().join(project)).unwrap();
    host.canaries.add(secrets(host, project));
    ports
}

/// `.env` with the names, ports and settings of this run, and the ports.
fn settled(text: &str, project: &str, settings: &[Setting<'_>]) -> (String, Ports) {
    let names: Vec<_> = text.lines().filter_map(|line| line.split_once('=')).collect();
    for (name, _) in settings {
        assert!(names.iter().any(|(known, _)| known == name), "{name} is not in .env");
    }
    let wanted: Vec<_> = names.iter().filter(|(name, _)| name.ends_with("_HOST_PORT")).collect();
    let free = free_ports(wanted.len()).into_iter();
    let ports: Ports = wanted.iter().map(|(name, _)| (*name).to_owned()).zip(free).collect();
    let value = |name: &str| {
        let set = settings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        set.or_else(|| ports.get(name).map(ToString::to_string)).or_else(|| match name {
            "COMPOSE_PROJECT_NAME" | "CONTAINER_PREFIX" => Some(project.to_owned()),
            "APP_IMAGE" => Some(format!("{project}-app:prod")),
            _ => None,
        })
    };
    let lines = text.lines().map(|line| {
        let known = line.split_once('=').and_then(|(name, _)| Some((name, value(name)?)));
        known.map_or_else(|| line.to_owned(), |(name, value)| format!("{name}={value}"))
    });
    (lines.map(|line| line + "\n").collect(), ports)
}

/// Every generated value of a project's `.env`: keys and passwords.
fn secrets(host: &Host, project: &str) -> Vec<String> {
    let text = fs::read_to_string(host.desired().join(project).join(".env")).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once('='));
    let secret = lines.filter(|(name, _)| name.ends_with("PASSWORD") || *name == "SECRET_KEY");
    secret.map(|(_, value)| value.to_owned()).collect()
}

/// Changes values of a project's `.env` at once, as an editor does: a new file in the place of the old one.
pub(crate) fn set(host: &Host, project: &str, settings: &[Setting<'_>]) {
    let file = host.desired().join(project).join(".env");
    let text = fs::read_to_string(&file).unwrap();
    let value = |line: &str| {
        let (name, _) = line.split_once('=')?;
        let (_, value) = settings.iter().find(|(known, _)| *known == name)?;
        Some(format!("{name}={value}"))
    };
    let lines = text.lines().map(|line| value(line).unwrap_or_else(|| line.to_owned()) + "\n");
    let changed: String = lines.collect();
    let aside = host.aside().join("env");
    fs::write(&aside, changed).unwrap();
    fs::rename(aside, file).unwrap();
}

/// A value of a project's `.env`.
pub(crate) fn value_of(host: &Host, project: &str, name: &str) -> String {
    let text = fs::read_to_string(host.desired().join(project).join(".env")).unwrap();
    let mut values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    values.next().unwrap_or_else(|| panic!("{name} is not in .env")).to_owned()
}

/// Status and body of a page, or why there is none. `more` are further arguments of curl.
pub(crate) fn page(url: &str, more: &[&str]) -> Result<(u16, String), String> {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20", "--write-out", "\n%{http_code}"])
        .args(more)
        .arg(url)
        .output()
        .map_err(|error| format!("curl: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (body, status) = text.rsplit_once('\n').unwrap_or_default();
    let status = status.parse().ok().filter(|status| *status > 0);
    let status = status.ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    Ok((status, body.to_owned()))
}

/// Waits until a page is there; its body.
pub(crate) async fn answers(url: &str, more: &[&str]) -> String {
    eventually(&format!("{url} answers"), || {
        let (status, body) = page(url, more)?;
        hold(status == 200, || format!("{status}: {}", body.get(..200).unwrap_or(&body)))?;
        Ok(body)
    })
    .await
}

/// The same for JSON.
pub(crate) async fn json(url: &str, more: &[&str]) -> serde_json::Value {
    let body = answers(url, more).await;
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{url}: {error}: {body}"))
}

/// Waits until Prometheus has exactly these jobs, and every target of theirs is up.
pub(crate) async fn targets_up(prometheus: &str, jobs: &[&str]) {
    let url = format!("{prometheus}/api/v1/targets?state=active");
    let mut wanted = jobs.to_vec();
    wanted.sort_unstable();
    eventually("Prometheus has all its targets up", || {
        let (_, body) = page(&url, &[])?;
        let value: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        let targets = value["data"]["activeTargets"].as_array().cloned().unwrap_or_default();
        let (up, down): (Vec<_>, Vec<_>) = targets.iter().partition(|one| one["health"] == "up");
        hold(down.is_empty(), || {
            let line =
                |one: &&serde_json::Value| format!("{} {}", one["scrapeUrl"], one["lastError"]);
            format!("down: {:?}", down.iter().map(line).collect::<Vec<_>>())
        })?;
        let mut seen: Vec<_> = up.iter().filter_map(|one| one["labels"]["job"].as_str()).collect();
        seen.sort_unstable();
        seen.dedup();
        hold(seen == wanted, || format!("jobs: {seen:?}"))
    })
    .await;
}

/// No command line of the project holds one of its secrets; `count` is how many it has.
pub(crate) fn no_secret_is_an_argument(host: &Host, project: &str, count: usize) {
    let secrets = secrets(host, project);
    assert_eq!(secrets.len(), count);
    for container in host.engine.containers_of(project) {
        let check = container.at("/Config/Healthcheck");
        let words = format!("{}{}{check}", container.at("/Path"), container.at("/Args"));
        let shown = secrets.iter().any(|secret| words.contains(secret));
        assert!(!shown, "{}: {words}", container.name());
        if !container.runs() {
            continue;
        }
        let top = host
            .engine
            .get(&format!("/containers/{}/top?ps_args=-eo%20pid%2Cargs", container.id()));
        let shown = secrets.iter().any(|secret| top.to_string().contains(secret));
        assert!(!shown, "{}: {top}", container.name());
    }
}

/// A system that is well has no diagnosis, as often as it is asked.
pub(crate) fn nothing_is_diagnosed(host: &Host, project: &str) {
    let run = host.run(&["diagnose", project, "-o", "json"]);
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(report["findings"], serde_json::json!([]), "{}{}", run.out, run.err);
    assert_eq!(run.code, 0);
}

/// Redis answers who knows the password of its environment, and nobody else.
pub(crate) fn redis_wants_its_password(host: &Host, redis: &Container) {
    let ask = |command: &str| host.engine.exec(redis.id(), &["sh", "-c", command]);
    assert_eq!(ask("REDISCLI_AUTH=\"$REDIS_PASSWORD\" redis-cli ping").trim(), "PONG");
    let refused = ask("redis-cli ping 2>&1");
    assert!(refused.contains("NOAUTH"), "{refused}");
}

/// How many containers wait for a database, each of which started after its database listened on its port: a database
/// begins with a server that only initialises and answers on its socket alone, and that one is not waited for.
pub(crate) fn waited_for_databases(
    host: &Host,
    project: &str,
    is_database: impl Fn(&str) -> bool,
) -> usize {
    let all = host.engine.containers_of(project);
    let mut count = 0;
    for one in &all {
        let edges = one.label("com.docker.compose.depends_on").split(',');
        let names =
            edges.filter_map(|edge| edge.split(':').next()).filter(|name| is_database(name));
        for name in names {
            let database = all.iter().find(|other| other.label(SERVICE_LABEL) == name).unwrap();
            let started = Timestamp::parse_rfc3339(one.started_at()).unwrap();
            let opened = opened(host, database);
            assert!(started > opened, "{} at {started}, {name} at {opened}", one.name());
            count += 1;
        }
    }
    count
}

/// When a database began to listen on its port.
fn opened(host: &Host, database: &Container) -> Timestamp {
    let output = Command::new("docker")
        .args(["logs", "--timestamps", database.id()])
        .env("DOCKER_HOST", host.engine.address())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text.lines().find(|line| line.contains("port: 3306"));
    let time = line.and_then(|line| line.split(' ').next()).unwrap_or_else(|| panic!("{text}"));
    Timestamp::parse_rfc3339(time).unwrap()
}

fn ids(containers: &[Container]) -> Vec<String> {
    containers.iter().map(|one| format!("{} {}", one.name(), one.id())).collect()
}

impl Host {
    /// Waits until so many services exist and all of them, and the project, are Ready.
    pub(crate) async fn comes_up(&self, project: &str, services: usize) {
        within(FIRST_START, &format!("all {services} services of {project} are Ready"), || {
            let status = self.status(project)?;
            let missing = status.services.iter().filter(|one| one.ready != one.replicas);
            let names: Vec<_> = missing.map(|one| one.name.as_str()).collect();
            hold(names.is_empty() && status.services.len() == services, || {
                format!("{}; not ready: {names:?}", status.services.len())
            })
        })
        .await;
        self.ready(project).await;
    }

    /// Ten further passes change nothing and call nothing that could.
    pub(crate) async fn is_silent(&self) {
        self.pass();
        let (mark, before) = (self.events.mark().await, self.fresh().await);
        for _ in 0..10 {
            self.pass();
        }
        assert_eq!(self.events.since(mark).await, Vec::<String>::new());
        assert_eq!(self.fresh().await.mutating_calls, before.mutating_calls);
    }

    /// To docker compose and back: its `up` after us recreates nothing, and what it made anew we adopt as it is, without
    /// any memory of our own. `steps` are its commands that bring the project up; `proxies` have a command that tells them who
    /// is behind them, which they get once from a controller that does not know what they know.
    pub(crate) async fn there_and_back(&mut self, project: &str, steps: &[&[&str]], proxies: u64) {
        let directory = self.desired().join(project);
        let services = self.status(project).unwrap().services.len();
        let before = ids(&self.engine.containers_of(project));
        let output = try_compose(&self.engine, &directory, &["up", "-d"]);
        assert_eq!(before, ids(&self.engine.containers_of(project)), "{output:?}");
        self.ready(project).await;
        self.is_silent().await;

        self.terminate().await;
        compose(&self.engine, &directory, &["down"]);
        assert_eq!(ids(&self.engine.containers_of(project)), Vec::<String>::new());
        for step in steps {
            compose(&self.engine, &directory, step);
        }
        let theirs = ids(&self.engine.containers_of(project));
        assert_eq!(theirs.len(), before.len(), "{theirs:?} for {before:?}");
        fs::remove_dir_all(self.state()).unwrap();
        self.start();
        self.comes_up(project, services).await;
        self.pass();
        assert_eq!(theirs, ids(&self.engine.containers_of(project)), "adopted as they are");
        assert_eq!(self.fresh().await.mutating_calls, proxies);
    }
}
