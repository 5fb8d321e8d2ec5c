//! A host of its own for each test: directories, names, installation; and nothing of it is left behind.

use std::cell::Cell;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support_real::canary::{self, Canaries};
use crate::support_real::controller::{Controller, command};
use crate::support_real::engine::{Engine, PROJECT_LABEL, encode};
use crate::support_real::events::Events;
use crate::support_real::wait::{eventually, hold};

/// The image of the light scenarios: `sh`, `httpd`, `nc`, `sleep`. tests/images/build makes it.
pub(crate) const IMAGE: &str = "composelet-test/busybox:1";

/// What a command of the binary gave.
#[derive(Debug)]
pub(crate) struct Run {
    /// Exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

/// A watched directory, a state directory, names that nobody else has, and the engine.
#[derive(Debug)]
pub(crate) struct Host {
    /// The engine.
    pub(crate) engine: Engine,
    /// What happens to our objects.
    pub(crate) events: Events,
    /// Beginning of every name.
    prefix: String,
    /// The controllers that were started and not ended by the test.
    pub(crate) controllers: Vec<Controller>,
    /// Environment of its controllers, beside what finds programs.
    pub(crate) environment: Vec<(String, String)>,
    /// The address that controllers are given in the place of the engine's own: that of a proxy.
    pub(crate) address: Option<String>,
    /// What `run` is told beside the settings.
    pub(crate) arguments: Vec<String>,
    /// Values that nothing may show.
    pub(crate) canaries: Canaries,
    directory: TempDir,
    logs: Cell<u32>,
}

impl Host {
    /// An empty one on the engine of this machine.
    pub(crate) fn new() -> Self {
        Self::on(Engine::connect())
    }

    /// An empty one on this engine.
    pub(crate) fn on(engine: Engine) -> Self {
        let image = engine.find(&format!("/images/{IMAGE}/json"));
        assert!(image.is_some(), "{IMAGE} is missing: run tests/images/build");
        let directory = TempDir::with_prefix("composelet-").unwrap();
        let random = RandomState::new().hash_one(directory.path());
        let prefix = format!("ct-{:08x}", random & 0xffff_ffff);
        let events = Events::listen(&engine, &prefix);
        let host = Self {
            engine,
            events,
            prefix,
            controllers: Vec::new(),
            environment: Vec::new(),
            address: None,
            arguments: Vec::new(),
            canaries: Canaries::new(),
            directory,
            logs: Cell::new(0),
        };
        fs::create_dir(host.desired()).unwrap();
        host
    }

    /// The full name of a project, also of its directory.
    pub(crate) fn project(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// The watched directory.
    pub(crate) fn desired(&self) -> PathBuf {
        self.directory.path().join("desired-state")
    }

    /// The state directory.
    pub(crate) fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// Room beside the watched directory.
    pub(crate) fn aside(&self) -> &Path {
        self.directory.path()
    }

    /// Where a project's manifest lies.
    pub(crate) fn manifest(&self, project: &str) -> PathBuf {
        self.desired().join(project).join("compose.yaml")
    }

    /// Writes a project's manifest in place, as a shell would.
    pub(crate) fn write(&self, project: &str, text: &str) {
        let directory = self.desired().join(project);
        fs::create_dir_all(&directory).unwrap();
        if text.contains(canary::FILE) {
            canary::plant(&directory);
        }
        fs::write(self.manifest(project), text).unwrap();
    }

    /// Replaces a piece of a project's manifest.
    pub(crate) fn edit(&self, project: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.manifest(project)).unwrap();
        assert!(text.contains(old), "{old:?} is not in:\n{text}");
        self.write(project, &text.replace(old, new));
    }

    /// The flags of this host.
    pub(crate) fn settings(&self) -> Vec<String> {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        vec![
            "--desired-state".to_owned(),
            text(self.desired()),
            "--state-dir".to_owned(),
            text(self.state()),
            "--installation".to_owned(),
            self.prefix.clone(),
            "--host".to_owned(),
            self.address.clone().unwrap_or_else(|| self.engine.address()),
        ]
    }

    /// Starts a controller, beside those that run.
    pub(crate) fn start(&mut self) {
        self.logs.set(self.logs.get() + 1);
        let mut arguments = vec!["run".to_owned()];
        arguments.extend(self.settings());
        arguments.extend(self.arguments.iter().cloned());
        let log = self.directory.path().join(format!("controller-{}.log", self.logs.get()));
        self.controllers.push(Controller::start(&arguments, &self.environment, &log));
    }

    /// Starts another program as a controller.
    pub(crate) fn start_command(&mut self, command: Command) {
        self.logs.set(self.logs.get() + 1);
        let log = self.directory.path().join(format!("controller-{}.log", self.logs.get()));
        self.controllers.push(Controller::spawn(command, &log));
    }

    /// Ends the oldest controller as a power failure would.
    pub(crate) fn kill(&mut self) {
        self.controllers.remove(0).kill();
    }

    /// Ends the oldest controller with SIGTERM; it must end well.
    pub(crate) async fn terminate(&mut self) {
        let controller = self.controllers.remove(0);
        let log = self.directory.path().join(format!("controller-{}.log", self.logs.get()));
        let status = controller.terminate().await;
        let text = fs::read_to_string(log).unwrap_or_default();
        assert!(status.success(), "the controller ended with {status}:\n{text}");
    }

