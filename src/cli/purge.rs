//! `purge`: the data of a project is destroyed, on a person's word.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;

use crate::cli::by_hand::{self, Deed};
use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::foresight::unreachable;
use crate::cli::manifests::{self, Reading};
use crate::cli::published::Published;
use crate::engine::{Engine, ObserveRequest};
use crate::manifest::{Dialect, HostChoices};
use crate::model::backup_set::BackupSet;
use crate::model::held::{Subject, WaitingOn};
use crate::model::id::ProjectName;
use crate::model::observed::{ObservedContainer, ObservedState};
use crate::model::status::ProjectStatus;
use crate::model::time::Timestamp;

/// Age of the backup that a purge asks for.
const FRESH: Duration = Duration::from_hours(1);

/// Arguments of `purge`.
#[derive(Clone, Debug, Args)]
pub struct PurgeArgs {
    /// Whose data
    project: String,
    /// Destroy the named volumes of the project; there is nothing else to purge
    #[arg(long, required = true)]
    volumes: bool,
    /// Although no fresh backup is known
    #[arg(long)]
    no_backup: bool,
    /// Instead of typing the name of the project when asked
    #[arg(long, value_name = "PROJECT")]
    yes: Option<String>,
}

/// Volumes, and what is done with them.
#[derive(Debug, Default)]
struct Sorted {
    /// Destroyed.
    going: BTreeSet<String>,
    /// Kept, with the reason.
    kept: Vec<(String, String)>,
}

/// Destroys the volumes of a project that is stopped or gone.
///
/// # Errors
/// The project runs, is not known, has no fresh backup, was not confirmed, or the engine fails; what was destroyed until then is
/// in the history.
pub(super) async fn run(args: &PurgeArgs, context: &Context) -> Result<Outcome, CliError> {
    let project = ProjectName::from(args.project.as_str());
    let published = Published::read(context)?;
    let status = published.project(&args.project).ok();
    let engine = by_hand::engine(context).await?;
    let request = ObserveRequest { project: Some(project.clone()), ..ObserveRequest::default() };
    let seen = engine.observe(&request).await;
    let seen = seen.map_err(|failure| unreachable(context, &failure))?;
    rests(context, &project, status, &seen)?;
    let sorted = sort(&project, &seen, context)?;
    for (name, why) in &sorted.kept {
        context.out.note(&format!("kept: volume {name}: {why}"));
    }
    if sorted.going.is_empty() {
        context.out.note("nothing to destroy");
        return Ok(Outcome::Done);
    }
    let backups = context.ledger()?.backups(&project);
    if !args.no_backup && !backups.iter().any(|set| is_fresh(set, context.now())) {
        return Err(CliError::runtime(format!("no fresh verified backup of {project} is known"))
            .hint("make one first, or say --no-backup"));
    }
    confirm(args, &sorted.going, context)?;
    destroy(context, &engine, (&project, &seen), &sorted.going).await
}

/// Whether a backup makes a purge bearable: one of the whole project, read back, and not older than [`FRESH`].
fn is_fresh(set: &BackupSet, now: Timestamp) -> bool {
    let whole = set.service.is_none() && set.is_good() && set.verified.is_some();
    whole && now.since(set.at) <= FRESH
}

/// Refuses a project that runs, or would begin to.
fn rests(
    context: &Context,
    project: &ProjectName,
    status: Option<&ProjectStatus>,
    seen: &ObservedState,
) -> Result<(), CliError> {
    let how = format!(
        "stop it (`composelet stop {project} --reason …`), or take its files out of {}",
        context.settings.desired_state.display()
    );
    if status.is_none() && context.ledger()?.history(project, 1).is_empty() {
        return Err(CliError::not_found(format!(
            "this controller has never kept a project `{project}`"
        )));
    }
    // What Compose made and a project that is wanted adopts is the project's.
    let stranger = seen.containers.iter().find(|one| match &one.claim.installation {
        Some(owner) => *owner != context.settings.installation,
        None => status.is_none(),
    });
    if let Some(one) = stranger {
        return Err(CliError::runtime(format!("{} is not of this controller", one.name)));
    }
    if let Some(one) = seen.containers.iter().find(|one| one.lifecycle.is_alive()) {
        return Err(CliError::runtime(format!("{} runs", one.name)).hint(how));
    }
    let stopped = |status: &ProjectStatus| {
        let mut held = status.held.iter();
        held.any(|held| {
            held.subject == Subject::Project && matches!(held.waiting_on, WaitingOn::Stopped(_))
        })
    };
    match status {
        Some(status) if !stopped(status) => {
            Err(CliError::runtime(format!("{project} is wanted, and would be started again"))
                .hint(how))
        }
        Some(_) | None => Ok(()),
    }
}

