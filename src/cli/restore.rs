//! `restore`: puts a backup of a service in the place of what is there. What writes to it is stopped meanwhile, what is
//! replaced is kept as a backup of its own, and a service whose restore failed stays stopped.

use clap::Args;

use crate::backup::{Backups, PutBack};
use crate::cli::backup_context::{self, Saved};
use crate::cli::by_hand::{self, Deed};
use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::published::Published;
use crate::cli::target::Target;
use crate::cli::{request, view};
use crate::engine::{Engine, ObserveRequest};
use crate::ledger::Request;
use crate::model::backup_set::{BackupSet, Origin};
use crate::model::desired::DesiredProject;
use crate::model::id::{ContainerId, ServiceName};
use crate::model::observed::{Lifecycle, ObservedContainer};
use crate::model::outcome::Failure;
use crate::model::status::ConditionKind;

/// Arguments of `restore`.
#[derive(Clone, Debug, Args)]
pub struct RestoreArgs {
    /// What: PROJECT/SERVICE
    target: Target,
    /// Which backup; without it, the newest good one
    #[arg(long, value_name = "ID")]
    backup: Option<String>,
    /// Do not keep what is there now, e.g. because it cannot be read any more
    #[arg(long)]
    no_aside: bool,
}

/// What one restore is about.
struct Restore<'a> {
    context: &'a Context,
    backups: Backups,
    project: DesiredProject,
    service: &'a ServiceName,
    set: BackupSet,
}

/// Restores.
///
/// # Errors
/// There is no such backup, what is there cannot be kept aside, or a step failed; the text says what stands now.
pub(super) async fn run(args: &RestoreArgs, context: &Context) -> Result<Outcome, CliError> {
    let Some(service) = &args.target.service else {
        return Err(CliError::usage("name one service, as PROJECT/SERVICE"));
    };
    let saved = Saved::read(context)?;
    let set = chosen(&saved, args, service)?.clone();
    let engine = by_hand::engine(context).await?;
    let project = backup_context::project(context, &engine, &args.target).await?;
    let backups = backup_context::backups(context, engine)?;
    let this = Restore { context, backups, project, service, set };
    let aside = if args.no_aside { None } else { this.keep_aside().await? };
    let held = this.suspend().await?;
    let result = this.replace().await;
    let text = match &result {
        Ok(notes) => notes.clone(),
        Err(why) => why.clone(),
    };
    this.record(&text, result.is_ok())?;
    if let Err(why) = result {
        let back = aside.map_or_else(String::new, |id| {
            format!("`composelet restore {} --backup {id}` puts back what was there; ", args.target)
        });
        return Err(CliError::runtime(format!("{}: {why}", args.target)).hint(format!(
            "{back}what writes to it stays stopped and the project suspended until `composelet resume {}`",
            args.target.project
        )));
    }
    if held {
        this.resume().await?;
    }
    let kept = aside.map_or_else(String::new, |id| {
        format!("; what was there before is backup {id}, until `composelet backup remove {id}`")
    });
    let age = view::age(context.now(), Some(this.set.at));
    context.out.result(&format!(
        "{} is as it was {age} ago (backup {}){}{kept}\n",
        args.target,
        this.set.id,
        if text.is_empty() { text } else { format!(", {text}") }
    ))?;
    Ok(Outcome::Done)
}

/// The backup that was named, or the newest good one that was not made before a restore.
fn chosen<'a>(
    saved: &'a Saved,
    args: &RestoreArgs,
    service: &ServiceName,
) -> Result<&'a BackupSet, CliError> {
    let holds =
        |set: &&BackupSet| set.project == args.target.project && set.of(service).next().is_some();
    if let Some(id) = &args.backup {
        let set = saved.find(id)?;
        if !set.is_good() || !holds(&set) {
            let why = set.end.why().unwrap_or("it holds nothing of this service");
            return Err(CliError::runtime(format!("{id} cannot be restored: {why}")));
        }
        return Ok(set);
    }
    let mut sets = saved.sets.iter().filter(holds);
    sets.rfind(|set| set.is_good() && set.origin != Origin::BeforeRestore).ok_or_else(|| {
        CliError::not_found(format!("there is no good backup of {}", args.target))
            .hint("`composelet backup list` shows what there is")
    })
}

impl Restore<'_> {
    fn engine(&self) -> &Engine {
        &self.backups.engine
    }

    /// Saves what is there now; `None` if there is nothing.
    async fn keep_aside(&self) -> Result<Option<String>, CliError> {
        match self.backups.keep_aside(&self.project, self.service).await {
            Ok(set) => Ok(set.map(|set| set.id)),
            Err(error) => {
                Err(CliError::runtime(format!("what is there now cannot be kept: {error}"))
                    .hint("nothing was changed; --no-aside restores without keeping it"))
            }
        }
    }

    /// Keeps the controller from starting again what is stopped. `false`: there is none, or somebody did so before.
    async fn suspend(&self) -> Result<bool, CliError> {
        let published = Published::read(self.context)?;
        let suspended = published
            .project(self.project.name.as_str())
            .is_ok_and(|status| view::holds(&status.conditions, ConditionKind::Suspended));
        if suspended || !published.controller_runs() {
            return Ok(false);
        }
        let request = Request::Suspend {
            project: self.project.name.clone(),
            service: None,
            reason: format!("restore of {} from backup {}", self.service, self.set.id),
            until: None,
        };
        match request::send(self.context, &request).await? {
            Outcome::Done => Ok(true),
            _ => Err(CliError::runtime("the controller does not answer; nothing was changed")),
        }
    }

    async fn resume(&self) -> Result<(), CliError> {
        let request = Request::Resume { project: self.project.name.clone(), service: None };
        request::send(self.context, &request).await.map(drop)
    }

    /// Stops what writes, restores every member, and starts again what was stopped. Gives what the recipes said.
    async fn replace(&self) -> Result<String, String> {
        let name = |failure: Failure| failure.message;
        let request =
            ObserveRequest { project: Some(self.project.name.clone()), ..Default::default() };
        let observed = self.engine().observe(&request).await.map_err(name)?;
        let writers = self.project.dependants(self.service);
        let runs = |one: &&ObservedContainer| matches!(one.lifecycle, Lifecycle::Running { .. });
        let of = |one: &ObservedContainer| one.claim.service.clone();
        let running: Vec<&ObservedContainer> = observed.containers.iter().filter(runs).collect();
        let container = running.iter().find(|one| of(one).as_ref() == Some(self.service));
        let container = container.ok_or("no container of it runs; start it first")?.id.clone();
        let mut stopped: Vec<(usize, ContainerId)> = Vec::new();
        for one in running {
            let place =
                of(one).and_then(|service| writers.iter().position(|name| *name == service));
            if let Some(place) = place {
                self.engine().stop_container(&one.id, None).await.map_err(name)?;
                stopped.push((place, one.id.clone()));
            }
        }
        let (project, service, set) = (&self.project, self.service, &self.set);
        let what = PutBack { project, service, set, container: &container };
        let notes = self.backups.put_back(what).await?;
        stopped.sort();
        for (_, id) in stopped {
            self.engine().start_container(&id).await.map_err(name)?;
        }
        Ok(notes.join("; "))
    }

    fn record(&self, message: &str, done: bool) -> Result<(), CliError> {
        let deed = Deed {
            project: &self.project.name,
            action: "Restore",
            object: self.service.as_str(),
            what: &format!("from backup {}: {message}", self.set.id),
            outcome: if done { "succeeded" } else { "failed" },
        };
        by_hand::record(self.context, deed)
    }
}
