//! A second engine that belongs to one test: it may be killed, frozen and filled. Needs root, as dockerd does.
//!
//! It has a socket, data and a network name space of its own and leaves the packet filter alone. The binary is the one on the
//! PATH, or the one that `PRIVATE_DOCKERD` names: then its neighbours (containerd, runc, docker-proxy) are used, too.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support_real::engine::Engine;
use crate::support_real::host::IMAGE;
use crate::support_real::wait::{hold, within};

/// How long a start may take on a busy machine: after SIGKILL the engine starts what its policies say before it answers.
const START: Duration = Duration::from_secs(300);
/// How long an orderly end may take before it is killed, in seconds.
const END_SECONDS: u32 = 20;

/// An engine of one's own. Dropping it removes all of it: containers, shims, mounts, networks, files.
#[derive(Debug)]
pub(crate) struct PrivateEngine {
    child: Option<Child>,
    /// What its processes and mounts can be known by.
    root: PathBuf,
    engine: Engine,
    dockerd: PathBuf,
}

impl PrivateEngine {
    /// Starts one and gives it the image of the light scenarios.
    pub(crate) async fn start() -> Self {
        let private = Self::start_empty(None).await;
        private.load(IMAGE);
        private
    }

    /// Starts one without images; with `size`, its data lies on a memory file system of so many MiB.
    pub(crate) async fn start_empty(size: Option<u32>) -> Self {
        assert!(rustix::process::geteuid().is_root(), "a private engine needs root");
        let dockerd = std::env::var_os("PRIVATE_DOCKERD").map_or("dockerd".into(), PathBuf::from);
        let random = RandomState::new().hash_one("private");
        let root = PathBuf::from(format!("/run/composelet-test-{:08x}", random & 0xffff_ffff));
        fs::create_dir_all(root.join("data")).unwrap();
        let engine = Engine::at(&root.join("docker.sock"));
        let mut private = Self { child: None, root, engine, dockerd };
        private.make_namespace();
        // /run is in memory, on most machines: data of an engine without a limit belong on the disk.
        let data = private.root.join("data");
        if let Some(mib) = size {
            let limit = format!("size={mib}m");
            run("mount", &["-t", "tmpfs", "-o", &limit, "tmpfs", text(&data)]);
        } else {
            fs::create_dir_all(private.disk()).unwrap();
            run("mount", &["--bind", text(&private.disk()), text(&data)]);
        }
        private.resume().await;
        private
    }

    /// The engine behind its socket.
    pub(crate) fn engine(&self) -> Engine {
        self.engine.clone()
    }

    /// Where its images and containers lie.
    pub(crate) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// A network name space of its own: in that of the machine, dockerd takes away the `docker0` of the other engine as soon as
    /// it is told of another bridge, or of none.
    fn namespace(&self) -> String {
        format!("/run/netns/{}", self.name())
    }

    fn name(&self) -> &str {
        self.root.file_name().unwrap().to_str().unwrap()
    }

    fn make_namespace(&self) {
        run("ip", &["netns", "add", self.name()]);
        run("nsenter", &[&format!("--net={}", self.namespace()), "ip", "link", "set", "lo", "up"]);
    }

    fn disk(&self) -> PathBuf {
        std::env::temp_dir().join(self.root.file_name().unwrap())
    }

    /// Starts the daemon again after its end, with all it had.
    pub(crate) async fn resume(&mut self) {
        // Left over by a containerd that died with its daemon: dockerd would wait for that process.
        drop(fs::remove_file(self.root.join("exec/containerd/containerd.pid")));
        drop(fs::remove_file(self.root.join("docker.pid")));
        self.child = Some(self.command().spawn().expect("dockerd is installed"));
        let log = self.root.join("log");
        let engine = self.engine.clone();
        within(START, "the private engine answers", || {
            hold(engine.answers(), || fs::read_to_string(&log).unwrap_or_default())
        })
        .await;
    }

