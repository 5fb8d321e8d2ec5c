//! `resume`: ends a suspension.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::request;
use crate::cli::target::Target;
use crate::ledger::Request;

/// Arguments of `resume`.
#[derive(Clone, Debug, Args)]
pub struct ResumeArgs {
    /// What: PROJECT or PROJECT/SERVICE
    target: Target,
}

/// Resumes.
///
/// # Errors
/// The target is not known, or the state directory cannot be used.
pub(super) async fn run(args: &ResumeArgs, context: &Context) -> Result<Outcome, CliError> {
    request::check_target(context, &args.target)?;
    let request = Request::Resume {
        project: args.target.project.clone(),
        service: args.target.service.clone(),
    };
    request::send(context, &request).await
}
