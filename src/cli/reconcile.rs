//! `reconcile`: look again now, forget back-offs.

use std::time::Duration;

use clap::Args;
use tokio::time::{Instant, interval};

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::published::Published;
use crate::cli::{duration, request, rollout};
use crate::ledger::Request;
use crate::model::id::ProjectName;
use crate::model::status::ProjectStatus;
use crate::model::time::Timestamp;

/// How often the status is read while waiting.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Arguments of `reconcile`.
#[derive(Clone, Debug, Args)]
pub struct ReconcileArgs {
    /// Only this project; without it, all of them
    project: Option<String>,
    /// Wait until everything is Ready; exit 1 if something is stalled instead, 5 if a version was rolled back
    #[arg(long)]
    wait: bool,
    /// How long to wait; exit 4 after it
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "10m")]
    timeout: Duration,
}

/// Asks for a pass, and waits for what comes of it if told so.
///
/// # Errors
/// The project is not known, or the state directory cannot be used.
pub(super) async fn run(args: &ReconcileArgs, context: &Context) -> Result<Outcome, CliError> {
    if let Some(project) = &args.project {
        Published::read(context)?.project(project)?;
    }
    let asked_at = context.now();
    let project = args.project.as_deref().map(ProjectName::from);
    let answered = request::send(context, &Request::Reconcile { project }).await?;
    if !args.wait || answered != Outcome::Done {
        return Ok(answered);
    }
    let deadline = Instant::now() + args.timeout;
    let mut ticks = interval(LOOK_EVERY);
    while Instant::now() < deadline {
        ticks.tick().await;
        let published = Published::read(context)?;
        let mut selected = published.projects.iter().filter(|project| {
            args.project.as_ref().is_none_or(|name| project.name.as_str() == name)
        });
        if let Some(outcome) = verdict(&mut selected, asked_at) {
            return Ok(outcome);
        }
    }
    context.out.warn("not everything was Ready in time; `composelet describe` says why");
    Ok(Outcome::TimedOut)
}

/// How it ended, once each project was looked at after the request: Ready all, rolled back, or one that will not get better.
fn verdict(
    projects: &mut dyn Iterator<Item = &ProjectStatus>,
    asked_at: Timestamp,
) -> Option<Outcome> {
    let mut outcome = Some(Outcome::Done);
    for project in projects {
        if project.observed_at.is_none_or(|seen| seen < asked_at) {
            return None;
        }
        match rollout::verdict(project) {
            Some(Outcome::Done) => {}
            None => outcome = None,
            Some(bad) => return Some(bad),
        }
    }
    outcome
}
