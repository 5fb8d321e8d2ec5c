//! `suspend`: the controller goes on looking at a project or service, and does nothing.

use std::time::Duration;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::target::Target;
use crate::cli::{duration, request};
use crate::ledger::Request;

/// Arguments of `suspend`.
#[derive(Clone, Debug, Args)]
pub struct SuspendArgs {
    /// What: PROJECT or PROJECT/SERVICE
    target: Target,
    /// Why; `get` and `describe` show it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// How long, e.g. 2h or 1h30m; without it, until `resume`
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    duration: Option<Duration>,
}

/// Suspends.
///
/// # Errors
/// The target is not known, or the state directory cannot be used.
pub(super) async fn run(args: &SuspendArgs, context: &Context) -> Result<Outcome, CliError> {
    request::check_target(context, &args.target)?;
    let request = Request::Suspend {
        project: args.target.project.clone(),
        service: args.target.service.clone(),
        reason: args.reason.clone(),
        until: args.duration.map(|duration| context.now().plus(duration)),
    };
    request::send(context, &request).await
}
