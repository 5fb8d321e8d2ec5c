//! `history`: what was done to a project, and why, from its journal.

use clap::{Args, ValueEnum};

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::output::{BOLD, DIM, append, styled};
use crate::cli::published::Published;
use crate::cli::view;
use crate::ledger::HistoryRecord;
use crate::model::id::ProjectName;
use crate::model::time::Timestamp;

/// Arguments of `history`.
#[derive(Clone, Debug, Args)]
pub struct HistoryArgs {
    /// The project
    project: String,
    /// How many passes, newest last
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20)]
    last: usize,
    /// Form of the list
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: HistoryForm,
}

/// Forms of the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum HistoryForm {
    /// Lines for people.
    #[default]
    Text,
    /// JSON, with the plans.
    Json,
}

/// Prints the journal.
///
/// # Errors
/// The project is not known and has no journal, or the state directory cannot be used.
pub(super) fn run(args: &HistoryArgs, context: &Context) -> Result<Outcome, CliError> {
    let name = ProjectName::from(args.project.as_str());
    let records = context.ledger()?.history(&name, args.last);
    if records.is_empty() {
        Published::read(context)?.project(&args.project)?;
        context.out.note("nothing was done yet");
    }
    match args.output {
        HistoryForm::Json => context.out.json(&records)?,
        HistoryForm::Text => context.out.result(&text(&records, context.now()))?,
    }
    Ok(Outcome::Done)
}

fn text(records: &[HistoryRecord], now: Timestamp) -> String {
    let mut text = String::new();
    for record in records {
        let heading = format!("{}  generation {}", record.at, record.generation);
        let age = format!("({} ago)", view::age(now, Some(record.at)));
        append(&mut text, &format!("{} {}\n", styled(BOLD, &heading), styled(DIM, &age)));
        for action in &record.actions {
            append(&mut text, &format!("  {}\n", view::action(action)));
        }
    }
    text
}
