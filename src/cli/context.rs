//! What every command is given.

use crate::cli::exit::CliError;
use crate::cli::output::Output;
use crate::cli::settings::{Settings, Surroundings};
use crate::controller::{Clock, SystemClock};
use crate::ledger::Ledger;
use crate::model::time::Timestamp;

/// Settings, surroundings and where to print.
#[derive(Clone, Debug)]
pub(super) struct Context {
    /// Resolved settings.
    pub(super) settings: Settings,
    /// Current directory and environment of the process.
    pub(super) around: Surroundings,
    /// Where results and remarks go.
    pub(super) out: Output,
}

impl Context {
    /// Now.
    #[expect(clippy::unused_self, reason = "the one place from which commands learn the time")]
    pub(super) fn now(&self) -> Timestamp {
        SystemClock::start().now()
    }

    /// The state directory of a controller that has run, for reading and for requests. Nothing is created.
    ///
    /// # Errors
    /// No controller has used it, or it cannot be read.
    pub(super) fn ledger(&self) -> Result<Ledger, CliError> {
        let directory = &self.settings.state_dir;
        match std::fs::metadata(directory.join("VERSION").as_path()) {
            Ok(_) => Ok(Ledger::open_existing(directory)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(CliError::runtime(
                format!("{}: no controller has run with this state directory", directory.display()),
            )
            .hint("start one with `composelet run`, or name its directory with --state-dir")),
            Err(error) => Err(CliError::runtime(format!("{}: {error}", directory.display()))
                .hint("use the same user as the controller, or name another --state-dir")),
        }
    }
}
