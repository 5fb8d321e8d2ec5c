//! `abort`: a version that is being rolled out is given up, and is not tried again until files or images change.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::request;
use crate::cli::target::Target;
use crate::ledger::Request;

/// Arguments of `abort`.
#[derive(Clone, Debug, Args)]
pub struct AbortArgs {
    /// PROJECT, or PROJECT/SERVICE to say because of which service; the project goes back as a whole
    target: Target,
}

/// Asks for it.
///
/// # Errors
/// The target is not known, nothing is being rolled out, or the state directory cannot be used.
pub(super) async fn run(args: &AbortArgs, context: &Context) -> Result<Outcome, CliError> {
    request::check_target(context, &args.target)?;
    let (project, service) = (args.target.project.clone(), args.target.service.clone());
    request::send(context, &Request::Abort { project, service }).await
}
