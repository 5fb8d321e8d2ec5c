//! `shell`: an interactive shell inside a ready replica of a service.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exec::{self, HowArgs};
use crate::cli::exit::{CliError, Outcome};
use crate::cli::target::Target;

/// The best shell that there is.
const SHELL: [&str; 3] =
    ["sh", "-c", "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi"];

/// Arguments of `shell`.
#[derive(Clone, Debug, Args)]
pub struct ShellArgs {
    /// In what
    #[arg(value_name = "PROJECT/SERVICE")]
    target: Target,
    #[command(flatten)]
    how: HowArgs,
    /// As root
    #[arg(long, conflicts_with = "user")]
    root: bool,
}

/// Runs a shell; its exit code is that of this process.
///
/// # Errors
/// As `exec`.
pub(super) async fn run(args: &ShellArgs, context: &Context) -> Result<Outcome, CliError> {
    let how = if args.root { args.how.clone().with_root() } else { args.how.clone() };
    exec::inside(context, (&args.target, &how), &SHELL.map(str::to_owned)).await
}
