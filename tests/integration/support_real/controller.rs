//! The built binary as a process of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support_real::wait::eventually;

/// Lines of its log that a failed test shows.
const TAIL: usize = 60;

/// A controller that was started. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Controller {
    child: Child,
    log: PathBuf,
}

impl Controller {
    /// Starts it; both streams go to `log`.
    pub(crate) fn start(
        arguments: &[String],
        environment: &[(String, String)],
        log: &Path,
    ) -> Self {
        let mut binary = command();
        binary.args(arguments).envs(environment.iter().map(|(name, value)| (name, value)));
        Self::spawn(binary, log)
    }

    /// Starts another program in its place; both streams go to `log`.
    pub(crate) fn spawn(mut command: Command, log: &Path) -> Self {
        let file = File::create(log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .expect("the binary was built with the tests");
        Self { child, log: log.to_owned() }
    }

    /// Everything it wrote so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The end of its log.
    pub(crate) fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }

    /// Process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Ends it as a power failure would.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// Asks it to end, and waits until it did.
    pub(crate) async fn terminate(mut self) -> ExitStatus {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
        eventually("the controller ends after SIGTERM", || {
            self.ended().ok_or_else(|| "it runs".to_owned())
        })
        .await
    }

    fn end(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.end();
    }
}

/// The binary with nothing of the surrounding environment but what finds programs.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_composelet"));
    command.env_clear();
    for name in ["PATH", "HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}
