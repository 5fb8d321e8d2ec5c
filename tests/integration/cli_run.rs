//! `run` as a process: signals, the second controller, the forms of its log. No engine is there: it waits for one.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use composelet::ledger::Ledger;
use composelet::model::path::LocalPath;
use rustix::process::{Pid, Signal, kill_process};

use crate::cli_binary::composelet;

/// Longest wait for a line.
const DEADLINE: Duration = Duration::from_secs(20);
const ARGUMENTS: [&str; 5] = ["run", "--state-dir", "state", "-H", "unix:///nowhere/docker.sock"];

/// A running controller; it does not outlive its test.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Running {
    fn start(directory: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_composelet"))
            .args(ARGUMENTS)
            .args(arguments)
            .current_dir(directory)
            .env_clear()
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let lines = lines_of(child.stderr.take().unwrap());
        Self { child, lines }
    }

    /// Waits for a line with these words.
    fn says(&self, words: &str) -> String {
        let mut heard = Vec::new();
        loop {
            match self.lines.recv_timeout(DEADLINE) {
                Ok(line) if line.contains(words) => return line,
                Ok(line) => heard.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("`{words}` was not said; heard: {heard:#?}")
                }
            }
        }
    }

    /// Asks it to stop, and gives the exit code.
    fn terminate(mut self) -> Option<i32> {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

/// Lines from a thread of their own, so that waiting for one can end.
fn lines_of(stream: ChildStderr) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("desired-state")).unwrap();
    directory
}

#[test]
fn a_signal_ends_it_with_zero() {
    let directory = directory();
    let running = Running::start(directory.path(), &[]);
    running.says("engine");
    assert_eq!(running.terminate(), Some(0));
}

#[test]
fn the_log_can_be_json() {
    let directory = directory();
    let running = Running::start(directory.path(), &["--log-format", "json"]);
    let line = running.says("engine");
    let record: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert!(record["timestamp"].is_string() && record["level"].is_string(), "{line}");
}

#[test]
fn a_second_controller_stands_by_and_says_so() {
    let directory = directory();
    let ledger = Ledger::open(&LocalPath::new(directory.path().join("state"))).unwrap();
    let lock = ledger.try_lock().unwrap().expect("nobody else has it");
    let running = Running::start(directory.path(), &[]);
    running.says("stand");
    drop(lock);
    running.says("engine");
    assert_eq!(running.terminate(), Some(0));
}

#[test]
fn once_does_not_wait_for_a_lock() {
    let directory = directory();
    let ledger = Ledger::open(&LocalPath::new(directory.path().join("state"))).unwrap();
    let _lock = ledger.try_lock().unwrap().expect("nobody else has it");
    let run = composelet(directory.path(), &[&ARGUMENTS[..], &["--once"]].concat());
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("another controller holds the lock"), "{}", run.err);
}

#[test]
fn once_gives_up_in_time() {
    let directory = directory();
    let run =
        composelet(directory.path(), &[&ARGUMENTS[..], &["--once", "--timeout", "1s"]].concat());
    assert_eq!(run.code, 4, "{}", run.err);
}

#[test]
fn a_state_directory_of_somebody_else_is_refused() {
    let directory = directory();
    std::fs::create_dir(directory.path().join("state")).unwrap();
    std::fs::write(directory.path().join("state/letters.txt"), "mine").unwrap();
    let run = composelet(directory.path(), &ARGUMENTS);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("--state-dir"), "{}", run.err);
}
