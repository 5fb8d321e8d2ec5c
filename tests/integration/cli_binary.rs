//! Runs the built binary, with nothing of the surrounding environment.

use std::path::Path;
use std::process::{Command, Output};

/// What a run of the binary gave.
#[derive(Debug)]
pub(crate) struct Run {
    /// Exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

/// `composelet` with arguments, in a directory.
pub(crate) fn composelet(directory: &Path, arguments: &[&str]) -> Run {
    composelet_with(directory, arguments, &[])
}

/// The same with variables of the environment.
pub(crate) fn composelet_with(
    directory: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Run {
    let output: Output = Command::new(env!("CARGO_BIN_EXE_composelet"))
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .expect("the binary was built with the tests");
    Run {
        code: output.status.code().expect("no signal ended it"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
