//! `reconcile`: look again now, forget back-offs.

use std::time::Duration;

use clap::Args;
use tokio::time::{Instant, interval};

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::published::Published;
use crate::cli::{describe, duration, request, rollout};
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
    /// Wait until the files of this commit (at least 7 digits of it) are wanted, and then for what comes of them
    #[arg(long, value_name = "COMMIT", requires = "wait", requires = "project", value_parser = commit)]
    revision: Option<String>,
    /// How long to wait; exit 4 after it
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "10m")]
    timeout: Duration,
}

/// Asks for a pass, and waits for what comes of it if told so.
///
/// # Errors
/// The project is not known, or the state directory cannot be used.
pub(super) async fn run(args: &ReconcileArgs, context: &Context) -> Result<Outcome, CliError> {
    let asked_at = context.now();
    let project = args.project.as_deref().map(ProjectName::from);
    let known =
        args.project.as_deref().map(|project| Published::read(context)?.project(project).map(drop));
    let request = match known {
        // It may come with that commit.
        Some(Err(_)) if args.revision.is_some() => Request::Sync { source: None, accept: None },
        Some(Err(error)) => return Err(error),
        Some(Ok(())) | None => Request::Reconcile { project },
    };
    let answered = request::send(context, &request).await?;
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
        if args.revision.as_deref().is_some_and(|revision| !wants(&published, args, revision)) {
            continue;
        }
        if let Some(outcome) = verdict(&mut selected, asked_at) {
            if outcome != Outcome::Done {
                explain(args, context)?;
            }
            return Ok(outcome);
        }
    }
    context.out.warn("not everything was Ready in time; `composelet describe` says why");
    explain(args, context)?;
    Ok(Outcome::TimedOut)
}

/// A commit by the beginning of its name.
fn commit(text: &str) -> Result<String, String> {
    let hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if (7..=64).contains(&text.len()) && hexadecimal {
        return Ok(text.to_lowercase());
    }
    Err(format!("`{text}` is no commit: 7 to 64 hexadecimal digits are expected"))
}

/// Whether the files of this commit are what is wanted of the project.
fn wants(published: &Published, args: &ReconcileArgs, revision: &str) -> bool {
    let mut projects = published.projects.iter();
    let project = projects.find(|project| Some(project.name.as_str()) == args.project.as_deref());
    let commit = project.and_then(|project| project.commit.as_ref());
    commit.is_some_and(|commit| commit.id.starts_with(revision))
}

/// For the log of whoever waited: the project as `describe` shows it, and sources that have trouble.
fn explain(args: &ReconcileArgs, context: &Context) -> Result<(), CliError> {
    let Some(project) = &args.project else { return Ok(()) };
    if let Ok(text) = describe::project(project, context) {
        context.out.result(&text)?;
    }
    for source in context.ledger()?.source_statuses() {
        if let Some(trouble) = source.trouble {
            context
                .out
                .warn(&format!("source {}: {}: {}", source.name, trouble.reason, trouble.message));
        }
    }
    Ok(())
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