    fn command(&self) -> Command {
        let log = File::options().create(true).append(true).open(self.root.join("log")).unwrap();
        let at = |name: &str| text(&self.root.join(name)).to_owned();
        let name = self.name().to_owned();
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net={}", self.namespace()))
            .arg(&self.dockerd)
            .args(["--host", &self.engine.address(), "--data-root", &at("data")])
            .args(["--exec-root", &at("exec"), "--pidfile", &at("docker.pid")])
            .args(["--config-file", &at("daemon.json")])
            .args(["--iptables=false", "--ip6tables=false", "--ip-masq=false"])
            .args(["--containerd-namespace", &name])
            .args(["--containerd-plugins-namespace", &format!("{name}-plugins")])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        fs::write(self.root.join("daemon.json"), "{}").unwrap();
        if let Some(neighbours) = self.dockerd.parent().filter(|it| it.is_absolute()) {
            let path = std::env::var("PATH").unwrap_or_default();
            command.env("PATH", format!("{}:{path}", neighbours.display()));
            command.arg("--userland-proxy-path").arg(neighbours.join("docker-proxy"));
        }
        command
    }

    /// Copies an image from the engine of this machine.
    pub(crate) fn load(&self, image: &str) {
        let file = self.root.join("image.tar");
        let save = |engine: &Engine, arguments: &[&str]| {
            let output = Command::new("docker")
                .args(arguments)
                .env("DOCKER_HOST", engine.address())
                .output()
                .expect("the docker client is installed");
            assert!(output.status.success(), "{arguments:?}: {output:?}");
        };
        save(&Engine::connect(), &["save", "-o", text(&file), image]);
        save(&self.engine, &["load", "-q", "-i", text(&file)]);
        drop(fs::remove_file(&file));
    }

    /// Its process.
    pub(crate) fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("it was started");
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    /// Ends it as a power failure would, containerd included; what it runs runs on.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
        for pid in self.processes("containerd/containerd.toml") {
            kill_process(pid, Signal::KILL).ok();
        }
    }

    /// Ends it as an operator does.
    pub(crate) fn terminate(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let pid = Pid::from_child(&child);
        kill_process(pid, Signal::CONT).ok();
        kill_process(pid, Signal::TERM).ok();
        let script = format!("sleep {END_SECONDS}; exec kill -9 {pid}");
        let watchdog = Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).spawn();
        drop(child.wait());
        if let Ok(mut watchdog) = watchdog {
            drop(watchdog.kill());
            drop(watchdog.wait());
        }
    }

    /// Processes that carry its directory and this text in their command line.
    fn processes(&self, part: &str) -> Vec<Pid> {
        let ours = self.name();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            if line.contains(ours) && line.contains(part) {
                found.extend(Pid::from_raw(pid));
            }
        }
        found
    }

    /// Shims, and what they hold, that no engine ended.
    fn end_shims(&self) {
        for shim in self.processes("containerd-shim") {
            let path = format!("/proc/{shim}/task/{shim}/children");
            let children = fs::read_to_string(path).unwrap_or_default();
            for child in
                children.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?))
            {
                kill_process(child, Signal::KILL).ok();
            }
            kill_process(shim, Signal::KILL).ok();
        }
        for other in self.processes("containerd") {
            kill_process(other, Signal::KILL).ok();
        }
    }

    fn unmount(&self) {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let points = mounts.lines().rev().filter_map(|line| line.split(' ').nth(4));
        let (root, disk) = (self.root.clone(), self.disk());
        for point in
            points.filter(|it| Path::new(it).starts_with(&root) || Path::new(it).starts_with(&disk))
        {
            drop(Command::new("umount").args(["-l", point]).stderr(Stdio::null()).status());
        }
    }

    fn remove_namespace(&self) {
        let mut command = Command::new("ip");
        drop(command.args(["netns", "del", self.name()]).stderr(Stdio::null()).status());
    }

    /// Removes the containers, so that their processes, mounts and shims end in order.
    fn remove_containers(&self) {
        let script = "docker ps -aq | xargs -r docker rm -f; docker network ls -q --filter type=custom | xargs -r docker network rm";
        drop(
            Command::new("timeout")
                .args(["20", "sh", "-c", script])
                .env("DOCKER_HOST", self.engine.address())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status(),
        );
    }
}

impl Drop for PrivateEngine {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.signal_quietly(Signal::CONT);
            self.remove_containers();
        }
        self.terminate();
        self.end_shims();
        self.unmount();
        self.remove_namespace();
        drop(fs::remove_dir_all(&self.root));
        drop(fs::remove_dir_all(self.disk()));
    }
}

impl PrivateEngine {
    fn signal_quietly(&self, signal: Signal) {
        if let Some(child) = &self.child {
            kill_process(Pid::from_child(child), signal).ok();
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
}
