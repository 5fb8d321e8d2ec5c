//! `confirm`: allows what waits for a person.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::request;
use crate::ledger::Request;
use crate::model::id::ProjectName;

/// Arguments of `confirm`.
#[derive(Clone, Debug, Args)]
pub struct ConfirmArgs {
    /// Only what is held for this project; without it, everything that is held now
    project: Option<String>,
}

/// Confirms what is held now: exactly the recorded set, nothing that comes later.
///
/// # Errors
/// The state directory cannot be used. A project that went away is no error: its removal is what is confirmed.
pub(super) async fn run(args: &ConfirmArgs, context: &Context) -> Result<Outcome, CliError> {
    let project = args.project.as_deref().map(ProjectName::from);
    request::send(context, &Request::Confirm { project }).await
}
