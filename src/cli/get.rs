//! `get`: lists from the published status.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Outcome};
use crate::cli::list::{self, Item};
use crate::cli::published::Published;
use crate::cli::table::Table;

/// How often `--watch` looks.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// Arguments of `get`.
#[derive(Clone, Debug, Args)]
pub struct GetArgs {
    /// What to list
    #[arg(value_enum)]
    kind: Kind,
    /// Only this one; a service may be written as PROJECT/SERVICE
    name: Option<String>,
    /// Only of this project
    #[arg(short, long, value_name = "PROJECT")]
    project: Option<String>,
    /// Form of the list
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Form,
    /// Go on, and print again what changes
    #[arg(short, long)]
    watch: bool,
}

/// Kinds of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// Projects.
    #[value(alias = "project")]
    Projects,
    /// Services.
    #[value(aliases = ["service", "svc"])]
    Services,
    /// Containers.
    #[value(alias = "container")]
    Containers,
}

/// Forms of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// Aligned columns.
    #[default]
    Table,
    /// More columns.
    Wide,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// `kind/name`, one per line.
    Name,
}

/// Lists, once or until it is interrupted.
///
/// # Errors
/// Nothing is published, or what was named is not known.
pub(super) async fn run(args: &GetArgs, context: &Context) -> Result<Outcome, CliError> {
    let published = Published::read(context)?;
    if let Some(stale) = published.staleness() {
        context.out.warn(&stale);
    }
    let items = select(args, &published)?;
    print(args, context, &items, Heading::Shown)?;
    if !args.watch {
        return Ok(Outcome::Done);
    }
    watch(args, context, seen(&items)).await
}

/// Prints what changed, until a signal ends the process.
async fn watch(
    args: &GetArgs,
    context: &Context,
    mut before: BTreeMap<String, String>,
) -> Result<Outcome, CliError> {
    let mut ticks = tokio::time::interval(WATCH_INTERVAL);
    loop {
        ticks.tick().await;
        let published = Published::read(context)?;
        let items = select(args, &published).unwrap_or_default();
        let now = seen(&items);
        let changed: Vec<Item> = items
            .into_iter()
            .filter(|item| now.get(&item.name) != before.get(&item.name))
            .collect();
        print(args, context, &changed, Heading::Omitted)?;
        before = now;
    }
}

/// What each item looked like, ages aside.
fn seen(items: &[Item]) -> BTreeMap<String, String> {
    items.iter().map(|item| (item.name.clone(), item.fingerprint())).collect()
}

/// The items that were asked for.
fn select(args: &GetArgs, published: &Published) -> Result<Vec<Item>, CliError> {
    if let Some(project) = &args.project {
        published.project(project)?;
    }
    let all = match args.kind {
        Kind::Projects => list::projects(published),
        Kind::Services => list::services(published),
        Kind::Containers => list::containers(published),
    };
    let of_project = |item: &Item| args.project.as_ref().is_none_or(|name| *name == item.project);
    let named = |item: &Item| args.name.as_ref().is_none_or(|name| item.is_called(name));
    let found: Vec<Item> = all.into_iter().filter(|item| of_project(item) && named(item)).collect();
    match &args.name {
        Some(name) if found.is_empty() => {
            Err(CliError::not_found(format!("there is no {} `{name}`", singular(args.kind))))
        }
        _ => Ok(found),
    }
}

fn singular(kind: Kind) -> &'static str {
    match kind {
        Kind::Projects => "project",
        Kind::Services => "service",
        Kind::Containers => "container",
    }
}

/// Whether a table begins with its header.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heading {
    Shown,
    Omitted,
}

fn print(
    args: &GetArgs,
    context: &Context,
    items: &[Item],
    heading: Heading,
) -> Result<(), CliError> {
    if items.is_empty() && heading == Heading::Omitted {
        return Ok(());
    }
    match args.output {
        Form::Table | Form::Wide if items.is_empty() => {
            context.out.note(&format!("no {}s", singular(args.kind)));
            Ok(())
        }
        Form::Table | Form::Wide => context.out.result(&table(args, items, heading)),
        Form::Json => context.out.json(&structured(args, items)),
        Form::Yaml => context.out.yaml(&structured(args, items)),
        Form::Name => {
            let lines = items.iter().map(|item| format!("{}/{}\n", singular(args.kind), item.name));
            context.out.result(&lines.collect::<String>())
        }
    }
}

/// One object if one was named, else a list of them.
fn structured(args: &GetArgs, items: &[Item]) -> Value {
    match (&args.name, items) {
        (Some(_), [item]) => item.value.clone(),
        _ => items.iter().map(|item| item.value.clone()).collect(),
    }
}

fn table(args: &GetArgs, items: &[Item], heading: Heading) -> String {
    let wide = args.output == Form::Wide;
    let columns = match args.kind {
        Kind::Projects => list::PROJECT_COLUMNS,
        Kind::Services => list::SERVICE_COLUMNS,
        Kind::Containers => list::CONTAINER_COLUMNS,
    };
    let shown = |column: &&list::Column| wide || !column.wide;
    let header: Vec<&str> = columns.iter().filter(shown).map(|column| column.title).collect();
    let mut table = Table::new(&header);
    for item in items {
        let cells = item.cells.iter().zip(columns);
        table
            .row(cells.filter(|(_, column)| shown(column)).map(|(cell, _)| cell.clone()).collect());
    }
    let text = table.render();
    match heading {
        Heading::Shown => text,
        Heading::Omitted => {
            text.split_once('\n').map_or_else(String::new, |(_, rows)| rows.to_owned())
        }
    }
}
