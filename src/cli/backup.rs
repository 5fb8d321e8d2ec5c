//! `backup`: makes, lists, checks, tries and removes backups of projects and services.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::backup::{CreateError, Trust, Wanted, read_back};
use crate::cli::backup_context::{self, Saved};
use crate::cli::backup_drill::{self, DrillArgs};
use crate::cli::by_hand;
use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::output::{BAD, DIM, GOOD, WARN, append};
use crate::cli::table::{Cell, Table};
use crate::cli::target::Target;
use crate::cli::view;
use crate::model::backup_set::{BackupSet, Origin, SetEnd};
use crate::model::time::Timestamp;

/// Arguments of `backup`.
#[derive(Clone, Debug, Args)]
pub struct BackupArgs {
    #[command(subcommand)]
    command: BackupCommand,
}

/// Forms of what is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum BackupForm {
    /// Lines for people.
    #[default]
    Text,
    /// JSON.
    Json,
}

/// What about them.
#[derive(Clone, Debug, Subcommand)]
enum BackupCommand {
    /// Make a backup now: exit 0 if every part of it is whole, 2 if not
    Create {
        /// What: PROJECT or PROJECT/SERVICE
        target: Target,
        /// Form of the answer
        #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
        output: BackupForm,
    },
    /// List backups, newest last
    List {
        /// Of what: PROJECT or PROJECT/SERVICE; without it, of all projects
        target: Option<Target>,
        /// Form of the list
        #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
        output: BackupForm,
    },
    /// Read a backup back: exit 0 if it is what was written and whole, 1 if not
    Verify {
        /// Its id
        id: String,
        /// Form of the answer
        #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
        output: BackupForm,
    },
    /// Restore a backup into throw-away containers: exit 0 if it is proven, 1 if not
    Drill(DrillArgs),
    /// Remove a backup
    Remove {
        /// Its id
        id: String,
        /// Also if it is the only good one of a service
        #[arg(long)]
        force: bool,
    },
}

/// Does what was asked.
///
/// # Errors
/// The project or backup is not known, the engine cannot be asked, or a part could not be saved whole.
pub(super) async fn run(args: &BackupArgs, context: &Context) -> Result<Outcome, CliError> {
    match &args.command {
        BackupCommand::Create { target, output } => create(target, *output, context).await,
        BackupCommand::List { target, output } => list(target.as_ref(), *output, context),
        BackupCommand::Verify { id, output } => verify(id, *output, context).await,
        BackupCommand::Drill(args) => Box::pin(backup_drill::run(args, context)).await,
        BackupCommand::Remove { id, force } => remove(id, *force, context).await,
    }
}

async fn create(target: &Target, form: BackupForm, context: &Context) -> Result<Outcome, CliError> {
    let engine = by_hand::engine(context).await?;
    let project = backup_context::project(context, &engine, target).await?;
    let backups = backup_context::backups(context, engine)?;
    let wanted = Wanted {
        project: &project,
        service: target.service.as_ref(),
        known: None,
        origin: Origin::Hand,
    };
    let set = backups.create(wanted).await.map_err(|error| {
        let hint = match &error {
            CreateError::Failed(_) => "nothing of it is kept; the backups before stand",
            CreateError::Busy => "try again when it has ended",
            CreateError::Nothing => "docs/backups.md lists what is known",
        };
        CliError::runtime(format!("{target}: {error}")).hint(hint)
    })?;
    match form {
        BackupForm::Json => context.out.json(&set)?,
        BackupForm::Text => context.out.result(&told(&set))?,
    }
    Ok(Outcome::Done)
}

/// One line for the set, one for each member.
fn told(set: &BackupSet) -> String {
    let mut text = format!("{}  {} in {} files\n", set.id, size(set.bytes()), set.members.len());
    for member in &set.members {
        let volume = member.volume.as_ref().map_or_else(String::new, |key| format!(" ({key})"));
        let line = format!(
            "  {}{volume}  {}  {} from {}\n",
            member.service,
            member.format,
            size(member.file_bytes),
            size(member.plain_bytes)
        );
        text.push_str(&line);
        for note in &member.notes {
            append(&mut text, &format!("    {note}\n"));
        }
    }
    text
}

fn list(target: Option<&Target>, form: BackupForm, context: &Context) -> Result<Outcome, CliError> {
    let saved = Saved::read(context)?;
    let fits = |set: &BackupSet| {
        target.is_none_or(|target| {
            let service = target.service.as_ref();
            set.project == target.project
                && service.is_none_or(|name| {
                    set.of(name).next().is_some() || set.service.as_ref() == Some(name)
                })
        })
    };
    let sets: Vec<BackupSet> = saved.sets.into_iter().filter(fits).collect();
    match form {
        BackupForm::Json => context.out.json(&sets)?,
        BackupForm::Text => context.out.result(&table(&sets, context.now()).render())?,
    }
    Ok(Outcome::Done)
}

