//! `version`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};

/// Arguments of `version`.
#[derive(Clone, Debug, Args)]
pub struct VersionArgs {
    /// Only the number
    #[arg(long)]
    short: bool,
}

/// Prints the version and the oldest engine that it works with.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn run(args: &VersionArgs, context: &Context) -> Result<Outcome, CliError> {
    let version = env!("CARGO_PKG_VERSION");
    let text = if args.short {
        format!("{version}\n")
    } else {
        format!("composelet {version} (Docker Engine 20.10, API 1.41, and later)\n")
    };
    context.out.result(&text)?;
    Ok(Outcome::Done)
}
