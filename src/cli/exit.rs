//! How a command ends, and with which code. The numbers are a promise: they are never given another meaning.

use std::fmt;
use std::process::ExitCode;

/// End of a command that could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, and as it should be.
    Done,
    /// There are differences, or a condition was not reached.
    Difference,
    /// The time that was given is over.
    TimedOut,
    /// What was asked for was tried and rolled back.
    RolledBack,
    /// A command of the person's own ended with this code (`exec`, `shell`).
    Exited(u8),
}

/// Why a command could not do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The command line or a setting is wrong.
    Usage,
    /// Something outside failed: the engine, a file, the state directory.
    Runtime,
    /// The project, service or container that was named is not known.
    NotFound,
}

/// A failure with its text for people. The kind is for code, the text is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CliError {
    /// What sort of failure.
    pub kind: ErrorKind,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl CliError {
    /// A wrong command line or setting.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message.into())
    }

    /// A failure of something outside.
    pub fn runtime(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Runtime, message.into())
    }

    /// Something named that is not known.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message.into())
    }

    fn new(kind: ErrorKind, message: String) -> Self {
        Self { kind, message, hint: None }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CliError {}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::runtime(error.to_string())
    }
}

impl From<crate::ledger::LedgerError> for CliError {
    fn from(error: crate::ledger::LedgerError) -> Self {
        Self::runtime(chain(&error))
    }
}

/// An error with its causes, outermost first.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// The exit code: 0 done, 1 difference or condition not reached, 2 usage or runtime error, 3 not found, 4 timed out,
/// 5 rolled back; `exec` and `shell` pass on the code of what ran.
pub fn code(result: &Result<Outcome, CliError>) -> u8 {
    match result {
        Ok(Outcome::Done) => 0,
        Ok(Outcome::Difference) => 1,
        Err(error) => match error.kind {
            ErrorKind::Usage | ErrorKind::Runtime => 2,
            ErrorKind::NotFound => 3,
        },
        Ok(Outcome::TimedOut) => 4,
        Ok(Outcome::RolledBack) => 5,
        Ok(Outcome::Exited(code)) => *code,
    }
}

/// [`code`] as the process returns it.
pub fn exit_code(result: &Result<Outcome, CliError>) -> ExitCode {
    ExitCode::from(code(result))
}