    /// Runs a command of the binary with the settings of this host.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let output = command()
            .args(arguments)
            .args(self.settings())
            .stdin(Stdio::null())
            .output()
            .expect("the binary was built with the tests");
        let run = Run {
            code: output.status.code().expect("no signal ended it"),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        self.canaries.judge_output(arguments, &run.out);
        self.canaries.judge_output(arguments, &run.err);
        run
    }

    /// The same, and it must end with 0; its standard output.
    pub(crate) fn expect(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}:\n{}{}", run.out, run.err);
        run.out
    }

    /// Ids or names of the objects of a list whose name or project begins with this prefix, which is ours or longer.
    fn ours(&self, prefix: &str, list: &str, name: &str) -> Vec<String> {
        let Ok(answer) = self.engine.call("GET", list, None) else { return Vec::new() };
        let value: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let items = value.get("Volumes").unwrap_or(&value).as_array().cloned().unwrap_or_default();
        let named = |item: &Value| {
            let name = item[name].as_str().or(item[name][0].as_str()).unwrap_or_default();
            let project = item["Labels"][PROJECT_LABEL].as_str().unwrap_or_default();
            name.trim_start_matches('/').starts_with(prefix) || project.starts_with(prefix)
        };
        let key = |item: &Value| item["Id"].as_str().or(item["Name"].as_str()).map(str::to_owned);
        items.iter().filter(|item| named(item)).filter_map(key).collect()
    }

    /// Removes a project's directory and all that is on the engine for it, behind the back of the controllers: none may run.
    /// An engine that is busy with other tests may answer no list, or refuse a removal: it is asked until nothing is left.
    pub(crate) async fn forget(&self, project: &str) {
        assert!(self.controllers.is_empty(), "a controller would make it again");
        fs::remove_dir_all(self.desired().join(project)).unwrap();
        let filter =
            encode(&serde_json::json!({ "label": [format!("{PROJECT_LABEL}={project}")] }));
        let list = format!("/containers/json?all=1&filters={filter}");
        eventually(&format!("nothing is left of {project}"), || {
            self.sweep(project);
            let answer = self.engine.call("GET", &list, None).map_err(|error| error.to_string())?;
            hold(answer.status == 200 && answer.body.trim() == "[]", || answer.body.clone())
        })
        .await;
    }

    /// Removes what we made. Nothing here may panic: it also runs while a test fails.
    fn clean(&mut self) {
        self.controllers.clear();
        self.sweep(&self.prefix);
        for id in self.ours(&self.prefix, "/images/json", "RepoTags") {
            drop(self.engine.call(
                "DELETE",
                &format!("/images/{}?force=1", encode(&Value::String(id))),
                None,
            ));
        }
        remove_engine_lock(&self.prefix);
    }

    /// Removes the containers, networks and volumes of this prefix.
    fn sweep(&self, prefix: &str) {
        let gone = |path: String| drop(self.engine.call("DELETE", &path, None));
        for id in self.ours(prefix, "/containers/json?all=1", "Names") {
            gone(format!("/containers/{id}?force=1&v=1"));
        }
        for id in self.ours(prefix, "/networks", "Name") {
            gone(format!("/networks/{id}"));
        }
        for name in self.ours(prefix, "/volumes", "Name") {
            gone(format!("/volumes/{name}"));
        }
    }

    /// Where the controllers left a secret.
    fn leaks(&self) -> Vec<String> {
        let ids = self.ours(&self.prefix, "/containers/json?all=1", "Names");
        let path = |id: &String| format!("/containers/{id}/json");
        let containers: Vec<Value> =
            ids.iter().filter_map(|id| self.engine.find(&path(id))).collect();
        let state = self.state();
        let entries = fs::read_dir(self.aside()).into_iter().flatten().flatten();
        let logs: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|it| it == "log"))
            .collect();
        let places: Vec<&Path> =
            std::iter::once(state.as_path()).chain(logs.iter().map(PathBuf::as_path)).collect();
        self.canaries.found(&places, &containers)
    }

    /// What a person would look at first.
    #[expect(clippy::print_stderr, reason = "the test runner shows it for failed tests only")]
    fn tell(&self) {
        eprintln!("--- containers of {}", self.prefix);
        for id in self.ours(&self.prefix, "/containers/json?all=1", "Names") {
            if let Some(container) = self.engine.container(&id) {
                eprintln!("{}", container.line());
            }
        }
        for controller in &self.controllers {
            eprintln!("--- controller {}, end of its log\n{}", controller.pid(), controller.tail());
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let failed = std::thread::panicking();
        if failed {
            self.tell();
        }
        let leaks = if failed { Vec::new() } else { self.leaks() };
        self.clean();
        assert!(leaks.is_empty(), "a secret stands in {leaks:#?}");
    }
}

/// The lock file of an installation outlives its controller; that of a test has no further use.
fn remove_engine_lock(installation: &str) {
    let line = format!("installation {installation}\n");
    for directory in [PathBuf::from("/run/composelet"), std::env::temp_dir().join("composelet")] {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if fs::read_to_string(entry.path()).is_ok_and(|text| text.contains(&line)) {
                drop(fs::remove_file(entry.path()));
            }
        }
    }
}
