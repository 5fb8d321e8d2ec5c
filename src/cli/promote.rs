//! `promote`: a new version that stands beside the old one goes on, in the words of Argo Rollouts; with `--to`, the images that
//! one project runs are given to another on this host.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::request;
use crate::cli::target::Target;
use crate::ledger::Request;
use crate::model::id::{ProjectName, ServiceName};

/// Arguments of `promote`.
#[derive(Clone, Debug, Args)]
pub struct PromoteArgs {
    /// PROJECT or PROJECT/SERVICE; with --to the one whose images are given away, such as staging
    target: Target,
    /// With --to: only these services; without any, all that both projects have
    #[arg(requires = "to")]
    services: Vec<String>,
    /// The project that gets the images
    #[arg(long, value_name = "PROJECT")]
    to: Option<String>,
    /// Skip all steps that are left, and what they would have measured
    #[arg(long, conflicts_with = "to")]
    full: bool,
}

/// Asks for it.
///
/// # Errors
/// The target is not known, nothing of it waits, the controller refused, or the state directory cannot be used.
pub(super) async fn run(args: &PromoteArgs, context: &Context) -> Result<Outcome, CliError> {
    request::check_target(context, &args.target)?;
    let Target { project, service } = args.target.clone();
    let request = match &args.to {
        None => Request::Promote { project, service, full: args.full },
        Some(to) => {
            let named = args.services.iter().map(|name| ServiceName::new(name.as_str()));
            Request::PromoteImages {
                from: project,
                to: ProjectName::from(to.as_str()),
                services: service.into_iter().chain(named).collect(),
            }
        }
    };
    request::send(context, &request).await
}
