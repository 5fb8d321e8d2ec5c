//! `rollout`: how a new version of a project gets on, and what can be done about it, in the words of kubectl.

use std::time::Duration;

use clap::{Args, Subcommand};
use tokio::time::{Instant, interval};

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::output::append;
use crate::cli::published::Published;
use crate::cli::target::Target;
use crate::cli::{duration, request, revisions, view};
use crate::ledger::Request;
use crate::model::held::WaitingOn;
use crate::model::ledger::BuildCache;
use crate::model::rollout::RolloutWait;
use crate::model::status::{ConditionKind, ProjectStatus};

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
        /// Only this one, in full: its images, and the evidence if it failed
        #[arg(long, value_name = "N")]
        revision: Option<u64>,
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
        /// Build the images again first; nothing stops before they stand
        #[arg(long)]
        rebuild: bool,
        /// Build without the cache, and pull base images
        #[arg(long, requires = "rebuild")]
        no_cache: bool,
    },
}

/// Does it.
///
/// # Errors
/// The target is not known, or the state directory cannot be used.
pub(super) async fn run(args: &RolloutArgs, context: &Context) -> Result<Outcome, CliError> {
    let request = match &args.command {
        RolloutCommand::History { project, revision } => {
            return history(project, *revision, context);
        }
        RolloutCommand::Status { project, timeout } => {
            return status(project, *timeout, context).await;
        }
        RolloutCommand::Pause { target } => (target, true),
        RolloutCommand::Resume { target } => (target, false),
        RolloutCommand::Restart { target, rebuild, no_cache } => {
            request::check_target(context, target)?;
            let (project, service) = (target.project.clone(), target.service.clone());
            let cache = if *no_cache { BuildCache::Unused } else { BuildCache::Used };
            let rebuild = rebuild.then_some(cache);
            return request::send(context, &Request::Restart { project, service, rebuild }).await;
        }
    };
    let (target, paused) = request;
    request::check_target(context, target)?;
    let (project, service) = (target.project.clone(), target.service.clone());
    request::send(context, &Request::PauseRollout { project, service, paused }).await
}

fn history(project: &str, revision: Option<u64>, context: &Context) -> Result<Outcome, CliError> {
    let published = Published::read(context)?;
    let project = published.project(project)?;
    let Some(number) = revision else {
        context.out.result(&revisions::all(project, published.now))?;
        return Ok(Outcome::Done);
    };
    let Some(one) = project.revisions.iter().find(|one| one.number == number) else {
        let known: Vec<String> =
            project.revisions.iter().map(|one| one.number.to_string()).collect();
        let kept = format!("kept are {}", known.join(", "));
        return Err(CliError::not_found(format!("revision {number} is not kept")).hint(kept));
    };
    context.out.result(&revisions::one(project, one, published.now))?;
    Ok(Outcome::Done)
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
    let mut text = format!("{}: {text}", project.name);
    for held in &project.held {
        // What the condition says already is not said twice.
        let said = held.waiting_on.to_string();
        if matches!(&held.waiting_on, WaitingOn::Rollout(wait) if wait.is_step())
            && !text.contains(&said)
        {
            append(&mut text, &format!("\n  {}: {said}", held.subject));
        }
    }
    text
}

/// How a rollout ended, once it has.
pub(super) fn verdict(project: &ProjectStatus) -> Option<Outcome> {
    let holds = |kind| view::holds(&project.conditions, kind);
    let held =
        |wanted: fn(&WaitingOn) -> bool| project.held.iter().any(|one| wanted(&one.waiting_on));
    // What is said of a version before it was built is about the one before it.
    let at_work = holds(ConditionKind::Progressing)
        || held(|waiting| {
            matches!(waiting, WaitingOn::Operation { .. } | WaitingOn::BuildContext(_))
        });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::held::{Held, Subject};
    use crate::model::id::ProjectName;
    use crate::model::time::Timestamp;

    fn project(waiting: Vec<WaitingOn>) -> ProjectStatus {
        let hold = |waiting_on| Held { subject: Subject::Project, waiting_on, until: None };
        ProjectStatus {
            name: ProjectName::from("shop"),
            source: String::new(),
            generation: 2,
            observed_generation: 2,
            observed_at: None,
            published_at: Timestamp::from_millis(0),
            conditions: Vec::new(),
            services: Vec::new(),
            others: Vec::new(),
            held: waiting.into_iter().map(hold).collect(),
            diagnostics: Vec::new(),
            commit: None,
            revisions: Vec::new(),
            rollback: None,
            not_kept: Vec::new(),
            drill: None,
            restore_drills: Vec::new(),
            depends_on: Vec::new(),
            recent: Vec::new(),
            mutating_calls: 0,
        }
    }

    #[test]
    fn a_version_that_is_not_built_yet_is_not_the_one_that_was_rejected() {
        let rejected = WaitingOn::Rollout(RolloutWait::Rejected {
            from: 2,
            to: 1,
            service: "web".into(),
            code: "UnhealthyTooLong".to_owned(),
            why: "unhealthy".to_owned(),
        });
        let ended = verdict(&project(vec![rejected.clone()]));
        assert_eq!(ended, Some(Outcome::RolledBack));
        let settling = WaitingOn::BuildContext("to be quiet for 5 s".to_owned());
        assert_eq!(verdict(&project(vec![rejected, settling])), None);
    }
}
