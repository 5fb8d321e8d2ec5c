//! Manifests of light services, written as a person would.

use crate::support_real::canary::FILE;
use crate::support_real::host::IMAGE;

/// Runs for ever and ends on SIGTERM.
pub(crate) const SLEEP: &str = "exec sleep 1000000";

/// One service that runs a shell command; each line is put below its key.
pub(crate) fn service(name: &str, command: &str, lines: &[&str]) -> String {
    let command = serde_json::to_string(command).unwrap();
    let mut text = format!(
        "  {name}:\n    image: {IMAGE}\n    init: true\n    command: [\"sh\", \"-c\", {command}]\n"
    );
    for line in lines {
        text.extend(["    ", line, "\n"]);
    }
    if !lines.iter().any(|line| line.starts_with("env_file:")) {
        text.extend(["    env_file: [{path: ", FILE, ", required: false}]\n"]);
    }
    text
}

/// A file with these services.
pub(crate) fn file(services: &[String]) -> String {
    format!("services:\n{}", services.concat())
}

/// A file with one service `web` that sleeps.
pub(crate) fn sleeper(lines: &[&str]) -> String {
    file(&[service("web", SLEEP, lines)])
}
