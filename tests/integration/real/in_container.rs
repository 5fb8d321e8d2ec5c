//! composelet in a container of its own: it keeps others, is kept by itself, and gives way to its successors.

use std::fs;
use std::path::Path;
use std::process::Command;

use composelet::model::revision::Verdict;
use rustix::process::{Pid, Signal, kill_process};

use crate::real::text::{SLEEP, file, service};
use crate::support_real::compose::compose;
use crate::support_real::container::Container;
use crate::support_real::host::Host;
use crate::support_real::look::lines;
use crate::support_real::system::{json, no_secret_is_an_argument, page, place};
use crate::support_real::wait::{eventually, hold};

/// A small Debian, in which the dynamic binary of the tests runs. tests/images/build makes it.
const BASE: &str = "composelet-test/base:1";
const SERVICE: &str = "composelet";

/// How the watched directory is mounted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// At the same path as on the host, as docs/install/compose.yaml has it.
    Same,
    /// Somewhere else.
    Other,
}

/// A host whose controller is a container.
struct Keeper {
    host: Host,
    project: String,
}

impl Keeper {
    /// Builds the images, and starts the first controller with docker compose, as a person would.
    async fn start(layout: Layout) -> Self {
        let host = Host::new();
        let project = host.project("keeper");
        let keeper = Self { host, project };
        keeper.build("one", &format!("FROM {BASE}\nCOPY composelet /usr/local/bin/composelet\n"));
        keeper.use_image("one");
        let mount = match layout {
            Layout::Same => keeper.host.desired(),
            Layout::Other => "/manifests".into(),
        };
        let text = MANIFEST
            .replace("PREFIX", keeper.host.project("").trim_end_matches('-'))
            .replace("IMAGE", &keeper.image("now"))
            .replace("DESIRED", keeper.host.desired().to_str().unwrap())
            .replace("MOUNT", mount.to_str().unwrap())
            .replace("STATE", keeper.host.state().to_str().unwrap());
        keeper.host.write(&keeper.project, &text);
        fs::create_dir_all(keeper.host.state()).unwrap();
        compose(&keeper.host.engine, &keeper.host.desired().join(&keeper.project), &["up", "-d"]);
        keeper.host.ready(&keeper.project).await;
        keeper
    }

    fn image(&self, tag: &str) -> String {
        format!("{}:{tag}", self.host.project("composelet"))
    }

    fn build(&self, tag: &str, dockerfile: &str) {
        let context = self.host.aside().join(format!("image-{tag}"));
        fs::create_dir_all(&context).unwrap();
        fs::write(context.join("Dockerfile"), dockerfile).unwrap();
        if dockerfile.contains("COPY composelet") {
            let to = context.join("composelet");
            let mut strip = Command::new("strip");
            strip.arg("-o").arg(&to).arg(env!("CARGO_BIN_EXE_composelet"));
            let stripped = strip.status().is_ok_and(|status| status.success());
            if !stripped {
                fs::copy(env!("CARGO_BIN_EXE_composelet"), &to).unwrap();
            }
        }
        let image = self.image(tag);
        self.docker(&[
            "build",
            "--quiet",
            "--force-rm",
            "--tag",
            &image,
            context.to_str().unwrap(),
        ]);
        fs::remove_dir_all(context).unwrap();
    }

    /// What the manifest names is this image from now on.
    fn use_image(&self, tag: &str) {
        self.docker(&["tag", &self.image(tag), &self.image("now")]);
    }

