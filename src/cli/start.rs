//! `start`: ends a stop.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::request;
use crate::cli::target::Target;
use crate::ledger::Request;

/// Arguments of `start`.
#[derive(Clone, Debug, Args)]
pub struct StartArgs {
    /// What: PROJECT or PROJECT/SERVICE
    target: Target,
}

/// Starts what was stopped.
///
/// # Errors
/// The target is not known or not stopped, or the state directory cannot be used.
pub(super) async fn run(args: &StartArgs, context: &Context) -> Result<Outcome, CliError> {
    request::check_target(context, &args.target)?;
    let request = Request::Start {
        project: args.target.project.clone(),
        service: args.target.service.clone(),
    };
    request::send(context, &request).await
}