fn table(sets: &[BackupSet], now: Timestamp) -> Table {
    let mut table =
        Table::new(&["ID", "OF", "STATE", "AGE", "SIZE", "FILES", "BY", "PROVEN", "WHY"]);
    for set in sets {
        let of = set.service.as_ref().map_or_else(
            || set.project.to_string(),
            |service| format!("{}/{service}", set.project),
        );
        let style = match set.end {
            SetEnd::Good => GOOD,
            SetEnd::Failed { .. } => WARN,
            SetEnd::Damaged { .. } => BAD,
        };
        let is_good = set.is_good();
        table.row(vec![
            set.id.as_str().into(),
            of.into(),
            Cell::styled(style, set.end.word()),
            view::age(now, Some(set.at)).into(),
            if is_good { size(set.bytes()).into() } else { Cell::from("") },
            if is_good { set.members.len().to_string().into() } else { Cell::from("") },
            Cell::styled(DIM, set.origin.to_string()),
            proven(set, now).into(),
            set.end.why().unwrap_or_default().into(),
        ]);
    }
    table
}

/// How long ago all of it was, or which services of it.
fn proven(set: &BackupSet, now: Timestamp) -> String {
    if let Some(at) = set.proven {
        return format!("{} ago", view::age(now, Some(at)));
    }
    let of = set.members.iter().filter(|member| member.proven.is_some());
    let mut names: Vec<&str> = of.map(|member| member.service.as_str()).collect();
    names.dedup();
    names.join(", ")
}

async fn verify(id: &str, form: BackupForm, context: &Context) -> Result<Outcome, CliError> {
    let saved = Saved::read(context)?;
    let mut set = saved.find(id)?.clone();
    if let SetEnd::Failed { why } = &set.end {
        return Err(CliError::runtime(format!("{id} holds nothing: {why}")));
    }
    let keys = backup_context::keys(context);
    let mut trust = Trust::Whole;
    let mut end = SetEnd::Good;
    for member in set.members.clone() {
        let (directory, keys) = (PathBuf::from(&set.directory), keys.clone());
        let reading = tokio::task::spawn_blocking(move || {
            read_back(&directory, &member, keys.as_deref(), None)
        });
        match reading.await.map_err(|error| CliError::runtime(error.to_string()))? {
            Ok(Trust::Sealed) => trust = Trust::Sealed,
            Ok(Trust::Whole) => {}
            Err(why) => {
                end = SetEnd::Damaged { why };
                break;
            }
        }
    }
    let good = end == SetEnd::Good;
    set.end = end;
    set.verified = good.then(|| context.now());
    saved.ledger.save_backup(&set)?;
    match form {
        BackupForm::Json => context.out.json(&set)?,
        BackupForm::Text => context.out.result(&verdict(&set, trust))?,
    }
    Ok(if good { Outcome::Done } else { Outcome::Difference })
}

fn verdict(set: &BackupSet, trust: Trust) -> String {
    match (set.end.why(), trust) {
        (Some(why), _) => format!("{} is damaged: {why}\n", set.id),
        (None, Trust::Whole) => format!("{} is whole\n", set.id),
        (None, Trust::Sealed) => format!(
            "{}: its files are those that were written; there is no key here to look inside \
             (secrets.age_keys of the settings)\n",
            set.id
        ),
    }
}

async fn remove(id: &str, force: bool, context: &Context) -> Result<Outcome, CliError> {
    let saved = Saved::read(context)?;
    let set = saved.find(id)?;
    let others = || saved.sets.iter().filter(|other| other.id != set.id && other.is_good());
    let only = set.members.iter().find(|member| {
        let mut same = others().filter(|other| other.project == set.project);
        !same.any(|other| other.of(&member.service).next().is_some())
    });
    if let (Some(member), true, false) = (only, set.is_good(), force) {
        let message = format!("{id} is the only good backup of {}/{}", set.project, member.service);
        return Err(CliError::runtime(message).hint("make another one, or say --force"));
    }
    let engine = by_hand::engine(context).await?;
    backup_context::backups(context, engine)?.remove(set).map_err(CliError::runtime)?;
    context.out.result(&format!("{id} is removed\n"))?;
    Ok(Outcome::Done)
}

/// A number of bytes for people, base 1024.
pub(super) fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut unit, mut scale) = (0, 1_u64);
    while bytes / scale >= 1024 && unit + 1 < units.len() {
        unit += 1;
        scale *= 1024;
    }
    let name = units.get(unit).copied().unwrap_or("B");
    let tenths = bytes.saturating_mul(10) / scale;
    if unit == 0 {
        format!("{bytes} {name}")
    } else {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_for_people() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (5 << 30, "5.0 GiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
