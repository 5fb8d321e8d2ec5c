//! `backup drill`: shows that a backup can be restored. What runs is not touched.

use std::time::Duration;

use clap::Args;

use crate::cli::backup::BackupForm;
use crate::cli::backup_context::{self, Saved};
use crate::cli::by_hand::{self, Deed};
use crate::cli::context::Context;
use crate::cli::duration;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::foresight::own_paths;
use crate::cli::output::append;
use crate::cli::target::Target;
use crate::controller::{DrillOf, RestoreDrills, Tried};
use crate::model::backup_set::{BackupSet, Origin};
use crate::source::ContentStore;

/// Arguments of `backup drill`.
#[derive(Clone, Debug, Args)]
pub(super) struct DrillArgs {
    /// Of what: PROJECT or PROJECT/SERVICE
    target: Target,
    /// Which backup; without it, the newest good one
    #[arg(long, value_name = "ID")]
    backup: Option<String>,
    /// Time for each service: the start of the container, the restore and the check
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "10m")]
    timeout: Duration,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: BackupForm,
}

/// Restores a backup into throw-away containers, one service after the other.
///
/// # Errors
/// There is no such backup, or it cannot be tried here; a backup that does not pass is an outcome.
pub(super) async fn run(args: &DrillArgs, context: &Context) -> Result<Outcome, CliError> {
    let saved = Saved::read(context)?;
    let set = chosen(&saved, args)?.clone();
    let engine = by_hand::engine(context).await?;
    let project = backup_context::project(context, &engine, &args.target).await?;
    let drills = RestoreDrills {
        paths: own_paths(context, &engine).await?,
        backups: backup_context::backups(context, engine)?,
        content: ContentStore::new(&context.settings.state_dir.join("content")),
        installation: context.settings.installation.clone(),
    };
    let of = DrillOf {
        project: &project,
        set: &set,
        service: args.target.service.as_ref(),
        timeout: args.timeout,
    };
    let tried = drills.run(of).await.map_err(CliError::runtime)?;
    for one in &tried {
        record(context, &set, one)?;
    }
    let proven = tried.iter().all(|one| one.result.is_ok());
    tell((args, context), &set.id, &tried, proven)?;
    Ok(if proven { Outcome::Done } else { Outcome::Difference })
}

/// The backup that was named, or the newest good one that holds the target and was not made before a restore.
fn chosen<'a>(saved: &'a Saved, args: &DrillArgs) -> Result<&'a BackupSet, CliError> {
    let target = &args.target;
    let holds = |set: &&BackupSet| {
        let of = target.service.as_ref();
        let fits = of.map_or(set.service.is_none(), |name| set.of(name).next().is_some());
        set.is_good() && set.project == target.project && fits
    };
    if let Some(id) = &args.backup {
        let set = saved.find(id)?;
        let why = set.end.why().unwrap_or("it holds nothing of it");
        let message = format!("{id} cannot be tried for {target}: {why}");
        return Some(set).filter(holds).ok_or_else(|| CliError::runtime(message));
    }
    let mut sets = saved.sets.iter().filter(holds);
    sets.rfind(|set| set.origin != Origin::BeforeRestore).ok_or_else(|| {
        CliError::not_found(format!("there is no good backup of {target}"))
            .hint("`composelet backup list` shows what there is")
    })
}

fn record(context: &Context, set: &BackupSet, tried: &Tried) -> Result<(), CliError> {
    let (outcome, what) = match &tried.result {
        Ok(notes) => ("succeeded", notes.join("; ")),
        Err(why) => ("failed", why.clone()),
    };
    let deed = Deed {
        project: &set.project,
        action: "BackupDrill",
        object: tried.service.as_str(),
        what: &format!("backup {}: {what}", set.id),
        outcome,
    };
    by_hand::record(context, deed)
}

fn tell(
    (args, context): (&DrillArgs, &Context),
    id: &str,
    tried: &[Tried],
    proven: bool,
) -> Result<(), CliError> {
    let out = &context.out;
    if args.output == BackupForm::Json {
        let rows = tried.iter().map(|one| {
            serde_json::json!({
                "service": one.service.as_str(),
                "proven": one.result.is_ok(),
                "why": one.result.as_ref().err(),
                "notes": one.result.as_ref().ok(),
            })
        });
        let rows: Vec<serde_json::Value> = rows.collect();
        return out.json(&serde_json::json!({"id": id, "proven": proven, "services": rows}));
    }
    let mut text = String::new();
    for one in tried {
        let end = match &one.result {
            Ok(notes) if notes.is_empty() => "restored".to_owned(),
            Ok(notes) => format!("restored; {}", notes.join("; ")),
            Err(why) => format!("not proven: {why}"),
        };
        append(&mut text, &format!("  {}  {end}\n", one.service));
    }
    let head = if proven { "is proven" } else { "is not proven" };
    out.result(&format!("{id} {head}\n{text}"))
}
