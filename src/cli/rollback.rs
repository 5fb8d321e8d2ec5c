//! `rollback`: an earlier revision of a project runs until `resume` or an edit.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::published::Published;
use crate::cli::request;
use crate::ledger::Request;
use crate::model::id::ProjectName;
use crate::model::status::ProjectStatus;

/// Arguments of `rollback`.
#[derive(Clone, Debug, Args)]
pub struct RollbackArgs {
    /// The project
    project: String,
    /// Number of the revision, as `rollout history` lists it; without it, the last one before that was stable
    #[arg(long, value_name = "NUMBER")]
    to: Option<u64>,
}

/// Asks for a rollback, after saying what it does not bring back.
///
/// # Errors
/// The project is not known, or the state directory cannot be used.
pub(super) async fn run(args: &RollbackArgs, context: &Context) -> Result<Outcome, CliError> {
    let published = Published::read(context)?;
    let project = published.project(&args.project)?;
    if let Some(number) = args.to
        && !project.revisions.iter().any(|one| one.number == number)
    {
        let known: Vec<String> =
            project.revisions.iter().map(|one| one.number.to_string()).collect();
        return Err(CliError::not_found(format!("{} has no revision {number}", args.project))
            .hint(format!("kept are {}", known.join(", "))));
    }
    for line in left_behind(project) {
        context.out.note(&line);
    }
    let project = ProjectName::from(args.project.as_str());
    request::send(context, &Request::Rollback { project, to: args.to }).await
}

/// What a rollback does not touch: nobody keeps earlier contents of it.
fn left_behind(project: &ProjectStatus) -> Vec<String> {
    let trees: Vec<&str> = project.not_kept.iter().map(String::as_str).collect();
    if trees.is_empty() {
        return Vec::new();
    }
    vec![format!("stays as it is, for its earlier contents are not kept: {}", trees.join(", "))]
}