    fn docker(&self, arguments: &[&str]) -> String {
        let output = Command::new("docker")
            .args(arguments)
            .env("DOCKER_HOST", self.host.engine.address())
            .env("DOCKER_BUILDKIT", "0")
            .output()
            .unwrap();
        assert!(output.status.success(), "docker {arguments:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The only controller, which runs under the name of the service and is well.
    async fn one(&self, what: &str, more: impl Fn(&Container) -> bool) -> Container {
        let name = format!("{}-{SERVICE}-1", self.project);
        eventually(&format!("one controller: {what}"), || {
            let found = self.host.only(&self.project, SERVICE)?;
            let right = found.runs() && found.health() == "healthy" && found.name() == name;
            hold(right && more(&found), || found.line())?;
            Ok(found)
        })
        .await
    }

    /// Whoever acts now heals: proof of life.
    async fn heals(&self, project: &str, service: &str) {
        let before = self.host.running(project, service).await;
        self.host.engine.act(before.id(), "kill");
        let again = |now: &Container| now.started_at() != before.started_at();
        self.host.running_and(project, service, "another run", again).await;
    }

    /// What the controllers wrote, for a failed test.
    fn logs(&self) -> String {
        let all = self.host.containers(&self.project, SERVICE);
        let logs = all.iter().map(|one| {
            let arguments = ["logs", "--tail", "60", one.id()];
            let output = Command::new("docker").args(arguments).output();
            output
                .map(|output| String::from_utf8_lossy(&output.stderr).into_owned())
                .unwrap_or_default()
        });
        format!("{}\n{}", lines(&all), logs.collect::<Vec<_>>().join("\n---\n"))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        // Before anything else is removed: it would put it back.
        let names: Vec<String> = self
            .host
            .containers(&self.project, SERVICE)
            .iter()
            .map(|one| one.id().to_owned())
            .collect();
        for _ in 0..2 {
            for id in &names {
                drop(self.host.engine.call("DELETE", &format!("/containers/{id}?force=1"), None));
            }
        }
    }
}

const MANIFEST: &str = "
services:
  composelet:
    image: IMAGE
    pull_policy: never
    command: [composelet, run, --desired-state, MOUNT, --installation, PREFIX]
    environment: {EDITION: \"1\"}
    network_mode: host
    read_only: true
    cap_drop: [ALL]
    security_opt: ['no-new-privileges:true']
    tmpfs: [/tmp, /run]
    volumes:
      - /var/run/docker.sock:/var/run/docker.sock
      - DESIRED:MOUNT
      - STATE:/var/lib/composelet
    healthcheck: {test: [CMD, composelet, health], interval: 2s, timeout: 10s, retries: 5, start_period: 60s}
    deploy: {update_config: {monitor: 2s}}
    stop_grace_period: 30s
    restart: unless-stopped
";

/// A project with relative binds and a written config.
fn web(keeper: &Keeper) -> String {
    let project = keeper.host.project("web");
    let directory = keeper.host.desired().join(&project);
    fs::create_dir_all(directory.join("www")).unwrap();
    fs::write(directory.join("www/index.html"), "from the host").unwrap();
    fs::write(directory.join("app.conf"), "a file").unwrap();
    let lines = [
        "restart: unless-stopped",
        "volumes: ['./www:/www:ro']",
        "configs: [{source: written, target: /etc/written}, {source: plain, target: /etc/plain}]",
    ];
    let text = file(&[service("web", SLEEP, &lines)])
        + "configs:\n  written: {content: 'by composelet'}\n  plain: {file: ./app.conf}\n";
    keeper.host.write(&project, &text);
    project
}

async fn sees_its_files(keeper: &Keeper, project: &str) {
    let web = keeper.host.running(project, "web").await;
    let read = |path: &str| keeper.host.engine.exec(web.id(), &["cat", path]);
    assert_eq!(read("/www/index.html"), "from the host");
    assert_eq!(read("/etc/written"), "by composelet");
    assert_eq!(read("/etc/plain"), "a file");
    let host = keeper.host.desired().join(project).display().to_string();
    assert_eq!(web.label("com.docker.compose.project.working_dir"), host);
    let mounts = web.at("/Mounts").as_array().unwrap();
    let sources: Vec<&str> = mounts.iter().filter_map(|one| one["Source"].as_str()).collect();
    assert!(sources.contains(&format!("{host}/www").as_str()), "{sources:?}");
    let state = keeper.host.state();
    assert!(sources.iter().any(|one| Path::new(one).starts_with(&state)), "{sources:?}");
}

#[tokio::test]
async fn paths_are_those_of_the_host_and_what_cannot_be_seen_is_refused() {
    let keeper = Keeper::start(Layout::Other).await;
    let project = web(&keeper);
    keeper.host.ready(&project).await;
    sees_its_files(&keeper, &project).await;
    let first = keeper.one("as compose made it", |_| true).await;

    // Out of the mounted directory.
    let away = keeper.host.project("away");
    keeper.host.write(&away, &file(&[service("web", SLEEP, &["volumes: ['../../else:/x']"])]));
    eventually("the path is refused with what to do", || {
        let status = keeper.host.status(&away)?;
        let found = status.diagnostics.iter().find(|one| one.code == "not-mounted");
        let help = found.and_then(|one| one.help.clone()).unwrap_or_default();
        hold(help.contains("mount the directory"), || format!("{:?}", status.diagnostics))
    })
    .await;
    assert!(keeper.host.containers(&away, "web").is_empty());

    // The preview inside sees what the controller sees: nothing to do.
    let installation = keeper.host.project("");
    let command = ["composelet", "plan", "--desired-state", "/manifests", "--installation"];
    let rest = [installation.trim_end_matches('-'), "--project", &project];
    // It ends with 0 only if there is nothing to do.
    let plan = keeper.host.engine.exec(first.id(), &[&command[..], &rest[..]].concat());
    assert!(!plan.contains("CreateContainer"), "{plan}");

    // Its own project goes from the directory: it stays, and says so.
    let aside = keeper.host.aside().join("gone");
    fs::rename(keeper.host.desired().join(&keeper.project), &aside).unwrap();
    eventually("the own container is left", || {
        let status = keeper.host.status(&keeper.project)?;
        let held: Vec<_> = status.held.iter().map(|held| held.waiting_on.code()).collect();
        hold(held.contains(&"OwnContainer"), || format!("{held:?}"))
    })
    .await;
    keeper.heals(&project, "web").await;
    assert_eq!(keeper.one("the same", |_| true).await.id(), first.id());
    fs::rename(aside, keeper.host.desired().join(&keeper.project)).unwrap();
    keeper.host.ready(&keeper.project).await;
    assert_eq!(keeper.one("still the same", |_| true).await.id(), first.id());
}

#[tokio::test]
async fn it_updates_itself_and_survives_an_update_to_an_image_that_crashes() {
    let keeper = Keeper::start(Layout::Same).await;
    let project = web(&keeper);
    keeper.host.ready(&project).await;
    sees_its_files(&keeper, &project).await;
    let web = keeper.host.running(&project, "web").await;
    let first = keeper.one("the first", |_| true).await;

    // Another version of its own file, and another image.
    keeper.build("two", &format!("FROM {}\nLABEL edition=two\n", keeper.image("one")));
    keeper.use_image("two");
    keeper.host.edit(&keeper.project, "EDITION: \"1\"", "EDITION: \"2\"");
    let newer = |now: &Container| now.environment().contains(&"EDITION=2");
    let second = keeper.one("the second", newer).await;
    assert_ne!(second.id(), first.id());
    assert_eq!(second.label("edition"), "two");
    keeper.host.ready(&keeper.project).await;
    keeper.heals(&project, "web").await;
    assert_eq!(
        keeper.host.running(&project, "web").await.id(),
        web.id(),
        "nobody else was touched"
    );

    // An image that crashes.
    keeper.build(
        "bad",
        &format!(
            "FROM {}\nENTRYPOINT [\"sh\", \"-c\", \"echo broken; exit 3\"]\n",
            keeper.image("one")
        ),
    );
    keeper.use_image("bad");
    keeper.host.edit(&keeper.project, "EDITION: \"2\"", "EDITION: \"3\"");
    eventually("the version is rejected", || {
        let status = keeper.host.status(&keeper.project)?;
        let last = status.revisions.last().ok_or("no revision")?;
        hold(matches!(last.verdict, Verdict::Rejected(_)), || {
            format!("{:?} {:?}", last.verdict, status.held)
        })
    })
    .await;
    let third = keeper.one("the second goes on", |_| true).await;
    assert_eq!(third.id(), second.id());
    keeper.heals(&project, "web").await;

    // Mended, it updates again.
    keeper.use_image("two");
    keeper.host.edit(&keeper.project, "EDITION: \"3\"", "EDITION: \"4\"");
    keeper.one("the fourth", |now| now.environment().contains(&"EDITION=4")).await;
    keeper.host.ready(&keeper.project).await;
    keeper.heals(&project, "web").await;
}

/// Kills the process of a container behind the engine's back; its restart policy holds.
fn kill_process_of(container: &Container) {
    let pid = i32::try_from(container.number("/State/Pid")).ok().and_then(Pid::from_raw);
    kill_process(pid.expect("it runs"), Signal::KILL).unwrap();
}

#[tokio::test]
async fn killed_while_it_hands_over_exactly_one_is_left_and_acts() {
    let keeper = Keeper::start(Layout::Same).await;
    let project = web(&keeper);
    keeper.host.ready(&project).await;
    let mut edition = 1;
    // The old one as soon as the new one runs; the old one when the new one is well; the new one when it is well.
    for (healthy, old_one) in [(false, true), (true, true), (true, false)] {
        let old = keeper.one("before", |_| true).await;
        let (was, is) = (edition, edition + 1);
        keeper.host.edit(
            &keeper.project,
            &format!("EDITION: \"{was}\""),
            &format!("EDITION: \"{is}\""),
        );
        edition = is;
        let both = eventually("both run", || {
            let all = keeper.host.containers(&keeper.project, SERVICE);
            let new = all.iter().find(|one| one.id() != old.id() && one.runs());
            let well = new.is_some_and(|new| !healthy || new.health() == "healthy");
            let still = all.iter().any(|one| one.id() == old.id() && one.runs());
            hold(well && still, || lines(&all))?;
            Ok(all)
        })
        .await;
        let victim = both.iter().find(|one| (one.id() == old.id()) == old_one).unwrap();
        kill_process_of(victim);
        let wanted = format!("EDITION={is}");
        keeper.one("after", |now| now.environment().contains(&wanted.as_str())).await;
        keeper.host.ready(&keeper.project).await;
        keeper.heals(&project, "web").await;
    }
}

#[tokio::test]
async fn montero_as_it_stands_is_kept_from_a_container() {
    let keeper = Keeper::start(Layout::Other).await;
    let project = keeper.host.project("montero");
    let ports = place(&keeper.host, "montero", &project, &[], &[]);
    keeper.host.comes_up(&project, 3).await;
    let app = format!("http://localhost:{}", ports["APP_HOST_PORT"]);
    let health = json(&format!("{app}/health"), &[]).await;
    assert_eq!([&health["database"], &health["cache"]], ["ok", "ok"], "{health}");
    let note = ["-H", "Content-Type: application/json", "-d", r#"{"text":"a","author":"Ana"}"#];
    assert_eq!(page(&format!("{app}/notes"), &note).unwrap().0, 201);
    // What it writes is beside its manifest, on the host.
    let data = keeper.host.desired().join(&project).join("data/montero.db");
    assert!(data.is_file(), "{}", data.display());
    no_secret_is_an_argument(&keeper.host, &project, 3);
    keeper.host.is_silent().await;

    // Updated under it, nothing of it moves.
    let before: Vec<String> =
        keeper.host.engine.containers_of(&project).iter().map(Container::line).collect();
    keeper.host.edit(&keeper.project, "EDITION: \"1\"", "EDITION: \"2\"");
    keeper.one("the second", |now| now.environment().contains(&"EDITION=2")).await;
    keeper.host.ready(&keeper.project).await;
    keeper.host.ready(&project).await;
    let after: Vec<String> =
        keeper.host.engine.containers_of(&project).iter().map(Container::line).collect();
    assert_eq!(before, after);
    keeper.heals(&project, "app").await;
}
