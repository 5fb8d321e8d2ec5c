//! `rollout`: how a new version of a project gets on, and what can be done about it, in the words of kubectl.

use std::time::Duration;

use clap::{Args, Subcommand};
use tokio::time::{Instant, interval};

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::output::{BOLD, append, styled};
use crate::cli::published::Published;
use crate::cli::table::Table;
use crate::cli::target::Target;
use crate::cli::{duration, request, view};
use crate::ledger::Request;
use crate::model::held::WaitingOn;
use crate::model::id::short_image_id;
use crate::model::revision::{ProjectRevision, Verdict};
use crate::model::rollout::RolloutWait;
use crate::model::status::{ConditionKind, ProjectStatus};
use crate::model::time::Timestamp;

/// How often the status is read while waiting.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Arguments of `rollout`.
#[derive(Clone, Debug, Args)]
pub struct RolloutArgs {
    #[command(subcommand)]
    command: RolloutCommand,
}

/// What about the rollout.
#[derive(Clone, Debug, Subcommand)]
enum RolloutCommand {
    /// List the revisions of a project: what held, what was rejected and why
    History {
        /// The project
        project: String,
    },
    /// Wait until the present version runs: exit 0, 1 stalled, 4 after the time, 5 rolled back
    Status {
        /// The project
        project: String,
        /// How long to wait
        #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "10m")]
        timeout: Duration,
    },
    /// Replace nothing more until `rollout resume`
    Pause {
        /// PROJECT or PROJECT/SERVICE
        target: Target,
    },
    /// Go on with a paused rollout
    Resume {
        /// PROJECT or PROJECT/SERVICE
        target: Target,
    },
    /// Replace every container by one like it, as in an update
    Restart {
        /// PROJECT or PROJECT/SERVICE
        target: Target,
    },
}

/// Does it.
///
/// # Errors
/// The target is not known, or the state directory cannot be used.
pub(super) async fn run(args: &RolloutArgs, context: &Context) -> Result<Outcome, CliError> {
    let request = match &args.command {
        RolloutCommand::History { project } => return history(project, context),
        RolloutCommand::Status { project, timeout } => {
            return status(project, *timeout, context).await;
        }
        RolloutCommand::Pause { target } => (target, true),
        RolloutCommand::Resume { target } => (target, false),
        RolloutCommand::Restart { target } => {
            request::check_target(context, target)?;
            let (project, service) = (target.project.clone(), target.service.clone());
            return request::send(context, &Request::Restart { project, service }).await;
        }
    };
    let (target, paused) = request;
    request::check_target(context, target)?;
    let (project, service) = (target.project.clone(), target.service.clone());
    request::send(context, &Request::PauseRollout { project, service, paused }).await
}

fn history(project: &str, context: &Context) -> Result<Outcome, CliError> {
    let published = Published::read(context)?;
    let project = published.project(project)?;
    context.out.result(&revisions(project, published.now))?;
    Ok(Outcome::Done)
}

/// The revisions, oldest first, as a table; under a rejected one its failure.
fn revisions(project: &ProjectStatus, now: Timestamp) -> String {
    let mut table = Table::new(&["REVISION", "STATE", "AGE", "IMAGES"]);
    for one in &project.revisions {
        let images = one
            .services
            .iter()
            .map(|(name, service)| format!("{name}={}", short_image_id(service.image_id.as_str())));
        table.row(vec![
            one.number.to_string().into(),
            state(project, one).into(),
            view::age(now, Some(one.since)).into(),
            images.collect::<Vec<_>>().join(" ").into(),
        ]);
    }
    let mut text = table.render();
    for one in &project.revisions {
        if let Verdict::Rejected(failure) = &one.verdict {
            let heading = format!("\nRevision {} was rejected at {}", one.number, failure.at);
            append(&mut text, &format!("{}\n", styled(BOLD, &heading)));
            append(&mut text, &format!("  {}: {}\n", failure.service, failure.cause));
            for line in &failure.log {
                append(&mut text, &format!("  | {line}\n"));
            }
        }
    }
    text
}

fn state(project: &ProjectStatus, one: &ProjectRevision) -> String {
    let word = match &one.verdict {
        Verdict::Open => "open",
        Verdict::Stable { .. } => "stable",
        Verdict::Rejected(_) => "rejected",
    };
    let runs = match &project.rollback {
        Some(rollback) => rollback.to == one.number,
        None => project.revisions.last().is_some_and(|last| last.number == one.number),
    };
    if runs { format!("{word}, runs") } else { word.to_owned() }
}

async fn status(name: &str, timeout: Duration, context: &Context) -> Result<Outcome, CliError> {
    let deadline = Instant::now() + timeout;
    let mut ticks = interval(LOOK_EVERY);
    let mut said = String::new();
    loop {
        ticks.tick().await;
        let published = Published::read(context)?;
        let project = published.project(name)?;
        if let Some(outcome) = verdict(project) {
            let text = line(project);
            context.out.result(&format!("{text}\n"))?;
            return Ok(outcome);
        }
        let text = line(project);
        if text != said {
            context.out.note(&text);
            said = text;
        }
        if Instant::now() >= deadline {
            context.out.warn("the rollout did not end in time; `composelet describe` says why");
            return Ok(Outcome::TimedOut);
        }
    }
}

fn line(project: &ProjectStatus) -> String {
    let mut conditions = project.conditions.iter();
    let ready = conditions.find(|one| one.kind == ConditionKind::Ready);
    let text = ready.map_or("nothing is known yet", |one| one.message.as_str());
    format!("{}: {text}", project.name)
}

/// How a rollout ended, once it has.
pub(super) fn verdict(project: &ProjectStatus) -> Option<Outcome> {
    let holds = |kind| view::holds(&project.conditions, kind);
    let held =
        |wanted: fn(&WaitingOn) -> bool| project.held.iter().any(|one| wanted(&one.waiting_on));
    let at_work = holds(ConditionKind::Progressing)
        || held(|waiting| matches!(waiting, WaitingOn::Operation { .. }));
    let all = project.services.iter().all(|service| service.ready >= service.replicas);
    if held(|waiting| matches!(waiting, WaitingOn::Rollout(RolloutWait::Rejected { .. }))) {
        return (all && !at_work).then_some(Outcome::RolledBack);
    }
    if held(|waiting| matches!(waiting, WaitingOn::Rollout(RolloutWait::Pinned { .. }))) {
        return (all && !at_work).then_some(Outcome::Done);
    }
    if holds(ConditionKind::Stalled) {
        return Some(Outcome::Difference);
    }
    holds(ConditionKind::Ready).then_some(Outcome::Done)
}
