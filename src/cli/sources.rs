//! `sources`: the git repositories whose files are put into the watched directory, and what can be done about them.

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::output::{BAD, GOOD, WARN, append, styled};
use crate::cli::published::Published;
use crate::cli::table::{Cell, Table};
use crate::cli::{request, view};
use crate::ledger::Request;
use crate::model::commit::Commit;
use crate::model::git_source::SourceName;
use crate::model::sync::SourceStatus;
use crate::model::time::Timestamp;

/// Arguments of `sources`.
#[derive(Clone, Debug, Args)]
pub struct SourcesArgs {
    #[command(subcommand)]
    command: Option<SourcesCommand>,
    /// Form of the list
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: SourcesForm,
}

/// Forms of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum SourcesForm {
    /// Lines for people.
    #[default]
    Table,
    /// JSON.
    Json,
}

/// What about them.
#[derive(Clone, Debug, Subcommand)]
enum SourcesCommand {
    /// Look at a repository now; without a name, at all of them
    Sync {
        /// The source
        source: Option<String>,
    },
    /// Take a commit whose history does not go on from the one in place: after a force-push or a moved tag
    Accept {
        /// The source
        source: String,
        /// The whole name of the commit
        commit: String,
    },
}

/// Lists, or asks.
///
/// # Errors
/// The source is not known, or the state directory cannot be used.
pub(super) async fn run(args: &SourcesArgs, context: &Context) -> Result<Outcome, CliError> {
    match &args.command {
        None => list(args.output, context),
        Some(SourcesCommand::Sync { source }) => {
            let source = source.as_deref().map(name).transpose()?;
            request::send(context, &Request::Sync { source, accept: None }).await
        }
        Some(SourcesCommand::Accept { source, commit }) => {
            let commit = Commit::new(commit).ok_or_else(|| {
                CliError::usage(format!("`{commit}` is no whole name of a commit"))
                    .hint("`composelet sources` shows it")
            })?;
            request::send(
                context,
                &Request::Sync { source: Some(name(source)?), accept: Some(commit.id) },
            )
            .await
        }
    }
}

fn name(text: &str) -> Result<SourceName, CliError> {
    SourceName::new(text).map_err(CliError::usage)
}

fn list(form: SourcesForm, context: &Context) -> Result<Outcome, CliError> {
    let published = Published::read(context)?;
    if let Some(stale) = published.staleness() {
        context.out.warn(&stale);
    }
    let sources = context.ledger()?.source_statuses();
    match form {
        SourcesForm::Json => context.out.json(&sources)?,
        SourcesForm::Table if sources.is_empty() => {
            context.out.note("the settings name no git source");
        }
        SourcesForm::Table => context.out.result(&text(&sources, context.now()))?,
    }
    let trouble = sources.iter().any(|source| source.trouble.is_some());
    Ok(if trouble { Outcome::Difference } else { Outcome::Done })
}

fn text(sources: &[SourceStatus], now: Timestamp) -> String {
    let mut table =
        Table::new(&["NAME", "STATUS", "COMMIT", "SINCE", "CHECKED", "FOLLOWS", "SUBJECT"]);
    for source in sources {
        let commit = source.commit.as_ref();
        table.row(vec![
            source.name.as_str().into(),
            status(source),
            commit.map_or("-", Commit::short).into(),
            view::age(now, source.since).into(),
            view::age(now, source.checked_at).into(),
            source.follows.as_str().into(),
            commit.and_then(|commit| commit.subject.as_deref()).unwrap_or("-").into(),
        ]);
    }
    let mut text = table.render();
    for source in sources {
        if let Some(trouble) = &source.trouble {
            let head = styled(WARN, &format!("{}: {}", source.name, trouble.reason));
            let tries = if trouble.failures > 1 {
                format!(", {} tries", trouble.failures)
            } else {
                String::new()
            };
            let since = view::age(now, Some(trouble.since));
            append(&mut text, &format!("\n{head} (for {since}{tries})\n  {}\n", trouble.message));
        }
        for note in &source.notes {
            append(&mut text, &format!("\n{}: {note}\n", source.name));
        }
    }
    text
}

fn status(source: &SourceStatus) -> Cell {
    match (&source.trouble, &source.commit) {
        (Some(trouble), None) => Cell::styled(BAD, trouble.reason.to_string()),
        (Some(trouble), Some(_)) => Cell::styled(WARN, trouble.reason.to_string()),
        (None, Some(_)) => Cell::styled(GOOD, "Ready"),
        (None, None) => "Unknown".into(),
    }
}
