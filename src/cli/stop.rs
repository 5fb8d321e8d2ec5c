//! `stop`: a project or service is stopped for a repair, and nothing starts it again until `start`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::instant::{self, Named};
use crate::cli::log_print::harmless;
use crate::cli::request;
use crate::cli::target::Target;
use crate::ledger::Request;

/// Arguments of `stop`.
#[derive(Clone, Debug, Args)]
pub struct StopArgs {
    /// What: PROJECT or PROJECT/SERVICE
    target: Target,
    /// Why; `get`, `describe` and `history` show it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// How long (2h, 1h30m), or until when (2026-01-31T08:00:00Z); without it, until `start`
    #[arg(long, value_name = "TIME", value_parser = instant::parse)]
    until: Option<Named>,
}

/// Stops.
///
/// # Errors
/// The target is not known, the end lies in the past, or the state directory cannot be used.
pub(super) async fn run(args: &StopArgs, context: &Context) -> Result<Outcome, CliError> {
    request::check_target(context, &args.target)?;
    let now = context.now();
    let until = args.until.map(|until| until.after(now));
    if until.is_some_and(|until| until <= now) {
        return Err(CliError::usage("--until lies in the past"));
    }
    let request = Request::Stop {
        project: args.target.project.clone(),
        service: args.target.service.clone(),
        reason: harmless(&args.reason),
        until,
    };
    request::send(context, &request).await
}