/// Only what carries the project's label, is not external, and is named by no other project.
fn sort(
    project: &ProjectName,
    seen: &ObservedState,
    context: &Context,
) -> Result<Sorted, CliError> {
    let reading = Reading {
        environment: context.settings.with_env(&[], &context.around)?,
        choices: HostChoices::clone(&context.settings.choices),
        dialect: Dialect::Controller,
        decryption: manifests::decryption(context),
    };
    let mut sorted = Sorted::default();
    let mut shared: Vec<(String, String)> = Vec::new();
    for entry in manifests::entries_of_root(&context.settings.desired_state)? {
        let Some(other) = reading.load(&entry)?.project else {
            let path = entry.path().display().to_string();
            return Err(CliError::runtime(format!("{path} does not load: it may share a volume"))
                .hint("mend it first; `composelet validate` says what is wrong"));
        };
        let volumes = other.volumes.values();
        if other.name == *project {
            let external = volumes.filter(|volume| volume.external);
            shared.extend(external.map(|one| (one.name.clone(), "it is external".to_owned())));
        } else {
            let why = format!("project {} names it too", other.name);
            shared.extend(volumes.map(|one| (one.name.clone(), why.clone())));
        }
    }
    let own = seen.volumes.values().filter(|one| one.project.as_ref() == Some(project));
    for volume in own {
        match shared.iter().find(|(name, _)| *name == volume.name) {
            Some((name, why)) => sorted.kept.push((name.clone(), why.clone())),
            None => drop(sorted.going.insert(volume.name.clone())),
        }
    }
    Ok(sorted)
}

/// The name of the project, typed.
fn confirm(args: &PurgeArgs, going: &BTreeSet<String>, context: &Context) -> Result<(), CliError> {
    let typed = match &args.yes {
        Some(name) => name.clone(),
        None if std::io::stdin().is_terminal() => {
            for name in going {
                context.out.note(&format!("destroys volume {name}"));
            }
            context.out.note(&format!("type the name of the project ({}) to go on:", args.project));
            std::io::stdin().lines().next().transpose()?.unwrap_or_default()
        }
        None => {
            return Err(CliError::usage("nobody can confirm it here")
                .hint(format!("say --yes {}", args.project)));
        }
    };
    if typed.trim() == args.project {
        return Ok(());
    }
    Err(CliError::usage(format!("`{}` is not the name of the project", typed.trim())))
}

/// Containers first, by id: an engine keeps a volume as long as any container has it.
async fn destroy(
    context: &Context,
    engine: &Engine,
    (project, seen): (&ProjectName, &ObservedState),
    going: &BTreeSet<String>,
) -> Result<Outcome, CliError> {
    let tell = |action: &str, object: &str, outcome: &str| {
        let what = "purge --volumes";
        by_hand::record(context, Deed { project, action, object, what, outcome })
    };
    // Written down before anything goes: who may not write the history destroys nothing.
    tell("Purge", project.as_str(), "begun")?;
    let mut failed = Vec::new();
    let rest = |one: &&ObservedContainer| !one.lifecycle.is_alive();
    for one in seen.containers.iter().filter(rest) {
        if let Err(failure) = engine.remove_container(&one.id).await {
            failed.push(format!("{}: {}", one.name, failure.message));
        }
    }
    for name in going {
        match engine.remove_volume(name).await {
            Ok(()) => {
                tell("RemoveVolume", name, "succeeded")?;
                context.out.result(&format!("destroyed: volume {name}\n"))?;
            }
            Err(failure) => {
                tell("RemoveVolume", name, &format!("failed: {}", failure.message))?;
                failed.push(format!("volume {name}: {}", failure.message));
            }
        }
    }
    if failed.is_empty() {
        return Ok(Outcome::Done);
    }
    Err(CliError::runtime(format!("not everything went: {}", failed.join("; ")))
        .hint("a volume that a container has is kept; the history says what went"))
}
