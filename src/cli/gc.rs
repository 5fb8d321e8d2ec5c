//! `gc`: removes images that have no use any more, or shows which they are.

use clap::Args;
use serde::Serialize;

use crate::cli::backup::size;
use crate::cli::by_hand::{self, Deed};
use crate::cli::context::Context;
use crate::cli::diagnose::Form;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::foresight;
use crate::cli::manifests::{self, Reading};
use crate::cli::output::DIM;
use crate::cli::table::{Cell, Table};
use crate::cli::view;
use crate::controller::desired::compose::ComposeLoader;
use crate::controller::desired::last_good;
use crate::controller::{Blocking, Collector, Looked};
use crate::engine::Engine;
use crate::garbage::{Fate, Judged, Wanted};
use crate::ledger::LastGood;
use crate::manifest::{Dialect, HostChoices, Loaded};
use crate::model::garbage::StoredImage;
use crate::model::id::short_image_id;
use crate::model::outcome::FailureClass;
use crate::model::time::Timestamp;

/// Arguments of `gc`.
#[derive(Clone, Debug, Args)]
pub struct GcArgs {
    /// Show what would go, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Show what stays, too, and why
    #[arg(long)]
    all: bool,
    /// Form
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Form,
}

/// One image for programs.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    name: String,
    bytes: u64,
    fetched: Option<Timestamp>,
    /// `Goes`, `Removed`, `Stays` or `Failed`.
    fate: &'static str,
    reason: String,
}

/// The JSON form.
#[derive(Debug, Serialize)]
struct Report {
    images: Vec<Row>,
}

/// Removes what may go, or shows it.
///
/// # Errors
/// The engine cannot be asked, what is wanted is not known, or an image could not be removed for another reason than that it
/// is used.
pub(super) async fn run(args: &GcArgs, context: &Context) -> Result<Outcome, CliError> {
    let engine = by_hand::engine(context).await?;
    let wanted = wanted(context, &engine).await?;
    let collector = Collector { engine, ledger: context.ledger()?, blocking: Blocking::default() };
    let looked = collector
        .look(wanted)
        .await
        .map_err(|failure| CliError::runtime(format!("nothing is removed: {}", failure.message)))?;
    let min_age = context.settings.garbage.images().min_age;
    let mut rows = Vec::new();
    for judged in looked.judge(min_age, context.now()) {
        let (fate, reason) = match &judged.fate {
            Fate::Stays(why) => ("Stays", why.to_string()),
            Fate::Goes(why) if args.dry_run => ("Goes", why.to_string()),
            Fate::Goes(why) => {
                match remove(&collector, (&looked, &judged), &why.to_string(), context).await? {
                    None => ("Removed", why.to_string()),
                    Some((fate, error)) => (fate, error),
                }
            }
        };
        rows.push(row(&looked, judged.image, (fate, reason)));
    }
    let failed = rows.iter().any(|row| row.fate == "Failed");
    match args.output {
        Form::Json => context.out.json(&Report { images: rows })?,
        Form::Text => context.out.result(&text(&rows, args.all, context.now()))?,
    }
    if failed {
        return Err(CliError::runtime("not every image could be removed"));
    }
    Ok(Outcome::Done)
}

/// Removes an image; what became of it if it did not go. It stands in the history of the project that it was fetched for.
async fn remove(
    collector: &Collector,
    (looked, judged): (&Looked, &Judged<'_>),
    why: &str,
    context: &Context,
) -> Result<Option<(&'static str, String)>, CliError> {
    let image = judged.image;
    let (end, outcome) = match collector.remove(image).await {
        Ok(()) => (None, "succeeded".to_owned()),
        Err(failure) if failure.class == FailureClass::Conflict => {
            return Ok(Some(("Stays", failure.message)));
        }
        Err(failure) => {
            let text = format!("failed: {}", failure.message);
            (Some(("Failed", failure.message)), text)
        }
    };
    if let Some(known) = looked.fetched(image) {
        let what = format!("gc: {why}");
        let deed = Deed {
            project: &known.project,
            action: "RemoveImage",
            object: image.name(),
            what: &what,
            outcome: &outcome,
        };
        by_hand::record(context, deed)?;
    }
    Ok(end)
}

/// What the files of all projects name. Of a project that does not load its last good version counts.
async fn wanted(context: &Context, engine: &Engine) -> Result<Wanted, CliError> {
    let paths = foresight::own_paths(context, engine).await?;
    let environment = context.settings.with_env(&[], &context.around)?;
    let choices = HostChoices { paths, ..context.settings.choices.clone() };
    let decryption = manifests::decryption(context);
    let reading = Reading {
        environment: environment.clone(),
        choices: choices.clone(),
        dialect: Dialect::Controller,
        decryption: decryption.clone(),
    };
    let loader = ComposeLoader { environment, choices, decryption };
    let mut wanted = Wanted::default();
    for entry in manifests::entries_of_root(&context.settings.desired_state)? {
        let entry_read = reading.load(&entry)?;
        if let Some(project) = &entry_read.project {
            wanted.project(project);
            continue;
        }
        let saved = saved(context, &entry_read)?;
        let Some(project) = saved.and_then(|saved| last_good::from_saved(&loader, &saved)) else {
            let path = entry.path().display().to_string();
            return Err(CliError::runtime(format!(
                "{path} does not load: which images it wants is not known"
            ))
            .hint("mend it first; `composelet validate` says what is wrong"));
        };
        wanted.project(&project);
    }
    Ok(wanted)
}

fn saved(context: &Context, loaded: &Loaded) -> Result<Option<LastGood>, CliError> {
    let Some(name) = &loaded.name else { return Ok(None) };
    Ok(context.ledger()?.load_last_good(name))
}

fn row(looked: &Looked, image: &StoredImage, (fate, reason): (&'static str, String)) -> Row {
    Row {
        id: image.id.to_string(),
        name: image.name().to_owned(),
        bytes: image.size,
        fetched: looked.fetched(image).map(|known| known.at),
        fate,
        reason,
    }
}

fn text(rows: &[Row], all: bool, now: Timestamp) -> String {
    let mut table = Table::new(&["IMAGE", "ID", "SIZE", "FETCHED", "FATE", "WHY"]);
    let shown = |row: &&Row| all || row.fate != "Stays";
    for row in rows.iter().filter(shown) {
        table.row(vec![
            row.name.as_str().into(),
            short_image_id(&row.id).into(),
            size(row.bytes).into(),
            view::age(now, row.fetched).into(),
            if row.fate == "Stays" { Cell::styled(DIM, row.fate) } else { row.fate.into() },
            row.reason.as_str().into(),
        ]);
    }
    let going = || rows.iter().filter(|row| matches!(row.fate, "Goes" | "Removed"));
    let bytes = going().map(|row| row.bytes).sum();
    let head = if rows.iter().any(|row| shown(&row)) { table.render() } else { String::new() };
    let staying = rows.iter().filter(|row| row.fate == "Stays").count();
    format!(
        "{head}{} of {} images, at most {}; {staying} stay\n",
        going().count(),
        rows.len(),
        size(bytes)
    )
}
